//! What holds for every operation.

use std::time::Duration;

use http::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{App, Client, botserver_test, json};

#[botserver_test]
async fn an_unknown_address_is_404_in_the_envelope(app: App) {
    app.admin().get("/no-such-thing").await.assert_error(404, "NOT_FOUND", "");
    Client::send(app.anonymous().at(Method::GET, "/nowhere")).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn a_wrong_method_is_405_and_names_those_allowed(app: App) {
    let answer = app.admin().delete("/users").await;

    assert_eq!(answer.header("allow"), "GET,HEAD,POST");
    answer.assert_error(405, "METHOD_NOT_ALLOWED", "");
}

#[botserver_test]
async fn an_address_without_a_version_reaches_the_same_handler(app: App) {
    let versioned = app.admin().at(Method::GET, "/api/v1/users/me");
    let plain = app.admin().at(Method::GET, "/api/users/me");

    let (versioned, plain) = (Client::send(versioned).await.data(), Client::send(plain).await.data());

    assert_eq!(versioned["user_id"], plain["user_id"]);
}

#[botserver_test]
async fn a_version_that_does_not_exist_is_not_the_first(app: App) {
    Client::send(app.admin().at(Method::GET, "/api/v2/users/me")).await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn malformed_json_is_400_and_unknown_fields_are_422(app: App) {
    let admin = app.admin();
    let raw = |body: &'static str| {
        admin.request(Method::POST, "/bots").header("content-type", "application/json").body(body)
    };

    Client::send(raw("{\"name\":")).await.assert_error(400, "BAD_REQUEST", "");
    Client::send(raw("{\"name\":\"a\"} trailing")).await.assert_error(400, "BAD_REQUEST", "");
    Client::send(raw("{\"name\":\"a\",\"colour\":\"red\"}")).await.assert_fields(&["colour"]);
    Client::send(raw("{\"name\":7}")).await.assert_fields(&["name"]);
    Client::send(raw("{}")).await.assert_fields(&["name"]);
    assert_eq!(admin.get("/bots").await.data()["total"], 0, "a refused request changes nothing");
}

#[botserver_test]
async fn a_body_that_is_no_json_is_415(app: App) {
    let request = app.admin().request(Method::POST, "/bots").header("content-type", "text/plain").body("x");

    Client::send(request).await.assert_error(415, "UNSUPPORTED_MEDIA_TYPE", "");
}

#[botserver_test]
async fn a_body_past_the_limit_is_413(app: App) {
    let answer = app.admin().post("/bots", json!({ "name": "x".repeat(2 << 20) })).await;

    answer.assert_error(413, "PAYLOAD_TOO_LARGE", "");
}

#[botserver_test]
async fn a_request_id_is_taken_if_it_is_plain_and_made_otherwise(app: App) {
    let with_id = |id: &'static str| app.anonymous().at(Method::GET, "/health").header("x-request-id", id);

    assert_eq!(Client::send(with_id("abc-123")).await.header("x-request-id"), "abc-123");
    let made = Client::send(with_id("not plain")).await;
    assert!(made.header("x-request-id").starts_with("req_"), "{:?}", made.headers);
}

#[botserver_test]
async fn every_answer_carries_the_security_headers(app: App) {
    for path in ["/health", "/api/v1/users/me", "/nowhere", "/api/openapi.json"] {
        let answer = Client::send(app.anonymous().at(Method::GET, path)).await;

        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        assert!(answer.header("content-security-policy").contains("default-src 'none'"), "{path}");
        assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[botserver_test]
async fn no_credentials_are_401_with_a_challenge(app: App) {
    let answer = app.anonymous().get("/users/me").await;

    assert_eq!(answer.header("www-authenticate"), "Bearer");
    answer.assert_error(401, "UNAUTHORIZED", "credentials_missing");
}

#[botserver_test]
async fn a_missing_permission_is_403_and_named(app: App) {
    let guest = app.user_with_role("gus", "guest").await;

    let error = guest.get("/users").await.assert_error(403, "FORBIDDEN", "");

    assert_eq!(error["details"]["permission"], "users:read");
}

#[botserver_test]
async fn list_parameters_are_refused_all_at_once(app: App) {
    let answer = app.admin().get("/users?limit=0&sort=shoe_size&filter[color]=red&order=up").await;

    answer.assert_fields(&["filter[color]", "limit", "order", "sort"]);
}

#[test]
fn anonymous_calls_are_limited_by_address_and_the_headers_tell() {
    crate::support::run_with(
        |config| config.rate_limit.anonymous = 3,
        |app| async move {
            // Signing in as the administrator was the first.
            let first = app.anonymous().get("/users/me").await;
            assert_eq!(first.header("x-ratelimit-limit"), "3");
            assert_eq!(first.header("x-ratelimit-remaining"), "1");
            app.anonymous().get("/users/me").await.assert_error(401, "UNAUTHORIZED", "credentials_missing");

            let refused = app.anonymous().get("/users/me").await;

            assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds <= 3600));
            refused.assert_error(429, "RATE_LIMITED", "");
            Client::send(app.anonymous().at(Method::GET, "/health")).await.assert_ok();
            app.admin().get("/users/me").await.assert_ok();
        },
    );
}

#[test]
fn tokens_that_nobody_gave_out_count_against_their_address_wherever_they_are_shown() {
    crate::support::run_with(
        |config| config.rate_limit.anonymous = 3,
        |app| async move {
            // Signing in as the administrator was the first.
            let stranger = app.with_token("bsa_guessed");
            stranger.get("/users/me").await.assert_status(401);
            stranger.get("/no-such-thing").await.assert_error(404, "NOT_FOUND", "");

            stranger.get("/no-such-thing").await.assert_error(429, "RATE_LIMITED", "");
            stranger.get("/users/me").await.assert_error(429, "RATE_LIMITED", "");
            app.admin().get("/users/me").await.assert_ok();
        },
    );
}

#[test]
fn users_have_a_limit_of_their_own() {
    crate::support::run_with(
        |config| config.rate_limit.authenticated = 2,
        |app| async move {
            let (ann, bob) = (app.user("ann").await, app.user("bob").await);

            assert_eq!(ann.get("/users/me").await.header("x-ratelimit-remaining"), "1");
            ann.get("/users/me").await.assert_ok();
            ann.get("/users/me").await.assert_error(429, "RATE_LIMITED", "");
            bob.get("/users/me").await.assert_ok();
        },
    );
}

#[test]
fn a_client_that_never_finishes_its_request_is_let_go() {
    crate::support::run_with(
        |config| config.http.header_timeout_seconds = 1,
        |app| async move {
            let mut stream = TcpStream::connect(app.address()).await.expect("a connection");
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n").await.expect("half a request");

            let mut rest = Vec::new();
            let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;

            assert!(closed.is_ok(), "the connection stays open");
        },
    );
}

#[botserver_test]
async fn requests_under_way_finish_when_the_server_stops(app: App) {
    let (ann, address) = (app.user("ann").await, app.address());
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let body = "{\"everywhere\":false}";
    let head = format!(
        "POST /api/v1/auth/logout HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\n\r\n",
        ann.token(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.expect("a head");
    // The server asks for the body only when the handler reads it: from here on the request is under way.
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.expect("100 Continue");

    let stopping = tokio::spawn(app.stop());
    stream.write_all(body.as_bytes()).await.expect("a body");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");

    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    stopping.await.expect("the server stops");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
}
