//! Pages that stand by themselves: no other file, no outside request.

use axum::{
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// A page with the policy that it is shown under.
pub(crate) struct Page {
    html: &'static str,
    policy: String,
}

impl Page {
    /// The policy allows the page's own script and style by their hashes, and nothing else (CSP level 3, section
    /// 2.3.1).
    pub(crate) fn new(html: &'static str) -> Self {
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

    pub(crate) fn shown(&self) -> Response {
        let policy = HeaderValue::from_str(&self.policy);
        let policy = policy.unwrap_or(HeaderValue::from_static("default-src 'none'"));
        let headers: [(HeaderName, HeaderValue); 1] = [(header::CONTENT_SECURITY_POLICY, policy)];
        (headers, Html(self.html)).into_response()
    }
}

#[cfg(test)]
impl Page {
    /// Claims that its own script and style may run and nothing else, and that it asks nobody outside.
    pub(crate) fn assert_stands_by_itself(&self) {
        assert_eq!(self.policy.matches("sha256-").count(), 2);
        assert!(!self.policy.contains("unsafe-inline"));
        assert!(!self.html.contains("http://") && !self.html.contains("https://"));
        assert!(!self.html.contains("innerHTML"), "what somebody wrote is text");
    }
}
