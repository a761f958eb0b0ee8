//! What becomes of jobs whose handlers succeed, fail, panic, hang or forget themselves.

use std::sync::atomic::AtomicUsize;

use kernel::Error;
use serde_json::json;
use test_database::each_database;

use super::*;
use crate::objects::{ObjectHash, Stored};

#[each_database]
async fn a_job_stands_with_the_unit_that_wanted_it_or_not_at_all() {
    let house = House::new().await;
    let (kept, lost) = (COUNT.job(&Count { number: 1 }), COUNT.job(&Count { number: 2 }));

    house.enqueue(kept).await;
    let undone = house.db.write(house.org, move |unit| {
        unit.enqueue(&lost)?;
        Err::<(), _>(DbError::Busy)
    });
    assert!(undone.await.is_err());

    let request = list_request(&[]);
    let page = house.jobs(settings()).list(house.org, request).await.unwrap();
    assert_eq!(page.items.len(), 1);
}

#[each_database]
async fn a_completed_job_tells_its_result() {
    let house = House::new().await;
    let double = COUNT.handled_by(|job, count: Count| async move {
        job.progress(50).await?;
        Ok(json!({ "double": count.number * 2 }))
    });
    let _node = house.node([double]);

    let id = house.count(21).await;

    let job = house.until(id, Status::Completed).await;
    assert_eq!((job.result, job.error), (Some(json!({ "double": 42 })), None));
    assert_eq!((job.progress, job.attempts), (100, 1));
    assert_eq!((job.started_at, job.finished_at), (Some(house.now()), Some(house.now())));
}

#[each_database]
async fn a_failure_that_may_pass_is_tried_again_until_the_job_is_dead() {
    let house = House::new().await;
    let tries = Arc::new(AtomicUsize::new(0));
    let fails = COUNT.handled_by({
        let tries = Arc::clone(&tries);
        move |job, _| {
            tries.fetch_add(1, Ordering::SeqCst);
            async move { Err(JobError::retry(format!("Attempt {} found nobody.", job.attempt()))) }
        }
    });
    let _node = house.node([fails]);

    let id = house.count(1).await;

    for attempt in 1..=2 {
        let waiting = house.until_it(id, |job| job.status == Status::Queued && job.attempts == attempt).await;
        assert_eq!(waiting.error, Some(format!("Attempt {attempt} found nobody.")));
        assert!(waiting.run_at <= house.now() + TimeDelta::seconds(20));
        house.advance(TimeDelta::seconds(20));
    }
    let dead = house.until(id, Status::Dead).await;
    assert_eq!((dead.attempts, tries.load(Ordering::SeqCst)), (3, 3));
    assert_eq!(dead.error.as_deref(), Some("Attempt 3 found nobody."));
}

#[each_database]
async fn a_failure_for_good_is_not_tried_again_and_hides_its_cause() {
    let house = House::new().await;
    let fails = COUNT.handled_by(|_, count: Count| async move {
        match count.number {
            1 => Err(JobError::fail("There is no such file.")),
            2 => Err(Error::not_found("bot").into()),
            _ => Err(Error::internal("SELECT secret").into()),
        }
    });
    let _node = house.node([fails]);

    let (first, second, third) = (house.count(1).await, house.count(2).await, house.count(3).await);

    assert_eq!(house.until(first, Status::Failed).await.error.as_deref(), Some("There is no such file."));
    assert_eq!(house.until(second, Status::Failed).await.error.as_deref(), Some("There is no such bot."));
    let may_pass = house.until_it(third, |job| job.error.is_some()).await;
    assert_eq!(may_pass.status, Status::Queued);
    assert!(!may_pass.error.unwrap().contains("SELECT"));
}

#[each_database]
async fn a_panic_is_the_job_s_own_and_the_runner_goes_on() {
    let house = House::new().await;
    let panics = COUNT.handled_by(|_, count: Count| async move {
        assert!(count.number != 1, "this is no number");
        Ok(Value::Null)
    });
    let jobs = house.jobs(settings());
    let _node = jobs.start(Work::new([panics], [], []).unwrap(), house.org);

    let (bad, good) = (house.count(1).await, house.count(2).await);

    house.until(good, Status::Completed).await;
    let job = house.until_it(bad, |job| job.error.is_some()).await;
    assert_eq!((job.status, job.attempts), (Status::Queued, 1));
    assert_eq!(jobs.pulse(), Pulse::Beating);
}

#[each_database]
async fn a_job_that_takes_too_long_is_broken_off() {
    let house = House::new().await;
    let quick: JobKind<Count> = COUNT.time_limit(Duration::from_millis(1)).attempts(1);
    let hangs = quick.handled_by(|_, _| std::future::pending());
    let _node = house.node([hangs]);

    let id = house.enqueue(quick.job(&Count { number: 1 })).await;

    let job = house.until(id, Status::Dead).await;
    assert_eq!(job.error.as_deref(), Some("The job took longer than 0 seconds."));
}

#[each_database]
async fn an_unreadable_payload_fails_for_good() {
    let house = House::new().await;
    let _node = house.node([idle()]);
    let other: JobKind<&str> = JobKind::new(COUNT.name());

    let id = house.enqueue(other.job(&"no number")).await;

    house.until(id, Status::Failed).await;
}

#[each_database]
async fn a_kind_that_no_node_knows_waits_without_an_attempt() {
    let house = House::new().await;
    let node = house.node([]);

    let id = house.count(1).await;

    let job = house.until_it(id, |job| job.run_at > job.created_at).await;
    assert_eq!((job.status, job.attempts), (Status::Queued, 0));
    drop(node);
    let _newer = house.node([idle()]);
    house.advance(TimeDelta::minutes(1));
    house.until(id, Status::Completed).await;
}

#[each_database]
async fn a_delayed_job_waits_for_its_time() {
    let house = House::new().await;
    let gate = Gate::new();
    let _node = house.node([gate.handler.clone()]);
    let job = COUNT.job(&Count { number: 1 }).after(TimeDelta::hours(1));

    house.enqueue(job).await;
    house.advance(TimeDelta::minutes(59));
    house.count(2).await;
    assert_eq!(gate.next().await, 2, "the later one is not due");

    house.advance(TimeDelta::minutes(1));
    assert_eq!(gate.next().await, 1);
}

#[each_database]
async fn of_a_unique_key_one_job_waits_or_runs() {
    let house = House::new().await;
    let gate = Gate::new();
    let unique = |key: &str| COUNT.job(&Count { number: 1 }).unique(key);
    let first = house.enqueue(unique("a")).await;

    assert_eq!(house.enqueue(unique("a")).await, first);
    assert_ne!(house.enqueue(unique("b")).await, first);
    assert_ne!(house.enqueue_in(house.world.id(), unique("a")).await, first, "another organization's");
    let _node = house.node([gate.handler.clone()]);
    gate.next().await;
    assert_eq!(house.enqueue(unique("a")).await, first, "it runs");
    for _ in 0..3 {
        gate.go.send(()).unwrap();
    }
    house.until(first, Status::Completed).await;
    assert_ne!(house.enqueue(unique("a")).await, first, "it has ended");
}

#[each_database]
async fn what_is_written_with_the_completion_is_written_once() {
    let house = House::new().await;
    let writes = COUNT.handled_by(|job, count: Count| async move {
        let number = count.number;
        if job.attempt() == 1 {
            // It fails after it has written: nothing of it stays.
            let failed = job.complete_with(move |unit| {
                note_effect(unit, number)?;
                Err(JobError::retry("The unit was undone."))
            });
            return failed.await;
        }
        job.complete_with(move |unit| {
            note_effect(unit, number)?;
            Ok(json!("written"))
        })
        .await
    });
    let _node = house.node([writes]);

    let id = house.count(7).await;
    house.until_it(id, |job| job.attempts == 1 && job.error.is_some()).await;
    house.advance(TimeDelta::seconds(10));

    assert_eq!(house.until(id, Status::Completed).await.result, Some(json!("written")));
    assert_eq!(house.effects().await, [(7, 1)]);
}

#[each_database]
async fn a_failed_or_dead_job_runs_again_and_no_other() {
    let house = House::new().await;
    let fails_first = Arc::new(AtomicUsize::new(0));
    let handler = COUNT.handled_by({
        let tries = Arc::clone(&fails_first);
        move |_, _| {
            let first = tries.fetch_add(1, Ordering::SeqCst) == 0;
            async move { if first { Err(JobError::fail("No.")) } else { Ok(Value::Null) } }
        }
    });
    let node = house.node([handler]);
    let job = COUNT.job(&Count { number: 1 }).unique("one");
    let id = house.enqueue(job.clone()).await;
    house.until(id, Status::Failed).await;

    let again = house.retry(id).await.unwrap();
    assert_eq!((again.status, again.attempts, again.error), (Status::Queued, 0, None));
    house.until(id, Status::Completed).await;
    assert_eq!(house.retry(id).await, Err(NotRetried::NotFailed));
    drop(node);

    // Of a unique key there is one, also when a failed one is run again.
    fails_first.store(0, Ordering::SeqCst);
    let failed = house.enqueue(job.clone()).await;
    house.everywhere(fail_all).await;
    house.enqueue(job).await;
    assert_eq!(house.retry(failed).await, Err(NotRetried::Superseded));
}

fn fail_all(unit: &ServerUnit<'_>) -> Result<u64, DbError> {
    unit.everywhere().execute("UPDATE jobs SET status = 'failed', place = 'done'", &[])
}

#[each_database]
async fn what_was_remembered_long_enough_is_forgotten_and_nothing_else() {
    let house = House::new().await;
    let settings = Settings { keep_completed_days: 1, keep_failed_days: 3, ..settings() };
    let handler = COUNT.handled_by(|_, count: Count| async move {
        if count.number == 1 { Ok(Value::Null) } else { Err(JobError::fail("No.")) }
    });
    let work = Work::new([handler, prune(&house.db)], [], []).unwrap();
    let _node = house.node_with(settings, work);
    let (good, bad) = (house.count(1).await, house.count(2).await);
    let waits = house.enqueue(COUNT.job(&Count { number: 1 }).after(TimeDelta::days(90))).await;
    house.until(good, Status::Completed).await;
    house.until(bad, Status::Failed).await;
    let prunes = async || {
        let id = house.enqueue(PRUNE.job(&())).await;
        house.until(id, Status::Completed).await.result.unwrap()["forgotten"].clone()
    };

    assert_eq!(prunes().await, 0);
    house.advance(TimeDelta::hours(25));
    assert_eq!(prunes().await, 2, "the completed one, and the first pruning");
    house.advance(TimeDelta::days(3));
    assert_eq!(prunes().await, 2);

    assert_eq!(house.get(waits).await.status, Status::Queued);
    let gone = house.db.read(house.org, move |tx| store::get(tx, bad)).await;
    assert_eq!(gone.unwrap(), None);
}

pub(super) fn list_request(query: &[(&'static str, &str)]) -> ListRequest {
    use kernel::list::{FilterField, ListSpec, SortField};
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("created_at"), SortField::asc("run_at")],
        filters: &[FilterField::texts("kind", ""), FilterField::texts("status", "")],
        search: None,
    };
    SPEC.read(query.iter().copied()).unwrap()
}

#[each_database]
async fn jobs_are_listed_by_kind_and_status_without_a_scan() {
    let house = House::new().await;
    let other: JobKind<()> = JobKind::new("test.other");
    let first = house.count(1).await;
    house.enqueue(other.job(&())).await;
    house.cancel(first).await.unwrap();
    let jobs = house.jobs(settings());
    let listed = async |query: &[(&'static str, &str)]| {
        jobs.list(house.org, list_request(query)).await.unwrap().items.len()
    };

    assert_eq!(listed(&[]).await, 2);
    assert_eq!(listed(&[("kind", "test.other")]).await, 1);
    assert_eq!(listed(&[("status", "cancelled,dead")]).await, 1);
    assert_eq!(listed(&[("kind", "test.other"), ("status", "cancelled")]).await, 0);
    for query in [
        [("sort", "created_at"), ("order", "desc")].as_slice(),
        &[("sort", "run_at"), ("order", "asc")],
        &[("status", "dead")],
        &[("kind", "test.other")],
    ] {
        let request = list_request(query);
        let plan = house.db.read(house.org, move |tx| tx.plan_of(&LIST, &request, None).map_err(Error::from));
        let plan = plan.await.unwrap();
        assert!(plan.walks(), "{plan}");
    }
}

#[each_database]
async fn a_job_whose_time_has_not_come_waits_without_spending_attempts_and_holds_up_its_line() {
    let house = House::new().await;
    let open = Arc::new(AtomicUsize::new(0));
    let waits = COUNT.handled_by({
        let open = Arc::clone(&open);
        move |job, count: Count| {
            let is_open = open.load(Ordering::SeqCst) > 0;
            async move {
                if !is_open {
                    return Err(JobError::NotYet(Duration::from_mins(10)));
                }
                assert_eq!(job.attempt(), 1);
                job.complete_with(move |unit| note_effect(unit, count.number).map(|()| Value::Null)).await
            }
        }
    });
    let _node = house.node([waits]);
    let first = house.enqueue(COUNT.job(&Count { number: 1 }).in_line("here", 1)).await;
    let second = house.enqueue(COUNT.job(&Count { number: 2 }).in_line("here", 2)).await;

    // More often than there are attempts.
    for _ in 0..4 {
        let at = house.now() + TimeDelta::minutes(10);
        let waiting = house.until_it(first, |job| job.status == Status::Queued && job.run_at == at).await;
        assert_eq!((waiting.attempts, waiting.error), (0, None));
        house.advance(TimeDelta::minutes(10));
    }
    assert_eq!(house.get(second).await.started_at, None, "it stands behind the other");

    open.store(1, Ordering::SeqCst);
    house.until_it(first, |job| job.run_at > house.now() || job.status == Status::Completed).await;
    house.advance(TimeDelta::minutes(10));
    house.until(second, Status::Completed).await;
    assert_eq!(house.effects().await, [(1, 1), (2, 1)]);
}

#[each_database]
async fn a_job_in_a_line_waits_for_its_time_also_when_it_stands_first() {
    let house = House::new().await;
    let gate = Gate::new();
    let one_worker = Settings { workers: 1, ..settings() };
    let _node = house.node_with(one_worker, Work::new([gate.handler.clone()], [], []).unwrap());
    let later = house.now() + TimeDelta::hours(1);
    let first = house.enqueue(COUNT.job(&Count { number: 1 }).in_line("here", 1)).await;
    assert_eq!(gate.next().await, 1);
    house.enqueue(COUNT.job(&Count { number: 2 }).in_line("here", 2).at(later)).await;
    house.count(3).await;

    gate.go.send(()).unwrap();
    house.until(first, Status::Completed).await;

    assert_eq!(gate.next().await, 3);
    gate.go.send(()).unwrap();
    house.count(4).await;
    assert_eq!(gate.next().await, 4, "the second of the line waits");
    house.advance(TimeDelta::hours(1));
    gate.go.send(()).unwrap();
    assert_eq!(gate.next().await, 2);
    gate.go.send(()).unwrap();
}

#[each_database]
async fn a_job_has_its_objects_until_it_is_forgotten_however_it_ended() {
    let house = House::new().await;
    let stored = Stored { hash: ObjectHash::of(b"a file"), size: 6 };
    let enqueued = house.db.write(house.org, move |unit| {
        let id = unit.enqueue(&COUNT.job(&Count { number: 1 }).after(TimeDelta::hours(1)))?;
        unit.claim_object(stored, id.as_bytes())?;
        unit.claim_object(stored, &[1; 16])?;
        Ok::<_, DbError>(id)
    });
    let id = enqueued.await.unwrap();
    let claims = async || {
        let sql = "SELECT count(*) FROM object_claims WHERE org_id = $1";
        let counted = house.db.read(house.org, |tx| tx.one::<(i64,)>(sql, &[])).await;
        counted.map_err(|e: DbError| e).unwrap().unwrap().0
    };

    house.cancel(id).await.unwrap();
    let forget = |now| house.everywhere(move |unit| store::forget(&unit.everywhere(), now));
    assert_eq!(forget(house.now()).await, 0);
    assert_eq!(claims().await, 2, "it may be looked at, or run again");

    assert_eq!(forget(house.now() + TimeDelta::days(400)).await, 1);
    assert_eq!(claims().await, 1, "what others have stays theirs");
}
