//! What can be done with sessions.

use kernel::{
    Actor, Error, Id, Permission, Principal, Surroundings, Timestamp,
    id::kind,
    list::{ListRequest, Page},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError, ServerUnit, Unit},
    jobs::{JobContext, JobError, in_small_units},
};
use sea_query::{Condition, Expr, ExprTrait};

use super::{
    model::{EndedSessions, Session},
    revocation::Callers,
    store::{self, Live, SessionRow},
};
use crate::{api_keys, users, visitors::Visitors};

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// Not there, or not the caller's to know of.
    #[error("There is no such session.")]
    NotFound,
    /// There is no such user, or none that the caller may know of.
    #[error("There is no such user.")]
    NoSuchUser,
    /// Something further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for SessionError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<platform::db::ListError> for SessionError {
    fn from(error: platform::db::ListError) -> Self {
        Self::Other(error.into())
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::NotFound => Self::not_found("session"),
            SessionError::NoSuchUser => Self::not_found("user"),
            SessionError::Other(error) => error,
        }
    }
}

type Result<T> = std::result::Result<T, SessionError>;

/// Sign-in sessions. A cheap handle.
#[derive(Clone)]
pub struct Sessions {
    db: Db,
    world: Surroundings,
    callers: Callers,
    visitors: Visitors,
}

/// May the caller see the session and end it? Their own always; others' with `admin:sessions` in the organization
/// whose users they are.
fn may_administer(who: &Principal, session: &SessionRow) -> bool {
    who.is(session.user_id) || (who.may(Permission::ADMIN_SESSIONS) && who.org == session.home_org_id)
}

/// Rows that have neither ended nor expired.
pub(super) fn living(now: Timestamp) -> Condition {
    Condition::all()
        .add(Expr::col(("s", "ended_at")).is_null())
        .add(Expr::col(("s", "expires_at")).gt(now.timestamp_micros()))
}

impl Sessions {
    /// Forgets all that have expired.
    pub(super) async fn sweep(self, job: JobContext) -> std::result::Result<serde_json::Value, JobError> {
        let now = self.world.now();
        let sweep = || self.db.write_server(move |unit| store::sweep_some(unit, now));
        let swept = in_small_units(|| job.check(), store::SWEPT_AT_ONCE, sweep).await?;
        Ok(serde_json::json!({ "sessions": swept }))
    }

    pub(crate) fn new(db: Db, world: Surroundings, callers: Callers, visitors: Visitors) -> Self {
        Self { db, world, callers, visitors }
    }

    /// The sessions of the organization's users.
    pub async fn list(&self, who: &Actor, request: ListRequest) -> Result<Page<Session>> {
        let (now, current) = (self.world.now(), who.session);
        self.db
            .read(who.org, move |tx| {
                let page: Page<SessionRow> = tx.list(&store::OF_ORGANIZATION, &request, Some(living(now)))?;
                Ok(page.map(|row| Session::of(row, current)))
            })
            .await
    }

    /// The sessions of one user. The gateway has seen to it that it is the caller, or one who may administer them.
    pub async fn list_of(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        request: ListRequest,
    ) -> Result<Page<Session>> {
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .read_server(move |tx| {
                let account = users::store::find(tx, user)?.ok_or(SessionError::NoSuchUser)?;
                if !who.is(user) && account.home_org_id != who.org {
                    return Err(SessionError::NoSuchUser);
                }
                let theirs = living(now).add(Expr::col(("s", "user_id")).eq(user.as_bytes().to_vec()));
                let page: Page<SessionRow> = tx.list(&store::OF_USER, &request, Some(theirs))?;
                Ok(page.map(|row| Session::of(row, who.session)))
            })
            .await
    }

    /// The session of this request.
    pub async fn current(&self, who: &Actor) -> Result<Session> {
        if who.is_visitor() {
            return Ok(self.visitors.current(who).await.map_err(Error::from)?);
        }
        self.get(who, who.session).await
    }

    /// One session.
    pub async fn get(&self, who: &Actor, id: Id<kind::Session>) -> Result<Session> {
        let (now, who) = (self.world.now(), who.clone());
        self.db
            .read_server(move |tx| {
                let row = store::find(tx, id, now)?.ok_or(SessionError::NotFound)?;
                if !may_administer(&who, &row) {
                    return Err(SessionError::NotFound);
                }
                Ok(Session::of(row, who.session))
            })
            .await
    }

    /// Ends a session: its tokens are worth nothing and its sockets close.
    pub async fn end(&self, who: &Actor, id: Id<kind::Session>) -> Result<()> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                let row = store::find(unit.server(), id, now)?.ok_or(SessionError::NotFound)?;
                if !may_administer(&who, &row) {
                    return Err(SessionError::NotFound);
                }
                let live = store::live(unit.server(), id)?;
                let ended = end_all(unit.server(), &callers, live.into_iter().collect(), now)?;
                audit_ended(unit, &who, row.user_id, ended)?;
                Ok(())
            })
            .await
    }

    /// Ends all sessions of a user, but the caller's own if it is to be spared.
    pub async fn end_of(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        keep_current: bool,
    ) -> Result<EndedSessions> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                let account = users::store::find(unit.server(), user)?.ok_or(SessionError::NoSuchUser)?;
                if !who.is(user) && account.home_org_id != who.org {
                    return Err(SessionError::NoSuchUser);
                }
                let mut live = store::live_of_user(unit.server(), user, now)?;
                live.retain(|session| !(keep_current && session.id == who.session));
                let terminated_count = end_all(unit.server(), &callers, live, now)?;
                audit_ended(unit, &who, user, terminated_count)?;
                Ok(EndedSessions { terminated_count, status: "terminated" })
            })
            .await
    }
}

/// Ends these sessions, tells everybody who keeps something of them once it is committed, and counts them.
pub(crate) fn end_all(
    unit: &ServerUnit<'_>,
    callers: &Callers,
    sessions: Vec<Live>,
    now: Timestamp,
) -> std::result::Result<u64, DbError> {
    for session in &sessions {
        store::end(unit, session.id, now)?;
    }
    let count = sessions.len() as u64;
    callers.ended(unit, sessions);
    Ok(count)
}

/// Ends every session of a user.
pub(crate) fn end_all_of(
    unit: &ServerUnit<'_>,
    callers: &Callers,
    user: Id<kind::User>,
    now: Timestamp,
) -> std::result::Result<u64, DbError> {
    let live = store::live_of_user(unit, user, now)?;
    end_all(unit, callers, live, now)
}

/// Once the unit is committed: what every session and every API key of the user is worth has to be read again.
pub(crate) fn rights_changed(
    unit: &ServerUnit<'_>,
    callers: &Callers,
    user: Id<kind::User>,
    now: Timestamp,
) -> std::result::Result<(), DbError> {
    let sessions = store::live_of_user(unit, user, now)?;
    let keys = api_keys::store::secrets_of_user(unit, user)?;
    let tokens = sessions.iter().map(|session| session.token_hash);
    callers.changed(unit, tokens.chain(keys.iter().map(|key| key.secret_hash)).collect());
    Ok(())
}

fn audit_ended(
    unit: &Unit<'_>,
    who: &Actor,
    user: Id<kind::User>,
    count: u64,
) -> std::result::Result<(), DbError> {
    if count == 0 {
        return Ok(());
    }
    let entry = Audit::by(who, "session_ended", Category::Authentication);
    unit.audit(entry.on("user", user).detail("sessions", count))
}
