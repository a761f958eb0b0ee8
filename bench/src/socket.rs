//! WebSockets of clients: turns of conversations over them, and what passes between nodes.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt, future::try_join_all};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{Message, client::IntoClientRequest, protocol::WebSocketConfig},
};

use crate::{
    http::{Measured, latencies},
    server::Server,
};

/// A client's end of a WebSocket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Opens one with the administrator's token. The query, if any, begins with its question mark.
    pub(crate) async fn open(server: &Server, query: &str) -> anyhow::Result<Self> {
        Self::open_at(server.address, &server.token, query).await
    }

    /// Opens one to that address with that token.
    pub(crate) async fn open_at(address: SocketAddr, token: &str, query: &str) -> anyhow::Result<Self> {
        let mut request = format!("ws://{address}/ws{query}").into_client_request()?;
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse()?);
        // Thousands are open at once: the defaults are 128 KiB each way.
        let config = WebSocketConfig::default().read_buffer_size(2 << 10).write_buffer_size(0);
        Ok(Self(connect_async_with_config(request, Some(config), true).await?.0))
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, frame: &Value) -> anyhow::Result<()> {
        Ok(self.0.send(Message::text(frame.to_string())).await?)
    }

    /// The text of the next frame that has one. Pings are answered meanwhile.
    pub(crate) async fn text(&mut self) -> anyhow::Result<String> {
        loop {
            match self.0.next().await.context("the socket was closed")?? {
                Message::Text(text) => return Ok(text.as_str().to_owned()),
                Message::Close(why) => bail!("the server closed the socket: {why:?}"),
                _ => {}
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.text().await?)?)
    }

    /// The next frame that says what the bot said.
    pub(crate) async fn bot_says(&mut self) -> anyhow::Result<Value> {
        loop {
            let frame = self.frame().await?;
            match frame["type"].as_str() {
                Some("message") if frame["sender"] == "bot" => return Ok(frame),
                Some("error") => bail!("{frame}"),
                _ => {}
            }
        }
    }

    /// Stays until the server closes it. Pings are answered meanwhile.
    pub(crate) async fn idle(&mut self) {
        while self.text().await.is_ok() {}
    }
}

/// As many conversations at once as there are clients, each with one turn under way.
pub(crate) async fn turns(server: &Server, clients: usize, duration: Duration) -> anyhow::Result<Measured> {
    let (cpu, started) = (server.process.cpu_seconds()?, Instant::now());
    let mut all = latencies()?;
    for latency in try_join_all((0..clients).map(|_| converse(server, duration))).await? {
        all.add(latency)?;
    }
    Ok(Measured::of(all, started.elapsed(), server.process.cpu_seconds()? - cpu))
}

/// Somebody who watches a conversation on one node hears what is said in it on the other.
pub(crate) async fn across(speaks: &Server, watches: &Server) -> anyhow::Result<()> {
    let conversation = speaks.converse(&speaks.bot).await?;
    let mut socket = Socket::open(watches, &format!("?conversation_id={conversation}&since=0")).await?;
    let hears = async {
        loop {
            let frame = socket.frame().await?;
            match frame["type"].as_str() {
                Some("status") => {
                    speaks.say(&conversation, "hello").await?;
                }
                Some("message") if frame["content"] == "You said hello" => return anyhow::Ok(()),
                Some("error") => bail!("{frame}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), hears).await?
}

async fn converse(server: &Server, duration: Duration) -> anyhow::Result<Histogram<u64>> {
    let conversation = server.converse(&server.bot).await?;
    let mut socket = Socket::open(server, "").await?;

    let mut latency = latencies()?;
    let until = Instant::now() + duration;
    while Instant::now() < until {
        let sent = Instant::now();
        let frame = json!({ "type": "message", "conversation_id": conversation, "content": "hello" });
        socket.send(&frame).await?;
        socket.bot_says().await?;
        latency.record(sent.elapsed().as_micros() as u64)?;
    }
    Ok(latency)
}
