//! Setting a password: by a one-time link, or by who knows the present one. And lifting the locks of who forgot it.

use std::sync::Arc;

use kernel::{Actor, Error, FieldErrors, Id, Origin, Secret, Timestamp, id::kind};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError, ServerTx, ServerUnit},
};

use super::{
    Auth, AuthError, attempts, by_mail,
    model::{PasswordChange, PasswordReset, PasswordSet, Unlocked},
    service::Result,
    sign_in::confinement,
    store::{self, Purpose},
};
use crate::{
    passwords::{Passwords, Verdict},
    security::{self, Policies},
    sessions,
    settings::{PasswordPolicy, Settings},
    tokens::{self, TokenHash, TokenKind},
    users::{self, model::Status, store::Account},
};

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

/// Whoever had the password before must have no link left that opens the account: neither one that sets another
/// password nor one that gives it their address.
pub(crate) fn forget_links(unit: &ServerUnit<'_>, user: Id<kind::User>) -> std::result::Result<(), DbError> {
    store::forget_tokens(unit, Purpose::SetPassword, user)?;
    store::forget_tokens(unit, Purpose::ConfirmEmail, user)
}

pub(super) fn forget_pending_email(
    unit: &ServerUnit<'_>,
    user: Id<kind::User>,
    now: Timestamp,
) -> std::result::Result<(), DbError> {
    match users::store::find(unit, user)? {
        Some(account) if account.pending_email.is_some() => {
            users::store::save(unit, &Account { pending_email: None, updated_at: now, ..account })
        }
        _ => Ok(()),
    }
}

/// The account after its password was set with a token. Who got the token by mail has thereby shown that the address is
/// theirs.
fn after_reset(before: &Account, token: &store::OneTime, now: Timestamp) -> Account {
    let mut after = Account { pending_email: None, ..before.clone() };
    after.email_verified |= token.email.is_some();
    let waited = match before.status {
        Status::PendingActivation => true,
        Status::PendingVerification => token.email.is_some(),
        _ => false,
    };
    if waited {
        after.status = Status::Active;
    }
    if after != *before {
        after.updated_at = now;
    }
    after
}

impl Auth {
    /// Sets a password with a one-time token and ends all sessions of its user.
    pub async fn reset_password(&self, origin: &Arc<Origin>, reset: PasswordReset) -> Result<PasswordSet> {
        let token =
            tokens::read(TokenKind::Password, reset.token.reveal()).ok_or_else(AuthError::unknown_token)?;
        let Resetting { account, hashes, policies } = self.resetting(token).await?;
        let (hash, past) = self.next("password", reset.password, hashes, &policies.password).await?;

        let (now, origin, callers) = (self.world.now(), Arc::clone(origin), self.callers.clone());
        let mails = self.mails.clone();
        self.db
            .write(account.home_org_id, move |unit| {
                let server = unit.server();
                users::store::lock(server, account.id)?;
                // Looked at again: somebody else may have used the token while the password was hashed.
                let found = store::one_time(server, Purpose::SetPassword, &token, now)?;
                let found = found.ok_or_else(AuthError::unknown_token)?;
                if !store::use_token(server, Purpose::SetPassword, &token, now)? {
                    return Err(AuthError::unknown_token());
                }
                let before = users::store::find(server, account.id)?;
                let before = before.filter(|account| by_mail::still_reaches(&found, account));
                let before = before.ok_or_else(AuthError::unknown_token)?;
                store::change_credential(server, account.id, &hash, &past, now)?;
                forget_links(server, account.id)?;
                let after = after_reset(&before, &found, now);
                if after != before {
                    users::store::save(server, &after)?;
                }
                sessions::end_all_of(server, &callers, account.id, now)?;
                mails.password_changed(unit, &after)?;
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
                let found = store::one_time(tx, Purpose::SetPassword, &token, now)?;
                let found = found.ok_or_else(AuthError::unknown_token)?;
                let resetting = Resetting::of(tx, &settings, found.user_id)?;
                let resetting = resetting.filter(|of| by_mail::still_reaches(&found, &of.account));
                resetting.ok_or_else(AuthError::unknown_token)
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
        let mails = self.mails.clone();
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
                forget_links(server, user)?;
                forget_pending_email(server, user, now)?;
                mails.password_changed(unit, &account)?;
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
