//! Two nodes on one database, of which one is killed with turns in flight: its clients go to the other one at once.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use anyhow::ensure;
use futures_util::future::try_join_all;
use rand::{RngExt, rngs::StdRng};

use super::load::{Load, Target};
use crate::{database::Database, server::Server};

/// Dialogs that are busy on the node that is killed.
const DIALOGS: usize = 32;
/// A node's lease of what it works on, which the others would wait for if they had to.
const LEASE: Duration = Duration::from_secs(5);

pub(super) async fn by_another_node(
    binary: &Path,
    postgres: &str,
    kills: usize,
    mut dice: StdRng,
) -> anyhow::Result<String> {
    let database = Arc::new(Database::make(postgres)?);
    let variables = vec![
        ("BOTSERVER_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned()),
        ("BOTSERVER_JOBS_LEASE_SECONDS", LEASE.as_secs().to_string()),
    ];
    let first = Server::start_in(tempfile::tempdir()?, binary, Some(database), variables).await?;
    let mut nodes = [first.another().await?, first];
    let mut load = Load::of_dialogs(&nodes[0], DIALOGS).await?;
    let mut waits = Vec::new();
    for _ in 0..kills {
        let [dies, lives] = &mut nodes;
        let (from, to) = (Target::of(dies), Target::of(lives));
        let moment = Duration::from_millis(dice.random_range(100..500));
        waits.extend(taken_over(&mut load, dies, (&from, &to), moment).await?);
        load.check(&to).await?;
        dies.go_on().await?;
        nodes.reverse();
    }
    let (_, turns) = load.acknowledged();
    ensure!(turns > kills * DIALOGS, "there was no load: {turns} turns");
    waits.sort_unstable();
    let at = |quantile: f64| waits[((waits.len() - 1) as f64 * quantile) as usize].as_millis();
    ensure!(waits.last().is_some_and(|longest| *longest < LEASE), "the slowest took {} ms", at(1.0));
    Ok(format!(
        "two nodes, {kills} times one killed with {DIALOGS} dialogs in flight: each went on at the other, p50 {} ms, \
         p99 {} ms, the slowest {} ms after the kill; {turns} turns acknowledged, all there and once",
        at(0.5),
        at(0.99),
        at(1.0)
    ))
}

/// Kills a node after a while. Whoever loses it goes on at the other; gives how long after the kill each had an answer.
async fn taken_over(
    load: &mut Load,
    dies: &mut Server,
    (from, to): (&Target, &Target),
    moment: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let never = &AtomicBool::new(false);
    let moving = load.dialogs().iter_mut().map(|dialog| async move {
        dialog.work(from, never).await;
        dialog.go_on(to).await?;
        anyhow::Ok(Instant::now())
    });
    let killing = async {
        tokio::time::sleep(moment).await;
        let killed = Instant::now();
        dies.process.stop();
        anyhow::Ok(killed)
    };
    let (answered, killed) = tokio::try_join!(try_join_all(moving), killing)?;
    Ok(answered.into_iter().map(|at| at.saturating_duration_since(killed)).collect())
}
