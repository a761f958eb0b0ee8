//! Turns of conversations over WebSocket: a message sent, its answer stored and received.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt, future::try_join_all};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
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

async fn converse(server: &Server, duration: Duration) -> anyhow::Result<Histogram<u64>> {
    let started = server.post("/api/v1/conversations", &json!({ "bot_id": server.bot })).await?;
    let conversation = &started["conversation_id"];
    let mut request = format!("ws://{}/ws", server.address).into_client_request()?;
    request.headers_mut().insert("authorization", format!("Bearer {}", server.token).parse()?);
    let (mut socket, _) = connect_async(request).await?;

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
