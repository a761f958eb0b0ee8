//! Who gets which job: each once, in turn, and again if whoever had it has gone.

use std::{collections::HashSet, sync::Mutex};

use test_database::each_database;

use super::*;

#[each_database]
async fn two_nodes_do_every_job_and_none_twice() {
    let house = House::new().await;
    for number in 0..200 {
        house.count(number).await;
    }
    let begun = Arc::new(Mutex::new(Vec::new()));
    let (done, dones) = flume::unbounded();
    let node = || {
        let (begun, done) = (Arc::clone(&begun), done.clone());
        house.node([COUNT.handled_by(move |_, count: Count| {
            begun.lock().unwrap().push(count.number);
            let done = done.clone();
            async move {
                tokio::task::yield_now().await;
                done.send(count.number).unwrap();
                Ok(Value::Null)
            }
        })])
    };

    let _nodes = (node(), node());
    let mut done = HashSet::new();
    while done.len() < 200 {
        done.insert(soon(dones.recv_async()).await.unwrap());
    }

    assert_eq!(begun.lock().unwrap().len(), 200, "none was begun twice");
}

#[each_database]
async fn a_node_that_dies_loses_nothing_and_what_it_did_late_is_void() {
    let house = House::new().await;
    let gate = Gate::new();
    let dying = house.node([gate.handler.clone()]);
    let id = house.count(1).await;
    gate.next().await;
    let held = house.get(id).await;

    drop(dying);
    let other = COUNT.handled_by(|job, count: Count| async move {
        assert_eq!((job.attempt(), job.fence()), (2, 2));
        job.complete_with(move |unit| {
            note_effect(unit, count.number)?;
            Ok(Value::Null)
        })
        .await
    });
    let _other = house.node([other]);
    house.advance(TimeDelta::seconds(29));
    assert_eq!(house.get(id).await, held, "the lease holds");
    house.advance(TimeDelta::seconds(1));

    house.until(id, Status::Completed).await;
    assert_eq!(house.effects().await, [(1, 1)]);
}

#[each_database]
async fn a_node_that_lost_a_job_can_not_write_with_it() {
    let house = House::new().await;
    let (ready, readied) = flume::bounded(1);
    let (go, gone) = flume::bounded::<()>(1);
    let (tell, told) = flume::bounded(1);
    let slow = COUNT.handled_by(move |job, count: Count| {
        let (ready, gone, tell) = (ready.clone(), gone.clone(), tell.clone());
        async move {
            ready.send(()).unwrap();
            gone.recv_async().await.ok();
            let number = count.number;
            let written = job.write(move |unit| note_effect(unit, number)).await;
            let completed =
                job.complete_with(move |unit| note_effect(unit, number).map(|()| Value::Null)).await;
            let noted = job.progress(70).await;
            tell.send([written.is_err(), completed.is_err(), noted.is_err()]).unwrap();
            Ok(Value::Null)
        }
    });
    let one_worker = Settings { workers: 1, ..settings() };
    let _slow = house.node_with(one_worker, Work::new([slow], [], []).unwrap());
    let id = house.count(1).await;
    soon(readied.recv_async()).await.unwrap();

    // Another node has found the lease ended, and does the job.
    let expire = "UPDATE jobs SET place = 'due', status = 'queued', lease_owner = NULL, lease_until = NULL";
    house.everywhere(move |unit| unit.everywhere().execute(expire, &[])).await;
    let _quick = house.node([idle()]);
    let done = house.until(id, Status::Completed).await;
    go.send(()).unwrap();

    assert_eq!(soon(told.recv_async()).await.unwrap(), [true, true, true]);
    assert_eq!(house.effects().await, []);
    assert_eq!(house.get(id).await, done, "what came late changed nothing");
}

#[each_database]
async fn a_clock_that_is_put_forward_does_not_have_a_node_do_twice_what_it_does() {
    let house = House::new().await;
    let gate = Gate::new();
    let _node = house.node([gate.handler.clone()]);
    let id = house.count(1).await;
    gate.next().await;

    house.advance(TimeDelta::hours(1));
    // The node has looked when it has done something that came after.
    let other = house.count(2).await;
    assert_eq!(gate.next().await, 2);
    for _ in 0..2 {
        gate.go.send(()).unwrap();
    }

    house.until(other, Status::Completed).await;
    assert_eq!(house.until(id, Status::Completed).await.attempts, 1);
}

#[each_database]
async fn a_job_that_takes_its_nodes_down_is_dead_after_its_attempts() {
    let house = House::new().await;
    let gate = Gate::new();
    let id = house.count(1).await;

    for _ in 0..3 {
        let node = house.node([gate.handler.clone()]);
        gate.next().await;
        drop(node);
        house.advance(TimeDelta::seconds(30));
    }
    let _node = house.node([gate.handler.clone()]);

    let dead = house.until(id, Status::Dead).await;
    assert_eq!(dead.attempts, 3);
    assert_eq!(dead.error.as_deref(), Some("The node that ran it did not finish it."));
}

#[each_database]
async fn one_organization_s_many_jobs_do_not_hold_up_another_s() {
    let house = House::new().await;
    let gate = Gate::new();
    for number in 0..50 {
        house.count(number).await;
    }
    for number in 100..103 {
        let org = house.world.id();
        house.enqueue_in(org, COUNT.job(&Count { number })).await;
    }
    let one_worker = Settings { workers: 1, ..settings() };
    let _node = house.node_with(one_worker, Work::new([gate.handler.clone()], [], []).unwrap());

    let mut first = Vec::new();
    for _ in 0..4 {
        first.push(gate.next().await);
        gate.go.send(()).unwrap();
    }

    let others = first.iter().filter(|number| **number >= 100).count();
    assert_eq!(others, 3, "each organization has its turn: {first:?}");
}

#[each_database]
async fn claiming_seeks_in_indexes_whatever_is_stored() {
    let house = House::new().await;
    let now = house.now();

    for (index, plan) in house.everywhere(move |unit| store::plans(&unit.everywhere(), now)).await {
        assert!(plan.uses(index) && !plan.sorts(), "{plan}");
    }
}
