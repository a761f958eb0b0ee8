//! A link that sets another password, mailed to whoever asks for it or by an administrator's word.

use std::sync::Arc;

use kernel::{Actor, Id, Origin, Secret, id::kind, text};
use platform::{
    audit::{Audit, Category},
    db::{ServerUnit, Unit},
};

use super::{
    ForcedReset, ResetMailed, ResetRequest,
    asked::{Asked, RESET},
};
use crate::{
    auth::{
        Auth, AuthError, password,
        service::Result,
        store::{self, Purpose},
    },
    mails::Link,
    passwords, sessions,
    users::{self, UserError, model::Status, store::Account},
};

/// May the account have another password?
fn may_be_reset(account: &Account) -> Result<()> {
    match AuthError::of_status(account.status) {
        None | Some(AuthError::Pending | AuthError::EmailUnverified) => Ok(()),
        Some(refusal) => Err(refusal),
    }
}

impl Auth {
    /// Has a link mailed to that address, if an account has it.
    pub async fn request_reset(
        &self,
        origin: &Arc<Origin>,
        request: ResetRequest,
    ) -> Result<super::AskedFor> {
        self.ask(&RESET, origin, &request.email).await
    }

    /// Mails the link, if there is somebody to mail it to. Who has no password yet is invited again.
    pub(super) fn mail_reset(&self, unit: &ServerUnit<'_>, asked: &Asked) -> Result<()> {
        let account = users::store::by_email(unit, &asked.email)?;
        let Some(account) = account.filter(|account| may_be_reset(account).is_ok()) else { return Ok(()) };
        let home = unit.org(account.home_org_id);
        let link = self.password_link(&account);
        store::add_token(unit, Purpose::SetPassword, &link, account.id, Some(&account.email))?;
        self.mail_password_link(&home, &account, &link)?;
        let entry = Audit::anonymous(&asked.origin(), "password_reset_requested", Category::Authentication);
        home.audit(entry.on("user", account.id).named(account.username.as_str()))?;
        Ok(())
    }

    /// A link that sets the first password of an account that has none, or another one.
    fn password_link(&self, account: &Account) -> Link {
        if account.status == Status::PendingActivation {
            self.mails.invitation_link(&self.world)
        } else {
            self.mails.reset_link(&self.world)
        }
    }

    fn mail_password_link(&self, home: &Unit<'_>, account: &Account, link: &Link) -> Result<()> {
        if account.status == Status::PendingActivation {
            self.mails.invite(home, account, link)?;
        } else {
            self.mails.reset(home, account, link)?;
        }
        Ok(())
    }

    /// Mails somebody a link by an administrator's word, who may end the present password.
    pub async fn order_reset(
        &self,
        who: &Actor,
        user: Id<kind::User>,
        order: ForcedReset,
    ) -> Result<ResetMailed> {
        // A password that nobody knows takes the present one's place, so that it stays among those that may not come
        // back.
        let nobodys = if order.force {
            let unknown = Secret::new(passwords::unknowable(&self.world));
            Some(self.passwords.hash(unknown).await?)
        } else {
            None
        };
        let (now, who, this) = (self.world.now(), who.clone(), self.clone());
        self.db
            .write(who.org, move |unit| {
                let server = unit.server();
                let (account, roles) = users::service::lock(unit, user, now)?;
                if account.home_org_id != who.org {
                    return Err(UserError::NotHome.into());
                }
                if !who.is(user) && roles.level > who.level {
                    let problem = "This person has a higher rank than yours.".to_owned();
                    return Err(UserError::LevelTooHigh(problem).into());
                }
                may_be_reset(&account)?;
                // Said last: what can't be mailed tells nothing of who there is.
                this.mails.require()?;
                let ended = match (&nobodys, store::credential(server, user)?) {
                    (Some(hash), Some(credential)) => {
                        let past: Vec<String> = credential.past_hashes.read()?;
                        let past: Vec<_> = [credential.password_hash].into_iter().chain(past).collect();
                        store::change_credential(server, user, hash, &past, now)?;
                        sessions::end_all_of(server, &this.callers, user, now)?;
                        true
                    }
                    _ => false,
                };
                if order.force {
                    // Whoever got in must not have the address confirmed as theirs afterwards.
                    password::forget_links(server, user)?;
                    password::forget_pending_email(server, user, now)?;
                }
                let link = this.password_link(&account);
                store::insert_token(server, Purpose::SetPassword, &link, user, Some(&account.email))?;
                this.mail_password_link(unit, &account, &link)?;
                let entry = Audit::by(&who, "password_reset_mailed", Category::Administrative);
                let entry = entry.on("user", user).named(account.username.as_str());
                unit.audit(entry.detail("forced", ended))?;
                Ok(ResetMailed { user_id: user, forced: ended, link_expires_at: link.expires_at })
            })
            .await
    }
}

/// Was a token mailed to the address that the account still has? One that was given out otherwise always counts.
pub(in crate::auth) fn still_reaches(token: &store::OneTime, account: &Account) -> bool {
    token.email.as_ref().is_none_or(|email| text::key(email) == text::key(&account.email))
}
