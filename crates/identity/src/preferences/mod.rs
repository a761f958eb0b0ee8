//! What people prefer: how things look to them, what they are told of, and which bot they begin with.
//!
//! All of it belongs to the account and is the same wherever somebody acts; but the bot, which belongs to one
//! organization and is kept with the membership there. Only what somebody has decided is stored.

mod model;
mod routes;
mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, Module, routes};
use kernel::Permission;

pub use model::{UserSettings, UserSettingsPatch};
pub use service::Preferences;

/// The operations on preferences.
pub(crate) fn module(preferences: &Preferences) -> Module {
    let own = || Access::permission(Permission::ADMIN_USERS).own("user_id");
    Module::new("user-settings").route(preferences, routes!(routes::get), own()).route(
        preferences,
        routes!(routes::change),
        own(),
    )
}
