//! The shape of every answer: the success envelope, the error envelope, and how a domain's result becomes one.

use std::borrow::Cow;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use kernel::{Error, Kind, Revision, Versioned, id::JobId};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::{
    ToSchema,
    openapi::{ObjectBuilder, Schema, Type},
};

use crate::{API_PREFIX, conditional};

/// What a handler gives: an answer, or a failure that the door renders.
pub type Result<T> = std::result::Result<T, Failure>;

/// The body of a success.
#[derive(Debug, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// Always true.
    #[schema(example = true)]
    pub success: bool,
    /// The result.
    pub data: T,
    /// A sentence, only where it says more than the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Cow<'static, str>>,
}

/// The body of a failure.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorEnvelope {
    /// Always false.
    #[schema(example = false)]
    pub success: bool,
    /// What went wrong.
    pub error: ErrorBody,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// The kind of error; each belongs to one status.
    #[schema(schema_with = codes)]
    pub code: &'static str,
    /// A sentence for a person.
    #[schema(example = "There is no such user.")]
    pub message: String,
    /// For programs: `request_id` always, `reason`, `fields` and others where they apply.
    #[schema(value_type = ErrorDetails)]
    pub details: Map<String, Value>,
}

/// What programs may want to know of an error. Some errors tell more.
#[derive(Debug, Serialize, ToSchema)]
#[allow(dead_code, reason = "it is what the contract says of `details`; errors collect theirs by name")]
struct ErrorDetails {
    /// The request's id, as in `X-Request-Id`.
    #[schema(example = "req_01jxk6qv9ve7m8g3t5s0c4d2ba")]
    request_id: String,
    /// The cause within the code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "slug_taken")]
    reason: Option<String>,
    /// What is wrong with each field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!({ "name": ["must have 1 to 80 characters, in one line"] }))]
    fields: Option<std::collections::BTreeMap<String, Vec<String>>>,
    /// The permission that is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "bots:create")]
    permission: Option<String>,
    /// What is down or not configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "database")]
    service: Option<String>,
    /// Seconds to wait before the next try.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

fn codes() -> Schema {
    let codes = Kind::ALL.map(Kind::code);
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(codes))
        .description(Some("The kind of error; each belongs to one status."))
        .examples([Value::from(Kind::NotFound.code())])
        .build()
        .into()
}

/// A successful answer.
#[derive(Debug)]
pub struct Reply<T> {
    status: StatusCode,
    data: Option<T>,
    location: Option<String>,
    message: Option<Cow<'static, str>>,
    revision: Option<Revision>,
}

impl<T> Reply<T> {
    const fn with(status: StatusCode, data: Option<T>, location: Option<String>) -> Self {
        Self { status, data, location, message: None, revision: None }
    }

    /// 200.
    pub const fn ok(data: T) -> Self {
        Self::with(StatusCode::OK, Some(data), None)
    }

    /// 201, with the new resource's path below `/api/v1`.
    pub fn created(path: impl AsRef<str>, data: T) -> Self {
        Self::with(StatusCode::CREATED, Some(data), Some(format!("{API_PREFIX}{}", path.as_ref())))
    }

    /// 200 with the resource's `ETag`.
    pub fn versioned(resource: Versioned<T>) -> Self {
        Self { revision: Some(resource.revision), ..Self::ok(resource.value) }
    }

    /// Adds the `ETag` of a resource at that revision.
    #[must_use]
    pub fn at(mut self, revision: Revision) -> Self {
        self.revision = Some(revision);
        self
    }

    /// 202: it goes on after the answer.
    pub const fn accepted(data: T) -> Self {
        Self::with(StatusCode::ACCEPTED, Some(data), None)
    }

    /// Adds a sentence that says more than the status.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }
}

/// What a 202 tells: the job that goes on after the answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AcceptedJob {
    /// The job.
    pub job_id: JobId,
    /// What has become of it.
    #[schema(example = "queued")]
    pub status: &'static str,
    /// Where whoever started it can follow it.
    #[schema(example = "/api/v1/jobs/job_01jzx1hm60es2tv4k60c1vp5ba")]
    pub status_url: String,
}

impl Reply<AcceptedJob> {
    /// 202 with the job that was enqueued.
    pub fn job(job_id: JobId) -> Self {
        let status_url = format!("{API_PREFIX}/jobs/{job_id}");
        Self::accepted(AcceptedJob { job_id, status: "queued", status_url })
    }
}

impl Reply<()> {
    /// 204.
    pub const fn no_content() -> Self {
        Self::with(StatusCode::NO_CONTENT, None, None)
    }
}

/// Marks an answer whose shape is already ours, so that the door leaves it alone.
#[derive(Clone, Copy)]
pub(crate) struct Shaped;

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let mut response = match self.data {
            None => self.status.into_response(),
            Some(data) => match json(&Envelope { success: true, data, message: self.message }) {
                Ok(body) => {
                    let tag = self.revision.and_then(|revision| conditional::tag(revision, &body));
                    let mut response = (self.status, [(header::CONTENT_TYPE, JSON)], body).into_response();
                    if let Some(tag) = tag {
                        response.headers_mut().insert(header::ETAG, tag);
                    }
                    response
                }
                Err(cause) => return Failure(Error::internal(cause)).into_response(),
            },
        };
        if let Some(location) = self.location.and_then(|path| HeaderValue::try_from(path).ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response.extensions_mut().insert(Shaped);
        response
    }
}

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn json(value: &impl Serialize) -> serde_json::Result<Bytes> {
    let mut out = BytesMut::with_capacity(512).writer();
    serde_json::to_writer(&mut out, value)?;
    Ok(out.into_inner().freeze())
}

/// An answer that somebody else has the say in, such as a script: it goes out as it is, without the envelope.
#[derive(Debug, Clone)]
pub struct Verbatim {
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
}

impl Verbatim {
    /// An answer of that status and type.
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, body: body.into() }
    }
}

impl IntoResponse for Verbatim {
    fn into_response(self) -> Response {
        let mut response = if self.body.is_empty() {
            self.status.into_response()
        } else {
            (self.status, [(header::CONTENT_TYPE, self.content_type)], self.body).into_response()
        };
        response.extensions_mut().insert(Shaped);
        response
    }
}

/// A failure on its way out. It carries the error to the door, which knows the request's id and renders it.
#[derive(Debug)]
pub struct Failure(pub Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// The error in a response's extensions, until the door renders it.
#[derive(Clone)]
pub(crate) struct Unrendered(pub(crate) std::sync::Arc<Error>);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status_of(self.0.kind()).into_response();
        if self.0.kind() == Kind::Unauthorized {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.0.details().get("retry_after").and_then(Value::as_u64) {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(Unrendered(self.0.into()));
        response
    }
}

fn status_of(kind: Kind) -> StatusCode {
    StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Writes an error as the envelope, into a response whose status and headers stand already.
pub(crate) fn render(response: Response, error: &Error, request_id: &str) -> Response {
    let mut details = error.details().clone();
    details.insert("request_id".to_owned(), Value::from(request_id));
    let envelope = ErrorEnvelope {
        success: false,
        error: ErrorBody { code: error.kind().code(), message: error.message().to_owned(), details },
    };
    let body = json(&envelope).unwrap_or_else(|_| Bytes::from_static(b"{\"success\":false}"));
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(header::CONTENT_TYPE, JSON);
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(body))
}

/// What a status of the framework's own means in our terms.
pub(crate) fn error_for(status: StatusCode) -> Error {
    match status.as_u16() {
        404 => Error::new(Kind::NotFound, "Nothing is at this address."),
        405 => Error::new(Kind::MethodNotAllowed, "This address does not take that method."),
        406 => Error::new(Kind::NotAcceptable, "Nothing this address answers with is accepted."),
        413 => Error::new(Kind::PayloadTooLarge, "The body is larger than this address takes."),
        415 => {
            Error::new(Kind::UnsupportedMediaType, "The body is of a type that this address does not take.")
        }
        503 => Error::new(Kind::Unavailable, "The server can't do this right now."),
        code if code < 500 => Error::bad_request("The request can't be read."),
        _ => Error::internal(format!("the framework answered {status}")),
    }
}
