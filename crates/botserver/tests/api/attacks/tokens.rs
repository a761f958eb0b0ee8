//! Tokens that were good for something else, or for somebody else, or until a moment ago.

use crate::{
    support::{App, Client, PASSWORD, Value, botserver_test, json},
    two_factor::{answer, challenge, with_factor},
};

const OTHER: &str = "Another-Horse-8-Battery";

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// A session of theirs: who calls in it, and its refresh token.
async fn session(app: &App, name: &str, password: &str) -> (Client, String) {
    let login = json!({ "username": name, "password": password });
    let tokens = app.anonymous().post("/auth/login", login).await.assert_ok().data();
    (app.with_token(&text(&tokens["access_token"])), text(&tokens["refresh_token"]))
}

async fn refresh(app: &App, token: &str) -> (u16, Value) {
    let answer = app.anonymous().post("/auth/refresh", json!({ "refresh_token": token })).await;
    (answer.status.as_u16(), answer.json())
}

/// Neither of a session's tokens is worth anything.
async fn assert_dead(app: &App, (client, refresh_token): &(Client, String)) {
    client.get("/users/me").await.assert_status(401);
    client.get("/auth/verify").await.assert_status(401);
    assert_eq!(refresh(app, refresh_token).await.0, 401);
}

#[botserver_test]
async fn nothing_of_a_session_is_worth_anything_after_it(app: App) {
    app.user("ann").await;
    let (left, elsewhere) = (session(&app, "ann", PASSWORD).await, session(&app, "ann", PASSWORD).await);

    left.0.post("/auth/logout", json!({})).await.assert_ok();
    assert_dead(&app, &left).await;

    let (status, renewed) = refresh(&app, &elsewhere.1).await;
    assert_eq!(status, 200, "another session goes on: {renewed}");
    elsewhere.0.get("/users/me").await.assert_status(401);
    let renewed =
        (app.with_token(&text(&renewed["data"]["access_token"])), text(&renewed["data"]["refresh_token"]));
    renewed.0.me().await;

    let other = session(&app, "ann", PASSWORD).await;
    let change = json!({ "current_password": PASSWORD, "new_password": OTHER });
    other.0.post("/users/me/password", change).await.assert_ok();
    assert_dead(&app, &renewed).await;
    let old = json!({ "username": "ann", "password": PASSWORD });
    app.anonymous().post("/auth/login", old).await.assert_status(401);

    let third = session(&app, "ann", OTHER).await;
    third.0.post("/auth/logout", json!({ "everywhere": true })).await.assert_ok();
    assert_dead(&app, &third).await;
    assert_dead(&app, &other).await;
}

#[botserver_test]
async fn a_token_is_good_for_its_own_purpose_alone(app: App) {
    let bot = app.bot("Open", "TALK 1").await;
    let access = json!({ "visibility": "public", "anonymous_allowed": true });
    app.admin().put(format!("/bots/{}/access", text(&bot["bot_id"])), access).await.assert_ok();
    let ann = app.user("ann").await;
    let (ann, refresh_token) = (ann.clone(), session(&app, "ann", PASSWORD).await.1);
    with_factor(&app, "bob").await;
    let visit = app.anonymous().post("/auth/anonymous", json!({})).await.assert_status(201).data();
    let key = json!({ "name": "Program", "scopes": ["users:read"] });
    let key = ann.post("/api-keys", key).await.assert_status(201).data();
    let invited = json!({ "username": "cid", "email": "cid@example.com" });
    let invited = app.admin().post("/users", invited).await.assert_status(201).data();
    let link = text(&invited["password_link"]);
    let tokens = [
        ("access", ann.token().to_owned()),
        ("refresh", refresh_token),
        ("challenge", text(&challenge(&app, "bob").await)),
        ("visit", text(&visit["token"])),
        ("key", text(&key["api_key"])),
        ("link", link.split_once("token=").expect("a token").1.to_owned()),
    ];

    for (kind, token) in &tokens {
        // Another prefix makes nothing else of it either.
        for token in [token.clone(), format!("bsa_{}", &token[4..]), format!("bsr_{}", &token[4..])] {
            let is_own = |of: &str| *kind == of && tokens.iter().any(|(_, own)| *own == token);
            let bearer = app.with_token(&token).get("/users/me").await.status;
            let taken = match *kind {
                "access" | "key" if is_own(kind) => 200,
                "visit" if is_own(kind) => 403,
                _ => 401,
            };
            assert_eq!(bearer.as_u16(), taken, "{kind} as a bearer token");
            if !is_own("refresh") {
                assert_eq!(refresh(&app, &token).await.0, 401, "{kind} as a refresh token");
            }
            if !is_own("challenge") {
                let body = json!({ "session_token": token, "code": "000000" });
                let refused = app.anonymous().post("/auth/2fa/verify", body).await;
                refused.assert_error(401, "UNAUTHORIZED", "token_invalid");
            }
            if !is_own("link") {
                let body = json!({ "token": token, "password": OTHER });
                app.anonymous().post("/auth/password/reset", body).await.assert_status(401);
            }
        }
    }
    ann.me().await;
}

#[botserver_test]
async fn signing_in_raises_no_token_that_was_there_before(app: App) {
    let bot = app.bot("Open", "TALK 1").await;
    let access = json!({ "visibility": "public", "anonymous_allowed": true });
    app.admin().put(format!("/bots/{}/access", text(&bot["bot_id"])), access).await.assert_ok();
    let ann = app.user("ann").await;
    let bob = app.user("bob").await;
    let visit = app.anonymous().post("/auth/anonymous", json!({})).await.assert_status(201).data();
    let visitor = app.with_token(&text(&visit["token"]));

    // Somebody has made the victim's browser send a token that they know.
    let mut given = Vec::new();
    for known in [&visitor, &bob, &app.with_token("bsa_chosen"), &ann] {
        given.push(known.sign_in("ann", PASSWORD).await);
        assert_ne!(given.last().map(String::as_str), Some(known.token()), "a token of one's own");
    }

    let after = visitor.get("/users/me").await.status.as_u16();
    assert!([401, 403].contains(&after), "{after}");
    assert_eq!(bob.me().await["username"], "bob");
    app.with_token("bsa_chosen").get("/users/me").await.assert_status(401);
    given.sort();
    given.dedup();
    assert_eq!(given.len(), 4, "each sign-in has a token of its own");
}

#[botserver_test]
async fn a_challenge_is_worth_nothing_once_it_is_answered(app: App) {
    let (_, authenticator, codes) = with_factor(&app, "ann").await;
    let token = challenge(&app, "ann").await;
    let bearer = app.with_token(&text(&token));
    bearer.get("/users/me").await.assert_status(401);

    let signed_in = answer(&app, &token, &authenticator.code(0)).await.assert_ok().data();

    assert_ne!(signed_in["access_token"], token);
    bearer.get("/users/me").await.assert_status(401);
    answer(&app, &token, &codes[0]).await.assert_error(401, "UNAUTHORIZED", "token_invalid");
}
