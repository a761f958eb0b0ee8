//! The outermost step: everything that happens to a request before its route is known, and to an answer last.

use std::{any::Any, panic::AssertUnwindSafe, sync::Arc, time::Instant};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use futures_util::FutureExt;
use http_body::Body as _;
use hyper::body::Incoming;
use kernel::{Error, Origin, Principal};
use platform::settings::Derived;
use tower::ServiceExt;
use tracing::{Instrument, Span};

use crate::{
    API_PREFIX, Edge, Failure, Module, Operating, Settings,
    compression::{self, compress},
    connection::Link,
    contract::Contract,
    cors::{self, Cors, NotAnOrigin, Welcome},
    edge::{bearer, guard, token},
    head::{self, X_REQUEST_ID},
    intake::take_in,
    limits::Remaining,
    own_api::{AskedFor, OwnApi},
    reply::{Shaped, Unrendered, error_for, render},
    trace::{self, TraceParent},
};

/// The methods that some operation answers to, where no single address is meant.
const METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS");

/// The whole server as one function from request to answer.
#[derive(Clone)]
pub struct Door(Arc<Inner>);

/// What is behind the door.
pub(crate) struct Inner {
    edge: Edge,
    router: Router,
    /// Addresses that don't count against the general limits, as the router reads them.
    uncounted: matchit::Router<()>,
    cors: Derived<Settings, Cors>,
    /// Is the server's public address one of HTTPS?
    secure: bool,
}

impl Door {
    /// Puts the modules' operations behind the edge. `secure`: is the server's public address one of HTTPS?
    pub fn new(
        modules: Vec<Module>,
        edge: Edge,
        contract: Contract,
        secure: bool,
    ) -> Result<Self, NotAnOrigin> {
        let mut router = Router::new();
        let mut uncounted = matchit::Router::new();
        let of_modules =
            modules.into_iter().flat_map(|module| module.routes.into_iter().chain(module.assets));
        for route in of_modules.chain(contract.into_routes()) {
            if !route.operating.access().counted {
                // Methods of one address are told apart later; the router has seen the others of its kind.
                let _ = uncounted.insert(route.path.clone(), ());
            }
            let (edge, operating) = (edge.clone(), route.operating);
            // Only the operation itself is guarded: that a method is wrong is no secret and nobody's call.
            let guarded = route.handler.route_layer(middleware::from_fn(move |request, next| {
                guard(edge.clone(), operating.clone(), request, next)
            }));
            router = router.route(&route.path, guarded);
        }
        Cors::check(&edge.settings().cors_origins)?;
        let cors = Derived::new(edge.live_settings().clone(), Cors::of);
        Ok(Self(Arc::new(Inner { edge, router, uncounted, cors, secure })))
    }

    /// From now on the scripts' own way to the API leads here.
    pub fn is_reached_by(&self, own: &OwnApi) {
        own.lead_to(&self.0);
    }

    /// Answers one request.
    pub async fn serve(self, request: http::Request<Incoming>, link: Link) -> Response {
        let started = Instant::now();
        let this = &*self.0;
        let settings = Arc::clone(&this.edge.settings());
        let (mut parts, body) = request.into_parts();
        let origin = head::origin(&parts.headers, link, &settings.trusted_proxies, this.edge.surroundings());
        let parent = TraceParent::of(&parts.headers);
        let asked = Asked {
            method: parts.method.clone(),
            parent,
            span: trace::span(&parts.method, &parts.headers, parent),
            welcome: this.cors.get().value.welcome(&parts.headers),
            encodings: parts.headers.get(header::ACCEPT_ENCODING).cloned(),
            known: compression::unsuffix(&mut parts.headers),
            origin: Arc::new(origin),
            started,
        };
        let mut watch = Watch::over(&asked);
        if let Err(refusal) = head::check(&parts, &settings) {
            return watch.end(this.finish(Failure(refusal).into_response(), None, asked)).await;
        }
        if cors::is_preflight(&parts.method, &parts.headers) {
            let preflight = cors::preflight(asked.welcome.as_ref());
            return watch.end(this.finish(preflight, None, asked)).await;
        }
        let body = match take_in(body, &parts.headers, parts.version, settings.pace()) {
            None => Body::empty(),
            Some((body, arrival)) => {
                parts.extensions.insert(arrival);
                body
            }
        };
        if let Some(uri) = head::versioned(&parts.uri) {
            parts.uri = uri;
        }

        let (response, remaining) = match this.knock(&parts.headers, parts.uri.path(), &asked.origin).await {
            (remaining, Some(refusal)) => (Failure(refusal).into_response(), remaining),
            (remaining, None) => {
                parts.extensions.insert(Arc::clone(&asked.origin));
                let shown = parts.headers.get(header::AUTHORIZATION).cloned();
                let response =
                    this.route(Request::from_parts(parts, body)).instrument(asked.span.clone()).await;
                let unmatched = response.extensions().get::<Operating>().is_none();
                let refusal = match shown {
                    Some(shown) if unmatched => this.count_unmatched(&shown, &asked.origin).await,
                    _ => (None, None),
                };
                match refusal {
                    (remaining, Some(refusal)) => (Failure(refusal).into_response(), remaining),
                    (counted, None) => (response, remaining.or(counted)),
                }
            }
        };
        watch.end(this.finish(response, remaining, asked)).await
    }
}

/// What the end of a request needs to know of its beginning.
struct Asked {
    method: Method,
    origin: Arc<Origin>,
    parent: Option<TraceParent>,
    span: Span,
    welcome: Option<Welcome>,
    /// The compressions that the client takes.
    encodings: Option<HeaderValue>,
    /// The compression that the client knows the answer in.
    known: Option<&'static str>,
    started: Instant,
}

/// Tells of a request whose client left before its answer: nobody else would.
struct Watch {
    origin: Arc<Origin>,
    method: Method,
    started: Instant,
    has_ended: bool,
}

impl Watch {
    fn over(asked: &Asked) -> Self {
        Self {
            origin: Arc::clone(&asked.origin),
            method: asked.method.clone(),
            started: asked.started,
            has_ended: false,
        }
    }

    /// Sees the answer off.
    async fn end(&mut self, finish: impl Future<Output = Response>) -> Response {
        let response = finish.await;
        self.has_ended = true;
        response
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        // The status that proxies write down for it; nobody is sent one.
        metrics::counter!("http_requests_total", "method" => "*", "path" => "*", "status" => "499")
            .increment(1);
        let milliseconds = self.started.elapsed().as_secs_f64() * 1000.0;
        tracing::info!(
            request_id = &*self.origin.request_id, address = %self.origin.address, method = %self.method,
            milliseconds, "the client left before its answer"
        );
    }
}

impl Inner {
    pub(crate) fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Answers a request that did not come over the network: it was made in this server, by who is known already. It
    /// is matched, limited, permitted, answered and logged like any other.
    pub(crate) async fn answer_own(
        &self,
        who: kernel::Result<Arc<Principal>>,
        mut request: Request,
        origin: Arc<Origin>,
    ) -> Response {
        let asked = Asked {
            method: request.method().clone(),
            origin: Arc::clone(&origin),
            parent: None,
            span: trace::span(request.method(), request.headers(), None),
            welcome: None,
            encodings: None,
            known: None,
            started: Instant::now(),
        };
        let response = match who {
            Err(refused) => Failure(refused).into_response(),
            Ok(who) => {
                request.extensions_mut().insert(origin);
                request.extensions_mut().insert(AskedFor(who));
                self.route(request).instrument(asked.span.clone()).await
            }
        };
        self.finish(response, None, asked).await
    }

    /// Limit and block by address, before anything else is known.
    async fn knock(
        &self,
        headers: &HeaderMap,
        path: &str,
        origin: &Origin,
    ) -> (Option<Remaining>, Option<Error>) {
        if self.uncounted.at(path).is_ok() || is_page_asset(path) {
            return (None, None);
        }
        if bearer(headers).is_some() {
            return (None, None);
        }
        self.count(origin).await
    }

    /// Nobody asked whose token it is where there is no operation. A good one pays by its caller, another by address.
    async fn count_unmatched(
        &self,
        shown: &HeaderValue,
        origin: &Origin,
    ) -> (Option<Remaining>, Option<Error>) {
        let now = self.edge.surroundings().now();
        match token(shown) {
            // Counted before the route was looked for.
            None => (None, None),
            Some(token) => match self.edge.recognize(token, origin.address, now).await {
                Ok(who) => self.edge.limiter().caller(&who, now).await,
                Err(_) => self.count(origin).await,
            },
        }
    }

    async fn count(&self, origin: &Origin) -> (Option<Remaining>, Option<Error>) {
        self.edge.limiter().address(origin.address, self.edge.surroundings().now()).await
    }

    async fn route(&self, request: Request) -> Response {
        let asks_for_options = *request.method() == Method::OPTIONS;
        if asks_for_options && request.uri().path() == "*" {
            return options(METHODS);
        }
        let response = match AssertUnwindSafe(self.router.clone().oneshot(request)).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(panic) => {
                let error = Error::internal(format!("a handler panicked: {}", panic_text(&*panic)));
                return Failure(error).into_response();
            }
        };
        match response.headers().get(header::ALLOW) {
            Some(allowed) if asks_for_options && response.status() == StatusCode::METHOD_NOT_ALLOWED => {
                options(allowed.clone())
            }
            _ => response,
        }
    }

    /// Envelope, headers, compression, meters, log.
    async fn finish(&self, mut response: Response, remaining: Option<Remaining>, asked: Asked) -> Response {
        let error = envelope(&mut response, &asked.origin.request_id);
        let status = response.status();
        let operating = response.extensions_mut().remove::<Operating>();
        let own = response.extensions_mut().remove::<Remaining>();
        if let Some(remaining) = remaining.into_iter().chain(own).reduce(Remaining::tighter) {
            remaining.write(response.headers_mut());
        }
        self.write_headers(response.headers_mut(), &asked.origin);
        self.cors.get().value.mark_varying(response.headers_mut());
        if let Some(suffix) = asked.known {
            compression::resuffix(&mut response, suffix);
        }
        if operating.as_ref().is_none_or(|operating| operating.access().may_be_compressed()) {
            let compress_from = self.edge.settings().compress_from;
            response = compress(response, asked.encodings.clone(), compress_from).await;
        }
        if asked.method == Method::HEAD {
            response = without_body(response);
        }
        match &operating {
            Some(operating) => operating.record(status, asked.started),
            None => metrics::counter!(
                "http_requests_total", "method" => "*", "path" => "*", "status" => status.as_str().to_owned()
            )
            .increment(1),
        }
        let (route, id) = (operating.as_ref().map(Operating::path), &*asked.origin.request_id);
        trace::end(&asked.span, &asked.method, route, status.as_u16(), id);
        log(&asked, operating.as_ref(), status, error.as_deref());
        if let Some(welcome) = asked.welcome {
            welcome.write(response.headers_mut());
        }
        response
    }

    fn write_headers(&self, headers: &mut HeaderMap, origin: &Origin) {
        if let Ok(id) = HeaderValue::from_str(&origin.request_id) {
            headers.insert(X_REQUEST_ID, id);
        }
        let mut set = |name, value| {
            headers.entry(name).or_insert(HeaderValue::from_static(value));
        };
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::X_FRAME_OPTIONS, "DENY");
        set(header::REFERRER_POLICY, "no-referrer");
        set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
        set(header::CACHE_CONTROL, "no-store");
        if self.secure || origin.secure {
            set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        }
    }
}

/// The answer to `OPTIONS`: the methods that the address takes.
fn options(allowed: HeaderValue) -> Response {
    let text = allowed.to_str().unwrap_or_default();
    let allowed = if text.contains("OPTIONS") {
        allowed
    } else {
        HeaderValue::try_from(format!("{text},OPTIONS")).unwrap_or(METHODS)
    };
    (StatusCode::NO_CONTENT, [(header::ALLOW, allowed)]).into_response()
}

/// The same answer without its body, which HEAD has none of (RFC 9110, section 9.3.2).
fn without_body(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let has_length = parts.status.is_informational()
        || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
        || parts.headers.contains_key(header::CONTENT_LENGTH);
    if let (false, Some(length)) = (has_length || body.is_end_stream(), body.size_hint().exact()) {
        parts.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(parts, Body::empty())
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
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().entry(header::ALLOW).or_insert(METHODS);
    }
    Some(error)
}

fn log(asked: &Asked, operating: Option<&Operating>, status: StatusCode, error: Option<&Error>) {
    let milliseconds = asked.started.elapsed().as_secs_f64() * 1000.0;
    let operation = operating.map_or("-", Operating::id);
    let (request_id, address) = (&*asked.origin.request_id, asked.origin.address);
    let trace_id = trace::trace_of(&asked.span, asked.parent).map(tracing::field::display);
    if status.is_server_error() {
        let cause = error.and_then(std::error::Error::source).map(ToString::to_string);
        tracing::error!(
            request_id, trace_id, %address, method = %asked.method, operation, status = status.as_u16(),
            milliseconds, cause, "request failed"
        );
    } else if asked.method == Method::GET && status.is_success() {
        tracing::debug!(
            request_id, trace_id, %address, method = %asked.method, operation, status = status.as_u16(),
            milliseconds, "request"
        );
    } else {
        let reason = error.and_then(Error::reason_code);
        tracing::info!(
            request_id, trace_id, %address, method = %asked.method, operation, status = status.as_u16(),
            milliseconds, reason, "request"
        );
    }
}

/// The parts of the documentation page.
fn is_page_asset(path: &str) -> bool {
    path.strip_prefix(API_PREFIX).is_some_and(|rest| rest.starts_with("/docs/"))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message")
}
