use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use kernel::{
    Surroundings,
    list::{ListRequest, Page},
};
use platform::db::{DbError, ListError, ListOf, Plan};
use test_database::each_database;

use super::{Session, model::LIST, store};
use crate::testing::{House, told};

fn asked(query: &[(&'static str, &'static str)]) -> ListRequest {
    LIST.read(query.iter().copied()).unwrap()
}

fn ids(page: &Page<Session>) -> Vec<kernel::Id<kernel::id::kind::Session>> {
    page.items.iter().map(|session| session.session_id).collect()
}

#[each_database]
async fn people_see_their_own_sessions_and_which_is_this_one() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    house.sign_in("ann").await.unwrap();

    let page = house.identity.sessions().list_of(&ann, ann.user, asked(&[])).await.unwrap();

    assert_eq!((page.items.len(), page.total), (2, Some(2)));
    let current: Vec<_> = page.items.iter().filter(|session| session.current).collect();
    assert_eq!(current.len(), 1);
    assert_eq!((current[0].session_id, current[0].device.as_deref()), (ann.session, Some("curl")));
    assert_eq!((current[0].user_email.as_deref(), current[0].kind), (Some("ann@example.com"), "login"));
    assert_eq!(house.identity.sessions().current(&ann).await.unwrap(), *current[0]);
}

#[each_database]
async fn an_ended_session_is_worth_nothing_from_the_next_request() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let other = house.sign_in("ann").await.unwrap().access_token;
    let session = house.actor(other.reveal()).await.unwrap().session;
    let ended = Arc::new(Mutex::new(Vec::new()));
    house.identity.on_session_end({
        let ended = Arc::clone(&ended);
        move |one| ended.lock().unwrap().push(one)
    });

    house.identity.sessions().end(&ann, session).await.unwrap();

    assert_eq!(told(house.actor(other.reveal()).await.unwrap_err()), (401, "session_ended".to_owned()));
    assert_eq!(*ended.lock().unwrap(), [super::SessionEnded { user: ann.user, session }]);
    assert_eq!(told(house.identity.sessions().end(&ann, session).await.unwrap_err()).0, 404, "it is gone");
    assert_eq!(house.audited("session_ended").await.len(), 1);
}

#[each_database]
async fn other_people_s_sessions_are_for_those_who_administer_them() {
    let house = House::new().await;
    let (ann, bob) = (house.user("ann", &["member"]).await, house.user("bob", &["member"]).await);
    let keeper = house.user("keeper", &["guest", "session_manager"]).await;
    let sessions = house.identity.sessions();

    assert_eq!(told(sessions.get(&ann, bob.session).await.unwrap_err()).0, 404);
    assert_eq!(told(sessions.end(&ann, bob.session).await.unwrap_err()).0, 404);
    assert_eq!(sessions.get(&keeper, bob.session).await.unwrap().user_id, bob.user);
    sessions.end(&keeper, bob.session).await.unwrap();
    assert_eq!(sessions.list_of(&keeper, bob.user, asked(&[])).await.unwrap().items.len(), 0);
}

#[each_database]
async fn a_session_or_user_of_nobody_is_not_there() {
    let house = House::new().await;
    let (world, sessions) = (Surroundings::system(), house.identity.sessions());

    assert_eq!(told(sessions.get(&house.admin, world.id()).await.unwrap_err()).0, 404);
    assert_eq!(told(sessions.list_of(&house.admin, world.id(), asked(&[])).await.unwrap_err()).0, 404);
    assert_eq!(told(sessions.end_of(&house.admin, world.id(), false).await.unwrap_err()).0, 404);
}

#[each_database]
async fn ending_all_sessions_may_spare_this_one() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let other = house.sign_in("ann").await.unwrap().access_token;
    let sessions = house.identity.sessions();

    let spared = sessions.end_of(&ann, ann.user, true).await.unwrap();

    assert_eq!(spared.terminated_count, 1);
    assert!(house.actor(other.reveal()).await.is_err());
    assert!(sessions.current(&ann).await.is_ok());
    assert_eq!(sessions.end_of(&house.admin, ann.user, false).await.unwrap().terminated_count, 1);
}

#[each_database]
async fn the_organization_s_list_has_what_lives_and_nothing_else() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    house.advance(TimeDelta::minutes(30));
    let bob = house.user("bob", &["member"]).await;
    let list = async |query: &[(&'static str, &'static str)]| {
        ids(&house.identity.sessions().list(&house.admin, asked(query)).await.unwrap())
    };

    assert_eq!(list(&[("sort", "created_at"), ("limit", "1")]).await, [bob.session]);
    assert_eq!(list(&[]).await.len(), 3);
    house.advance(TimeDelta::minutes(30));
    assert_eq!(list(&[]).await, [bob.session], "the others have expired");
    assert_eq!(list(&[("kind", "login")]).await.len(), 1);
    let of_ann = [("user_id", ann.user.to_string())];
    let request = LIST.read(of_ann.iter().map(|(name, value)| (*name, value.as_str()))).unwrap();
    assert!(house.identity.sessions().list(&house.admin, request).await.unwrap().items.is_empty());
}

#[each_database]
async fn the_use_of_a_session_is_written_down_off_the_path_and_once_a_minute() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let token = house.sign_in("ann").await.unwrap().access_token;
    let began = house.now();
    let ann = house.actor(token.reveal()).await.unwrap();
    let last_activity = async || house.identity.sessions().current(&ann).await.unwrap().last_activity;

    house.advance(TimeDelta::seconds(59));
    house.actor(token.reveal()).await.unwrap();
    house.advance(TimeDelta::seconds(1));
    let minute = house.now();
    house.actor(token.reveal()).await.unwrap();

    while last_activity().await == began {
        tokio::task::yield_now().await;
    }
    assert_eq!(last_activity().await, minute);
}

#[each_database]
async fn every_sort_of_both_lists_walks_an_index() {
    let house = House::new().await;
    // A user's list has the user where the organization's has the organization; its plan is seen the same way.
    let of_user = ListOf { org: "s.user_id", ..store::OF_ORGANIZATION };
    for (list, index) in [(store::OF_ORGANIZATION, "org"), (of_user, "user")] {
        for (sort, by) in [("last_activity", "activity"), ("created_at", "creation")] {
            let plan: Result<Plan, ListError> = house
                .db
                .read(house.org, move |tx| {
                    let living = super::service::living(kernel::Timestamp::UNIX_EPOCH);
                    tx.plan_of(&list, &asked(&[("sort", sort)]), Some(living))
                })
                .await;
            let plan = plan.unwrap();
            assert!(plan.uses(&format!("server_sessions_of_{index}_by_{by}")), "{plan}");
            assert!(plan.walks(), "{plan}");
        }
    }
}

#[each_database]
async fn what_has_expired_is_swept_at_the_next_sign_in() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    house.sign_in("ann").await.unwrap();
    house.advance(TimeDelta::hours(2));

    house.sign_in("ann").await.unwrap();

    let count: Result<Option<(i64,)>, DbError> = house
        .db
        .read_server(|tx| {
            tx.one(
                "SELECT count(*) FROM server_refresh_tokens t JOIN server_sessions s ON s.id = t.session_id
                 JOIN server_users u ON u.id = s.user_id WHERE u.username = $1",
                &[&"ann"],
            )
        })
        .await;
    assert_eq!(count.unwrap(), Some((1,)));
}

#[tokio::test]
async fn expired_sessions_of_people_who_do_not_come_back_are_forgotten() {
    let house = House::new().await;
    house.user("ann", &["member"]).await;
    let sweep = async || {
        let now = house.now();
        house.db.write_server(move |unit| store::sweep_some(unit, now)).await.unwrap()
    };

    assert_eq!(sweep().await, 0);
    house.advance(TimeDelta::days(400));

    assert_eq!(sweep().await, 2, "hers and the administrator's");
    assert_eq!(sweep().await, 0);
}
