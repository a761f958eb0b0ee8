//! Web pages of other origins.

use http::Method;

use crate::support::{Answer, App, Client, run_with};

const PAGE: &str = "https://app.example.com";

fn with_page(claim: impl AsyncFnOnce(App)) {
    run_with(|config| config.http.cors_origins = vec![PAGE.to_owned()], |app| claim(app));
}

async fn preflight(app: &App, origin: &str) -> Answer {
    let request = app.anonymous().at(Method::OPTIONS, "/api/v1/users/me").header("origin", origin);
    let request = request.header("access-control-request-method", "PATCH");
    Client::send(request.header("access-control-request-headers", "authorization, content-type")).await
}

fn listed<'a>(answer: &'a Answer, header: &str) -> Vec<&'a str> {
    answer.header(header).split(',').map(str::trim).collect()
}

#[test]
fn a_page_of_a_configured_origin_may_call() {
    with_page(async |app| {
        let asked = preflight(&app, PAGE).await.assert_status(204);
        assert_eq!(asked.header("access-control-allow-origin"), PAGE);
        assert_eq!(asked.header("access-control-allow-credentials"), "true");
        assert!(listed(&asked, "access-control-allow-methods").contains(&"PATCH"));
        let headers = listed(&asked, "access-control-allow-headers");
        for header in ["authorization", "content-type", "if-match", "idempotency-key", "x-request-id"] {
            assert!(headers.contains(&header), "{header}");
        }
        assert!(listed(&asked, "vary").contains(&"Origin"));

        let answer = app.admin().request(Method::GET, "/users/me").header("origin", PAGE);
        let answer = Client::send(answer).await.assert_ok();
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        let exposed = listed(&answer, "access-control-expose-headers");
        for header in ["etag", "location", "retry-after", "x-ratelimit-remaining", "x-request-id"] {
            assert!(exposed.contains(&header), "{header}");
        }
    });
}

#[test]
fn a_page_sees_why_it_was_refused() {
    with_page(async |app| {
        for request in
            [app.anonymous().request(Method::GET, "/users/me"), app.admin().request(Method::GET, "/nowhere")]
        {
            let answer = Client::send(request.header("origin", PAGE)).await;

            assert!(answer.status.is_client_error());
            assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        }
    });
}

#[test]
fn other_pages_are_told_nothing() {
    with_page(async |app| {
        let others = [
            "https://evil.example",
            "http://app.example.com",
            "https://app.example.com.evil.example",
            "https://app.example.com:8443",
            "https://APP.example.com",
            "null",
            "",
        ];
        for origin in others {
            let asked = preflight(&app, origin).await.assert_status(204);
            let answer =
                Client::send(app.admin().request(Method::GET, "/users/me").header("origin", origin)).await;

            for answer in [asked, answer.assert_ok()] {
                let told = answer.headers.keys().any(|name| name.as_str().starts_with("access-control-"));
                assert!(!told, "{origin:?}: {:?}", answer.headers);
            }
        }
        let without = app.admin().get("/users/me").await;
        assert_eq!(without.header("vary"), "Origin", "a cache must not give one page's answer to another");
    });
}

#[test]
fn asking_whether_one_may_call_costs_nothing() {
    run_with(
        |config| {
            config.http.cors_origins = vec![PAGE.to_owned()];
            config.rate_limit.anonymous = 1;
        },
        |app| async move {
            for _ in 0..3 {
                preflight(&app, PAGE).await.assert_status(204);
            }
        },
    );
}

#[test]
fn any_page_may_call_without_cookies_where_that_is_configured() {
    run_with(
        |config| config.http.cors_origins = vec!["*".to_owned()],
        |app| async move {
            let asked = preflight(&app, "https://anybody.example").await;

            assert_eq!(asked.header("access-control-allow-origin"), "*");
            assert_eq!(asked.header("access-control-allow-credentials"), "");
        },
    );
}

#[test]
fn nobody_may_call_from_a_page_unless_configured() {
    run_with(
        |_| {},
        |app| async move {
            let answer = app.admin().request(Method::GET, "/users/me").header("origin", PAGE);

            assert_eq!(Client::send(answer).await.assert_ok().header("access-control-allow-origin"), "");
        },
    );
}
