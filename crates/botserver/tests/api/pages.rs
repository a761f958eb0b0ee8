//! Pages that the server brings along.

use http::Method;

use crate::support::{Answer, App, Client, botserver_test, run_with};

async fn get(app: &App, path: &str) -> Answer {
    Client::send(app.anonymous().at(Method::GET, path)).await
}

/// What the page loads, by the addresses in it.
fn parts(page: &str) -> Vec<String> {
    let addresses = page.split('"').filter(|part| part.starts_with("/chat/"));
    addresses.map(str::to_owned).collect()
}

#[botserver_test]
async fn the_chat_page_comes_whole_from_the_server_and_may_load_nothing_else(app: App) {
    let page = get(&app, "/").await.assert_ok();
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");

    let parts = parts(&page.body);

    assert!(parts.len() > 15, "{parts:?}");
    for part in parts {
        let answer = get(&app, &part).await.assert_ok();
        let kind = match part.rsplit('.').next() {
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            other => panic!("a part of another kind: {other:?}"),
        };
        assert_eq!(answer.header("content-type"), kind, "{part}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{part}");
    }
    get(&app, "/chat/nothing.js").await.assert_error(404, "NOT_FOUND", "");
}

#[botserver_test]
async fn a_page_that_is_known_is_asked_for_and_not_sent_again(app: App) {
    for path in ["/", "/chat/main.js"] {
        let first = get(&app, path).await.assert_ok();
        assert_eq!(first.header("cache-control"), "no-cache", "{path}");

        let again = app.anonymous().at(Method::GET, path).header("if-none-match", first.header("etag"));
        let again = Client::send(again).await.assert_status(304);

        assert_eq!((again.body.as_str(), again.header("etag")), ("", first.header("etag")), "{path}");
    }
}

#[test]
fn pages_count_against_no_limit() {
    // Signing in as the administrator took the only call.
    run_with(
        |config| config.rate_limit.anonymous = 1,
        |app| async move {
            for path in ["/", "/?conversation=x", "/chat/main.js", "/chat/base.css"] {
                get(&app, path).await.assert_ok();
            }
            app.anonymous().get("/users/me").await.assert_status(429);
        },
    );
}
