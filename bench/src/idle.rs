//! What a WebSocket costs in memory that is open and silent.

use std::{path::Path, time::Duration};

use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{report::Report, server::Server, socket::Socket};

/// What a socket may cost, in KiB.
const ASKED_KIB: f64 = 16.0;
/// Sockets that are opened at once.
const AT_ONCE: usize = 64;
/// Sockets that are opened and closed before, so that what the first ones bring about is not counted.
const BEFORE: usize = 200;
/// The heartbeat; the sockets are looked at after some, because each sends a ping and looks at the session.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Who holds the sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Holder {
    /// One account, which follows nothing.
    Account,
    /// As many visitors, each of whom follows the conversation that they began.
    Visitors,
}

/// Opens so many on a server of its own, and tells what each costs when nothing happens.
pub(crate) async fn measure(
    report: &mut Report,
    binary: &Path,
    sockets: usize,
    holder: Holder,
) -> anyhow::Result<()> {
    let heartbeat = ("BOTSERVER_HTTP_SOCKET_HEARTBEAT_SECONDS", HEARTBEAT.as_secs().to_string());
    let server = Server::start_in(tempfile::tempdir()?, binary, None, vec![heartbeat]).await?;
    server.open_to_visitors().await?;
    drop(open_all(&server, BEFORE, holder).await?);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = server.process.resident_mib()?;
    let mut open = open_all(&server, sockets, holder).await?;
    tokio::time::sleep(HEARTBEAT * 2).await;
    let each = (server.process.resident_mib()? - before) * 1024.0 / sockets as f64;
    ensure!(open.try_join_next().is_none(), "the server closed a socket that was idle");
    let whose = match holder {
        Holder::Account => "of one account",
        Holder::Visitors => "of as many visitors, each with a conversation",
    };
    report.at_most(format!("memory of each of {sockets} idle WebSockets {whose}"), each, "KiB", ASKED_KIB);
    Ok(())
}

async fn open_all(server: &Server, sockets: usize, holder: Holder) -> anyhow::Result<JoinSet<()>> {
    let opening = stream::iter((0..sockets).map(|_| open(server, holder)));
    let idle = |mut idling: JoinSet<()>, mut socket: Socket| async move {
        idling.spawn(async move { socket.idle().await });
        anyhow::Ok(idling)
    };
    opening.buffer_unordered(AT_ONCE).try_fold(JoinSet::new(), idle).await
}

async fn open(server: &Server, holder: Holder) -> anyhow::Result<Socket> {
    match holder {
        Holder::Account => {
            let mut socket = Socket::open(server, "").await.context("a socket; is `ulimit -n` enough?")?;
            socket.frame().await?;
            Ok(socket)
        }
        Holder::Visitors => {
            let mut socket = Socket::open_as(server, None, &format!("?bot={}", server.bot)).await?;
            socket.send(&json!({ "type": "message", "content": "hello" })).await?;
            socket.bot_says().await?;
            Ok(socket)
        }
    }
}
