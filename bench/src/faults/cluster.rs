//! Two nodes behind HAProxy: restarted one after the other under load without a failed request, and one of them killed.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use test_servers::{Balance, HaProxy};

use super::load::{Load, Target};
use crate::{database::Database, server::Server, socket};

/// How long a node goes on after it was told to stop, so that the proxy notices.
const DRAIN_SECONDS: &str = "2";

pub(super) async fn behind_a_proxy(
    binary: &Path,
    postgres: &str,
    redis: Option<&str>,
) -> anyhow::Result<String> {
    let database = Arc::new(Database::make(postgres)?);
    let mut variables = vec![
        ("BOTSERVER_HTTP_DRAIN_SECONDS", DRAIN_SECONDS.to_owned()),
        ("BOTSERVER_SECRET_KEY", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=".to_owned()),
    ];
    if let Some(redis) = redis {
        variables.push(("BOTSERVER_CACHE_URL", redis.to_owned()));
    }
    let first =
        Server::start_in(tempfile::tempdir()?, binary, Some(Arc::clone(&database)), variables).await?;
    let second = first.another().await?;
    let mut nodes = [first, second];
    let addresses = nodes.each_ref().map(|node| node.address);
    let [spread, sticky] =
        [Balance::Spread, Balance::Sticky].map(|balance| HaProxy::start(&addresses, balance));
    let mut load = Load::begin(&nodes[0]).await?;

    socket::across(&nodes[0], &nodes[1]).await.context("a message did not reach the other node")?;
    for proxy in [&spread, &sticky] {
        let target = Target::over(&nodes[0], proxy.address());
        let failed = rolling_restart(&mut load, &target, &mut nodes).await?;
        ensure!(failed == 0, "{failed} requests failed while nodes were restarted one after the other");
        load.check(&target).await?;
    }
    let target = Target::over(&nodes[0], spread.address());
    let broken = killed(&mut load, &target, &mut nodes[1]).await?;
    load.check(&target).await?;
    let (bots, turns) = load.acknowledged();
    let bus = redis.map_or("LISTEN/NOTIFY", |_| "Redis");
    Ok(format!(
        "two nodes behind HAProxy over {bus}: 4 restarts, no request failed; 1 killed, {broken} requests broken off; \
         {bots} bots and {turns} turns acknowledged, all there and once"
    ))
}

async fn rolling_restart(load: &mut Load, target: &Target, nodes: &mut [Server; 2]) -> anyhow::Result<usize> {
    let stop = AtomicBool::new(false);
    let restarting = async {
        for node in nodes {
            tokio::time::sleep(Duration::from_millis(500)).await;
            node.process.end().await?;
            node.go_on_at_the_same_address().await?;
            // The proxy has to see it before the other one goes.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        stop.store(true, Ordering::Relaxed);
        anyhow::Ok(())
    };
    let (failed, restarted) = tokio::join!(load.work(target, &stop), restarting);
    restarted?;
    Ok(failed)
}

/// Kills a node under load; the other one takes over. Gives how many requests were broken off or refused.
async fn killed(load: &mut Load, target: &Target, node: &mut Server) -> anyhow::Result<usize> {
    let stop = AtomicBool::new(false);
    let killing = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        node.process.stop();
        tokio::time::sleep(Duration::from_secs(2)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let started = Instant::now();
    let (broken, ()) = tokio::join!(load.work(target, &stop), killing);
    ensure!(started.elapsed() < Duration::from_secs(20), "the other node did not take over");
    Ok(broken)
}
