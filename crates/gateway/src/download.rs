//! Answers that are bytes themselves: streamed, with a name, a type and a tag, whole or in part (RFC 9110, section 14).

use std::{ops::Range, str::FromStr};

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::Stream;
use kernel::Revision;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use platform::objects::{Content, Objects, Stored};

use crate::{Failure, conditional::tag, reply::Shaped};

/// A file on its way to the client.
pub struct Download {
    name: String,
    kind: HeaderValue,
    tag: Option<HeaderValue>,
    size: Option<u64>,
    part: Option<Range<u64>>,
    kept: Option<HeaderValue>,
    body: Body,
}

/// The part of a file that a request asks for, if it asks for one: `Range`, honoured while `If-Range` holds.
///
/// Of several parts, or of one that isn't there, the answer is the whole: a client has to expect that always.
#[derive(Debug, Default)]
pub struct Part {
    range: Option<Asked>,
    only_if: Option<HeaderValue>,
}

/// One range of bytes, as it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// From there to there, or to the end.
    From(u64, Option<u64>),
    /// The last so many.
    Last(u64),
}

impl FromStr for Asked {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (unit, range) = text.split_once('=').ok_or(())?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return Err(());
        }
        let number = |digits: &str| {
            let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
            if all_digits { digits.parse().map_err(|_| ()) } else { Err(()) }
        };
        match range.trim().split_once('-').ok_or(())? {
            ("", last) => Ok(Self::Last(number(last)?)),
            (first, "") => Ok(Self::From(number(first)?, None)),
            (first, last) => Ok(Self::From(number(first)?, Some(number(last)?))),
        }
    }
}

impl Part {
    fn of(headers: &HeaderMap) -> Self {
        let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok()?.parse().ok());
        Self { range, only_if: headers.get(header::IF_RANGE).cloned() }
    }

    /// The bytes to send of a file of that size at that revision. None for all of them.
    pub fn within(&self, size: u64, revision: Revision) -> Option<Range<u64>> {
        // A date holds never: files have no date that would be exact enough.
        if self.only_if.is_some() && self.only_if != file_tag(revision) {
            return None;
        }
        let range = match self.range? {
            Asked::From(first, last) => first..last.map_or(size, |last| size.min(last.saturating_add(1))),
            Asked::Last(count) => size.saturating_sub(count)..size,
        };
        (!range.is_empty()).then_some(range)
    }

    /// Opens a stored file at that revision, as far as it is asked for.
    pub async fn open(
        &self,
        objects: &Objects,
        stored: Stored,
        revision: Revision,
    ) -> kernel::Result<OpenFile> {
        let part = self.within(stored.size, revision);
        let content = objects.content(&stored.hash, part.clone()).await?;
        Ok(OpenFile { content, size: stored.size, revision, part })
    }
}

/// A stored file that is read: all of it, or the part that was asked for.
pub struct OpenFile {
    content: Content,
    size: u64,
    revision: Revision,
    part: Option<Range<u64>>,
}

impl OpenFile {
    /// The same on its way to the client, under that name and type.
    pub fn download(self, name: impl Into<String>, kind: &'static str) -> Download {
        Download::new(name, kind, self.revision, self.content.stream()).sized(self.size, self.part)
    }
}

impl<S: Sync> FromRequestParts<S> for Part {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self::of(&parts.headers))
    }
}

/// Files look the same to everybody: the tag is of the revision alone.
fn file_tag(revision: Revision) -> Option<HeaderValue> {
    tag(revision, b"")
}

impl Download {
    /// A file of that name and type at that revision.
    pub fn new(
        name: impl Into<String>,
        kind: &'static str,
        revision: Revision,
        content: impl Stream<Item = std::io::Result<Bytes>> + Send + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            kind: HeaderValue::from_static(kind),
            tag: file_tag(revision),
            size: None,
            part: None,
            kept: None,
            body: Body::from_stream(content),
        }
    }

    /// The address names what never changes: the client may keep it for itself and never ask again.
    #[must_use]
    pub fn kept_for_ever(mut self) -> Self {
        self.kept = Some(HeaderValue::from_static("private, max-age=31536000, immutable"));
        self
    }

    /// The client may keep it for itself, and asks each time whether it is still the same.
    #[must_use]
    pub fn kept_while_the_same(mut self) -> Self {
        self.kept = Some(HeaderValue::from_static("private, no-cache"));
        self
    }

    /// Says how large the whole is, and which part of it the content is, if it is one.
    #[must_use]
    pub fn sized(mut self, size: u64, part: Option<Range<u64>>) -> Self {
        (self.size, self.part) = (Some(size), part);
        self
    }
}

/// What stands in the path of an address as it is, slashes among it.
const PATH: &AsciiSet = &ATTRIBUTE.remove(b'/');

/// A path of files as it stands in an address.
pub fn in_path(path: &str) -> String {
    utf8_percent_encode(path, PATH).to_string()
}

/// Bytes that stand as they are in the extended form of a parameter (RFC 8187, section 3.2.1).
const ATTRIBUTE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// `attachment` with the name, in the form that everybody reads and in the one that holds any character.
fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-._ ()".contains(c) { c } else { '_' })
        .collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", utf8_percent_encode(name, ATTRIBUTE))
}

impl IntoResponse for Download {
    fn into_response(self) -> Response {
        let mut response = self.body.into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, self.kind);
        if let Ok(disposition) = HeaderValue::try_from(disposition(&self.name)) {
            headers.insert(header::CONTENT_DISPOSITION, disposition);
        }
        if let Some(tag) = self.tag {
            headers.insert(header::ETAG, tag);
        }
        if let Some(kept) = self.kept {
            headers.insert(header::CACHE_CONTROL, kept);
        }
        if let Some(size) = self.size {
            headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
            let sent = self.part.clone().unwrap_or(0..size);
            headers.insert(header::CONTENT_LENGTH, (sent.end - sent.start).into());
            if let Some(part) = self.part {
                let range = format!("bytes {}-{}/{size}", part.start, part.end - 1);
                if let Ok(range) = HeaderValue::try_from(range) {
                    headers.insert(header::CONTENT_RANGE, range);
                }
                *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            }
        }
        response.extensions_mut().insert(Shaped);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REVISION: Revision = Revision(7);

    fn asks(range: &str) -> Option<Range<u64>> {
        Part::of(&HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())])).within(10, REVISION)
    }

    #[test]
    fn one_part_is_sent_and_of_anything_else_the_whole() {
        for (range, part) in [
            ("bytes=0-3", 0..4),
            ("bytes=4-", 4..10),
            ("bytes=-3", 7..10),
            ("bytes=-30", 0..10),
            ("bytes=8-20", 8..10),
            ("Bytes = 9-18446744073709551615", 9..10),
        ] {
            assert_eq!(asks(range), Some(part), "{range}");
        }
        for range in ["bytes=10-", "bytes=3-2", "bytes=-0", "bytes=0-1,4-5", "lines=0-1", "bytes=+1-2", "x"] {
            assert_eq!(asks(range), None, "{range}");
        }
    }

    #[test]
    fn a_part_of_something_else_is_not_sent() {
        let with = |tag: HeaderValue| {
            let headers = [(header::RANGE, HeaderValue::from_static("bytes=0-3")), (header::IF_RANGE, tag)];
            Part::of(&headers.into_iter().collect()).within(10, REVISION)
        };

        assert_eq!(with(file_tag(REVISION).unwrap()), Some(0..4));
        assert_eq!(with(file_tag(Revision(8)).unwrap()), None);
        assert_eq!(with(HeaderValue::from_static("Wed, 21 Oct 2015 07:28:00 GMT")), None);
    }

    #[test]
    fn a_name_breaks_no_header() {
        assert_eq!(disposition("start.bas"), "attachment; filename=\"start.bas\"");
        assert_eq!(
            disposition("a\"\r\nb é.bas"),
            "attachment; filename=\"a___b _.bas\"; filename*=UTF-8''a%22%0D%0Ab%20%C3%A9.bas"
        );
    }
}
