//! The two tokens of a session: one to show, one to renew both with.

use chrono::TimeDelta;
use kernel::{Confinement, Id, Surroundings, Timestamp, id::kind};
use platform::db::{DbError, ServerUnit};

use super::model::{SignedIn, SignedInUser, Tokens};
use crate::{
    roles::{self, Effective},
    sessions,
    settings::SessionPolicy,
    tokens::{NewToken, TokenKind},
    users::store::Account,
};

/// A pair of tokens just made, with their ends.
#[derive(Clone)]
pub(super) struct Pair {
    pub(super) access: NewToken,
    refresh: NewToken,
    pub(super) now: Timestamp,
    pub(super) access_expires_at: Timestamp,
    /// When the refresh token ends, and with it the session.
    pub(super) session_expires_at: Timestamp,
}

impl Pair {
    pub(super) fn new(policy: &SessionPolicy, remember: bool, world: &Surroundings) -> Self {
        let now = world.now();
        let lasts = if remember && policy.remember_me_days.get() > 0 {
            TimeDelta::days(policy.remember_me_days.get().into())
        } else {
            TimeDelta::minutes(policy.timeout_minutes.get().into())
        };
        let access_lasts = TimeDelta::minutes(policy.access_token_minutes.get().into()).min(lasts);
        Self {
            access: NewToken::of(TokenKind::Access, world),
            refresh: NewToken::of(TokenKind::Refresh, world),
            now,
            access_expires_at: now + access_lasts,
            session_expires_at: now + lasts,
        }
    }

    pub(super) fn keep_refresh(
        &self,
        unit: &ServerUnit<'_>,
        session: Id<kind::Session>,
    ) -> Result<(), DbError> {
        sessions::store::insert_refresh_token(
            unit,
            &self.refresh.hash,
            session,
            self.session_expires_at,
            self.now,
        )
    }

    fn expires_in(&self) -> i64 {
        (self.access_expires_at - self.now).num_seconds()
    }

    pub(super) fn tokens(&self, user: Id<kind::User>) -> Tokens {
        Tokens {
            user_id: user,
            access_token: self.access.text.clone(),
            refresh_token: self.refresh.text.clone(),
            token_type: "Bearer",
            expires_in: self.expires_in(),
        }
    }

    pub(super) fn signed_in(
        &self,
        user: &Account,
        roles: &Effective,
        org: Id<kind::Organization>,
        confined: Option<Confinement>,
    ) -> SignedIn {
        SignedIn {
            user_id: user.id,
            access_token: self.access.text.clone(),
            refresh_token: self.refresh.text.clone(),
            token_type: "Bearer",
            expires_in: self.expires_in(),
            requires_2fa: false,
            reason: confined.map(Confinement::reason),
            redirect: "/",
            user: SignedInUser {
                user_id: user.id,
                username: user.username.clone(),
                email: user.email.clone(),
                display_name: user.display_name.clone(),
                role: roles.roles.first().map(|role| role.name.clone()),
                roles: roles::names(&roles.roles),
                organization_id: org,
            },
        }
    }
}
