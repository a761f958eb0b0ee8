//! Pictures of people: what they send, as one size and kind, or else one that is drawn of their name.
//!
//! A picture is decoded and written anew, so that nothing of the file that was sent is kept: no place where a photo was
//! taken, no second file behind the first. `picture` is that, without I/O.

mod picture;
mod routes;
mod service;
pub(crate) mod store;

use gateway::{Access, By, Limit, Module, routes as documented};
use kernel::Permission;

pub(crate) use service::Avatars;

/// Bytes of a file that is sent.
const MAX_BYTES: usize = 5 << 20;

/// The operations on pictures.
pub(crate) fn module(avatars: &Avatars) -> Module {
    let own = || Access::permission(Permission::ADMIN_USERS).own("user_id");
    let often = Limit::per_minute(30, By::Caller);
    Module::new("avatars")
        .route(avatars, documented!(routes::get), Access::authenticated())
        .route(avatars, documented!(routes::put), own().body_limit(MAX_BYTES).limit(often).in_person())
        .route(avatars, documented!(routes::remove), own().in_person())
}
