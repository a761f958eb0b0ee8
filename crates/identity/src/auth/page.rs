//! The pages behind one-time links: one sets a password, one confirms an address. Each stands by itself: no other
//! file, no outside request. Opening one does nothing yet, because programs that look at mail follow its links.

use std::sync::LazyLock;

use axum::response::Response;

use crate::page::Page;

static SET_PASSWORD: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("set_password.html")));
static CONFIRM_EMAIL: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("confirm_email.html")));

/// The page of the one-time link that sets a password.
///
/// It reads the token behind `#token=` in its own address, which browsers send to nobody, and calls
/// `/auth/password/reset`.
#[utoipa::path(
    get,
    path = "/set-password",
    responses((status = 200, content_type = "text/html", body = String, example = json!("<!doctype html>…"))),
)]
pub(super) async fn set_password() -> Response {
    SET_PASSWORD.shown()
}

/// The page of the one-time link that confirms an address.
///
/// It reads the token behind `#token=` in its own address, which browsers send to nobody, and calls
/// `/auth/email/verify` when its button is pressed.
#[utoipa::path(
    get,
    path = "/confirm-email",
    responses((status = 200, content_type = "text/html", body = String, example = json!("<!doctype html>…"))),
)]
pub(super) async fn confirm_email_page() -> Response {
    CONFIRM_EMAIL.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_stand_by_themselves() {
        SET_PASSWORD.assert_stands_by_itself();
        CONFIRM_EMAIL.assert_stands_by_itself();
    }
}
