//! People of the organization.

use crate::support::{App, botserver_test, json};

#[botserver_test]
async fn a_user_sees_themselves_in_full(app: App) {
    let me = app.user("ann").await.me().await;

    assert_eq!((me["username"].as_str(), me["email"].as_str()), (Some("ann"), Some("ann@example.com")));
    assert_eq!(me["role"], "member");
    assert!(me["user_id"].as_str().is_some_and(|id| id.starts_with("usr_")));
}

#[botserver_test]
async fn members_see_others_as_cards_only(app: App) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await.me().await);

    let card =
        ann.get(format!("/users/{}", bob["user_id"].as_str().expect("an id"))).await.assert_ok().data();

    assert_eq!(card["username"], "bob");
    assert!(card["email"].is_null() && card["metadata"].is_null(), "{card}");
}

#[botserver_test(balanced)]
async fn names_and_addresses_are_unique_whatever_their_case(app: App) {
    app.user("ann").await;
    let create = async |username: &str, email: &str| {
        app.admin().post("/users", json!({ "username": username, "email": email })).await
    };

    create("ann", "other@example.com").await.assert_error(409, "CONFLICT", "username_taken");
    create("anna", "ANN@example.com").await.assert_error(409, "CONFLICT", "email_taken");
    assert_eq!(app.admin().get("/users").await.data()["total"], 2);
}

#[botserver_test]
async fn everything_wrong_with_a_new_user_is_said_at_once(app: App) {
    let new = json!({ "username": "Ä", "email": "nowhere", "display_name": "", "roles": ["emperor"] });

    app.admin().post("/users", new).await.assert_fields(&["display_name", "email", "roles", "username"]);
}

#[botserver_test]
async fn only_administrators_create_users(app: App) {
    let new = json!({ "username": "eve", "email": "eve@example.com" });

    let error = app.user("ann").await.post("/users", new).await.assert_error(403, "FORBIDDEN", "");

    assert_eq!(error["details"]["permission"], "admin:users");
}

#[botserver_test(balanced)]
async fn people_change_their_own_profile_and_nothing_else(app: App) {
    let ann = app.user("ann").await;

    let changed = ann.patch("/users/me", json!({ "display_name": "  Ann Lee " })).await.assert_ok().data();

    assert_eq!(changed["display_name"], "Ann Lee");
    ann.patch("/users/me", json!({ "username": "queen" })).await.assert_error(403, "FORBIDDEN", "");
    ann.patch("/users/me", json!({ "roles": ["owner"] })).await.assert_error(403, "FORBIDDEN", "");
    assert_eq!(ann.me().await["role"], "member", "a refused change changes nothing");
}

#[botserver_test]
async fn the_last_owner_stays_owner(app: App) {
    let admin = app.admin();

    let answer = admin.patch("/users/me", json!({ "roles": ["member"] })).await;

    assert_eq!(answer.status.as_u16(), 409, "{}", answer.body);
    assert_eq!(admin.me().await["role"], "owner");
}

#[botserver_test]
async fn nobody_grants_a_role_above_their_own(app: App) {
    let boss = app.user_with_role("boss", "admin").await;
    let new = json!({ "username": "eve", "email": "eve@example.com", "roles": ["owner"] });

    let answer = boss.post("/users", new).await;

    assert!(matches!(answer.status.as_u16(), 403 | 409), "{}", answer.body);
}

#[botserver_test(balanced)]
async fn the_list_is_walked_by_cursor_without_losing_or_repeating_anybody(app: App) {
    for number in 0..7 {
        let name = format!("user{number}");
        app.admin().post("/users", json!({ "username": name, "email": format!("{name}@example.com") })).await;
    }
    for order in ["asc", "desc"] {
        let mut seen = Vec::new();
        let mut path = format!("/users?limit=3&sort=username&order={order}");
        loop {
            let page = app.admin().get(&path).await.assert_ok().data();
            let names = page["items"].as_array().expect("items").iter();
            seen.extend(names.map(|user| user["username"].as_str().expect("a name").to_owned()));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/users?limit=3&sort=username&order={order}&cursor={cursor}");
        }

        let mut sorted = seen.clone();
        sorted.sort();
        if order == "desc" {
            sorted.reverse();
        }
        assert_eq!((seen.len(), seen), (8, sorted));
    }
}

#[botserver_test(balanced)]
async fn the_list_is_searched_and_filtered(app: App) {
    app.user("anton").await;
    app.user_with_role("berta", "guest").await;

    let found = |path: &str| {
        let (admin, path) = (app.admin(), path.to_owned());
        async move {
            let users = admin.get(path).await.assert_ok().items();
            users.iter().map(|user| user["username"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
        }
    };

    assert_eq!(found("/users?search=NTO").await, ["anton"]);
    assert_eq!(found("/users?search=anton%40example").await, ["anton"]);
    app.admin().get("/users?search=abc%00d").await.assert_fields(&["search"]);
    assert_eq!(found("/users?filter[role]=guest").await, ["berta"]);
    assert_eq!(found("/users?status=suspended").await, Vec::<String>::new());
}

#[botserver_test]
async fn an_id_of_another_kind_or_of_nobody_is_404(app: App) {
    for id in ["nonsense", "bot_01h455vb4pex5vsknk084sn02q", "usr_01h455vb4pex5vsknk084sn02q"] {
        app.admin().get(format!("/users/{id}")).await.assert_error(404, "NOT_FOUND", "");
    }
}
