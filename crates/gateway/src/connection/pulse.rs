//! What the parts of one connection know of each other: the bytes below, the requests above.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use http::Response;
use http_body::{Body as HttpBody, Frame, SizeHint};

/// How busy a connection is.
pub(super) struct Pulse {
    /// Requests that have come so far.
    requests: AtomicU32,
    /// Requests that are not answered to their end yet.
    serving: AtomicU32,
    /// Has the connection become something else, such as a WebSocket, with time limits of its own?
    handed_over: AtomicBool,
    /// Answers of which the next bytes are ready and not asked for.
    untaken: AtomicU32,
    began: Instant,
    /// When an answer's bytes were last asked for or a request last ended, in milliseconds since the beginning.
    moved: AtomicU64,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self {
            requests: AtomicU32::new(0),
            serving: AtomicU32::new(0),
            handed_over: AtomicBool::new(false),
            untaken: AtomicU32::new(0),
            began: Instant::now(),
            moved: AtomicU64::new(0),
        }
    }

    /// How many requests have come so far.
    pub(super) fn requests(&self) -> u32 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Is a request being answered, or has the connection become something else?
    pub(super) fn is_busy(&self) -> bool {
        self.serving.load(Ordering::Relaxed) > 0 || self.handed_over.load(Ordering::Relaxed)
    }

    /// From here on others watch over the connection.
    pub(super) fn hand_over(&self) {
        self.handed_over.store(true, Ordering::Relaxed);
    }

    /// A request begins. It ends when what is returned is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Serving {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.serving.fetch_add(1, Ordering::Relaxed);
        Serving(Arc::clone(self))
    }

    /// Has nobody taken bytes that are ready, on any stream, for so long?
    pub(super) fn is_stuck(&self, limit: Duration) -> bool {
        self.untaken.load(Ordering::Relaxed) > 0 && self.rested() > limit
    }

    /// Has there been no request for so long?
    pub(super) fn is_idle(&self, limit: Duration) -> bool {
        !self.is_busy() && self.rested() > limit
    }

    fn rested(&self) -> Duration {
        self.began.elapsed().saturating_sub(Duration::from_millis(self.moved.load(Ordering::Relaxed)))
    }

    fn moves(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved.store(since, Ordering::Relaxed);
    }
}

/// A request that is being answered.
pub(super) struct Serving(Arc<Pulse>);

impl Serving {
    /// Lasts as long as the answer's body does.
    pub(super) fn until_sent(self, response: Response<Body>) -> Response<Body> {
        self.0.moves();
        self.0.untaken.fetch_add(1, Ordering::Relaxed);
        response.map(|body| Body::new(Delivery { body, is_ready: true, serving: self }))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.moves();
        self.0.serving.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's body on its way, which notes whether it waits for the client or the client for it.
struct Delivery {
    body: Body,
    /// Are there bytes to be asked for?
    is_ready: bool,
    serving: Serving,
}

impl Delivery {
    fn set_ready(&mut self, ready: bool) {
        let untaken = &self.serving.0.untaken;
        match (self.is_ready, ready) {
            (false, true) => untaken.fetch_add(1, Ordering::Relaxed),
            (true, false) => untaken.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
        self.is_ready = ready;
    }
}

impl HttpBody for Delivery {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.serving.0.moves();
        let next = Pin::new(&mut self.body).poll_frame(context);
        self.set_ready(matches!(next, Poll::Ready(Some(Ok(_)))));
        next
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        self.set_ready(false);
    }
}
