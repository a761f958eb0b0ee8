//! Cancelling jobs, and stopping nodes.

use test_database::each_database;

use super::*;

#[each_database]
async fn a_waiting_job_is_cancelled_at_once() {
    let house = House::new().await;
    let now = house.count(1).await;
    let later = house.enqueue(COUNT.job(&Count { number: 2 }).after(TimeDelta::hours(1))).await;

    for id in [now, later] {
        assert_eq!(house.cancel(id).await.unwrap().status, Status::Cancelled);
        assert_eq!(house.cancel(id).await.unwrap().status, Status::Cancelled, "once more changes nothing");
    }
    let _node = house.node([idle()]);
    let other = house.count(3).await;

    house.until(other, Status::Completed).await;
    assert_eq!(house.get(now).await.attempts, 0);
}

#[each_database]
async fn a_running_job_hears_that_it_should_stop() {
    let house = House::new().await;
    let (ready, readied) = flume::bounded(1);
    let listens = COUNT.handled_by(move |job, _| {
        let ready = ready.clone();
        async move {
            ready.send(()).unwrap();
            job.cancelled().await;
            job.check()?;
            Ok(Value::Null)
        }
    });
    let long_grace = Settings { cancel_grace_seconds: 1000, ..settings() };
    let _node = house.node_with(long_grace, Work::new([listens], [], []).unwrap());
    let id = house.count(1).await;
    soon(readied.recv_async()).await.unwrap();

    assert_eq!(house.cancel(id).await.unwrap().status, Status::Running);

    let job = house.until(id, Status::Cancelled).await;
    assert_eq!((job.result, job.finished_at), (None, Some(house.now())));
    assert_eq!(house.retry(id).await, Err(NotRetried::NotFailed));
}

#[each_database]
async fn a_running_job_that_does_not_listen_is_dropped_after_the_grace_period() {
    let house = House::new().await;
    let gate = Gate::new();
    let _node = house.node([gate.handler.clone()]);
    let id = house.count(1).await;
    gate.next().await;

    house.cancel(id).await.unwrap();

    house.until(id, Status::Cancelled).await;
}

#[each_database]
async fn a_job_that_was_done_before_it_heard_is_completed_and_no_longer_to_be_cancelled() {
    let house = House::new().await;
    let gate = Gate::new();
    let long_grace = Settings { cancel_grace_seconds: 1000, ..settings() };
    let _node = house.node_with(long_grace, Work::new([gate.handler.clone()], [], []).unwrap());
    let id = house.count(1).await;
    gate.next().await;
    house.cancel(id).await.unwrap();

    gate.go.send(()).unwrap();

    house.until(id, Status::Completed).await;
    assert_eq!(house.cancel(id).await, Err(NotCancelled));
}

#[each_database]
async fn a_cancelled_job_whose_node_died_does_not_come_back() {
    let house = House::new().await;
    let gate = Gate::new();
    let dying = house.node([gate.handler.clone()]);
    let id = house.count(1).await;
    gate.next().await;
    drop(dying);
    house.cancel(id).await.unwrap();

    let _node = house.node([gate.handler.clone()]);
    house.advance(TimeDelta::seconds(30));

    house.until(id, Status::Cancelled).await;
    assert!(gate.began.is_empty());
}

#[each_database]
async fn a_node_that_stops_hands_back_what_does_not_finish_and_another_takes_it_at_once() {
    let house = House::new().await;
    let gate = Gate::new();
    let stopping = house.node([gate.handler.clone()]);
    let id = house.count(1).await;
    gate.next().await;

    soon(stopping.stop()).await;

    let back = house.get(id).await;
    assert_eq!((back.status, back.attempts), (Status::Queued, 0));
    let _other = house.node([idle()]);
    assert_eq!(house.until(id, Status::Completed).await.attempts, 1);
}

#[each_database]
async fn a_node_that_stops_lets_jobs_finish_and_begins_no_more() {
    let house = House::new().await;
    let gate = Gate::new();
    let patient = Settings { stop_seconds: 1000, workers: 1, ..settings() };
    let node = house.node_with(patient, Work::new([gate.handler.clone()], [], []).unwrap());
    let first = house.count(1).await;
    gate.next().await;
    let second = house.count(2).await;

    let stopped = tokio::spawn(node.stop());
    gate.go.send(()).unwrap();
    soon(stopped).await.unwrap();

    assert_eq!(house.get(first).await.status, Status::Completed);
    assert_eq!(house.get(second).await.status, Status::Queued);
}

#[each_database]
async fn a_job_of_many_steps_stops_between_two_when_the_node_does() {
    let house = House::new().await;
    let (ready, readied) = flume::unbounded();
    let steps = COUNT.handled_by(move |job, _| {
        let ready = ready.clone();
        async move {
            loop {
                job.check()?;
                let step = job.write(|unit| note_effect(unit, 1));
                step.await?;
                let _ = ready.send(());
            }
        }
    });
    let patient = Settings { stop_seconds: 1000, ..settings() };
    let node = house.node_with(patient, Work::new([steps], [], []).unwrap());
    let id = house.count(1).await;
    soon(readied.recv_async()).await.unwrap();

    soon(node.stop()).await;

    let job = house.get(id).await;
    assert_eq!((job.status, job.attempts), (Status::Queued, 0));
}

#[each_database]
async fn a_runner_tells_how_it_is() {
    let house = House::new().await;
    let jobs = house.jobs(settings());
    assert_eq!(jobs.pulse(), Pulse::Stopped);

    let node = jobs.start(Work::new([idle()], [], []).unwrap(), house.org);
    let id = house.count(1).await;
    house.until(id, Status::Completed).await;
    assert_eq!(jobs.pulse(), Pulse::Beating);
    node.stop().await;
    assert_eq!(jobs.pulse(), Pulse::Stopped);

    let node = jobs.start(Work::default(), house.org);
    let id = house.count(1).await;
    house.until_it(id, |job| job.run_at > job.created_at).await;
    node.main.abort();
    while jobs.pulse() != Pulse::Dead {
        tokio::task::yield_now().await;
    }
}
