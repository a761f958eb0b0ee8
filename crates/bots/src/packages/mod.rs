//! Packages: what a bot is made of. A zip or a folder of scripts, settings and files, installed as a whole or not at
//! all.

mod archive;
pub(crate) mod compile;
mod configure;
pub(crate) mod create;
mod export;
mod file_routes;
mod files;
pub(crate) mod import;
pub(crate) mod install;
pub(crate) mod layout;
mod model;
mod places;
mod routes;
mod service;
pub(crate) mod settings_csv;
pub(crate) mod state;
mod states;
pub(crate) mod store;
pub(crate) mod templates;
mod theme;
mod upload;
mod version_routes;
mod versions;

#[cfg(test)]
mod tests;

use std::time::Duration;

use gateway::{Access, By, Limit, Module, routes as documented};
use kernel::{Permission, Standing};

pub(crate) use file_routes::FileBytes;
pub use model::{
    FileEntry, FileReport, Installation, Installed, PackageError, SavedFile, ScriptEntry, ScriptKind,
    ScriptReport, ScriptStatus,
};
pub use service::Packages;

/// Hears how many of how many files are done.
pub type Watch = std::sync::Arc<dyn Fn(usize, usize) + Send + Sync>;

/// Where nobody watches.
fn unwatched() -> Watch {
    std::sync::Arc::new(|_, _| ())
}

/// The operations on packages.
pub(crate) fn module(packages: &Packages) -> Module {
    let read = || Access::permission(Permission::BOTS_READ).standing(Standing::MayUseBot);
    // What scripts there are is for somebody who is there to say: they run with the rights of whoever talks with them.
    let author = || Access::permission(Permission::BOTS_WRITE).standing(Standing::MayUseBot).in_person();
    // The service limits the bytes, by settings that may change.
    let upload = || author().body_limit(usize::MAX).timeout(Duration::from_mins(10));
    // A page has several, and they are no reason to refuse a sign-in.
    let looks = || Access::public().uncounted().limit(Limit::per_minute(300, By::Address));
    Module::new("packages")
        .route(packages, documented!(routes::export), read())
        .route(packages, documented!(routes::install), upload())
        .route(packages, documented!(file_routes::list_files), read())
        .route(packages, documented!(file_routes::get_file), read())
        .route(packages, documented!(file_routes::put_file), upload())
        .route(packages, documented!(file_routes::delete_file), author())
        .route(packages, documented!(theme::looks), looks())
        .route(packages, documented!(theme::theme), looks())
        .route(packages, documented!(version_routes::list_versions), read())
        .route(packages, documented!(version_routes::restore_version), author())
}
