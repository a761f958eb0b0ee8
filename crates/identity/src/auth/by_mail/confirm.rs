//! Confirming that an address is one's own.

use std::sync::Arc;

use kernel::{Id, Origin, id::kind, text};
use platform::{
    audit::{Audit, Category},
    db::{ServerUnit, Unit},
};

use super::{
    AddressConfirmation, AddressConfirmed, AskedFor, ResetRequest,
    asked::{Asked, CONFIRM},
};
use crate::{
    auth::{
        Auth, AuthError,
        service::Result,
        store::{self, Purpose},
    },
    organizations,
    tokens::{self, TokenKind},
    users::{self, change, model::Status, store::Account},
};

/// Can the account have an address confirmed? One that is shut out stays as it is.
fn may_confirm(account: &Account) -> bool {
    matches!(account.status, Status::Active | Status::PendingVerification)
}

impl Auth {
    /// Has the link mailed again to that address, if an account waits for its confirmation.
    pub async fn request_confirmation(
        &self,
        origin: &Arc<Origin>,
        request: ResetRequest,
    ) -> Result<AskedFor> {
        self.ask(&CONFIRM, origin, &request.email).await
    }

    /// Mails a link to everybody who waits for it: which of them reads that address, nobody knows.
    pub(super) fn mail_confirmation(&self, unit: &ServerUnit<'_>, asked: &Asked) -> Result<()> {
        let is_asked = |email: &String| text::key(email) == asked.email;
        let waiting = match users::store::by_email(unit, &asked.email)? {
            None => users::store::by_pending_email(unit, &asked.email)?,
            Some(holder) if !holder.email_verified || holder.pending_email.as_ref().is_some_and(is_asked) => {
                vec![holder]
            }
            // Nobody else can have it.
            Some(_) => Vec::new(),
        };
        for account in waiting.iter().filter(|account| may_confirm(account)) {
            let address = account.pending_email.as_ref().filter(|email| is_asked(email));
            let address = address.unwrap_or(&account.email);
            self.mail_confirmation_to(&unit.org(account.home_org_id), account, address)?;
        }
        Ok(())
    }

    /// Mails a link that confirms an address of an account.
    fn mail_confirmation_to(&self, home: &Unit<'_>, account: &Account, address: &str) -> Result<()> {
        let link = self.mails.confirmation_link(&self.world);
        store::add_token(home.server(), Purpose::ConfirmEmail, &link, account.id, Some(address))?;
        Ok(self.mails.confirm(home, address, &link)?)
    }

    /// Confirms an address with a one-time token: the account's, or the one that shall take its place.
    pub async fn confirm_email(
        &self,
        origin: &Arc<Origin>,
        confirmation: AddressConfirmation,
    ) -> Result<AddressConfirmed> {
        let token = tokens::read(TokenKind::Email, confirmation.token.reveal());
        let token = token.ok_or_else(AuthError::unknown_token)?;
        let now = self.world.now();
        let (user, home) = self
            .db
            .read_server(move |tx| {
                let found = store::one_time(tx, Purpose::ConfirmEmail, &token, now)?;
                let user = found.ok_or_else(AuthError::unknown_token)?.user_id;
                let account = users::store::find(tx, user)?.ok_or_else(AuthError::unknown_token)?;
                Ok::<_, AuthError>((user, account.home_org_id))
            })
            .await?;
        let (this, origin) = (self.clone(), Arc::clone(origin));
        self.db.write(home, move |unit| this.use_confirmation(unit, &origin, user, &token)).await
    }

    fn use_confirmation(
        &self,
        unit: &Unit<'_>,
        origin: &Origin,
        user: Id<kind::User>,
        token: &tokens::TokenHash,
    ) -> Result<AddressConfirmed> {
        let (server, now) = (unit.server(), self.world.now());
        users::store::lock(server, user)?;
        // Looked at again under the lock: it may have been used, or replaced, since.
        let found = store::one_time(server, Purpose::ConfirmEmail, token, now)?;
        let address = found.and_then(|found| found.email).ok_or_else(AuthError::unknown_token)?;
        if !store::use_token(server, Purpose::ConfirmEmail, token, now)? {
            return Err(AuthError::unknown_token());
        }
        store::forget_tokens(server, Purpose::ConfirmEmail, user)?;
        let before = users::store::find(server, user)?.filter(may_confirm);
        let before = before.ok_or_else(AuthError::unknown_token)?;
        let mut after = before.clone();
        if before.pending_email.as_ref() == Some(&address) {
            // What is taken may have been decided anew since the link was mailed.
            organizations::settings::check_address(server, before.home_org_id, &address)?;
            (after.email, after.pending_email) = (address, None);
        } else if before.email != address {
            return Err(AuthError::unknown_token());
        }
        (after.email_verified, after.updated_at) = (true, now);
        if after.status == Status::PendingVerification {
            after.status = Status::Active;
        }
        users::store::save(server, &after)?;
        if after.email != before.email {
            // Links that were mailed to the address before are worth nothing by that.
            self.mails.email_changed(unit, &before, &after)?;
        }
        let changes = change::differences(&before, &after);
        users::service::tell(unit, &before, &after, &changes)?;
        let entry = Audit::anonymous(origin, "email_confirmed", Category::Authentication).as_user(user);
        let entry = entry.on("user", user).named(after.username.as_str());
        unit.audit(changes.into_iter().fold(entry, |entry, difference| {
            entry.change(difference.field, difference.old, difference.new)
        }))?;
        Ok(AddressConfirmed { user_id: user, email: after.email, status: after.status })
    }
}
