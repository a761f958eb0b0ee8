//! A client of the WebSocket.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use super::App;

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// An open WebSocket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects without credentials. `query` begins with `?` or is empty.
    pub(crate) async fn open(app: &App, query: &str) -> Self {
        Self::open_with(app, query, &[]).await
    }

    /// Connects with headers of the test's own.
    pub(crate) async fn open_with(app: &App, query: &str, headers: &[(&'static str, &str)]) -> Self {
        Self::at(app.address(), query, headers).await
    }

    /// Connects to whatever listens there.
    pub(crate) async fn at(address: SocketAddr, query: &str, headers: &[(&'static str, &str)]) -> Self {
        let mut request = format!("ws://{address}/ws{query}").into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        Self(connect_async(request).await.expect("a connection").0)
    }

    /// Connects with a token and waits until it has signed in.
    pub(crate) async fn signed_in(app: &App, token: &str, query: &str) -> Self {
        let bearer = format!("Bearer {token}");
        let mut socket = Self::open_with(app, query, &[("authorization", &bearer)]).await;
        assert_eq!(socket.next("status").await["state"], "authenticated");
        socket
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.send_text(&frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.expect("a connection");
    }

    /// Says something in a conversation.
    pub(crate) async fn say(&mut self, conversation: &Value, content: &str) {
        let id = &conversation["conversation_id"];
        self.send(json!({ "type": "message", "conversation_id": id, "content": content })).await;
    }

    /// The next frame of that type; others before it are passed over.
    pub(crate) async fn next(&mut self, kind: &str) -> Value {
        loop {
            let frame =
                self.any().await.unwrap_or_else(|code| panic!("closed with {code} before a {kind} frame"));
            if frame["type"] == kind {
                return frame;
            }
        }
    }

    /// The next message of the bot.
    pub(crate) async fn bot_says(&mut self) -> Value {
        loop {
            let message = self.next("message").await;
            if message["sender"] == "bot" {
                return message;
            }
        }
    }

    /// The next frame, or the code that the server closed with.
    pub(crate) async fn any(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("something happens") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).expect("JSON")),
                Some(Ok(Message::Close(frame))) => return Err(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The code that the server closes with, frames before it passed over.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            if let Err(code) = self.any().await {
                return code;
            }
        }
    }
}
