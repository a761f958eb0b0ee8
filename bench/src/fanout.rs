//! One message of a bot to everybody who listens to its conversation.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::{sync::mpsc, task::JoinSet, time::timeout};

use crate::{
    http::{Connection, Measured, latencies, with_body},
    report::{Case, Report},
    server::Server,
    socket::Socket,
};

/// Frames of one turn: what the person said, and what the bot said.
const FRAMES: usize = 2;

/// How often something is said.
const ROUNDS: usize = 100;

/// Says something, and takes the time from its sending until the last listener has the bot's answer.
pub(crate) async fn measure(report: &mut Report, server: &Server, listeners: usize) -> anyhow::Result<()> {
    let conversation = server.converse(&server.bot).await?;
    let (last, mut heard_by_all) = mpsc::channel(1);
    let heard = Arc::new(AtomicUsize::new(0));
    let query = format!("?conversation_id={conversation}");
    let opening = stream::iter((0..listeners).map(|_| Socket::open(server, &query)));
    let listen = |mut listening: JoinSet<_>, socket| {
        listening.spawn(listen(socket, Arc::clone(&heard), listeners, last.clone()));
        async { anyhow::Ok(listening) }
    };
    let _listening = opening.buffer_unordered(64).try_fold(JoinSet::new(), listen).await?;
    tokio::time::sleep(Duration::from_millis(500)).await;

    let mut speaker = Connection::open(server.address).await?;
    let (mut latency, mut cpu, mut elapsed) = (latencies()?, 0.0, Duration::ZERO);
    // The first round warms up.
    for round in 0..=ROUNDS {
        let (before, sent) = (server.process.cpu_seconds()?, Instant::now());
        speaker.exchange(&says(server, &conversation)).await?;
        let at = timeout(Duration::from_secs(20), heard_by_all.recv()).await;
        let at = at.context("not everybody heard it")?.context("nobody listens")?;
        if round > 0 {
            latency.record(at.duration_since(sent).as_micros() as u64)?;
            cpu += server.process.cpu_seconds()? - before;
            elapsed += at.duration_since(sent);
        }
    }
    let frame = cpu * 1e6 / (ROUNDS * listeners * FRAMES) as f64;
    let name = format!("message until the last of {listeners} listeners has the answer");
    report.case(Case::mark(name, Measured::of(latency, elapsed, cpu)));
    report.note(
        format!("server CPU for each frame delivered to {listeners} listeners"),
        format!("{frame:.2} µs"),
    );
    Ok(())
}

fn says(server: &Server, conversation: &str) -> Vec<u8> {
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let body = json!({ "content": "hello" }).to_string();
    with_body("POST", &path, server.address, Some(&server.token), "application/json", body.as_bytes())
}

/// Counts each answer; who is the last to hear one tells when that was.
async fn listen(mut socket: Socket, heard: Arc<AtomicUsize>, listeners: usize, last: mpsc::Sender<Instant>) {
    while let Ok(text) = socket.text().await {
        if text.contains(r#""sender":"bot""#) && heard.fetch_add(1, Ordering::Relaxed) + 1 == listeners {
            heard.store(0, Ordering::Relaxed);
            if last.send(Instant::now()).await.is_err() {
                return;
            }
        }
    }
}
