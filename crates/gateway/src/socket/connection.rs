//! One connection from its first frame to its last.

use std::{
    collections::HashMap,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use kernel::{Error, Kind, Origin, Principal, Secret};
use serde_json::{Map, Value, json};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{Edge, FrameHandler, Stub, Visit, json};

use super::{
    Close, Frame, Inner, Outgoing, Socket, Status,
    handshake::Hall,
    hints::Hints,
    registry::{Place, Places},
};

/// Frames of one connection that may wait for those before them.
const WAITING_FRAMES: usize = 16;
/// Frames that can't be read before the connection is closed; refusals for their number likewise.
const STRIKES: u32 = 3;
/// How long a client may take to read one frame. One that reads nothing would hold its connection for ever.
const SLOWEST_WRITE: Duration = Duration::from_secs(10);

pub(super) async fn run(
    hall: Hall,
    stream: WebSocket,
    origin: Arc<Origin>,
    query: HashMap<String, String>,
    shown: Option<Shown>,
) {
    let (outgoing, queue) = mpsc::unbounded_channel();
    let socket = Socket(Arc::new(Inner {
        number: hall.edge.surroundings().seed(),
        query,
        origin,
        actor: Mutex::default(),
        outgoing,
        queued: AtomicUsize::new(0),
        overloaded: AtomicBool::new(false),
        queue_limit: hall.edge.settings().socket_queue_limit,
        follow_limit: hall.edge.settings().socket_follow_limit,
        followed: Mutex::default(),
        tasks: TaskTracker::new(),
        doubted: Notify::new(),
        ended: CancellationToken::new(),
        surroundings: hall.edge.surroundings().clone(),
    }));
    let (sink, mut incoming) = stream.split();
    let ended = socket.0.ended.clone();
    let writer = tokio::spawn(write(sink, queue, socket.clone()));

    let mut session = Session::new(hall, socket);
    match shown {
        Some(shown) => Box::pin(session.sign_in(None, shown)).await,
        None => session.tell_connected(),
    }
    session.listen(&mut incoming).await;

    ended.cancel();
    session.socket.0.tasks.close();
    drop(session);
    // The writer ends with the last handle to the socket, or with the close frame it wrote.
    if let Err(cause) = writer.await {
        tracing::error!(%cause, "a socket's writer failed");
    }
}

/// Writes what is queued until a close is, or until nobody can queue any more.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    socket: Socket,
) {
    let ended = socket.0.ended.clone();
    loop {
        let next = tokio::select! {
            next = queue.recv() => next,
            // The last frames, such as why it ends, stand in the queue already.
            () = ended.cancelled() => queue.try_recv().ok(),
        };
        let (message, last) = match next {
            Some(Outgoing::Text(text)) => {
                socket.0.queued.fetch_sub(text.len(), Ordering::Relaxed);
                (if text.is_empty() { Message::Ping(Bytes::new()) } else { Message::Text(text) }, false)
            }
            Some(Outgoing::Close(why)) => (why.frame(), true),
            None => (Close::Normal.frame(), true),
        };
        let sent = timeout(SLOWEST_WRITE, sink.send(message)).await;
        if !matches!(sent, Ok(Ok(()))) || last {
            break;
        }
    }
    ended.cancel();
    if timeout(SLOWEST_WRITE, sink.close()).await.is_err() {
        tracing::debug!("a socket was not closed in time");
    }
}

/// A frame with its type, and what handles it.
struct Call {
    kind: &'static str,
    handler: Arc<dyn FrameHandler>,
    frame: Frame,
}

/// One that waits for those before it. Boxed, because the line has room for 32 of them from the start, whether or not any
/// ever come.
type Waiting = Box<Call>;

/// What somebody shows to sign in.
pub(super) enum Shown {
    Token(String),
    Ticket(String),
}

/// By what the caller is known as long as the connection lasts.
enum Known {
    Token(String),
    Stub(Stub),
}

/// What a connection knows of itself.
struct Session {
    hall: Hall,
    socket: Socket,
    known: Option<Known>,
    place: Option<Place>,
    frames: mpsc::Sender<Waiting>,
    hints: Hints,
    unreadable: u32,
    refused: u32,
}

impl Session {
    fn new(hall: Hall, socket: Socket) -> Self {
        let (frames, waiting) = mpsc::channel(WAITING_FRAMES);
        socket.0.tasks.spawn(handle_in_order(hall.edge.clone(), socket.clone(), waiting));
        Self {
            hall,
            socket,
            known: None,
            place: None,
            frames,
            hints: Hints::new(),
            unreadable: 0,
            refused: 0,
        }
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.hall.edge.settings().socket_heartbeat_seconds.max(1))
    }

    fn tell_connected(&self) {
        let heartbeat_seconds = Some(self.heartbeat().as_secs());
        self.socket.send("status", &Status { state: "connected", heartbeat_seconds, ..Status::default() });
    }

    /// Listens until the connection ends. What is done now and then has its memory only while it is done: thousands of
    /// these wait.
    async fn listen(&mut self, incoming: &mut (impl StreamExt<Item = Result<Message, axum::Error>> + Unpin)) {
        let heartbeat = self.heartbeat();
        let mut beats = interval_at(Instant::now() + heartbeat, heartbeat);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let patience = Duration::from_secs(self.hall.edge.settings().socket_auth_seconds);
        let sign_in_by = Instant::now() + patience;
        let mut silent_beats = 0;
        let (stop, ended) = (self.hall.stop.clone(), self.socket.0.ended.clone());
        let doubted = self.socket.clone();
        loop {
            let too_late = async {
                if self.place.is_none() {
                    sleep_until(sign_in_by).await;
                } else {
                    pending::<()>().await;
                }
            };
            tokio::select! {
                message = incoming.next() => {
                    silent_beats = 0;
                    match message {
                        Some(Ok(Message::Text(text))) => Box::pin(self.take(&text)).await,
                        Some(Ok(Message::Binary(_))) => self.unreadable("Frames must be text."),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Close(_))) | None => return,
                        // Whoever is still there is told.
                        Some(Err(_)) => return self.socket.close(Close::Policy),
                    }
                }
                _ = beats.tick() => {
                    silent_beats += 1;
                    if silent_beats > 2 {
                        return;
                    }
                    // An empty text stands for a ping in the queue.
                    self.socket.send_text(Utf8Bytes::default());
                    Box::pin(self.still_signed_in()).await;
                }
                () = doubted.0.doubted.notified() => {
                    Box::pin(self.still_signed_in()).await;
                }
                () = too_late => {
                    self.socket.error(None, &Error::unauthorized("Sign in to do this.", "credentials_missing"));
                    self.socket.close(Close::Unauthorized);
                    return;
                }
                () = ended.cancelled() => return,
                () = stop.cancelled() => {
                    self.socket.send("status", &Status { state: "closing", ..Status::default() });
                    self.socket.close(Close::GoingAway);
                    return;
                }
            }
        }
    }

    /// One text frame: `auth` and `ping` are answered here, the rest goes to whoever registered its type.
    async fn take(&mut self, text: &str) {
        let Ok(mut body) = serde_json::from_str::<Map<String, Value>>(text) else {
            return self.unreadable("The frame is not a JSON object.");
        };
        let id = match body.remove("id") {
            None | Some(Value::Null) => None,
            Some(Value::String(id)) if id.len() <= 128 => Some(id),
            Some(_) => return self.unreadable("The id of a frame is a text of at most 128 characters."),
        };
        let Some(Value::String(kind)) = body.remove("type") else {
            return self.unreadable("The frame has no type.");
        };
        if let Err(error) = json::refuse_nul(text.as_bytes()) {
            return self.socket.error(id.as_deref(), &error);
        }
        match kind.as_str() {
            "ping" => self.socket.send("pong", &json!({ "id": id })),
            "auth" => match body.get("token").and_then(Value::as_str) {
                Some(token) => self.sign_in(id, Shown::Token(token.to_owned())).await,
                None => self.socket.error(id.as_deref(), &Error::invalid("token", "is required")),
            },
            _ if self.place.is_none() && !self.visit(&kind, id.as_deref(), &body).await => {}
            _ => self.hand_on(kind, Frame { id, body }).await,
        }
    }

    async fn hand_on(&mut self, kind: String, frame: Frame) {
        let id = frame.id.clone();
        let Some((&kind, handler)) = self.hall.handlers.get_key_value(kind.as_str()) else {
            let error = Error::invalid("type", format!("there are no frames of type \"{kind}\""));
            return self.socket.error(id.as_deref(), &error);
        };
        let call = Call { kind, handler: Arc::clone(handler), frame };
        let refusal = if call.handler.is_hint() {
            self.hints.count(self.hall.edge.settings().socket_hints_per_minute)
        } else {
            self.over_limit().await
        };
        if let Some(refusal) = refusal {
            return self.refuse(id.as_deref(), &refusal);
        }
        if !self.still_signed_in().await {
            return;
        }
        if call.handler.at_once() {
            return handle(call, &self.hall.edge, &self.socket).await;
        }
        if self.frames.try_send(Box::new(call)).is_err() {
            let error =
                Error::new(Kind::RateLimited, "Too many frames wait to be handled.").detail("retry_after", 1);
            self.refuse(id.as_deref(), &error);
        }
    }

    async fn over_limit(&self) -> Option<Error> {
        let who = self.socket.who()?;
        let edge = &self.hall.edge;
        let per_minute = edge.settings().socket_frames_per_minute;
        edge.limiter().frame(&who, per_minute, edge.surroundings().now()).await
    }

    fn refuse(&mut self, id: Option<&str>, error: &Error) {
        self.socket.error(id, error);
        self.refused += 1;
        if self.refused >= STRIKES {
            self.socket.close(Close::TooMany);
        }
    }

    fn unreadable(&mut self, problem: &'static str) {
        self.socket.error(None, &Error::bad_request(problem));
        self.unreadable += 1;
        if self.unreadable >= STRIKES {
            self.socket.close(Close::BadMessages);
        }
    }

    /// Checks what is shown and takes a place among the user's sockets.
    async fn sign_in(&mut self, id: Option<String>, shown: Shown) {
        if self.place.is_some() {
            let error = Error::conflict("This connection has signed in already.", "already_authenticated");
            return self.socket.error(id.as_deref(), &error);
        }
        let (edge, from) = (&self.hall.edge, self.socket.0.origin.address);
        let known = match shown {
            Shown::Token(token) => {
                edge.authenticate(&token, from).await.map(|who| (who, Known::Token(token)))
            }
            Shown::Ticket(ticket) => {
                edge.redeem(&ticket, from).await.map(|(who, stub)| (who, Known::Stub(stub)))
            }
        };
        let (principal, known) = match known {
            Ok(known) => known,
            Err(error) => {
                self.socket.error(id.as_deref(), &error);
                return self.socket.close(closing(&error));
            }
        };
        if self.enter(id.as_deref(), principal, known) {
            self.tell_entered(id.as_deref(), None);
            self.open().await;
        }
    }

    /// Lets somebody who didn't sign in talk with the bot that their first frame or the address names, or with the
    /// default one, if it is open to visitors. False if not: then the connection is closed.
    async fn visit(&mut self, kind: &str, id: Option<&str>, body: &Map<String, Value>) -> bool {
        let named = body.get("bot_id").and_then(Value::as_str);
        let bot = named.or_else(|| self.socket.query("bot")).or_else(|| self.socket.query("bot_id"));
        let edge = &self.hall.edge;
        let most = edge.settings().visitor_sockets_per_address;
        let begun = if !self.hall.handlers.contains_key(kind) {
            Err(sign_in())
        } else if self.hall.sockets.has_room_for_visitor(&self.socket, most) {
            edge.visit(bot, &self.socket.0.origin).await
        } else {
            Err(too_many(most))
        };
        let refusal = match begun {
            Ok(Visit { token, principal }) => {
                if self.enter(id, principal, Known::Token(token.reveal().to_owned())) {
                    self.tell_entered(None, Some(&token));
                    self.open().await;
                    return true;
                }
                return false;
            }
            Err(error) if error.kind() == Kind::NotFound => sign_in(),
            Err(error) => error,
        };
        self.socket.error(id, &refusal);
        self.socket.close(closing(&refusal));
        false
    }

    /// Takes a place among the caller's sockets. False if they have as many as they may.
    fn enter(&mut self, id: Option<&str>, principal: Arc<Principal>, known: Known) -> bool {
        let limits = Places::of(&principal, &self.hall.edge.settings());
        if self.socket.who().is_some() {
            return false;
        }
        self.socket.belongs_to(principal);
        self.place = self.hall.sockets.enter(&self.socket, limits);
        if self.place.is_none() {
            self.socket.error(id, &too_many(limits.own));
            self.socket.close(Close::TooMany);
            return false;
        }
        self.known = Some(known);
        true
    }

    /// Tells who is here. A visitor who was just let in gets the token that lets them come back.
    fn tell_entered(&self, id: Option<&str>, token: Option<&Secret>) {
        let Some(who) = self.socket.who() else { return };
        let status = Status {
            id: id.map(str::to_owned),
            state: if who.is_visitor() { "anonymous" } else { "authenticated" },
            session_id: Some(who.session),
            user_id: Some(who.user),
            bot_id: who.visits,
            heartbeat_seconds: Some(self.heartbeat().as_secs()),
            token: token.map(|token| token.reveal().to_owned()),
            expires_at: token.map(|_| who.expires_at),
            conversation_id: None,
        };
        self.socket.send("status", &status);
    }

    async fn open(&self) {
        for (&kind, handler) in &*self.hall.handlers {
            if let Err(error) = handler.opened(&self.socket).await {
                tell_wrong(&self.hall.edge, &self.socket, kind, None, &error);
                if error.kind() == Kind::Forbidden {
                    self.socket.close(Close::Forbidden);
                }
            }
        }
    }

    /// Does the session still stand? Then whoever has it may do what they may by now. A socket of one that ended, or
    /// whose token is not good from there any more, is closed, and so is one of somebody who may do less than before: what
    /// it follows was allowed to who they were. One whose session can't be looked up just now stays, and is told.
    async fn still_signed_in(&self) -> bool {
        let (Some(known), Some(before)) = (&self.known, self.socket.who()) else { return true };
        let (edge, from) = (&self.hall.edge, self.socket.0.origin.address);
        let found = match known {
            Known::Token(token) => edge.authenticate(token, from).await,
            Known::Stub(stub) => edge.recall(stub, &before, from).await,
        };
        let error = match found {
            Ok(now) => {
                let allowed = now.permissions;
                self.socket.belongs_to(now);
                let may_less = !allowed.contains_all(before.permissions);
                if may_less {
                    self.socket.close(Close::GoingAway);
                }
                return !may_less;
            }
            Err(error) => error,
        };
        self.socket.error(None, &error);
        match error.kind() {
            Kind::Unauthorized => self.socket.close(Close::Unauthorized),
            Kind::Forbidden => self.socket.close(Close::Forbidden),
            _ => {}
        }
        false
    }
}

/// Why the connection of somebody who is not let in is closed.
fn closing(refusal: &Error) -> Close {
    match refusal.kind() {
        Kind::RateLimited => Close::TooMany,
        // Who has to do something first is not signed in here either.
        Kind::Unauthorized | Kind::Forbidden => Close::Unauthorized,
        // The server can't just now: whoever comes back may be let in.
        _ => Close::GoingAway,
    }
}

fn sign_in() -> Error {
    Error::unauthorized("Sign in to do this.", "credentials_missing")
}

fn too_many(most: usize) -> Error {
    Error::new(Kind::RateLimited, format!("At most {most} connections may be open at once."))
}

/// Handles the frames of one connection in the order they came, each to its end, also when the client has gone:
/// what a client sent before it left was sent. Those that are handled at once don't come here.
async fn handle_in_order(edge: Edge, socket: Socket, mut waiting: mpsc::Receiver<Waiting>) {
    while let Some(next) = waiting.recv().await {
        handle(*next, &edge, &socket).await;
    }
}

/// Handles one frame, and tells what went wrong with it.
async fn handle(call: Call, edge: &Edge, socket: &Socket) {
    let Call { kind, handler, frame } = call;
    let id = frame.id.clone();
    if let Err(error) = handler.handle(socket, frame).await {
        if error.kind() == Kind::Internal {
            tracing::error!(?error, kind, "a frame could not be handled");
        }
        tell_wrong(edge, socket, kind, id.as_deref(), &error);
    }
}

/// Tells what went wrong with a frame, and of a permission that was missing for it also whoever hears of such.
fn tell_wrong(edge: &Edge, socket: &Socket, kind: &'static str, id: Option<&str>, error: &Error) {
    if let Some(who) = socket.who() {
        edge.tell_denial(kind, &who, error);
    }
    socket.error(id, error);
}
