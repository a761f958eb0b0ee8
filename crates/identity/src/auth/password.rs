//! Setting a password: by a one-time link, or by who knows the present one. And lifting the locks of who forgot it.

use std::sync::Arc;

use chrono::TimeDelta;
use kernel::{Actor, Error, FieldErrors, Id, Origin, Secret, Surroundings, Timestamp, id::kind};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError, ServerTx, ServerUnit},
};

use super::{
    Auth, AuthError, attempts,
    model::{PasswordChange, PasswordReset, PasswordSet, Unlocked},
    service::Result,
    sign_in::confinement,
    store,
};
use crate::{
    passwords::{Passwords, Verdict},
    security::{self, Policies},
    sessions,
    settings::{PasswordPolicy, Settings},
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
    ) -> std::result::Result<(), DbError> {
        store::insert_password_token(unit, &self.hash, user, self.expires_at, now)
    }
}

/// Is that the user's password? Takes the same time where they have none.
pub(crate) async fn is_password_of(
    db: &Db,
    passwords: &Passwords,
    user: Id<kind::User>,
    password: Secret,
) -> std::result::Result<bool, Error> {
    let credential: std::result::Result<_, DbError> =
        db.read_server(move |tx| store::credential(tx, user)).await;
    let hash = credential?.map(|credential| credential.password_hash);
    Ok(passwords.verify(attempts::bounded(password), hash).await? != Verdict::Wrong)
}

/// Whose password is set, the passwords that they had, and what the new one must be like.
struct Resetting {
    account: Account,
    /// The present hash first, then those before it.
    hashes: Vec<String>,
    policies: Policies,
}

impl Resetting {
    fn of(tx: &ServerTx<'_>, settings: &Settings, user: Id<kind::User>) -> Result<Option<Self>> {
        let account = users::store::find(tx, user)?;
        let Some(account) = account.filter(|account| account.status != Status::Deleted) else {
            return Ok(None);
        };
        let hashes = match store::credential(tx, user)? {
            None => Vec::new(),
            Some(credential) => {
                let past: Vec<String> = credential.past_hashes.read()?;
                [credential.password_hash].into_iter().chain(past).collect()
            }
        };
        let policies = security::store::policies(tx, settings, account.home_org_id)?;
        Ok(Some(Self { account, hashes, policies }))
    }
}

impl Auth {
    /// Sets a password with a one-time token and ends all sessions of its user.
    pub async fn reset_password(&self, origin: &Arc<Origin>, reset: PasswordReset) -> Result<PasswordSet> {
        let token =
            tokens::read(TokenKind::Password, reset.token.reveal()).ok_or_else(AuthError::unknown_token)?;
        let Resetting { account, hashes, policies } = self.resetting(token).await?;
        let (hash, past) = self.next("password", reset.password, hashes, &policies.password).await?;

        let (now, origin, callers) = (self.world.now(), Arc::clone(origin), self.callers.clone());
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

    async fn resetting(&self, token: TokenHash) -> Result<Resetting> {
        let (now, settings) = (self.world.now(), Arc::clone(&self.settings));
        self.db
            .read_server(move |tx| {
                let user = store::password_token(tx, &token, now)?.ok_or_else(AuthError::unknown_token)?;
                Resetting::of(tx, &settings, user)?.ok_or_else(AuthError::unknown_token)
            })
            .await
    }

    /// Changes the caller's password and ends their other sessions.
    pub async fn change_password(&self, who: &Actor, change: PasswordChange) -> Result<PasswordSet> {
        let (user, settings) = (who.user, Arc::clone(&self.settings));
        let resetting = self.db.read_server(move |tx| Resetting::of(tx, &settings, user)).await?;
        let Resetting { account, hashes, policies } = resetting.ok_or(AuthError::NoSuchUser)?;
        let present = hashes.first().cloned();
        let shown = attempts::bounded(change.current_password);
        if self.passwords.verify(shown, present.clone()).await? == Verdict::Wrong {
            return Err(AuthError::WrongPassword);
        }
        let (hash, past) = self.next("new_password", change.new_password, hashes, &policies.password).await?;

        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(account.home_org_id, move |unit| {
                let server = unit.server();
                users::store::lock(server, user)?;
                // Looked at again: it may have been changed while the new one was hashed.
                let credential = store::credential(server, user)?.map(|credential| credential.password_hash);
                if credential != present {
                    return Err(AuthError::WrongPassword);
                }
                store::change_credential(server, user, &hash, &past, now)?;
                store::forget_password_tokens(server, user)?;
                let others = sessions::store::live_of_user(server, user, now)?;
                let others = others.into_iter().filter(|session| session.id != who.session);
                let ended = sessions::end_all(server, &callers, others.collect(), now)?;
                let confined =
                    confinement(unit, &account, &policies, now)?.filter(|_| who.confined.is_some());
                sessions::store::confine(server, who.session, confined)?;
                let present = sessions::store::live(server, who.session)?;
                callers.changed(server, present.iter().map(|session| session.token_hash).collect());
                let entry = Audit::by(&who, "password_changed", Category::Authentication);
                let entry = entry.on("user", user).named(account.username.as_str());
                unit.audit(entry.detail("sessions_ended", ended))?;
                Ok(PasswordSet { user_id: user, username: account.username })
            })
            .await
    }

    /// The hash of a new password that keeps the policy, and those that are kept so that theirs don't come back.
    async fn next(
        &self,
        field: &'static str,
        password: Secret,
        mut hashes: Vec<String>,
        policy: &PasswordPolicy,
    ) -> Result<(String, Vec<String>)> {
        let mut wrong = FieldErrors::default();
        policy.check(field, &password, &mut wrong);
        wrong.finish()?;
        let history = policy.history_count.get() as usize;
        // The present one and as many before it as may not come back.
        hashes.truncate(history + 1);
        if self.passwords.is_one_of(&password, hashes.clone()).await? {
            let refusal = Error::invalid(field, "was used before; take one that is new");
            return Err(refusal.reason("password_reused").into());
        }
        hashes.truncate(history);
        Ok((self.passwords.hash(password).await?, hashes))
    }

    /// Lifts the locks that failed attempts with the user's name or address led to.
    pub async fn unlock(&self, who: &Actor, user: Id<kind::User>) -> Result<Unlocked> {
        let (now, who, settings) = (self.world.now(), who.clone(), Arc::clone(&self.settings));
        let (names, policy, unlocked) = self
            .db
            .write(who.org, move |unit| {
                let account = users::store::find(unit.server(), user)?;
                let account = account.filter(|account| account.home_org_id == who.org);
                let account = account.ok_or(AuthError::NoSuchUser)?;
                let names = [&account.username, &account.email].map(|name| attempts::name_hash(name));
                let mut locks_lifted = 0;
                for name in &names {
                    locks_lifted += store::unlock(unit.server(), name)?;
                }
                let policies = security::store::policies(unit.server(), &settings, account.home_org_id)?;
                let entry = Audit::by(&who, "user_unlocked", Category::Administrative).on("user", user);
                unit.audit(entry.named(account.username.as_str()).detail("locks_lifted", locks_lifted))?;
                Ok::<_, AuthError>((names, policies.lockout, Unlocked { user_id: user, locks_lifted }))
            })
            .await?;
        self.attempts.forgive(&names, &policy, now).await;
        Ok(unlocked)
    }
}
