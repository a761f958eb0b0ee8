//! Turns of conversations over WebSocket: a message sent, its answer stored and received.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt, future::try_join_all};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest},
};

use crate::{
    http::{Measured, latencies},
    server::Server,
};

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
    let started = speaks.post("/api/v1/conversations", &json!({ "bot_id": speaks.bot })).await?;
    let conversation = started["conversation_id"].as_str().context("no conversation")?;
    let mut socket = connect(watches, &format!("?conversation_id={conversation}&since=0")).await?;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let hears = async {
        loop {
            let message = socket.next().await.context("the socket was closed")??;
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text)?;
            match frame["type"].as_str() {
                Some("status") => {
                    speaks.post(&path, &json!({ "content": "hello" })).await?;
                }
                Some("message") if frame["content"] == "You said hello" => return anyhow::Ok(()),
                Some("error") => bail!("{frame}"),
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), hears).await?
}

async fn connect(server: &Server, query: &str) -> anyhow::Result<WebSocketStream<MaybeTlsStream<TcpStream>>> {
    let mut request = format!("ws://{}/ws{query}", server.address).into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {}", server.token).parse()?);
    Ok(connect_async(request).await?.0)
}

async fn converse(server: &Server, duration: Duration) -> anyhow::Result<Histogram<u64>> {
    let started = server.post("/api/v1/conversations", &json!({ "bot_id": server.bot })).await?;
    let conversation = &started["conversation_id"];
    let mut socket = connect(server, "").await?;

    let mut latency = latencies()?;
    let until = Instant::now() + duration;
    while Instant::now() < until {
        let sent = Instant::now();
        let frame = json!({ "type": "message", "conversation_id": conversation, "content": "hello" });
        socket.send(Message::text(frame.to_string())).await?;
        loop {
            let message = socket.next().await.context("the socket was closed")??;
            let Message::Text(text) = message else { continue };
            let frame: Value = serde_json::from_str(&text)?;
            match frame["type"].as_str() {
                Some("message") if frame["sender"] == "bot" => break,
                Some("error") => bail!("{frame}"),
                _ => {}
            }
        }
        latency.record(sent.elapsed().as_micros() as u64)?;
    }
    Ok(latency)
}
