//! The WebSocket: one connection for everything that happens while it is open.
//!
//! The gateway owns the handshake, signing in, heartbeat, limits and close codes; what a frame means belongs to the
//! domain that registered its type. Text frames of JSON, each with a `type`; see the protocol's table in the API's
//! documents.

mod connection;
mod handshake;
mod hints;
pub(crate) mod protocol;
mod registry;
mod topics;

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use futures_util::{Stream, StreamExt};
use kernel::{Actor, Error, Origin, Principal, Surroundings};
use serde::Serialize;
use serde_json::{Map, Value, json};
use tokio::sync::{Notify, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use handshake::module;
pub use protocol::{Status, page};
pub use registry::Sockets;
pub(crate) use topics::Contributed;
pub use topics::{Following, Topic};

use crate::module::BoxFuture;

/// Why a socket is closed (RFC 6455, section 7.4; 4000 and up are our own).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Close {
    /// The client or the server is done.
    Normal,
    /// The server stops or can't just now, or the caller may do less than before: connect again, and all is asked anew.
    GoingAway,
    /// The client does not read.
    Overloaded,
    /// A frame is too large, or breaks the protocol.
    Policy,
    /// Three frames that can't be read.
    BadMessages,
    /// Not signed in, or the session ended.
    Unauthorized,
    /// What the address asks for is not allowed, or the token is good no more for where it is shown.
    Forbidden,
    /// There is no such bot for the caller.
    NoSuchBot,
    /// Too many frames or sockets.
    TooMany,
}

impl Close {
    const ALL: [Self; 9] = [
        Self::Normal,
        Self::GoingAway,
        Self::Policy,
        Self::Overloaded,
        Self::BadMessages,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NoSuchBot,
        Self::TooMany,
    ];

    const fn code(self) -> u16 {
        match self {
            Self::Normal => 1000,
            Self::GoingAway => 1001,
            Self::Policy => 1008,
            Self::Overloaded => 1013,
            Self::BadMessages => 4400,
            Self::Unauthorized => 4401,
            Self::Forbidden => 4403,
            Self::NoSuchBot => 4404,
            Self::TooMany => 4429,
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Normal => "goodbye",
            Self::GoingAway => {
                "connect again: the server stops or can't just now, or you may do less than before"
            }
            Self::Policy => "a frame was larger than it may be, or broke the protocol",
            Self::Overloaded => "too much is waiting to be read",
            Self::BadMessages => "three frames could not be read",
            Self::Unauthorized => "not signed in, or the session ended",
            Self::Forbidden => {
                "what the address asks for is not allowed, or the token is not good from there any more"
            }
            Self::NoSuchBot => "there is no such bot",
            Self::TooMany => "too many",
        }
    }

    fn frame(self) -> Message {
        let reason = Utf8Bytes::from_static(self.text());
        Message::Close(Some(CloseFrame { code: self.code(), reason }))
    }
}

/// One frame from a client.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The client's own name for the frame, echoed in `ack` and `error`.
    pub id: Option<String>,
    /// The other fields.
    pub body: Map<String, Value>,
}

/// What answers the frames of one type. A domain contributes it with its module.
pub trait FrameHandler: Send + Sync + 'static {
    /// Answers one frame. Frames of one connection are handled one after another, but for those that are handled
    /// [at once](Self::at_once); an error becomes an `error` frame.
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>>;

    /// Are these frames handled as they come, while others that came before still are? Nothing more is read from the
    /// connection until that is done, so it must not take long.
    fn at_once(&self) -> bool {
        false
    }

    /// Are these hints? They count against a limit of each connection, and not against the frames of its user.
    fn is_hint(&self) -> bool {
        false
    }

    /// A socket has signed in; its address may ask for something from the start.
    fn opened<'a>(&'a self, socket: &'a Socket) -> BoxFuture<'a, kernel::Result<()>> {
        let _ = socket;
        Box::pin(async { Ok(()) })
    }
}

/// An open connection, as handlers see it. A cheap handle; sending never waits.
#[derive(Clone)]
pub struct Socket(Arc<Inner>);

struct Inner {
    number: u64,
    query: HashMap<String, String>,
    origin: Arc<Origin>,
    actor: Mutex<Option<Actor>>,
    outgoing: mpsc::UnboundedSender<Outgoing>,
    queued: AtomicUsize,
    queue_limit: usize,
    /// Was the connection given up because the client doesn't read?
    overloaded: AtomicBool,
    /// How many streams may be forwarded at once.
    follow_limit: usize,
    followed: Mutex<HashMap<String, Followed>>,
    tasks: TaskTracker,
    /// Told when the session behind it may have ended unheard.
    doubted: Notify,
    /// Cancelled when the connection is over.
    ended: CancellationToken,
    surroundings: Surroundings,
}

/// A stream that is forwarded.
struct Followed {
    /// The place after which everything was forwarded, or will be.
    from: u64,
    /// What ends it.
    stops: CancellationToken,
}

/// What waits to be written.
enum Outgoing {
    Text(Utf8Bytes),
    Close(Close),
}

impl Socket {
    /// Who signed in on this connection, as they stood when their token was last looked at: with each frame, and at
    /// each heartbeat.
    pub fn who(&self) -> Option<Actor> {
        self.actor().clone()
    }

    /// The same for what nobody may do who isn't signed in.
    pub fn signed_in(&self) -> kernel::Result<Actor> {
        self.who().ok_or_else(|| Error::unauthorized("Sign in to do this.", "credentials_missing"))
    }

    fn actor(&self) -> MutexGuard<'_, Option<Actor>> {
        self.0.actor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes whose it is, as they stand now.
    fn belongs_to(&self, principal: Arc<Principal>) {
        let origin = Arc::clone(&self.0.origin);
        *self.actor() = Some(Actor { principal, origin });
    }

    /// Tells the connection from all others of this node.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Cancelled when the connection is over.
    pub fn ended(&self) -> CancellationToken {
        self.0.ended.clone()
    }

    /// A parameter of the connection's address.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.0.query.get(name).map(String::as_str)
    }

    /// Queues a frame: the fields of `body`, its `type` and a timestamp. A client that doesn't read is closed.
    pub fn send(&self, kind: &'static str, body: &impl Serialize) {
        #[derive(Serialize)]
        struct Sent<'a, T> {
            r#type: &'static str,
            #[serde(flatten)]
            body: &'a T,
            timestamp: kernel::Timestamp,
        }
        let frame = Sent { r#type: kind, body, timestamp: self.0.surroundings.now() };
        match serde_json::to_string(&frame) {
            Ok(text) => self.send_text(text.into()),
            Err(cause) => tracing::error!(%cause, kind, "a frame could not be written"),
        }
    }

    /// Queues a frame that is JSON text already, shared by many sockets without being written again for each.
    pub fn send_text(&self, text: Utf8Bytes) {
        let waiting = self.0.queued.fetch_add(text.len(), Ordering::Relaxed) + text.len();
        if waiting > self.0.queue_limit && self.0.overloaded.swap(true, Ordering::Relaxed) {
            return;
        }
        let next = if waiting > self.0.queue_limit {
            Outgoing::Close(Close::Overloaded)
        } else {
            Outgoing::Text(text)
        };
        // The receiver is gone only when the connection is; then there is nobody to tell.
        let _ = self.0.outgoing.send(next);
    }

    /// Answers a frame that was taken, if the client named it.
    pub fn ack(&self, frame_id: Option<&str>, mut extra: Map<String, Value>) {
        if let Some(id) = frame_id {
            extra.insert("id".to_owned(), Value::from(id));
        }
        self.send("ack", &extra);
    }

    /// Tells what went wrong with a frame.
    pub fn error(&self, frame_id: Option<&str>, error: &Error) {
        let body = json!({
            "id": frame_id,
            "code": error.kind().code(),
            "message": error.message(),
            "details": error.details(),
        });
        self.send("error", &body);
    }

    /// Closes the connection after what is queued.
    pub fn close(&self, why: Close) {
        let _ = self.0.outgoing.send(Outgoing::Close(why));
    }

    fn followed(&self) -> MutexGuard<'_, HashMap<String, Followed>> {
        self.0.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place after which the stream of that key was forwarded. None if it is not followed.
    pub fn followed_from(&self, key: &str) -> Option<u64> {
        self.followed().get(key).map(|followed| followed.from)
    }

    /// Errors if the connection can't follow that many more. Asked before anything is done for it: frames that follow
    /// are handled one after another.
    pub fn check_room(&self, more: usize) -> kernel::Result<()> {
        let most = self.0.follow_limit;
        if self.followed().len().saturating_add(more) <= most {
            return Ok(());
        }
        let problem = format!("A connection follows at most {most} things at once. Unsubscribe from some.");
        Err(Error::conflict(problem, "too_many_followed").detail("limit", most))
    }

    /// Notes that what comes before the stream of that key was sent as well, from that place on.
    pub fn followed_back_to(&self, key: &str, from: u64) {
        if let Some(followed) = self.followed().get_mut(key) {
            followed.from = followed.from.min(from);
        }
    }

    /// Forwards a stream of finished frames, which begins after that place, until it or the connection ends, or is
    /// followed no more; at most one for each key. False if the key is followed already.
    pub fn follow(
        &self,
        key: String,
        from: u64,
        stream: impl Stream<Item = Utf8Bytes> + Send + 'static,
    ) -> bool {
        let stops = self.0.ended.child_token();
        match self.followed().entry(key.clone()) {
            Entry::Occupied(_) => return false,
            Entry::Vacant(place) => place.insert(Followed { from, stops: stops.clone() }),
        };
        let socket = self.clone();
        self.0.tasks.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(Some(text)) = stops.run_until_cancelled(stream.next()).await {
                socket.send_text(text);
            }
            let mut followed = socket.followed();
            // Where it was ended, the place may be another one's by now.
            if !stops.is_cancelled() {
                followed.remove(&key);
            }
        });
        true
    }

    /// Forwards the stream of that key no more. False if none was.
    pub fn unfollow(&self, key: &str) -> bool {
        let mut followed = self.followed();
        followed.remove(key).inspect(|followed| followed.stops.cancel()).is_some()
    }
}
