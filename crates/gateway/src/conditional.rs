//! Conditional requests (RFC 9110, section 13): `ETag`, `If-Match`, `If-None-Match`.
//!
//! A tag is `"revision-view"`: the row's revision, which changes compare, and a hash of what this caller sees, which
//! reads compare as well, because two callers may see the same revision differently.

use std::hash::{DefaultHasher, Hasher};

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use kernel::{Error, Expected, Revision};

use crate::Failure;

/// The tag of a resource at that revision, seen as that body.
pub(crate) fn tag(revision: Revision, view: &[u8]) -> Option<HeaderValue> {
    // Not kept anywhere and nobody's secret: a fast hash with fixed keys will do. A new version of the server may
    // hash otherwise; then readers read once more.
    let mut hasher = DefaultHasher::new();
    hasher.write(view);
    HeaderValue::try_from(format!("\"{}-{:016x}\"", revision.0, hasher.finish())).ok()
}

/// The revisions that the caller is willing to change: what `If-Match` says.
pub struct IfMatch(pub Expected);

/// Named among the `params` of a read whose answer has an `ETag`, for the contract. The edge honours `If-None-Match`
/// wherever there is one.
pub struct IfNoneMatch;

impl<S: Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(expected(&parts.headers)?))
    }
}

fn expected(headers: &HeaderMap) -> Result<Expected, Error> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(Expected::Any);
    }
    let mut revisions = Vec::new();
    for tag in tags(headers, &header::IF_MATCH)? {
        match tag {
            Tag::Any => return Ok(Expected::Any),
            // Changes compare strongly: a weak tag matches nothing (RFC 9110, section 13.1.1).
            Tag::Weak(_) => {}
            Tag::Strong(text) => revisions.extend(revision(text)),
        }
    }
    Ok(Expected::OneOf(revisions))
}

/// The revision in one of our tags. A tag of somebody else's names no revision of ours.
fn revision(tag: &str) -> Option<Revision> {
    tag.split_once('-').and_then(|(revision, _)| revision.parse().ok()).map(Revision)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag<'a> {
    Any,
    Strong(&'a str),
    Weak(&'a str),
}

/// The tags of a header, which may stand several times. They may hold commas, so they are read one by one.
fn tags<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<Vec<Tag<'a>>, Error> {
    let malformed = || Error::bad_request(format!("The header {name} is not a list of entity tags."));
    let mut found = Vec::new();
    for value in headers.get_all(name) {
        let mut rest = value.to_str().map_err(|_| malformed())?.trim();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix('*') {
                found.push(Tag::Any);
                rest = after;
            } else {
                let (weak, quoted) = match rest.strip_prefix("W/") {
                    Some(quoted) => (true, quoted),
                    None => (false, rest),
                };
                let (text, after) =
                    quoted.strip_prefix('"').and_then(|text| text.split_once('"')).ok_or_else(malformed)?;
                found.push(if weak { Tag::Weak(text) } else { Tag::Strong(text) });
                rest = after;
            }
            rest = rest.trim_start();
            match rest.strip_prefix(',') {
                Some(after) => rest = after.trim_start(),
                None if rest.is_empty() => {}
                None => return Err(malformed()),
            }
        }
    }
    if found.is_empty() { Err(malformed()) } else { Ok(found) }
}

/// What a read is willing to hear nothing new about, taken off the request before it goes to its handler.
pub(crate) struct Known(HeaderMap);

impl Known {
    /// What a GET says in `If-None-Match`. None if it says nothing.
    pub(crate) fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        if !matches!(*method, Method::GET | Method::HEAD) || !headers.contains_key(header::IF_NONE_MATCH) {
            return None;
        }
        let values = headers.get_all(header::IF_NONE_MATCH).into_iter();
        Some(Self(values.map(|value| (header::IF_NONE_MATCH, value.clone())).collect()))
    }

    /// 304 without a body if the answer is known already (RFC 9110, section 15.4.5). A header that can't be read is
    /// known to be nothing.
    pub(crate) fn answer(&self, response: Response) -> Response {
        if response.status() != StatusCode::OK || !self.knows(response.headers()) {
            return response;
        }
        let (mut parts, _) = response.into_parts();
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        Response::from_parts(parts, Body::empty())
    }

    fn knows(&self, answer: &HeaderMap) -> bool {
        let present = answer.get(header::ETAG).and_then(|value| value.to_str().ok());
        // Reads compare weakly: a tag made weak by a proxy that compressed the answer is still the same.
        let text = present.map(|tag| tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"'));
        let (Some(text), Ok(known)) = (text, tags(&self.0, &header::IF_NONE_MATCH)) else {
            return false;
        };
        known.into_iter().any(|tag| match tag {
            Tag::Any => true,
            Tag::Strong(known) | Tag::Weak(known) => known == text,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn with(name: &header::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    fn reads(values: &[&str]) -> Result<Expected, Error> {
        expected(&with(&header::IF_MATCH, values))
    }

    #[test]
    fn if_match_compares_revisions_strongly() {
        let one = |number| Expected::OneOf(vec![Revision(number)]);

        assert_eq!(reads(&[]).unwrap(), Expected::Any);
        assert_eq!(reads(&["*"]).unwrap(), Expected::Any);
        assert_eq!(reads(&["\"7-00ff\""]).unwrap(), one(7));
        assert_eq!(reads(&["\"a,b\" , \"8-1\""]).unwrap(), one(8));
        assert_eq!(reads(&["\"a\"", "\"9-1\""]).unwrap(), one(9));
        assert_eq!(reads(&["W/\"7-00ff\""]).unwrap(), Expected::OneOf(Vec::new()));
        assert_eq!(reads(&["7-00ff"]).unwrap_err().kind().status(), 400);
        assert_eq!(reads(&[""]).unwrap_err().kind().status(), 400, "a list has something in it");
        assert_eq!(reads(&["\"7\" \"8\""]).unwrap_err().kind().status(), 400);
    }

    #[test]
    fn what_a_reader_knows_is_compared_weakly_and_whole() {
        let tag = tag(Revision(7), b"view").unwrap();
        let answer = HeaderMap::from_iter([(header::ETAG, tag.clone())]);
        let knows = |text: &str| {
            let headers = with(&header::IF_NONE_MATCH, &[text]);
            Known::of(&Method::GET, &headers).unwrap().knows(&answer)
        };

        assert!(knows(tag.to_str().unwrap()));
        assert!(knows(&format!("\"x\", W/{}", tag.to_str().unwrap())));
        assert!(knows("*"));
        assert!(!knows("\"7-0000000000000000\""));
        assert!(!knows("7"));
    }

    proptest! {
        #[test]
        fn no_header_panics(text in "[ -~]{0,40}") {
            let _ = reads(&[&text]);
        }
    }
}
