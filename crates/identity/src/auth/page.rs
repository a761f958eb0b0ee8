//! The pages behind one-time links: one sets a password, one confirms an address. Each stands by itself: no other
//! file, no outside request. Opening one does nothing yet, because programs that look at mail follow its links.

use std::sync::LazyLock;

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// A page with the policy that it is shown under.
struct Page {
    html: &'static str,
    policy: String,
}

static SET_PASSWORD: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("set_password.html")));
static CONFIRM_EMAIL: LazyLock<Page> = LazyLock::new(|| Page::new(include_str!("confirm_email.html")));

impl Page {
    /// The policy allows the page's own script and style by their hashes, and nothing else (CSP level 3, section
    /// 2.3.1).
    fn new(html: &'static str) -> Self {
        let hash = |tag: &str| {
            let inner = html
                .split_once(&format!("<{tag}>"))
                .and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")));
            STANDARD.encode(Sha256::digest(inner.map_or("", |(inner, _)| inner)))
        };
        let policy = format!(
            "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors 'none'",
            hash("script"),
            hash("style")
        );
        Self { html, policy }
    }

    fn shown(&self) -> Response {
        let policy = HeaderValue::from_str(&self.policy);
        let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
        let headers: [(HeaderName, HeaderValue); 1] = [(header::CONTENT_SECURITY_POLICY, policy)];
        (headers, Html(self.html)).into_response()
    }
}

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
    fn the_policies_allow_the_pages_own_script_and_style_only() {
        for page in [&*SET_PASSWORD, &*CONFIRM_EMAIL] {
            assert_eq!(page.policy.matches("sha256-").count(), 2);
            let html = page.html;
            assert!(
                !page.policy.contains("unsafe-inline")
                    && !html.contains("http://")
                    && !html.contains("https://")
            );
        }
    }
}
