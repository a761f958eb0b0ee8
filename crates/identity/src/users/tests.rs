use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use chrono::TimeDelta;
use kernel::{Expected, Id, Patch, Permission, Secret, Versioned, id::kind, list::ListRequest};
use platform::db::DbError;
use serde_json::json;
use test_database::each_database;
use tokio::sync::Notify;

use super::{NewUser, Person, Status, User, UserError, UserPatch, change, store};
use crate::{
    roles::Catalogue,
    testing::{House, PASSWORD, new_user, told},
};

fn asked(query: &[(&'static str, &'static str)]) -> ListRequest {
    change::LIST.read(query.iter().copied()).unwrap()
}

fn in_full(person: Versioned<Person>) -> User {
    match person.value {
        Person::Full(user) => *user,
        Person::Card(card) => panic!("only a card: {card:?}"),
    }
}

fn name(person: &Person) -> &str {
    match person {
        Person::Full(user) => &user.username,
        Person::Card(card) => &card.username,
    }
}

async fn names(house: &House, query: &[(&'static str, &'static str)]) -> Vec<String> {
    let page = house.identity.users().list(&house.admin, asked(query)).await.unwrap();
    page.items.iter().map(|person| name(person).to_owned()).collect()
}

fn roles(names: &[&str]) -> UserPatch {
    UserPatch {
        roles: Patch::Set(names.iter().map(|name| (*name).to_owned()).collect()),
        ..UserPatch::default()
    }
}

fn status(status: Status) -> UserPatch {
    UserPatch { status: Patch::Set(status), ..UserPatch::default() }
}

#[each_database]
async fn the_first_administrator_owns_the_organization() {
    let house = House::new().await;

    let me = house.identity.users().me(&house.admin).await.unwrap();

    assert_eq!(
        (me.username.as_str(), me.role.as_deref(), me.organization_id),
        ("admin", Some("owner"), house.org)
    );
    assert_eq!(me.last_login, Some(house.now()));
}

#[each_database]
async fn a_user_begins_as_described() {
    let house = House::new().await;
    let new = NewUser {
        first_name: Some(" Ann ".to_owned()),
        last_name: Some("Lee".to_owned()),
        metadata: json!({ "desk": 7 }).as_object().cloned(),
        ..new_user("ann", &["manager", "auditor"])
    };

    let created = house.identity.users().create(&house.admin, new).await.unwrap();

    assert_eq!((created.user.display_name.as_str(), created.user.status), ("Ann Lee", Status::Active));
    assert_eq!(created.user.roles, ["manager", "auditor"]);
    assert_eq!(created.user.metadata["desk"], 7);
    assert!(created.password_link.is_none());
    assert_eq!(house.audited("user_created").await.len(), 2);
}

#[each_database]
async fn a_user_without_a_password_gets_a_link_that_shows_itself_once() {
    let house = House::new().await;
    let created = house
        .identity
        .users()
        .create(&house.admin, NewUser { password: None, ..new_user("ann", &["member"]) });
    let created = created.await.unwrap();

    let link = created.password_link.as_ref().unwrap();

    assert!(link.reveal().starts_with("http://localhost:8080/set-password#token=bsp_"), "{}", link.reveal());
    assert_eq!(created.password_link_expires_at, Some(house.now() + TimeDelta::hours(24)));
    assert_eq!(created.user.status, Status::PendingActivation);
    assert!(!format!("{created:?}").contains("bsp_"), "not in a log");
}

#[each_database]
async fn names_and_addresses_are_unique_in_the_server() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let create =
        async |new: NewUser| told(house.identity.users().create(&house.admin, new).await.unwrap_err());

    let same_name = NewUser { email: "other@example.com".to_owned(), ..new_user("ann", &["member"]) };
    let same_address = NewUser { email: "ANN@example.com".to_owned(), ..new_user("anna", &["member"]) };

    assert_eq!(create(same_name).await, (409, "username_taken".to_owned()));
    assert_eq!(create(same_address).await, (409, "email_taken".to_owned()));
}

#[each_database]
async fn everything_wrong_with_a_new_user_is_said_at_once() {
    let house = House::new().await;
    let bad = NewUser {
        username: "Ä".to_owned(),
        email: "nowhere".to_owned(),
        display_name: Some(String::new()),
        avatar_url: Some("http://x".to_owned()),
        password: Some(Secret::new("short")),
        metadata: json!({ "x": "y".repeat(20_000) }).as_object().cloned(),
        ..new_user("x", &["emperor"])
    };

    let error: kernel::Error = house.identity.users().create(&house.admin, bad).await.unwrap_err().into();

    let fields: Vec<_> = error.details()["fields"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["avatar_url", "display_name", "email", "metadata", "password", "roles", "username"]);
}

#[each_database]
async fn creating_users_and_giving_roles_need_a_permission_each_and_denials_are_audited() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let helper = house.user("helper", &["member", "user_admin"]).await;
    let users = house.identity.users();

    let denied = users.create(&ann, new_user("eve", &["member"])).await.unwrap_err();
    let half = users.create(&helper, new_user("eve", &["viewer"])).await.unwrap_err();
    users.create(&helper, new_user("eve", &["member"])).await.unwrap_err();
    users.create(&helper, NewUser { roles: None, ..new_user("eve", &[]) }).await.unwrap_err();

    assert!(matches!(denied, UserError::Lacks(Permission::ADMIN_USERS)));
    assert!(matches!(half, UserError::Lacks(Permission::ADMIN_ROLES)));
    let entries = house.audited("permission_denied").await;
    assert_eq!(entries, vec![("denied".to_owned(), Some("permission_missing".to_owned())); 2]);
}

#[each_database]
async fn nobody_gives_a_role_at_or_above_their_own() {
    let house = House::new().await;
    let boss = house.user("boss", &["admin"]).await;
    let create =
        async |role: &str| house.identity.users().create(&boss, new_user("eve", &[role])).await.map(|_| ());

    assert_eq!(told(create("owner").await.unwrap_err()), (403, "level_too_high".to_owned()));
    assert_eq!(told(create("admin").await.unwrap_err()), (403, "level_too_high".to_owned()));
    create("manager").await.unwrap();
}

#[each_database]
async fn colleagues_see_cards() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let bob = house.make("bob", &["member"]).await.user.user_id;

    let card = house.identity.users().get(&ann, bob).await.unwrap();
    let page = house.identity.users().list(&ann, asked(&[])).await.unwrap();

    assert!(matches!(card.value, Person::Card(card) if card.username == "bob"));
    let full: Vec<_> =
        page.items.iter().filter(|person| matches!(person, Person::Full(_))).map(name).collect();
    assert_eq!(full, ["ann"], "only oneself");
    assert_eq!(
        in_full(house.identity.users().get(&house.admin, bob).await.unwrap()).email,
        "bob@example.com"
    );
}

#[each_database]
async fn a_list_of_cards_does_not_tell_what_cards_hide() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let hidden = NewUser { email: "secret@hidden.org".to_owned(), ..new_user("bob", &["member"]) };
    house.identity.users().create(&house.admin, hidden).await.unwrap();
    let found =
        async |query: &[(&'static str, &'static str)]| house.identity.users().list(&ann, asked(query)).await;

    assert_eq!(found(&[("search", "sec")]).await.unwrap().items.len(), 0);
    assert_eq!(found(&[("search", "se")]).await.unwrap().items.len(), 0);
    assert_eq!(found(&[("search", "BOB")]).await.unwrap().items.len(), 1);
    for query in [("sort", "email"), ("sort", "last_login"), ("email_verified", "true")] {
        assert!(matches!(found(&[query]).await, Err(UserError::Lacks(Permission::ADMIN_USERS))), "{query:?}");
    }
    assert_eq!(names(&house, &[("search", "@hi")]).await, ["bob"], "who administers finds it");
}

#[each_database]
async fn the_list_is_sorted_filtered_and_searched() {
    let house = House::new().await;
    for (name, role) in [("carl", "guest"), ("anton", "member"), ("berta", "manager")] {
        house.advance(TimeDelta::seconds(1));
        house.make(name, &[role]).await;
    }
    house.advance(TimeDelta::seconds(1));
    let zoe = house
        .identity
        .users()
        .create(&house.admin, NewUser { password: None, ..new_user("zoe", &["guest"]) });
    zoe.await.unwrap();
    house.sign_in("anton").await.unwrap();

    assert_eq!(names(&house, &[]).await[1..], ["berta", "anton", "carl", "admin"]);
    assert_eq!(names(&house, &[("sort", "username")]).await, ["admin", "anton", "berta", "carl", "zoe"]);
    assert_eq!(names(&house, &[("sort", "email"), ("order", "desc")]).await[0], "zoe");
    assert_eq!(names(&house, &[("sort", "last_login"), ("limit", "1")]).await, ["anton"]);
    assert_eq!(
        names(&house, &[("role", "guest,manager"), ("sort", "username")]).await,
        ["berta", "carl", "zoe"]
    );
    assert_eq!(names(&house, &[("status", "pending")]).await, ["zoe"]);
    assert_eq!(names(&house, &[("status", "active,pending"), ("limit", "100")]).await.len(), 5);
    assert_eq!(names(&house, &[("search", "NTO")]).await, ["anton"]);
    assert_eq!(names(&house, &[("search", "zo")]).await, ["zoe"]);
    assert!(names(&house, &[("role", "emperor")]).await.is_empty());
}

#[each_database]
async fn a_search_follows_a_change_of_name() {
    let house = House::new().await;
    let ann = house.make("ann", &["member"]).await.user.user_id;
    let renamed = UserPatch { display_name: Patch::Set("Wilhelmina".to_owned()), ..UserPatch::default() };

    house.identity.users().change(&house.admin, ann, Expected::Any, renamed).await.unwrap();

    assert_eq!(names(&house, &[("search", "lmi")]).await, ["ann"]);
    assert_eq!(names(&house, &[("sort", "display_name")]).await, ["admin", "ann"]);
}

#[each_database]
async fn people_change_their_own_profile_and_nothing_else() {
    let house = House::new().await;
    let ann = house.user("ann", &["member"]).await;
    let change =
        async |patch: UserPatch| house.identity.users().change(&ann, ann.user, Expected::Any, patch).await;

    let profile = UserPatch {
        display_name: Patch::Set("  Ann Lee ".to_owned()),
        first_name: Patch::Set("Ann".to_owned()),
        last_name: Patch::Clear,
        avatar_url: Patch::Set("https://example.com/ann.png".to_owned()),
        ..UserPatch::default()
    };
    let changed = in_full(change(profile).await.unwrap());
    let address = UserPatch { email: Patch::Set("x@example.com".to_owned()), ..UserPatch::default() };

    assert_eq!((changed.display_name.as_str(), changed.first_name.as_deref()), ("Ann Lee", Some("Ann")));
    assert_eq!(
        told(change(address).await.unwrap_err()).0,
        503,
        "no mail is sent that it could be confirmed by"
    );
    assert!(matches!(change(roles(&["owner"])).await, Err(UserError::Lacks(Permission::ADMIN_USERS))));
    assert_eq!(house.identity.users().me(&ann).await.unwrap().role.as_deref(), Some("member"));
}

#[each_database]
async fn a_refused_change_changes_nothing() {
    let house = House::new().await;
    let ann = house.make("ann", &["member"]).await.user;
    let patch = UserPatch {
        display_name: Patch::Set("New".to_owned()),
        username: Patch::Set("admin".to_owned()),
        ..UserPatch::default()
    };

    let refused =
        house.identity.users().change(&house.admin, ann.user_id, Expected::Any, patch).await.unwrap_err();

    assert_eq!(told(refused), (409, "username_taken".to_owned()));
    assert_eq!(in_full(house.identity.users().get(&house.admin, ann.user_id).await.unwrap()), ann);
}

#[each_database]
async fn a_patch_that_changes_nothing_leaves_no_trace() {
    let house = House::new().await;
    let ann = house.make("ann", &["member"]).await.user;
    house.advance(TimeDelta::seconds(1));
    let same = UserPatch { username: Patch::Set("ann".to_owned()), ..roles(&["member"]) };

    let after = house.identity.users().change(&house.admin, ann.user_id, Expected::Any, same).await.unwrap();

    assert_eq!(in_full(after), ann);
    assert!(house.audited("user_updated").await.is_empty() && house.audited("role_changed").await.is_empty());
}

#[each_database]
async fn the_last_owner_stays_and_nobody_demotes_or_suspends_themselves() {
    let house = House::new().await;
    let (users, admin) = (house.identity.users(), house.admin.user);
    let other = house.user("second", &["owner"]).await;

    assert_eq!(
        told(users.change(&house.admin, admin, Expected::Any, roles(&["member"])).await.unwrap_err()).1,
        "self_demotion"
    );
    assert_eq!(
        told(users.change(&house.admin, admin, Expected::Any, status(Status::Suspended)).await.unwrap_err())
            .1,
        "self_suspend"
    );
    users.change(&other, admin, Expected::Any, status(Status::Suspended)).await.unwrap();
    let boss = house.user("boss", &["admin"]).await;
    let above = users.change(&boss, other.user, Expected::Any, status(Status::Suspended)).await.unwrap_err();
    assert_eq!(told(above), (403, "level_too_high".to_owned()));
}

#[each_database]
async fn of_two_owners_who_remove_each_other_at_once_one_stays() {
    let house = House::new().await;
    let other = house.user("second", &["owner"]).await;
    let users = house.identity.users();

    let (one, two) = tokio::join!(
        users.change(&house.admin, other.user, Expected::Any, roles(&["member"])),
        users.change(&other, house.admin.user, Expected::Any, roles(&["member"])),
    );

    let refused: Vec<_> = [one, two].into_iter().filter_map(Result::err).map(told).collect();
    assert_eq!(refused, [(409, "last_owner".to_owned())]);
}

#[each_database]
async fn a_changed_role_holds_from_the_next_request() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    let token = house.sign_in("ann").await.unwrap().access_token;
    let ann = house.actor(token.reveal()).await.unwrap();
    assert!(!ann.may(Permission::ADMIN_USERS));

    house.identity.users().change(&house.admin, ann.user, Expected::Any, roles(&["admin"])).await.unwrap();

    let now = house.actor(token.reveal()).await.unwrap();
    assert!(now.may(Permission::ADMIN_USERS));
    assert_eq!(now.level, 90);
    assert_eq!(house.audited("role_changed").await.len(), 1);
}

#[each_database]
async fn a_role_that_ends_does_not_count_from_that_second() {
    let house = House::new().await;
    let user = house.make("ann", &["guest"]).await.user.user_id;
    let token = house.sign_in("ann").await.unwrap().access_token;
    let (now, end) = (house.now(), house.now() + TimeDelta::minutes(5));
    let given: Result<(), DbError> = house
        .db
        .write(house.org, move |unit| {
            let role = crate::roles::system::by_name("admin").unwrap().id;
            crate::roles::store::assign(
                unit,
                user,
                crate::roles::Assignment { role, expires_at: Some(end) },
                None,
                now,
            )
        })
        .await;
    given.unwrap();

    house.advance(TimeDelta::minutes(5) - TimeDelta::microseconds(1));
    assert_eq!(house.actor(token.reveal()).await.unwrap().level, 90);
    house.advance(TimeDelta::microseconds(1));
    assert_eq!(house.actor(token.reveal()).await.unwrap().level, 10);
}

#[each_database]
async fn suspending_ends_every_session_at_once() {
    let house = House::new().await;
    let user = house.make("ann", &["member"]).await.user.user_id;
    let token = house.sign_in("ann").await.unwrap().access_token;
    house.actor(token.reveal()).await.unwrap();

    let suspended = house
        .identity
        .users()
        .change(&house.admin, user, Expected::Any, status(Status::Suspended))
        .await
        .unwrap();

    assert_eq!(in_full(suspended).suspended_at, Some(house.now()));
    assert_eq!(told(house.actor(token.reveal()).await.unwrap_err()), (401, "session_ended".to_owned()));
    let active = house
        .identity
        .users()
        .change(&house.admin, user, Expected::Any, status(Status::Active))
        .await
        .unwrap();
    assert_eq!(in_full(active).suspended_at, None);
    assert!(house.actor(token.reveal()).await.is_err(), "what ended stays ended");
    house.sign_in("ann").await.unwrap();
}

#[each_database]
async fn a_membership_that_begins_while_its_account_is_suspended_is_suspended() {
    let house = House::new().await;
    let user = house.make("ann", &["member"]).await.user.user_id;
    let ended: Result<u64, DbError> = house
        .db
        .write(house.org, move |unit| {
            unit.execute("DELETE FROM members WHERE org_id = $1 AND user_id = $2", &[&user])
        })
        .await;
    assert_eq!(ended.unwrap(), 1);
    let (is_suspended, (begun, has_begun)) = (Arc::new(Notify::new()), mpsc::channel());
    let (suspended, has_begun) = (Arc::clone(&is_suspended), Arc::new(Mutex::new(has_begun)));

    let suspends = house.db.write_server(move |unit| {
        unit.execute("UPDATE server_users SET status = 'suspended' WHERE id = $1", &[&user])?;
        suspended.notify_one();
        // It doesn't come while it waits for this unit.
        let _ = has_begun.lock().unwrap().recv_timeout(Duration::from_millis(300));
        Ok::<_, DbError>(())
    });
    let begins = async {
        is_suspended.notified().await;
        let begins = house.db.write(house.org, move |unit| {
            unit.execute(
                "INSERT INTO members (org_id, user_id, joined_at, created_at, username_key, email_key,
                    display_name_key, last_login, search_key, names_key)
                 SELECT home_org_id, id, created_at, created_at, username_key, email_key, display_name_key,
                    last_login, search_key, names_key
                 FROM server_users WHERE home_org_id = $1 AND id = $2",
                &[&user],
            )
        });
        let done: Result<u64, DbError> = begins.await;
        let _ = begun.send(());
        done
    };
    let (suspended, begun) = tokio::join!(suspends, begins);

    suspended.unwrap();
    assert_eq!(begun.unwrap(), 1);
    let status = house.db.read(house.org, move |tx| {
        tx.one::<(String,)>("SELECT status FROM members WHERE org_id = $1 AND user_id = $2", &[&user])
    });
    assert_eq!(status.await.map_err(|error: DbError| error).unwrap(), Some(("suspended".to_owned(),)));
}

#[each_database]
async fn metadata_is_merged() {
    let house = House::new().await;
    let new =
        NewUser { metadata: json!({ "a": 1, "b": 2 }).as_object().cloned(), ..new_user("ann", &["member"]) };
    let user = house.identity.users().create(&house.admin, new).await.unwrap().user.user_id;
    let change = json!({ "a": null, "c": 3 }).as_object().cloned().unwrap();
    let patch = UserPatch { metadata: Patch::Set(change), ..UserPatch::default() };

    let after = house.identity.users().change(&house.admin, user, Expected::Any, patch).await.unwrap();

    assert_eq!(json!(in_full(after).metadata), json!({ "b": 2, "c": 3 }));
}

#[each_database]
async fn another_organization_s_users_are_not_there() {
    let house = House::new().await;
    let stranger: Id<kind::User> = kernel::Surroundings::system().id();

    assert!(matches!(house.identity.users().get(&house.admin, stranger).await, Err(UserError::NotFound)));
    let change =
        house.identity.users().change(&house.admin, stranger, Expected::Any, roles(&["guest"])).await;
    assert!(matches!(change, Err(UserError::NotFound)));
}

#[each_database]
async fn the_operator_makes_users_without_signing_in() {
    let house = House::new().await;
    let new = NewUser { password: None, roles: Some(vec!["owner".to_owned()]), ..new_user("operator", &[]) };

    let created = house.identity.create_user_as_operator(new).await.unwrap();

    assert_eq!(created.user.role.as_deref(), Some("owner"));
    assert!(created.password_link.is_some());
}

#[each_database]
async fn no_password_is_anywhere_in_the_database() {
    let house = House::new().await;
    house.make("ann", &["member"]).await;
    house.sign_in("ann").await.unwrap();

    let found: Result<Vec<(String,)>, platform::db::DbError> =
        house.db.read_server(|tx| tx.all("SELECT password_hash FROM server_credentials c", &[])).await;

    assert!(found.unwrap().iter().all(|(hash,)| hash.starts_with("$argon2id$") && !hash.contains(PASSWORD)));
}

#[each_database]
async fn every_sort_of_the_list_walks_an_index() {
    let house = House::new().await;
    for sort in store::LIST.sorts {
        let plans: Result<Vec<platform::db::Plan>, platform::db::ListError> = house
            .db
            .read(house.org, move |tx| {
                let request = |query: Vec<(&'static str, &'static str)>| change::LIST.read(query).unwrap();
                let plain = request(vec![("sort", sort.0)]);
                let filtered = request(vec![("sort", sort.0), ("status", "active")]);
                let mut walked = plain.clone();
                let first: kernel::list::Page<store::Account> =
                    tx.list(&store::LIST, &ListRequest { limit: 1, ..plain.clone() }, None)?;
                walked.start = kernel::list::Start::After(kernel::list::Cursor {
                    value: match sort.0 {
                        "created_at" | "last_login" => kernel::list::SortValue::Integer(0),
                        _ => kernel::list::SortValue::Text("a".to_owned()),
                    },
                    id: *first.items[0].id.as_bytes(),
                    skip: 0,
                });
                [plain, filtered, walked]
                    .iter()
                    .map(|request| tx.plan_of(&store::LIST, request, None))
                    .collect()
            })
            .await;
        let plans = plans.unwrap();
        for (i, plan) in plans.iter().enumerate() {
            // The people of one state stand together, in the order of the default sort.
            let index = if i == 1 && sort.0 == "created_at" { "status" } else { sort.0 };
            assert!(plan.uses(&format!("members_by_{index}")), "{}: {plan}", sort.0);
            assert!(plan.walks(), "{}: {plan}", sort.0);
        }
    }
}

#[each_database]
async fn few_people_are_found_by_an_index_of_their_own() {
    let house = House::new().await;
    for (query, indexes) in [
        (vec![("status", "suspended"), ("sort", "username")], vec!["members_by_status"]),
        (vec![("role", "owner")], vec!["member_roles_by_role"]),
        (vec![("search", "an")], vec!["members_by_username", "members_by_display_name"]),
    ] {
        let mut request = change::LIST.read(query.iter().copied()).unwrap();
        let narrowing = change::narrow(&mut request, true, &Catalogue::default(), house.now()).unwrap();
        let plans = house
            .db
            .read(house.org, move |tx| tx.plans_of_lookups(&store::LIST, &request, narrowing.of(tx.org())));
        let plans: Result<Vec<platform::db::Plan>, platform::db::ListError> = plans.await;

        for (plan, index) in plans.unwrap().iter().zip(&indexes) {
            // Where there are no rows, PostgreSQL takes one index for as good as another.
            let is_sqlite = plan.to_string().contains("SEARCH ");
            assert!(plan.walks() && (plan.uses(index) || !is_sqlite), "{query:?}: {plan}");
        }
    }
}

#[each_database]
async fn people_of_a_state_and_of_a_role_are_found_in_every_order() {
    let house = House::new().await;
    for name in ["ann", "bob", "cid"] {
        house.advance(TimeDelta::seconds(1));
        house.make(name, &["member"]).await;
    }
    let suspended = house.db.write_server(|unit| {
        unit.execute("UPDATE server_users SET status = 'suspended' WHERE username_key IN ('ann', 'cid')", &[])
    });
    let changed: Result<u64, platform::db::DbError> = suspended.await;
    assert_eq!(changed.unwrap(), 2);

    for (query, expected) in [
        (vec![("status", "suspended"), ("sort", "username")], vec!["ann", "cid"]),
        (vec![("status", "suspended"), ("order", "desc")], vec!["cid", "ann"]),
        (vec![("role", "member"), ("sort", "username"), ("status", "active,inactive")], vec!["bob"]),
        (vec![("role", "member,admin"), ("sort", "username"), ("order", "desc")], vec!["cid", "bob", "ann"]),
        (vec![("search", "CI"), ("status", "suspended")], vec!["cid"]),
    ] {
        assert_eq!(names(&house, &query).await, expected, "{query:?}");
    }
}

#[each_database]
async fn the_total_of_the_list_reads_members_alone() {
    let house = House::new().await;
    let read = house.db.read(house.org, |tx| {
        let plan = |query| tx.plan_of_total(&store::LIST, &change::LIST.read(query).unwrap(), None);
        let plans =
            (plan(vec![])?, plan(vec![("status", "active")])?, plan(vec![("email_verified", "true")])?);
        Ok::<_, platform::db::ListError>(plans)
    });
    let (all, active, verified) = read.await.unwrap();

    assert!(!all.to_string().contains("server_users"), "{all}");
    assert!(!active.to_string().contains("server_users"), "{active}");
    assert!(verified.to_string().contains("server_users"), "{verified}");
}
