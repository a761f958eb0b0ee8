//! What stands between the match of a route and its handler: who is calling, how much they may ask, and whether
//! they may ask this.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{FromRequestParts, RawPathParams, Request},
    http::{header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use kernel::{Actor, Error, Id, Origin, Principal, Surroundings, Timestamp, id::kind};
use platform::counters::Counters;

use crate::{
    Access, Failure, Floor, Operating, RateLimits, Settings, extract::Context, limits::Limiter,
    module::BoxFuture,
};

/// Turns a token into the caller it belongs to. The identity room implements it.
pub trait Authenticator: Send + Sync + 'static {
    /// The caller, or 401 with the reason: `token_invalid`, `token_expired`, `session_ended`.
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        now: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<Arc<Principal>>>;
}

/// What every operation shares at the edge.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    authenticator: Arc<dyn Authenticator>,
    limiter: Limiter,
    surroundings: Surroundings,
    settings: Settings,
}

impl Edge {
    /// The edge in front of the given authenticator.
    pub fn new(
        authenticator: Arc<dyn Authenticator>,
        counters: Counters,
        surroundings: Surroundings,
        settings: Settings,
        limits: RateLimits,
    ) -> Self {
        Self(Arc::new(Inner {
            authenticator,
            limiter: Limiter::new(counters, limits),
            surroundings,
            settings,
        }))
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.0.surroundings
    }

    pub(crate) async fn authenticate(&self, token: &str) -> kernel::Result<Arc<Principal>> {
        self.0.authenticator.authenticate(token, self.0.surroundings.now()).await
    }
}

/// The bearer token of a request, if it shows one.
pub(crate) fn bearer(parts: &http::HeaderMap) -> Option<&str> {
    let value = parts.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Authenticate, limit by caller, permission, handler under its time limit.
pub(crate) async fn guard(edge: Edge, operating: Operating, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(origin) = parts.extensions.get::<Arc<Origin>>().cloned() else {
        return Failure(Error::internal("a request came past the door")).into_response();
    };
    let now = edge.surroundings().now();
    let (actor, remaining) = match admit(&edge, &operating, &mut parts, &origin, now).await {
        Ok(admitted) => admitted,
        Err(error) => return operating.mark(Failure(error).into_response()),
    };
    let timeout = operating.access().timeout.unwrap_or_else(|| edge.settings().request_timeout());
    let body_limit = operating.access().body_limit.unwrap_or(edge.settings().body_limit);
    parts.extensions.insert(Context { origin, actor, body_limit });

    let mut response = match tokio::time::timeout(timeout, next.run(Request::from_parts(parts, body))).await {
        Ok(response) => response,
        Err(_) => Failure(timed_out(timeout)).into_response(),
    };
    if let Some(remaining) = remaining {
        remaining.write(response.headers_mut());
    }
    operating.mark(response)
}

fn timed_out(after: Duration) -> Error {
    Error::unavailable("server", format!("This took longer than {} seconds.", after.as_secs()))
        .reason("timeout")
}

type Admitted = (Option<Actor>, Option<crate::limits::Remaining>);

async fn admit(
    edge: &Edge,
    operating: &Operating,
    parts: &mut Parts,
    origin: &Arc<Origin>,
    now: Timestamp,
) -> kernel::Result<Admitted> {
    let access = operating.access();
    let principal = match bearer(&parts.headers) {
        None => None,
        Some(token) => match edge.0.authenticator.authenticate(token, now).await {
            Ok(principal) => Some(principal),
            // Whoever shows bad credentials is anybody: counted by address, and welcome where anybody is.
            Err(refused) => {
                edge.limiter().address(origin.address, now).1.map_or(Ok(()), Err)?;
                if access.floor != Floor::Public {
                    return Err(refused);
                }
                None
            }
        },
    };
    let remaining = match &principal {
        Some(who) if access.counted => {
            let (remaining, refusal) = edge.limiter().caller(who, now);
            refusal.map_or(Ok(()), Err)?;
            remaining
        }
        _ => None,
    };
    let limited = edge.limiter().operation(operating.id(), access, origin.address, principal.as_deref(), now);
    limited.map_or(Ok(()), Err)?;
    let Some(principal) = principal else {
        if access.floor == Floor::Public {
            return Ok((None, remaining));
        }
        return Err(Error::unauthorized("Sign in to do this.", "credentials_missing"));
    };
    permit(access, &principal, parts).await?;
    Ok((Some(Actor { principal, origin: Arc::clone(origin) }), remaining))
}

async fn permit(access: &Access, who: &Principal, parts: &mut Parts) -> kernel::Result<()> {
    let own = match access.own {
        None => false,
        Some(parameter) => names_caller(parts, parameter, who).await?,
    };
    match access.floor {
        _ if own => Ok(()),
        _ if access.own_only => Err(Error::not_found(<kind::User as kernel::id::IdKind>::NOUN)),
        Floor::Permission(permission) => who.require(permission),
        Floor::Public | Floor::Anonymous | Floor::Authenticated => Ok(()),
    }
}

/// Does the path parameter say `me`, or the caller's own id?
async fn names_caller(parts: &mut Parts, parameter: &str, who: &Principal) -> kernel::Result<bool> {
    let params =
        RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Error::not_found("resource"))?;
    let value = params.iter().find(|(name, _)| *name == parameter).map(|(_, value)| value);
    Ok(value.is_some_and(|v| v == "me" || v.parse::<Id<kind::User>>().is_ok_and(|id| who.is(id))))
}
