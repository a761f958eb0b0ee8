//! What handlers take: the caller, path, query and body, each read strictly and refused in our envelope.

use std::{marker::PhantomData, sync::Arc, time::Instant};

use axum::{
    extract::{FromRequest, FromRequestParts, Path as AxumPath, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::Bytes;
use dashmap::DashMap;
use futures_util::Stream;
use http_body::Body as _;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kernel::{
    Actor, Error, Kind, Origin,
    list::{ListRequest, Listed},
};
use serde::de::DeserializeOwned;

use crate::{Access, Failure, intake::TooSlow, json, query};

/// What the edge learned of a request, for the extractors.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) origin: Arc<Origin>,
    pub(crate) actor: Option<Actor>,
    pub(crate) body_limit: usize,
    /// The limit of bodies that are described in JSON, where the operation has none of its own.
    pub(crate) described_limit: usize,
}

fn context(parts: &Parts) -> Result<&Context, Failure> {
    parts
        .extensions
        .get::<Context>()
        .ok_or_else(|| Failure(Error::internal("an operation was reached past the edge")))
}

/// An operation as it runs: its name, address and access, and the meters of its requests.
#[derive(Clone)]
pub struct Operating(Arc<OperatingInner>);

struct OperatingInner {
    id: &'static str,
    method: &'static str,
    path: String,
    access: Access,
    produced: Vec<String>,
    duration: metrics::Histogram,
    by_status: DashMap<u16, metrics::Counter>,
}

impl Operating {
    /// The operation of that id. Its meters are those of the recorder installed by now.
    pub fn new(id: String, method: &'static str, path: String, access: Access) -> Self {
        Self::producing(id, method, path, access, Vec::new())
    }

    /// The operation whose successes come in these types; none at all means that nobody is asked.
    pub(crate) fn producing(
        id: String,
        method: &'static str,
        path: String,
        access: Access,
        produced: Vec<String>,
    ) -> Self {
        // Operations live as long as the process: their names are handed to counters as static texts.
        let id: &'static str = Box::leak(id.into_boxed_str());
        let duration = metrics::histogram!(
            "http_request_duration_seconds", "method" => method, "path" => path.clone()
        );
        Self(Arc::new(OperatingInner {
            id,
            method,
            path,
            access,
            produced,
            duration,
            by_status: DashMap::new(),
        }))
    }

    /// The operation's id in the contract.
    pub fn id(&self) -> &'static str {
        self.0.id
    }

    /// Who may call it.
    pub fn access(&self) -> &Access {
        &self.0.access
    }

    /// The types that its successes come in.
    pub(crate) fn produced(&self) -> &[String] {
        &self.0.produced
    }

    /// Does its answer have an end of its own? A stream of events has none.
    pub(crate) fn answers_at_once(&self) -> bool {
        let mut kinds = self.0.produced.iter();
        self.0.produced.is_empty() || kinds.any(|kind| kind != "text/event-stream")
    }

    /// The pattern of its path, never with real ids.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Leaves the operation in the response's extensions, for the door's meters and log.
    pub(crate) fn mark(&self, mut response: Response) -> Response {
        response.extensions_mut().insert(self.clone());
        response
    }

    /// Counts one answered request.
    pub(crate) fn record(&self, status: StatusCode, started: Instant) {
        self.0.duration.record(started.elapsed());
        if let Some(counter) = self.0.by_status.get(&status.as_u16()) {
            return counter.increment(1);
        }
        let (method, path) = (self.0.method, self.0.path.clone());
        let status_label = status.as_str().to_owned();
        let counter = metrics::counter!(
            "http_requests_total", "method" => method, "path" => path, "status" => status_label
        );
        counter.increment(1);
        self.0.by_status.insert(status.as_u16(), counter);
    }
}

/// The signed-in caller.
pub struct Caller(pub Actor);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let actor = context(parts)?.actor.clone();
        actor
            .map(Self)
            .ok_or_else(|| Error::unauthorized("Sign in to do this.", "credentials_missing").into())
    }
}

/// The caller of a public operation, if they are signed in.
pub struct MaybeCaller(pub Option<Actor>);

impl<S: Sync> FromRequestParts<S> for MaybeCaller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(context(parts)?.actor.clone()))
    }
}

/// Where a request came from.
pub struct Peer(pub Arc<Origin>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(Arc::clone(&context(parts)?.origin)))
    }
}

/// Parameters of the path. What is no id of the wanted kind names nothing: 404.
pub struct Path<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        // Nothing has a name with NUL in it, and PostgreSQL fails where it is asked for one.
        if parts.uri.path().contains("%00") {
            return Err(Error::not_found("resource").into());
        }
        match AxumPath::from_request_parts(parts, state).await {
            Ok(AxumPath(value)) => Ok(Self(value)),
            Err(_) => Err(Error::not_found("resource").into()),
        }
    }
}

/// The query string as a struct that denies unknown fields.
pub struct Params<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(query::read(&parts.uri)?))
    }
}

/// What a caller asks of the list `L`, or 422 with everything that is wrong with it.
///
/// Named among an operation's `params` it documents them, from the specification that it reads by.
pub struct ListQuery<L>(pub ListRequest, PhantomData<fn() -> L>);

impl<S: Sync, L: Listed> FromRequestParts<S> for ListQuery<L> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let pairs = query::pairs(&parts.uri)?;
        let pairs = pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()));
        let request = L::SPEC.read(pairs.filter(|(name, _)| !L::BESIDE.contains(name)))?;
        Ok(Self(request, PhantomData))
    }
}

/// A JSON body. Malformed is 400; an unknown field or a value of the wrong type is 422 and names the field.
pub struct Body<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            return Err(not_json().into());
        }
        Ok(Self(json::read(&whole(request).await?)?))
    }
}

fn not_json() -> Error {
    Error::new(Kind::UnsupportedMediaType, "The body must be JSON (application/json).")
}

/// A body of plain text or of any type, whole in memory, within the operation's limit.
pub struct Text(pub Bytes);

impl<S: Sync> FromRequest<S> for Text {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(whole(request).await?))
    }
}

/// A body that is read as it arrives, within the operation's limit.
pub struct Upload {
    /// The headers, for the type and the multipart boundary.
    pub headers: HeaderMap,
    /// The limit in force, in bytes.
    pub limit: usize,
    described_limit: usize,
    body: axum::body::Body,
}

impl Upload {
    /// What parts the parts of a form, if it is one.
    pub fn boundary(&self) -> Option<String> {
        let kind = self.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let mut parameters = kind.split(';').map(str::trim);
        let is_form = parameters.next()?.eq_ignore_ascii_case("multipart/form-data");
        let boundary = parameters.find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
        });
        boundary.filter(|boundary| is_form && !boundary.is_empty())
    }

    /// The whole as JSON, within the general limit of bodies: what [`Body`] takes, where a form may come instead.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Failure> {
        if !is_json(&self.headers) {
            return Err(not_json().into());
        }
        Ok(json::read(&read_whole(self.body, self.described_limit).await?)?)
    }

    /// The bytes as they arrive. Past the limit the stream ends with 413.
    pub fn stream(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        use futures_util::StreamExt;
        let limit = self.limit;
        Limited::new(self.body, limit)
            .into_data_stream()
            .map(move |chunk| chunk.map_err(|cause| body_error(cause, limit)))
    }
}

impl<S: Sync> FromRequest<S> for Upload {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let (limit, described_limit) = {
            let context = context(&parts)?;
            (context.body_limit, context.described_limit)
        };
        check_size(&body, limit)?;
        Ok(Self { headers: parts.headers, limit, described_limit, body })
    }
}

async fn whole(request: Request) -> Result<Bytes, Failure> {
    let (parts, body) = request.into_parts();
    read_whole(body, context(&parts)?.body_limit).await
}

/// A body, whole in memory. One of more bytes than the limit is 413.
pub(crate) async fn read_whole(body: axum::body::Body, limit: usize) -> Result<Bytes, Failure> {
    check_size(&body, limit)?;
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(cause) => Err(body_error(cause, limit).into()),
    }
}

/// A body that says itself that it is too large needn't be read to be refused.
fn check_size(body: &axum::body::Body, limit: usize) -> Result<(), Error> {
    if body.size_hint().lower() > limit as u64 { Err(too_large(limit)) } else { Ok(()) }
}

fn too_large(limit: usize) -> Error {
    Error::new(Kind::PayloadTooLarge, format!("The body is larger than {limit} bytes."))
        .detail("limit", limit)
}

fn body_error(cause: Box<dyn std::error::Error + Send + Sync>, limit: usize) -> Error {
    if cause.is::<LengthLimitError>() {
        return too_large(limit);
    }
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(&*cause);
    while let Some(error) = next {
        if error.is::<TooSlow>() {
            return too_slow();
        }
        next = error.source();
    }
    Error::bad_request("The body ended before it was complete, or is framed wrongly.").caused_by(cause)
}

/// 408 for a client that doesn't send what it began.
pub(crate) fn too_slow() -> Error {
    Error::new(Kind::RequestTimeout, "The body took too long to arrive.")
}

/// Bodies are read as they come: none is decompressed, so that none grows.
pub(crate) fn check_coding(headers: &HeaderMap) -> Result<(), Error> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            Err(Error::new(Kind::UnsupportedMediaType, "Send the body without compression.")
                .reason("content_encoding"))
        }
        _ => Ok(()),
    }
}

/// `application/json` or a type that is JSON by its name, in UTF-8.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_utf8 = parts.all(|parameter| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    });
    let names_json = essence.eq_ignore_ascii_case("application/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    names_json && is_utf8
}
