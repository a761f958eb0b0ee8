//! What goes over somebody's mail: a new password, a confirmed address, an account of one's own.
//!
//! Whoever asks shows no credentials, so nothing tells whether an address is known: a request only writes down, sealed,
//! what was asked for, as a job. The job looks who it is about, on its own time. The way of a request is thus one
//! and the same for every address.

mod allowance;
mod asked;
mod confirm;
mod model;
mod register;
mod reset;
pub(super) mod routes;
#[cfg(test)]
mod tests;

pub use model::{
    AddressConfirmation, AddressConfirmed, AskedFor, ForcedReset, Registered, Registration, ResetMailed,
    ResetRequest,
};

pub(crate) use allowance::Allowance;
pub(super) use reset::still_reaches;

use gateway::Module;

use super::Auth;

/// The jobs that look who was meant.
pub(super) fn jobs(module: Module, auth: &Auth) -> Module {
    module.job_handler(asked::handler(auth, &asked::RESET)).job_handler(asked::handler(auth, &asked::CONFIRM))
}
