//! The outermost step: everything that happens to a request before its route is known, and to an answer last.

use std::{
    any::Any,
    collections::HashSet,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Instant,
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header,
        uri::{Parts as UriParts, PathAndQuery},
    },
    middleware,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use kernel::{Error, Id, Origin, id::IdKind};
use tower::ServiceExt;

use crate::{
    API_PREFIX, Edge, Failure, Module, Operating,
    contract::Contract,
    edge::{bearer, guard},
    limits::Remaining,
    reply::{Shaped, Unrendered, error_for, render},
};

/// Ids of requests start with `req_`.
enum RequestId {}

impl IdKind for RequestId {
    const PREFIX: &'static str = "req";
    const NOUN: &'static str = "request";
}

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The whole server as one function from request to answer.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

struct Inner {
    edge: Edge,
    router: Router,
    /// Addresses that don't count against the general limits.
    uncounted: HashSet<String>,
    secure: bool,
}

impl Door {
    /// Puts the modules' operations behind the edge. `secure`: is the server reached over TLS?
    pub fn new(modules: Vec<Module>, edge: Edge, contract: Contract, secure: bool) -> Self {
        let mut router = Router::new();
        let mut uncounted = HashSet::new();
        for route in modules.into_iter().flat_map(|module| module.routes).chain(contract.into_routes()) {
            if !route.operating.access().counted {
                uncounted.insert(route.path.clone());
            }
            let (edge, operating) = (edge.clone(), route.operating);
            let guarded = route.handler.layer(middleware::from_fn(move |request, next| {
                guard(edge.clone(), operating.clone(), request, next)
            }));
            router = router.route(&route.path, guarded);
        }
        Self(Arc::new(Inner { edge, router, uncounted, secure }))
    }

    /// Answers one request that came over a connection from `peer`.
    pub async fn serve(self, request: Request, peer: SocketAddr) -> Response {
        let started = Instant::now();
        let this = &self.0;
        let (mut parts, body) = request.into_parts();
        let origin = Arc::new(this.origin(&parts.headers, peer.ip()));
        let trace = trace_id(&parts.headers);
        if let Some(uri) = versioned(&parts.uri) {
            parts.uri = uri;
        }
        let method = parts.method.clone();

        let (response, remaining) = match this.knock(&parts.headers, parts.uri.path(), &origin) {
            (remaining, Some(refusal)) => (Failure(refusal).into_response(), remaining),
            (remaining, None) => {
                parts.extensions.insert(Arc::clone(&origin));
                let shows_token = bearer(&parts.headers).is_some();
                let response = this.route(Request::from_parts(parts, body)).await;
                let unmatched = response.extensions().get::<Operating>().is_none();
                // Nobody asked whose token it is where there is no operation: the address pays.
                let refusal = if shows_token && unmatched { this.count(&origin) } else { (None, None) };
                match refusal {
                    (remaining, Some(refusal)) => (Failure(refusal).into_response(), remaining),
                    (counted, None) => (response, remaining.or(counted)),
                }
            }
        };
        this.finish(response, remaining, &Seen { method, origin, trace, started })
    }
}

/// What the log says of a request.
struct Seen {
    method: Method,
    origin: Arc<Origin>,
    trace: Option<String>,
    started: Instant,
}

impl Inner {
    /// Limit and block by address, before anything else is known.
    fn knock(&self, headers: &HeaderMap, path: &str, origin: &Origin) -> (Option<Remaining>, Option<Error>) {
        if self.uncounted.contains(path) || is_page_asset(path) {
            return (None, None);
        }
        if bearer(headers).is_some() {
            return (None, None);
        }
        self.count(origin)
    }

    fn count(&self, origin: &Origin) -> (Option<Remaining>, Option<Error>) {
        self.edge.limiter().address(origin.address, self.edge.surroundings().now())
    }

    async fn route(&self, request: Request) -> Response {
        match AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => Failure(Error::internal(format!("a handler panicked: {}", panic_text(&*panic))))
                .into_response(),
        }
    }

    fn origin(&self, headers: &HeaderMap, peer: IpAddr) -> Origin {
        let user_agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Origin {
            address: self.client_address(headers, peer),
            user_agent: user_agent.map(|agent| agent.chars().take(256).collect()),
            request_id: self.request_id(headers),
        }
    }

    fn request_id(&self, headers: &HeaderMap) -> Arc<str> {
        let given = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
        if let Some(id) = given.filter(|id| is_plain(id)) {
            return id.into();
        }
        let id: Id<RequestId> = self.edge.surroundings().id();
        id.to_string().into()
    }

    /// The rightmost forwarded address that is no trusted proxy of ours (RFC 7239, section 7.4).
    fn client_address(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let proxies = &self.edge.settings().trusted_proxies;
        let trusted = |address: IpAddr| proxies.iter().any(|net| net.contains(&address));
        if proxies.is_empty() || !trusted(peer) {
            return peer;
        }
        let mut client = peer;
        for value in headers.get_all(X_FORWARDED_FOR).into_iter().rev() {
            for text in value.to_str().unwrap_or_default().rsplit(',') {
                let Ok(address) = text.trim().parse() else {
                    return client;
                };
                client = address;
                if !trusted(address) {
                    return client;
                }
            }
        }
        client
    }

    /// Envelope, headers, meters, log.
    fn finish(&self, mut response: Response, remaining: Option<Remaining>, seen: &Seen) -> Response {
        let error = envelope(&mut response, &seen.origin.request_id);
        let status = response.status();
        let operating = response.extensions_mut().remove::<Operating>();
        if let Some(remaining) = remaining {
            remaining.write(response.headers_mut());
        }
        self.secure_headers(response.headers_mut());
        if let Ok(id) = HeaderValue::from_str(&seen.origin.request_id) {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        match &operating {
            Some(operating) => operating.record(status, seen.started),
            None => metrics::counter!(
                "http_requests_total", "method" => "*", "path" => "*", "status" => status.as_str().to_owned()
            )
            .increment(1),
        }
        log(seen, operating.as_ref(), status, error.as_deref());
        response
    }

    fn secure_headers(&self, headers: &mut HeaderMap) {
        let mut set = |name, value| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::X_FRAME_OPTIONS, "DENY");
        set(header::REFERRER_POLICY, "no-referrer");
        set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
        set(header::CACHE_CONTROL, "no-store");
        if self.secure {
            set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
    }
}

/// Renders what failed; also what the framework itself refused.
fn envelope(response: &mut Response, request_id: &str) -> Option<Arc<Error>> {
    let error = match response.extensions_mut().remove::<Unrendered>() {
        Some(Unrendered(error)) => error,
        None if response.status().as_u16() < 400 || response.extensions().get::<Shaped>().is_some() => {
            return None;
        }
        None => Arc::new(error_for(response.status())),
    };
    let bare = std::mem::replace(response, Response::new(Body::empty()));
    *response = render(bare, &error, request_id);
    Some(error)
}

fn log(seen: &Seen, operating: Option<&Operating>, status: StatusCode, error: Option<&Error>) {
    let milliseconds = seen.started.elapsed().as_secs_f64() * 1000.0;
    let operation = operating.map_or("-", Operating::id);
    let (request_id, address) = (&*seen.origin.request_id, seen.origin.address);
    let trace_id = seen.trace.as_deref();
    if status.is_server_error() {
        let cause = error.and_then(std::error::Error::source).map(ToString::to_string);
        tracing::error!(
            request_id, trace_id, %address, method = %seen.method, operation, status = status.as_u16(),
            milliseconds, cause, "request failed"
        );
    } else if seen.method == Method::GET && status.is_success() {
        tracing::debug!(
            request_id, trace_id, %address, method = %seen.method, operation, status = status.as_u16(),
            milliseconds, "request"
        );
    } else {
        let reason = error.and_then(Error::reason_code);
        tracing::info!(
            request_id, trace_id, %address, method = %seen.method, operation, status = status.as_u16(),
            milliseconds, reason, "request"
        );
    }
}

/// `/api/…` without a version means v1 and reaches the same handler.
fn versioned(uri: &Uri) -> Option<Uri> {
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

/// The parts of the documentation page.
fn is_page_asset(path: &str) -> bool {
    path.strip_prefix(API_PREFIX).is_some_and(|rest| rest.starts_with("/docs/"))
}

/// A request id from outside that may be returned and logged as it is.
fn is_plain(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

/// The trace id of a valid `traceparent` (W3C Trace Context, section 3.2).
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let mut fields = headers.get(TRACEPARENT)?.to_str().ok()?.split('-');
    let (version, trace, parent) = (fields.next()?, fields.next()?, fields.next()?);
    let hex = |text: &str, length| text.len() == length && text.bytes().all(|b| b.is_ascii_hexdigit());
    let valid = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && trace.bytes().any(|b| b != b'0');
    valid.then(|| trace.to_owned())
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}

#[cfg(test)]
mod tests {
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
    fn only_a_valid_traceparent_is_honoured() {
        let read = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(TRACEPARENT, HeaderValue::from_static(text));
            trace_id(&headers)
        };
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

        assert_eq!(read(good).as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
        assert_eq!(read("00-00000000000000000000000000000000-00f067aa0ba902b7-01"), None);
        assert_eq!(read("x"), None);
    }
}
