//! Who hears of what, how often, and in which order.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use chrono::TimeDelta;
use serde_json::json;
use test_database::each_database;

use super::*;
use crate::jobs::{
    Status, Work,
    tests::{House, settings, soon},
};

/// The step of something that is worked on step by step.
#[derive(Serialize)]
struct Stepped {
    thing: u32,
    step: u32,
}

impl Event for Stepped {
    const NAME: &'static str = "thing.stepped";

    fn subject(&self) -> String {
        format!("thing_{}", self.thing)
    }
}

const HEAR: JobKind<Emitted> = JobKind::new("test.hear").attempts(2);
const HEAR_TOO: JobKind<Emitted> = JobKind::new("test.hear_too");

impl House {
    async fn step(&self, thing: u32, step: u32) {
        let emitted = self.db.write(self.org, move |unit| unit.emit(&Stepped { thing, step }));
        emitted.await.unwrap();
    }
}

type Heard = Arc<Mutex<HashMap<String, Vec<u64>>>>;

/// A subscriber that notes the steps of each thing, and says that it did.
fn notes(kind: JobKind<Emitted>, heard: &Heard, done: &flume::Sender<()>) -> Subscription {
    let (heard, done) = (Arc::clone(heard), done.clone());
    Subscription::new(&["thing.*"], kind, move |_, event: Emitted| {
        let (heard, done) = (Arc::clone(&heard), done.clone());
        async move {
            // Others of the line would overtake it here, if they could.
            tokio::task::yield_now().await;
            let step = event.data["step"].as_u64().unwrap();
            heard.lock().unwrap().entry(event.subject).or_default().push(step);
            done.send(()).unwrap();
            Ok(Value::Null)
        }
    })
}

#[each_database]
async fn an_event_stands_with_its_unit_and_tells_every_subscriber_what_happened() {
    let house = House::new().await;
    let (tell, told) = flume::unbounded();
    let listens = |kind: JobKind<Emitted>, events: &'static [&'static str]| {
        let tell = tell.clone();
        Subscription::new(events, kind, move |job, event| {
            tell.send((job.org(), event)).unwrap();
            async { Ok(Value::Null) }
        })
    };
    let deaf: JobKind<Emitted> = JobKind::new("test.deaf");
    let subscriptions =
        [listens(HEAR, &["thing.stepped"]), listens(HEAR_TOO, &["*"]), listens(deaf, &["other.*", "thing"])];
    let undone = house.db.write(house.org, |unit| {
        unit.emit(&Stepped { thing: 1, step: 0 })?;
        Err::<(), _>(DbError::Busy)
    });
    assert!(undone.await.is_err());
    let _node = house.node_with(settings(), Work::new([], subscriptions, []).unwrap());

    house.step(1, 7).await;

    let (org, first) = soon(told.recv_async()).await.unwrap();
    let (_, second) = soon(told.recv_async()).await.unwrap();
    assert_eq!((org, &first), (house.org, &second));
    assert_eq!((first.name.as_str(), first.subject.as_str()), ("thing.stepped", "thing_1"));
    assert_eq!((first.at, first.data), (house.now(), json!({ "thing": 1, "step": 7 })));
    assert!(told.is_empty());
    let left = house.everywhere(|unit| {
        Ok(unit.everywhere().one::<(i64,)>("SELECT count(*) FROM outbox", &[])?.map(|(n,)| n))
    });
    assert_eq!(left.await, Some(0));
}

#[each_database]
async fn each_resource_s_events_come_in_order_whatever_runs_beside() {
    let house = House::new().await;
    let (heard, (done, dones)) = (Heard::default(), flume::unbounded());
    let node = || {
        let subscriptions = [notes(HEAR, &heard, &done)];
        house.node_with(settings(), Work::new([], subscriptions, []).unwrap())
    };
    let _nodes = (node(), node());

    for step in 0..20 {
        for thing in 0..5 {
            house.step(thing, step).await;
        }
    }
    for _ in 0..100 {
        soon(dones.recv_async()).await.unwrap();
    }

    let in_order: Vec<u64> = (0..20).collect();
    for (thing, steps) in heard.lock().unwrap().iter() {
        assert_eq!(*steps, in_order, "{thing}");
    }
}

#[each_database]
async fn a_later_event_waits_for_the_attempts_of_the_earlier_and_not_for_another_resource_s() {
    let house = House::new().await;
    let (tell, told) = flume::unbounded();
    let tries = Arc::new(AtomicUsize::new(0));
    let fails = Subscription::new(&["*"], HEAR, move |_, event: Emitted| {
        let broken = event.subject == "thing_1" && event.data["step"] == 1;
        tell.send((event.subject, event.data["step"].as_u64().unwrap())).unwrap();
        tries.fetch_add(1, Ordering::SeqCst);
        async move { if broken { Err(JobError::retry("Not now.")) } else { Ok(Value::Null) } }
    });
    let _node = house.node_with(settings(), Work::new([], [fails], []).unwrap());
    let next = async || soon(told.recv_async()).await.unwrap();

    house.step(1, 1).await;
    assert_eq!(next().await, ("thing_1".to_owned(), 1));
    house.step(1, 2).await;
    house.step(2, 1).await;
    assert_eq!(next().await, ("thing_2".to_owned(), 1), "another resource goes on");

    // The second attempt is the last: the job is dead, and lets the next one pass.
    house.advance(TimeDelta::seconds(10));
    assert_eq!(next().await, ("thing_1".to_owned(), 1));
    assert_eq!(next().await, ("thing_1".to_owned(), 2));
}

#[each_database]
async fn only_what_is_wanted_becomes_a_job() {
    let house = House::new().await;
    let (tell, told) = flume::unbounded();
    let picky = Subscription::new(&["*"], HEAR, move |_, event: Emitted| {
        tell.send((event.data["step"].as_u64().unwrap(), event.number)).unwrap();
        async { Ok(Value::Null) }
    });
    let picky = picky.only(|_, event| Ok(event.data["step"] != 2));
    let _node = house.node_with(settings(), Work::new([], [picky], []).unwrap());

    for step in 1..=3 {
        house.step(1, step).await;
    }

    let (first, last) = (soon(told.recv_async()).await.unwrap(), soon(told.recv_async()).await.unwrap());
    assert_eq!((first.0, last.0), (1, 3));
    assert!(first.1 < last.1, "numbers rise");
    let jobs: Option<(i64,)> = house
        .db
        .read(house.org, |tx| tx.one("SELECT count(*) FROM jobs WHERE org_id = $1", &[]))
        .await
        .map_err(|error: DbError| error)
        .unwrap();
    assert_eq!(jobs, Some((2,)));
}

#[each_database]
async fn a_cancelled_event_lets_the_next_one_pass_only_if_it_was_its_turn() {
    let house = House::new().await;
    let (tell, told) = flume::unbounded();
    let subscription = || {
        let tell = tell.clone();
        Subscription::new(&["*"], HEAR, move |_, event: Emitted| {
            tell.send(event.data["step"].as_u64().unwrap()).unwrap();
            async { Ok(Value::Null) }
        })
    };
    let relaying = Work::new([], [subscription()], []).unwrap();
    for step in 1..=4 {
        house.step(1, step).await;
    }
    assert_eq!(house.everywhere(move |unit| relay_some(unit, &relaying)).await, 4);
    let jobs: Vec<(Id<kind::Job>, String)> = house
        .db
        .read(house.org, |tx| tx.all("SELECT id, place FROM jobs WHERE org_id = $1 ORDER BY line_at", &[]))
        .await
        .map_err(|error: DbError| error)
        .unwrap();
    let places: Vec<&str> = jobs.iter().map(|(_, place)| place.as_str()).collect();
    assert_eq!(places, ["due", "behind", "behind", "behind"]);

    house.cancel(jobs[1].0).await.unwrap();
    let second = house.get(jobs[2].0).await;
    assert_eq!(second.status, Status::Queued);
    house.cancel(jobs[0].0).await.unwrap();
    let _node = house.node_with(settings(), Work::new([], [subscription()], []).unwrap());

    assert_eq!(soon(told.recv_async()).await.unwrap(), 3);
    assert_eq!(soon(told.recv_async()).await.unwrap(), 4);
}
