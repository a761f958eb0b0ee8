//! What can be done with second factors.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use kernel::{Actor, Error, Id, Permission, Secret, Surroundings, Timestamp, id::kind};
use platform::{
    audit::{Audit, Category},
    counters::{CounterKey, Counters},
    db::{Db, ServerTx, ServerUnit, Unit},
    secrets::Secrets,
};

use super::{
    factor::{Factor, Typed},
    model::{BackupCodes, Proof, Setup, SetupRequest, TwoFactorStatus},
    policy::{self, TwoFactorError},
    store::{self, FactorRow},
};
use crate::{
    Settings, auth,
    mails::Mails,
    passwords::Passwords,
    roles::Effective,
    security,
    sessions::{self, revocation::Callers},
    tokens::Disclosed,
    users::{self, store::Account},
};

type Result<T> = std::result::Result<T, TwoFactorError>;

/// Second factors. A cheap handle.
#[derive(Clone)]
pub struct TwoFactor {
    pub(crate) db: Db,
    pub(crate) world: Surroundings,
    pub(crate) settings: Arc<Settings>,
    pub(crate) secrets: Secrets,
    pub(crate) passwords: Passwords,
    pub(crate) counters: Counters,
    pub(crate) callers: Callers,
    pub(crate) mails: Mails,
}

/// How long a setup waits for its confirmation.
const PENDING: TimeDelta = TimeDelta::seconds(600);
const MINUTE: Duration = Duration::from_mins(1);

impl TwoFactor {
    /// Lets another code, or a password in place of one, be looked at, or refuses it. Counted by user, so that a
    /// guesser gains nothing by beginning anew.
    pub(crate) async fn admit(&self, user: Id<kind::User>) -> Result<()> {
        let limit = u64::from(self.settings.two_factor.codes_per_minute);
        if limit == 0 {
            return Ok(());
        }
        let now = self.world.now();
        let count = self.counters.hit(CounterKey::id("two_factor", user), MINUTE, now).await;
        if count.count <= limit {
            return Ok(());
        }
        Err(TwoFactorError::TooMany { retry_after: (count.resets_at - now).num_seconds().max(1) })
    }

    /// Uses a code up, of the authenticator or a backup code. False if it is wrong, or was used, on whatever node.
    pub(crate) fn use_code(
        &self,
        unit: &ServerUnit<'_>,
        user: Id<kind::User>,
        code: &Secret,
        now: Timestamp,
    ) -> std::result::Result<bool, Error> {
        let Some(row) = store::find(unit, user)?.filter(|row| row.confirmed_at.is_some()) else {
            return Ok(false);
        };
        let factor = Factor::opened(&self.secrets, user, &row.sealed)?;
        match Typed::read(code.reveal()) {
            None => Ok(false),
            Some(Typed::Totp(code)) => match factor.step_of(code, now, row.last_step)? {
                Some(step) => Ok(store::use_step(unit, user, step)?),
                None => Ok(false),
            },
            Some(Typed::Backup(code)) => Ok(store::use_backup_code(unit, user, &factor.backup_hash(code)?)?),
        }
    }

    /// How it stands with a user's second factor. The gateway has seen to it that the caller may ask.
    pub async fn status(&self, who: &Actor, user: Id<kind::User>) -> Result<TwoFactorStatus> {
        let (now, settings) = (self.world.now(), Arc::clone(&self.settings));
        let home = self.home_of(user).await?;
        if !who.is(user) && home != who.org {
            return Err(TwoFactorError::NoSuchUser);
        }
        self.db
            .read(home, move |tx| {
                let (account, roles) = users::load(tx, user, now)?;
                told(tx.server(), &settings, &account, &roles)
            })
            .await
    }

    /// Begins a setup, for the caller themselves, who shows their password.
    pub async fn enable(&self, who: &Actor, request: SetupRequest) -> Result<Setup> {
        match request.method.as_str() {
            "totp" => {}
            "sms" => return Err(TwoFactorError::NoSms),
            _ => return Err(Error::invalid("method", "must be totp").into()),
        }
        self.admit(who.user).await?;
        self.check_password(who.user, request.password).await?;
        let factor = Factor::new(&self.world);
        let codes = Factor::new_backup_codes(&self.world);
        let (sealed, hashes) = (factor.sealed(&self.secrets, who.user)?, hashes(&factor, &codes)?);
        let (now, user, settings) = (self.world.now(), who.user, Arc::clone(&self.settings));
        let account = self
            .db
            .write_server(move |unit| {
                users::store::lock(unit, user)?;
                let account = users::store::find(unit, user)?.ok_or(TwoFactorError::NoSuchUser)?;
                if account.two_factor_enabled {
                    return Err(TwoFactorError::AlreadyEnabled);
                }
                if !security::store::policies(unit, &settings, account.home_org_id)?.two_factor.enabled {
                    return Err(TwoFactorError::NotOffered);
                }
                store::begin(unit, user, &sealed, now + PENDING, now)?;
                store::replace_backup_codes(unit, user, &hashes, now)?;
                Ok(account)
            })
            .await?;
        let secret = factor.base32();
        // Drawing takes milliseconds, which belong on no async thread.
        let drawn = tokio::task::spawn_blocking(move || factor.shown(&account.username));
        let (otpauth_url, qr_code) = drawn.await.map_err(Error::internal)??;
        Ok(Setup {
            secret,
            otpauth_url,
            qr_code,
            backup_codes: codes.into_iter().map(Disclosed::new).collect(),
            expires_in: PENDING.num_seconds(),
        })
    }

    /// Puts the caller's setup in force, by a code that the authenticator shows.
    pub async fn confirm(&self, who: &Actor, code: Secret) -> Result<TwoFactorStatus> {
        self.admit(who.user).await?;
        let (now, who, this) = (self.world.now(), who.clone(), self.clone());
        let home = self.home_of(who.user).await?;
        self.db
            .write(home, move |unit| {
                let (server, user) = (unit.server(), who.user);
                users::store::lock(server, user)?;
                let row = store::find(server, user)?;
                let row = row.filter(|row| !policy::is_over(row.pending_until, now) || is_confirmed(row));
                let row = row.ok_or(TwoFactorError::NotPending)?;
                if is_confirmed(&row) {
                    return Err(TwoFactorError::AlreadyEnabled);
                }
                let factor = Factor::opened(&this.secrets, user, &row.sealed)?;
                let Some(Typed::Totp(code)) = Typed::read(code.reveal()) else {
                    return Err(TwoFactorError::InvalidCode);
                };
                let step = factor.step_of(code, now, row.last_step)?.ok_or(TwoFactorError::InvalidCode)?;
                if !store::use_step(server, user, step)? {
                    return Err(TwoFactorError::InvalidCode);
                }
                store::confirm(server, user, now)?;
                users::store::set_two_factor(server, user, true, now)?;
                sessions::store::second_factor_shown(server, who.session)?;
                sessions::rights_changed(server, &this.callers, user, now)?;
                unit.audit(Audit::by(&who, "mfa_enabled", Category::Security).on("user", user))?;
                this.tell(unit, user, true)?;
                this.told_in(unit, user, now)
            })
            .await
    }

    /// Turns a second factor off: one's own with a proof, or that of somebody whom the caller administers.
    pub async fn disable(&self, who: &Actor, user: Id<kind::User>, proof: Proof) -> Result<TwoFactorStatus> {
        let own = who.is(user);
        let code = if own { self.proven(user, proof).await? } else { None };
        let (now, who, this) = (self.world.now(), who.clone(), self.clone());
        let home = self.home_of(user).await?;
        if !own && home != who.org {
            return Err(TwoFactorError::NoSuchUser);
        }
        self.db
            .write(home, move |unit| {
                let server = unit.server();
                users::store::lock(server, user)?;
                let (account, roles) = users::load(unit, user, now)?;
                if !account.two_factor_enabled {
                    return Err(TwoFactorError::NotEnabled);
                }
                if own {
                    let policies = security::store::policies(server, &this.settings, home)?;
                    if policies.two_factor.requires(&roles) {
                        return Err(TwoFactorError::RequiredByPolicy);
                    }
                    if let Some(code) = &code
                        && !this.use_code(server, user, code, now)?
                    {
                        return Err(TwoFactorError::InvalidCode);
                    }
                } else {
                    may_reset(&who, &roles)?;
                }
                store::forget(server, user)?;
                auth::store::forget_challenges(server, user)?;
                users::store::set_two_factor(server, user, false, now)?;
                let entry = Audit::by(&who, "mfa_disabled", Category::Security).on("user", user);
                unit.audit(entry.named(account.username.as_str()).detail("reset", !own))?;
                this.tell(unit, user, false)?;
                this.told_in(unit, user, now)
            })
            .await
    }

    /// Makes new backup codes for the caller, who shows their password or a code.
    pub async fn new_backup_codes(&self, who: &Actor, proof: Proof) -> Result<BackupCodes> {
        let code = self.proven(who.user, proof).await?;
        let codes = Factor::new_backup_codes(&self.world);
        let (now, who, this, new) = (self.world.now(), who.clone(), self.clone(), codes.clone());
        let home = self.home_of(who.user).await?;
        self.db
            .write(home, move |unit| {
                let (server, user) = (unit.server(), who.user);
                users::store::lock(server, user)?;
                let row =
                    store::find(server, user)?.filter(is_confirmed).ok_or(TwoFactorError::NotEnabled)?;
                if let Some(code) = &code
                    && !this.use_code(server, user, code, now)?
                {
                    return Err(TwoFactorError::InvalidCode);
                }
                let factor = Factor::opened(&this.secrets, user, &row.sealed)?;
                store::replace_backup_codes(server, user, &hashes(&factor, &new)?, now)?;
                unit.audit(Audit::by(&who, "mfa_backup_codes_made", Category::Security).on("user", user))?;
                Ok(())
            })
            .await?;
        Ok(BackupCodes { backup_codes: codes.into_iter().map(Disclosed::new).collect() })
    }

    /// Checks the password of a proof, if it has one; gives its code otherwise, which is used up in the unit that does
    /// what it is shown for.
    async fn proven(&self, user: Id<kind::User>, proof: Proof) -> Result<Option<Secret>> {
        self.admit(user).await?;
        match (proof.password, proof.code) {
            (Some(password), _) => self.check_password(user, password).await.map(|()| None),
            (None, Some(code)) => Ok(Some(code)),
            (None, None) => Err(TwoFactorError::NoProof),
        }
    }

    async fn check_password(&self, user: Id<kind::User>, password: Secret) -> Result<()> {
        let is_right = auth::is_password_of(&self.db, &self.passwords, user, password).await?;
        if is_right { Ok(()) } else { Err(TwoFactorError::WrongPassword) }
    }

    async fn home_of(&self, user: Id<kind::User>) -> Result<Id<kind::Organization>> {
        let account = self.db.read_server(move |tx| users::store::find(tx, user)).await?;
        account.map(|account| account.home_org_id).ok_or(TwoFactorError::NoSuchUser)
    }

    fn tell(&self, home: &Unit<'_>, user: Id<kind::User>, is_on: bool) -> Result<()> {
        let account = users::store::find(home.server(), user)?.ok_or(TwoFactorError::NoSuchUser)?;
        Ok(self.mails.second_factor(home, &account, is_on)?)
    }

    fn told_in(&self, home: &Unit<'_>, user: Id<kind::User>, now: Timestamp) -> Result<TwoFactorStatus> {
        let (account, roles) = users::load(home, user, now)?;
        told(home.server(), &self.settings, &account, &roles)
    }
}

fn is_confirmed(row: &FactorRow) -> bool {
    row.confirmed_at.is_some()
}

fn hashes(factor: &Factor, codes: &[String]) -> Result<Vec<crate::tokens::TokenHash>> {
    Ok(codes.iter().map(|code| factor.backup_hash(code)).collect::<std::result::Result<_, _>>()?)
}

/// May the caller take somebody's second factor away?
fn may_reset(who: &Actor, theirs: &Effective) -> Result<()> {
    if !who.may(Permission::ADMIN_USERS) {
        return Err(TwoFactorError::Other(Error::lacks(Permission::ADMIN_USERS)));
    }
    if theirs.level > who.level { Err(TwoFactorError::LevelTooHigh) } else { Ok(()) }
}

fn told(
    tx: &ServerTx<'_>,
    settings: &Settings,
    account: &Account,
    roles: &Effective,
) -> Result<TwoFactorStatus> {
    let row = store::find(tx, account.id)?.filter(is_confirmed);
    let left = if row.is_some() { store::count_backup_codes(tx, account.id)? } else { 0 };
    let policies = security::store::policies(tx, settings, account.home_org_id)?;
    Ok(TwoFactorStatus {
        enabled: row.is_some(),
        method: row.as_ref().map(|_| "totp"),
        confirmed_at: row.and_then(|row| row.confirmed_at),
        backup_codes_remaining: left,
        required: policies.two_factor.requires(roles),
    })
}
