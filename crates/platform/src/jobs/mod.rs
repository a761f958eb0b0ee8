//! Jobs: work that goes on after an answer, and survives whatever happens to the node that does it.
//!
//! One table is queue, status page and target of the outbox. A job is written in the unit of work that wants it
//! ([`Unit::enqueue`]), so that both stay or neither does. A [`Runner`] on each node claims jobs by lease, renews the
//! leases while handlers run, and writes what came of them. A node that dies loses nothing: its leases end, and others
//! take the jobs over with a higher fence number, against which every later word of the first node is void.
//!
//! Every job belongs to an organization; those of the server itself belong to the server's first one, whose
//! administrators answer for the server.
//!
//! `lifecycle` holds the rules without I/O, `store` the SQL, `runner` the tasks of a node, `context` what a
//! handler gets.

mod context;
mod housekeeping;
mod job;
mod kind;
mod lifecycle;
mod runner;
mod settings;
mod signal;
pub(crate) mod store;
#[cfg(test)]
pub(crate) mod tests;
mod units;
mod watching;
mod work;

use bytes::Bytes;
use kernel::{
    Error, Surroundings,
    id::{Id, JobId, kind::Organization},
    list::{ListRequest, Page},
};

use crate::{
    bus::Bus,
    db::{Db, DbError, Migration, Unit},
};
use lifecycle::Course;
use runner::Heart;
use store::Beside;

pub use context::{JobContext, JobError};
pub use housekeeping::{PRUNE, prune};
pub use job::{Job, LIST, NotCancelled, NotRetried, Status};
pub use kind::{Backoff, Handler, JobKind, NewJob};
pub use runner::{Pulse, Runner};
pub use settings::Settings;
pub(crate) use signal::Signal;
pub use units::in_small_units;
pub use work::{Work, WorkError};

/// Where a job stands in the queue is its `place`: `due` (a runner may take it), `later` (its time has not come),
/// `behind` (an earlier one of its line has not ended), `leased` (a runner has it), `done`. Each place has the index
/// that its reader walks, so that no step depends on how many jobs stand elsewhere.
pub(crate) const TABLE: Migration = Migration::new(
    "m20261129_02_platform_jobs",
    "CREATE TABLE jobs (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        kind keytext NOT NULL,
        payload text NOT NULL,
        status keytext NOT NULL,
        place keytext NOT NULL,
        progress bigint NOT NULL,
        attempts bigint NOT NULL,
        max_attempts bigint NOT NULL,
        run_at bigint NOT NULL,
        lease_owner uuid,
        lease_until bigint,
        fence bigint NOT NULL,
        cancel_asked boolean NOT NULL,
        unique_key keytext,
        line keytext,
        line_at bigint,
        error text,
        result text,
        created_by uuid,
        created_at bigint NOT NULL,
        started_at bigint,
        finished_at bigint,
        forget_at bigint,
        PRIMARY KEY (org_id, id)
    );
    CREATE INDEX jobs_by_creation ON jobs (org_id, created_at, id);
    CREATE INDEX jobs_by_time ON jobs (org_id, run_at, id);
    CREATE INDEX jobs_by_status ON jobs (org_id, status, created_at, id);
    CREATE INDEX jobs_by_kind ON jobs (org_id, kind, created_at, id);
    CREATE INDEX jobs_due ON jobs (org_id, run_at, id) WHERE place = 'due';
    CREATE INDEX jobs_later ON jobs (run_at) WHERE place = 'later';
    CREATE INDEX jobs_leased ON jobs (lease_until) WHERE place = 'leased';
    CREATE INDEX jobs_done ON jobs (forget_at) WHERE place = 'done';
    CREATE INDEX jobs_in_line ON jobs (org_id, line, line_at) WHERE line IS NOT NULL AND place <> 'done';
    CREATE UNIQUE INDEX jobs_org_id_kind_unique_key_key ON jobs (org_id, kind, unique_key)
        WHERE unique_key IS NOT NULL AND place <> 'done';",
);

/// The topic on which nodes tell each other of jobs.
const TOPIC: &str = "jobs";

/// What nodes tell each other. Hints only: what is missed is found by looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    /// There is more work than the node of that id can do.
    Work(uuid::Uuid),
    /// The job is to stop, wherever it runs.
    Cancel(JobId),
}

impl Hint {
    fn encode(self) -> Bytes {
        let (tag, id) = match self {
            Self::Work(node) => (b'w', node),
            Self::Cancel(job) => (b'c', job.uuid()),
        };
        [&[tag], id.as_bytes().as_slice()].concat().into()
    }

    fn decode(hint: &[u8]) -> Option<Self> {
        let (tag, id) = hint.split_first()?;
        let id = uuid::Uuid::from_slice(id).ok()?;
        match tag {
            b'w' => Some(Self::Work(id)),
            b'c' => Some(Self::Cancel(JobId::from_uuid(id))),
            _ => None,
        }
    }
}

/// Jobs as the rest of the house sees them. A cheap handle.
#[derive(Clone)]
pub struct Jobs {
    db: Db,
    bus: Bus,
    surroundings: Surroundings,
    settings: Settings,
    heart: Heart,
}

impl Jobs {
    /// Jobs in that database, whose nodes tell each other over that bus.
    pub fn new(db: Db, bus: Bus, surroundings: Surroundings, settings: Settings) -> Self {
        Self { db, bus, surroundings, settings, heart: Heart::default() }
    }

    /// Begins to run jobs on this node. The server's own belong to the organization `home`.
    pub fn start(&self, work: Work, home: Id<Organization>) -> Runner {
        Runner::start(self, work, home)
    }

    /// How the runner of this node is.
    pub fn pulse(&self) -> Pulse {
        self.heart.pulse(self.settings.poll())
    }

    /// One page of an organization's jobs.
    pub async fn list(&self, org: Id<Organization>, request: ListRequest) -> Result<Page<Job>, Error> {
        Ok(self.db.read(org, move |tx| store::list(tx, &request)).await?)
    }

    /// A job of an organization.
    pub async fn get(&self, org: Id<Organization>, id: JobId) -> Result<Option<Job>, DbError> {
        self.db.read(org, move |tx| store::get(tx, id)).await
    }

    /// Cancels a job in the unit of work: one that waits at once; one that runs is asked to stop, and dropped after a
    /// grace period. None if there is no such job.
    pub fn cancel(&self, unit: &Unit<'_>, id: JobId) -> Result<Option<Result<Job, NotCancelled>>, DbError> {
        let Some(row) = store::lock(unit, id)? else { return Ok(None) };
        let before = row.course()?;
        let course = match before.clone().cancel() {
            Ok(course) => course,
            Err(refused) => return Ok(Some(Err(refused))),
        };
        if course != before {
            self.save(unit, &row, &course)?;
        }
        if course.cancel_asked {
            let bus = self.bus.clone();
            unit.after_commit(move || bus.publish(TOPIC, Hint::Cancel(id).encode()));
        }
        Ok(store::get(unit, id)?.map(Ok))
    }

    /// Has a failed or dead job run again, from its first attempt. None if there is no such job. If another of its
    /// unique key waits or runs by now, the unit fails, and [`NotRetried::superseded`] knows the error.
    pub fn retry(&self, unit: &Unit<'_>, id: JobId) -> Result<Option<Result<Job, NotRetried>>, DbError> {
        let Some(row) = store::lock(unit, id)? else { return Ok(None) };
        let course = match row.course()?.retry(unit.surroundings().now()) {
            Ok(course) => course,
            Err(refused) => return Ok(Some(Err(refused))),
        };
        self.save(unit, &row, &course)?;
        Ok(store::get(unit, id)?.map(Ok))
    }

    fn save(&self, unit: &Unit<'_>, row: &store::Row, course: &Course) -> Result<(), DbError> {
        let now = unit.surroundings().now();
        let beside = Beside { result: None, forget_at: self.settings.forget_at(course.stage, now) };
        watching::tell(&self.bus, unit, row.id, row.created_by);
        store::save(unit, row, course, &beside, now)
    }
}

impl Unit<'_> {
    /// Takes back a job whose time has not come. One that is due or done stays.
    pub fn withdraw(&self, id: JobId) -> Result<(), DbError> {
        store::withdraw(self, id)
    }

    /// Takes back all jobs of the organization, which is about to go. Gives how many are under way: those were asked to
    /// stop.
    pub fn abandon_jobs(&self) -> Result<u64, DbError> {
        store::abandon(self)
    }

    /// Asks for a job, in this unit of work: it stays if the unit does. Of one that is to be unique and waits or runs
    /// already, gives that one.
    pub fn enqueue(&self, job: &NewJob) -> Result<JobId, DbError> {
        let id = store::insert(self, job)?;
        self.signal_work();
        Ok(id)
    }
}
