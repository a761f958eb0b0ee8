//! What every answer carries, and what is taken over from a request.

use http::Method;

use crate::support::{App, Client, Stand, Wire, botserver_test, json, run_test, run_with};

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

#[test]
fn no_request_writes_into_the_head_of_an_answer() {
    run_with(
        |config| config.http.cors_origins = vec!["https://app.example.com".to_owned()],
        |app| async move {
            let hostile = ["a\tb", "a b", "a\"b", "a%0d%0ax: y", "<script>", "ä", &"x".repeat(129)];
            for id in hostile {
                let mut wire = Wire::open(app.address()).await;
                wire.send(format!("GET /nowhere HTTP/1.1\r\nhost: x\r\nx-request-id: {id}\r\n\r\n")).await;

                let answer = wire.answer().await.expect("an answer");

                let made = answer.header("x-request-id").expect("an id").to_owned();
                assert!(made.starts_with("req_"), "{id}: {made}");
                assert_eq!(answer.json()["error"]["details"]["request_id"], made);
            }
            // A bare carriage return can't stand in a head at all.
            let mut wire = Wire::open(app.address()).await;
            wire.send("GET /nowhere HTTP/1.1\r\nhost: x\r\nx-request-id: a\rset-cookie: b\r\n\r\n").await;
            let answer = wire.answer().await;
            assert!(answer.is_none_or(|answer| answer.status == 400 && !answer.head.contains("set-cookie")));
            // Nor does an escaped one get into what is said of an address.
            for path in ["/api/docs%0d%0aset-cookie:%20a=b", "/api/users%0d%0aset-cookie:%20a=b?x=%0d%0ay:z"]
            {
                let answer = Client::send(app.admin().at(Method::GET, path)).await;
                assert!(answer.headers.get("set-cookie").is_none() && answer.headers.get("y").is_none());
            }
        },
    );
}

#[botserver_test]
async fn names_do_not_write_into_the_head_of_an_answer(app: App) {
    let name = "a\"; filename=\"evil.exe\r\nset-cookie: a=b";
    let refused = app.admin().post("/bots", json!({ "name": name })).await;
    let bot = if refused.status == 201 {
        refused
    } else {
        app.admin().post("/bots", json!({ "name": "a\"; filename=\"evil.exe" })).await
    };
    let (location, bot) = (bot.header("location").to_owned(), bot.assert_status(201).data());
    assert!(location.bytes().all(|b| b.is_ascii_graphic() && b != b'"'), "{location}");
    let path = format!("/bots/{}/package", bot["bot_id"].as_str().expect("an id"));
    app.admin().put_zip(&path, crate::support::package("TALK \"x\"")).await.assert_ok();

    let export = app.admin().request(Method::GET, &format!("{path}/export")).send().await.expect("an answer");

    let disposition = export.headers().get("content-disposition").map(|value| value.to_str().expect("text"));
    assert!(disposition.is_none_or(|text| !text.contains("evil.exe\"")), "{disposition:?}");
    assert!(export.headers().get("set-cookie").is_none());
}

#[test]
fn heads_that_are_too_large_are_431() {
    run_test(async {
        let stand = Stand::start().await;
        let ask = async |fields: String| {
            let mut wire = Wire::open(stand.address).await;
            wire.send(format!("GET /nowhere HTTP/1.1\r\nhost: x\r\n{fields}\r\n")).await;
            wire.answer().await
        };

        let large = ask(format!("x-a: {}\r\n", "a".repeat(20_000))).await.expect("an answer");
        assert_eq!((large.status, &large.json()["error"]["code"]), (431, &json!("HEADERS_TOO_LARGE")));
        let huge = ask(format!("x-a: {}\r\n", "a".repeat(200_000))).await;
        assert!(huge.is_none_or(|answer| answer.status == 431));
        let many = ask((0..200).fold(String::new(), |all, number| format!("{all}x-{number}: a\r\n"))).await;
        assert!(many.is_none_or(|answer| answer.status == 431));
        assert_eq!(ask(format!("x-a: {}\r\n", "a".repeat(10_000))).await.expect("an answer").status, 404);
    });
}

#[test]
fn a_failure_tells_nothing_of_the_inside() {
    run_test(async {
        let stand = Stand::start().await;
        for path in ["/panics", "/fails"] {
            let answer = reqwest::get(stand.url(path)).await.expect("an answer");

            assert_eq!(answer.status(), 500, "{path}");
            let text = answer.text().await.expect("a body");
            let json: serde_json::Value = serde_json::from_str(&text).expect("the envelope");
            assert_eq!(json["error"]["code"], "SERVER_ERROR");
            assert!(!text.contains("secret") && !text.contains("SELECT") && !text.contains(".rs"), "{text}");
        }
        assert_eq!(reqwest::get(stand.url("/large?bytes=9")).await.expect("an answer").status(), 200);
    });
}

#[test]
fn only_a_trusted_proxy_says_who_asks_and_how() {
    let asks = |app: &App, forwarded: &'static str, proto: &'static str| {
        let request = app.anonymous().at(Method::GET, "/api/users/me");
        Client::send(request.header("x-forwarded-for", forwarded).header("x-forwarded-proto", proto))
    };
    // Each address has one anonymous call an hour; signing in as the administrator took that of 127.0.0.1.
    run_with(
        |config| {
            config.rate_limit.anonymous = 1;
            config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        },
        |app| async move {
            let answer = asks(&app, "203.0.113.1", "https").await.assert_status(401);
            assert_eq!(answer.header("strict-transport-security"), "max-age=31536000");
            let answer = asks(&app, "203.0.113.1", "http").await.assert_status(429);
            assert_eq!(answer.header("strict-transport-security"), "");
            asks(&app, "203.0.113.2", "http").await.assert_status(401);
            // What the client wrote itself stands left of what the proxy saw.
            asks(&app, "198.51.100.9, 203.0.113.2", "http").await.assert_status(429);
        },
    );
    run_with(
        |config| config.rate_limit.anonymous = 2,
        |app| async move {
            let answer = asks(&app, "203.0.113.1", "https").await.assert_status(401);
            assert_eq!(answer.header("strict-transport-security"), "", "anybody may write that");
            asks(&app, "203.0.113.2", "https").await.assert_status(429);
        },
    );
}
