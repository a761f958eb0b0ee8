//! Packages: what a bot is made of. A zip or a folder of scripts, settings and files, installed as a whole or not at
//! all.

mod archive;
pub(crate) mod compile;
pub(crate) mod import;
pub(crate) mod layout;
mod model;
mod routes;
mod service;
mod settings_csv;
pub(crate) mod state;
pub(crate) mod store;
mod upload;

#[cfg(test)]
mod tests;

use std::time::Duration;

use gateway::{Access, Module, routes as documented};
use kernel::{Permission, Standing};

pub use model::{
    FileEntry, FileReport, Installation, Installed, PackageError, ScriptEntry, ScriptKind, ScriptReport,
    ScriptStatus,
};
pub use service::Packages;

/// The operations on packages.
pub(crate) fn module(packages: &Packages) -> Module {
    let write = || Access::permission(Permission::BOTS_WRITE).standing(Standing::MayUseBot);
    // The service limits the bytes, by settings that may change.
    let upload = write().body_limit(usize::MAX).timeout(Duration::from_mins(10));
    Module::new("packages").route(packages, documented!(routes::install), upload).route(
        packages,
        documented!(routes::files),
        Access::permission(Permission::BOTS_READ).standing(Standing::MayUseBot),
    )
}
