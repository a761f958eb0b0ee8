//! Sending what a script asks for.

use std::time::Duration;

use basic::{Data, ErrorCode, Response};
use bytes::Bytes;
use gateway::{
    OwnApi, OwnApiError,
    command::{Draft, NotWritten, Run, Unperformed},
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use kernel::{Error, Timestamp};
use platform::{
    db::Unit,
    egress::{Answer, Egress, EgressError, Excess, Follow, Limits, Outgoing},
    objects::ObjectHash,
    settings::Live,
};
use url::Url;

use super::{
    answer::{own_response, response},
    headers,
    message::encoded,
};
use crate::Settings;

/// Bytes of an answer that are read where the request came from; what has more is read aside.
const SMALL: usize = 64 << 10;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The service of requests. A cheap handle.
#[derive(Clone)]
pub(crate) struct Requests {
    egress: Egress,
    own: OwnApi,
    settings: Live<Settings>,
}

/// How many requests a turn has sent.
#[derive(Debug, Default)]
struct Sent(usize);

impl Draft for Sent {
    fn write(&self, _: &Unit<'_>, _: Timestamp) -> Result<(), NotWritten> {
        Ok(())
    }
}

impl Requests {
    /// The service over the given adapters.
    pub(crate) fn new(egress: Egress, own: OwnApi, settings: Live<Settings>) -> Self {
        Self { egress, own, settings }
    }

    /// Sends a request with the headers of the run, and gives the answer, whatever its status.
    pub(super) async fn send(
        &self,
        run: &Run,
        method: Method,
        url: Url,
        body: Option<&Data>,
    ) -> Result<Response, Unperformed> {
        self.send_with(run, headers::of(run), HeaderMap::new(), method, url, body).await
    }

    /// The same with these of the headers that the script has set, and with some of the request's own.
    pub(super) async fn send_with(
        &self,
        run: &Run,
        set: HeaderMap,
        own: HeaderMap,
        method: Method,
        url: Url,
        body: Option<&Data>,
    ) -> Result<Response, Unperformed> {
        let number = self.count(run)?;
        // What the script has set goes to the server that it names, and nowhere else.
        let follow = if set.is_empty() { Follow::Anywhere } else { Follow::SameOrigin };
        let mut headers = set;
        headers.extend(own);
        let body = body.map(|body| encoded(body, &mut headers)).transpose()?.unwrap_or_default();
        if method == Method::POST || method == Method::PATCH {
            let key = effect_name(format!("{} {number}", run.turn).as_bytes())?;
            headers.entry(IDEMPOTENCY_KEY).or_insert(key);
        }
        let request = Outgoing { method, url, headers, body: body.into() };
        let limits = self.limits(self.settings.get().response_bytes);
        let answer =
            self.egress.send_following(request, limits, follow).await.map_err(|error| failed(&error))?;
        if answer.body.len() <= SMALL {
            return Ok(response(&answer));
        }
        let read = tokio::task::spawn_blocking(move || response(&answer)).await;
        Ok(read.map_err(Error::internal)?)
    }
}

/// The name of an effect, as a header takes it.
fn effect_name(effect: &[u8]) -> Result<HeaderValue, Error> {
    let effect = ObjectHash::of(effect).to_string();
    HeaderValue::try_from(effect.get(..32).unwrap_or(&effect)).map_err(Error::internal)
}

impl Requests {
    /// Asks the server's own API on behalf of whoever is there, and gives the answer, whatever its status.
    pub(super) async fn ask_own(
        &self,
        run: &Run,
        method: Method,
        address: Uri,
        body: Option<&Data>,
    ) -> Result<Response, Unperformed> {
        let number = self.count(run)?;
        let mut headers = headers::of(run);
        let body = body.map(|body| encoded(body, &mut headers)).transpose()?.unwrap_or_default();
        if method == Method::POST && !headers.contains_key(IDEMPOTENCY_KEY) {
            // A turn that runs again may ask for something else at the same place: that is another request, and done.
            let mut effect = format!("{} {number} {address}\n", run.turn).into_bytes();
            effect.extend_from_slice(&body);
            headers.insert(IDEMPOTENCY_KEY, effect_name(&effect)?);
        }
        let mut request = http::Request::new(Bytes::from(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, address, headers);
        let limits = self.limits(self.settings.get().response_bytes);
        let answer = self.own.ask(run, request, (limits.bytes, limits.time)).await.map_err(unanswered)?;
        let (parts, body) = answer.into_parts();
        let answer = Answer { status: parts.status, headers: parts.headers, body, whole: true };
        if answer.body.len() <= SMALL {
            return Ok(own_response(&answer));
        }
        let read = tokio::task::spawn_blocking(move || own_response(&answer)).await;
        Ok(read.map_err(Error::internal)?)
    }

    /// Counts one more request of the turn, and gives its number.
    fn count(&self, run: &Run) -> Result<usize, Unperformed> {
        let most = self.settings.get().requests_per_turn;
        let number = run.drafts.with(|sent: &mut Sent| {
            sent.0 += 1;
            sent.0
        });
        if number > most {
            let message = format!("a script sends at most {most} requests in one turn");
            return Err(Unperformed::failed(ErrorCode::Limit, message));
        }
        Ok(number)
    }

    fn limits(&self, bytes: usize) -> Limits {
        let time = Duration::from_secs(self.settings.get().request_seconds);
        Limits { time, bytes, excess: Excess::Fails }
    }

    /// The bytes at an address, up to what a file that is sent may have. A refusal of the other server is an error.
    pub(crate) async fn fetch(&self, run: &Run, url: Url) -> Result<Bytes, Unperformed> {
        self.count(run)?;
        let headers = headers::of(run);
        let follow = if headers.is_empty() { Follow::Anywhere } else { Follow::SameOrigin };
        let bytes = usize::try_from(self.settings.get().attachment_bytes).unwrap_or(usize::MAX);
        let request = Outgoing { method: Method::GET, url, headers, body: Bytes::new() };
        let answer = self.egress.send_following(request, self.limits(bytes), follow).await;
        let answer = answer.map_err(|error| failed(&error))?;
        if answer.status.as_u16() >= 400 {
            let message = format!("the server answered with the status {}", answer.status.as_u16());
            return Err(Unperformed::failed(ErrorCode::Http, message));
        }
        Ok(answer.body)
    }
}

fn unanswered(error: OwnApiError) -> Unperformed {
    let message = error.to_string();
    let code = match error {
        OwnApiError::TooDeep => ErrorCode::Limit,
        OwnApiError::TooLarge(_) => ErrorCode::Http,
        OwnApiError::Slow(_) => ErrorCode::Timeout,
        OwnApiError::Server(error) => return error.into(),
    };
    Unperformed::failed(code, message)
}

fn failed(error: &EgressError) -> Unperformed {
    let code = match error {
        EgressError::Slow(_) => ErrorCode::Timeout,
        _ => ErrorCode::Http,
    };
    tracing::debug!(?error, "a script's request was not answered");
    Unperformed::failed(code, error.to_string())
}
