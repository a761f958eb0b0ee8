//! Who may use a bot, and in which state it is.

use crate::support::{App, Client, Value, botserver_test, json, package};

async fn id_of(client: &Client) -> Value {
    client.me().await["user_id"].clone()
}

/// Does the bot exist for them, in every place where it could be seen?
async fn may_use(client: &Client) -> bool {
    let one = client.get("/bots/shop").await.status.as_u16();
    let listed = client.get("/bots").await.assert_ok().data()["total"] == 1;
    let started = client.post("/conversations", json!({ "bot_id": "shop" })).await.status.as_u16();
    match (one, listed, started) {
        (200, true, 201) => true,
        (404, false, 404) => false,
        other => panic!("{other:?}"),
    }
}

#[botserver_test]
async fn a_private_bot_is_for_the_people_and_roles_that_are_listed(app: App) {
    app.bot("Shop", "TALK \"hi\"").await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let boss = app.user_with_role("boss", "manager").await;
    let set = async |access: Value| app.admin().put("/bots/shop/access", access).await.assert_ok().data();

    let access = json!({ "visibility": "private", "allowed_users": [id_of(&ann).await] });
    let told = set(access).await;
    assert_eq!(
        (&told["visibility"], &told["allowed_users"]),
        (&json!("private"), &json!([id_of(&ann).await]))
    );
    assert!(
        may_use(&ann).await && !may_use(&bob).await && !may_use(&boss).await && may_use(&app.admin()).await
    );

    set(json!({ "access_type": "users", "allowed_roles": ["manager"] })).await;
    assert!(!may_use(&ann).await && may_use(&boss).await);
    let conversation =
        boss.post("/conversations", json!({ "bot_id": "shop" })).await.assert_status(201).data();

    set(json!({ "visibility": "private" })).await;
    assert!(!may_use(&boss).await);
    let path =
        format!("/conversations/{}/messages", conversation["conversation_id"].as_str().expect("an id"));
    boss.post(path, json!({ "content": "still there?" })).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn a_private_bot_is_for_the_groups_that_are_listed(app: App) {
    app.bot("Shop", "TALK \"hi\"").await;
    let (admin, ann, bob) = (app.admin(), app.user("ann").await, app.user("bob").await);
    let group = admin.post("/groups", json!({ "name": "Desk" })).await.assert_status(201).data();
    let id = group["group_id"].as_str().expect("an id").to_owned();
    let below = json!({ "name": "Night", "inherit_members": true, "parent_id": id });
    let below = admin.post("/groups", below).await.assert_status(201).data();
    let set = async |groups: Value| {
        let access = json!({ "visibility": "private", "allowed_groups": groups });
        admin.put("/bots/shop/access", access).await
    };
    set(json!([below["group_id"]])).await.assert_ok();
    assert!(!may_use(&ann).await);

    let member = json!({ "user_id": id_of(&ann).await });
    admin.post(format!("/groups/{id}/members"), member).await.assert_status(201);

    assert!(may_use(&ann).await && !may_use(&bob).await, "through the group above");
    set(json!(["grp_01jxk6qv9ve7m8g3t5s0c4d2ba"])).await.assert_fields(&["allowed_groups"]);
    let told = admin.get("/bots/shop/access").await.assert_ok().data();
    assert_eq!(told["allowed_groups"], json!([below["group_id"]]));
    admin
        .delete(format!("/groups/{id}/members/{}", id_of(&ann).await.as_str().expect("an id")))
        .await
        .assert_status(204);
    assert!(!may_use(&ann).await);
}

#[botserver_test]
async fn who_is_denied_may_not_use_it_whatever_else_holds(app: App) {
    app.bot("Shop", "TALK \"hi\"").await;
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let other = app.user_with_role("other", "admin").await;
    let denied = json!([id_of(&ann).await, id_of(&other).await]);

    let access =
        json!({ "visibility": "public", "denied_users": denied, "allowed_users": [id_of(&ann).await] });
    app.admin().put("/bots/shop/access", access).await.assert_ok();

    assert!(!may_use(&ann).await && may_use(&bob).await);
    other.get("/bots/shop").await.assert_status(404);
}

#[botserver_test]
async fn access_that_is_wrong_changes_nothing(app: App) {
    app.bot("Shop", "TALK \"hi\"").await;
    let admin = app.admin();
    let before = admin.get("/bots/shop/access").await.assert_ok();
    let default = json!({
        "visibility": "organization", "allowed_roles": [], "allowed_groups": [], "allowed_users": [],
        "denied_users": [],
        "anonymous_allowed": false,
    });
    assert_eq!(before.data(), default);
    let nobody = "usr_01jxk6qv9ve7m8g3t5s0c4d2ba";
    let stranger = id_of(&app.stranger("eve").await).await;

    let wrong = json!({ "allowed_roles": ["wizard"], "allowed_users": [nobody], "denied_users": [stranger] });
    let refused = admin.put("/bots/shop/access", wrong).await;
    refused.assert_fields(&["allowed_roles", "allowed_users", "denied_users"]);
    let myself = json!({ "denied_users": [id_of(&admin).await] });
    admin.put("/bots/shop/access", myself).await.assert_fields(&["denied_users"]);
    let both = json!({ "visibility": "public", "access_type": "users", "max_concurrent_sessions": 0 });
    admin.put("/bots/shop/access", both).await.assert_fields(&["access_type", "max_concurrent_sessions"]);
    assert_eq!(admin.get("/bots/shop/access").await.data(), default);

    let tag = before.header("etag").to_owned();
    admin
        .with("if-match", &tag)
        .put("/bots/shop/access", json!({ "anonymous_allowed": true }))
        .await
        .assert_ok();
    assert_eq!(admin.get("/bots/shop").await.data()["anonymous_allowed"], true);
    admin.with("if-match", &tag).put("/bots/shop/access", json!({})).await.assert_status(412);
    let ann = app.user("ann").await;
    ann.get("/bots/shop/access").await.assert_status(403);
    ann.put("/bots/shop/access", json!({})).await.assert_status(403);
}

#[botserver_test]
async fn a_bot_whose_start_never_compiled_is_in_error_until_it_does(app: App) {
    let bot = app.admin().post("/bots", json!({ "name": "Shop" })).await.assert_status(201).data();
    let admin = app.admin();
    let broken = json!({ "source": "TALK (" });
    admin.put("/bots/shop/scripts/start", broken.clone()).await.assert_ok();

    let told = admin.get("/bots/shop").await.data();
    assert_eq!(
        (&told["status"], &told["status_reason"]),
        (&json!("error"), &json!("The script start has errors and never ran."))
    );
    let start = json!({ "bot_id": bot["bot_id"] });
    admin.post("/conversations", start.clone()).await.assert_error(409, "CONFLICT", "bot_inactive");
    assert_eq!(admin.get("/bots?filter[status]=error").await.data()["total"], 1);
    admin.patch("/bots/shop", json!({ "status": "error" })).await.assert_status(422);

    for status in ["active", "maintenance", "active"] {
        admin.patch("/bots/shop", json!({ "status": status })).await.assert_ok();
    }
    let told = admin.get("/bots/shop").await.data();
    assert_eq!(
        (&told["status"], &told["status_reason"]),
        (&json!("error"), &json!("The script start has errors and never ran.")),
        "nobody can make it active but its author"
    );

    admin.put_zip("/bots/shop/package", package("TALK \"good\"")).await.assert_ok();
    assert_eq!(admin.get("/bots/shop").await.data()["status"], "active");
    admin.post("/conversations", start).await.assert_status(201);
}

#[botserver_test]
async fn a_bot_under_maintenance_answers_nobody_and_stays_so(app: App) {
    app.bot("Shop", "TALK \"hi\"").await;
    let admin = app.admin();
    admin.patch("/bots/shop", json!({ "status": "maintenance" })).await.assert_ok();

    admin.put_zip("/bots/shop/package", package("TALK \"new\"")).await.assert_ok();

    assert_eq!(admin.get("/bots/shop").await.data()["status"], "maintenance");
    admin.post("/conversations", json!({ "bot_id": "shop" })).await.assert_status(409);
}

#[botserver_test]
async fn a_restart_compiles_anew_and_conversations_go_on(app: App) {
    let bot = app.bot("Shop", "HEAR x\nTALK \"heard \" + x").await;
    let ann = app.user("ann").await;
    let conversation = ann.converse(&bot).await;

    let restarted = app.admin().post("/bots/shop/restart", json!({})).await.assert_ok().data();

    assert_eq!((&restarted["version"], &restarted["status"]), (&json!(2), &json!("active")));
    assert_eq!(ann.say(&conversation, "me").await, ["heard me"]);
    ann.post("/bots/shop/restart", json!({})).await.assert_status(403);
    app.admin().post("/bots/none/restart", json!({})).await.assert_status(404);
}

#[botserver_test]
async fn no_more_conversations_are_begun_than_may_be_held_at_once(app: App) {
    app.bot("Shop", "TALK \"hi\"").await;
    let admin = app.admin();
    admin.put("/bots/shop/access", json!({ "max_concurrent_sessions": 2 })).await.assert_ok();
    let ann = app.user("ann").await;
    let begin = async || ann.post("/conversations", json!({ "bot_id": "shop" })).await;

    begin().await.assert_status(201);
    begin().await.assert_status(201);
    let refused = begin().await.assert_error(409, "CONFLICT", "too_many_sessions");

    assert_eq!(refused["details"]["limit"], 2);
    assert_eq!(admin.get("/bots/shop").await.data()["session_count"], 2);
    assert_eq!(admin.get("/bots").await.items()[0]["session_count"], 2);
}

#[botserver_test]
async fn who_was_let_in_and_who_was_shut_out_is_audited(app: App) {
    app.bot("Shop", "TALK \"hi\"").await;
    let (ann, bob) = (id_of(&app.user("ann").await).await, id_of(&app.user("bob").await).await);
    let set = async |access: Value| app.admin().put("/bots/shop/access", access).await.assert_ok();
    set(json!({ "visibility": "private", "allowed_users": [ann, bob], "allowed_roles": ["manager"] })).await;

    let access = json!({
        "allowed_users": [ann], "denied_users": [bob], "anonymous_allowed": true, "max_concurrent_sessions": 5,
    });
    set(access).await;

    let audited = app.audit_details("bot_access_changed").await;
    assert_eq!(
        audited[1],
        json!({
            "allowed_users": { "removed": [bob] },
            "allowed_roles": { "removed": ["manager"] },
            "denied_users": { "added": [bob] },
            "changes": [
                { "field": "anonymous_allowed", "old_value": false, "new_value": true },
                { "field": "max_concurrent_sessions", "old_value": null, "new_value": 5 },
            ],
        })
    );
    assert_eq!(audited[0]["allowed_users"]["added"].as_array().map(Vec::len), Some(2));
}

#[botserver_test]
async fn every_bot_of_a_list_tells_its_own_conversations(app: App) {
    let ann = app.user("ann").await;
    for at in 0..22 {
        let bot = app.admin().post("/bots", json!({ "name": format!("Bot {at}") })).await.assert_status(201);
        for _ in 0..at % 3 {
            ann.converse(&bot.data()).await;
        }
    }

    let listed = app.admin().get("/bots?sort=created_at&order=asc&limit=100").await.assert_ok().items();

    let counts: Vec<_> = listed.iter().map(|bot| bot["session_count"].as_u64()).collect();
    assert_eq!(counts, (0..22).map(|at| Some(at % 3)).collect::<Vec<_>>());
}
