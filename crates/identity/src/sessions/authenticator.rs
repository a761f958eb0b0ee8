//! From a token to its caller: in memory if they were here lately, else from the database.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::TimeDelta;
use kernel::{Error, Id, Principal, Result, Timestamp, id::kind};
use platform::db::{Db, DbError};
use tokio::sync::mpsc;

use super::{
    revocation::{Callers, Known},
    store,
};
use crate::{
    roles::{self, Effective},
    tokens::{self, TokenHash, TokenKind},
    visitors,
};

/// Uses of sessions that may wait to be written down; more are left out until the next minute.
const WAITING: usize = 4096;
/// Uses written in one unit.
const BATCH: usize = 256;
/// The use of a session is written down this often at the most.
const PRECISION: TimeDelta = TimeDelta::minutes(1);

/// Turns tokens into callers.
#[derive(Clone)]
pub(crate) struct Authenticator {
    db: Db,
    callers: Callers,
    uses: mpsc::Sender<Use>,
}

/// A session was used, or a visit.
#[derive(Clone, Copy)]
struct Use {
    session: Id<kind::Session>,
    is_visit: bool,
    at: Timestamp,
}

/// What kind of token it is that makes a caller, and its hash.
fn read(token: &str) -> Option<(TokenKind, TokenHash)> {
    [TokenKind::Access, TokenKind::Visitor]
        .into_iter()
        .find_map(|kind| Some((kind, tokens::read(kind, token)?)))
}

fn refused(reason: &'static str) -> Error {
    Error::unauthorized("The token is not valid, or not any more. Sign in again.", reason)
}

impl Authenticator {
    /// Needs a running Tokio: a task writes down when sessions are used, until the last clone of this is gone.
    pub(crate) fn new(db: Db, callers: Callers) -> Self {
        let (uses, waiting) = mpsc::channel(WAITING);
        tokio::spawn(write_down(db.clone(), waiting));
        Self { db, callers, uses }
    }

    /// The caller behind the token, or 401 with `token_invalid`, `token_expired` or `session_ended`.
    pub(crate) async fn authenticate(&self, token: &str, now: Timestamp) -> Result<Arc<Principal>> {
        let (kind, hash) = read(token).ok_or_else(|| refused("token_invalid"))?;
        if let Some(principal) = self.recall(&hash, now) {
            return Ok(principal);
        }
        let known = match kind {
            TokenKind::Visitor => self.read_visit(hash, now).await?,
            _ => self.read(hash, now).await?,
        };
        self.note(&known, now);
        Ok(Arc::clone(&known.principal))
    }

    /// The caller behind the token, if this node knows without asking the database.
    pub(crate) fn remembered(&self, token: &str, now: Timestamp) -> Option<Arc<Principal>> {
        self.recall(&read(token)?.1, now)
    }

    fn recall(&self, hash: &TokenHash, now: Timestamp) -> Option<Arc<Principal>> {
        let known = self.callers.get(hash, now)?;
        self.note(&known, now);
        Some(Arc::clone(&known.principal))
    }

    /// The caller as they stand now, who has shown good credentials a while ago. Whether these are still good is not
    /// asked, but whether their session goes on, and what they may do by now: 401 with `session_ended` where nothing.
    pub(crate) async fn again(&self, who: &Principal, now: Timestamp) -> Result<Arc<Principal>> {
        let id = who.session;
        if who.is_visitor() {
            let visit = self.db.read_server(move |tx| visitors::store::by_id(tx, id)).await?;
            let visit = visit.filter(|visit| visit.ended_at.is_none() && visit.expires_at > now);
            return Ok(Arc::new(visit.ok_or_else(|| refused("session_ended"))?.principal()));
        }
        let shown = self.db.read_server(move |tx| store::by_id(tx, id)).await?;
        let shown = shown.filter(|shown| shown.org_id == who.org).ok_or_else(|| refused("session_ended"))?;
        Ok(Arc::new(self.standing(&shown, now).await?.0))
    }

    async fn read(&self, hash: TokenHash, now: Timestamp) -> Result<Arc<Known>> {
        let reading = self.callers.begin();
        let shown = self.db.read_server(move |tx| store::by_token(tx, &hash)).await?;
        let shown = shown.ok_or_else(|| refused("token_invalid"))?;
        if shown.token_expires_at <= now && shown.goes_on() {
            return Err(refused("token_expired"));
        }
        let (principal, end) = self.standing(&shown, now).await?;
        let known = Arc::new(Known {
            principal: Arc::new(principal),
            until: end.map_or(shown.token_expires_at, |end| end.min(shown.token_expires_at)),
            noted: AtomicI64::new(shown.last_activity.timestamp_micros()),
            precision: PRECISION,
        });
        self.callers.remember(&reading, hash, Arc::clone(&known));
        Ok(known)
    }

    /// Whose session it is and what they may do now, and when the first of their roles ends.
    async fn standing(&self, shown: &store::Shown, now: Timestamp) -> Result<(Principal, Option<Timestamp>)> {
        if !shown.goes_on() {
            return Err(refused("session_ended"));
        }
        let user = shown.user_id;
        let held: Result<_, DbError> =
            self.db.read(shown.org_id, move |tx| roles::store::holdings(tx, user)).await;
        let effective = Effective::of(&held?.ok_or_else(|| refused("session_ended"))?, now);
        let principal = Principal {
            user,
            org: shown.org_id,
            session: shown.id,
            permissions: effective.permissions,
            level: effective.level,
            expires_at: shown.token_expires_at,
            visits: None,
        };
        Ok((principal, effective.until))
    }

    async fn read_visit(&self, hash: TokenHash, now: Timestamp) -> Result<Arc<Known>> {
        let reading = self.callers.begin();
        let visit = self.db.read_server(move |tx| visitors::store::by_token(tx, &hash)).await?;
        let visit = visit.ok_or_else(|| refused("token_invalid"))?;
        if visit.ended_at.is_some() || visit.expires_at <= now {
            return Err(refused("session_ended"));
        }
        let known = Arc::new(Known {
            principal: Arc::new(visit.principal()),
            // Whoever comes back is read again then, with the end that their use has moved.
            until: visit.expires_at,
            noted: AtomicI64::new(visit.last_activity.timestamp_micros()),
            // Its use moves its end, so that a short one has to be noted more often.
            precision: PRECISION.min(TimeDelta::microseconds(visit.idle / 4)),
        });
        self.callers.remember(&reading, hash, Arc::clone(&known));
        Ok(known)
    }

    /// Hands the use of the session on to be written down, off the request's path.
    fn note(&self, known: &Known, now: Timestamp) {
        let noted = known.noted.load(Ordering::Relaxed);
        let now_micros = now.timestamp_micros();
        if now_micros - noted < known.precision.num_microseconds().unwrap_or(i64::MAX) {
            return;
        }
        let first =
            known.noted.compare_exchange(noted, now_micros, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        let who = &known.principal;
        let used = Use { session: who.session, is_visit: who.is_visitor(), at: now };
        if first && self.uses.try_send(used).is_err() {
            tracing::debug!("the use of a session is not written down this minute: too many wait");
        }
    }
}

/// Writes uses down, those that wait together in one unit.
async fn write_down(db: Db, mut waiting: mpsc::Receiver<Use>) {
    let mut batch = Vec::new();
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let uses = std::mem::take(&mut batch);
        let written: Result<(), DbError> = db
            .write_server(move |unit| {
                uses.iter().try_for_each(|Use { session, is_visit, at }| {
                    let touch = if *is_visit { visitors::store::touch } else { store::touch };
                    touch(unit, *session, *at)
                })
            })
            .await;
        if let Err(error) = written {
            tracing::warn!(%error, "the use of sessions could not be written down");
        }
    }
}
