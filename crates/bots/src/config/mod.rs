//! The settings of a bot: those of its package's `config.csv`, with what is known of each. Changing one writes that
//! file, so that the package always says what holds.

pub(crate) mod known;
mod model;
mod routes;
mod service;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

use crate::packages::Packages;

/// The operations on settings.
pub(crate) fn module(packages: &Packages) -> Module {
    let standing = |permission| Access::permission(permission).standing(Standing::MayUseBot);
    Module::new("bot-config")
        .route(packages, documented!(routes::get), standing(Permission::BOTS_READ))
        // The answer holds settings beside each other, and some are nobody's to know: they are hidden in it.
        .route(packages, documented!(routes::patch), standing(Permission::BOTS_WRITE).in_person())
}

/// What is to be said of a setting in a file, if anything is.
pub(crate) fn warning(key: &str, value: &str) -> Option<String> {
    match known::known(key) {
        Some(setting) => {
            let problem = setting.takes.problem(value).filter(|_| !value.is_empty())?;
            Some(format!("The setting {key} {problem}."))
        }
        None if known::is_expected(key) => None,
        None => Some(format!("The setting {key} is not known; it is kept.")),
    }
}
