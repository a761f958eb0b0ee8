//! Which addresses and methods there are, and what is said of those that there are not.

use http::Method;

use crate::support::{App, Client, Stand, Wire, botserver_test, run_test};

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
async fn a_wrong_method_is_no_secret(app: App) {
    app.anonymous().delete("/users").await.assert_error(405, "METHOD_NOT_ALLOWED", "");
}

#[botserver_test]
async fn options_tell_the_methods_of_an_address(app: App) {
    let ask = |path: &'static str| Client::send(app.anonymous().at(Method::OPTIONS, path));

    let answer = ask("/api/v1/users").await.assert_status(204);
    assert_eq!((answer.header("allow"), &*answer.body), ("GET,HEAD,POST,OPTIONS", ""));
    assert_eq!(ask("/health").await.assert_status(204).header("allow"), "GET,HEAD,OPTIONS");
    ask("/nowhere").await.assert_error(404, "NOT_FOUND", "");
}

#[test]
fn methods_that_mean_no_single_address_are_answered() {
    run_test(async {
        let stand = Stand::start().await;
        let ask = async |line: &str| {
            let mut wire = Wire::open(stand.address).await;
            wire.send(format!("{line} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
            wire.answer().await.expect("an answer")
        };

        assert_eq!(ask("OPTIONS *").await.status, 204);
        for line in ["TRACE /api/v1/stand/large", "CONNECT elsewhere.example:443", "BREW /api/v1/stand/large"]
        {
            let answer = ask(line).await;
            assert_eq!(
                (answer.status, answer.json()["error"]["code"].as_str()),
                (405, Some("METHOD_NOT_ALLOWED"))
            );
            assert!(answer.header("allow").is_some_and(|allow| allow.contains("GET")), "{line}: {answer:?}");
        }
    });
}

#[botserver_test]
async fn head_says_what_get_would_without_saying_it(app: App) {
    let get = app.admin().get("/users/me").await.assert_ok();

    let head = Client::send(app.admin().request(Method::HEAD, "/users/me")).await.assert_ok();

    assert_eq!((head.header("content-length"), &*head.body), (get.body.len().to_string().as_str(), ""));
    assert_eq!(head.header("content-type"), get.header("content-type"));
    let refused = Client::send(app.anonymous().request(Method::HEAD, "/users/me")).await.assert_status(401);
    assert_eq!(refused.header("www-authenticate"), "Bearer");
    Client::send(app.anonymous().at(Method::HEAD, "/nowhere")).await.assert_status(404);
}

#[test]
fn a_head_has_no_body_on_the_wire_either() {
    run_test(async {
        let stand = Stand::start().await;
        let mut wire = Wire::open(stand.address).await;
        for path in ["/nowhere", "/api/v1/stand/large?bytes=100", "/api/v1/stand/fails"] {
            wire.send(format!("HEAD {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
            assert!(wire.head().await.header("content-length").is_some(), "{path}");
        }
        // Were there bytes of a body, this would read them for a head.
        wire.send("GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert_eq!(wire.answer().await.expect("an answer").status, 404);
    });
}

#[botserver_test]
async fn who_takes_nothing_that_there_is_gets_406(app: App) {
    let ask = |accept: &'static str| {
        let request = app.admin().request(Method::GET, "/users/me").header("accept", accept);
        Client::send(request)
    };

    let error = ask("text/html").await.assert_error(406, "NOT_ACCEPTABLE", "");
    assert_eq!(error["details"]["available"][0], "application/json");
    ask("application/json;q=0, text/*").await.assert_error(406, "NOT_ACCEPTABLE", "");
    for good in ["*/*", "application/json", "text/html, application/*;q=0.5", "text/html,*/*;q=0.1"] {
        ask(good).await.assert_ok();
    }
}

#[botserver_test]
async fn what_cannot_be_accepted_changes_nothing(app: App) {
    let new = serde_json::json!({ "name": "Unwanted" });
    let request = app.admin().request(Method::POST, "/bots").json(&new).header("accept", "image/png");

    Client::send(request).await.assert_error(406, "NOT_ACCEPTABLE", "");

    assert_eq!(app.admin().get("/bots").await.data()["total"], 0);
}

#[botserver_test]
async fn an_address_that_is_too_long_is_414(app: App) {
    let path = format!("/users?search={}", "x".repeat(9000));

    let error = app.admin().get(&path).await.assert_error(414, "URI_TOO_LONG", "");

    assert_eq!(error["details"]["limit"], 8192);
}

#[test]
fn an_address_past_all_measure_is_refused_and_the_connection_closed() {
    run_test(async {
        let stand = Stand::start().await;
        let mut wire = Wire::open(stand.address).await;

        wire.send(format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(200_000))).await;

        let answer = wire.answer().await;
        assert!(answer.is_none_or(|answer| matches!(answer.status, 414 | 431)));
        wire.closed().await;
    });
}

#[botserver_test]
async fn an_id_with_a_nul_character_names_nothing(app: App) {
    for path in ["/users/a%00b", "/bots/a%00b", "/bots/%00/scripts", "/conversations/%00/messages"] {
        app.admin().get(path).await.assert_error(404, "NOT_FOUND", "");
    }
    app.admin().get("/bots/%ff").await.assert_error(404, "NOT_FOUND", "");
}
