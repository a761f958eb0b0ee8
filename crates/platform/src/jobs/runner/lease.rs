//! Prolonging the leases of what runs.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use chrono::TimeDelta;
use kernel::{Timestamp, id::JobId};

use super::Node;
use crate::{
    db::DbError,
    jobs::{Settings, store},
};

/// How long a lease holds.
pub(super) fn length(settings: &Settings) -> TimeDelta {
    TimeDelta::from_std(settings.lease()).unwrap_or(TimeDelta::MAX)
}

/// Prolongs leases three times before they end, until aborted. A job whose lease is lost is told so; one that was
/// cancelled, too, where the hint went astray.
pub(super) async fn keep(node: Arc<Node>) {
    let beat: Duration = node.settings.lease() / 3;
    loop {
        tokio::select! {
            () = tokio::time::sleep(beat) => {}
            () = node.look_after.notified() => {}
        }
        let now = node.surroundings.now();
        match renew(&node, now + length(&node.settings)).await {
            Ok(()) => {}
            Err(error) => {
                tracing::error!(%error, "leases of jobs could not be prolonged");
                give_up(&node, now);
            }
        }
    }
}

async fn renew(node: &Node, until: Timestamp) -> Result<(), DbError> {
    let held: Vec<_> = node.running.iter().map(|attempt| (attempt.org, attempt.id, attempt.fence)).collect();
    if held.is_empty() {
        return Ok(());
    }
    let renewed = node.db.write_server(move |unit| {
        let everywhere = unit.everywhere();
        held.into_iter()
            .map(|one| Ok((one.1, store::renew(&everywhere, one, until)?)))
            .collect::<Result<Vec<(JobId, Option<bool>)>, DbError>>()
    });
    for (id, cancel_asked) in renewed.await? {
        let Some(attempt) = node.running.get(&id) else { continue };
        match cancel_asked {
            None => attempt.lost.cancel(),
            Some(true) => attempt.cancel.cancel(),
            Some(false) => {}
        }
        attempt.held_until.store(until.timestamp_micros(), Ordering::Relaxed);
    }
    Ok(())
}

/// What can't be prolonged in time is no longer this node's: another may have begun it.
fn give_up(node: &Node, now: Timestamp) {
    for attempt in &node.running {
        if attempt.held_until.load(Ordering::Relaxed) <= now.timestamp_micros() {
            attempt.lost.cancel();
        }
    }
}
