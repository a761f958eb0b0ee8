//! The second factor: codes of an authenticator (TOTP, RFC 6238) and backup codes, each good once.
//!
//! What an authenticator shares with the server is sealed at rest. Backup codes are kept as keyed hashes, whose key is
//! sealed beside it: eight digits hashed without one could be tried out by whoever copies the database.

pub(crate) mod factor;
pub(crate) mod model;
mod policy;
mod routes;
mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, Module, Repeats, routes};
use kernel::{Confinement, Permission};

pub use model::{BackupCodes, Confirmation, Proof, Setup, SetupRequest, TwoFactorStatus};
pub use policy::TwoFactorError;
pub use service::TwoFactor;

/// The operations on the second factor.
pub(crate) fn module(two_factor: &TwoFactor) -> Module {
    const SETTING_UP: &[Confinement] = &[Confinement::TwoFactorSetup];
    let own = || Access::own_only("user_id").not_for_api_keys();
    let administered = || Access::permission(Permission::ADMIN_USERS).own("user_id");
    Module::new("two-factor")
        .route(two_factor, routes!(routes::status), administered().during(SETTING_UP))
        .route(two_factor, routes!(routes::enable), own().during(SETTING_UP).repeats(Repeats::Secret))
        .route(two_factor, routes!(routes::confirm), own().during(SETTING_UP).repeats(Repeats::Ignored))
        .route(
            two_factor,
            routes!(routes::disable),
            administered().not_for_api_keys().repeats(Repeats::Ignored),
        )
        .route(two_factor, routes!(routes::backup_codes), own().repeats(Repeats::Secret))
}
