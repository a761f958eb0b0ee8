//! How a Valkey is found, lost and found again.

use test_servers::{RedisServer, shared_redis};

use super::*;

pub(crate) fn settings(url: impl Into<String>, prefix: &str) -> Settings {
    Settings {
        url: Some(Secret::new(url)),
        prefix: prefix.to_owned(),
        // A test's machine may be busy with others; what is claimed of time is claimed where it matters.
        timeout_milliseconds: NonZeroU32::new(2000).unwrap(),
    }
}

async fn connect(url: impl Into<String>) -> Result<Cache, CacheError> {
    Cache::connect(&settings(url, "test")).await.map(Option::unwrap)
}

#[tokio::test]
async fn without_an_address_there_is_no_cache() {
    assert!(Cache::connect(&Settings::default()).await.unwrap().is_none());
}

#[tokio::test]
async fn an_address_that_can_t_be_read_stops_the_start_and_is_not_shown() {
    for url in ["http://:hidden@localhost", "redis://:hidden@localhost:port", "redis://:hidden@localhost/x"] {
        let error = connect(url).await.err().unwrap();

        assert!(matches!(error, CacheError::Address(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_stops_the_start() {
    let server = RedisServer::with_password("right-password");
    let wrong = server.url().replace("right-password", "wrong-password");
    let none = server.url().replace(":right-password@", "");

    for url in [wrong, none] {
        let error = connect(url).await.err().unwrap();
        assert!(matches!(error, CacheError::Refused(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("wrong-password"), "{error:?}");
    }
    assert!(connect(server.url()).await.unwrap().ping().await);
}

#[tokio::test]
async fn one_that_does_not_answer_is_found_when_it_does() {
    let mut server = RedisServer::start();
    server.kill();

    let cache = connect(server.url()).await.unwrap();

    assert!(!cache.is_connected());
    assert!(!cache.ping().await);
    server.restart();
    cache.connected().await;
    assert!(cache.ping().await);
}

#[tokio::test]
async fn one_that_is_lost_is_noticed_by_whoever_asks_and_found_again() {
    let mut server = RedisServer::start();
    let cache = connect(server.url()).await.unwrap();

    server.kill();
    assert!(!cache.ping().await);
    assert!(!cache.is_connected());

    server.restart();
    cache.connected().await;
    assert!(cache.ping().await);
}

#[tokio::test]
async fn one_that_hangs_costs_one_deadline_and_not_one_a_request() {
    let server = RedisServer::start();
    let mut settings = settings(server.url(), "test");
    settings.timeout_milliseconds = NonZeroU32::new(300).unwrap();
    let cache = Cache::connect(&settings).await.unwrap().unwrap();
    server.pause();

    let begun = Instant::now();
    for _ in 0..100 {
        assert!(!cache.ping().await);
    }
    let took = begun.elapsed();
    server.resume();

    // Not a hundred times 300 ms.
    assert!(took < Duration::from_secs(5), "{took:?}");
    cache.connected().await;
}

#[tokio::test]
async fn the_shared_one_answers() {
    assert!(connect(shared_redis()).await.unwrap().ping().await, "start Redis: scripts/services does");
}
