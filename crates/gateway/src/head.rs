//! What the head of a request says before anything is done about it: who sends it, under which id, to which address,
//! and whether it can be read in one way only.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use axum::http::{
    HeaderMap, HeaderName, Method, Uri, Version, header,
    request::Parts,
    uri::{Parts as UriParts, PathAndQuery},
};
use ipnet::IpNet;
use kernel::{Error, Id, Kind, Origin, Surroundings, id::IdKind};

use crate::{API_PREFIX, Settings, connection::Link};

/// Ids of requests start with `req_`.
enum RequestId {}

impl IdKind for RequestId {
    const PREFIX: &'static str = "req";
    const NOUN: &'static str = "request";
}

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Header fields of a request; what HTTP/1 doesn't let through either.
const MOST_HEADERS: usize = 100;

/// Where a request came from.
pub(crate) fn origin(
    headers: &HeaderMap,
    link: Link,
    proxies: &[IpNet],
    surroundings: &Surroundings,
) -> Origin {
    let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let is_proxied = !proxies.is_empty() && is_trusted(proxies, link.peer.ip());
    let address = if is_proxied { client_address(headers, link.peer, proxies) } else { link.peer.ip() };
    Origin {
        address: address.to_canonical(),
        secure: link.is_tls || (is_proxied && was_https(headers)),
        user_agent: user_agent.map(|agent| agent.chars().take(256).collect()),
        request_id: request_id(headers, surroundings),
        asked_within: Vec::new(),
    }
}

fn is_trusted(proxies: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    proxies.iter().any(|net| net.contains(&address))
}

/// The rightmost forwarded address that is no trusted proxy of ours (RFC 7239, section 7.4). What stands left of it
/// may be made up.
fn client_address(headers: &HeaderMap, peer: SocketAddr, proxies: &[IpNet]) -> IpAddr {
    let mut client = peer.ip();
    for value in headers.get_all(X_FORWARDED_FOR).into_iter().rev() {
        for text in value.to_str().unwrap_or_default().rsplit(',') {
            let Some(address) = forwarded(text.trim()) else {
                return client;
            };
            client = address;
            if !is_trusted(proxies, address) {
                return client;
            }
        }
    }
    client
}

/// An address as proxies write it, some with the port.
fn forwarded(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))
}

/// What the proxy that we trust says; the last one to add something is the one next to us.
fn was_https(headers: &HeaderMap) -> bool {
    let last = headers.get_all(X_FORWARDED_PROTO).into_iter().next_back();
    let text = last.and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.rsplit(',').next().is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https"))
}

fn request_id(headers: &HeaderMap, surroundings: &Surroundings) -> Arc<str> {
    let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    if let Some(id) = given.filter(|id| is_plain(id)) {
        return id.into();
    }
    new_request_id(surroundings)
}

/// An id for a request that has none.
pub(crate) fn new_request_id(surroundings: &Surroundings) -> Arc<str> {
    let id: Id<RequestId> = surroundings.id();
    id.to_string().into()
}

/// A request id from outside that may be returned and logged as it is.
fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// Refuses what is too large, and what another server on the way could have read in another way.
pub(crate) fn check(parts: &Parts, settings: &Settings) -> Result<(), Error> {
    let url = parts.uri.path_and_query().map_or(0, |address| address.as_str().len());
    if url > settings.url_limit {
        let limit = settings.url_limit;
        return Err(Error::new(Kind::UriTooLong, format!("The address is longer than {limit} bytes."))
            .detail("limit", limit));
    }
    let size: usize = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > settings.header_limit || parts.headers.len() > MOST_HEADERS {
        let limit = settings.header_limit;
        return Err(Error::new(
            Kind::HeadersTooLarge,
            format!("The headers are more than {limit} bytes or {MOST_HEADERS} fields."),
        )
        .detail("limit", limit));
    }
    if parts.method == Method::CONNECT {
        return Err(Error::new(Kind::MethodNotAllowed, "This server is no proxy."));
    }
    check_framing(parts)
}

/// How long the body is and whom the request is for have one meaning only (RFC 9112, sections 3.2 and 6.1). The
/// library refuses contradicting lengths itself, and ends the connection after a request with both kinds of length.
fn check_framing(parts: &Parts) -> Result<(), Error> {
    if parts.version >= Version::HTTP_2 {
        return Ok(());
    }
    let mut codings = parts.headers.get_all(header::TRANSFER_ENCODING).into_iter();
    if let Some(coding) = codings.next()
        && (codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Err(Error::bad_request("The only transfer coding taken here is chunked."));
    }
    let mut hosts = parts.headers.get_all(header::HOST).into_iter();
    let first = hosts.next();
    if hosts.next().is_some() || (first.is_none() && parts.version == Version::HTTP_11) {
        return Err(Error::bad_request("A request names its host once."));
    }
    Ok(())
}

/// `/api/…` without a version means v1 and reaches the same handler.
pub(crate) fn versioned(uri: &Uri) -> Option<Uri> {
    let rest = uri.path().strip_prefix("/api")?;
    let has_version = rest
        .strip_prefix("/v")
        .is_some_and(|rest| rest.split('/').next().is_some_and(|v| v.parse::<u16>().is_ok()));
    if has_version || !(rest.is_empty() || rest.starts_with('/')) {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let path_and_query = PathAndQuery::try_from(format!("{API_PREFIX}{rest}{query}")).ok()?;
    let mut parts = UriParts::default();
    parts.path_and_query = Some(path_and_query);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn rewritten(path: &str) -> Option<String> {
        versioned(&path.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn an_address_without_a_version_means_the_first() {
        assert_eq!(rewritten("/api/users/me?x=1").as_deref(), Some("/api/v1/users/me?x=1"));
        assert_eq!(rewritten("/api/videos").as_deref(), Some("/api/v1/videos"));
        assert_eq!(rewritten("/api/v1/users"), None);
        assert_eq!(rewritten("/api/v2/users"), None);
        assert_eq!(rewritten("/apiary"), None);
        assert_eq!(rewritten("/health"), None);
    }

    #[test]
    fn a_request_id_from_outside_is_kept_only_if_it_is_plain() {
        assert!(is_plain("a-B_9.z"));
        assert!(!is_plain(""));
        assert!(!is_plain("a\nb"));
        assert!(!is_plain("a b"));
        assert!(!is_plain(&"x".repeat(129)));
    }

    #[test]
    fn the_clients_address_is_the_last_one_that_no_proxy_of_ours_has() {
        let proxies: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        let seen = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_str(value).unwrap());
            }
            client_address(&headers, "10.0.0.1:80".parse().unwrap(), &proxies).to_string()
        };

        assert_eq!(seen(&["203.0.113.7"]), "203.0.113.7");
        assert_eq!(seen(&["1.1.1.1, 203.0.113.7, 10.0.0.9"]), "203.0.113.7");
        assert_eq!(seen(&["1.1.1.1", "203.0.113.7:4711"]), "203.0.113.7");
        assert_eq!(seen(&["[2001:db8::1]:443"]), "2001:db8::1");
        assert_eq!(seen(&["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(seen(&["nonsense"]), "10.0.0.1");
        assert_eq!(seen(&["203.0.113.7, nonsense"]), "10.0.0.1");
        assert_eq!(seen(&[]), "10.0.0.1");
    }

    #[test]
    fn the_last_proxy_says_whether_it_was_https() {
        let said = |text: &'static str| {
            was_https(&HeaderMap::from_iter([(X_FORWARDED_PROTO, HeaderValue::from_static(text))]))
        };

        assert!(said("https"));
        assert!(said("http, HTTPS"));
        assert!(!said("https, http"));
        assert!(!said(""));
    }
}
