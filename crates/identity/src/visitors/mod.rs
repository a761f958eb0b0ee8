//! Visitors: people without an account, who talk with one bot that is open to them.
//!
//! A visit is a session of its own kind. It has one token, which lasts for as long as the visitor keeps coming back, and
//! a made-up user whose conversations are theirs alone. Signing in over it gives them to the account. Which bots are
//! open, and what a visitor leaves behind, is known to the [`Host`].

mod model;
mod routes;
mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use chrono::TimeDelta;
use gateway::{Access, Module, Repeats, VISITS, routes as documented};
use kernel::{
    Id, Timestamp,
    id::kind::{Bot, Organization, Session, User},
};
use platform::{
    db::{DbError, ServerTx, ServerUnit, Tx, Unit},
    jobs::JobKind,
    schedules::Schedule,
};

pub use model::{NewVisit, Visiting};
pub use service::{VisitError, Visitors};

/// Ends the visits of those who didn't come back.
const SWEEP: JobKind<()> = JobKind::new("visitors.sweep");

/// A bot that is open to visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Whose it is.
    pub org: Id<Organization>,
    /// The bot.
    pub bot: Id<Bot>,
    /// What people call it.
    pub name: String,
    /// How long a visitor may be silent.
    pub idle: TimeDelta,
}

/// Whoever has the bots.
pub trait Host: Send + Sync + 'static {
    /// The bot of that id or slug if it is open to visitors, or the default one of the server's first organization.
    fn open(&self, tx: &ServerTx<'_>, named: Option<&str>) -> Result<Option<Open>, DbError>;

    /// Is that user a member of the organization who can sign in and may use the bot?
    fn may_use(&self, tx: &Tx<'_>, bot: Id<Bot>, user: Id<User>, now: Timestamp) -> Result<bool, DbError>;

    /// What the visitor said becomes the user's. The unit's organization is that of both.
    fn moved(&self, unit: &Unit<'_>, visitor: Id<User>, user: Id<User>) -> Result<(), DbError>;

    /// The visitor will not come back: what they began ends.
    fn left(&self, unit: &Unit<'_>, visitor: Id<User>) -> Result<(), DbError>;
}

/// Keeps a visit from ending until the unit has. False if it has ended.
pub fn hold(unit: &ServerUnit<'_>, visit: Id<Session>) -> Result<bool, DbError> {
    store::hold(unit, visit)
}

/// The operations on visits, and their upkeep.
pub(crate) fn module(visitors: &Visitors) -> Module {
    let sweeper = visitors.clone();
    let begin = Access::public().limit(VISITS).repeats(Repeats::Secret).in_person();
    Module::new("visitors")
        .job(&SWEEP, move |job, ()| sweeper.clone().sweep(job))
        .schedule(Schedule::new("visitors.sweep", "*/5 * * * *", SWEEP.job(&())))
        .route(visitors, documented!(routes::begin), begin)
}
