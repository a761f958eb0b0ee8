//! Files of pages that the program brings along.
//!
//! Browsers keep them and ask each time whether they are still the same, which costs a 304 without a body: so a page and
//! its parts are always of one version, also while nodes of two versions stand behind one address.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};
use kernel::Revision;

use crate::conditional::tag;

/// A file that never changes while the program runs.
#[derive(Clone)]
pub struct Asset {
    content: &'static [u8],
    kind: HeaderValue,
    tag: Option<HeaderValue>,
    policy: Option<HeaderValue>,
}

/// Media types by the ending of a name.
const KINDS: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("svg", "image/svg+xml"),
];

impl Asset {
    /// The file of that name, whose ending tells what it is.
    pub fn new(name: &str, content: &'static [u8]) -> Self {
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        let kind = KINDS.iter().find(|(known, _)| *known == ending);
        let kind = kind.map_or("application/octet-stream", |(_, kind)| kind);
        // It has no revision: what it holds makes the tag.
        let tag = tag(Revision(0), content);
        Self { content, kind: HeaderValue::from_static(kind), tag, policy: None }
    }

    /// What the page may load and run, in place of nothing at all.
    #[must_use]
    pub fn policy(mut self, policy: &'static str) -> Self {
        self.policy = Some(HeaderValue::from_static(policy));
        self
    }

    pub(crate) fn into_handler(self) -> MethodRouter {
        get(move || {
            let answer = self.answer();
            async move { answer }
        })
    }

    fn answer(&self) -> Response {
        let mut response = self.content.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.kind.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let tag = self.tag.clone().map(|tag| (header::ETAG, tag));
        let policy = self.policy.clone().map(|policy| (header::CONTENT_SECURITY_POLICY, policy));
        headers.extend([tag, policy].into_iter().flatten());
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_its_ending_and_tagged_by_its_content() {
        let (one, other) = (Asset::new("a.js", b"1"), Asset::new("a.tar.gz", b"2"));

        assert_eq!(one.answer().headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
        assert_eq!(other.answer().headers()[header::CONTENT_TYPE], "application/octet-stream");
        assert_ne!(one.tag, other.tag);
        assert_eq!(one.tag, Asset::new("b.js", b"1").tag);
    }
}
