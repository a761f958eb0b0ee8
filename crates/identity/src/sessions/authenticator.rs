//! From a token to its caller: in memory if they were here lately, else from the database.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::TimeDelta;
use kernel::{Confinement, Error, Id, Kind, PermissionSet, Principal, Result, Timestamp, id::kind};
use platform::db::{Db, DbError, Json};
use tokio::sync::mpsc;

use super::{
    revocation::{Callers, Known},
    store,
};
use crate::{
    api_keys::{self, Networks},
    organizations::settings::Decided,
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

/// Something was used at that time.
#[derive(Clone, Copy)]
struct Use {
    of: Used,
    at: Timestamp,
}

/// What callers come by.
#[derive(Clone, Copy)]
enum Used {
    Session(Id<kind::Session>),
    Visit(Id<kind::Session>),
    Key(Id<kind::ApiKey>, IpAddr),
}

impl Used {
    fn by(who: &Principal, from: IpAddr) -> Self {
        match who.key {
            Some(key) => Self::Key(key, from),
            None if who.is_visitor() => Self::Visit(who.session),
            None => Self::Session(who.session),
        }
    }
}

/// What kind of token it is that makes a caller, and its hash.
fn read(token: &str) -> Option<(TokenKind, TokenHash)> {
    [TokenKind::Access, TokenKind::Visitor, TokenKind::ApiKey]
        .into_iter()
        .find_map(|kind| Some((kind, tokens::read(kind, token)?)))
}

fn refused(reason: &'static str) -> Error {
    Error::unauthorized("The token is not valid, or not any more. Sign in again.", reason)
}

/// From where an organization is used that decided so.
fn used_from(settings: Option<&Json>) -> std::result::Result<Networks, DbError> {
    Decided::stored(settings)?.networks()
}

impl Authenticator {
    /// Needs a running Tokio: a task writes down when sessions are used, until the last clone of this is gone.
    pub(crate) fn new(db: Db, callers: Callers) -> Self {
        let (uses, waiting) = mpsc::channel(WAITING);
        tokio::spawn(write_down(db.clone(), waiting));
        Self { db, callers, uses }
    }

    /// The caller who shows the token from there, or 401 with `token_invalid`, `token_expired`, `session_ended` or
    /// `key_revoked`; 403 with `ip_not_allowed` where the token is not good.
    pub(crate) async fn authenticate(
        &self,
        token: &str,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Arc<Principal>> {
        let (kind, hash) = read(token).ok_or_else(|| refused("token_invalid"))?;
        self.known_by(kind, hash, from, now).await
    }

    /// The same for whoever has the hash of a token that was shown to this server, or that a session has at present.
    pub(crate) async fn known_by(
        &self,
        kind: TokenKind,
        hash: TokenHash,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<Arc<Principal>> {
        let known = match (self.callers.get(&hash, now), kind) {
            (Some(known), _) => known,
            (None, TokenKind::Visitor) => self.read_visit(hash, now).await?,
            (None, TokenKind::ApiKey) => self.read_key(hash, now).await?,
            (None, _) => self.read(hash, now).await?,
        };
        if !known.good_from.allow(from) {
            let text = "This API key is not good from this address.";
            return Err(Error::new(Kind::Forbidden, text).reason("ip_not_allowed"));
        }
        if !known.org_used_from.allow(from) {
            let text = "This organization is not used from this address.";
            return Err(Error::new(Kind::Forbidden, text).reason("ip_not_allowed"));
        }
        self.note(&known, from, now);
        Ok(Arc::clone(&known.principal))
    }

    /// The caller behind the token, if this node knows without asking the database.
    pub(crate) fn remembered(&self, token: &str, from: IpAddr, now: Timestamp) -> Option<Arc<Principal>> {
        let known = self
            .callers
            .get(&read(token)?.1, now)
            .filter(|known| known.good_from.allow(from) && known.org_used_from.allow(from))?;
        self.note(&known, from, now);
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
        if let Some(key) = who.key {
            let shown = self.db.read_server(move |tx| api_keys::store::by_key(tx, key)).await?;
            let shown = shown.filter(|shown| shown.org_id == who.org && shown.expires_at > now);
            let shown = shown.ok_or_else(|| refused("key_revoked"))?;
            return Ok(Arc::new(self.standing_of_key(&shown, now).await?.0));
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
            good_from: Networks::default(),
            org_used_from: used_from(shown.org_settings.as_ref())?,
        });
        self.callers.remember(&reading, hash, Arc::clone(&known));
        Ok(known)
    }

    /// Whose session it is and what they may do now, and when the first of their roles ends.
    async fn standing(&self, shown: &store::Shown, now: Timestamp) -> Result<(Principal, Option<Timestamp>)> {
        if !shown.goes_on() {
            return Err(refused("session_ended"));
        }
        let effective = self.rights(shown.org_id, shown.user_id, now).await?;
        let effective = effective.ok_or_else(|| refused("session_ended"))?;
        // Whatever it is that this version doesn't know, it is no freedom.
        let read = |name: &str| Confinement::of_reason(name).unwrap_or(Confinement::PasswordChange);
        let confined = shown.confined.as_deref().map(read);
        let principal = Principal {
            user: shown.user_id,
            org: shown.org_id,
            session: shown.id,
            permissions: if confined.is_some() { PermissionSet::EMPTY } else { effective.permissions },
            level: effective.level,
            expires_at: shown.token_expires_at,
            visits: None,
            key: None,
            confined,
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
            good_from: Networks::default(),
            org_used_from: used_from(visit.org_settings.as_ref())?,
        });
        self.callers.remember(&reading, hash, Arc::clone(&known));
        Ok(known)
    }

    /// The caller behind an API key: its owner, with what both they and the key may at this moment.
    async fn read_key(&self, hash: TokenHash, now: Timestamp) -> Result<Arc<Known>> {
        let reading = self.callers.begin();
        let shown = self.db.read_server(move |tx| api_keys::store::by_secret(tx, &hash)).await?;
        let shown = shown.ok_or_else(|| refused("token_invalid"))?;
        let ends = shown.expires_at.min(shown.works_until);
        if ends <= now && shown.goes_on() {
            return Err(refused("token_expired"));
        }
        let (principal, end) = self.standing_of_key(&shown, now).await?;
        let known = Arc::new(Known {
            principal: Arc::new(Principal { expires_at: ends, ..principal }),
            until: end.map_or(ends, |end| end.min(ends)),
            noted: AtomicI64::new(shown.last_used_at.timestamp_micros()),
            precision: PRECISION,
            good_from: Networks::of_stored(&shown.ip_allowlist)?,
            org_used_from: used_from(shown.org_settings.as_ref())?,
        });
        self.callers.remember(&reading, hash, Arc::clone(&known));
        Ok(known)
    }

    /// Whose key it is and what it allows now, and when the first of its owner's roles ends.
    async fn standing_of_key(
        &self,
        shown: &api_keys::store::Shown,
        now: Timestamp,
    ) -> Result<(Principal, Option<Timestamp>)> {
        if !shown.goes_on() {
            return Err(refused("key_revoked"));
        }
        let effective = self.rights(shown.org_id, shown.user_id, now).await?;
        let effective = effective.ok_or_else(|| refused("key_revoked"))?;
        let scopes = api_keys::model::scopes_of(&shown.scopes)?;
        let principal = Principal {
            user: shown.user_id,
            org: shown.org_id,
            session: Id::from_uuid(shown.id.uuid()),
            permissions: effective.permissions.intersection(scopes),
            level: effective.level,
            expires_at: shown.expires_at,
            visits: None,
            key: Some(shown.id),
            confined: None,
        };
        Ok((principal, effective.until))
    }

    /// What a member may do now. None if they are none.
    async fn rights(
        &self,
        org: Id<kind::Organization>,
        user: Id<kind::User>,
        now: Timestamp,
    ) -> Result<Option<Effective>> {
        let held: Result<_, DbError> = self.db.read(org, move |tx| roles::store::holdings(tx, user)).await;
        Ok(held?.map(|held| Effective::of(&held, now)))
    }

    /// Hands the use of the session on to be written down, off the request's path.
    fn note(&self, known: &Known, from: IpAddr, now: Timestamp) {
        let noted = known.noted.load(Ordering::Relaxed);
        let now_micros = now.timestamp_micros();
        if now_micros - noted < known.precision.num_microseconds().unwrap_or(i64::MAX) {
            return;
        }
        let first =
            known.noted.compare_exchange(noted, now_micros, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        let used = Use { of: Used::by(&known.principal, from), at: now };
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
                uses.iter().try_for_each(|Use { of, at }| match of {
                    Used::Session(session) => store::touch(unit, *session, *at),
                    Used::Visit(visit) => visitors::store::touch(unit, *visit, *at),
                    Used::Key(key, from) => {
                        api_keys::store::touch(unit, *key, *at, &from.to_canonical().to_string())
                    }
                })
            })
            .await;
        if let Err(error) = written {
            tracing::warn!(%error, "the use of sessions could not be written down");
        }
    }
}
