//! Jobs as people see them: what goes on in the background, what failed and why, and what may be run again.

mod model;
mod routes;
mod service;
mod topic;

use std::sync::Arc;

use gateway::{Access, Health, HealthCheck, Module, routes as documented};
use kernel::{Permission, Standing, Surroundings};
use platform::{
    db::Db,
    jobs::{Jobs, Pulse},
};

pub use model::Job;
pub use service::JobService;

/// The operations on jobs, and the health of the runner.
pub fn module(db: &Db, jobs: &Jobs, world: &Surroundings) -> Module {
    let service = JobService::new(db.clone(), jobs.clone());
    let see = || Access::permission(Permission::ADMIN_MONITOR);
    let act = || Access::permission(Permission::ADMIN_CONFIG);
    Module::new("jobs")
        .route(&service, documented!(routes::list), see())
        .route(&service, documented!(routes::get), see())
        .route(&service, documented!(routes::retry), act())
        .route(&service, documented!(routes::cancel), act())
        .route(&service, documented!(routes::follow), Access::authenticated().standing(Standing::Starter))
        .topic(
            "job",
            "`event` frames of the job: how it stands at first, and each time that its state or progress has changed. Their \
             `event` is `job.` and its state, their `data` the job as `GET /api/jobs/{job_id}` gives it.",
            Arc::new(topic::JobTopic::new(&service, world)),
        )
        .health(health(jobs))
}

fn health(jobs: &Jobs) -> HealthCheck {
    let jobs = jobs.clone();
    HealthCheck::new("jobs", move || {
        let health = match jobs.pulse() {
            Pulse::Beating => Health::Healthy,
            // The database is what fails it, and tells so itself.
            Pulse::Struggling => Health::Degraded,
            Pulse::Stopped | Pulse::Dead => Health::Unhealthy,
        };
        std::future::ready(health)
    })
}
