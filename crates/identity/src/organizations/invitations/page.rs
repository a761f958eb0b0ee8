//! The page behind the link of an invitation. It stands by itself: no other file, no outside request.

use std::sync::LazyLock;

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

const PAGE: &str = include_str!("invitation.html");

/// Allows the page's own script and style by their hashes, and nothing else (CSP level 3, section 2.3.1).
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = |tag: &str| {
        let inner =
            PAGE.split_once(&format!("<{tag}>")).and_then(|(_, rest)| rest.split_once(&format!("</{tag}>")));
        STANDARD.encode(Sha256::digest(inner.map_or("", |(inner, _)| inner)))
    };
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    )
});

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
    let policy = HeaderValue::from_str(&POLICY).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers: [(HeaderName, HeaderValue); 1] = [(header::CONTENT_SECURITY_POLICY, policy)];
    (headers, Html(PAGE)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_the_pages_own_script_and_style_only() {
        assert_eq!(POLICY.matches("sha256-").count(), 2);
        assert!(!POLICY.contains("unsafe-inline") && !PAGE.contains("http://") && !PAGE.contains("https://"));
        assert!(!PAGE.contains("innerHTML"), "what somebody wrote is text");
    }
}
