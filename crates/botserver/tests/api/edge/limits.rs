//! How much anybody may ask.

use http::Method;

use crate::support::{Client, Stand, each_database, run_test};

#[each_database]
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

#[each_database]
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

#[each_database]
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

#[each_database]
fn whoever_is_refused_is_told_when_to_come_back() {
    crate::support::run_with(
        |config| config.rate_limit.authenticated = 1,
        |app| async move {
            let ann = app.user("ann").await;
            ann.get("/users/me").await.assert_ok();

            let refused = ann.get("/users/me").await;

            assert_eq!(
                (refused.header("x-ratelimit-limit"), refused.header("x-ratelimit-remaining")),
                ("1", "0")
            );
            let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
            let resets: i64 = refused.header("x-ratelimit-reset").parse().expect("a time");
            assert!((1..=3600).contains(&seconds) && resets > 1_700_000_000, "{:?}", refused.headers);
            refused.assert_error(429, "RATE_LIMITED", "");
        },
    );
}

#[test]
fn an_operation_may_have_a_limit_of_its_own() {
    run_test(async {
        let stand = Stand::start().await;
        for expected in [200, 200, 429] {
            let answer = reqwest::get(stand.url("/often")).await.expect("an answer");
            assert_eq!(answer.status(), expected);
            assert_eq!(answer.headers().contains_key("retry-after"), expected == 429);
        }
        assert_eq!(reqwest::get(stand.url("/large?bytes=9")).await.expect("an answer").status(), 200);
    });
}

#[each_database]
fn the_headers_tell_of_the_limit_that_is_met_first() {
    crate::support::run_with(
        |config| (config.rate_limit.authenticated, config.rate_limit.operations) = (1_000, true),
        |app| async move {
            let ann = app.user("ann").await;
            let told = async |path: &str| {
                let answer = ann.get(path).await;
                let header = |name| answer.header(name).parse::<i64>().expect("a number");
                (header("x-ratelimit-limit"), header("x-ratelimit-remaining"), header("x-ratelimit-reset"))
            };

            assert_eq!(told("/users/me").await.0, 1_000);
            let now = kernel::Surroundings::system().now().timestamp();
            let (limit, left, resets) = told("/conversations").await;
            assert_eq!((limit, left), (30, 29), "of the list, which may be asked for 30 times a minute");
            assert!((now..=now + 61).contains(&resets), "{resets}");
            for _ in 0..29 {
                ann.get("/conversations").await.assert_ok();
            }
            let refused = ann.get("/conversations").await;
            assert_eq!(
                (refused.header("x-ratelimit-limit"), refused.header("x-ratelimit-remaining")),
                ("30", "0")
            );
            refused.assert_error(429, "RATE_LIMITED", "");
            assert_eq!(told("/users/me").await.0, 1_000);
            let nobody = app.anonymous().post("/auth/anonymous", crate::support::json!({})).await;
            assert_eq!(nobody.header("x-ratelimit-limit"), "20", "of those who show no token, too");
        },
    );
}

#[each_database]
fn pages_and_health_and_the_contract_do_not_count() {
    crate::support::run_with(
        |config| config.rate_limit.anonymous = 1,
        |app| async move {
            // Signing in as the administrator took the one call.
            app.anonymous().get("/users/me").await.assert_error(429, "RATE_LIMITED", "");

            for path in ["/health", "/api/openapi.json", "/api/v1/openapi.json", "/api/docs/index.html"] {
                let answer = Client::send(app.anonymous().at(Method::GET, path)).await.assert_ok();
                assert_eq!(answer.header("x-ratelimit-limit"), "", "{path}");
            }
        },
    );
}

#[test]
fn an_address_that_guesses_much_has_no_more_tokens_looked_up() {
    run_test(async {
        let stand = Stand::limited(2).await;
        let http = reqwest::Client::new();
        for number in 0..50 {
            let guessed = http.get(stand.url("/secret")).bearer_auth(number).send().await.expect("an answer");
            assert_eq!(guessed.status().as_u16(), if number < 2 { 200 } else { 429 }, "{number}");
        }

        assert_eq!(stand.looked_up(), 20, "ten for each request without credentials");
        stand.stop().await;
    });
}

#[each_database]
fn what_is_not_there_counts_against_whoever_asks() {
    crate::support::run_with(
        |config| (config.rate_limit.anonymous, config.rate_limit.admin) = (1, 5_000),
        |app| async move {
            // Signing in as the administrator spent what the address may.
            let admin = app.admin();

            let nowhere = admin.get("/no-such-thing").await.assert_status(404);
            let wrong = admin.delete("/users").await.assert_status(405);

            for answer in [nowhere, wrong] {
                assert_eq!(answer.header("x-ratelimit-limit"), "5000");
            }
            app.anonymous().get("/no-such-thing").await.assert_status(429);
        },
    );
}
