//! What can be done with visits.

use std::sync::{Arc, OnceLock};

use kernel::{
    Actor, Error, FieldErrors, Id, Origin, Permission, PermissionSet, Principal, Surroundings, Timestamp,
    id::kind::{Bot, User},
};
use platform::{
    db::{Db, DbError, ServerUnit, Tx},
    jobs::{JobContext, JobError, in_small_units},
};

use super::{
    Host, Open,
    model::{NewVisit, Visiting},
    store::{self, VisitRow},
};
use crate::{
    organizations,
    sessions::{Session, revocation::Callers},
    tokens::{Disclosed, NewToken, TokenKind},
};

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// There is no such bot, or it is not open.
    #[error("There is no such bot, or it is not open to visitors.")]
    NotOpen,
    /// The visit has ended.
    #[error("There is no such session.")]
    NoSession,
    /// Something further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for VisitError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<VisitError> for Error {
    fn from(error: VisitError) -> Self {
        match error {
            VisitError::NotOpen => Self::not_found("bot that is open to visitors").reason("bot_not_open"),
            VisitError::NoSession => Self::not_found("session"),
            VisitError::Other(error) => error,
        }
    }
}

type Result<T> = std::result::Result<T, VisitError>;

/// Visits that one unit ends at the most.
const SWEPT_AT_ONCE: u64 = 50;

/// Visits. A cheap handle.
#[derive(Clone)]
pub struct Visitors {
    db: Db,
    world: Surroundings,
    callers: Callers,
    host: Arc<OnceLock<Arc<dyn Host>>>,
}

/// A visit with the token that was made for it.
pub(crate) struct Begun {
    pub(crate) token: Disclosed,
    pub(crate) row: VisitRow,
    bot_name: String,
}

impl Visitors {
    pub(crate) fn new(db: Db, world: Surroundings, callers: Callers) -> Self {
        Self { db, world, callers, host: Arc::default() }
    }

    /// Says who has the bots; before that, none is open. The first one stays.
    /// May that member use the bot? Where nobody has bots, nobody may.
    pub(crate) fn may_use(
        &self,
        tx: &Tx<'_>,
        bot: Id<Bot>,
        user: Id<User>,
        now: Timestamp,
    ) -> std::result::Result<bool, DbError> {
        self.host.get().map_or(Ok(false), |host| host.may_use(tx, bot, user, now))
    }

    pub(crate) fn hosted_by(&self, host: Arc<dyn Host>) {
        let _ = self.host.set(host);
    }

    /// Begins a visit.
    pub async fn begin(&self, origin: &Origin, new: NewVisit) -> Result<Visiting> {
        let mut wrong = FieldErrors::default();
        wrong.check(
            new.bot_id.is_none() || new.bot_name.is_none(),
            "bot_id",
            "can't be combined with bot_name",
        );
        wrong.finish()?;
        let named = new.bot_id.or(new.bot_name);
        let Begun { token, row, bot_name } = self.enter(origin, named).await?;
        Ok(Visiting {
            user_id: row.user_id,
            session_id: row.id,
            token,
            status: "authenticated",
            bot_id: row.bot_id,
            bot_name,
            expires_at: row.expires_at,
        })
    }

    /// The same for whoever answers otherwise.
    pub(crate) async fn enter(&self, origin: &Origin, named: Option<String>) -> Result<Begun> {
        let host = Arc::clone(self.host.get().ok_or(VisitError::NotOpen)?);
        let named = named.filter(|name| name != "default");
        let open = self.db.read_server(move |tx| host.open(tx, named.as_deref())).await?;
        let Open { org, bot, name: bot_name, idle } = open.ok_or(VisitError::NotOpen)?;
        let now = self.world.now();
        let token = NewToken::of(TokenKind::Visitor, &self.world);
        let row = VisitRow {
            id: self.world.id_at(now),
            user_id: self.world.id_at(now),
            org_id: org,
            bot_id: bot,
            token_hash: token.hash,
            ip_address: origin.address.to_canonical().to_string(),
            user_agent: origin.user_agent.clone(),
            idle: idle.num_microseconds().unwrap_or(i64::MAX / 2),
            last_activity: now,
            expires_at: now + idle,
            ended_at: None,
            created_at: now,
            org_settings: None,
        };
        let new = row.clone();
        self.db
            .write_server(move |unit| {
                // The bots of an organization that was deleted are there until they are erased.
                if !organizations::store::is_there(unit, org)? {
                    return Err(VisitError::NotOpen);
                }
                Ok(store::insert(unit, &new)?)
            })
            .await?;
        Ok(Begun { token: token.text, row, bot_name })
    }

    /// The visit of this request.
    pub(crate) async fn current(&self, who: &Actor) -> Result<Session> {
        let id = who.session;
        let row = self.db.read_server(move |tx| store::by_id(tx, id)).await?;
        row.map(Session::of_visit).ok_or(VisitError::NoSession)
    }

    /// Ends the caller's visit.
    pub(crate) async fn end(&self, who: &Actor) -> Result<()> {
        let (id, now, this) = (who.session, self.world.now(), self.clone());
        self.db
            .write(who.org, move |unit| {
                let row = store::by_id(unit.server(), id)?.ok_or(VisitError::NoSession)?;
                if store::end(unit.server(), id, now)? {
                    this.has_ended(unit.server(), &row)?;
                }
                Ok(())
            })
            .await
    }

    /// Gives what a visitor said to whom they turned out to be, and ends the visit. Nothing if it has ended, or is
    /// another organization's.
    pub(crate) fn claim(
        &self,
        unit: &ServerUnit<'_>,
        visitor: &Principal,
        by: (Id<kernel::id::kind::Organization>, Id<User>),
        now: Timestamp,
    ) -> std::result::Result<(), DbError> {
        let (org, user) = by;
        if visitor.org != org || !store::end(unit, visitor.session, now)? {
            return Ok(());
        }
        if let Some(host) = self.host.get() {
            host.moved(&unit.org(org), visitor.user, user)?;
        }
        let row = store::by_id(unit, visitor.session)?;
        self.callers.ended(unit, row.iter().map(VisitRow::live).collect());
        Ok(())
    }

    /// Tells everybody who keeps something of a visit that ends with the unit.
    fn has_ended(&self, unit: &ServerUnit<'_>, row: &VisitRow) -> std::result::Result<(), DbError> {
        if let Some(host) = self.host.get() {
            host.left(&unit.org(row.org_id), row.user_id)?;
        }
        self.callers.ended(unit, vec![row.live()]);
        Ok(())
    }

    /// Ends and forgets the visits of those who didn't come back.
    pub(super) async fn sweep(self, job: JobContext) -> std::result::Result<serde_json::Value, JobError> {
        let swept = in_small_units(|| job.check(), SWEPT_AT_ONCE, || self.sweep_some()).await?;
        Ok(serde_json::json!({ "visits": swept }))
    }

    /// Some of them; gives their number.
    pub(super) async fn sweep_some(&self) -> std::result::Result<u64, DbError> {
        let (this, now) = (self.clone(), self.world.now());
        self.db
            .write_server(move |unit| {
                let some = store::expired(unit, now, SWEPT_AT_ONCE.cast_signed())?;
                for row in &some {
                    // Who came back this moment stays.
                    if store::forget(unit, row.id, now)? && row.ended_at.is_none() {
                        this.has_ended(unit, row)?;
                    }
                }
                Ok(some.len() as u64)
            })
            .await
    }
}

impl VisitRow {
    /// Who calls with its token.
    pub(crate) fn principal(&self) -> Principal {
        Principal {
            user: self.user_id,
            org: self.org_id,
            session: self.id,
            permissions: PermissionSet::from_iter([Permission::CHAT_READ, Permission::CHAT_WRITE]),
            level: 0,
            expires_at: self.expires_at,
            visits: Some(self.bot_id),
            key: None,
            confined: None,
        }
    }
}
