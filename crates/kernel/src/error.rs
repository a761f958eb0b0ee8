//! The one error that leaves a domain, and the one table from its kind to status and code.

use std::{borrow::Cow, collections::BTreeMap, error::Error as StdError, fmt};

use serde::Serialize;
use serde_json::{Map, Value};

/// What went wrong, in the terms of the API's conventions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It can't be read: malformed JSON, a query that doesn't parse.
    BadRequest,
    /// No credentials, or ones that are wrong, expired or revoked.
    Unauthorized,
    /// Known, but lacking a permission.
    Forbidden,
    /// Not there, or not the caller's to know of.
    NotFound,
    /// The address exists, with other methods.
    MethodNotAllowed,
    /// Nothing we can answer with is accepted.
    NotAcceptable,
    /// The client took too long to send what it began.
    RequestTimeout,
    /// It exists already, or the state forbids it.
    Conflict,
    /// `If-Match` no longer matches.
    PreconditionFailed,
    /// The body is larger than the operation takes.
    PayloadTooLarge,
    /// The address is longer than the server reads.
    UriTooLong,
    /// The body is of a type that the operation doesn't take.
    UnsupportedMediaType,
    /// It reads well and a value is not allowed.
    Validation,
    /// An account locked after failed logins.
    Locked,
    /// Too many requests.
    RateLimited,
    /// The head of the request is larger than the server reads.
    HeadersTooLarge,
    /// Our fault.
    Internal,
    /// A dependency is down or not configured.
    Unavailable,
    /// Over quota.
    InsufficientStorage,
}

impl Kind {
    /// Every kind, by status.
    pub const ALL: [Self; 19] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::Conflict,
        Self::PreconditionFailed,
        Self::PayloadTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::Validation,
        Self::Locked,
        Self::RateLimited,
        Self::HeadersTooLarge,
        Self::Internal,
        Self::Unavailable,
        Self::InsufficientStorage,
    ];

    /// The HTTP status and the code of the envelope: the only place that pairs them.
    const fn row(self) -> (u16, &'static str) {
        match self {
            Self::BadRequest => (400, "BAD_REQUEST"),
            Self::Unauthorized => (401, "UNAUTHORIZED"),
            Self::Forbidden => (403, "FORBIDDEN"),
            Self::NotFound => (404, "NOT_FOUND"),
            Self::MethodNotAllowed => (405, "METHOD_NOT_ALLOWED"),
            Self::NotAcceptable => (406, "NOT_ACCEPTABLE"),
            Self::RequestTimeout => (408, "REQUEST_TIMEOUT"),
            Self::Conflict => (409, "CONFLICT"),
            Self::PreconditionFailed => (412, "PRECONDITION_FAILED"),
            Self::PayloadTooLarge => (413, "PAYLOAD_TOO_LARGE"),
            Self::UriTooLong => (414, "URI_TOO_LONG"),
            Self::UnsupportedMediaType => (415, "UNSUPPORTED_MEDIA_TYPE"),
            Self::Validation => (422, "VALIDATION_ERROR"),
            Self::Locked => (423, "LOCKED"),
            Self::RateLimited => (429, "RATE_LIMITED"),
            Self::HeadersTooLarge => (431, "HEADERS_TOO_LARGE"),
            Self::Internal => (500, "SERVER_ERROR"),
            Self::Unavailable => (503, "SERVICE_UNAVAILABLE"),
            Self::InsufficientStorage => (507, "INSUFFICIENT_STORAGE"),
        }
    }

    /// The HTTP status.
    pub const fn status(self) -> u16 {
        self.row().0
    }

    /// The code of the error envelope.
    pub const fn code(self) -> &'static str {
        self.row().1
    }
}

/// Shorthand for results of this crate's error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error as a caller sees it: kind, a sentence for a person, details for a program.
///
/// The cause, if any, is for the log only; it never reaches an answer.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: Cow<'static, str>,
    details: Map<String, Value>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    audited: bool,
}

impl Error {
    /// An error of the given kind with a sentence for a person.
    pub fn new(kind: Kind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            details: Map::new(),
            source: None,
            audited: false,
        }))
    }

    /// 400: it can't be read.
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::BadRequest, message)
    }

    /// 401: no good credentials. `reason` is the cause within the code, such as `token_expired`.
    pub fn unauthorized(message: impl Into<Cow<'static, str>>, reason: &'static str) -> Self {
        Self::new(Kind::Unauthorized, message).reason(reason)
    }

    /// 403: the caller lacks the permission, which the details name.
    pub fn lacks(permission: crate::Permission) -> Self {
        Self::new(Kind::Forbidden, format!("This needs the permission {permission}."))
            .detail("permission", permission.to_string())
    }

    /// 403: only who is there may ask for it, and no script on their behalf.
    pub fn not_for_scripts() -> Self {
        let message = "A script can't ask for this: it needs somebody who is there.";
        Self::new(Kind::Forbidden, message).reason("not_for_scripts")
    }

    /// 404, naming the kind of thing that is not there.
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what}."))
    }

    /// 409: it exists already, or the state forbids it.
    pub fn conflict(message: impl Into<Cow<'static, str>>, reason: &'static str) -> Self {
        Self::new(Kind::Conflict, message).reason(reason)
    }

    /// 422 about one field.
    pub fn invalid(field: &str, problem: impl Into<String>) -> Self {
        let mut fields = FieldErrors::default();
        fields.add(field, problem);
        fields.into()
    }

    /// 500 with its cause for the log.
    pub fn internal(cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let mut error = Self::new(Kind::Internal, "Something went wrong on our side. It has been logged.");
        error.0.source = Some(cause.into());
        error
    }

    /// 503: `service` names what is down or not configured.
    pub fn unavailable(service: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unavailable, message).detail("service", service)
    }

    /// Adds the snake-case cause within the code.
    #[must_use]
    pub fn reason(self, reason: &'static str) -> Self {
        self.detail("reason", reason)
    }

    /// Adds a detail for programs. A value that can't be written as JSON is left out.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Serialize) -> Self {
        if let Ok(value) = serde_json::to_value(value) {
            self.0.details.insert(name.to_owned(), value);
        }
        self
    }

    /// Keeps a cause for the log.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(cause.into());
        self
    }

    /// It stands in the audit log already: nobody else need write it there.
    #[must_use]
    pub fn audited(mut self) -> Self {
        self.0.audited = true;
        self
    }

    /// Does it stand in the audit log already?
    pub fn is_audited(&self) -> bool {
        self.0.audited
    }

    /// The permission that the caller lacks, if that is what went wrong.
    pub fn lacked_permission(&self) -> Option<&str> {
        let permission = self.0.details.get("permission").filter(|_| self.0.kind == Kind::Forbidden);
        permission.and_then(Value::as_str)
    }

    /// What went wrong.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The details for programs.
    pub fn details(&self) -> &Map<String, Value> {
        &self.0.details
    }

    /// The cause within the code, if one was given.
    pub fn reason_code(&self) -> Option<&str> {
        self.0.details.get("reason").and_then(Value::as_str)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("details", &self.0.details)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// What is wrong with each field of a request, all of them at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldErrors(BTreeMap<String, Vec<String>>);

impl FieldErrors {
    /// Notes a problem. A field may have several.
    pub fn add(&mut self, field: &str, problem: impl Into<String>) {
        self.0.entry(field.to_owned()).or_default().push(problem.into());
    }

    /// Notes the problem if the condition doesn't hold.
    pub fn check(&mut self, holds: bool, field: &str, problem: impl Into<String>) {
        if !holds {
            self.add(field, problem);
        }
    }

    /// Notes the problem of a failed reading and gives the value of a good one.
    pub fn take<T, E: fmt::Display>(&mut self, field: &str, read: Result<T, E>) -> Option<T> {
        read.map_err(|problem| self.add(field, problem.to_string())).ok()
    }

    /// Ok if nothing was noted.
    pub fn finish(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(self.into()) }
    }

    /// Has nothing been noted?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<FieldErrors> for Error {
    fn from(fields: FieldErrors) -> Self {
        let names = fields.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        Self::new(Kind::Validation, format!("Some values are not allowed: {names}."))
            .detail("fields", fields.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bad_fields_are_reported_at_once() {
        let mut fields = FieldErrors::default();
        fields.check(false, "name", "must not be empty");
        fields.check(true, "slug", "unused");
        fields.add("email", "must be an address");
        fields.add("email", "must be shorter than 254 characters");

        let error = fields.finish().unwrap_err();

        assert_eq!(error.kind().status(), 422);
        assert_eq!(error.details()["fields"]["email"].as_array().unwrap().len(), 2);
        assert_eq!(error.message(), "Some values are not allowed: email, name.");
    }

    #[test]
    fn a_cause_is_for_the_log_only() {
        let error = Error::internal("SELECT secret FROM vault");

        assert!(!error.to_string().contains("SELECT"));
        assert!(error.source().unwrap().to_string().contains("SELECT"));
    }
}
