use chrono::TimeDelta;
use kernel::Secret;
use platform::db::DbError;
use test_database::each_database;

use super::AddressConfirmation;
use crate::{
    auth::{
        PasswordReset,
        store::{self, Purpose},
    },
    ids::UserId,
    mails::Link,
    testing::{House, origin, told},
};

const OTHER: &str = "Another-Horse-8-Battery";

impl House {
    /// Keeps the token of a link as if it had been mailed there; gives the token.
    async fn mailed(&self, purpose: Purpose, link: Link, user: UserId, to: &'static str) -> Secret {
        let token = Secret::new(link.url.reveal().split_once("#token=").unwrap().1);
        let kept: Result<_, DbError> =
            self.db.write_server(move |unit| store::insert_token(unit, purpose, &link, user, Some(to))).await;
        kept.unwrap();
        token
    }

    async fn reset_link(&self, user: UserId, to: &'static str) -> Secret {
        let auth = self.identity.auth();
        self.mailed(Purpose::SetPassword, auth.mails.reset_link(&auth.world), user, to).await
    }

    async fn confirmation_link(&self, user: UserId, to: &'static str) -> Secret {
        let auth = self.identity.auth();
        self.mailed(Purpose::ConfirmEmail, auth.mails.confirmation_link(&auth.world), user, to).await
    }

    async fn reset(&self, token: Secret) -> Result<(), (u16, String)> {
        let reset = PasswordReset { token, password: Secret::new(OTHER) };
        self.identity.auth().reset_password(&origin(), reset).await.map(|_| ()).map_err(told)
    }

    async fn confirm(&self, token: Secret) -> Result<(), (u16, String)> {
        let confirmation = AddressConfirmation { token };
        self.identity.auth().confirm_email(&origin(), confirmation).await.map(|_| ()).map_err(told)
    }
}

fn invalid() -> Result<(), (u16, String)> {
    Err((401, "token_invalid".to_owned()))
}

#[each_database]
async fn a_mailed_link_sets_a_password_for_an_hour() {
    let house = House::new().await;
    let ann = house.make("ann", &["member"]).await.user.user_id;
    let late = house.reset_link(ann, "ann@example.com").await;

    house.advance(TimeDelta::minutes(60));

    assert_eq!(house.reset(late).await, invalid());
    let early = house.reset_link(ann, "ann@example.com").await;
    house.advance(TimeDelta::minutes(59));
    assert_eq!(house.reset(early).await, Ok(()));
}

#[each_database]
async fn a_link_confirms_an_address_for_a_day() {
    let house = House::new().await;
    let ann = house.make("ann", &["member"]).await.user.user_id;
    let late = house.confirmation_link(ann, "ann@example.com").await;

    house.advance(TimeDelta::hours(24));

    assert_eq!(house.confirm(late).await, invalid());
    let early = house.confirmation_link(ann, "ann@example.com").await;
    house.advance(TimeDelta::hours(23));
    assert_eq!(house.confirm(early).await, Ok(()));
}

#[each_database]
async fn what_was_mailed_to_an_address_that_the_account_has_not_is_worth_nothing() {
    let house = House::new().await;
    let ann = house.make("ann", &["member"]).await.user.user_id;

    let elsewhere = house.reset_link(ann, "eve@example.com").await;
    assert_eq!(house.reset(elsewhere.clone()).await, invalid());
    assert_eq!(house.confirm(elsewhere).await, invalid(), "a token of another kind");
    let elsewhere = house.confirmation_link(ann, "eve@example.com").await;
    assert_eq!(house.confirm(elsewhere.clone()).await, invalid());
    assert_eq!(house.reset(elsewhere).await, invalid(), "a token of another kind");

    let however_written = house.reset_link(ann, "ANN@Example.com").await;
    assert_eq!(house.reset(however_written).await, Ok(()));
}
