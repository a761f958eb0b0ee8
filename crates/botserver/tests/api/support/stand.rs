//! A server with operations of the tests' own behind the real edge: ones that panic, hang, stream, or answer with
//! what the tests need to see pass through.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body as AxumBody, Bytes},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use gateway::{
    Access, Authenticator, Body, By, Door, Edge, Envelope, Frame, FrameHandler, Limit, Module, Params,
    RateLimits, Reply, Settings, Socket, Sockets, State, Stub, Tls, Upload, Visit, contract::Contract,
    module::BoxFuture, routes,
};
use kernel::{Error, Origin, PermissionSet, Principal, Surroundings, Timestamp};
use platform::{
    counters::Counters,
    db::{Db, DbOptions},
    idempotency::Idempotency,
};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

/// The running server.
pub(crate) struct Stand {
    pub(crate) address: SocketAddr,
    doorkeeper: Arc<Doorkeeper>,
    lingering: Lingering,
    stop: CancellationToken,
    _folder: TempDir,
    serving: JoinHandle<()>,
}

impl Stand {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_tls(change, None).await
    }

    /// With so many requests an hour for an address.
    pub(crate) async fn limited(anonymous: u32) -> Self {
        Self::start_with(Settings::default(), None, anonymous).await
    }

    pub(crate) async fn with_tls(change: impl FnOnce(&mut Settings), tls: Option<Tls>) -> Self {
        let mut settings = Settings::default();
        change(&mut settings);
        Self::start_with(settings, tls, 0).await
    }

    async fn start_with(settings: Settings, tls: Option<Tls>, anonymous: u32) -> Self {
        let limits = RateLimits { anonymous, authenticated: 0, admin: 0, operations: true };
        let (doorkeeper, lingering) = (Arc::<Doorkeeper>::default(), Lingering::default());
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite:{}", folder.path().join("stand.db").display());
        let db = Db::open(&DbOptions::new(&url)).expect("a database");
        let edge = Edge::new(
            Arc::<Doorkeeper>::clone(&doorkeeper),
            Counters::default(),
            Idempotency::new(db),
            Surroundings::system(),
            settings.clone().into(),
            limits.into(),
        );
        let stop = CancellationToken::new();
        let mut modules = vec![module(&lingering)];
        modules.push(gateway::socket::module(&modules, edge.clone(), Sockets::default(), stop.clone()));
        let contract = Contract::of(&modules);
        let door = Door::new(modules, edge, contract, false).expect("settings that hold");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let serving = tokio::spawn(gateway::serve(listener, door, settings, tls, stop.clone()));
        Self { address, doorkeeper, lingering, stop, _folder: folder, serving }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/api/v1/stand{path}", self.address)
    }

    /// How often somebody was asked whose token it is.
    pub(crate) fn looked_up(&self) -> usize {
        self.doorkeeper.lookups.load(Ordering::Relaxed)
    }

    /// From now on, can nobody say whose a token is?
    pub(crate) fn doorkeeper_is_down(&self, is_down: bool) {
        self.doorkeeper.is_down.store(is_down, Ordering::Relaxed);
    }

    /// Waits until `POST /lingers` is under way. It ends when it is let go.
    pub(crate) async fn lingering(&self) {
        self.lingering.begun.notified().await;
    }

    /// Lets `POST /lingers` end.
    pub(crate) fn let_go(&self) {
        self.lingering.let_go.notify_one();
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.serving.await.expect("a graceful end");
    }
}

/// What is told between `POST /lingers` and whoever asked for it.
#[derive(Clone, Default)]
struct Lingering {
    begun: Arc<Notify>,
    let_go: Arc<Notify>,
}

/// The one token that is good.
pub(crate) const GOOD: &str = "good";

/// Knows one caller, unless what it would ask is down, and counts who asked.
#[derive(Default)]
struct Doorkeeper {
    lookups: AtomicUsize,
    is_down: AtomicBool,
}

impl Authenticator for Doorkeeper {
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        _: IpAddr,
        now: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<Arc<Principal>>> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        let known = match token {
            _ if self.is_down.load(Ordering::Relaxed) => {
                Err(Error::unavailable("database", "The database can't be reached."))
            }
            GOOD => Ok(Arc::new(someone(now))),
            _ => Err(Error::unauthorized("Nobody knows you.", "token_invalid")),
        };
        Box::pin(async { known })
    }

    fn visit<'a>(&'a self, _: Option<&'a str>, _: &'a Origin) -> BoxFuture<'a, kernel::Result<Visit>> {
        Box::pin(async { Err(Error::not_found("bot that is open to visitors")) })
    }

    fn redeem<'a>(
        &'a self,
        _: &'a str,
        _: IpAddr,
        _: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<(Arc<Principal>, Stub)>> {
        Box::pin(async { Err(Error::unauthorized("There are no tickets.", "ticket_invalid")) })
    }

    fn recall<'a>(
        &'a self,
        _: &'a Stub,
        who: &'a Principal,
        _: IpAddr,
        now: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<Arc<Principal>>> {
        self.again(who, now)
    }

    fn again<'a>(
        &'a self,
        who: &'a Principal,
        _: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<Arc<Principal>>> {
        Box::pin(async { Ok(Arc::new(who.clone())) })
    }

    fn remembered(&self, _: &str, _: IpAddr, _: Timestamp) -> Option<Arc<Principal>> {
        None
    }
}

fn someone(now: Timestamp) -> Principal {
    let world = Surroundings::system();
    Principal {
        user: world.id(),
        org: world.id(),
        session: world.id(),
        permissions: PermissionSet::default(),
        level: 0,
        expires_at: now + Duration::from_hours(1),
        visits: None,
        key: None,
        confined: None,
    }
}

/// The fields of a `knock` frame.
#[derive(utoipa::ToSchema)]
struct Knock {}

/// Acknowledges every frame.
struct Acknowledges;

impl FrameHandler for Acknowledges {
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        socket.ack(frame.id.as_deref(), serde_json::Map::new());
        Box::pin(async { Ok(()) })
    }
}

fn module(lingering: &Lingering) -> Module {
    let open = Access::public;
    let often = open().limit(Limit::per_minute(2, By::Address));
    Module::new("stand")
        .frame::<Knock>("knock", "Is acknowledged.", Arc::new(Acknowledges))
        .route(&(), routes!(panics), open())
        .route(lingering, routes!(lingers), open())
        .route(&(), routes!(hangs), open().timeout(Duration::from_millis(50)))
        .route(&(), routes!(echo), open())
        .route(&(), routes!(echo_back), open().timeout(Duration::from_millis(300)))
        .route(&(), routes!(upload), open().body_limit(64 << 20).timeout(Duration::from_mins(1)))
        .route(&(), routes!(large), open())
        .route(&(), routes!(secret), open().uncompressed())
        .route(&(), routes!(tagged), open())
        .route(&(), routes!(archive), open())
        .route(&(), routes!(events), open())
        .route(&(), routes!(flood), open())
        .route(&(), routes!(often_asked), often)
        .route(&(), routes!(fails), open())
}

/// What an operation says back.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Echo {
    text: String,
}

/// A handler with a bug.
#[utoipa::path(get, path = "/stand/panics", responses((status = 200, body = Envelope<Echo>)))]
async fn panics() -> Reply<Echo> {
    panic!("the secret of the stand")
}

/// Something that takes too long.
#[utoipa::path(get, path = "/stand/hangs", responses((status = 200, body = Envelope<Echo>)))]
async fn hangs() -> Reply<Echo> {
    std::future::pending().await
}

/// Something that says when it has begun, and takes until it is let go.
#[utoipa::path(post, path = "/stand/lingers", responses((status = 200, body = Envelope<bool>)))]
async fn lingers(State(lingering): State<Lingering>) -> Reply<bool> {
    lingering.begun.notify_one();
    lingering.let_go.notified().await;
    Reply::ok(true)
}

/// Something that fails deep inside.
#[utoipa::path(get, path = "/stand/fails", responses((status = 200, body = Envelope<Echo>)))]
async fn fails() -> gateway::Result<Reply<Echo>> {
    Err(Error::internal("SELECT secret FROM /var/lib/vault").into())
}

/// Says it back.
#[utoipa::path(post, path = "/stand/echo", responses((status = 200, body = Envelope<Echo>)))]
async fn echo(Body(said): Body<Echo>) -> Reply<Echo> {
    Reply::ok(said)
}

/// Says it back, and has little time.
#[utoipa::path(put, path = "/stand/echo", responses((status = 200, body = Envelope<Echo>)))]
async fn echo_back(Body(said): Body<Echo>) -> Reply<Echo> {
    Reply::ok(said)
}

/// Counts the bytes.
#[utoipa::path(post, path = "/stand/upload", responses((status = 200, body = Envelope<u64>)))]
async fn upload(upload: Upload) -> gateway::Result<Reply<u64>> {
    let mut count = 0;
    let mut chunks = std::pin::pin!(upload.stream());
    while let Some(chunk) = chunks.next().await {
        count += chunk?.len() as u64;
    }
    Ok(Reply::ok(count))
}

/// How much to say.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
struct Size {
    bytes: usize,
}

/// Says much.
#[utoipa::path(get, path = "/stand/large", params(Size), responses((status = 200, body = Envelope<Echo>)))]
async fn large(Params(size): Params<Size>) -> Reply<Echo> {
    Reply::ok(Echo { text: "much ".repeat(size.bytes / 5) })
}

/// Says a secret.
#[utoipa::path(get, path = "/stand/secret", responses((status = 200, body = Envelope<Echo>)))]
async fn secret() -> Reply<Echo> {
    Reply::ok(Echo { text: "secret ".repeat(1000) })
}

/// Says something with a tag.
#[utoipa::path(get, path = "/stand/tagged", responses((status = 200, content_type = "text/plain", body = String)))]
async fn tagged(headers: axum::http::HeaderMap) -> Response {
    const TAG: &str = "\"7-00ff\"";
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == TAG) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, TAG)]).into_response();
    }
    ([(header::ETAG, TAG), (header::CONTENT_TYPE, "text/plain")], "tagged ".repeat(1000)).into_response()
}

/// Sends what is compressed already.
#[utoipa::path(get, path = "/stand/archive",
    responses((status = 200, content_type = "application/zip", body = Vec<u8>)))]
async fn archive() -> Response {
    ([(header::CONTENT_TYPE, "application/zip")], vec![0; 10_000]).into_response()
}

/// Sends one event and then waits.
#[utoipa::path(get, path = "/stand/events",
    responses((status = 200, content_type = "text/event-stream", body = String)))]
async fn events() -> Response {
    let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"data: first\n\n"))]);
    let body = AxumBody::from_stream(first.chain(stream::pending()));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

/// Sends without end.
#[utoipa::path(get, path = "/stand/flood",
    responses((status = 200, content_type = "application/octet-stream", body = Vec<u8>)))]
async fn flood() -> Response {
    let chunk = Bytes::from(vec![b'x'; 64 << 10]);
    let body = AxumBody::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(chunk.clone())));
    ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response()
}

/// Has a limit of its own.
#[utoipa::path(get, path = "/stand/often", responses((status = 200, body = Envelope<Echo>)))]
async fn often_asked() -> Reply<Echo> {
    Reply::ok(Echo { text: "once more".to_owned() })
}
