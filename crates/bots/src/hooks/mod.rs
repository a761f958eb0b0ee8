//! Hooks: addresses under which other servers call scripts that declare `WEBHOOK "name"`.
//!
//! Each hook has a secret, made when a package first declares it and kept as long as one does. Whoever calls shows it as
//! a bearer token, or signs the body with it: after Standard Webhooks, or as `X-Hub-Signature-256` does. The script acts
//! as the bot, and what it gives back is the answer, as it is.

mod answer;
mod credentials;
mod declared;
mod routes;
mod service;
mod store;

use std::time::Duration;

use gateway::{Access, Module, routes as documented};

pub(crate) use answer::RESULT;
pub(crate) use declared::{Declared, declare, declared};
pub(crate) use service::{Hook, Hooks};
pub(crate) use store::{HOOKS, forget_of};

/// Bytes of a body.
const BODY: usize = 1 << 20;
/// Longer than a script may run that is called: that it took too long is told by what runs it.
const TIME: Duration = Duration::from_secs(90);

/// The operations of hooks.
pub(crate) fn module(hooks: &Hooks) -> Module {
    // How often is counted where the bot is known.
    let open = || Access::public().uncounted().own_credentials().body_limit(BODY).timeout(TIME);
    Module::new("hooks").route(hooks, documented!(routes::post), open()).route(
        hooks,
        documented!(routes::get),
        open(),
    )
}
