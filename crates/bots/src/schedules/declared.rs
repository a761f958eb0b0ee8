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

/// Puts up what the scripts of that state declare, and takes down what they don't any more. One that says what it said
/// before keeps the time of its next run.
pub(crate) fn declare(unit: &Unit<'_>, bot: Id<Bot>, state: &State, now: Timestamp) -> Result<(), DbError> {
    let mut present = BTreeMap::new();
    for (id, script, plan, zone) in store::declared(unit, bot)? {
        present.insert((script, plan, zone), id);
    }
    let zone = zone(&state.settings);
    let arguments = Json::of(&[(); 0]);
    for script in state.scripts.values() {
        for cron in &script.schedules {
            let plan = format!("declared {cron}");
            if present.remove(&(text::key(&script.name), plan.clone(), zone.to_owned())).is_some() {
                continue;
            }
            let when = When::Again { cron: cron.clone(), from: None };
            let next = match when.first_after(now, zone) {
                Ok(next) => next,
                Err(error) => {
                    // Whoever set the zone was told of it.
                    tracing::warn!(%bot, script = script.name, %error, "a schedule can't be put up");
                    continue;
                }
            };
            let Some(next) = next else { continue };
            let put = Put {
                bot,
                script: &script.name,
                plan: &plan,
                arguments: &arguments,
                cron: Some(cron),
                timezone: zone,
                declared: true,
                next,
            };
            let id = store::put(unit, &put, now)?;
            // The zone may have changed, and then the row is the one that was there.
            present.retain(|_, other| *other != id);
            store::set_job(unit, id, running::enqueue(unit, id, next)?)?;
        }
    }
    present.into_values().try_for_each(|id| store::delete(unit, id))
}
