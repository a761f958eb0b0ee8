//! Windows and keys, within a process.

use super::*;

const MINUTE: Duration = Duration::from_mins(1);

fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

#[tokio::test]
async fn hits_add_up_within_a_window_and_start_again_in_the_next() {
    let counters = Counters::default();
    let key = CounterKey::text("login", "ann");

    assert_eq!(counters.hit(key.clone(), MINUTE, at(61)).await.count, 1);
    let second = counters.hit(key.clone(), MINUTE, at(119)).await;
    assert_eq!((second.count, second.resets_at), (2, at(120)));
    assert_eq!(counters.peek(&key, MINUTE, at(119)).await.count, 2);
    assert_eq!(counters.hit(key.clone(), MINUTE, at(120)).await.count, 1);
    counters.clear(&key, MINUTE, at(120)).await;
    assert_eq!(counters.peek(&key, MINUTE, at(120)).await.count, 0);
}

#[test]
fn the_addresses_of_one_ipv6_network_count_together() {
    let key = |text: &str| CounterKey::address("x", text.parse().unwrap());

    assert_eq!(key("2001:db8::1"), key("2001:db8::ffff"));
    assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
    assert_eq!(key("::ffff:10.0.0.1"), key("10.0.0.1"));
}

#[test]
fn different_keys_have_different_names_in_valkey() {
    let id: Id<kernel::id::kind::User> = kernel::Surroundings::system().id();
    let keys = [
        CounterKey::id("x", id),
        CounterKey::text("x", &uuid::Uuid::from_bytes(*id.as_bytes()).simple().to_string()),
        CounterKey::text("x", "10.0.0.1"),
        CounterKey::address("x", "10.0.0.1".parse().unwrap()),
        CounterKey::address("y", "10.0.0.1".parse().unwrap()),
    ];

    let names: std::collections::HashSet<_> = keys.iter().map(|key| shared_name("p", key, 1)).collect();

    assert_eq!(names.len(), keys.len());
    assert_eq!(shared_name("p", &keys[3], 7), "p:count:x:a:10.0.0.1:7");
}

mod shared {
    //! Counters of two nodes over one Valkey, its loss and return.

    use futures_util::future::join_all;
    use test_servers::{RedisServer, shared_redis, unique_prefix};

    use super::*;
    use crate::cache::tests::settings;

    async fn node(url: &str, prefix: &str) -> Counters {
        Counters::new(cache::Cache::connect(&settings(url, prefix)).await.unwrap())
    }

    fn cache_of(counters: &Counters) -> &cache::Cache {
        counters.shared.as_ref().unwrap()
    }

    /// A time in the middle of a window that lasts longer than a test.
    fn now() -> Timestamp {
        at(1_000_000_030)
    }

    #[tokio::test]
    async fn two_nodes_count_together() {
        let (url, prefix) = (shared_redis(), unique_prefix());
        let (a, b) = (node(&url, &prefix).await, node(&url, &prefix).await);
        let key = CounterKey::text("login", "ann");

        assert_eq!(a.hit(key.clone(), MINUTE, now()).await.count, 1);
        assert_eq!(b.hit(key.clone(), MINUTE, now()).await.count, 2);
        assert_eq!(a.hit(key.clone(), MINUTE, now()).await, Count { count: 3, resets_at: at(1_000_000_080) });
        assert_eq!(b.peek(&key, MINUTE, now()).await.count, 3);
        a.clear(&key, MINUTE, now()).await;
        assert_eq!(b.peek(&key, MINUTE, now()).await.count, 0);
        assert_eq!(
            b.hit(key.clone(), MINUTE, now()).await.count,
            1,
            "what another cleared is not remembered"
        );
        assert_eq!(a.hit(key.clone(), MINUTE, at(1_000_000_080)).await.count, 1, "a new window");
        a.clear(&key, MINUTE, now()).await;
        a.clear(&key, MINUTE, at(1_000_000_080)).await;
    }

    #[tokio::test]
    async fn no_hit_is_lost_or_counted_twice_however_many_come_at_once() {
        let (url, prefix) = (shared_redis(), unique_prefix());
        let nodes = [node(&url, &prefix).await, node(&url, &prefix).await];
        let key = CounterKey::text("x", "many");

        let hits = (0..200).map(|hit| nodes[hit % 2].hit(key.clone(), MINUTE, now()));
        let mut counts: Vec<u64> = join_all(hits).await.into_iter().map(|count| count.count).collect();

        counts.sort_unstable();
        assert_eq!(counts, (1..=200).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_counter_ends_by_itself() {
        let (url, prefix) = (shared_redis(), unique_prefix());
        let counters = node(&url, &prefix).await;
        let key = CounterKey::text("x", "ends");
        counters.hit(key.clone(), MINUTE, now()).await;
        let (number, _) = window_of(MINUTE, now());

        let mut ask = redis::pipe();
        ask.cmd("PTTL").arg(shared_name(&prefix, &key, number));
        let (left,): (i64,) = cache_of(&counters).ask(&ask).await.unwrap();

        assert!((1..=60_000).contains(&left), "{left}");
    }

    /// Whoever may stop the cache must not get a fresh allowance by it, and nobody waits for it.
    #[tokio::test(flavor = "multi_thread")]
    async fn while_the_cache_is_lost_a_node_goes_on_from_what_it_knew_and_tells_one_that_forgot() {
        let mut server = RedisServer::start();
        let (a, b) = (node(&server.url(), "p").await, node(&server.url(), "p").await);
        let key = CounterKey::text("x", "lost");
        for _ in 0..5 {
            a.hit(key.clone(), MINUTE, now()).await;
        }

        server.kill();
        assert_eq!(a.hit(key.clone(), MINUTE, now()).await.count, 6);
        assert_eq!(a.hit(key.clone(), MINUTE, now()).await.count, 7);
        assert_eq!(a.peek(&key, MINUTE, now()).await.count, 7);
        assert_eq!(b.hit(key.clone(), MINUTE, now()).await.count, 1, "each for itself");

        server.restart();
        cache_of(&a).connected().await;
        cache_of(&b).connected().await;
        assert_eq!(a.hit(key.clone(), MINUTE, now()).await.count, 8);
        assert_eq!(b.hit(key.clone(), MINUTE, now()).await.count, 9, "together again");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn under_load_every_hit_is_answered_while_the_cache_goes_and_comes() {
        let mut server = RedisServer::start();
        let counters = node(&server.url(), "p").await;
        let stop = tokio_util::sync::CancellationToken::new();
        let load: Vec<_> = (0..16)
            .map(|client| {
                let (counters, stop) = (counters.clone(), stop.clone());
                tokio::spawn(async move {
                    let key = CounterKey::text("load", &client.to_string());
                    let (mut last, mut slowest) = (0, Duration::ZERO);
                    while !stop.is_cancelled() {
                        let begun = std::time::Instant::now();
                        let count = counters.hit(key.clone(), MINUTE, now()).await.count;
                        slowest = slowest.max(begun.elapsed());
                        assert!(count > last, "{count} after {last}: a loss gave a fresh allowance");
                        last = count;
                        tokio::task::yield_now().await;
                    }
                    slowest
                })
            })
            .collect();

        for _ in 0..5 {
            server.kill();
            while cache_of(&counters).is_connected() {
                tokio::task::yield_now().await;
            }
            server.restart();
            cache_of(&counters).connected().await;
        }
        stop.cancel();

        for slowest in join_all(load).await {
            // No longer than the patience of the settings, with room for a busy machine.
            assert!(slowest.unwrap() < Duration::from_secs(4));
        }
    }
}
