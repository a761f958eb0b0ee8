//! What the server does regularly for itself: forgetting old jobs, sweeping objects that nobody has, sending
//! mail, making indexes of texts whole.

use gateway::Module;
use kernel::Surroundings;
use platform::{
    db::{self, Db, MERGE},
    jobs::{self, PRUNE},
    mail::{self, Mailer},
    objects::{self, Objects, SWEEP},
    schedules::Schedule,
};

/// The jobs of upkeep and when they are done.
pub fn module(db: &Db, objects: &Objects, mailer: &Mailer, surroundings: &Surroundings) -> Module {
    let [send, sweep] = mailer.handlers();
    Module::new("upkeep")
        .job_handler(send)
        .job_handler(sweep)
        .schedule(Schedule::new("mail.sweep", "11 * * * *", mail::SWEEP.job(&())))
        .job_handler(jobs::prune(db))
        .schedule(Schedule::new("jobs.prune", "23 * * * *", PRUNE.job(&())))
        .job_handler(objects::sweep(db, objects, surroundings))
        .schedule(Schedule::new("objects.sweep", "37 4 * * *", SWEEP.job(&())))
        .job_handler(db::merge_search(db))
        .schedule(Schedule::new("db.merge_search", "53 3 * * *", MERGE.job(&())))
}
