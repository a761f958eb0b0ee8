//! `kill -9` at random moments under load.

use std::{sync::atomic::AtomicBool, time::Duration};

use anyhow::ensure;
use rand::{RngExt, rngs::StdRng};
use rusqlite::Connection;

use super::load::{Load, Target};
use crate::server::Server;

/// Dialogs that are busy when the server is killed.
const DIALOGS: usize = 64;

/// Bots without the note of their making, which stands in the same unit of work, or notes without a bot. One statement
/// sees one state: a database server may still be committing what it was asked before the kill.
const HALVES: &str =
    "SELECT (SELECT count(*) FROM bots) - (SELECT count(*) FROM audit WHERE action = 'bot_created')";

/// Writers and talkers, and a server that is killed under them.
pub(super) async fn often(server: Server, kills: usize, dice: StdRng) -> anyhow::Result<String> {
    let load = Load::begin(&server).await?;
    let (on, killed) = (on(&server), kill(server, load, kills, dice).await?);
    Ok(format!("{on}: killed {kills} times; {killed}"))
}

/// The same under dialogs of several steps.
pub(super) async fn in_dialogs(server: Server, kills: usize, dice: StdRng) -> anyhow::Result<String> {
    let load = Load::of_dialogs(&server, DIALOGS).await?;
    let (on, killed) = (on(&server), kill(server, load, kills, dice).await?);
    Ok(format!(
        "{on}: killed {kills} times in {DIALOGS} dialogs, each of which went on with its next step; {killed}"
    ))
}

fn on(server: &Server) -> &'static str {
    if server.database().is_some() { "PostgreSQL" } else { "SQLite" }
}

async fn kill(mut server: Server, mut load: Load, kills: usize, mut dice: StdRng) -> anyhow::Result<String> {
    let mut slowest = Duration::ZERO;
    for _ in 0..kills {
        let (target, stop) = (Target::of(&server), AtomicBool::new(false));
        let moment = Duration::from_millis(dice.random_range(20..400));
        tokio::select! {
            _ = load.work(&target, &stop) => {}
            () = tokio::time::sleep(moment) => {}
        }
        server.process.stop();
        whole(&server)?;
        let began = std::time::Instant::now();
        server.go_on().await?;
        slowest = slowest.max(began.elapsed());
        load.check(&Target::of(&server)).await?;
    }
    let (bots, turns) = load.acknowledged();
    ensure!(load.was_busy(kills), "there was no load: {bots} bots, {turns} turns");
    let slowest = slowest.as_millis();
    Ok(format!("{bots} bots and {turns} turns acknowledged, all there and once; slowest start {slowest} ms"))
}

/// Nothing is there in part.
fn whole(server: &Server) -> anyhow::Result<()> {
    let halves: i64 = match server.database() {
        None => Connection::open(server.sqlite())?.query_row(HALVES, [], |row| row.get(0))?,
        Some(database) => database.count(HALVES)?,
    };
    ensure!(halves == 0, "{halves} more bots were made than were noted");
    Ok(())
}
