//! `Idempotency-Key` on a POST: the same request sent twice takes effect once and is answered alike.
//!
//! The claim of a key is written with the request's effect (`platform::idempotency`). A request that was refused
//! leaves nothing behind and may be tried again; one whose answer was lost is told that it was done.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http_body_util::BodyExt;
use kernel::{Error, Principal};
use platform::idempotency::{Earlier, Kept, KeyOf, Underway};

use crate::{
    Edge, Failure, Operating,
    access::Repeats,
    reply::{JSON, Shaped},
};

/// The header.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Characters of a key.
pub(crate) const LONGEST: usize = 255;

/// What a request with a key comes to before its handler is asked.
pub(crate) enum Asked {
    /// The handler answers; then [`Claimed::answer`] keeps what it said.
    Anew(Box<Claimed>),
    /// It was answered before, or is refused.
    Before(Response),
}

/// A request that holds its key.
pub(crate) struct Claimed {
    underway: Underway,
    keeps_body: bool,
}

/// Does the request come with a key that its operation honours?
pub(crate) fn is_keyed(operating: &Operating, parts: &Parts) -> bool {
    parts.method == Method::POST
        && operating.access().repeats != Repeats::Ignored
        && parts.headers.contains_key(IDEMPOTENCY_KEY)
        && !is_form(&parts.headers)
}

/// What is uploaded is read as it arrives, and never whole, as a body must be to be known again.
fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    kind.get(..10).is_some_and(|family| family.eq_ignore_ascii_case(b"multipart/"))
}

/// Reads the request's body and looks its key up.
pub(crate) async fn ask(
    edge: &Edge,
    operating: &Operating,
    who: &Principal,
    parts: &Parts,
    body: &Bytes,
) -> Result<Asked, Error> {
    let key = key(&parts.headers)?;
    // Bodies are of the same request only at the same address.
    let operation = format!("{} {}", operating.id(), parts.uri.path());
    let key = KeyOf { org: who.org, user: who.user, operation: operation.into(), key: key.into() };
    let Some(underway) = edge.idempotency().begin(key, body, edge.surroundings().now()) else {
        return Err(in_progress());
    };
    match underway.earlier().await? {
        None => {
            let keeps_body = operating.access().repeats == Repeats::Answered;
            Ok(Asked::Anew(Box::new(Claimed { underway, keeps_body })))
        }
        Some(Earlier::Answered(kept)) => Ok(Asked::Before(again(kept))),
        Some(Earlier::Done) => Ok(Asked::Before(done(None))),
        Some(Earlier::Mismatch) => {
            Err(Error::conflict("This Idempotency-Key was used for another request.", "idempotency_mismatch"))
        }
    }
}

impl Claimed {
    /// Does the handler's work under the claim.
    pub(crate) async fn run<F: Future>(&self, work: F) -> F::Output {
        self.underway.run(work).await
    }

    /// Keeps the answer of a request that took effect, and forgets one that was refused.
    pub(crate) async fn answer(&self, response: Response) -> Response {
        if !self.underway.took_effect() {
            return response;
        }
        // What failed after it took effect stays claimed: whoever asks again must not do it twice.
        if response.status().is_server_error() {
            return response;
        }
        if !response.status().is_success() {
            return match self.underway.forget().await {
                Ok(()) => response,
                Err(error) => Failure(error.into()).into_response(),
            };
        }
        let (parts, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(whole) => whole.to_bytes(),
            Err(cause) => return Failure(Error::internal(cause)).into_response(),
        };
        let text =
            |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(ToOwned::to_owned);
        let kept = Kept {
            status: parts.status.as_u16(),
            location: text(header::LOCATION),
            etag: text(header::ETAG),
            body: self.keeps_body.then(|| body.clone()),
        };
        if let Err(error) = self.underway.keep(kept).await {
            // The effect stands and its caller shall know; only a repeat will not see this answer.
            tracing::warn!(%error, "an answer could not be kept for its Idempotency-Key");
        }
        Response::from_parts(parts, Body::from(body))
    }
}

fn key(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let key = values.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
    let plain = (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && values.next().is_none() {
        return Ok(key);
    }
    Err(Error::bad_request(format!(
        "The header Idempotency-Key must be one value of 1 to {LONGEST} visible ASCII characters."
    )))
}

fn in_progress() -> Error {
    Error::conflict(
        "A request with this Idempotency-Key is being worked on. Try again in a moment.",
        "idempotency_in_progress",
    )
}

/// The answer that was given before.
fn again(kept: Kept) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = match kept.body {
        // Without a body there was none, or it must not be shown twice.
        None if status != StatusCode::NO_CONTENT => return done(kept.location.as_deref()),
        None => status.into_response(),
        Some(body) => (status, [(header::CONTENT_TYPE, JSON)], body).into_response(),
    };
    set(&mut response, header::LOCATION, kept.location.as_deref());
    set(&mut response, header::ETAG, kept.etag.as_deref());
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response.extensions_mut().insert(Shaped);
    response
}

/// It was done, and its answer can't be given again.
fn done(location: Option<&str>) -> Response {
    let error = Error::conflict(
        "This request was done already. Its answer is not kept; look at the resource instead.",
        "already_done",
    );
    let mut response = Failure(error).into_response();
    set(&mut response, header::LOCATION, location);
    response
}

fn set(response: &mut Response, name: HeaderName, value: Option<&str>) {
    if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
        response.headers_mut().insert(name, value);
    }
}
