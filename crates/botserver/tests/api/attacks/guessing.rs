//! Guessing passwords, codes and names.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use identity::settings::Within;

use crate::{
    support::{Answer, App, PASSWORD, Value, botserver_test, each_database, json, run_with},
    two_factor::{answer, challenge, with_factor},
};

/// How long each attempt waits once a name was guessed often.
const WAIT: Duration = Duration::from_millis(100);

/// Tries to sign in from that address, as a proxy tells it.
async fn from(app: &App, address: &str, name: &str, password: &str) -> Answer {
    let login = json!({ "username": name, "password": password });
    app.anonymous().with("x-forwarded-for", address).post("/auth/login", login).await
}

#[each_database]
fn guesses_from_many_addresses_are_slowed_down_and_lock_nobody_out() {
    let configure = |config: &mut botserver::Config| {
        config.http.trusted_proxies = vec!["127.0.0.0/8".parse().expect("a network")];
        config.identity.lockout.slow_after = 8;
        config.identity.lockout.slow_step_milliseconds = 1000;
        config.identity.lockout.slow_max_milliseconds = Within::new(WAIT.as_millis() as u32);
    };
    run_with(configure, |app| async move {
        app.user("ann").await;
        for name in ["ann", "nobody"] {
            // More than lock a name, were they from one address.
            for address in 1..=10 {
                let begun = Instant::now();
                let guessed = from(&app, &format!("203.0.113.{address}"), name, "wrong").await;
                guessed.assert_error(401, "UNAUTHORIZED", "invalid_credentials");
                assert!(address < 10 || begun.elapsed() >= WAIT, "{name} is guessed at full speed");
            }
        }

        let begun = Instant::now();
        from(&app, "203.0.113.200", "ann", PASSWORD).await.assert_ok();

        assert!(begun.elapsed() >= WAIT, "the right password waits like the others");
    });
}

#[botserver_test(balanced)]
async fn of_many_codes_at_once_five_are_looked_at(app: App) {
    let (_, authenticator, _) = with_factor(&app, "ann").await;
    let token = challenge(&app, "ann").await;
    let right = [-1, 0, 1].map(|steps| authenticator.code(steps));
    let wrong = (0..).map(|number| format!("{number:06}")).filter(|code| !right.contains(code));
    let wrong: Vec<_> = wrong.take(24).collect();

    let answers = join_all(wrong.iter().map(|code| answer(&app, &token, code))).await;

    let reason = |answer: &Answer| answer.json()["error"]["details"]["reason"].clone();
    let looked_at = answers.iter().filter(|answer| reason(answer) == "invalid_code").count();
    assert!((1..=5).contains(&looked_at), "{looked_at} were looked at");
    assert!(answers.iter().all(|answer| matches!(answer.status.as_u16(), 401 | 423)));
    let late = answer(&app, &token, &authenticator.code(0)).await;
    assert!(matches!(late.status.as_u16(), 401 | 423), "{}", late.body);
}

#[botserver_test]
async fn codes_beside_the_password_lock_the_name_as_well(app: App) {
    let (_, authenticator, _) = with_factor(&app, "ann").await;
    let login = async |code: &str| {
        let login = json!({ "username": "ann", "password": PASSWORD, "two_factor_code": code });
        app.anonymous().post("/auth/login", login).await
    };

    for _ in 0..5 {
        // Knowing the password forgives nothing as long as the sign-in isn't complete.
        let asked = json!({ "username": "ann", "password": PASSWORD });
        app.anonymous().post("/auth/login", asked).await.assert_ok();
        login("000000").await.assert_error(401, "UNAUTHORIZED", "invalid_code");
    }

    login(&authenticator.code(0)).await.assert_error(423, "LOCKED", "account_locked");
}

/// All that somebody who can't see inside is told: status, headers and body, but for what is of this request alone.
fn told(answer: &Answer) -> (u16, BTreeMap<String, String>, Value) {
    let of_request = ["x-request-id", "date"];
    let headers = answer.headers.iter().filter(|(name, _)| !of_request.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.to_string(), format!("{value:?}"))).collect();
    let mut body = answer.json();
    body["error"]["details"]["request_id"] = Value::Null;
    (answer.status.as_u16(), headers, body)
}

#[botserver_test]
async fn names_that_exist_and_names_that_do_not_are_answered_alike(app: App) {
    app.user("ann").await;
    with_factor(&app, "bob").await;
    let invited = json!({ "username": "cid", "email": "cid@example.com" });
    app.admin().post("/users", invited).await.assert_status(201);
    let dee = app.user("dee").await.me().await;
    let dee = format!("/users/{}", dee["user_id"].as_str().expect("an id"));
    app.admin().patch(dee, json!({ "status": "suspended" })).await.assert_ok();
    let too_long = "x".repeat(5000);
    for password in ["wrong", &too_long] {
        let attempt = async |name: &str, code: Option<&str>| {
            let by = if name.contains('@') { "email" } else { "username" };
            let login = json!({ by: name, "password": password, "two_factor_code": code });
            app.anonymous().post("/auth/login", login).await
        };
        let of_nobody = attempt("nobody", None).await;
        assert_eq!(of_nobody.status, 401);
        for name in ["ann", "bob", "cid", "dee", "ann@example.com", "nobody@example.com"] {
            for code in [None, Some("000000")] {
                assert_eq!(told(&attempt(name, code).await), told(&of_nobody), "{name} {code:?}");
            }
        }
    }
}
