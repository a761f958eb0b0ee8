//! Answers made smaller for those who accept it.
//!
//! The tag of a compressed answer names the compression (`"7-00ff-gzip"`), because it is of other bytes; it stays a
//! strong tag, so that `If-Match` takes it. What comes back in `If-None-Match` is taken off again before it is
//! compared.

use std::{convert::Infallible, future::ready};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, Request, StatusCode, header},
    response::Response,
};
use http_body::Body as _;
use tower::{ServiceExt, service_fn};
use tower_http::{CompressionLevel, compression::Compression};

const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");
const SUFFIXES: [&str; 3] = ["-gzip", "-br", "-zstd"];

/// Compresses the answer if it is worth it and the client takes it. Marks what depends on that.
pub(crate) async fn compress(response: Response, accepted: Option<HeaderValue>, from: u64) -> Response {
    if from == 0 || !is_worth_it(&response, from) {
        return response;
    }
    let Some(accepted) = accepted else {
        return varying(response);
    };
    let (status, tag) = (response.status(), response.headers().get(header::ETAG).cloned());
    let mut response = Some(response);
    let answer =
        service_fn(move |_: Request<()>| ready(Ok::<_, Infallible>(response.take().unwrap_or_default())));
    let compression = Compression::new(answer)
        .quality(CompressionLevel::Fastest)
        .compress_when(|_: StatusCode, _, _: &HeaderMap, _: &http::Extensions| true);
    let mut request = Request::new(());
    request.headers_mut().insert(header::ACCEPT_ENCODING, accepted);
    let mut compressed = match compression.oneshot(request).await {
        Ok(compressed) => compressed.map(Body::new),
        Err(never) => match never {},
    };
    // A client that takes neither a compression nor none gets none: what was done is worth an answer.
    *compressed.status_mut() = status;
    let coding = compressed.headers().get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    let suffixed = coding.zip(tag).and_then(|(coding, tag)| suffix(&tag, coding));
    if let Some(tag) = suffixed {
        compressed.headers_mut().insert(header::ETAG, tag);
    }
    compressed
}

fn varying(mut response: Response) -> Response {
    response.headers_mut().append(header::VARY, ACCEPT_ENCODING);
    response
}

/// Is it text that is large enough, and compressed by nobody yet?
fn is_worth_it(response: &Response, from: u64) -> bool {
    let size = response.body().size_hint();
    let is_large = size.exact().is_none_or(|size| size >= from);
    let headers = response.headers();
    is_large
        && headers.get(header::CONTENT_TYPE).is_some_and(|kind| is_text(kind.as_bytes()))
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !headers.contains_key(header::CONTENT_RANGE)
}

fn is_text(kind: &[u8]) -> bool {
    let essence = kind.split(|b| *b == b';').next().unwrap_or_default().trim_ascii_end();
    match essence {
        // What is to arrive at once must not wait in a compressor.
        b"text/event-stream" => false,
        b"application/json"
        | b"application/javascript"
        | b"application/xml"
        | b"application/x-ndjson"
        | b"image/svg+xml" => true,
        other => other.starts_with(b"text/") || other.ends_with(b"+json") || other.ends_with(b"+xml"),
    }
}

/// The tag of the same state in that compression. A weak tag holds for any.
fn suffix(tag: &HeaderValue, coding: &str) -> Option<HeaderValue> {
    let text = tag.to_str().ok().filter(|text| text.starts_with('"'))?.strip_suffix('"')?;
    HeaderValue::try_from(format!("{text}-{coding}\"")).ok()
}

/// Takes the names of compressions off the tags that the client knows, and tells which one stood there.
pub(crate) fn unsuffix(headers: &mut HeaderMap) -> Option<&'static str> {
    let known = headers.get(header::IF_NONE_MATCH)?.to_str().ok()?;
    let found = SUFFIXES.into_iter().find(|suffix| known.contains(&format!("{suffix}\"")))?;
    let bare =
        SUFFIXES.iter().fold(known.to_owned(), |text, suffix| text.replace(&format!("{suffix}\""), "\""));
    headers.insert(header::IF_NONE_MATCH, HeaderValue::try_from(bare).ok()?);
    Some(found)
}

/// Puts the name back on the tag of an answer that says that nothing changed.
pub(crate) fn resuffix(response: &mut Response, suffix_of_known: &'static str) {
    if response.status() == StatusCode::NOT_MODIFIED
        && let Some(tag) = response.headers().get(header::ETAG)
        && let Some(tag) = suffix(tag, suffix_of_known.trim_start_matches('-'))
    {
        response.headers_mut().insert(header::ETAG, tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_compressed_and_what_is_compressed_already_is_not() {
        for kind in
            ["application/json", "text/html; charset=utf-8", "image/svg+xml", "application/problem+json"]
        {
            assert!(is_text(kind.as_bytes()), "{kind}");
        }
        for kind in
            ["application/zip", "image/png", "text/event-stream", "text/event-stream; charset=utf-8", ""]
        {
            assert!(!is_text(kind.as_bytes()), "{kind}");
        }
    }

    #[test]
    fn a_tag_names_its_compression_and_is_known_without_it() {
        let tag = HeaderValue::from_static("\"7-00ff\"");
        assert_eq!(suffix(&tag, "gzip").unwrap(), "\"7-00ff-gzip\"");
        assert_eq!(suffix(&HeaderValue::from_static("W/\"7\""), "gzip"), None);

        let known = HeaderValue::from_static("\"7-00ff-gzip\", W/\"8-11\", \"9-22-br\"");
        let mut headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, known)]);
        assert_eq!(unsuffix(&mut headers), Some("-gzip"));
        assert_eq!(headers[header::IF_NONE_MATCH], "\"7-00ff\", W/\"8-11\", \"9-22\"");
        assert_eq!(unsuffix(&mut headers), None);
    }
}
