//! What the scripts of a package say of themselves: put up with the state that says so, and taken down with it.

use std::collections::BTreeMap;

use kernel::{Id, Timestamp, id::kind::Bot, text};
use platform::db::{DbError, Json, Unit};

use super::{
    running,
    store::{self, Put},
    when::When,
};
use crate::packages::state::State;

/// The setting that names the time zone of a bot.
const ZONE: &str = "timezone";

/// The time zone of a bot with these settings.
pub(super) fn zone(settings: &BTreeMap<String, String>) -> &str {
    settings.get(ZONE).map_or("UTC", |zone| zone.trim())
}

/// Puts up a schedule, or changes the one of its plan; is it new? One that says what it said before stays as it is: its
/// job waits already.
pub(super) fn put_up(unit: &Unit<'_>, put: &Put<'_>, now: Timestamp) -> Result<bool, DbError> {
    let before = store::planned(unit, put.bot, put.script, put.plan)?;
    if let Some(before) = &before {
        let is_same = before.cron.as_deref() == put.cron && before.timezone == put.timezone;
        // What is due already is about to run.
        let waits = before.next_at.is_some_and(|at| at == put.next || at <= now);
        if is_same && before.job.is_some() && waits {
            return Ok(false);
        }
        before.job.map_or(Ok(()), |job| unit.withdraw(job))?;
    }
    let id = store::put(unit, put, now)?;
    running::plan(unit, id, put.next)?;
    Ok(before.is_none())
}

/// Puts up what the scripts of that state declare, and takes down what they don't any more. What follows the clock of
/// another zone than the bot's, moves.
pub(crate) fn declare(unit: &Unit<'_>, bot: Id<Bot>, state: &State, now: Timestamp) -> Result<(), DbError> {
    let zone = zone(&state.settings);
    let mut wanted = BTreeMap::new();
    for script in state.scripts.values() {
        for cron in &script.schedules {
            wanted.insert(
                (text::key(&script.name), declared_plan(cron)),
                (script.name.as_str(), cron.as_str()),
            );
        }
    }
    for row in store::all_of(unit, bot)? {
        let is_wanted = wanted.contains_key(&(text::key(&row.script), row.plan.clone()));
        if row.declared && !is_wanted {
            row.job.map_or(Ok(()), |job| unit.withdraw(job))?;
            store::delete(unit, row.id)?;
        } else if let Some(cron) = row.cron.as_deref().filter(|_| !row.declared && row.timezone != zone) {
            let put = |next| Put {
                bot,
                script: &row.script,
                plan: &row.plan,
                arguments: &row.arguments,
                cron: Some(cron),
                timezone: zone,
                declared: false,
                next,
            };
            // A plan that has not begun yet does not begin before its day.
            let after = row
                .next_at
                .filter(|_| row.last_at.is_none())
                .map_or(now, |first| now.max(first - chrono::TimeDelta::days(1)));
            if let Some(next) = next_of(cron, zone, after) {
                put_up(unit, &put(next), now)?;
            }
        }
    }
    let arguments = Json::of(&[(); 0]);
    for ((_, plan), (script, cron)) in wanted {
        // Whoever set a zone that there is not was told of it.
        let Some(next) = next_of(cron, zone, now) else { continue };
        let (plan, cron, arguments) = (plan.as_str(), Some(cron), &arguments);
        put_up(unit, &Put { bot, script, plan, arguments, cron, timezone: zone, declared: true, next }, now)?;
    }
    Ok(())
}

/// What makes two declarations of a script the same.
fn declared_plan(cron: &str) -> String {
    format!("declared {cron}")
}

fn next_of(cron: &str, zone: &str, after: Timestamp) -> Option<Timestamp> {
    let when = When::Again { cron: cron.to_owned(), from: None };
    when.first_after(after, zone)
        .inspect_err(|error| tracing::warn!(%error, "a schedule can't be put up"))
        .ok()?
}
