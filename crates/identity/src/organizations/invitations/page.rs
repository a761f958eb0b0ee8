//! The page behind the link of an invitation.

use std::sync::LazyLock;

use axum::response::Response;

use crate::page::Page;

static INVITATION: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("invitation.html")));

/// The page of the link that a mailed invitation has.
///
/// It reads id and token behind `#` in its own address, which browsers send to nobody, shows what the invitation is to,
/// and answers it for who signs in there.
#[utoipa::path(
    get,
    path = "/invitation",
    responses((status = 200, content_type = "text/html", body = String, example = json!("<!doctype html>…"))),
)]
pub(in crate::organizations) async fn invitation_page() -> Response {
    INVITATION.shown()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_stands_by_itself() {
        INVITATION.assert_stands_by_itself();
    }
}
