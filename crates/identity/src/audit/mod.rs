//! The audit log as people see it: what was done, by whom, to what, and whether the log holds. Who reads or exports it
//! stands in it, too.
//!
//! `platform::audit` writes and seals entries; here they are listed, counted and exported. `period` reads which days
//! are meant; `export` writes files of entries, `csv` one of the forms; `denials` has the log told of callers that lack a
//! permission.

mod csv;
pub mod denials;
mod export;
pub(crate) mod model;
mod period;
mod routes;
mod service;
pub(crate) mod store;
mod summary;
#[cfg(test)]
mod tests;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};
use platform::{audit, schedules::Schedule};

pub use denials::Denials;
pub use export::{DateRange, Filters, Form, NewExport};
pub use model::{AuditEntry, AuditsError, CategoryName, ContextName, Details, FieldChange, Outcome};
pub use service::Audits;
pub use summary::{ActorCount, AuditSummary, Counted, DayCount, Verification, Verified, WholeCheck};

/// The operations on the log, and what is done with it again and again: it is checked, kept for as long as it is to be, and
/// files of it that have had their time are removed.
pub fn module(audits: &Audits) -> Module {
    let read = || Access::permission(Permission::AUDIT_READ);
    let export = || Access::permission(Permission::AUDIT_EXPORT);
    Module::new("audit")
        .route(audits, documented!(routes::list), read())
        .route(audits, documented!(routes::summary), read())
        .route(audits, documented!(routes::export), export())
        .route(audits, documented!(routes::download), export().standing(Standing::Starter))
        .route(audits, documented!(routes::get), read())
        .job_handler(export::export(audits))
        .job_handler(export::forget(audits))
        .schedule(Schedule::new("audit.forget_exports", "41 * * * *", export::FORGET.job(&())))
        .job_handler(audit::retain(audits.log()))
        .schedule(Schedule::new("audit.retain", "17 2 * * *", audit::RETAIN.job(&())))
        .job_handler(audit::verify(audits.log()))
        .schedule(Schedule::new("audit.verify", "43 2 * * *", audit::VERIFY.job(&())))
}
