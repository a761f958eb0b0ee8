//! Signing in and out: passwords, tokens and their renewal, the first administrator.

mod attempts;
mod error;
pub(crate) mod extract;
mod founding;
mod model;
mod page;
mod password;
mod routes;
mod service;
pub(crate) mod store;
#[cfg(test)]
mod tests;

use gateway::{Access, By, Limit, Module, Repeats, routes};

pub use error::AuthError;
pub use founding::{FirstAdministrator, Founding};
pub use model::{
    Bootstrap, Bootstrapped, Grant, LoggedOut, Login, Logout, PasswordReset, PasswordSet, Refresh, SignedIn,
    SignedInUser, Tokens, Verified,
};
pub(crate) use password::PasswordLinks;
pub use service::Auth;

pub(crate) use attempts::Attempts;

/// The operations of sign-in. Attempts to log in are limited by the service, which knows the name besides the address.
pub(crate) fn module(auth: &Auth, founding: &Founding) -> Module {
    Module::new("auth")
        .route(auth, routes!(routes::login), Access::public().uncompressed())
        .route(auth, routes!(routes::refresh), Access::public().uncompressed())
        .route(auth, routes!(routes::token), Access::public().uncompressed())
        .route(
            auth,
            routes!(routes::logout),
            Access::anonymous().repeats(Repeats::Ignored).not_for_api_keys(),
        )
        .route(auth, routes!(routes::verify), Access::anonymous())
        .route(auth, routes!(routes::reset_password), Access::public())
        .root_route(auth, routes!(page::set_password), Access::public().uncounted())
        .route(
            founding,
            routes!(routes::bootstrap),
            Access::public().limit(Limit::per_minute(5, By::Address)),
        )
}
