//! API keys: what programs show instead of a person's session.

use crate::support::{App, Client, Socket, Value, botserver_test, each_database, json, run_with};

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A key of that client's with these scopes.
async fn key(client: &Client, scopes: &[&str]) -> Value {
    key_with(client, json!({ "name": "Program", "scopes": scopes })).await
}

async fn key_with(client: &Client, new: Value) -> Value {
    client.post("/api-keys", new).await.assert_status(201).data()
}

/// What calls with the key.
fn program(app: &App, key: &Value) -> Client {
    app.with_token(&text(&key["api_key"]))
}

fn path(key: &Value) -> String {
    format!("/api-keys/{}", text(&key["key_id"]))
}

#[botserver_test(balanced)]
async fn a_key_is_shown_once_and_works_as_a_bearer_token(app: App) {
    let ann = app.user("ann").await;

    let made = ann.post("/api-keys", json!({ "name": " Export ", "scopes": ["users.read"] })).await;

    let made = made.assert_status(201);
    let key = made.data();
    assert_eq!(made.header("location"), format!("/api/v1{}", path(&key)));
    let secret = text(&key["api_key"]);
    assert_eq!((secret.len(), &secret[..4]), (47, "bsk_"), "256 bits in base64");
    assert_eq!((&key["name"], &key["status"]), (&json!("Export"), &json!("active")));
    assert_eq!(key["prefix"], secret[..12]);
    assert_eq!(key["scopes"], json!(["users:read"]));
    assert!(key["expires_at"].is_string(), "90 days unless something else is said");
    let with_key = program(&app, &key);
    with_key.get("/users").await.assert_ok();
    let shown = ann.get(path(&key)).await.assert_ok();
    assert!(shown.data()["api_key"].is_null() && !shown.body.contains(&secret));
    let list = ann.get("/api-keys").await.assert_ok();
    assert!(list.items().len() == 1 && !list.body.contains(&secret));
    let verified = with_key.get("/auth/verify").await.assert_ok().data();
    assert_eq!((&verified["key_id"], &verified["session_id"]), (&key["key_id"], &Value::Null));
    assert_eq!(verified["scopes"], json!(["users:read"]));
}

#[botserver_test]
async fn a_key_speaks_over_the_websocket_until_it_is_revoked(app: App) {
    let ann = app.user("ann").await;
    let key = key(&ann, &["chat:read", "chat:write", "bots:use"]).await;
    let mut socket = Socket::signed_in(&app, &text(&key["api_key"]), "").await;

    ann.delete(path(&key)).await.assert_status(204);

    assert_eq!(socket.closed().await, 4401);
    program(&app, &key).get("/auth/verify").await.assert_error(401, "UNAUTHORIZED", "key_revoked");
    assert_eq!(ann.get(path(&key)).await.assert_ok().data()["status"], "revoked");
    ann.delete(path(&key)).await.assert_status(204);
    assert_eq!(app.audited("api_key_revoked").await, 1, "the second time nothing happened");
}

#[botserver_test]
async fn a_key_may_do_nothing_beyond_its_scopes_nor_beyond_its_owner(app: App) {
    let ann = app.user_with_role("ann", "manager").await;
    let narrow = key(&ann, &["users:read"]).await;
    let wide = key(&ann, &["bots:create", "users:read"]).await;

    let too_much =
        ann.post("/api-keys", json!({ "name": "x", "scopes": ["admin:users", "bots:create"] })).await;
    let error = too_much.assert_error(422, "VALIDATION_ERROR", "scope_exceeds_owner");
    assert!(
        error["details"]["fields"]["scopes"][0].as_str().is_some_and(|text| text.contains("admin:users"))
    );
    let refused = program(&app, &narrow).post("/bots", json!({ "name": "Shop" })).await;
    assert_eq!(refused.assert_error(403, "FORBIDDEN", "")["details"]["permission"], "bots:create");
    program(&app, &wide).post("/bots", json!({ "name": "Shop" })).await.assert_status(201);

    let me = format!("/users/{}", text(&ann.me().await["user_id"]));
    app.admin().patch(&me, json!({ "roles": ["member"] })).await.assert_ok();
    let refused = program(&app, &wide).post("/bots", json!({ "name": "Other" })).await;
    refused.assert_error(403, "FORBIDDEN", "");
    app.admin().patch(&me, json!({ "roles": ["manager"] })).await.assert_ok();
    program(&app, &wide).post("/bots", json!({ "name": "Other" })).await.assert_status(201);
}

#[botserver_test]
async fn a_key_does_not_touch_what_people_sign_in_with(app: App) {
    let ann = app.user("ann").await;
    let key = key(&ann, &["api:keys", "users:read"]).await;
    let program = program(&app, &key);
    let new = json!({ "name": "Another", "scopes": ["users:read"] });
    let me = text(&ann.me().await["user_id"]);

    let refusals = [
        program.post("/api-keys", new.clone()).await,
        program.post("/users/me/api-keys", new).await,
        program.patch(path(&key), json!({ "scopes": ["*"] })).await,
        program.post(format!("{}/rotate", path(&key)), json!({})).await,
        program.delete(path(&key)).await,
        program.delete("/users/me/sessions").await,
        program.delete(format!("/users/{me}/sessions")).await,
        program.get("/sessions/current").await,
        program.post("/auth/logout", json!({})).await,
    ];

    for refused in refusals {
        refused.assert_error(403, "FORBIDDEN", "not_for_api_keys");
    }
    program.get("/api-keys").await.assert_ok();
    program.get(path(&key)).await.assert_ok();
    let sessions = ann.get("/users/me/sessions").await.assert_ok().items();
    assert!(sessions.iter().all(|session| session["kind"] == "login"), "a key is no session");
}

#[botserver_test]
async fn a_key_stops_while_its_owner_is_shut_out(app: App) {
    let ann = app.user("ann").await;
    let key = key(&ann, &["users:read"]).await;
    let program = program(&app, &key);
    program.get("/users").await.assert_ok();
    let me = format!("/users/{}", text(&ann.me().await["user_id"]));

    app.admin().patch(&me, json!({ "status": "suspended" })).await.assert_ok();
    program.get("/users").await.assert_error(401, "UNAUTHORIZED", "key_revoked");

    app.admin().patch(&me, json!({ "status": "active" })).await.assert_ok();
    program.get("/users").await.assert_ok();
}

#[botserver_test]
async fn a_key_is_good_from_its_networks_only(app: App) {
    let ann = app.user("ann").await;
    let new = json!({ "name": "x", "scopes": ["users:read"], "ip_allowlist": ["127.0.0.0/8"] });
    let key = key_with(&ann, new).await;
    let program = program(&app, &key);
    program.get("/users").await.assert_ok();

    ann.patch(path(&key), json!({ "ip_allowlist": ["203.0.113.7", "2001:db8::/32"] })).await.assert_ok();
    for _ in 0..2 {
        program.get("/users").await.assert_error(403, "FORBIDDEN", "ip_not_allowed");
    }

    let changed = ann.patch(path(&key), json!({ "ip_allowlist": null })).await.assert_ok().data();
    assert_eq!(changed["ip_allowlist"], json!([]));
    program.get("/users").await.assert_ok();
    let wrong = json!({ "name": "x", "scopes": ["users:read"], "ip_allowlist": ["somewhere"] });
    ann.post("/api-keys", wrong).await.assert_fields(&["ip_allowlist"]);
}

#[botserver_test(balanced)]
async fn after_a_rotation_the_old_secret_lives_as_long_as_it_was_given(app: App) {
    let ann = app.user("ann").await;
    let old = key(&ann, &["users:read"]).await;
    let rotate =
        async |body: Value| ann.post(format!("{}/rotate", path(&old)), body).await.assert_status(201).data();

    let second = rotate(json!({ "grace_seconds": 3600 })).await;
    assert_ne!(second["api_key"], old["api_key"]);
    assert_eq!((&second["key_id"], &second["scopes"]), (&old["key_id"], &old["scopes"]));
    program(&app, &old).get("/users").await.assert_ok();
    program(&app, &second).get("/users").await.assert_ok();

    let third = rotate(json!({})).await;
    program(&app, &third).get("/users").await.assert_ok();
    for ended in [&old, &second] {
        program(&app, ended).get("/users").await.assert_status(401);
    }
    let too_long = ann.post(format!("{}/rotate", path(&old)), json!({ "grace_seconds": 86_401 })).await;
    too_long.assert_fields(&["grace_seconds"]);
}

#[botserver_test]
async fn keys_of_others_are_for_who_administers_keys_and_never_above_their_rank(app: App) {
    let (ann, bob) = (app.user("ann").await, app.user("bob").await);
    let keeper = app.user_with_role("keeper", "member").await;
    let keeper_id = text(&keeper.me().await["user_id"]);
    let roles = json!({ "roles": ["member", "key_manager"] });
    app.admin().patch(format!("/users/{keeper_id}"), roles).await.assert_ok();
    let of_ann = key(&ann, &["users:read"]).await;
    let (ann_id, admin_id) = (text(&ann.me().await["user_id"]), text(&app.admin().me().await["user_id"]));
    let new = json!({ "name": "For you", "scopes": ["users:read"] });

    bob.get(path(&of_ann)).await.assert_error(404, "NOT_FOUND", "");
    bob.delete(path(&of_ann)).await.assert_error(404, "NOT_FOUND", "");
    bob.get(format!("/users/{ann_id}/api-keys")).await.assert_error(403, "FORBIDDEN", "");
    bob.post(format!("/users/{ann_id}/api-keys"), new.clone()).await.assert_error(403, "FORBIDDEN", "");
    bob.get(format!("/api-keys?filter[user_id]={ann_id}")).await.assert_error(403, "FORBIDDEN", "");
    assert!(bob.get("/api-keys").await.assert_ok().items().is_empty());

    assert_eq!(keeper.get("/api-keys").await.assert_ok().items().len(), 1);
    let theirs = keeper.get(format!("/users/{ann_id}/api-keys")).await.assert_ok().items();
    assert_eq!(theirs[0]["key_id"], of_ann["key_id"]);
    let made = keeper.post(format!("/users/{ann_id}/api-keys"), new.clone()).await.assert_status(201).data();
    assert_eq!(made["user_id"], json!(ann_id));
    keeper.post(format!("/users/{admin_id}/api-keys"), new).await.assert_error(
        403,
        "FORBIDDEN",
        "level_too_high",
    );
    keeper.delete(path(&of_ann)).await.assert_status(204);
    program(&app, &of_ann).get("/users").await.assert_status(401);
}

#[botserver_test]
async fn a_rotation_by_somebody_else_tells_no_secret_that_may_more_than_they_may(app: App) {
    let boss = app.user_with_role("boss", "admin").await;
    let of_owner = key(&app.admin(), &["org:delete"]).await;
    let of_boss = key(&boss, &["admin:users"]).await;

    let refused = boss.post(format!("{}/rotate", path(&of_owner)), json!({})).await;
    refused.assert_error(403, "FORBIDDEN", "level_too_high");
    app.admin().post(format!("{}/rotate", path(&of_boss)), json!({})).await.assert_status(201);
}

#[botserver_test]
async fn a_key_is_changed_at_the_revision_that_was_read(app: App) {
    let ann = app.user("ann").await;
    let key = key(&ann, &["users:read", "groups:read"]).await;
    let etag = ann.get(path(&key)).await.assert_ok().header("etag").to_owned();

    let changed = json!({ "name": "Renamed", "scopes": ["users:read"], "expires_at": null });
    let changed = ann.with("if-match", &etag).patch(path(&key), changed).await.assert_ok().data();
    assert_eq!((&changed["name"], &changed["scopes"]), (&json!("Renamed"), &json!(["users:read"])));
    assert!(changed["expires_at"].is_null(), "it has no end");
    let stale = ann.with("if-match", &etag).patch(path(&key), json!({ "name": "Again" })).await;
    stale.assert_error(412, "PRECONDITION_FAILED", "");
    program(&app, &key).get("/groups-of-nobody").await.assert_status(404);
    let verified = program(&app, &key).get("/auth/verify").await.assert_ok().data();
    assert!(verified["expires_at"].is_null());
}

#[botserver_test]
async fn everything_that_is_wrong_with_a_new_key_is_told_at_once(app: App) {
    let ann = app.user("ann").await;
    let wrong = json!({
        "name": " ", "scopes": ["users:fly"], "expires_in_days": 366, "ip_allowlist": ["10.0.0.0/40"],
    });

    let refused = ann.post("/api-keys", wrong).await;

    refused.assert_fields(&["expires_in_days", "ip_allowlist", "name", "scopes"]);
    let both = json!({
        "name": "x", "scopes": ["users:read"], "expires_in_days": 3, "expires_at": "2999-01-01T00:00:00Z",
    });
    ann.post("/api-keys", both).await.assert_fields(&["expires_in_days"]);
}

#[botserver_test(balanced)]
async fn of_two_keys_at_once_the_last_place_goes_to_one(app: App) {
    let ann = app.user("ann").await;
    let new = || json!({ "name": "Program", "scopes": ["users:read"] });
    for _ in 0..49 {
        key(&ann, &["users:read"]).await;
    }

    let (one, other) = tokio::join!(ann.post("/api-keys", new()), ann.post("/api-keys", new()));

    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let error = ann.post("/api-keys", new()).await.assert_error(409, "CONFLICT", "key_limit");
    assert_eq!(error["details"]["limit"], 50);
    let first = ann.get("/api-keys?limit=1&filter[status]=active").await.assert_ok().items()[0].clone();
    ann.delete(path(&first)).await.assert_status(204);
    ann.post("/api-keys", new()).await.assert_status(201);
    let revoked = ann.get("/api-keys?filter[status]=revoked").await.assert_ok().items();
    assert_eq!((revoked.len(), &revoked[0]["key_id"]), (1, &first["key_id"]));
}

#[test]
fn ten_keys_a_day_are_made_and_no_more() {
    run_with(
        |config| config.rate_limit.operations = true,
        |app| async move {
            let ann = app.user("ann").await;
            for _ in 0..10 {
                key(&ann, &["users:read"]).await;
            }

            let refused = ann.post("/api-keys", json!({ "name": "x", "scopes": ["users:read"] })).await;

            refused.assert_error(429, "RATE_LIMITED", "");
        },
    );
}

#[botserver_test]
async fn what_is_done_with_a_key_is_audited_as_such_and_tells_no_secret(app: App) {
    let (boss, bea) = (app.user_with_role("boss", "admin").await, app.user("bea").await);
    let key = key(&boss, &["admin:users"]).await;
    let path = format!("/users/{}", text(&bea.me().await["user_id"]));

    program(&app, &key).patch(path, json!({ "display_name": "Bea" })).await.assert_ok();

    let details = app.audit_details("user_updated").await;
    assert_eq!(details.last().expect("an entry")["key_id"], key["key_id"]);
    let made = app.audit_details("api_key_created").await;
    assert_eq!(made[0]["scopes"].as_array().map(Vec::len), Some(2), "with the family of admin:users");
    let all = serde_json::to_string(&(details, made)).expect("JSON");
    assert!(!all.contains(&text(&key["api_key"])));
}

#[botserver_test]
async fn a_repeated_creation_is_told_that_it_was_done(app: App) {
    let ann = app.user("ann").await.with("idempotency-key", "one");
    let new = || json!({ "name": "Program", "scopes": ["users:read"] });

    ann.post("/api-keys", new()).await.assert_status(201);

    ann.post("/api-keys", new()).await.assert_error(409, "CONFLICT", "already_done");
}

#[each_database]
fn ten_keys_an_hour_are_made_at_whichever_address() {
    run_with(
        |config| config.rate_limit.operations = true,
        |app| async move {
            let ann = app.user("ann").await;
            for number in 0..10 {
                let path = ["/api-keys", "/users/me/api-keys"][number % 2];
                // What is refused counts, too.
                ann.post(path, json!({})).await.assert_status(422);
            }

            for path in ["/api-keys", "/users/me/api-keys"] {
                let refused = ann.post(path, json!({ "name": "x", "scopes": ["users:read"] })).await;
                refused.assert_error(429, "RATE_LIMITED", "");
            }
        },
    );
}
