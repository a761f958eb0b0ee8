//! Making an account of one's own.

use std::sync::Arc;

use kernel::{Error, FieldErrors, Kind, Origin};
use platform::{
    audit::{Audit, Category},
    db::DbError,
};

use super::{Registered, Registration};
use crate::{
    auth::{
        Auth,
        service::Result,
        store::{self, Purpose},
    },
    organizations,
    roles::{self, Catalogue},
    security,
    users::{
        self, change,
        events::UserCreated,
        model::{NewUser, Status},
    },
};

impl Auth {
    /// Makes an account that can be used once its address is confirmed.
    pub async fn register(&self, origin: &Arc<Origin>, wanted: Registration) -> Result<Registered> {
        let rules = &self.settings.registration;
        if !rules.enabled {
            let text = "People can't make accounts of their own on this server.";
            return Err(Error::new(Kind::Forbidden, text).reason("registration_disabled").into());
        }
        self.mails.require()?;
        let settings = Arc::clone(&self.settings);
        let home: std::result::Result<_, DbError> = self
            .db
            .read_server(move |tx| {
                let Some(org) = organizations::store::first(tx)? else { return Ok(None) };
                Ok(Some((org, security::store::policies(tx, &settings, org)?)))
            })
            .await;
        let (org, policies) = home?.ok_or_else(|| Error::not_found("organization"))?;
        let new = NewUser {
            username: wanted.username,
            email: wanted.email,
            display_name: wanted.display_name,
            password: Some(wanted.password.clone()),
            roles: Some(vec![rules.role.as_str().to_owned()]),
            ..NewUser::default()
        };
        let user =
            change::check_new(&new, &Catalogue::default(), &policies.password, FieldErrors::default())?;
        rules.check_address(user.email())?;
        let password_hash = self.passwords.hash(wanted.password).await?;

        let now = self.world.now();
        let mut account = user.account(self.world.id_at(now), org, true, now);
        account.status = Status::PendingVerification;
        let (this, origin) = (self.clone(), Arc::clone(origin));
        self.db
            .write(org, move |unit| {
                let server = unit.server();
                organizations::settings::check_address(server, org, &account.email)?;
                organizations::settings::make_room(unit)?;
                users::insert(unit, &account, &user.roles, None, now)?;
                store::insert_credential(server, account.id, &password_hash, now)?;
                let link = this.mails.confirmation_link(&this.world);
                store::insert_token(server, Purpose::ConfirmEmail, &link, account.id, Some(&account.email))?;
                this.mails.confirm(unit, &account.email, &link)?;
                unit.emit(&UserCreated { user: (&account).into() })?;
                let entry = Audit::anonymous(&origin, "user_registered", Category::Administrative);
                let entry = entry.on("user", account.id).named(account.username.as_str());
                unit.audit(entry.change("roles", Vec::<&str>::new(), roles::names(&user.roles)))?;
                Ok(Registered { user_id: account.id, status: account.status })
            })
            .await
    }
}
