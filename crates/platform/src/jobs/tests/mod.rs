//! Jobs as they are enqueued, run, fail, stop and are taken over. The clock is the test's; what must happen is waited
//! for, never slept for.

mod claiming;
mod lifecycle;
mod running;
mod stopping;

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta};
use kernel::{
    Clock, Surroundings, Timestamp,
    clock::SystemRandom,
    id::{Id, JobId, kind::Organization},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use test_database::TestDatabase;
use tokio::time::timeout;

use super::*;
use crate::{
    db::{DbOptions, ServerUnit},
    outbox::Subscription,
    schedules::Schedule,
};

/// How long a test waits for something that must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// A kind for tests. Its jobs are told a number.
pub(crate) const COUNT: JobKind<Count> = JobKind::new("test.count").attempts(3);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) number: u32,
}

/// A clock that stands until it is advanced.
#[derive(Clone)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(crate) fn at(micros: i64) -> Self {
        Self(Arc::new(AtomicI64::new(micros)))
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_microseconds().unwrap(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// A database of its own, with a clock of its own, and a bus between its nodes.
pub(crate) struct House {
    pub(crate) db: Db,
    pub(crate) bus: Bus,
    pub(crate) org: Id<Organization>,
    pub(crate) world: Surroundings,
    clock: TestClock,
    _database: TestDatabase,
}

/// Runners that a test leaves behind must not come back to the database when it is somebody else's.
impl Drop for House {
    fn drop(&mut self) {
        let db = self.db.clone();
        let close = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            runtime.unwrap().block_on(db.close());
        };
        std::thread::spawn(close).join().unwrap();
    }
}

pub(crate) fn settings() -> Settings {
    Settings { stop_seconds: 0, cancel_grace_seconds: 0, ..Settings::default() }
}

impl House {
    pub(crate) async fn new() -> Self {
        let fill = |url: String| async move {
            let db = Db::open(&DbOptions::new(&url)).unwrap();
            db.migrate(crate::migrations()).await.unwrap();
            db.migrate(&[EFFECTS]).await.unwrap();
            db.close().await;
            String::new()
        };
        let database = TestDatabase::filled("jobs", fill).await;
        let clock = TestClock::at(1_800_000_000_000_000);
        let world = Surroundings::new(clock.clone(), SystemRandom);
        let options =
            DbOptions { connections: 6, surroundings: world.clone(), ..DbOptions::new(database.url()) };
        let db = Db::open(&options).unwrap();
        Self { db, bus: Bus::default(), org: world.id(), world, clock, _database: database }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass, and tells the runners.
    pub(crate) fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
        self.db.work().send();
    }

    pub(crate) fn jobs(&self, settings: Settings) -> Jobs {
        Jobs::new(self.db.clone(), self.bus.clone(), self.world.clone(), settings)
    }

    /// A node that does jobs of these handlers.
    pub(crate) fn node(&self, handlers: impl IntoIterator<Item = Handler>) -> Runner {
        self.node_with(settings(), Work::new(handlers, [], []).unwrap())
    }

    pub(crate) fn node_with(&self, settings: Settings, work: Work) -> Runner {
        self.jobs(settings).start(work, self.org)
    }

    pub(crate) async fn enqueue(&self, job: NewJob) -> JobId {
        self.enqueue_in(self.org, job).await
    }

    pub(crate) async fn enqueue_in(&self, org: Id<Organization>, job: NewJob) -> JobId {
        self.db.write(org, move |unit| unit.enqueue(&job)).await.unwrap()
    }

    pub(crate) async fn count(&self, number: u32) -> JobId {
        self.enqueue(COUNT.job(&Count { number })).await
    }

    pub(crate) async fn get(&self, id: JobId) -> Job {
        self.db.read(self.org, move |tx| store::get(tx, id)).await.unwrap().expect("a job")
    }

    pub(crate) async fn cancel(&self, id: JobId) -> Result<Job, NotCancelled> {
        let jobs = self.jobs(settings());
        self.db.write(self.org, move |unit| jobs.cancel(unit, id)).await.unwrap().expect("a job")
    }

    pub(crate) async fn retry(&self, id: JobId) -> Result<Job, NotRetried> {
        let jobs = self.jobs(settings());
        match self.db.write(self.org, move |unit| jobs.retry(unit, id)).await {
            Ok(done) => done.expect("a job"),
            Err(error) => Err(NotRetried::superseded(&error).expect("nothing else fails")),
        }
    }

    /// Waits until the job has that status, and gives it.
    pub(crate) async fn until(&self, id: JobId, status: Status) -> Job {
        self.until_it(id, |job| job.status == status).await
    }

    /// Waits until that holds of the job.
    pub(crate) async fn until_it(&self, id: JobId, holds: impl Fn(&Job) -> bool) -> Job {
        let mut signals = self.db.work().listen();
        let waits = async {
            loop {
                let job = self.get(id).await;
                if holds(&job) {
                    return job;
                }
                signals.changed().await.unwrap();
            }
        };
        soon(waits).await
    }

    /// Runs a unit over all organizations.
    pub(crate) async fn everywhere<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ServerUnit<'_>) -> Result<T, DbError> + Clone + Send + 'static,
    ) -> T {
        self.db.write_server(work).await.unwrap()
    }

    /// How often each number was written by `note_effect`.
    pub(crate) async fn effects(&self) -> Vec<(i64, i64)> {
        let sql = "SELECT number, count(*) FROM effects WHERE org_id = $1 GROUP BY number ORDER BY number";
        self.db.read(self.org, |tx| tx.all::<(i64, i64)>(sql, &[])).await.map_err(|e: DbError| e).unwrap()
    }
}

const EFFECTS: Migration = Migration::new(
    "m20261129_90_test_effects",
    "CREATE TABLE effects (org_id uuid NOT NULL, number bigint NOT NULL);",
);

/// What a job does in the database.
pub(crate) fn note_effect(unit: &Unit<'_>, number: u32) -> Result<(), JobError> {
    unit.execute("INSERT INTO effects (org_id, number) VALUES ($1, $2)", &[&number])?;
    Ok(())
}

/// What must happen.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.expect("it happens in time")
}

/// A handler that does nothing.
pub(crate) fn idle() -> Handler {
    COUNT.handled_by(|_, _| async { Ok(Value::Null) })
}

/// Handlers that say which number they began, and end when they are let.
pub(crate) struct Gate {
    pub(crate) began: flume::Receiver<u32>,
    pub(crate) go: flume::Sender<()>,
    pub(crate) handler: Handler,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let (said, began) = flume::unbounded();
        let (go, gone) = flume::unbounded();
        let handler = COUNT.handled_by(move |_, count: Count| {
            let (said, gone) = (said.clone(), gone.clone());
            async move {
                said.send(count.number).unwrap();
                gone.recv_async().await.ok();
                Ok(Value::from(count.number))
            }
        });
        Self { began, go, handler }
    }

    pub(crate) async fn next(&self) -> u32 {
        soon(self.began.recv_async()).await.unwrap()
    }
}

#[test]
fn hints_survive_the_way_and_others_are_no_hints() {
    let id = Surroundings::system().uuid();

    for hint in [Hint::Work(id), Hint::Cancel(JobId::from_uuid(id))] {
        assert_eq!(Hint::decode(&hint.encode()), Some(hint));
    }
    for other in [b"".as_slice(), b"w", b"x0123456789abcdef", b"w0123456789abcdef0"] {
        assert_eq!(Hint::decode(other), None);
    }
}

#[test]
fn contradictions_between_modules_stop_the_start() {
    let scheduled = || Schedule::new("nightly", "0 3 * * *", COUNT.job(&Count { number: 1 }));

    assert!(matches!(Work::new([idle(), idle()], [], []), Err(WorkError::HandledTwice("test.count"))));
    assert!(matches!(Work::new([], [], [scheduled()]), Err(WorkError::Unhandled { .. })));
    assert!(matches!(Work::new([idle()], [], [scheduled(), scheduled()]), Err(WorkError::ScheduledTwice(_))));
    assert!(matches!(
        Work::new([idle()], [], [Schedule::new("never", "61 * * * *", COUNT.job(&Count { number: 1 }))]),
        Err(WorkError::Times(..))
    ));
    let twice = || Subscription::new(&["*"], JobKind::new("test.hear"), |_, _| async { Ok(Value::Null) });
    assert!(matches!(Work::new([], [twice(), twice()], []), Err(WorkError::HandledTwice("test.hear"))));
}
