//! The tasks of a node that run its jobs.
//!
//! One task looks for work: it relays events, makes jobs due whose time has come, takes over those whose leases have
//! ended, fires schedules and claims as many jobs as there are workers free. It sleeps until somebody tells it of more
//! work, a job ends, or the next thing is due that it knows of. Another task prolongs the leases of what runs. Each
//! job runs in a task of its own.

mod attempt;
mod heart;
mod lease;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use dashmap::DashMap;
use kernel::{
    Timestamp,
    id::{Id, JobId, kind::Organization},
};
use tokio::{
    sync::Notify,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use uuid::Uuid;

use super::{
    Handler, Hint, Jobs, Settings, TOPIC, Work,
    context::Attempt,
    lifecycle::{Course, Lease},
    store::{self, Beside, Outlook, Row},
    watching,
};
use crate::{
    bus::{Bus, Heard},
    db::{Db, DbError},
    outbox, schedules,
};
pub(super) use heart::Heart;
pub use heart::Pulse;

/// How long a node waits after the database failed it, or after others were faster at what seemed to be there.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a job waits that this node does not know how to do.
const UNKNOWN: TimeDelta = TimeDelta::minutes(1);
/// How often the jobs that wait are counted for the meters, at the most.
const COUNTING: Duration = Duration::from_secs(10);

/// A node's runner. Dropped, it is gone as if the node had died: the leases of what ran end by themselves.
pub struct Runner {
    node: Arc<Node>,
    pub(super) main: AbortOnDropHandle<()>,
    _leases: AbortOnDropHandle<()>,
}

/// What the tasks of a runner share.
struct Node {
    db: Db,
    bus: Bus,
    surroundings: kernel::Surroundings,
    settings: Settings,
    work: Work,
    home: Id<Organization>,
    /// Names the runner in leases and hints.
    name: Uuid,
    running: DashMap<JobId, Arc<Attempt>>,
    /// No more jobs are begun.
    stopping: CancellationToken,
    /// What still runs is handed back.
    hand_back: CancellationToken,
    /// Leases are looked after at once.
    look_after: Notify,
    heart: Heart,
}

impl Runner {
    pub(super) fn start(jobs: &Jobs, work: Work, home: Id<Organization>) -> Self {
        let node = Arc::new(Node {
            db: jobs.db.clone(),
            bus: jobs.bus.clone(),
            surroundings: jobs.surroundings.clone(),
            settings: jobs.settings.clone(),
            work,
            home,
            name: jobs.surroundings.uuid(),
            running: DashMap::new(),
            stopping: CancellationToken::new(),
            hand_back: CancellationToken::new(),
            look_after: Notify::new(),
            heart: jobs.heart.clone(),
        });
        let leases: JoinHandle<()> = tokio::spawn(lease::keep(Arc::clone(&node)));
        let main = tokio::spawn(Loop::new(Arc::clone(&node)).run());
        Self { node, main: AbortOnDropHandle::new(main), _leases: AbortOnDropHandle::new(leases) }
    }

    /// Begins no more jobs, lets those that run finish for a while, and hands the others back: they are queued again,
    /// the attempt doesn't count, and another node may take them at once.
    pub async fn stop(self) {
        self.node.stopping.cancel();
        if let Err(cause) = self.main.await {
            tracing::error!(%cause, "the runner of jobs failed");
        }
    }
}

/// The task that looks for work.
struct Loop {
    node: Arc<Node>,
    tasks: JoinSet<()>,
    /// The organization that was served last: the next one's turn comes after it.
    turn: Uuid,
    counted: Option<Instant>,
}

impl Loop {
    fn new(node: Arc<Node>) -> Self {
        Self { node, tasks: JoinSet::new(), turn: Uuid::nil(), counted: None }
    }

    async fn run(mut self) {
        let node = Arc::clone(&self.node);
        let _beating = node.heart.begin();
        let mut signals = node.db.work().listen();
        let mut hints = Some(node.bus.subscribe(TOPIC));
        let mut put_up = false;
        let mut more_than_own = false;
        while !node.stopping.is_cancelled() {
            let wait = match self.look(&mut put_up).await {
                Ok((wait, left)) => {
                    node.heart.beat(true);
                    if left && std::mem::take(&mut more_than_own) {
                        node.bus.tell_others(TOPIC, &Hint::Work(node.name).encode());
                    }
                    wait
                }
                Err(error) => {
                    tracing::error!(%error, "the runner of jobs could not look for work");
                    node.heart.beat(false);
                    PAUSE
                }
            };
            tokio::select! {
                () = node.stopping.cancelled() => {}
                _ = signals.changed() => more_than_own = true,
                heard = next(&mut hints) => self.hear(heard.as_ref()),
                Some(ended) = self.tasks.join_next() => note_panic(ended),
                () = sleep(wait) => {}
            }
        }
        self.wind_up().await;
    }

    fn hear(&self, heard: Option<&Heard>) {
        match heard {
            Some(Heard::Hint(hint)) => {
                if let Some(Hint::Cancel(job)) = Hint::decode(hint)
                    && let Some(attempt) = self.node.running.get(&job)
                {
                    attempt.cancel.cancel();
                }
            }
            // A hint to cancel may have been among them: the leases know it, too.
            Some(Heard::Missed) => self.node.look_after.notify_one(),
            None => {}
        }
    }

    /// Does what there is to do. Gives how long nothing else is known to come up, and whether there is work left for
    /// which no worker is free.
    async fn look(&mut self, put_up: &mut bool) -> Result<(Duration, bool), DbError> {
        let node = Arc::clone(&self.node);
        if !*put_up {
            schedules::put_up(&node.db, node.home, node.work.schedules().to_vec()).await?;
            *put_up = true;
        }
        loop {
            let outlook: Outlook = node.db.read_server(|tx| store::outlook(&tx.everywhere())).await?;
            let now = node.surroundings.now();
            let has_come = |time: Option<Timestamp>| time.is_some_and(|time| time <= now);
            let mut moved = 0;
            if outlook.event.is_some() {
                moved += node.relay().await?;
            }
            if has_come(outlook.later) {
                moved += node.promote().await?;
            }
            if has_come(outlook.lease) {
                moved += node.take_over().await?;
            }
            if has_come(outlook.schedule) {
                moved += node.fire().await?;
            }
            let free = node.settings.workers.saturating_sub(self.tasks.len());
            let due = outlook.due.is_some() || moved > 0;
            if due && free > 0 && !node.stopping.is_cancelled() {
                moved += self.claim(free).await?;
            }
            if moved == 0 {
                self.count().await?;
                return Ok((wait(&outlook, now, node.settings.poll()), due && free == 0));
            }
            // Those that have ended meanwhile give their workers back.
            while let Some(ended) = self.tasks.try_join_next() {
                note_panic(ended);
            }
        }
    }

    /// Claims jobs for the free workers and begins to run them; gives their number.
    async fn claim(&mut self, free: usize) -> Result<u64, DbError> {
        let (node, turn) = (Arc::clone(&self.node), self.turn);
        let (owner, bus) = (node.name, node.bus.clone());
        let until = node.surroundings.now() + lease::length(&node.settings);
        let (claimed, turn) = node
            .db
            .write_server(move |unit| {
                let everywhere = unit.everywhere();
                let (mut claimed, mut turn) = (Vec::new(), turn);
                while claimed.len() < free {
                    match store::take_due(&everywhere, turn)? {
                        Some(row) => {
                            turn = row.org_id.uuid();
                            let Some(course) = row.course()?.claim(Lease { owner, until }) else { continue };
                            let now = unit.surroundings().now();
                            let own = unit.org(row.org_id);
                            store::save(&own, &row, &course, &Beside::default(), now)?;
                            watching::tell(&bus, &own, row.id, row.created_by);
                            claimed.push((row, course));
                        }
                        // Round once: nobody has any.
                        None if turn.is_nil() => break,
                        None => turn = Uuid::nil(),
                    }
                }
                Ok::<_, DbError>((claimed, turn))
            })
            .await?;
        self.turn = turn;
        let number = claimed.len() as u64;
        for (row, course) in claimed {
            self.tasks.spawn(attempt::run(Arc::clone(&node), row, course, until));
        }
        Ok(number)
    }

    async fn count(&mut self) -> Result<(), DbError> {
        if self.counted.is_none_or(|counted| counted.elapsed() >= COUNTING) {
            let due: u64 = self.node.db.read_server(|tx| store::count_due(&tx.everywhere())).await?;
            metrics::gauge!("jobs_queued").set(due as f64);
            self.counted = Some(Instant::now());
        }
        Ok(())
    }

    /// The end: what runs may finish for a while and is then handed back.
    async fn wind_up(mut self) {
        let finished = async {
            while let Some(ended) = self.tasks.join_next().await {
                note_panic(ended);
            }
        };
        if tokio::time::timeout(self.node.settings.stop(), finished).await.is_err() {
            tracing::info!(jobs = self.tasks.len(), "jobs that did not finish in time are handed back");
            self.node.hand_back.cancel();
            while let Some(ended) = self.tasks.join_next().await {
                note_panic(ended);
            }
        }
        self.node.heart.stop();
    }
}

/// The next hint; never again once the bus has gone.
async fn next(hints: &mut Option<crate::bus::Subscription>) -> Option<Heard> {
    let heard = match hints {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    };
    if heard.is_none() {
        *hints = None;
    }
    heard
}

/// Handlers' panics are caught before: one here is the runner's own.
fn note_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(cause) = ended {
        tracing::error!(%cause, "the task of a job failed; the job is taken over when its lease ends");
    }
}

/// How long nothing is known to come up.
fn wait(outlook: &Outlook, now: Timestamp, poll: Duration) -> Duration {
    let next = [outlook.later, outlook.lease, outlook.schedule].into_iter().flatten().min();
    match next {
        None => poll,
        // It has come, and another node is at it.
        Some(time) if time <= now => PAUSE.min(poll),
        // Clocks tell milliseconds at best: not a moment too early.
        Some(time) => (time - now).to_std().map_or(poll, |wait| (wait + Duration::from_millis(1)).min(poll)),
    }
}

impl Node {
    fn handler(&self, kind: &str) -> Option<&Handler> {
        self.work.handler(kind)
    }

    async fn relay(self: &Arc<Self>) -> Result<u64, DbError> {
        let node = Arc::clone(self);
        self.db.write_server(move |unit| outbox::relay_some(unit, &node.work)).await
    }

    async fn promote(&self) -> Result<u64, DbError> {
        self.db
            .write_server(|unit| {
                let now = unit.surroundings().now();
                store::promote(&unit.everywhere(), now)
            })
            .await
    }

    async fn fire(self: &Arc<Self>) -> Result<u64, DbError> {
        let node = Arc::clone(self);
        self.db.write_server(move |unit| schedules::fire_some(unit, &node.work)).await
    }

    /// Takes jobs from runners that did not prolong their leases. What this node still runs itself is not given away
    /// for a clock that was put forward: its leases are prolonged instead.
    async fn take_over(self: &Arc<Self>) -> Result<u64, DbError> {
        let (settings, node) = (self.settings.clone(), Arc::clone(self));
        let taken: Vec<(Row, Course)> = self
            .db
            .write_server(move |unit| {
                let now = unit.surroundings().now();
                let mut taken = Vec::new();
                for row in store::take_expired(&unit.everywhere(), now)? {
                    if node.running.contains_key(&row.id) {
                        node.look_after.notify_one();
                        continue;
                    }
                    let Some(course) = row.course()?.expire(now) else { continue };
                    let beside = Beside { result: None, forget_at: settings.forget_at(course.stage, now) };
                    let own = unit.org(row.org_id);
                    store::save(&own, &row, &course, &beside, now)?;
                    watching::tell(&node.bus, &own, row.id, row.created_by);
                    taken.push((row, course));
                }
                Ok::<_, DbError>(taken)
            })
            .await?;
        for (row, course) in &taken {
            let status = course.stage.status().as_str();
            tracing::warn!(job = %row.id, kind = row.kind, status, "the lease of a job has ended");
            if let Some(handler) = self.handler(&row.kind) {
                attempt::count(handler.kind, course.stage.status());
            }
        }
        Ok(taken.len() as u64)
    }
}
