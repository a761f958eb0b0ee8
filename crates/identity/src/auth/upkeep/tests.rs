use chrono::TimeDelta;
use platform::db::DbError;
use test_database::each_database;

use super::*;
use crate::{
    auth::store::{self as links, Purpose},
    ids::UserId,
    settings::Within,
    testing::House,
};

impl House {
    /// Makes an account as if somebody had registered it, with a link that confirms its address.
    async fn registered(&self, name: &str) -> UserId {
        let user = self.make(name, &["member"]).await.user.user_id;
        let email = format!("{name}@example.com");
        let auth = self.identity.auth();
        let link = auth.mails.confirmation_link(&auth.world);
        let kept: Result<_, DbError> = self
            .db
            .write_server(move |unit| {
                let account = users::store::find(unit, user)?.unwrap();
                let waits = users::store::Account {
                    status: Status::PendingVerification,
                    email_verified: false,
                    ..account
                };
                users::store::save(unit, &waits)?;
                links::insert_token(unit, Purpose::ConfirmEmail, &link, user, Some(&email))
            })
            .await;
        kept.unwrap();
        user
    }

    async fn is_there(&self, user: UserId) -> bool {
        let found: Result<_, DbError> = self.db.read_server(move |tx| users::store::find(tx, user)).await;
        found.unwrap().is_some()
    }

    /// How many links there are.
    async fn links(&self) -> i64 {
        let count: Result<Option<(i64,)>, DbError> = self
            .db
            .read_server(|tx| tx.one("SELECT CAST(count(*) AS bigint) FROM server_one_time_tokens", &[]))
            .await;
        count.unwrap().unwrap().0
    }

    async fn erased(&self) -> u64 {
        self.identity.auth().erase_unconfirmed().await.unwrap()
    }
}

#[each_database]
async fn a_registration_that_nobody_confirms_goes_after_a_week_and_frees_its_name() {
    let house = House::new().await;
    let bea = house.registered("bea").await;

    house.advance(WAITS - TimeDelta::seconds(1));
    assert_eq!(house.erased().await, 0);
    house.advance(TimeDelta::seconds(1));
    assert_eq!(house.erased().await, 1);

    assert!(!house.is_there(bea).await);
    assert_eq!(house.audited("registration_expired").await.len(), 1);
    assert_eq!(house.erased().await, 0);
    house.make("bea", &["member"]).await;
}

#[each_database]
async fn a_registration_waits_for_as_long_as_its_link_is_good() {
    let house = House::with(|settings| settings.email_link_hours = Within::new(720)).await;
    let bea = house.registered("bea").await;

    house.advance(TimeDelta::hours(719));
    assert_eq!(house.erased().await, 0);
    assert!(house.is_there(bea).await);

    house.advance(TimeDelta::hours(1));
    assert_eq!(house.erased().await, 1);
}

#[each_database]
async fn whoever_is_confirmed_or_was_made_by_others_stays() {
    let house = House::new().await;
    let (ann, bea, owner) = (
        house.make("ann", &["member"]).await.user.user_id,
        house.registered("bea").await,
        house.registered("cid").await,
    );
    let org = house.org;
    let changed: Result<_, DbError> = house
        .db
        .write(org, move |unit| {
            let account = users::store::find(unit.server(), bea)?.unwrap();
            users::store::save(
                unit.server(),
                &users::store::Account { status: Status::Suspended, ..account },
            )?;
            unit.execute(
                "UPDATE member_roles SET role_id = $3 WHERE org_id = $1 AND user_id = $2",
                &[&owner, &crate::roles::system::OWNER],
            )
        })
        .await;
    assert_eq!(changed.unwrap(), 1);

    house.advance(WAITS * 10);

    assert_eq!(house.erased().await, 0);
    for user in [ann, bea, owner] {
        assert!(house.is_there(user).await);
    }
}

#[each_database]
async fn links_are_forgotten_once_they_are_good_no_more() {
    let house = House::new().await;
    house.registered("bea").await;
    let forgotten = async || house.identity.auth().forget_links().await.unwrap();

    house.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
    assert_eq!((forgotten().await, house.links().await), (0, 1));
    house.advance(TimeDelta::seconds(1));

    assert_eq!((forgotten().await, house.links().await), (1, 0));
}
