//! Setting a password by a one-time link.

use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{Error, FieldErrors, Id, Origin, Surroundings, Timestamp, id::kind};
use platform::{
    audit::{Audit, Category},
    db::{DbError, ServerUnit},
};

use super::{
    Auth, AuthError,
    model::{PasswordReset, PasswordSet},
    store,
};
use crate::{
    sessions,
    settings::Settings,
    tokens::{self, Disclosed, NewToken, TokenHash, TokenKind},
    users::{self, model::Status, store::Account},
};

/// Makes the links that set a password.
#[derive(Clone)]
pub(crate) struct PasswordLinks {
    public_url: Arc<str>,
    lasts: TimeDelta,
}

/// A link for its owner, and what the database keeps of it.
#[derive(Clone)]
pub(crate) struct PasswordLink {
    pub(crate) url: Disclosed,
    pub(crate) expires_at: Timestamp,
    hash: TokenHash,
}

impl PasswordLinks {
    pub(crate) fn new(public_url: &str, settings: &Settings) -> Self {
        Self {
            public_url: public_url.trim_end_matches('/').into(),
            lasts: TimeDelta::hours(settings.password_link_hours.get().into()),
        }
    }

    /// A new link. The token stands behind `#`, where browsers keep it from servers, their logs and the next page.
    pub(crate) fn make(&self, world: &Surroundings, now: Timestamp) -> PasswordLink {
        let token = NewToken::of(TokenKind::Password, world);
        PasswordLink {
            url: Disclosed::new(format!("{}/set-password#token={}", self.public_url, token.text.reveal())),
            expires_at: now + self.lasts,
            hash: token.hash,
        }
    }
}

impl PasswordLink {
    /// Lets the link set that user's password, once. Links made before no longer do.
    pub(crate) fn store(
        &self,
        unit: &ServerUnit<'_>,
        user: Id<kind::User>,
        now: Timestamp,
    ) -> Result<(), DbError> {
        store::insert_password_token(unit, &self.hash, user, self.expires_at, now)
    }
}

/// Whose password a token sets, and the passwords that they had.
struct Resetting {
    account: Account,
    /// The present hash first, then those before it.
    hashes: Vec<String>,
}

impl Auth {
    /// Sets a password with a one-time token and ends all sessions of its user.
    pub async fn reset_password(
        &self,
        origin: &Arc<Origin>,
        reset: PasswordReset,
    ) -> Result<PasswordSet, AuthError> {
        let token =
            tokens::read(TokenKind::Password, reset.token.reveal()).ok_or_else(AuthError::unknown_token)?;
        let Resetting { account, hashes } = self.resetting(token).await?;
        let mut wrong = FieldErrors::default();
        self.settings.password.check("password", &reset.password, &mut wrong);
        wrong.finish()?;
        if self.passwords.is_one_of(&reset.password, hashes.clone()).await? {
            let refusal = Error::invalid("password", "was used before; take one that is new");
            return Err(refusal.reason("password_reused").into());
        }
        let hash = self.passwords.hash(reset.password).await?;

        let (now, origin, callers) = (self.world.now(), Arc::clone(origin), self.callers.clone());
        let past = self.remembered(hashes);
        self.db
            .write(account.home_org_id, move |unit| {
                let server = unit.server();
                // Looked at again: somebody else may have used the token while the password was hashed.
                if !store::use_password_token(server, &token, now)? {
                    return Err(AuthError::unknown_token());
                }
                store::change_credential(server, account.id, &hash, &past, now)?;
                store::forget_password_tokens(server, account.id)?;
                let mut after =
                    users::store::find(server, account.id)?.ok_or_else(AuthError::unknown_token)?;
                if after.status == Status::PendingActivation {
                    (after.status, after.updated_at) = (Status::Active, now);
                    users::store::save(server, &after)?;
                }
                sessions::end_all_of(server, &callers, account.id, now)?;
                let entry = Audit::anonymous(&origin, "password_changed", Category::Authentication);
                unit.audit(entry.as_user(account.id).on("user", account.id).named(after.username.as_str()))?;
                Ok(PasswordSet { user_id: after.id, username: after.username })
            })
            .await
    }

    async fn resetting(&self, token: TokenHash) -> Result<Resetting, AuthError> {
        let now = self.world.now();
        self.db
            .read_server(move |tx| {
                let user = store::password_token(tx, &token, now)?.ok_or_else(AuthError::unknown_token)?;
                let account = users::store::find(tx, user)?;
                let account = account.filter(|account| account.status != Status::Deleted);
                let hashes = match store::credential(tx, user)? {
                    None => Vec::new(),
                    Some(credential) => {
                        let past: Vec<String> = credential.past_hashes.read()?;
                        [credential.password_hash].into_iter().chain(past).collect()
                    }
                };
                Ok(Resetting { account: account.ok_or_else(AuthError::unknown_token)?, hashes })
            })
            .await
    }

    /// The hashes that are kept so that their passwords don't come back.
    fn remembered(&self, mut hashes: Vec<String>) -> Vec<String> {
        hashes.truncate(self.settings.password.history_count.get() as usize);
        hashes
    }
}
