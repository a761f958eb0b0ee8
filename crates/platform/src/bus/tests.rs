//! What is heard within a node.

use test_database::TestDatabase;

use super::*;

#[tokio::test]
async fn a_subscriber_hears_its_topic_and_no_other() {
    let bus = Bus::default();
    let mut subscription = bus.subscribe("a");

    bus.publish("b", Bytes::from_static(b"no"));
    bus.publish("a", Bytes::from_static(b"yes"));

    assert_eq!(subscription.next().await, Some(Heard::Hint(Bytes::from_static(b"yes"))));
}

#[tokio::test]
async fn a_slow_subscriber_is_told_that_it_missed_something() {
    let bus = Bus::default();
    let mut subscription = bus.subscribe("a");
    for _ in 0..WAITING + 3 {
        bus.publish("a", Bytes::new());
    }

    assert_eq!(subscription.next().await, Some(Heard::Missed));
}

#[test]
fn a_topic_without_subscribers_is_forgotten() {
    let bus = Bus::default();
    let (first, second) = (bus.subscribe("a"), bus.subscribe("a"));

    drop(first);
    assert_eq!(bus.topics.0.len(), 1);
    drop(second);
    assert!(bus.topics.0.is_empty());
}

#[test]
fn a_node_alone_is_always_coherent() {
    assert_eq!(Bus::default().coherence(), Some(Coherence::ALWAYS));
}

/// A way between the nodes of one test.
enum Way {
    Valkey(Settings),
    Postgres(TestDatabase),
}

impl Way {
    fn valkey() -> Self {
        let settings =
            crate::cache::tests::settings(test_servers::shared_redis(), &test_servers::unique_prefix());
        Self::Valkey(settings)
    }

    fn postgres() -> Self {
        Self::Postgres(TestDatabase::empty())
    }

    async fn node(&self) -> Bus {
        let world = Surroundings::system();
        let bus = match self {
            Self::Valkey(settings) => Bus::over_valkey(settings, &world).unwrap().unwrap(),
            Self::Postgres(database) => Bus::over_postgres(&DbOptions::new(database.url()), &world).unwrap(),
        };
        bus.connected().await;
        bus
    }
}

/// Topics of this test's own: nodes of others may be on the same way.
fn topic() -> String {
    format!("test.{}", Uuid::now_v7())
}

async fn heard(subscription: &mut Subscription) -> Heard {
    let heard = timeout(Duration::from_secs(20), subscription.next()).await;
    heard.expect("something is heard").expect("a bus")
}

/// The next hint. Other nodes of other tests may make everybody look again in between.
async fn hint(subscription: &mut Subscription) -> Bytes {
    loop {
        if let Heard::Hint(hint) = heard(subscription).await {
            return hint;
        }
    }
}

macro_rules! over_both {
    ($($claim:ident,)*) => {
        mod over_valkey {
            $(#[tokio::test]
            async fn $claim() {
                super::$claim(super::Way::valkey()).await;
            })*
        }
        mod over_postgres {
            $(#[test]
            fn $claim() {
                test_database::Engine::Postgres.block_on(|| super::$claim(super::Way::postgres()));
            })*
        }
    };
}

over_both! {
    what_one_node_publishes_every_node_hears_once_and_in_order,
    others_are_told_and_not_oneself,
    a_hint_that_is_too_long_says_to_look_again,
    what_was_published_before_a_flush_has_left,
    more_than_can_wait_makes_everybody_look_again,
}

async fn what_one_node_publishes_every_node_hears_once_and_in_order(way: Way) {
    let (a, b, topic) = (way.node().await, way.node().await, topic());
    let (mut here, mut there) = (a.subscribe(&topic), b.subscribe(&topic));

    for number in 0..100_u8 {
        a.publish(&topic, Bytes::from(vec![number, 0, 255]));
    }
    b.publish(&topic, Bytes::from_static(b"end"));

    for subscription in [&mut here, &mut there] {
        let mut numbers = Vec::new();
        let mut ended = false;
        while numbers.len() < 100 || !ended {
            match &*hint(subscription).await {
                b"end" => ended = true,
                other => numbers.push(other[0]),
            }
        }
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }
}

async fn others_are_told_and_not_oneself(way: Way) {
    let (a, b, topic) = (way.node().await, way.node().await, topic());
    let (mut here, mut there) = (a.subscribe(&topic), b.subscribe(&topic));

    a.tell_others(&topic, b"for others");
    assert_eq!(hint(&mut there).await, "for others");
    b.publish(&topic, Bytes::from_static(b"for all"));

    assert_eq!(hint(&mut here).await, "for all");
}

async fn a_hint_that_is_too_long_says_to_look_again(way: Way) {
    let (a, b, topic) = (way.node().await, way.node().await, topic());
    let mut there = b.subscribe(&topic);

    a.tell_others(&topic, &vec![0; 100 << 10]);
    a.tell_others(&topic, &[1; 4000]);

    assert_eq!(heard(&mut there).await, Heard::Missed);
    assert_eq!(hint(&mut there).await, vec![1; 4000]);
}

async fn what_was_published_before_a_flush_has_left(way: Way) {
    let (a, b, topic) = (way.node().await, way.node().await, topic());
    let mut there = b.subscribe(&topic);

    a.publish(&topic, Bytes::from_static(b"last words"));
    a.flush().await;
    drop(a);

    assert_eq!(hint(&mut there).await, "last words");
}

async fn more_than_can_wait_makes_everybody_look_again(way: Way) {
    let (a, b, topic) = (way.node().await, way.node().await, topic());
    let mut there = b.subscribe(&topic);

    // Without a rest: nothing leaves meanwhile on this one thread.
    for _ in 0..=LEAVING {
        a.tell_others("nobody", b"");
    }

    assert_eq!(heard(&mut there).await, Heard::Missed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_valkey_is_away_nothing_is_believed_and_afterwards_everybody_looks_again() {
    let mut server = test_servers::RedisServer::start();
    let way = Way::Valkey(crate::cache::tests::settings(server.url(), "test"));
    let (a, b) = (way.node().await, way.node().await);
    let before = b.coherence().expect("it is certain");
    let mut there = b.subscribe("x");

    server.kill();
    while b.coherence().is_some() {
        tokio::task::yield_now().await;
    }
    a.tell_others("x", b"said meanwhile");
    server.restart();
    a.connected().await;
    b.connected().await;

    assert_eq!(heard(&mut there).await, Heard::Missed);
    assert_ne!(b.coherence().expect("it is certain again"), before, "what was learnt before is not believed");
    // What was said meanwhile came before or after this node listened again: it was told to look in any case.
    a.tell_others("x", b"said afterwards");
    while hint(&mut there).await != "said afterwards" {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_valkey_that_hangs_is_not_believed_after_less_than_a_second() {
    let server = test_servers::RedisServer::start();
    let way = Way::Valkey(crate::cache::tests::settings(server.url(), "test"));
    let bus = way.node().await;
    assert!(bus.coherence().is_some());
    server.pause();

    let begun = std::time::Instant::now();
    while bus.coherence().is_some() {
        tokio::task::yield_now().await;
    }
    let doubted_after = begun.elapsed();
    server.resume();

    assert!(doubted_after < Duration::from_millis(900), "{doubted_after:?}");
    bus.connected().await;
}

#[tokio::test]
async fn an_address_that_can_t_be_read_is_not_shown() {
    let world = Surroundings::system();
    let settings = crate::cache::tests::settings("http://:hidden@localhost", "test");

    let valkey = Bus::over_valkey(&settings, &world).err().unwrap().to_string();
    let postgres = Bus::over_postgres(&DbOptions::new("postgres://u:hidden@localhost:port"), &world)
        .err()
        .unwrap()
        .to_string();

    assert!(!valkey.contains("hidden") && !postgres.contains("hidden"), "{valkey} {postgres}");
}
