//! What a WebSocket costs in memory that is open and silent.

use std::{path::Path, time::Duration};

use anyhow::{Context, ensure};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    report::Report,
    server::{Server, text},
    socket::Socket,
};

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
    /// As many visitors, each of whom follows a conversation of their own.
    Visitors,
}

/// What a socket is opened with: the token of its session, and the query of its address.
type Door = (String, String);

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
    // Callers and conversations first: what the server keeps of them is there without a socket, too.
    let preparing = stream::iter((0..sockets).map(|_| door(&server, holder)));
    let doors: Vec<_> = preparing.buffer_unordered(AT_ONCE).try_collect().await?;
    drop(open_all(&server, &doors[..BEFORE.min(sockets)]).await?);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = server.process.resident_mib()?;
    let mut open = open_all(&server, &doors).await?;
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

async fn door(server: &Server, holder: Holder) -> anyhow::Result<Door> {
    match holder {
        Holder::Account => Ok((server.token.clone(), String::new())),
        Holder::Visitors => {
            let visit = server.post("/api/v1/auth/anonymous", &json!({ "bot_id": server.bot })).await?;
            let token = text(&visit["token"])?;
            let conversation = server.converse_as(&token, &server.bot).await?;
            Ok((token, format!("?conversation_id={conversation}")))
        }
    }
}

async fn open_all(server: &Server, doors: &[Door]) -> anyhow::Result<JoinSet<()>> {
    let opening = stream::iter(doors).map(|(token, query)| async move {
        let mut socket = Socket::open_at(server.address, token, query)
            .await
            .context("a socket; is `ulimit -n` enough?")?;
        // It is told who is here when that is settled.
        socket.frame().await?;
        anyhow::Ok(socket)
    });
    let idle = |mut idling: JoinSet<()>, mut socket: Socket| async move {
        idling.spawn(async move { socket.idle().await });
        anyhow::Ok(idling)
    };
    opening.buffer_unordered(AT_ONCE).try_fold(JoinSet::new(), idle).await
}
