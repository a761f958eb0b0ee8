//! Two nodes on one database: what happens on one is in force, counted and seen on the other.

use std::time::{Duration, Instant};

use botserver::Config;
use kernel::Secret;
use test_database::Engine;
use test_servers::{RedisServer, shared_redis, unique_prefix};

use crate::support::{App, Client, PASSWORD, Socket, Value, json, run_with};

/// How long a revocation may take to be heard.
const A_SECOND: Duration = Duration::from_secs(1);
/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);
const ECHO: &str = "DO\nHEAR x\nTALK x\nLOOP";

/// Over what the nodes hear each other.
#[derive(Clone, Copy)]
enum Way {
    Valkey,
    Postgres,
}

impl Way {
    fn configure(self, config: &mut Config) {
        // What a node that has gone would have done is found by looking.
        config.jobs.poll_seconds = 1;
        if matches!(self, Self::Valkey) {
            over_valkey(config, shared_redis());
        }
    }
}

fn over_valkey(config: &mut Config, url: String) {
    config.cache.url = Some(Secret::new(url));
    config.cache.prefix = unique_prefix();
}

/// Runs a claim on two nodes that hear each other.
fn on_two_nodes<F: Future<Output = ()>>(
    configure: impl FnOnce(&mut Config),
    claim: impl FnOnce(App, App) -> F,
) {
    Engine::Postgres.run(|| {
        run_with(configure, |a| async move {
            let b = a.another_node().await;
            for node in [&a, &b] {
                node.hears_others().await;
            }
            claim(a, b).await;
        });
    });
}

/// Each claim is tested over both ways.
macro_rules! over_both {
    ($($claim:ident,)*) => {
        mod over_valkey {
            $(#[test]
            fn $claim() {
                super::on_two_nodes(|config| super::Way::Valkey.configure(config), super::$claim);
            })*
        }
        mod over_postgres {
            $(#[test]
            fn $claim() {
                super::on_two_nodes(|config| super::Way::Postgres.configure(config), super::$claim);
            })*
        }
    };
}

over_both! {
    a_session_that_ends_on_one_node_is_worth_nothing_on_the_other_within_a_second,
    a_key_that_is_revoked_on_one_node_is_worth_nothing_on_the_other_within_a_second,
    tokens_that_another_took_the_place_of_are_worth_nothing_on_the_other_node_within_a_second,
    what_is_said_on_one_node_reaches_the_sockets_of_the_other_in_order_and_once,
    a_script_that_waits_goes_on_though_its_node_has_gone,
}

async fn a_session_that_ends_on_one_node_is_worth_nothing_on_the_other_within_a_second(a: App, b: App) {
    let ann = a.user("ann").await;
    let there = b.with_token(ann.token());
    let session = ann.get("/sessions/current").await.assert_ok().data();
    let mut socket = Socket::signed_in(&b, ann.token(), "").await;
    there.me().await;

    let path = format!("/sessions/{}", session["session_id"].as_str().expect("an id"));
    assert!(ann.delete(&path).await.status.is_success());

    is_refused_within_a_second(&there, "session_ended").await;
    assert_eq!(socket.closed().await, 4401);
}

/// Asks until it is refused for that reason. No call that began a second after what led to it was answered.
async fn is_refused_within_a_second(there: &Client, reason: &str) {
    let begun = Instant::now();
    let mut believed_until = Duration::ZERO;
    loop {
        let asked = begun.elapsed();
        assert!(asked < PATIENCE, "the other node never hears it");
        let answer = there.get("/users/me").await;
        if answer.status == 401 {
            answer.assert_error(401, "UNAUTHORIZED", reason);
            break;
        }
        believed_until = asked;
    }
    assert!(believed_until < A_SECOND, "{believed_until:?}");
}

async fn a_key_that_is_revoked_on_one_node_is_worth_nothing_on_the_other_within_a_second(a: App, b: App) {
    let ann = a.user("ann").await;
    let new = json!({ "name": "Program", "scopes": ["chat:read", "chat:write", "bots:use"] });
    let key = ann.post("/api-keys", new).await.assert_status(201).data();
    let there = b.with_token(key["api_key"].as_str().expect("a secret"));
    let mut socket = Socket::signed_in(&b, there.token(), "").await;
    there.me().await;

    let path = format!("/api-keys/{}", key["key_id"].as_str().expect("an id"));
    assert!(ann.delete(&path).await.status.is_success());

    is_refused_within_a_second(&there, "key_revoked").await;
    assert_eq!(socket.closed().await, 4401);
}

async fn tokens_that_another_took_the_place_of_are_worth_nothing_on_the_other_node_within_a_second(
    a: App,
    b: App,
) {
    let ann = a.user("ann").await;
    let login = json!({ "username": "ann", "password": PASSWORD });
    let tokens = a.anonymous().post("/auth/login", login).await.assert_ok().data();
    let there = b.with_token(tokens["access_token"].as_str().expect("a token"));
    there.me().await;

    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let renewed = a.anonymous().post("/auth/refresh", refresh.clone()).await.assert_ok().data();

    is_refused_within_a_second(&there, "token_invalid").await;
    let there = b.with_token(renewed["access_token"].as_str().expect("a token"));
    there.me().await;

    let change = json!({ "current_password": PASSWORD, "new_password": "Another-Horse-8-Battery" });
    ann.post("/users/me/password", change).await.assert_ok();

    is_refused_within_a_second(&there, "session_ended").await;
    let refresh = json!({ "refresh_token": renewed["refresh_token"] });
    b.anonymous().post("/auth/refresh", refresh).await.assert_status(401);
    b.with_token(ann.token()).me().await;
}

async fn what_is_said_on_one_node_reaches_the_sockets_of_the_other_in_order_and_once(a: App, b: App) {
    let bot = a.bot("Echo", ECHO).await;
    let ann = a.user("ann").await;
    let started = ann.converse(&bot).await;
    let mut here = Socket::signed_in(&a, ann.token(), &following(&started)).await;
    let mut there = Socket::signed_in(&b, ann.token(), &following(&started)).await;

    for i in 0..5 {
        // By turns on both nodes.
        let node = if i % 2 == 0 { &a } else { &b };
        node.with_token(ann.token()).say(&started, &format!("m{i}")).await;
    }

    for socket in [&mut here, &mut there] {
        hears(socket, &["m0", "m1", "m2", "m3", "m4"]).await;
    }
}

async fn a_script_that_waits_goes_on_though_its_node_has_gone(a: App, b: App) {
    let bot = a.bot("Patient", "SET BOT MEMORY \"n\", 1\nWAIT 1\nTALK GET BOT MEMORY(\"n\") + 1").await;
    let ann = a.user("ann").await;
    let started = b.with_token(ann.token()).converse(&bot).await;
    let mut here = Socket::signed_in(&a, ann.token(), &following(&started)).await;

    Box::pin(b.stop()).await;

    hears(&mut here, &["2"]).await;
}

fn following(conversation: &Value) -> String {
    format!("?conversation_id={}&since=0", conversation["conversation_id"].as_str().expect("an id"))
}

/// The bot says exactly this next.
async fn hears(socket: &mut Socket, expected: &[&str]) {
    for expected in expected {
        assert_eq!(socket.bot_says().await["content"], *expected);
    }
}

#[test]
fn what_was_said_while_the_bus_was_away_is_seen_when_it_is_back() {
    let mut redis = RedisServer::start();
    let url = redis.url();
    on_two_nodes(
        |config| over_valkey(config, url),
        |a, b| async move {
            let bot = a.bot("Echo", ECHO).await;
            let ann = a.user("ann").await;
            let started = ann.converse(&bot).await;
            let mut there = Socket::signed_in(&b, ann.token(), &following(&started)).await;
            ann.say(&started, "before").await;
            hears(&mut there, &["before"]).await;

            redis.kill();
            ann.say(&started, "meanwhile").await;
            redis.restart();

            hears(&mut there, &["meanwhile"]).await;
            a.hears_others().await;
            b.hears_others().await;
            ann.say(&started, "after").await;
            hears(&mut there, &["after"]).await;
        },
    );
}

#[test]
fn limits_count_together_over_valkey() {
    on_two_nodes(
        |config| {
            over_valkey(config, shared_redis());
            config.rate_limit.authenticated = 5;
        },
        |a, b| async move {
            let ann = a.user("ann").await;
            let (here, there) = (a.with_token(ann.token()), b.with_token(ann.token()));
            for left in [4, 3, 2, 1, 0] {
                let node = if left % 2 == 0 { &here } else { &there };
                let answer = node.get("/users/me").await.assert_ok();
                assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
            }
            for node in [&here, &there] {
                node.get("/users/me").await.assert_error(429, "RATE_LIMITED", "");
            }
            // Others are not concerned.
            assert_eq!(b.admin().get("/users/me").await.assert_ok().json()["success"], json!(true));
        },
    );
}
