//! A server on distributed engines: what it says of them, and what becomes of its users when they go and come back.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use botserver::{
    Config,
    server::{House, Opened},
};
use http::Method;
use kernel::{Secret, Surroundings};
use test_servers::{RedisServer, S3Server, unique_prefix};

use crate::support::{App, Client, Value, json, run_with};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

fn on_cache(config: &mut Config, url: String) {
    config.cache.url = Some(Secret::new(url));
    config.cache.prefix = unique_prefix();
}

/// How a component is, as the health answer tells.
async fn component(app: &App, name: &str) -> Value {
    let answer = app.admin().get("/monitoring/health").await.json();
    let components = match answer["success"].as_bool() {
        Some(true) => &answer["data"]["components"],
        _ => &answer["error"]["details"]["components"],
    };
    let found = components.as_array().and_then(|all| all.iter().find(|one| one["name"] == name));
    found.map_or(Value::Null, |found| found["status"].clone())
}

/// Asks until it is so.
async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        tokio::task::yield_now().await;
    }
}

#[test]
fn losing_the_cache_degrades_the_server_and_stops_nobody() {
    let mut redis = RedisServer::start();
    let url = redis.url();
    run_with(
        |config| {
            on_cache(config, url);
            config.rate_limit.authenticated = 1000;
        },
        |app| async move {
            let ann = app.user("ann").await;
            let left = async || -> u64 {
                let answer = ann.get("/users/me").await.assert_ok();
                answer.header("x-ratelimit-remaining").parse().expect("a number")
            };
            until("the cache is healthy", async || component(&app, "cache").await == "healthy").await;
            let before = left().await;

            redis.kill();
            assert_eq!(left().await, before - 1, "counting goes on from what was known");
            until("the cache is degraded", async || component(&app, "cache").await == "degraded").await;
            let ready =
                Client::send(app.anonymous().at(Method::GET, "/api/v1/monitoring/health/ready")).await;
            ready.assert_ok();
            assert_eq!(left().await, before - 2);

            redis.restart();
            until("the cache is healthy again", async || component(&app, "cache").await == "healthy").await;
            assert_eq!(left().await, before - 3, "its return gives nobody a fresh allowance");
        },
    );
}

#[test]
fn packages_live_in_the_bucket_and_a_server_without_its_store_is_not_ready() {
    let mut s3 = S3Server::start();
    let (url, bucket) = (s3.url("files"), s3.bucket());
    run_with(
        |config| config.objects.url = Some(Secret::new(url)),
        |app| async move {
            let ready = async || {
                Client::send(app.anonymous().at(Method::GET, "/api/v1/monitoring/health/ready")).await
            };
            let bot = app.bot("Echo", "DO\nHEAR x\nTALK x\nLOOP").await;
            let id = bot["bot_id"].as_str().expect("an id");
            let (script, other) = (format!("/bots/{id}/scripts/start"), format!("/bots/{id}/scripts/other"));
            let package = app.admin().get(&script).await.assert_ok();
            assert!(package.body.contains("HEAR x"));
            assert!(
                bucket.join("files").read_dir().expect("objects").count() > 1,
                "objects are in the bucket"
            );
            assert_eq!(component(&app, "storage").await, "healthy");
            ready().await.assert_ok();

            s3.kill();
            until("the storage is unhealthy", async || component(&app, "storage").await == "unhealthy").await;
            ready().await.assert_error(503, "SERVICE_UNAVAILABLE", "");
            let refused = app.admin().put(&other, json!({ "source": "TALK 1" })).await;
            refused.assert_error(503, "SERVICE_UNAVAILABLE", "");

            s3.restart();
            until("the server is ready again", async || ready().await.status == 200).await;
            assert_eq!(app.admin().get(&script).await.assert_ok().data(), package.data());
            let saved = app.admin().put(&other, json!({ "source": "TALK 1" })).await;
            assert!(saved.status.is_success(), "{}", saved.body);
        },
    );
}

#[tokio::test]
async fn a_store_or_a_cache_that_refuses_the_server_stops_the_start_with_a_plain_sentence() {
    let (s3, redis) = (S3Server::start(), RedisServer::with_password("right-password"));
    let start = async |change: &dyn Fn(&mut Config)| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut config = Config { data: folder.path().to_owned(), ..Config::default() };
        change(&mut config);
        match House::open(&config, Surroundings::system()).await {
            Ok(Opened { .. }) => String::new(),
            Err(error) => format!("{error:#}"),
        }
    };

    let wrong_secret = s3.url_with("wrong-secret", S3Server::BUCKET, "");
    let store = start(&|config| config.objects.url = Some(Secret::new(wrong_secret.clone()))).await;
    let wrong_password = redis.url().replace("right-password", "wrong-password");
    let cache = start(&|config| config.cache.url = Some(Secret::new(wrong_password.clone()))).await;
    let no_address = start(&|config| config.cache.url = Some(Secret::new("localhost:6379"))).await;

    assert!(
        store.contains("the object store refuses the access key or its secret for the bucket objects"),
        "{store}"
    );
    assert!(cache.contains("the cache refuses the user or the password of cache.url"), "{cache}");
    assert!(no_address.contains("cache.url can't be read"), "{no_address}");
    for said in [store, cache, no_address] {
        assert!(!said.contains("wrong-secret") && !said.contains("wrong-password"), "{said}");
    }
}
