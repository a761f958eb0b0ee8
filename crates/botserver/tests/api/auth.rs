//! Signing in and out, and what tokens are worth.

use crate::support::{App, Client, PASSWORD, botserver_test, each_database, json};

#[botserver_test(balanced)]
async fn signing_in_gives_tokens_and_the_user(app: App) {
    app.user("ann").await;

    let data = app
        .anonymous()
        .post("/auth/login", json!({ "username": "ann", "password": PASSWORD }))
        .await
        .assert_ok()
        .data();

    assert_eq!((&data["token_type"], &data["requires_2fa"]), (&json!("Bearer"), &json!(false)));
    assert_eq!(data["user"]["username"], "ann");
    assert_eq!(data["expires_in"], 3600);
    assert!(data["refresh_token"].is_string());
}

#[botserver_test]
async fn a_name_or_an_address_signs_in_whatever_its_case(app: App) {
    app.user("ann").await;

    app.anonymous().sign_in("ANN", PASSWORD).await;
    let by_address = json!({ "email": "Ann@Example.com", "password": PASSWORD });
    app.anonymous().post("/auth/login", by_address).await.assert_ok();
}

#[botserver_test]
async fn a_wrong_name_and_a_wrong_password_are_the_same_refusal(app: App) {
    app.user("ann").await;
    let refused = async |username: &str, password: &str| {
        let body = json!({ "username": username, "password": password });
        let error = app.anonymous().post("/auth/login", body).await;
        error.assert_error(401, "UNAUTHORIZED", "invalid_credentials")["message"].clone()
    };

    assert_eq!(refused("ann", "wrong").await, refused("nobody", "wrong").await);
}

#[botserver_test]
async fn five_failures_lock_the_name_from_that_address_even_for_the_right_password(app: App) {
    app.user("ann").await;
    let attempt = async |name: &str, password: &str| {
        app.anonymous().post("/auth/login", json!({ "username": name, "password": password })).await
    };
    for name in ["ann", "nobody"] {
        for _ in 0..5 {
            attempt(name, "wrong").await.assert_error(401, "UNAUTHORIZED", "invalid_credentials");
        }
        let error = attempt(name, PASSWORD).await.assert_error(423, "LOCKED", "account_locked");
        assert!(error["details"]["locked_until"].is_string(), "{error}");
    }
}

#[botserver_test(balanced)]
async fn a_refresh_token_is_spent_by_its_use(app: App) {
    app.user("ann").await;
    let tokens = login(&app, "ann").await;
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });

    let renewed = app.anonymous().post("/auth/refresh", refresh.clone()).await.assert_ok().data();

    assert_ne!(renewed["access_token"], tokens["access_token"]);
    app.with_token(renewed["access_token"].as_str().expect("a token")).get("/users/me").await.assert_ok();
    app.anonymous().post("/auth/refresh", refresh).await.assert_status(401);
}

#[botserver_test(balanced)]
async fn a_spent_refresh_token_ends_the_whole_family(app: App) {
    app.user("ann").await;
    let tokens = login(&app, "ann").await;
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let renewed = app.anonymous().post("/auth/refresh", refresh.clone()).await.assert_ok().data();

    app.anonymous().post("/auth/refresh", refresh).await.assert_status(401);

    let access = app.with_token(renewed["access_token"].as_str().expect("a token"));
    access.get("/users/me").await.assert_status(401);
    let again = json!({ "refresh_token": renewed["refresh_token"] });
    app.anonymous().post("/auth/refresh", again).await.assert_status(401);
}

#[botserver_test(balanced)]
async fn two_refreshes_at_once_have_one_winner(app: App) {
    app.user("ann").await;
    let tokens = login(&app, "ann").await;
    let refresh = || {
        let (client, body) = (app.anonymous(), json!({ "refresh_token": tokens["refresh_token"] }));
        async move { client.post("/auth/refresh", body).await.status.as_u16() }
    };

    let (one, other) = tokio::join!(refresh(), refresh());

    let mut statuses = [one, other];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}

#[botserver_test]
async fn programs_refresh_at_the_token_endpoint_with_json_or_a_form(app: App) {
    app.user("ann").await;
    let tokens = login(&app, "ann").await;
    let json_body = json!({ "grant_type": "refresh_token", "refresh_token": tokens["refresh_token"] });

    let renewed = app.anonymous().post("/auth/token", json_body).await.assert_ok().data();

    let form =
        format!("grant_type=refresh_token&refresh_token={}", renewed["refresh_token"].as_str().expect("one"));
    let request = app.anonymous().request(http::Method::POST, "/auth/token").body(form);
    Client::send(request.header("content-type", "application/x-www-form-urlencoded")).await.assert_ok();
}

#[botserver_test]
async fn a_token_ends_with_its_session(app: App) {
    let ann = app.user("ann").await;
    ann.get("/auth/verify").await.assert_ok();

    ann.post("/auth/logout", json!({})).await.assert_ok();

    ann.get("/auth/verify").await.assert_status(401);
    ann.get("/users/me").await.assert_status(401);
}

#[botserver_test]
async fn logging_out_everywhere_ends_every_session(app: App) {
    let first = app.user("ann").await;
    let second = app.with_token(&app.anonymous().sign_in("ann", PASSWORD).await);

    first.post("/auth/logout", json!({ "everywhere": true })).await.assert_ok();

    second.get("/users/me").await.assert_status(401);
}

#[botserver_test(balanced)]
async fn the_link_of_a_new_user_sets_the_password_once(app: App) {
    let new = json!({ "username": "bea", "email": "bea@example.com" });
    let created = app.admin().post("/users", new).await.assert_status(201).data();
    let link = created["password_link"].as_str().expect("a link");
    let token = link.split_once("token=").expect("a token").1;
    let set = json!({ "token": token, "password": "Brand-New-Pass-99" });

    app.anonymous().post("/auth/password/reset", set.clone()).await.assert_ok();

    app.anonymous().sign_in("bea", "Brand-New-Pass-99").await;
    let again = app.anonymous().post("/auth/password/reset", set).await;
    assert!(again.status.is_client_error(), "{}", again.body);
}

#[botserver_test]
async fn the_page_of_the_link_stands_by_itself(app: App) {
    let page = Client::send(app.anonymous().at(http::Method::GET, "/set-password")).await.assert_ok();

    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.header("content-security-policy").contains("script-src 'sha256-"));
    assert!(page.body.contains("/api/v1/auth/password/reset"));
}

#[botserver_test]
async fn a_weak_password_is_refused_with_every_rule_it_breaks(app: App) {
    let new = json!({ "username": "bea", "email": "bea@example.com", "password": "short" });

    let error = app.admin().post("/users", new).await.assert_fields(&["password"]);

    let rules = error["details"]["fields"]["password"].as_array().expect("rules").len();
    assert_eq!(rules, 4, "length, upper case, digit, special character: {error}");
}

#[botserver_test]
async fn without_the_secret_there_is_no_bootstrap(app: App) {
    let body = json!({ "bootstrap_secret": "x", "organization_name": "A", "first_name": "B", "last_name": "C",
        "username": "dee", "email": "d@example.com", "password": PASSWORD });

    app.anonymous().post("/auth/bootstrap", body).await.assert_status(404);
}

#[each_database]
fn with_the_secret_bootstrap_is_refused_once_there_is_an_administrator() {
    crate::support::run_with(
        |config| config.bootstrap_secret = Some(kernel::Secret::new("let-me-in-please")),
        |app| async move {
            let body = json!({ "bootstrap_secret": "let-me-in-please", "organization_name": "A", "first_name": "B",
                "last_name": "C", "username": "dee", "email": "d@example.com", "password": PASSWORD });

            app.anonymous().post("/auth/bootstrap", body).await.assert_error(409, "CONFLICT", "admin_exists");
        },
    );
}

async fn login(app: &App, username: &str) -> crate::support::Value {
    let body = json!({ "username": username, "password": PASSWORD });
    app.anonymous().post("/auth/login", body).await.assert_ok().data()
}
