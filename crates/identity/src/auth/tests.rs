use chrono::TimeDelta;
use kernel::{Secret, Surroundings};
use test_database::each_database;

use super::{
    AuthError, Bootstrap, Login, Logout, PasswordReset,
    store::{Purpose, insert_token},
};
use crate::{
    Identity, Settings,
    settings::Within,
    testing::{House, PASSWORD, database, identity, login, new_user, origin, origin_at, told},
    users::{NewUser, Status, UserPatch},
};

fn refresh_token(signed_in: &super::SignedIn) -> Secret {
    Secret::new(signed_in.refresh_token.reveal())
}

#[each_database]
async fn a_name_or_an_address_signs_in_whatever_its_case() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let by_address = Login {
        email: Some(" Ann@Example.COM ".to_owned()),
        password: Secret::new(PASSWORD),
        ..Login::default()
    };

    let by_name = house.sign_in("ANN").await.unwrap();
    let by_address = house.identity.auth().login(&origin(), by_address).await.unwrap();

    assert_eq!(by_name.user_id, by_address.user_id);
    assert_eq!((by_name.expires_in, by_name.user.role.as_deref()), (3600, Some("member")));
    assert_eq!(house.actor(by_name.access_token.reveal()).await.unwrap().user, by_name.user_id);
}

#[each_database]
async fn exactly_one_name_is_given() {
    let house = House::new().await;
    let both = Login { email: Some("ann@example.com".to_owned()), ..login("ann", PASSWORD) };
    let none = Login { username: Some("  ".to_owned()), ..Login::default() };

    for bad in [both, none] {
        assert_eq!(told(house.identity.auth().login(&origin(), bad).await.unwrap_err()).0, 422);
    }
}

#[each_database]
async fn a_wrong_name_and_a_wrong_password_are_one_refusal() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let refused = async |name: &str| {
        let error: kernel::Error =
            house.identity.auth().login(&origin(), login(name, "wrong")).await.unwrap_err().into();
        format!("{:?} {error} {:?}", error.kind(), error.details())
    };

    assert_eq!(refused("ann").await, refused("nobody").await);
    let entries = house.audited("login_failed").await;
    assert_eq!(entries, vec![("failure".to_owned(), Some("invalid_credentials".to_owned())); 2]);
}

#[each_database]
async fn failures_lock_a_name_for_one_address_even_for_the_right_password_and_unknown_names_alike() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let attempt = async |name: &str, password: &str| {
        house.identity.auth().login(&origin(), login(name, password)).await.map(|_| ()).map_err(told)
    };

    for name in ["ann", "nobody"] {
        for _ in 0..5 {
            assert_eq!(attempt(name, "wrong").await, Err((401, "invalid_credentials".to_owned())));
        }
        assert_eq!(attempt(name, PASSWORD).await, Err((423, "account_locked".to_owned())));
    }
    let elsewhere = house.identity.auth().login(&origin_at("198.51.100.1"), login("ann", PASSWORD)).await;
    assert!(elsewhere.is_ok(), "nobody locks another out");
    house.advance(TimeDelta::minutes(30));
    assert_eq!(attempt("ann", PASSWORD).await, Ok(()));
}

#[each_database]
async fn the_lock_names_its_end() {
    let house = House::with(|settings| settings.lockout.max_attempts = Within::new(3)).await;
    for _ in 0..3 {
        house.identity.auth().login(&origin(), login("ann", "wrong")).await.unwrap_err();
    }

    let error = house.sign_in("ann").await.unwrap_err();

    let end = house.now() + TimeDelta::minutes(30);
    assert!(matches!(error, AuthError::Locked { until } if until == end), "{error:?}");
}

#[each_database]
async fn who_signs_in_has_their_failures_forgotten() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    for _ in 0..3 {
        for _ in 0..4 {
            house.identity.auth().login(&origin(), login("ann", "wrong")).await.unwrap_err();
        }
        house.sign_in("ann").await.unwrap();
    }
}

#[each_database]
async fn attempts_on_one_name_from_one_address_are_five_a_minute() {
    let house = House::with(|settings| settings.logins_per_minute = 5).await;
    house.make("ann", &["member"]).await;
    for _ in 0..5 {
        house.sign_in("ann").await.unwrap();
    }

    assert_eq!(told(house.sign_in("ann").await.unwrap_err()).0, 429);
    house.advance(TimeDelta::minutes(1));
    house.sign_in("ann").await.unwrap();
}

#[each_database]
async fn only_who_knows_the_password_learns_that_an_account_is_shut() {
    let house = House::new().await;
    let ann = house.make("ann", &["member"]).await;
    let suspend = UserPatch { status: kernel::Patch::Set(Status::Suspended), ..UserPatch::default() };
    house
        .identity
        .users()
        .change(&house.admin, ann.user.user_id, kernel::Expected::Any, suspend)
        .await
        .unwrap();

    let wrong = house.identity.auth().login(&origin(), login("ann", "wrong")).await.unwrap_err();
    let right = house.sign_in("ann").await.unwrap_err();

    assert_eq!(told(wrong), (401, "invalid_credentials".to_owned()));
    assert_eq!(told(right), (403, "account_suspended".to_owned()));
}

#[each_database]
async fn a_sign_in_acts_only_where_the_user_is_a_member() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let elsewhere = Login { organization_id: Some(Surroundings::system().id()), ..login("ann", PASSWORD) };
    let home = Login { organization_id: Some(house.org), ..login("ann", PASSWORD) };

    assert_eq!(told(house.identity.auth().login(&origin(), elsewhere).await.unwrap_err()).0, 404);
    assert_eq!(house.identity.auth().login(&origin(), home).await.unwrap().user.organization_id, house.org);
}

#[each_database]
async fn a_refresh_gives_new_tokens_and_the_old_ones_are_worth_nothing() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let before = house.sign_in("ann").await.unwrap();
    house.actor(before.access_token.reveal()).await.unwrap();

    let after = house.identity.auth().refresh(&origin(), &refresh_token(&before)).await.unwrap();

    assert!(house.actor(after.access_token.reveal()).await.is_ok());
    assert_eq!(told(house.actor(before.access_token.reveal()).await.unwrap_err()).1, "token_invalid");
}

#[each_database]
async fn a_spent_refresh_token_ends_the_whole_family() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let signed_in = house.sign_in("ann").await.unwrap();
    let auth = house.identity.auth();
    let renewed = auth.refresh(&origin(), &refresh_token(&signed_in)).await.unwrap();
    house.actor(renewed.access_token.reveal()).await.unwrap();
    house.advance(TimeDelta::microseconds(1));

    let refused = auth.refresh(&origin(), &refresh_token(&signed_in)).await.unwrap_err();

    assert_eq!(told(refused), (401, "token_spent".to_owned()));
    assert_eq!(
        told(house.actor(renewed.access_token.reveal()).await.unwrap_err()),
        (401, "session_ended".to_owned())
    );
    let last = auth.refresh(&origin(), &Secret::new(renewed.refresh_token.reveal())).await.unwrap_err();
    assert_eq!(told(last), (401, "session_ended".to_owned()));
    let entries = house.audited("suspicious_activity").await;
    assert_eq!(entries, [("failure".to_owned(), Some("refresh_token_reused".to_owned()))]);
}

#[each_database]
async fn two_refreshes_at_once_have_one_winner_whose_tokens_work() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let signed_in = house.sign_in("ann").await.unwrap();
    let (origin, token) = (origin(), refresh_token(&signed_in));
    let auth = house.identity.auth();

    let (one, other) = tokio::join!(auth.refresh(&origin, &token), auth.refresh(&origin, &token));

    let winner = match (one, other) {
        (Ok(winner), Err(loser)) | (Err(loser), Ok(winner)) => {
            assert_eq!(told(loser), (401, "token_spent".to_owned()));
            winner
        }
        both => panic!("{both:?}"),
    };
    assert!(house.actor(winner.access_token.reveal()).await.is_ok());
}

#[each_database]
async fn tokens_end_when_they_say() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let short = house.sign_in("ann").await.unwrap();
    let remembered = Login { remember_me: true, ..login("ann", PASSWORD) };
    let long = house.identity.auth().login(&origin(), remembered).await.unwrap();
    house.actor(short.access_token.reveal()).await.unwrap();

    house.advance(TimeDelta::hours(1));

    let auth = house.identity.auth();
    assert_eq!(told(house.actor(short.access_token.reveal()).await.unwrap_err()).1, "token_expired");
    assert_eq!(told(auth.refresh(&origin(), &refresh_token(&short)).await.unwrap_err()).1, "token_expired");
    house.advance(TimeDelta::days(29));
    let renewed = auth.refresh(&origin(), &refresh_token(&long)).await.unwrap();
    house.advance(TimeDelta::days(30));
    let late = auth.refresh(&origin(), &Secret::new(renewed.refresh_token.reveal())).await.unwrap_err();
    assert_eq!(told(late).1, "token_expired");
}

#[each_database]
async fn signing_out_ends_this_session_or_all() {
    let house = House::new().await;
    let here = house.user("ann", &["member"]).await;
    let there = house.sign_in("ann").await.unwrap();
    let third = house.sign_in("ann").await.unwrap();
    let auth = house.identity.auth();

    let named = Logout { refresh_token: Some(refresh_token(&there)), ..Logout::default() };
    auth.logout(&here, named).await.unwrap();
    assert!(house.actor(there.access_token.reveal()).await.is_err());
    let third = house.actor(third.access_token.reveal()).await.unwrap();

    let fourth = house.sign_in("ann").await.unwrap();
    auth.logout(&third, Logout { everywhere: true, ..Logout::default() }).await.unwrap();
    assert!(house.actor(fourth.access_token.reveal()).await.is_err());
    assert_eq!(house.audited("logout").await.len(), 2);
}

#[each_database]
async fn nobody_signs_another_out_with_their_refresh_token() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    house.make("bob", &["member"]).await;
    let bob = house.sign_in("bob").await.unwrap();

    let stolen = Logout { refresh_token: Some(refresh_token(&bob)), ..Logout::default() };
    house.identity.auth().logout(&ann, stolen).await.unwrap();

    assert!(house.actor(bob.access_token.reveal()).await.is_ok());
}

#[each_database]
async fn one_session_too_many_ends_the_least_recently_used() {
    let house = House::with(|settings| settings.session.max_sessions = Within::new(2)).await;
    house.make("ann", &["member"]).await;
    let mut signed_in = Vec::new();
    for _ in 0..3 {
        signed_in.push(house.sign_in("ann").await.unwrap());
        house.advance(TimeDelta::seconds(1));
    }

    let mut alive = Vec::new();
    for one in &signed_in {
        alive.push(house.actor(one.access_token.reveal()).await.is_ok());
    }

    assert_eq!(alive, [false, true, true]);
}

fn without_password(name: &str) -> NewUser {
    NewUser { password: None, ..new_user(name, &["member"]) }
}

async fn link_of(house: &House, name: &str) -> Secret {
    let created = house.identity.users().create(&house.admin, without_password(name)).await.unwrap();
    let link = created.password_link.unwrap();
    Secret::new(link.reveal().split_once("#token=").unwrap().1)
}

#[each_database]
async fn a_link_sets_the_password_once_and_activates_the_account() {
    let house = House::new().await;
    let token = link_of(&house, "bea").await;
    let reset = PasswordReset { token, password: Secret::new(PASSWORD) };
    assert_eq!(told(house.sign_in("bea").await.unwrap_err()).1, "invalid_credentials", "no password yet");

    house.identity.auth().reset_password(&origin(), reset.clone()).await.unwrap();

    house.sign_in("bea").await.unwrap();
    let again = house.identity.auth().reset_password(&origin(), reset).await.unwrap_err();
    assert_eq!(told(again), (401, "token_invalid".to_owned()));
    assert_eq!(house.audited("password_changed").await.len(), 1);
}

#[each_database]
async fn a_refused_password_does_not_use_the_link_up() {
    let house = House::new().await;
    let token = link_of(&house, "bea").await;
    let set = async |password: &str| {
        let reset = PasswordReset { token: token.clone(), password: Secret::new(password) };
        house.identity.auth().reset_password(&origin(), reset).await.map(|_| ()).map_err(told)
    };

    assert_eq!(set("short").await, Err((422, String::new())));
    assert_eq!(set(PASSWORD).await, Ok(()));
}

#[each_database]
async fn a_link_ends_after_a_day() {
    let house = House::new().await;
    let token = link_of(&house, "bea").await;
    house.advance(TimeDelta::hours(24));

    let late = PasswordReset { token, password: Secret::new(PASSWORD) };

    assert_eq!(
        told(house.identity.auth().reset_password(&origin(), late).await.unwrap_err()).1,
        "token_invalid"
    );
}

#[each_database]
async fn a_session_does_not_survive_a_new_password_and_the_old_one_does_not_come_back() {
    let house = House::new().await;
    let token = link_of(&house, "bea").await;
    let user = house.identity.auth();
    let set = PasswordReset { token, password: Secret::new(PASSWORD) };
    let bea = user.reset_password(&origin(), set).await.unwrap().user_id;
    let signed_in = house.sign_in("bea").await.unwrap();
    house.actor(signed_in.access_token.reveal()).await.unwrap();
    let link = user.mails.invitation_link(&user.world);
    let token = Secret::new(link.url.reveal().split_once("#token=").unwrap().1);
    let stored: Result<(), platform::db::DbError> =
        house.db.write_server(move |unit| insert_token(unit, Purpose::SetPassword, &link, bea, None)).await;
    stored.unwrap();

    let same = PasswordReset { token: token.clone(), password: Secret::new(PASSWORD) };
    assert_eq!(told(user.reset_password(&origin(), same).await.unwrap_err()).1, "password_reused");
    let other = PasswordReset { token, password: Secret::new("Another-Horse-8-Battery") };
    user.reset_password(&origin(), other).await.unwrap();

    assert!(house.actor(signed_in.access_token.reveal()).await.is_err());
    assert_eq!(told(house.sign_in("bea").await.unwrap_err()).1, "invalid_credentials");
}

fn bootstrap(secret: &str) -> Bootstrap {
    Bootstrap {
        bootstrap_secret: Secret::new(secret),
        organization_name: "Example Ltd".to_owned(),
        first_name: "Ann".to_owned(),
        last_name: "Lee".to_owned(),
        username: "ann".to_owned(),
        email: "ann@example.com".to_owned(),
        password: Secret::new(PASSWORD),
    }
}

async fn waiting_for_bootstrap() -> (Identity, test_database::TestDatabase) {
    let (db, folder) = database().await;
    let mut settings = Settings::default();
    settings.fast_hashing_for_tests();
    let world = Surroundings::system();
    let secrets = crate::testing::secrets(&db, &world).await;
    let parts = crate::Parts {
        mailer: crate::testing::no_mail(&db, &secrets, &world),
        secrets,
        db,
        world,
        counters: platform::counters::Counters::default(),
        bus: platform::bus::Bus::default(),
        objects: crate::testing::objects(),
        settings,
        bootstrap_secret: Some(Secret::new("let-me-in")),
        public_url: "http://x".to_owned(),
    };
    (Identity::new(parts), folder)
}

#[each_database]
async fn who_knows_the_secret_makes_the_first_administrator_once() {
    let (identity, _folder) = waiting_for_bootstrap().await;
    let founding = &identity.founding;
    assert!(identity.first_administrator().await.unwrap().is_none(), "bootstrap waits instead");

    let wrong = founding.bootstrap(&origin(), bootstrap("guess")).await.unwrap_err();
    let made = founding.bootstrap(&origin(), bootstrap("let-me-in")).await.unwrap();
    let again = founding.bootstrap(&origin(), bootstrap("let-me-in")).await.unwrap_err();

    assert_eq!(told(wrong).0, 401);
    assert_eq!(told(again), (409, "admin_exists".to_owned()));
    let ann = identity.auth().login(&origin(), login("ann", PASSWORD)).await.unwrap();
    assert_eq!((ann.user_id, ann.user.role.as_deref()), (made.user_id, Some("owner")));
}

#[each_database]
async fn everything_wrong_with_a_bootstrap_is_said_at_once() {
    let (identity, _folder) = waiting_for_bootstrap().await;
    let bad = Bootstrap {
        organization_name: " ".to_owned(),
        email: "nowhere".to_owned(),
        password: Secret::new("short"),
        ..bootstrap("let-me-in")
    };

    let refused: kernel::Error = identity.founding.bootstrap(&origin(), bad).await.unwrap_err().into();

    let fields: Vec<_> = refused.details()["fields"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["email", "organization_name", "password"]);
}

#[each_database]
async fn of_two_starts_one_makes_the_administrator() {
    let (db, _folder) = database().await;
    let world = Surroundings::system();
    let (one, other) = (identity(&db, &world, |_| {}).await, identity(&db, &world, |_| {}).await);

    let (first, second) = tokio::join!(one.first_administrator(), other.first_administrator());

    let made = [first.unwrap(), second.unwrap()].into_iter().flatten().count();
    assert_eq!(made, 1);
    assert!(one.first_administrator().await.unwrap().is_none());
}

#[each_database]
async fn an_organization_made_before_the_first_start_gets_its_administrator_then() {
    let (db, _folder) = database().await;
    let identity = identity(&db, &Surroundings::system(), |_| {}).await;
    let org = identity.first_organization().await.unwrap();

    assert!(identity.first_administrator().await.unwrap().is_some());
    assert_eq!(identity.first_organization().await.unwrap(), org);
}

#[each_database]
async fn a_password_is_hashed_again_when_the_cost_has_changed() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let dearer =
        identity(&house.db, &Surroundings::system(), |settings| settings.hashing.passes = Within::new(2))
            .await;
    let hash = async || {
        let hash: Result<Option<(String,)>, platform::db::DbError> = house
            .db
            .read_server(|tx| {
                tx.one(
                    "SELECT c.password_hash FROM server_credentials c JOIN server_users u ON u.id = c.user_id
                     WHERE u.username = $1",
                    &[&"ann"],
                )
            })
            .await;
        hash.unwrap().unwrap().0
    };
    assert!(hash().await.contains("t=1"));

    dearer.auth().login(&origin(), login("ann", PASSWORD)).await.unwrap();

    assert!(hash().await.contains("t=2"));
    house.sign_in("ann").await.unwrap();
}
