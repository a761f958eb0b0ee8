//! A request's body as it arrives: at a least rate, and with an end that the client gets to know.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, Version, header},
};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::{
    runtime::Handle,
    time::{Instant, Sleep, sleep_until},
};

use crate::settings::Pace;

/// What a client may still send of a body that nobody wants, and how long, before the connection is closed.
const REST: u64 = 8 << 20;
const REST_TIME: Duration = Duration::from_secs(2);

/// The client sends its body too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the client sends its body too slowly")]
pub(crate) struct TooSlow;

/// Has the body arrived whole? Stands in the extensions of requests that have one.
#[derive(Clone, Default)]
pub(crate) struct Arrival(Arc<AtomicBool>);

impl Arrival {
    pub(crate) fn is_complete(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct Intake {
    body: Option<Incoming>,
    arrival: Arrival,
    pace: Pace,
    received: u64,
    /// How long the server has waited for the client so far. The time that it takes itself doesn't count.
    waited: Duration,
    waiting_since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
    /// Is the rest read when nobody wants it?
    reads_rest: bool,
}

/// The body of a request with that head, and whether it has arrived. None if there is none.
pub(crate) fn take_in(
    body: Incoming,
    headers: &HeaderMap,
    version: Version,
    pace: Pace,
) -> Option<(Body, Arrival)> {
    if body.is_end_stream() {
        return None;
    }
    let arrival = Arrival::default();
    // HTTP/2 ends a stream without ending the connection. Who waits for `100 Continue` has sent nothing yet.
    let reads_rest = version < Version::HTTP_2 && !headers.contains_key(header::EXPECT);
    let intake = Intake {
        body: Some(body),
        arrival: arrival.clone(),
        pace,
        received: 0,
        waited: Duration::ZERO,
        waiting_since: None,
        alarm: None,
        reads_rest,
    };
    Some((Body::new(intake), arrival))
}

impl Intake {
    /// Has the client made the server wait too long?
    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let deadline = since + self.pace.allows(self.received).saturating_sub(self.waited);
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm.as_mut().poll(context).is_ready()
    }
}

impl HttpBody for Intake {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let next = Pin::new(body).poll_frame(context);
        if next.is_pending() {
            if this.is_late(context) {
                this.reads_rest = false;
                return Poll::Ready(Some(Err(axum::Error::new(TooSlow))));
            }
            return Poll::Pending;
        }
        if let Some(since) = this.waiting_since.take() {
            this.waited += since.elapsed();
        }
        match &next {
            Poll::Ready(Some(Ok(frame))) => {
                this.received += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            Poll::Ready(None) => this.arrival.0.store(true, Ordering::Relaxed),
            _ => this.reads_rest = false,
        }
        next.map_err(axum::Error::new)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

/// Reads on for a while if nobody wanted the whole body. Closing a connection on which bytes are still coming in
/// resets it, and a client that is busy sending would lose the answer, such as why its body was refused.
impl Drop for Intake {
    fn drop(&mut self) {
        let (Some(body), Ok(runtime)) = (self.body.take(), Handle::try_current()) else {
            return;
        };
        if self.reads_rest && !body.is_end_stream() {
            runtime.spawn(tokio::time::timeout(REST_TIME, read_rest(body)));
        }
    }
}

async fn read_rest(mut body: Incoming) {
    let mut rest = REST;
    while let Some(Ok(frame)) = body.frame().await {
        rest = rest.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
        if rest == 0 {
            return;
        }
    }
}
