//! A server that webhooks tell, in the test's own process.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse};
use http::{HeaderMap, StatusCode, Uri};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};

use crate::support::{Value, json};

/// A message as it came.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) path: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Heard {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Does the specification's own library accept it with that secret?
    pub(super) fn is_signed_with(&self, secret: &Value) -> bool {
        let secret = secret.as_str().expect("a secret");
        let verifier = standardwebhooks::Webhook::new(secret).expect("a secret of the specification");
        verifier.verify(&self.body, &self.headers).is_ok()
    }
}

type Answer = (u16, String);

#[derive(Clone)]
struct Inside {
    heard: mpsc::UnboundedSender<Heard>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    otherwise: Arc<Mutex<u16>>,
    held: Arc<Mutex<Option<oneshot::Receiver<()>>>>,
}

/// The receiver.
pub(super) struct Receiver {
    address: SocketAddr,
    heard: mpsc::UnboundedReceiver<Heard>,
    inside: Inside,
}

async fn answer(
    State(inside): State<Inside>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> impl IntoResponse {
    let path = uri.path().to_owned();
    let next = inside.answers.lock().expect("answers").pop_front();
    let held = inside.held.lock().expect("a hold").take();
    // Nobody listens any more when the test has ended.
    let _ = inside.heard.send(Heard { path: path.clone(), headers, body });
    if path == "/silent" {
        std::future::pending::<()>().await;
    }
    if let Some(held) = held {
        // A test that forgets about it lets go, too.
        let _ = held.await;
    }
    let (status, text) = next.unwrap_or_else(|| (*inside.otherwise.lock().expect("a status"), String::new()));
    (StatusCode::from_u16(status).expect("a status"), [("location", "/elsewhere")], text)
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (sender, heard) = mpsc::unbounded_channel();
        let inside = Inside {
            heard: sender,
            answers: Arc::default(),
            otherwise: Arc::new(Mutex::new(204)),
            held: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(inside.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, heard, inside }
    }

    /// Answers the next messages with these, and then as before.
    pub(super) fn answer_with(&self, statuses: &[u16]) {
        let answers = statuses.iter().map(|status| (*status, String::new()));
        self.inside.answers.lock().expect("answers").extend(answers);
    }

    /// Answers the next message with a text.
    pub(super) fn say(&self, status: u16, text: String) {
        self.inside.answers.lock().expect("answers").push_back((status, text));
    }

    /// Holds the answer to the next message back, until it is let go.
    pub(super) fn hold(&self) -> oneshot::Sender<()> {
        let (let_go, held) = oneshot::channel();
        *self.inside.held.lock().expect("a hold") = Some(held);
        let_go
    }

    /// Answers whatever comes from now on with that status.
    pub(super) fn answer_always(&self, status: u16) {
        *self.inside.otherwise.lock().expect("a status") = status;
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A webhook that comes here.
    pub(super) fn hook(&self, events: &[&str]) -> Value {
        json!({ "url": self.url("/hook"), "events": events })
    }

    /// The next message.
    pub(super) async fn next(&mut self) -> Heard {
        let next = tokio::time::timeout(Duration::from_secs(20), self.heard.recv()).await;
        next.expect("it comes in time").expect("the receiver lives")
    }

    /// What has come and was not looked at.
    pub(super) fn rest(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }
}
