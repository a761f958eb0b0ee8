//! Schedules: scripts that run at times, because they say so themselves (`SET SCHEDULE "0 9 * * MON"` at the top), or
//! because a script planned them when it ran.
//!
//! A schedule is a row and the job of its next run, which names the row and is named by it: a job that the row doesn't
//! name any more does nothing. The run, what becomes of it, and the next job stand in one unit of work, so that a node
//! that dies in the middle has run it wholly or not at all. What was missed while no node ran is made up for once.

mod declared;
mod keywords;
mod model;
mod routes;
mod running;
mod service;
mod store;
mod when;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

pub(crate) use declared::declare;
pub(crate) use service::Schedules;
pub(crate) use store::{SCHEDULES, forget_of};

/// The operations on schedules, the command that plans, and the jobs that run.
pub(crate) fn module(schedules: &Schedules) -> Module {
    let may = |permission| Access::permission(permission).standing(Standing::MayUseBot);
    let module = Module::new("schedules")
        .route(schedules, documented!(routes::list), may(Permission::BOTS_READ))
        .route(schedules, documented!(routes::run), may(Permission::BOTS_WRITE));
    running::with_jobs(keywords::with_commands(module, schedules), schedules)
}
