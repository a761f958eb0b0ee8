//! The server's own API as scripts ask it: on behalf of whoever is there, through the same edge as everybody.
//!
//! Nothing goes over the network. The request is matched, counted against its caller's limits, permitted and answered as
//! if its caller had sent it; only who they are is known already. What begins and ends sessions, gives away secrets,
//! uploads or streams is refused ([`Access::in_person`](crate::Access::in_person)): for that somebody has to be there.
//!
//! The request is done in a task of its own. So it does not stand under an `Idempotency-Key` of the request that the
//! script runs in, and goes on when the script is stopped, as it does when a client leaves.

use std::{
    net::Ipv4Addr,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use kernel::{Error, Id, Origin, PermissionSet, Principal, Surroundings};
use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::{API_PREFIX, Edge, command::Run, door::Inner, head};

/// How deep scripts may ask for each other's scripts. What a client's request runs asks at the first depth.
const DEEPEST: usize = 3;

/// Headers that a script may send: what describes its body, names the revision that it means, or names the request.
const SENT: &[&str] =
    &["accept", "accept-language", "content-type", "if-match", "if-none-match", "idempotency-key"];

/// Who a request is asked for, where that is known without credentials. It is in requests of this server alone: what
/// comes over the network has no such extension.
#[derive(Clone)]
pub(crate) struct AskedFor(pub(crate) Arc<Principal>);

/// The way of scripts to the server's own API. A cheap handle, which leads nowhere until the server is put together.
#[derive(Clone, Default)]
pub struct OwnApi(Arc<OnceLock<Weak<Inner>>>);

/// Why a script got no answer.
#[derive(Debug, thiserror::Error)]
pub enum OwnApiError {
    /// Scripts ask for each other.
    #[error("scripts ask for each other over the API more than {DEEPEST} deep")]
    TooDeep,
    /// The answer has more bytes.
    #[error("the answer has more than {0} bytes")]
    TooLarge(usize),
    /// It takes longer; it may happen all the same.
    #[error("the server did not answer within {} seconds", .0.as_secs())]
    Slow(Duration),
    /// The server can't at the moment.
    #[error(transparent)]
    Server(#[from] Error),
}

impl OwnApi {
    /// From now on it leads there. It doesn't keep that: what is behind the door has this.
    pub(crate) fn lead_to(&self, inner: &Arc<Inner>) {
        if self.0.set(Arc::downgrade(inner)).is_err() {
            tracing::error!("the way to the own API was given twice; the first stays");
        }
    }

    /// Asks on behalf of whoever is there, or of the bot, which has no permissions. The address is a path with or
    /// without `/api` and the version. Gives the answer whatever its status, within the limits of bytes and time.
    pub async fn ask(
        &self,
        run: &Run,
        request: http::Request<Bytes>,
        (bytes, time): (usize, Duration),
    ) -> Result<Response<Bytes>, OwnApiError> {
        let inner = self.0.get().and_then(Weak::upgrade);
        let inner = inner.ok_or_else(|| Error::unavailable("server", "The server does not run."))?;
        let origin = Arc::new(origin(run, inner.edge().surroundings())?);
        let who = asker(run, inner.edge()).await;
        let answering = async move {
            let response = inner.answer_own(who, readdressed(request), origin).await;
            let (parts, body) = response.into_parts();
            let whole = Limited::new(body, bytes).collect().await?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Response::from_parts(parts, whole.to_bytes()))
        };
        let answering = tokio::spawn(answering.instrument(Span::current()));
        match timeout(time, answering).await {
            Err(_) => Err(OwnApiError::Slow(time)),
            Ok(Err(failed)) => Err(Error::internal(failed).into()),
            Ok(Ok(Ok(response))) => Ok(response),
            Ok(Ok(Err(cause))) if cause.is::<LengthLimitError>() => Err(OwnApiError::TooLarge(bytes)),
            Ok(Ok(Err(cause))) => Err(Error::internal(cause).into()),
        }
    }
}

/// Who asks, as they stand now: a script may have been at work for a while. They may do no more than what they came with.
/// The bot is somebody who visits itself and may do nothing, so that it gets what anybody gets.
async fn asker(run: &Run, edge: &Edge) -> kernel::Result<Arc<Principal>> {
    if let Some(person) = &run.person {
        let now = edge.again(person).await?;
        return Ok(Arc::new(Principal {
            permissions: now.permissions.intersection(person.permissions),
            level: now.level.min(person.level),
            ..(*now).clone()
        }));
    }
    Ok(Arc::new(Principal {
        user: Id::from_uuid(run.bot.uuid()),
        org: run.org,
        session: Id::from_uuid(run.bot.uuid()),
        permissions: PermissionSet::EMPTY,
        level: 0,
        expires_at: run.now,
        visits: Some(run.bot),
        key: None,
        confined: None,
    }))
}

/// Where it comes from: where the person's request did, with the conversation whose script asks. The audit shows that it
/// was a script.
fn origin(run: &Run, world: &Surroundings) -> Result<Origin, OwnApiError> {
    let mut asked_within =
        run.person.as_ref().map(|person| person.origin.asked_within.clone()).unwrap_or_default();
    asked_within.push(run.conversation);
    if asked_within.len() > DEEPEST {
        return Err(OwnApiError::TooDeep);
    }
    let from = run.person.as_ref().map(|person| &person.origin);
    Ok(Origin {
        address: from.map_or(Ipv4Addr::LOCALHOST.into(), |from| from.address),
        secure: from.is_some_and(|from| from.secure),
        user_agent: Some(format!("script of {}", run.bot)),
        request_id: from.map_or_else(|| head::new_request_id(world), |from| Arc::clone(&from.request_id)),
        asked_within,
    })
}

/// The same request below the prefix of the API, with the headers that may be sent.
fn readdressed(request: http::Request<Bytes>) -> Request {
    let (mut parts, body) = request.into_parts();
    if let Some(versioned) = head::versioned(&parts.uri) {
        parts.uri = versioned;
    } else if !parts.uri.path().starts_with("/api/") {
        let bare = parts.uri.path_and_query().map_or("/", |address| address.as_str());
        // What was an address stays one with a path before it.
        parts.uri = format!("{API_PREFIX}{bare}").parse().unwrap_or(parts.uri);
    }
    let given = std::mem::take(&mut parts.headers);
    parts.headers = given
        .into_iter()
        .filter_map(|(name, value)| Some((name?, value)))
        .filter(|(name, _)| SENT.contains(&name.as_str()))
        .collect();
    Request::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(path: &str) -> String {
        let request = http::Request::get(path).header("authorization", "Bearer x").header("if-match", "1");
        let request = readdressed(request.body(Bytes::new()).unwrap());
        assert_eq!(request.headers().keys().collect::<Vec<_>>(), ["if-match"]);
        request.uri().to_string()
    }

    #[test]
    fn every_spelling_of_an_address_leads_to_the_same_operation_and_to_no_other_server() {
        for spelling in ["/users/me?x=1", "/api/users/me?x=1", "/api/v1/users/me?x=1"] {
            assert_eq!(sent(spelling), "/api/v1/users/me?x=1");
        }
        assert_eq!(sent("/health"), "/api/v1/health");
        assert_eq!(sent("/apiary"), "/api/v1/apiary");
        assert_eq!(sent("//example.com/users"), "/api/v1//example.com/users");
    }
}
