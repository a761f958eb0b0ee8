//! A stream of bytes that does not wait for ever: for a request's head, between requests, for a client that does not
//! take its answer.
//!
//! The limits stand here, below the protocol, because the library has them only for heads of HTTP/1: a client that
//! connects and says nothing, or half a preface of HTTP/2, would hold its connection for good.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::{places::Place, pulse::Pulse};
use crate::settings::{Pace, Settings};

/// What a client of HTTP/2 sends first (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How long the stream waits.
#[derive(Clone, Copy)]
pub(super) struct Patience {
    /// For the first request, and for the rest of a head that has begun.
    pub(super) head: Duration,
    /// Between two requests.
    pub(super) idle: Duration,
    /// For a client that takes its answer.
    pub(super) pace: Pace,
}

impl Patience {
    pub(super) fn of(settings: &Settings) -> Self {
        Self { head: settings.header_timeout(), idle: settings.keep_alive(), pace: settings.pace() }
    }
}

/// The protocol that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// A connection's bytes, with limits on how long they may take. Holds the connection's place until it is dropped.
pub(super) struct Patient<S> {
    stream: S,
    /// What was read to find out the protocol, and how much of it has been handed on.
    first: Vec<u8>,
    handed_on: usize,
    protocol: Protocol,
    patience: Patience,
    pulse: Arc<Pulse>,
    accepted: Instant,
    /// The number of requests when the present wait began.
    requests: u32,
    /// Since when the connection waits for a request.
    idle_since: Option<Instant>,
    /// Has a head begun, and since when is the rest waited for?
    head_began: bool,
    head_since: Option<Instant>,
    reading: Alarm,
    /// Since when the client takes nothing or too little, and how much it took since.
    blocked: Option<(Instant, u64)>,
    writing: Alarm,
    _place: Place,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Patient<S> {
    /// Takes a stream whose protocol was agreed upon already.
    pub(super) fn new(
        stream: S,
        protocol: Protocol,
        patience: Patience,
        pulse: Arc<Pulse>,
        place: Place,
    ) -> Self {
        Self {
            stream,
            first: Vec::new(),
            handed_on: 0,
            protocol,
            patience,
            pulse,
            accepted: Instant::now(),
            requests: 0,
            idle_since: None,
            head_began: false,
            head_since: None,
            reading: Alarm::default(),
            blocked: None,
            writing: Alarm::default(),
            _place: place,
        }
    }

    /// Takes a stream and finds out whether it begins with the preface of HTTP/2.
    pub(super) async fn recognize(
        mut stream: S,
        patience: Patience,
        pulse: Arc<Pulse>,
        place: Place,
    ) -> io::Result<Self> {
        let mut first = Vec::with_capacity(PREFACE.len());
        let look = async {
            let mut chunk = [0; PREFACE.len()];
            while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
                let count = stream.read(&mut chunk[first.len()..]).await?;
                if count == 0 {
                    return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
                }
                let begin = first.len();
                first.extend_from_slice(&chunk[begin..begin + count]);
            }
            Ok(())
        };
        tokio::time::timeout(patience.head, look)
            .await
            .map_err(|_| too_slow("say which protocol it is"))??;
        let protocol = if first == PREFACE { Protocol::Http2 } else { Protocol::Http1 };
        Ok(Self { first, head_began: true, ..Self::new(stream, protocol, patience, pulse, place) })
    }

    pub(super) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Until when the present wait for bytes may last. None while a request is served: then others watch.
    fn read_deadline(&mut self) -> Option<Instant> {
        if self.pulse.is_busy() {
            return None;
        }
        let requests = self.pulse.requests();
        if requests != self.requests {
            self.requests = requests;
            self.head_began = false;
            self.head_since = None;
            self.idle_since = None;
        }
        if requests == 0 {
            return Some(self.accepted + self.patience.head);
        }
        // Pings tell whether a peer of HTTP/2 is alive, and the connection's own task ends an idle one politely.
        if self.protocol == Protocol::Http2 {
            return None;
        }
        let now = Instant::now();
        Some(if self.head_began {
            *self.head_since.get_or_insert(now) + self.patience.head
        } else {
            *self.idle_since.get_or_insert(now) + self.patience.idle
        })
    }

    /// Notes how a write went and fails if the client has been too slow.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        result: Poll<io::Result<T>>,
        taken: impl FnOnce(&T) -> Taken,
    ) -> Poll<io::Result<T>> {
        match &result {
            Poll::Ready(Ok(value)) => {
                let taken = taken(value);
                if !matches!(taken, Taken::Some(0)) {
                    self.idle_since = None;
                }
                if let Some((since, before)) = self.blocked {
                    self.blocked = match taken {
                        Taken::All => None,
                        Taken::Some(bytes) => Some((since, before + bytes)),
                    };
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let (since, bytes) = *self.blocked.get_or_insert_with(|| (Instant::now(), 0));
                if self.writing.rings(since + self.patience.pace.allows(bytes), context) {
                    return Poll::Ready(Err(too_slow("take its answer")));
                }
            }
        }
        result
    }
}

/// How much of what was offered the other side took.
enum Taken {
    All,
    Some(u64),
}

impl Taken {
    fn of(count: usize, offered: usize) -> Self {
        if count == offered { Self::All } else { Self::Some(count as u64) }
    }
}

fn too_slow(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, format!("the client took too long to {what}"))
}

/// A timer that is set again only when it would ring too late: setting one costs more than asking one.
#[derive(Default)]
struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Has the deadline passed? If not, the task is woken when it has.
    fn rings(&mut self, deadline: Instant, context: &mut Context<'_>) -> bool {
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if sleep.deadline() > deadline {
            sleep.as_mut().reset(deadline);
        }
        while sleep.as_mut().poll(context).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            sleep.as_mut().reset(deadline);
        }
        false
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.handed_on < this.first.len() {
            let rest = &this.first[this.handed_on..];
            let count = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..count]);
            this.handed_on += count;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut this.stream).poll_read(context, buffer) {
            Poll::Ready(result) => {
                this.head_began |= buffer.filled().len() > before && !this.pulse.is_busy();
                Poll::Ready(result)
            }
            Poll::Pending => match this.read_deadline() {
                Some(deadline) if this.reading.rings(deadline, context) => {
                    Poll::Ready(Err(too_slow("send a request")))
                }
                _ => Poll::Pending,
            },
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, result, |count| Taken::of(*count, bytes.len()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.watch(context, result, |count| Taken::of(*count, offered))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(context);
        // The answer is out. The library knows that nothing can be read yet and won't ask again until something
        // can, so the wait for the next request has to begin here.
        if result.is_ready()
            && let Some(deadline) = self.read_deadline()
        {
            self.reading.rings(deadline, context);
        }
        self.watch(context, result, |()| Taken::Some(0))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, result, |()| Taken::Some(0))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_alarm_rings_at_the_deadline_it_was_last_asked_about() {
        let mut alarm = Alarm::default();
        let start = Instant::now();
        let (near, far) = (start + Duration::from_secs(1), start + Duration::from_secs(9));

        assert!(!poll_fn(|context| Poll::Ready(alarm.rings(far, context))).await);
        poll_fn(|context| if alarm.rings(near, context) { Poll::Ready(()) } else { Poll::Pending }).await;
        assert_eq!(start.elapsed().as_secs(), 1);

        poll_fn(|context| if alarm.rings(far, context) { Poll::Ready(()) } else { Poll::Pending }).await;
        assert_eq!(start.elapsed().as_secs(), 9);
    }
}
