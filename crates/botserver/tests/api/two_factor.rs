//! The second factor: set up, asked for at sign-in, turned off.

use std::time::{SystemTime, UNIX_EPOCH};

use test_database::Engine;
use totp_rs::{Builder, Secret};

use crate::support::{Answer, App, Client, PASSWORD, Socket, Value, botserver_test, json, run_with};

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Somebody's authenticator.
pub(crate) struct Authenticator(String);

impl Authenticator {
    /// The code of so many steps from now. A code works once, and one step of drift is allowed: so three of them do
    /// around any moment.
    pub(crate) fn code(&self, steps: i64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let secret = Secret::try_from_base32(&self.0).expect("base32");
        let totp = Builder::new().with_secret(secret).build().expect("an authenticator");
        totp.generate(now.saturating_add_signed(steps * 30)).to_string()
    }
}

/// Somebody with a second factor: signed in, their authenticator, their backup codes. The code of the step before now
/// is used up.
pub(crate) async fn with_factor(app: &App, name: &str) -> (Client, Authenticator, Vec<String>) {
    with_factor_of(app, name, "member").await
}

async fn with_factor_of(app: &App, name: &str, role: &str) -> (Client, Authenticator, Vec<String>) {
    let user = app.user_with_role(name, role).await;
    let (authenticator, codes) = enrol(&user).await;
    (user, authenticator, codes)
}

async fn enrol(user: &Client) -> (Authenticator, Vec<String>) {
    let setup = user.post("/users/me/2fa/enable", json!({ "password": PASSWORD })).await.assert_ok().data();
    let authenticator = Authenticator(text(&setup["secret"]));
    let confirmed = user.post("/users/me/2fa/verify", json!({ "code": authenticator.code(-1) })).await;
    assert_eq!(confirmed.assert_ok().data()["enabled"], true);
    let codes = setup["backup_codes"].as_array().expect("codes").iter().map(text).collect();
    (authenticator, codes)
}

pub(crate) async fn challenge(app: &App, name: &str) -> Value {
    let login = json!({ "username": name, "password": PASSWORD });
    let asked = app.anonymous().post("/auth/login", login).await.assert_ok().data();
    assert_eq!((&asked["requires_2fa"], &asked["expires_in"]), (&json!(true), &json!(300)), "{asked}");
    assert!(asked["access_token"].is_null(), "no token before the second factor");
    asked["session_token"].clone()
}

pub(crate) async fn answer(app: &App, token: &Value, code: &str) -> Answer {
    app.anonymous().post("/auth/2fa/verify", json!({ "session_token": token, "code": code })).await
}

#[botserver_test(balanced)]
async fn a_second_factor_is_in_force_once_it_is_confirmed(app: App) {
    let ann = app.user("ann").await;

    let setup = ann.post("/users/me/2fa/enable", json!({ "password": PASSWORD })).await.assert_ok().data();

    assert!(text(&setup["otpauth_url"]).starts_with("otpauth://totp/BotServer:ann?secret="));
    assert!(text(&setup["qr_code"]).starts_with("data:image/png;base64,"));
    let codes = setup["backup_codes"].as_array().expect("codes");
    assert!(codes.len() == 10 && codes.iter().all(|code| text(code).len() == 8), "{setup}");
    assert_eq!(setup["expires_in"], 600);
    let status = ann.get("/users/me/2fa").await.assert_ok().data();
    assert_eq!((&status["enabled"], &status["backup_codes_remaining"]), (&json!(false), &json!(0)));
    app.anonymous().sign_in("ann", PASSWORD).await;

    let authenticator = Authenticator(text(&setup["secret"]));
    let wrong = ann.post("/users/me/2fa/verify", json!({ "code": "000000" })).await;
    wrong.assert_error(422, "VALIDATION_ERROR", "invalid_code");
    ann.post("/users/me/2fa/verify", json!({ "code": authenticator.code(0) })).await.assert_ok();

    let status = ann.get("/users/me/2fa").await.assert_ok().data();
    assert_eq!((&status["method"], &status["backup_codes_remaining"]), (&json!("totp"), &json!(10)));
    assert_eq!(ann.me().await["two_factor_enabled"], true);
    assert_eq!(ann.get("/sessions/current").await.data()["two_factor"], true);
    challenge(&app, "ann").await;
    let again = ann.post("/users/me/2fa/enable", json!({ "password": PASSWORD })).await;
    again.assert_error(409, "CONFLICT", "already_enabled");
    let twice = ann.post("/users/me/2fa/verify", json!({ "code": authenticator.code(1) })).await;
    twice.assert_error(409, "CONFLICT", "already_enabled");
}

#[botserver_test]
async fn a_setup_needs_the_password_and_a_method_that_there_is(app: App) {
    let ann = app.user("ann").await;
    let enable = async |body: Value| ann.post("/users/me/2fa/enable", body).await;

    enable(json!({ "password": "wrong" })).await.assert_error(422, "VALIDATION_ERROR", "wrong_password");
    let sms = enable(json!({ "password": PASSWORD, "method": "sms" })).await;
    assert_eq!(sms.assert_error(503, "SERVICE_UNAVAILABLE", "")["details"]["service"], "sms");
    let nothing = ann.post("/users/me/2fa/verify", json!({ "code": "123456" })).await;
    nothing.assert_error(409, "CONFLICT", "not_pending");
    let bob = text(&app.user("bob").await.me().await["user_id"]);
    ann.post(format!("/users/{bob}/2fa/enable"), json!({ "password": PASSWORD })).await.assert_status(404);
    ann.get(format!("/users/{bob}/2fa")).await.assert_status(403);
}

#[botserver_test(balanced)]
async fn a_code_completes_a_sign_in_and_works_once(app: App) {
    let (_, authenticator, _) = with_factor(&app, "ann").await;
    let (first, second) = (challenge(&app, "ann").await, challenge(&app, "ann").await);
    let code = authenticator.code(0);

    let signed_in = answer(&app, &first, &code).await.assert_ok().data();

    assert_eq!(signed_in["requires_2fa"], false);
    let session = app.with_token(&text(&signed_in["access_token"])).get("/sessions/current").await;
    assert_eq!(session.assert_ok().data()["two_factor"], true);
    answer(&app, &second, &code).await.assert_error(401, "UNAUTHORIZED", "invalid_code");
    answer(&app, &first, &authenticator.code(1)).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
    answer(&app, &second, &authenticator.code(1)).await.assert_ok();
}

#[test]
fn a_code_that_was_used_on_one_node_is_worth_nothing_on_another() {
    Engine::Postgres.run(|| {
        run_with(
            |_| {},
            |a| async move {
                let b = a.another_node().await;
                let (_, authenticator, codes) = with_factor(&a, "ann").await;
                let (here, there) = (challenge(&a, "ann").await, challenge(&a, "ann").await);
                let code = authenticator.code(0);

                let (one, other) = tokio::join!(answer(&a, &here, &code), answer(&b, &there, &code));

                let mut statuses = [one.status.as_u16(), other.status.as_u16()];
                statuses.sort_unstable();
                assert_eq!(statuses, [200, 401]);
                let again = challenge(&b, "ann").await;
                answer(&b, &again, &code).await.assert_error(401, "UNAUTHORIZED", "invalid_code");
                let (here, there) = (challenge(&a, "ann").await, challenge(&b, "ann").await);
                let (one, other) = tokio::join!(answer(&a, &here, &codes[0]), answer(&b, &there, &codes[0]));
                let mut statuses = [one.status.as_u16(), other.status.as_u16()];
                statuses.sort_unstable();
                assert_eq!(statuses, [200, 401], "a backup code");
            },
        );
    });
}

#[botserver_test]
async fn the_code_may_come_with_the_password(app: App) {
    let (_, authenticator, codes) = with_factor(&app, "ann").await;
    let login = async |code: &str| {
        let body = json!({ "username": "ann", "password": PASSWORD, "two_factor_code": code });
        app.anonymous().post("/auth/login", body).await
    };

    login(&authenticator.code(0)).await.assert_ok();
    login(&codes[3]).await.assert_ok();
    login(&codes[3]).await.assert_error(401, "UNAUTHORIZED", "invalid_code");
    login(&authenticator.code(0)).await.assert_error(401, "UNAUTHORIZED", "invalid_code");
}

#[botserver_test]
async fn five_wrong_codes_end_the_challenge_and_lock_the_name(app: App) {
    let (_, authenticator, _) = with_factor(&app, "ann").await;
    let token = challenge(&app, "ann").await;

    for _ in 0..5 {
        answer(&app, &token, "000000").await.assert_error(401, "UNAUTHORIZED", "invalid_code");
    }

    answer(&app, &token, &authenticator.code(0)).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
    let login = json!({ "username": "ann", "password": PASSWORD });
    app.anonymous().post("/auth/login", login.clone()).await.assert_error(423, "LOCKED", "account_locked");
    let ann = app.admin().get("/users?search=ann").await.assert_ok().items()[0].clone();
    let unlock = format!("/users/{}/unlock", text(&ann["user_id"]));
    let lifted = app.admin().post(&unlock, json!({})).await.assert_ok().data();
    assert_eq!(lifted["locks_lifted"], 1);
    app.anonymous().post("/auth/login", login).await.assert_ok();
}

#[test]
fn three_codes_of_one_user_are_looked_at_in_a_minute_however_often_they_begin_anew() {
    run_with(
        |config| config.identity.two_factor.codes_per_minute = 3,
        |app| async move {
            // The setup looks at two: the password's and the code's.
            let (_, authenticator, _) = with_factor(&app, "ann").await;
            let mut refused = None;
            for _ in 0..4 {
                let token = challenge(&app, "ann").await;
                let told = answer(&app, &token, "000000").await;
                if told.status == 429 {
                    refused = Some(token);
                    told.assert_error(429, "RATE_LIMITED", "too_many_attempts");
                    break;
                }
            }
            let token = refused.expect("a limit");
            answer(&app, &token, &authenticator.code(0)).await.assert_status(429);
        },
    );
}

#[botserver_test]
async fn a_second_factor_is_turned_off_with_a_proof_or_by_an_administrator(app: App) {
    let (ann, authenticator, _) = with_factor(&app, "ann").await;
    let disable = async |who: &Client, path: &str, body: Value| {
        who.post(format!("/users/{path}/2fa/disable"), body).await
    };

    disable(&ann, "me", json!({})).await.assert_fields(&["code"]);
    let wrong = disable(&ann, "me", json!({ "password": "wrong" })).await;
    wrong.assert_error(422, "VALIDATION_ERROR", "wrong_password");
    let off = disable(&ann, "me", json!({ "code": authenticator.code(0) })).await.assert_ok().data();
    assert_eq!(off["enabled"], false);
    app.anonymous().sign_in("ann", PASSWORD).await;

    enrol(&ann).await;
    let id = text(&ann.me().await["user_id"]);
    let bob = app.user("bob").await;
    disable(&bob, &id, json!({})).await.assert_status(403);
    disable(&app.admin(), &id, json!({})).await.assert_ok();
    app.anonymous().sign_in("ann", PASSWORD).await;
    let (owner, _, _) = with_factor_of(&app, "own", "owner").await;
    let owner = text(&owner.me().await["user_id"]);
    let boss = app.user_with_role("boss", "admin").await;
    disable(&boss, &owner, json!({})).await.assert_error(403, "FORBIDDEN", "level_too_high");
    assert_eq!(app.audited("mfa_disabled").await, 2);
}

#[botserver_test]
async fn new_backup_codes_end_the_old_ones_and_need_a_proof(app: App) {
    let (ann, _, old) = with_factor(&app, "ann").await;

    ann.post("/users/me/2fa/backup-codes", json!({})).await.assert_fields(&["code"]);
    let made =
        ann.post("/users/me/2fa/backup-codes", json!({ "password": PASSWORD })).await.assert_ok().data();

    let new: Vec<_> = made["backup_codes"].as_array().expect("codes").iter().map(text).collect();
    let login = async |code: &str| {
        let body = json!({ "username": "ann", "password": PASSWORD, "two_factor_code": code });
        app.anonymous().post("/auth/login", body).await.status.as_u16()
    };
    assert_eq!((login(&old[0]).await, login(&new[0]).await), (401, 200));
    assert_eq!(ann.get("/users/me/2fa").await.data()["backup_codes_remaining"], 9);
}

#[botserver_test]
async fn whose_role_needs_a_second_factor_sets_one_up_before_anything_else(app: App) {
    let boss = app.user_with_role("boss", "admin").await;
    let policy = json!({ "two_factor": { "required_for_roles": ["admin"] } });
    app.admin().patch("/settings/security", policy).await.assert_ok();
    boss.me().await;

    let login = json!({ "username": "boss", "password": PASSWORD });
    let signed_in = app.anonymous().post("/auth/login", login).await.assert_ok().data();
    assert_eq!(signed_in["reason"], "two_factor_setup_required");
    let confined = app.with_token(&text(&signed_in["access_token"]));

    for refused in [
        confined.get("/users/me").await,
        confined.get("/bots").await,
        confined.get("/users/me/sessions").await,
        confined.post("/api-keys", json!({ "name": "x", "scopes": ["users:read"] })).await,
    ] {
        refused.assert_error(403, "FORBIDDEN", "two_factor_setup_required");
    }
    confined.get("/auth/verify").await.assert_ok();
    let bearer = format!("Bearer {}", confined.token());
    let mut socket = Socket::open_with(&app, "", &[("authorization", &bearer)]).await;
    assert_eq!(socket.closed().await, 4401);
    let refreshed = json!({ "refresh_token": signed_in["refresh_token"] });
    let renewed = app.anonymous().post("/auth/refresh", refreshed).await.assert_ok().data();
    let confined = app.with_token(&text(&renewed["access_token"]));
    confined.get("/users/me").await.assert_status(403);

    enrol(&confined).await;

    confined.me().await;
    let off = confined.post("/users/me/2fa/disable", json!({ "password": PASSWORD })).await;
    off.assert_error(409, "CONFLICT", "required_by_policy");
    assert_eq!(confined.get("/users/me/2fa").await.data()["required"], true);
}

#[botserver_test]
async fn a_role_of_the_organization_may_need_a_second_factor_under_whatever_name(app: App) {
    let admin = app.admin();
    let role = json!({ "name": "front-desk", "hierarchy_level": 30, "permissions": ["bots:use"] });
    let role = admin.post("/roles", role).await.assert_status(201).data();
    let policy = |name: &str| json!({ "two_factor": { "required_for_roles": [name] } });
    admin
        .patch("/settings/security", policy("back-desk"))
        .await
        .assert_fields(&["two_factor.required_for_roles"]);
    admin.patch("/settings/security", policy("front-desk")).await.assert_ok();
    app.user_with_role("ann", "front-desk").await;

    let path = format!("/roles/{}", text(&role["role_id"]));
    admin.patch(path, json!({ "name": "reception" })).await.assert_ok();

    let settings = admin.get("/settings/security").await.assert_ok().data();
    assert_eq!(settings["two_factor"]["required_for_roles"], json!(["reception"]));
    let login = json!({ "username": "ann", "password": PASSWORD });
    let signed_in = app.anonymous().post("/auth/login", login).await.assert_ok().data();
    assert_eq!(signed_in["reason"], "two_factor_setup_required");
}

#[botserver_test]
async fn nothing_secret_of_a_second_factor_is_in_the_audit_or_readable_in_the_database(app: App) {
    let (_, authenticator, codes) = with_factor(&app, "ann").await;
    let token = challenge(&app, "ann").await;
    answer(&app, &token, "000000").await.assert_status(401);

    let mut kept = String::new();
    for action in ["mfa_enabled", "login_failed", "login_success"] {
        kept.push_str(&serde_json::to_string(&app.audit_details(action).await).expect("JSON"));
    }
    for secret in [authenticator.0.as_str(), codes[0].as_str(), text(&token).as_str(), PASSWORD] {
        assert!(!kept.contains(secret));
    }
    let rows = app.database().read_server(|tx| {
        tx.all::<(Vec<u8>,)>(
            "SELECT sealed FROM server_two_factor UNION ALL SELECT code_hash FROM server_backup_codes",
            &[],
        )
    });
    let rows: Result<Vec<(Vec<u8>,)>, platform::db::DbError> = rows.await;
    let shared = Secret::try_from_base32(&authenticator.0).expect("base32");
    for (row,) in rows.expect("rows") {
        assert!(!row.windows(8).any(|part| codes.iter().any(|code| code.as_bytes() == part)));
        assert!(!row.windows(20).any(|part| part == shared.as_ref() as &[u8]));
    }
}
