//! API keys: what a program shows instead of a person's session.
//!
//! A key belongs to one user in one organization. Its secrets are 256 random bits, shown once and kept as hashes. What
//! it may do is its scopes, narrowed at each use by what its owner may do then; it works while its owner does. The
//! caller behind a key is made in `sessions::authenticator`, where those of sessions are.

mod events;
pub(crate) mod model;
mod networks;
mod policy;
mod routes;
mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;
mod upkeep;

use gateway::{Access, By, Limit, Module, Repeats, routes};
use kernel::{Permission, Standing};
use platform::{jobs::JobKind, schedules::Schedule};

pub use model::{ApiKey, CreatedKey, KeyPatch, NewKey, Rotation};
pub(crate) use networks::Networks;
pub use policy::KeyError;
pub use service::ApiKeys;
pub(crate) use service::{stop_all_of, stop_those_in};

/// Announces the end of keys, and forgets those that ended long ago.
const UPKEEP: JobKind<()> = JobKind::new("api_keys.upkeep");

/// The operations on API keys, and their upkeep.
pub(crate) fn module(keys: &ApiKeys) -> Module {
    const OWN: Access = Access::permission(Permission::API_KEYS);
    const THEIRS: Access = Access::permission(Permission::ADMIN_KEYS).own("user_id");
    let keeper = keys.clone();
    let making = |access: Access| {
        access
            .not_for_api_keys()
            .repeats(Repeats::Secret)
            .limit(Limit::per_hour(10, By::Caller).of("new_api_keys"))
            .limit(Limit::per_day(10, By::Caller).of("new_api_keys"))
    };
    let changing = || OWN.standing(Standing::Owner).not_for_api_keys();
    events::declare(Module::new("api-keys"))
        .job(&UPKEEP, move |job, ()| keeper.clone().keep_up(job))
        .schedule(Schedule::new("api_keys.upkeep", "17 * * * *", UPKEEP.job(&())))
        .route(keys, routes!(routes::list), OWN)
        .route(keys, routes!(routes::create), making(OWN))
        .route(keys, routes!(routes::get), OWN.standing(Standing::Owner))
        .route(keys, routes!(routes::change), changing())
        .route(keys, routes!(routes::revoke), changing())
        .route(keys, routes!(routes::rotate), changing().repeats(Repeats::Secret))
        .route(keys, routes!(routes::list_of_user), THEIRS)
        .route(keys, routes!(routes::create_for_user), making(THEIRS))
}
