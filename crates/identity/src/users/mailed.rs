//! What follows by mail from a change of an account.

use kernel::{Actor, Error, text};
use platform::db::{DbError, Unit};

use super::{
    Users,
    change::{Change, RoleChange},
    fields,
    model::Status,
    policy::UserError,
    store::{self, Account},
};
use crate::{
    auth::{self, store::Purpose},
    organizations,
};

/// Is the address that of somebody who uses the account? Whoever registered it may have nothing to do with it.
fn is_known(holder: &Account) -> bool {
    !matches!(holder.status, Status::PendingVerification | Status::Deleted)
}

impl Users {
    /// Sees to what a change means for the addresses of an account, and tells its owner.
    pub(super) fn tell_of(
        &self,
        unit: &Unit<'_>,
        before: &Account,
        change: &Change,
    ) -> Result<(), UserError> {
        let (server, after) = (unit.server(), &change.account);
        if after.email != before.email {
            // Links that were mailed to the address before are worth nothing by that.
            self.mails.email_changed(unit, before, after)?;
        }
        if after.email != before.email || after.pending_email != before.pending_email {
            auth::store::forget_tokens(server, Purpose::ConfirmEmail, after.id)?;
        }
        match &after.pending_email {
            Some(wanted) if before.pending_email.as_ref() != Some(wanted) => {
                self.have_confirmed(unit, after, wanted)?;
            }
            _ => {}
        }
        match &change.roles {
            Some(roles) => self.tell_of_roles(unit, after, roles),
            None => Ok(()),
        }
    }

    /// Counts that the caller wants that address, where a link would be mailed to it.
    pub(super) async fn admit_address(&self, who: &Actor, wanted: &str) -> Result<(), UserError> {
        // What is no address is told with the other fields.
        let Ok(wanted) = fields::email(wanted) else { return Ok(()) };
        let (user, now) = (who.user, self.world.now());
        let found: Result<_, DbError> = self.db.read_server(move |tx| store::find(tx, user)).await;
        let Some(account) = found? else { return Ok(()) };
        let waits = account.pending_email.is_some_and(|email| text::key(&email) == text::key(&wanted));
        if waits || account.email == wanted {
            return Ok(());
        }
        let admitted = self.allowance.admit_change(user, &wanted, who.origin.address, now).await;
        Ok(admitted.map_err(Error::from)?)
    }

    fn have_confirmed(&self, unit: &Unit<'_>, account: &Account, wanted: &str) -> Result<(), UserError> {
        let server = unit.server();
        self.settings.registration.check_address(wanted)?;
        organizations::settings::check_address(server, account.home_org_id, wanted)?;
        // Whoever asks must not learn whether somebody has the address, of whatever organization: it waits either way.
        match store::by_email(server, &text::key(wanted))?.filter(|holder| holder.id != account.id) {
            Some(holder) if is_known(&holder) => {
                self.mails.email_wanted(&server.org(holder.home_org_id), &holder)?;
            }
            Some(_) => {}
            None => {
                let link = self.mails.confirmation_link(&self.world);
                auth::store::insert_token(server, Purpose::ConfirmEmail, &link, account.id, Some(wanted))?;
                self.mails.confirm(unit, wanted, &link)?;
            }
        }
        Ok(self.mails.email_change_asked(unit, account, wanted)?)
    }

    /// Tells somebody that they have other roles now.
    pub(super) fn tell_of_roles(
        &self,
        unit: &Unit<'_>,
        account: &Account,
        roles: &RoleChange,
    ) -> Result<(), UserError> {
        if roles.before == roles.after {
            return Ok(());
        }
        Ok(self.mails.roles_changed(unit, account, &roles.after)?)
    }
}
