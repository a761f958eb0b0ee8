//! The outbox: what happened, written in the unit of work in which it happened, and told to whoever subscribed.
//!
//! [`Unit::emit`] writes a row. A relay makes one job for each row and subscriber and removes the row, in one unit, so
//! that every event becomes every job exactly once; the job is then done at least once, as all jobs are. Of one
//! resource a subscriber hears the events one after another, in the order in which they were emitted: a job stands
//! behind those of the same subscriber and resource that have not ended. One that dies lets the next one pass.
//!
//! The order of emission is that of the table's numbers. Two units that emit events of the same resource lock the
//! resource first, so that the later one draws its number after the earlier one has committed.

mod relay;
#[cfg(test)]
mod tests;

use std::future::Future;

use kernel::{
    Event, Timestamp,
    id::{Id, kind},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    db::{DbError, Json, Migration, Tx, Unit},
    jobs::{Handler, JobContext, JobError, JobKind},
};
pub(crate) use relay::relay_some;

/// Numbers are never given twice, also after the newest row was removed.
pub(crate) const TABLE: Migration = Migration::each(
    "m20261129_03_platform_outbox",
    "CREATE TABLE outbox (
        seq integer PRIMARY KEY AUTOINCREMENT,
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        name text NOT NULL,
        subject text NOT NULL,
        data text NOT NULL,
        at bigint NOT NULL
    );",
    "CREATE TABLE outbox (
        seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        name text NOT NULL,
        subject text NOT NULL,
        data text NOT NULL,
        at bigint NOT NULL
    );",
);

/// An event as a subscriber gets it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Emitted {
    /// Names the event: who gets it twice knows it by that.
    pub event_id: Id<kind::Event>,
    /// What happened: `bot.created`.
    pub name: String,
    /// The id of the resource it happened to.
    pub subject: String,
    /// The organization it happened in.
    pub organization_id: Id<kind::Organization>,
    /// When.
    pub at: Timestamp,
    /// Rises with each event: of two events of one resource the later one has the higher number.
    #[serde(default)]
    pub number: i64,
    /// What there is to know of it.
    pub data: Value,
}

/// Somebody who wants to hear of events.
#[derive(Clone)]
pub struct Subscription {
    events: &'static [&'static str],
    kind: JobKind<Emitted>,
    handler: Handler,
    wanted: Option<Wanted>,
}

/// Does the organization want to hear of the event at all? Asked in the unit of work that makes jobs of events, for
/// everybody's: it must be a short look.
pub type Wanted = fn(&Tx<'_>, &Emitted) -> Result<bool, DbError>;

impl Subscription {
    /// Events of these names become jobs of that kind, done by that handler. `user.*` means all events of users, `*`
    /// all there are.
    pub fn new<F, Fut>(events: &'static [&'static str], kind: JobKind<Emitted>, handler: F) -> Self
    where
        F: Fn(JobContext, Emitted) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, JobError>> + Send + 'static,
    {
        Self { events, kind, handler: kind.handled_by(handler), wanted: None }
    }

    /// Only those that are wanted become jobs.
    #[must_use]
    pub fn only(self, wanted: Wanted) -> Self {
        Self { wanted: Some(wanted), ..self }
    }

    pub(crate) fn handler(&self) -> &Handler {
        &self.handler
    }

    pub(crate) fn hears(&self, event: &str) -> bool {
        self.events.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => event.starts_with(beginning),
            None => event == *wanted,
        })
    }
}

impl Unit<'_> {
    /// Tells whoever subscribed, once this unit of work is committed.
    pub fn emit<E: Event>(&self, event: &E) -> Result<(), DbError> {
        let at = self.surroundings().now();
        let id: Id<kind::Event> = self.surroundings().id_at(at);
        self.execute(
            "INSERT INTO outbox (org_id, id, name, subject, data, at) VALUES ($1, $2, $3, $4, $5, $6)",
            &[&id, &E::NAME, &event.subject(), &Json::of(event), &at],
        )?;
        self.signal_work();
        Ok(())
    }
}
