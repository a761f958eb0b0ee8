//! The policies of an organization, and that they hold.

use crate::support::{Answer, App, Client, PASSWORD, Value, botserver_test, json};

const OTHER: &str = "Another-Horse-8-Battery";

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

async fn set(app: &App, patch: Value) -> Value {
    app.admin().patch("/settings/security", patch).await.assert_ok().data()
}

async fn log_in(app: &App, password: &str) -> Value {
    let login = json!({ "username": "ann", "password": password });
    app.anonymous().post("/auth/login", login).await.assert_ok().data()
}

async fn change(client: &Client, from: &str, to: &str) -> Answer {
    let body = json!({ "current_password": from, "new_password": to });
    client.post("/users/me/password", body).await
}

/// Lets the password of everybody grow older.
async fn age_passwords(app: &App, days: i64) {
    let by = days * 86_400_000_000;
    let aged = app.database().write_server(move |unit| {
        unit.execute("UPDATE server_credentials SET changed_at = changed_at - $1", &[&by])
    });
    let aged: Result<u64, platform::db::DbError> = aged.await;
    aged.expect("older passwords");
}

#[botserver_test(balanced)]
async fn policies_are_shown_merged_and_audited(app: App) {
    let security = "/settings/security";
    let read = app.admin().get(security).await.assert_ok();
    let etag = read.header("etag").to_owned();
    let defaults = read.data();
    assert_eq!(defaults["password_policy"]["min_length"], 12);
    assert_eq!(
        defaults["session_policy"],
        json!({ "timeout_minutes": 60, "max_sessions": 10, "remember_me_days": 30 })
    );
    assert_eq!(
        defaults["two_factor"],
        json!({ "enabled": true, "required_for_roles": [], "methods": ["totp"] })
    );

    let changed = set(&app, json!({ "password_policy": { "min_length": 20 } })).await;

    assert_eq!(changed["password_policy"]["min_length"], 20);
    assert_eq!(changed["password_policy"]["require_special"], true, "what is absent stays");
    let audited = app.audit_details("config_changed").await;
    let change = json!({ "field": "password_policy.min_length", "old_value": 12, "new_value": 20 });
    assert_eq!(audited.last().expect("an entry")["changes"], json!([change]));
    let stale = app.admin().with("if-match", &etag).patch(security, json!({ "lockout_policy": null })).await;
    stale.assert_error(412, "PRECONDITION_FAILED", "");
    let back = set(&app, json!({ "password_policy": null })).await;
    assert_eq!(back, defaults);
}

#[botserver_test]
async fn policies_outside_their_bounds_change_nothing(app: App) {
    let wrong = json!({
        "password_policy": { "min_length": 7 }, "session_policy": { "timeout_minutes": 1441 },
        "two_factor": { "required_for_roles": ["wizard"] }, "lockout_policy": { "max_attempts": 2 },
    });

    let refused = app.admin().patch("/settings/security", wrong).await;

    refused.assert_fields(&[
        "lockout_policy.max_attempts",
        "password_policy.min_length",
        "session_policy.timeout_minutes",
        "two_factor.required_for_roles",
    ]);
    let unoffered = json!({ "two_factor": { "enabled": false, "required_for_roles": ["*"] } });
    let refused = app.admin().patch("/settings/security", unoffered).await;
    refused.assert_fields(&["two_factor.required_for_roles"]);
    let ann = app.user("ann").await;
    ann.get("/settings/security").await.assert_status(403);
    ann.patch("/settings/security", json!({})).await.assert_status(403);
}

#[botserver_test]
async fn a_password_is_changed_by_who_knows_it_and_ends_the_other_sessions(app: App) {
    let ann = app.user("ann").await;
    let other = app.with_token(&text(&log_in(&app, PASSWORD).await["access_token"]));

    change(&ann, "wrong", OTHER).await.assert_error(422, "VALIDATION_ERROR", "wrong_password");
    change(&ann, PASSWORD, "short").await.assert_fields(&["new_password"]);
    change(&ann, PASSWORD, PASSWORD).await.assert_error(422, "VALIDATION_ERROR", "password_reused");
    change(&ann, PASSWORD, OTHER).await.assert_ok();

    ann.me().await;
    other.get("/users/me").await.assert_status(401);
    log_in(&app, OTHER).await;
    change(&ann, OTHER, PASSWORD).await.assert_error(422, "VALIDATION_ERROR", "password_reused");
    assert_eq!(app.audited("password_changed").await, 1);
    set(&app, json!({ "password_policy": { "history_count": 0 } })).await;
    change(&ann, OTHER, PASSWORD).await.assert_ok();
}

#[botserver_test]
async fn a_stricter_password_policy_holds_from_the_next_change(app: App) {
    let ann = app.user("ann").await;
    set(&app, json!({ "password_policy": { "min_length": 30 } })).await;

    log_in(&app, PASSWORD).await;
    change(&ann, PASSWORD, OTHER).await.assert_fields(&["new_password"]);
    let new = json!({ "username": "bob", "email": "bob@example.com", "password": OTHER });
    app.admin().post("/users", new).await.assert_fields(&["password"]);
}

#[botserver_test]
async fn who_has_an_expired_password_changes_it_before_anything_else(app: App) {
    let ann = app.user("ann").await;
    set(&app, json!({ "password_policy": { "expiry_days": 30 } })).await;
    age_passwords(&app, 31).await;
    ann.me().await;

    let signed_in = log_in(&app, PASSWORD).await;
    assert_eq!(signed_in["reason"], "password_expired");
    let confined = app.with_token(&text(&signed_in["access_token"]));
    confined.get("/users/me").await.assert_error(403, "FORBIDDEN", "password_expired");
    confined.get("/users/me/2fa").await.assert_error(403, "FORBIDDEN", "password_expired");
    change(&confined, PASSWORD, OTHER).await.assert_ok();

    confined.me().await;
    assert!(log_in(&app, OTHER).await["reason"].is_null());
}

#[botserver_test]
async fn both_an_expired_password_and_a_missing_factor_are_seen_to_one_after_the_other(app: App) {
    app.user("ann").await;
    let policy = json!({
        "password_policy": { "expiry_days": 30 }, "two_factor": { "required_for_roles": ["member"] },
    });
    set(&app, policy).await;
    age_passwords(&app, 31).await;
    let confined = app.with_token(&text(&log_in(&app, PASSWORD).await["access_token"]));

    confined.get("/users/me").await.assert_error(403, "FORBIDDEN", "password_expired");
    change(&confined, PASSWORD, OTHER).await.assert_ok();

    confined.get("/users/me").await.assert_error(403, "FORBIDDEN", "two_factor_setup_required");
    confined.post("/users/me/2fa/enable", json!({ "password": OTHER })).await.assert_ok();
}

#[botserver_test]
async fn one_session_more_than_allowed_ends_the_least_recently_used(app: App) {
    let first = app.user("ann").await;
    set(&app, json!({ "session_policy": { "max_sessions": 2, "timeout_minutes": 5 } })).await;

    let second = log_in(&app, PASSWORD).await;
    assert_eq!(second["expires_in"], 300, "no token outlives its session");
    first.me().await;
    log_in(&app, PASSWORD).await;

    first.get("/users/me").await.assert_status(401);
    app.with_token(&text(&second["access_token"])).me().await;
}

#[botserver_test]
async fn the_organization_says_how_many_failures_lock(app: App) {
    app.user("ann").await;
    set(&app, json!({ "lockout_policy": { "max_attempts": 3 } })).await;
    let attempt = async |name: &str| {
        app.anonymous().post("/auth/login", json!({ "username": name, "password": "wrong" })).await
    };

    for name in ["ann", "nobody"] {
        for _ in 0..3 {
            attempt(name).await.assert_status(401);
        }
        attempt(name).await.assert_error(423, "LOCKED", "account_locked");
    }
}
