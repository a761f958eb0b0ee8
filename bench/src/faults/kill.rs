//! `kill -9` at random moments under load.

use std::{sync::atomic::AtomicBool, time::Duration};

use anyhow::ensure;
use rand::{RngExt, rngs::StdRng};
use rusqlite::Connection;

use super::load::{Load, Target};
use crate::server::Server;

/// Rows of one unit of work: whoever has the one has the other.
const BOTS: &str = "SELECT count(*) FROM bots";
const NOTED: &str = "SELECT count(*) FROM audit WHERE action = 'bot_created'";

pub(super) async fn often(mut server: Server, kills: usize, mut dice: StdRng) -> anyhow::Result<String> {
    let on = if server.database().is_some() { "PostgreSQL" } else { "SQLite" };
    let mut load = Load::begin(&server).await?;
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
    ensure!(bots > kills && turns > kills, "there was no load: {bots} bots, {turns} turns");
    Ok(format!(
        "{on}: killed {kills} times; {bots} bots and {turns} turns acknowledged, all there and once; \
         slowest start {} ms",
        slowest.as_millis()
    ))
}

/// Nothing is there in part.
fn whole(server: &Server) -> anyhow::Result<()> {
    let (bots, noted): (i64, i64) = match server.database() {
        None => {
            let connection = Connection::open(server.sqlite())?;
            let count = |sql| connection.query_row(sql, [], |row| row.get(0));
            (count(BOTS)?, count(NOTED)?)
        }
        Some(database) => (database.count(BOTS)?, database.count(NOTED)?),
    };
    ensure!(bots == noted, "{bots} bots were made and {noted} were noted");
    Ok(())
}
