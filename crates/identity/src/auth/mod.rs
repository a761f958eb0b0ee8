//! Signing in and out: passwords, tokens and their renewal, the first administrator.

mod attempts;
mod by_mail;
#[cfg(test)]
mod cost_tests;
mod error;
pub(crate) mod extract;
mod founding;
mod model;
mod page;
mod pair;
mod password;
mod routes;
mod service;
mod sign_in;
pub(crate) mod store;
mod switching;
#[cfg(test)]
mod tests;
mod upkeep;

use gateway::{Access, By, Limit, Module, Repeats, routes};
use kernel::{Confinement, Permission};

pub(crate) use by_mail::Allowance;
pub use by_mail::{
    AddressConfirmation, AddressConfirmed, AskedFor, ForcedReset, Registered, Registration, ResetMailed,
    ResetRequest,
};
pub use error::AuthError;
pub use founding::{FirstAdministrator, Founding};
pub use model::{
    Bootstrap, Bootstrapped, Challenge, Grant, LoggedOut, Login, LoginAnswer, Logout, PasswordChange,
    PasswordReset, PasswordSet, Refresh, SecondStep, SignedIn, SignedInUser, Tokens, Unlocked, Verified,
};
pub(crate) use password::{forget_links, is_password_of};
pub use service::Auth;

pub(crate) use attempts::{Attempts, hex};

/// The operations of sign-in. Attempts to log in are limited by the service, which knows the name besides the address.
pub(crate) fn module(auth: &Auth, founding: &Founding) -> Module {
    const UNDONE: &[Confinement] = &[Confinement::TwoFactorSetup, Confinement::PasswordChange];
    // Tokens can't be guessed; who tries shall not be able to keep the server busy with it either.
    let shows_token = || Access::public().in_person().limit(Limit::per_minute(20, By::Address));
    let asks_for_mail = || Access::public().in_person().repeats(Repeats::Ignored);
    upkeep::jobs(by_mail::jobs(Module::new("auth"), auth), auth)
        .route(auth, routes!(routes::login), Access::public().uncompressed().in_person())
        .route(auth, routes!(routes::second_step), Access::public().uncompressed().in_person())
        .route(auth, routes!(routes::refresh), Access::public().uncompressed().in_person())
        .route(auth, routes!(routes::token), Access::public().uncompressed().in_person())
        .route(
            auth,
            routes!(routes::logout),
            Access::anonymous().repeats(Repeats::Ignored).not_for_api_keys().during(UNDONE),
        )
        .route(
            auth,
            routes!(switching::switch_organization),
            Access::authenticated().repeats(Repeats::Ignored).uncompressed().not_for_api_keys().in_person(),
        )
        .route(auth, routes!(routes::verify), Access::anonymous().during(UNDONE))
        .route(
            auth,
            routes!(routes::change_password),
            Access::own_only("user_id")
                .in_person()
                .not_for_api_keys()
                .during(&[Confinement::PasswordChange])
                .repeats(Repeats::Ignored)
                .limit(Limit::per_minute(5, By::Caller)),
        )
        .route(auth, routes!(routes::unlock), Access::permission(Permission::ADMIN_USERS).in_person())
        .route(auth, routes!(routes::reset_password), shows_token())
        .route(
            auth,
            routes!(by_mail::routes::request_reset),
            asks_for_mail().limit(Limit::per_hour(20, By::Address)),
        )
        .route(
            auth,
            routes!(by_mail::routes::request_confirmation),
            asks_for_mail().limit(Limit::per_hour(20, By::Address)),
        )
        .route(auth, routes!(by_mail::routes::confirm_email), shows_token())
        .route(
            auth,
            routes!(by_mail::routes::register),
            asks_for_mail().limit(Limit::per_hour(5, By::Address)),
        )
        .route(
            auth,
            routes!(by_mail::routes::order_reset),
            Access::permission(Permission::ADMIN_USERS)
                .in_person()
                .not_for_api_keys()
                .repeats(Repeats::Ignored),
        )
        .root_route(auth, routes!(page::set_password), Access::public().uncounted())
        .root_route(auth, routes!(page::confirm_email_page), Access::public().uncounted())
        .route(
            founding,
            routes!(routes::bootstrap),
            Access::public().limit(Limit::per_minute(5, By::Address)).in_person(),
        )
}
