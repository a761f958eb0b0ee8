//! What handlers take: the caller, path, query and body, each read strictly and refused in our envelope.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{FromRequest, FromRequestParts, Path as AxumPath, Request},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::Response,
};
use bytes::Bytes;
use dashmap::DashMap;
use futures_util::Stream;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kernel::{
    Actor, Error, Kind, Origin,
    list::{ListRequest, ListSpec},
};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::{Access, Failure};

/// What the edge learned of a request, for the extractors.
#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) origin: Arc<Origin>,
    pub(crate) actor: Option<Actor>,
    pub(crate) body_limit: usize,
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
    duration: metrics::Histogram,
    by_status: DashMap<u16, metrics::Counter>,
}

impl Operating {
    /// The operation of that id. Its meters are those of the recorder installed by now.
    pub fn new(id: String, method: &'static str, path: String, access: Access) -> Self {
        // Operations live as long as the process: their names are handed to counters as static texts.
        let id: &'static str = Box::leak(id.into_boxed_str());
        let duration = metrics::histogram!(
            "http_request_duration_seconds", "method" => method, "path" => path.clone()
        );
        Self(Arc::new(OperatingInner { id, method, path, access, duration, by_status: DashMap::new() }))
    }

    /// The operation's id in the contract.
    pub fn id(&self) -> &'static str {
        self.0.id
    }

    /// Who may call it.
    pub fn access(&self) -> &Access {
        &self.0.access
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
        let query = parts.uri.query().unwrap_or_default();
        let reader = serde_urlencoded::Deserializer::new(url_pairs(query));
        match serde_path_to_error::deserialize(reader) {
            Ok(value) => Ok(Self(value)),
            Err(error) => Err(bad_field(&error.path().to_string(), &error.inner().to_string()).into()),
        }
    }
}

fn url_pairs(query: &str) -> form_urlencoded::Parse<'_> {
    form_urlencoded::parse(query.as_bytes())
}

/// What a caller asks of a list, to be read against the list's specification.
pub struct ListQuery(Vec<(String, String)>);

impl ListQuery {
    /// The request, or 422 with everything that is wrong with it.
    pub fn read(&self, spec: &ListSpec) -> kernel::Result<ListRequest> {
        spec.read(self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }
}

impl<S: Sync> FromRequestParts<S> for ListQuery {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = url_pairs(query).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
        Ok(Self(pairs))
    }
}

/// A JSON body. Malformed is 400; an unknown field or a value of the wrong type is 422 and names the field.
pub struct Body<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        if !is_json(request.headers()) {
            let error = Error::new(Kind::UnsupportedMediaType, "The body must be JSON (application/json).");
            return Err(error.into());
        }
        Ok(Self(read_json(&read_whole(request).await?)?))
    }
}

/// A body of plain text or of any type, whole in memory, within the operation's limit.
pub struct Text(pub Bytes);

impl<S: Sync> FromRequest<S> for Text {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Ok(Self(read_whole(request).await?))
    }
}

/// A body that is read as it arrives, within the operation's limit.
pub struct Upload {
    /// The headers, for the type and the multipart boundary.
    pub headers: HeaderMap,
    /// The limit in force, in bytes.
    pub limit: usize,
    body: axum::body::Body,
}

impl Upload {
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
        let limit = context(&parts)?.body_limit;
        Ok(Self { headers: parts.headers, limit, body })
    }
}

async fn read_whole(request: Request) -> Result<Bytes, Failure> {
    let (parts, body) = request.into_parts();
    let limit = context(&parts)?.body_limit;
    match Limited::new(body, limit).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(cause) => Err(body_error(cause, limit).into()),
    }
}

fn body_error(cause: Box<dyn std::error::Error + Send + Sync>, limit: usize) -> Error {
    if cause.is::<LengthLimitError>() {
        return Error::new(Kind::PayloadTooLarge, format!("The body is larger than {limit} bytes."))
            .detail("limit", limit);
    }
    Error::bad_request("The body ended before it was complete.").caused_by(cause)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        json_error(&path, error.inner())
    })?;
    reader.end().map_err(|error| json_error(".", &error))?;
    Ok(value)
}

fn json_error(path: &str, error: &serde_json::Error) -> Error {
    match error.classify() {
        Category::Data => {
            let text = error.to_string();
            let problem = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]);
            bad_field(path, problem)
        }
        Category::Syntax | Category::Eof | Category::Io => Error::bad_request(format!(
            "The body is not well-formed JSON (line {}, column {}).",
            error.line(),
            error.column()
        )),
    }
}

/// 422 naming the field; serde names an unknown or missing one only in its sentence.
fn bad_field(path: &str, problem: &str) -> Error {
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| problem.strip_prefix(start))
        .and_then(|rest| rest.split('`').next());
    let field = match (path, named) {
        ("." | "?" | "", Some(name)) => name.to_owned(),
        ("." | "?" | "", None) => "body".to_owned(),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            format!("{path}.{name}")
        }
        (path, _) => path.to_owned(),
    };
    Error::invalid(&field, problem)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Address {
        city: String,
        number: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Person {
        name: String,
        address: Option<Address>,
    }

    fn refused(json: &str) -> (u16, String) {
        let error = read_json::<Person>(json.as_bytes()).unwrap_err();
        let fields = error.details().get("fields").and_then(|f| f.as_object());
        let names = fields.map(|f| f.keys().cloned().collect::<Vec<_>>().join(" ")).unwrap_or_default();
        (error.kind().status(), names)
    }

    #[test]
    fn malformed_json_is_400() {
        for json in ["", "{", "{\"name\":}", "{\"name\":\"a\"} x"] {
            assert_eq!(refused(json).0, 400, "{json}");
        }
    }

    #[test]
    fn a_wrong_value_is_422_and_names_the_field() {
        assert_eq!(refused(r#"{"name":1}"#), (422, "name".to_owned()));
        assert_eq!(refused("{}"), (422, "name".to_owned()));
        assert_eq!(refused("[]").0, 422);
        assert_eq!(refused(r#"{"name":"a","nick":"b"}"#), (422, "nick".to_owned()));
        assert_eq!(
            refused(r#"{"name":"a","address":{"city":"b","number":300}}"#),
            (422, "address.number".to_owned())
        );
        assert_eq!(
            refused(r#"{"name":"a","address":{"city":"b","number":3,"zip":1}}"#),
            (422, "address.zip".to_owned())
        );
    }

    proptest! {
        #[test]
        fn no_body_panics(bytes: Vec<u8>) {
            let _ = read_json::<Person>(&bytes);
        }
    }
}
