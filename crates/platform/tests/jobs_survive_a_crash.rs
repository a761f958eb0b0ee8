//! A node that is killed in the middle of its jobs loses none of them, and no more is done twice than what it had in
//! hand.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a test that can not go on fails")]

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use kernel::{
    Clock, Id, Surroundings, Timestamp,
    clock::{SystemClock, SystemRandom},
    id::kind::Organization,
};
use platform::{
    bus::Bus,
    db::{Db, DbError, DbOptions, Migration},
    jobs::{JobContext, JobError, JobKind, Jobs, Runner, Settings, Work},
};
use serde_json::Value;
use test_database::{TestDatabase, each_database};

const JOBS: u32 = 60;
const WORKERS: usize = 4;
/// Tells the child where its database is.
const DATABASE: &str = "JOBS_SURVIVE_A_CRASH_IN";
const WRITE: JobKind<u32> = JobKind::new("test.write");
const EFFECTS: Migration = Migration::new(
    "m20261129_90_test_effects",
    "CREATE TABLE effects (org_id uuid NOT NULL, number bigint NOT NULL);",
);

/// The clock of whoever comes after the leases have ended.
struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        SystemClock.now() + TimeDelta::minutes(1)
    }
}

fn org() -> Id<Organization> {
    "org_01jzx1hm60es2tv4k60c1vp5ba".parse().expect("an id")
}

async fn open(url: &str, world: &Surroundings) -> Db {
    let options = DbOptions { connections: 6, surroundings: world.clone(), ..DbOptions::new(url) };
    let db = Db::open(&options).expect("a database");
    let migrations: Vec<_> = platform::migrations().iter().copied().chain([EFFECTS]).collect();
    db.migrate(&migrations).await.expect("a schema");
    db
}

/// A node that says which job it begins, and does it unless it is to hang.
fn node(
    db: &Db,
    world: Surroundings,
    begin: impl Fn(u32) + Send + Sync + 'static,
    hangs: fn(u32) -> bool,
) -> Runner {
    let begin = Arc::new(begin);
    let handler = WRITE.handled_by(move |job: JobContext, number: u32| {
        let begin = Arc::clone(&begin);
        async move {
            begin(number);
            if hangs(number) {
                std::future::pending::<()>().await;
            }
            job.complete_with(move |unit| {
                unit.execute("INSERT INTO effects (org_id, number) VALUES ($1, $2)", &[&number])?;
                Ok::<_, JobError>(Value::Null)
            })
            .await
        }
    });
    let settings = Settings { workers: WORKERS, ..Settings::default() };
    let work = Work::new([handler], [], []).expect("work");
    Jobs::new(db.clone(), Bus::default(), world, settings).start(work, org())
}

/// What the parent kills. By itself it is no test.
#[tokio::test]
async fn child() {
    let Ok(url) = std::env::var(DATABASE) else { return };
    let world = Surroundings::system();
    let db = open(&url, &world).await;
    for number in 0..JOBS {
        db.write(org(), move |unit| unit.enqueue(&WRITE.job(&number))).await.expect("a job");
    }
    let say = |number| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "began {number}").and_then(|()| out.flush()).expect("a reader");
    };
    // One worker is left that goes on.
    let _node = node(&db, world, say, |number| matches!(number, 5 | 15 | 25));
    std::future::pending::<()>().await;
}

/// Lets a child begin that number of jobs and kills it; gives what it had begun.
fn kill_after(number: usize, url: &str) -> Vec<u32> {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "child", "--nocapture"])
        .env(DATABASE, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let mut numbers = lines.filter_map(|line| line.ok()?.split("began ").nth(1)?.trim().parse().ok());
    let mut began: Vec<u32> = numbers.by_ref().take(number).collect();
    child.kill().expect("it dies");
    child.wait().expect("it died");
    began.extend(numbers);
    began
}

async fn effects(db: &Db) -> Vec<(u32, u32)> {
    let sql = "SELECT number, count(*) FROM effects WHERE org_id = $1 GROUP BY number";
    let effects: Result<_, DbError> = db.read(org(), |tx| tx.all::<(u32, u32)>(sql, &[])).await;
    effects.expect("the effects")
}

async fn unfinished(db: &Db) -> bool {
    let sql = "SELECT 1 FROM jobs WHERE org_id = $1 AND place <> 'done' LIMIT 1";
    let found: Result<_, DbError> = db.read(org(), |tx| tx.one::<(u32,)>(sql, &[])).await;
    found.expect("the jobs").is_some()
}

#[each_database]
async fn a_killed_node_loses_nothing_and_no_more_is_begun_twice_than_it_had_in_hand() {
    for begun in [1, 20, 45] {
        let database = TestDatabase::empty();
        let before = kill_after(begun, database.url());

        let world = Surroundings::new(Later, SystemRandom);
        let db = open(database.url(), &world).await;
        let began = Arc::new(Mutex::new(before));
        let _node = node(
            &db,
            world,
            {
                let began = Arc::clone(&began);
                move |number| began.lock().expect("numbers").push(number)
            },
            |_| false,
        );
        let finished = async {
            while unfinished(&db).await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), finished).await.expect("all jobs end");

        let done = effects(&db).await;
        assert!(done.iter().all(|(_, times)| *times == 1), "killed after {begun}: {done:?}");
        assert_eq!(done.len(), JOBS as usize, "killed after {begun}: every job is done");
        let mut times: HashMap<u32, usize> = HashMap::new();
        began.lock().expect("numbers").iter().for_each(|number| *times.entry(*number).or_default() += 1);
        let twice = times.values().filter(|times| **times > 1).count();
        assert!(twice <= WORKERS, "killed after {begun}: {twice} were begun twice");
        assert!(times.values().all(|times| *times <= 2));
        if begun == 45 {
            assert!(twice >= 3, "those that hung were in hand");
        }
    }
}
