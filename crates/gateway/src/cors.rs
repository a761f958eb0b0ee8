//! Which web pages of other origins may call the API (the Fetch standard, section 3.2).

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    response::Response,
};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::Settings;

/// What pages may send. Everything that an operation reads.
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept, accept-language, authorization, content-type, idempotency-key, if-match, if-none-match, if-range, \
     last-event-id, range, traceparent, tracestate, x-csrf-token, x-request-id",
);
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
/// What pages may see of an answer beside what any may.
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "accept-ranges, content-disposition, content-encoding, content-range, etag, idempotency-replayed, location, retry-after, \
     www-authenticate, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id",
);
/// Seconds that a browser may remember a preflight's answer; none remembers longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");
const ANY: HeaderValue = HeaderValue::from_static("*");
/// What a preflight's answer depends on.
const PREFLIGHT_VARY: HeaderValue =
    HeaderValue::from_static("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
const ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// An entry of `http.cors_origins` that is no origin.
#[derive(Debug, thiserror::Error)]
#[error("http.cors_origins: {0:?} {how}", how = HOW)]
pub struct NotAnOrigin(String);

/// Reads `http.cors_origins`.
pub(crate) fn read_origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let origins = Vec::deserialize(deserializer)?;
    Cors::check(&origins).map_err(|wrong| D::Error::custom(format_args!("{:?} {HOW}", wrong.0)))?;
    Ok(origins)
}

/// How an origin is written.
const HOW: &str = "is no origin; write it like https://app.example.com, without a path, or * for any";

/// The origins that may call.
pub(crate) struct Cors {
    origins: Vec<HeaderValue>,
    any: bool,
}

/// How an answer to a page is marked.
pub(crate) struct Welcome(HeaderValue);

impl Cors {
    /// Are all of them origins, or `*`?
    pub(crate) fn check(origins: &[String]) -> Result<(), NotAnOrigin> {
        let wrong = origins.iter().find(|text| *text != "*" && origin(text).is_none());
        wrong.map_or(Ok(()), |text| Err(NotAnOrigin(text.clone())))
    }

    /// Those of the settings, which are checked where they are read.
    pub(crate) fn of(settings: &Settings) -> Self {
        let any = settings.cors_origins.iter().any(|origin| origin == "*");
        Self { origins: settings.cors_origins.iter().filter_map(|text| origin(text)).collect(), any }
    }

    /// Whether the page that sends this may call. None if no page sends it, or one that may not.
    pub(crate) fn welcome(&self, headers: &HeaderMap) -> Option<Welcome> {
        if self.origins.is_empty() && !self.any {
            return None;
        }
        let origin = headers.get(header::ORIGIN)?;
        let listed = self.origins.iter().any(|listed| listed == origin);
        if listed { Some(Welcome(origin.clone())) } else { self.any.then_some(Welcome(ANY)) }
    }

    /// Does what an answer says depend on who asks?
    pub(crate) fn mark_varying(&self, headers: &mut HeaderMap) {
        if !self.origins.is_empty() {
            headers.append(header::VARY, ORIGIN);
        }
    }
}

/// An origin as browsers write it: scheme, host in lower case, port unless it is the scheme's own.
fn origin(text: &str) -> Option<HeaderValue> {
    let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    let uri: Uri = text.parse().ok()?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    if authority.as_str().contains('@') || authority.host().is_empty() {
        return None;
    }
    if uri.path() != "/" || uri.query().is_some() || text.ends_with('/') {
        return None;
    }
    let own_port = matches!((scheme, authority.port_u16()), ("https", Some(443)) | ("http", Some(80)));
    let host = if own_port { authority.host() } else { authority.as_str() };
    HeaderValue::try_from(format!("{scheme}://{host}")).ok()
}

/// Does a browser ask whether a page may send something?
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight. Without a welcome it says nothing, and the browser sends nothing.
pub(crate) fn preflight(welcome: Option<&Welcome>) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::VARY, PREFLIGHT_VARY);
    if welcome.is_some() {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    response
}

impl Welcome {
    /// Lets the page see the answer.
    pub(crate) fn write(self, headers: &mut HeaderMap) {
        const CREDENTIALS: HeaderName = header::ACCESS_CONTROL_ALLOW_CREDENTIALS;
        if self.0 != ANY {
            headers.insert(CREDENTIALS, HeaderValue::from_static("true"));
        }
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, self.0);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        let read = |text: &str| origin(text).map(|value| value.to_str().unwrap().to_owned());

        assert_eq!(read("https://App.example.com").as_deref(), Some("https://app.example.com"));
        assert_eq!(read("https://app.example.com/").as_deref(), Some("https://app.example.com"));
        assert_eq!(read("https://app.example.com:443").as_deref(), Some("https://app.example.com"));
        assert_eq!(read("http://localhost:5173").as_deref(), Some("http://localhost:5173"));
        for bad in
            ["app.example.com", "https://", "https://a.example/path", "null", "", "https://u@a.example"]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
