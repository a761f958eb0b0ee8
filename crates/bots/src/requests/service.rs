//! Sending what a script asks for.

use std::time::Duration;

use basic::{Data, ErrorCode, Response};
use bytes::Bytes;
use gateway::command::{Draft, NotWritten, Run, Unperformed};
use http::{HeaderName, HeaderValue, Method};
use kernel::{Error, Timestamp};
use platform::{
    db::Unit,
    egress::{Egress, EgressError, Excess, Follow, Limits, Outgoing},
    objects::ObjectHash,
    settings::Live,
};
use url::Url;

use super::{answer::response, headers, message::encoded};
use crate::Settings;

/// Bytes of an answer that are read where the request came from; what has more is read aside.
const SMALL: usize = 64 << 10;
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The service of requests. A cheap handle.
#[derive(Clone)]
pub(crate) struct Requests {
    egress: Egress,
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
    pub(crate) fn new(egress: Egress, settings: Live<Settings>) -> Self {
        Self { egress, settings }
    }

    /// Sends a request with the headers of the run, and gives the answer, whatever its status.
    pub(super) async fn send(
        &self,
        run: &Run,
        method: Method,
        url: Url,
        body: Option<&Data>,
    ) -> Result<Response, Unperformed> {
        let number = self.count(run)?;
        let mut headers = headers::of(run);
        // What the script has set goes to the server that it names, and nowhere else.
        let follow = if headers.is_empty() { Follow::Anywhere } else { Follow::SameOrigin };
        let body = body.map(|body| encoded(body, &mut headers)).transpose()?.unwrap_or_default();
        if method == Method::POST || method == Method::PATCH {
            let effect = ObjectHash::of(format!("{} {number}", run.turn).as_bytes()).to_string();
            let key = HeaderValue::try_from(effect.get(..32).unwrap_or(&effect)).map_err(Error::internal)?;
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

impl Requests {
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

fn failed(error: &EgressError) -> Unperformed {
    let code = match error {
        EgressError::Slow(_) => ErrorCode::Timeout,
        _ => ErrorCode::Http,
    };
    tracing::debug!(?error, "a script's request was not answered");
    Unperformed::failed(code, error.to_string())
}
