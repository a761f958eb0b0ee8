//! What needs the clock, and the plans of the lists. The rest is tried over HTTP.

use chrono::TimeDelta;
use kernel::{Actor, Patch, list::ListRequest};
use platform::db::{DbError, Extra, ListError, Plan};
use test_database::each_database;

use super::{
    CreatedKey, NewKey, Rotation,
    model::{KeyStatus, LIST},
    store,
};
use crate::testing::{House, told};

fn new_key() -> NewKey {
    NewKey { name: "Program".to_owned(), scopes: vec!["users:read".to_owned()], ..NewKey::default() }
}

fn asked(query: &[(&'static str, &str)]) -> ListRequest {
    LIST.read(query.iter().copied()).unwrap()
}

async fn make(house: &House, who: &Actor, new: NewKey) -> CreatedKey {
    house.identity.api_keys().create(who, who.user, new).await.unwrap()
}

#[each_database]
async fn a_key_ends_with_its_last_second_and_a_replaced_secret_with_its_grace() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let end = house.now() + TimeDelta::seconds(60);
    let old = make(&house, &ann, NewKey { expires_at: Patch::Set(end), ..new_key() }).await;
    let keys = house.identity.api_keys();
    let new = keys.rotate(&ann, old.key.key_id, Rotation { grace_seconds: 10 }).await.unwrap();
    let is_good = async |key: &CreatedKey| house.actor(key.api_key.reveal()).await.map(|_| ()).map_err(told);

    assert_eq!((is_good(&old).await, is_good(&new).await), (Ok(()), Ok(())));
    house.advance(TimeDelta::microseconds(9_999_999));
    assert_eq!(is_good(&old).await, Ok(()));
    house.advance(TimeDelta::microseconds(1));
    assert_eq!(is_good(&old).await, Err((401, "token_expired".to_owned())));
    house.advance(TimeDelta::microseconds(49_999_999));
    assert_eq!(is_good(&new).await, Ok(()));
    house.advance(TimeDelta::microseconds(1));
    assert_eq!(is_good(&new).await, Err((401, "token_expired".to_owned())));
    assert_eq!(keys.get(&ann, old.key.key_id).await.unwrap().status, KeyStatus::Expired);
    let rotated = keys.rotate(&ann, old.key.key_id, Rotation::default()).await;
    assert_eq!(told(rotated.unwrap_err()), (409, "key_expired".to_owned()));
}

#[each_database]
async fn the_use_of_a_key_is_written_down_off_the_path_and_once_a_minute() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let key = make(&house, &ann, new_key()).await;
    let last_used = async || house.identity.api_keys().get(&ann, key.key.key_id).await.unwrap().last_used_at;
    assert_eq!(last_used().await, None);

    let first = house.now();
    house.actor(key.api_key.reveal()).await.unwrap();
    house.advance(TimeDelta::seconds(59));
    house.actor(key.api_key.reveal()).await.unwrap();

    while last_used().await.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(last_used().await, Some(first));
    let shown = house.identity.api_keys().get(&ann, key.key.key_id).await.unwrap();
    assert_eq!(shown.last_used_ip.as_deref(), Some("203.0.113.7"));
}

#[each_database]
async fn other_roles_of_the_owner_reach_the_key_at_once() {
    let house = House::new().await;
    let ann = house.user("ann", &["manager"]).await;
    let key = make(
        &house,
        &ann,
        NewKey { scopes: vec!["bots:create".to_owned(), "bots:use".to_owned()], ..new_key() },
    )
    .await;
    let before = house.actor(key.api_key.reveal()).await.unwrap();

    let patch = crate::users::UserPatch {
        roles: Patch::Set(vec!["member".to_owned()]),
        ..crate::users::UserPatch::default()
    };
    house.identity.users().change(&house.admin, ann.user, kernel::Expected::Any, patch).await.unwrap();

    let after = house.actor(key.api_key.reveal()).await.unwrap();
    assert!(before.may(kernel::Permission::BOTS_CREATE) && !after.may(kernel::Permission::BOTS_CREATE));
    assert!(after.may(kernel::Permission::BOTS_USE) && !after.may(kernel::Permission::USERS_READ));
}

#[each_database]
async fn the_end_of_a_key_is_announced_once_seven_days_before() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let key = make(&house, &ann, NewKey { expires_in_days: Patch::Set(10), ..new_key() }).await;
    let revoked = make(&house, &ann, NewKey { expires_in_days: Patch::Set(10), ..new_key() }).await;
    let keys = house.identity.api_keys();
    keys.revoke(&ann, revoked.key.key_id, kernel::Expected::Any).await.unwrap();
    let told_of = async || -> Vec<(String,)> {
        let told: Result<_, DbError> = house
            .db
            .read(house.org, |tx| {
                tx.all("SELECT subject FROM outbox WHERE org_id = $1 AND name = $2", &[&"api_key.expiring"])
            })
            .await;
        told.unwrap()
    };

    assert_eq!(keys.announce_some().await.unwrap(), 0);
    house.advance(TimeDelta::days(3));
    assert_eq!(keys.announce_some().await.unwrap(), 1);
    assert_eq!(keys.announce_some().await.unwrap(), 0);
    assert_eq!(told_of().await, [(key.key.key_id.to_string(),)]);

    house.advance(TimeDelta::days(7 + 90));
    assert_eq!(keys.forget_some().await.unwrap(), 2);
    assert_eq!(told(keys.get(&ann, key.key.key_id).await.unwrap_err()).0, 404);
}

#[each_database]
async fn every_sort_of_the_lists_walks_an_index() {
    let house = House::new().await;
    let user = house.admin.user.to_string();
    for sort in ["created_at", "name", "last_used_at", "expires_at"] {
        for (of, filter) in [("org", vec![]), ("user", vec![("filter[user_id]", user.as_str())])] {
            let query: Vec<_> = filter.into_iter().chain([("sort", sort)]).collect();
            let request = LIST.read(query).unwrap();
            let plan: Result<Plan, ListError> = house
                .db
                .read(house.org, move |tx| tx.plan_of(&store::LIST, &request, Extra::default()))
                .await;
            let plan = plan.unwrap();
            assert!(plan.uses(&format!("server_api_keys_of_{of}_by_{sort}")), "{plan}");
            assert!(plan.walks(), "{plan}");
        }
    }
    assert!(house.identity.api_keys().list(&house.admin, asked(&[])).await.unwrap().items.is_empty());
}
