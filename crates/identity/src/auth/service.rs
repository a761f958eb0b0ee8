//! Renewing and signing out; signing in is `sign_in`.

use std::sync::Arc;

use kernel::{Actor, Error, NEVER, Origin, Secret, Surroundings, Timestamp};
use platform::{
    audit::{Audit, Category},
    db::{Db, ServerUnit},
    secrets::Secrets,
};

use super::{
    Allowance,
    attempts::Attempts,
    error::AuthError,
    model::{LoggedOut, Logout, Tokens, Verified},
    pair::Pair,
};
use crate::{
    Settings,
    mails::Mails,
    passwords::Passwords,
    security,
    sessions::{self, revocation::Callers, store::RefreshToken},
    tokens::{self, TokenHash, TokenKind},
    two_factor::TwoFactor,
    users::model::Status,
    visitors::Visitors,
};

pub(super) type Result<T> = std::result::Result<T, AuthError>;

/// Sign-in. A cheap handle.
#[derive(Clone)]
pub struct Auth {
    pub(crate) db: Db,
    pub(crate) world: Surroundings,
    pub(crate) settings: Arc<Settings>,
    pub(crate) passwords: Passwords,
    pub(crate) callers: Callers,
    pub(crate) attempts: Attempts,
    pub(crate) visitors: Visitors,
    pub(crate) two_factor: TwoFactor,
    pub(crate) mails: Mails,
    pub(crate) secrets: Secrets,
    pub(crate) allowance: Allowance,
}

impl Auth {
    /// Exchanges a refresh token for a new pair. One that was used before ends its whole session: somebody has a
    /// copy, and nobody can tell who.
    pub async fn refresh(&self, origin: &Arc<Origin>, refresh_token: &Secret) -> Result<Tokens> {
        let arrived = self.world.now();
        let hash =
            tokens::read(TokenKind::Refresh, refresh_token.reveal()).ok_or_else(AuthError::unknown_token)?;
        let (world, callers, origin) = (self.world.clone(), self.callers.clone(), Arc::clone(origin));
        let settings = Arc::clone(&self.settings);
        self.db
            .write_server(move |unit| {
                let token =
                    sessions::store::refresh_token(unit, &hash)?.ok_or_else(AuthError::unknown_token)?;
                match usable(&token, arrived) {
                    Use::Refused(refusal) => Err(refusal),
                    Use::Replayed => {
                        end_family(unit, &callers, &origin, &token, arrived)?;
                        // The unit has to stay, so the refusal travels as its result.
                        Ok(Err(AuthError::spent()))
                    }
                    Use::First => renew(unit, &world, &settings, &callers, &hash, &token).map(Ok),
                }
            })
            .await?
    }

    /// Ends the caller's session, and those others that they ask for.
    pub async fn logout(&self, who: &Actor, logout: Logout) -> Result<LoggedOut> {
        if who.is_visitor() {
            self.visitors.end(who).await.map_err(Error::from)?;
            return Ok(LoggedOut { status: "logged_out" });
        }
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        let other =
            logout.refresh_token.as_ref().and_then(|token| tokens::read(TokenKind::Refresh, token.reveal()));
        self.db
            .write(who.org, move |unit| {
                let server = unit.server();
                let mut live = sessions::store::live_of_user(server, who.user, now)?;
                if !logout.everywhere {
                    let named = other
                        .map(|hash| sessions::store::refresh_token(server, &hash))
                        .transpose()?
                        .flatten();
                    let named = named.map(|token| token.session_id);
                    live.retain(|session| session.id == who.session || Some(session.id) == named);
                }
                let ended = sessions::end_all(server, &callers, live, now)?;
                let entry = Audit::by(&who, "logout", Category::Authentication).on("session", who.session);
                unit.audit(entry.detail("sessions", ended))?;
                Ok(LoggedOut { status: "logged_out" })
            })
            .await
    }

    /// What the token of this request is worth.
    pub fn verify(&self, who: &Actor) -> Verified {
        Verified {
            valid: true,
            user_id: who.user,
            session_id: (!who.has_key()).then_some(who.session),
            key_id: who.key,
            organization_id: who.org,
            scopes: who.permissions,
            expires_at: (who.expires_at < NEVER).then_some(who.expires_at),
        }
    }
}

/// What a refresh token is good for.
enum Use {
    /// It is shown for the first time.
    First,
    /// It was spent before this request came.
    Replayed,
    /// It is worth nothing.
    Refused(AuthError),
}

fn usable(token: &RefreshToken, arrived: Timestamp) -> Use {
    if token.ended_at.is_some() || token.status != Status::Active {
        return Use::Refused(AuthError::ended());
    }
    if token.expires_at <= arrived {
        return Use::Refused(AuthError::BadToken(
            "The refresh token has expired. Sign in again.",
            "token_expired",
        ));
    }
    match token.spent_at {
        None => Use::First,
        // Two requests of one client that were under way together: one wins, and nobody stole anything.
        Some(spent_at) if arrived <= spent_at => Use::Refused(AuthError::spent()),
        Some(_) => Use::Replayed,
    }
}

fn end_family(
    unit: &ServerUnit<'_>,
    callers: &Callers,
    origin: &Origin,
    token: &RefreshToken,
    now: Timestamp,
) -> Result<()> {
    let live = sessions::store::live(unit, token.session_id)?;
    sessions::end_all(unit, callers, live.into_iter().collect(), now)?;
    let entry = Audit::anonymous(origin, "suspicious_activity", Category::Security).as_user(token.user_id);
    let entry = entry.on("session", token.session_id).failed("refresh_token_reused");
    unit.org(token.home_org_id).audit(entry)?;
    Ok(())
}

fn renew(
    unit: &ServerUnit<'_>,
    world: &Surroundings,
    settings: &Settings,
    callers: &Callers,
    hash: &TokenHash,
    token: &RefreshToken,
) -> Result<Tokens> {
    let policies = security::store::policies(unit, settings, token.home_org_id)?;
    let pair = Pair::new(&policies.session, token.remember, world);
    if !sessions::store::spend(unit, hash, pair.now)? {
        return Err(AuthError::spent());
    }
    let (access, session) = (&pair.access.hash, token.session_id);
    sessions::store::renew(unit, session, access, pair.access_expires_at, pair.session_expires_at, pair.now)?;
    pair.keep_refresh(unit, session)?;
    callers.changed(unit, vec![token.access_token_hash]);
    Ok(pair.tokens(token.user_id))
}
