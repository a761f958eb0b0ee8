//! What the server does regularly for itself: forgetting old jobs, sweeping objects that nobody has, making
//! indexes of texts whole.

use gateway::Module;
use kernel::Surroundings;
use platform::{
    db::{self, Db, MERGE},
    jobs::{self, PRUNE},
    objects::{self, Objects, SWEEP},
    schedules::Schedule,
};

/// The jobs of upkeep and when they are done.
pub fn module(db: &Db, objects: &Objects, surroundings: &Surroundings) -> Module {
    Module::new("upkeep")
        .job_handler(jobs::prune(db))
        .schedule(Schedule::new("jobs.prune", "23 * * * *", PRUNE.job(&())))
        .job_handler(objects::sweep(db, objects, surroundings))
        .schedule(Schedule::new("objects.sweep", "37 4 * * *", SWEEP.job(&())))
        .job_handler(db::merge_search(db))
        .schedule(Schedule::new("db.merge_search", "53 3 * * *", MERGE.job(&())))
}
