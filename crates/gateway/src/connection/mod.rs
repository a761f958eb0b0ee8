//! Connections: accepting, TLS, the two protocols, time limits, and the graceful stop.
//!
//! What is no HTTP at all never reaches the door: the library answers a malformed head with a bare status (400, 414,
//! 431) and closes the connection, so that nothing behind it can be taken for another request.

mod patience;
mod places;
mod pulse;
mod tls;

use std::{
    convert::Infallible,
    future::{Future, pending},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::body::Body;
use http::{Request, Response, StatusCode};
use http_body::Body as _;
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{MissedTickBehavior, interval},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use tls::{Tls, TlsError};

use crate::{Door, Settings};
use patience::{Patience, Patient, Protocol};
use places::{Place, Places};
use pulse::{Pulse, Serving};

/// Bytes of a head that are read at all. Smaller ones that are still too large get an answer in the envelope.
const LARGEST_HEAD: usize = 64 << 10;
/// Requests that one connection of HTTP/2 may have under way.
const STREAMS: u32 = 128;

/// How a request reached the server.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// The other end of the connection: the client, or a proxy before it.
    pub peer: SocketAddr,
    /// Is the connection under TLS?
    pub is_tls: bool,
}

/// Serves until told to stop, then lets requests under way finish, for as long as the settings allow.
pub async fn serve(
    listener: TcpListener,
    door: Door,
    settings: Settings,
    tls: Option<Tls>,
    stop: CancellationToken,
) {
    let places = Places::new(&settings);
    let connections = TaskTracker::new();
    let desk = Arc::new(Desk { door, requests: TaskTracker::new(), force: CancellationToken::new() });
    let hall = Arc::new(Hall {
        desk: Arc::clone(&desk),
        tls: tls.clone(),
        patience: Patience::of(&settings),
        http1: http1(),
        http2: http2(),
        stop: stop.clone(),
    });
    let reloading = tls.map(|tls| tokio::spawn(tls.follow_files()));
    while let Some((stream, peer, place)) = accept(&listener, &places, &stop).await {
        connections.spawn(Arc::clone(&hall).connect(stream, peer, place));
    }
    drop(listener);
    connections.close();
    desk.requests.close();
    if let Some(reloading) = reloading {
        reloading.abort();
    }
    let limit = Duration::from_secs(settings.shutdown_seconds);
    let all = async {
        connections.wait().await;
        desk.requests.wait().await;
    };
    if tokio::time::timeout(limit, all).await.is_err() {
        tracing::warn!(seconds = limit.as_secs(), "some requests did not finish in time");
        desk.force.cancel();
        connections.wait().await;
        desk.requests.wait().await;
    }
}

/// The next connection that has a place. None when the server stops.
async fn accept(
    listener: &TcpListener,
    places: &Places,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, Place)> {
    loop {
        let one_of_all = stop.run_until_cancelled(places.one_of_all()).await??;
        match stop.run_until_cancelled(listener.accept()).await? {
            Ok((stream, peer)) => {
                if let Some(place) = places.enter(one_of_all, peer.ip()) {
                    return Some((stream, peer, place));
                }
                metrics::counter!("http_connections_refused_total").increment(1);
                tracing::debug!(%peer, "an address has as many connections as it may");
            }
            Err(cause) => {
                // Out of file descriptors, most likely: wait for some to be given back instead of spinning.
                tracing::warn!(%cause, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The stream below has the time limits, and with less work for each request. No `pipeline_flush`: with it the
    // library takes a body's chunks without bound, however slowly the client takes them.
    builder.timer(TokioTimer::new()).header_read_timeout(None).max_header_size(LARGEST_HEAD);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_header_list_size(LARGEST_HEAD as u32);
    builder
}

/// What all connections share.
struct Hall {
    desk: Arc<Desk>,
    tls: Option<Tls>,
    patience: Patience,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    /// Finish what is under way.
    stop: CancellationToken,
}

/// Where requests are answered.
struct Desk {
    door: Door,
    /// Requests that go on without their clients.
    requests: TaskTracker,
    /// End at once.
    force: CancellationToken,
}

impl Desk {
    /// Answers a request. One that may change something goes on when its client has gone: what it did is counted and
    /// logged, and its answer is kept for whoever asks again.
    async fn answer(&self, request: Request<Incoming>, link: Link) -> Response<Body> {
        let is_safe = request.method().is_safe();
        let serving = self.door.clone().serve(request, link);
        if is_safe {
            return serving.await;
        }
        let force = self.force.clone();
        match self.requests.spawn(async move { force.run_until_cancelled(serving).await }).await {
            Ok(Some(response)) => response,
            Err(failed) if failed.is_panic() => std::panic::resume_unwind(failed.into_panic()),
            // The server stops, and the connection with it.
            Ok(None) | Err(_) => pending().await,
        }
    }
}

impl Hall {
    async fn connect(self: Arc<Self>, stream: TcpStream, peer: SocketAddr, place: Place) {
        let ended = self.desk.force.run_until_cancelled(self.converse(stream, peer, place)).await;
        if let Some(Err(cause)) = ended {
            tracing::debug!(%peer, cause = &*cause, "a connection ended with an error");
        }
    }

    async fn converse(&self, stream: TcpStream, peer: SocketAddr, place: Place) -> Outcome {
        // Answers are small and written whole: waiting for more to send with them only costs time.
        stream.set_nodelay(true)?;
        let pulse = Arc::new(Pulse::new());
        let Some(tls) = &self.tls else {
            let recognized = Patient::recognize(stream, self.patience, Arc::clone(&pulse), place);
            let Some(stream) = self.stop.run_until_cancelled(recognized).await else {
                return Ok(());
            };
            return self.speak(stream?, Link { peer, is_tls: false }, pulse).await;
        };
        let shaken = tokio::time::timeout(self.patience.head, tls.acceptor().accept(stream));
        let Some(shaken) = self.stop.run_until_cancelled(shaken).await else {
            return Ok(());
        };
        let stream = shaken.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let stream = Patient::new(stream, protocol, self.patience, Arc::clone(&pulse), place);
        self.speak(stream, Link { peer, is_tls: true }, pulse).await
    }

    async fn speak<S>(&self, stream: Patient<S>, link: Link, pulse: Arc<Pulse>) -> Outcome
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (desk, protocol) = (Arc::clone(&self.desk), stream.protocol());
        let service = {
            let pulse = Arc::clone(&pulse);
            service_fn(move |request: Request<Incoming>| {
                let (desk, serving, pulse) = (Arc::clone(&desk), pulse.begin(), Arc::clone(&pulse));
                async move {
                    let response = desk.answer(request, link).await;
                    Ok::<_, Infallible>(hand_out(response, protocol, serving, &pulse))
                }
            })
        };
        let stream = TokioIo::new(stream);
        match protocol {
            Protocol::Http1 => {
                let connection = self.http1.serve_connection(stream, service).with_upgrades();
                self.drive(pin!(connection), pending()).await
            }
            Protocol::Http2 => {
                let connection = self.http2.serve_connection(stream, service);
                self.drive(pin!(connection), self.until_idle(&pulse)).await
            }
        }
    }

    /// Runs a connection to its end. It is asked to end when the server stops or the connection is idle.
    async fn drive<C: Connection>(
        &self,
        mut connection: Pin<&mut C>,
        idle: impl Future<Output = Rest>,
    ) -> Outcome {
        let mut idle = pin!(idle);
        let rest = tokio::select! {
            ended = &mut connection => return Ok(ended?),
            rest = &mut idle => rest,
            () = self.stop.cancelled() => Rest::Idle,
        };
        if matches!(rest, Rest::Stuck) {
            return Err(
                io::Error::new(io::ErrorKind::TimedOut, "the client does not take its answers").into()
            );
        }
        connection.as_mut().end();
        Ok(connection.await?)
    }

    /// Watches over a connection of HTTP/2, whose client can hold answers back without the stream's noticing.
    async fn until_idle(&self, pulse: &Pulse) -> Rest {
        let grace = self.patience.pace.grace();
        let mut beat = interval(grace.min(self.patience.idle).max(Duration::from_secs(1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            if pulse.is_stuck(grace) {
                return Rest::Stuck;
            }
            if pulse.requests() > 0 && pulse.is_idle(self.patience.idle) {
                return Rest::Idle;
            }
        }
    }
}

type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// Why a connection rests.
enum Rest {
    /// Nothing is under way.
    Idle,
    /// The client doesn't take what it asked for.
    Stuck,
}

/// Keeps the request in the connection's count until its answer is sent, where that may take long.
fn hand_out(response: Response<Body>, protocol: Protocol, serving: Serving, pulse: &Pulse) -> Response<Body> {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        pulse.hand_over();
        return response;
    }
    // A body of known size lies in memory, and the stream below watches over its way out.
    if protocol == Protocol::Http1 && response.body().size_hint().exact().is_some() {
        return response;
    }
    serving.until_sent(response)
}

/// A connection that can be asked to end.
trait Connection: Future<Output = hyper::Result<()>> {
    /// Finish what is under way, take nothing new.
    fn end(self: Pin<&mut Self>);
}

impl<S, F, R> Connection for http1::UpgradeableConnection<TokioIo<S>, F>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: hyper::service::HttpService<Incoming, ResBody = Body, Error = Infallible, Future = R>,
    R: Future<Output = Result<Response<Body>, Infallible>>,
{
    fn end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S, F, R> Connection for http2::Connection<TokioIo<S>, F, TokioExecutor>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: hyper::service::HttpService<Incoming, ResBody = Body, Error = Infallible, Future = R>,
    R: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
{
    fn end(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}
