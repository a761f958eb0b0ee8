//! What stands between the match of a route and its handler: who is calling, how much they may ask, and whether
//! they may ask this.

use std::{
    net::IpAddr,
    ops::Deref,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    extract::{FromRequestParts, RawPathParams, Request},
    http::{header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use kernel::{
    Actor, Confinement, Error, Id, Kind, Origin, Principal, Secret, Surroundings, Timestamp, id::kind,
};
use platform::{counters::Counters, idempotency::Idempotency, settings::Live};
use tracing::{Instrument, Span};

use crate::{
    Access, By, Failure, Floor, Limit, Operating, RateLimits, Settings,
    access::{Credentials, Own},
    conditional::Known,
    extract::{Context, check_coding, read_whole, too_slow},
    intake::Arrival,
    limits::{Limiter, Remaining},
    module::BoxFuture,
    negotiation,
    own_api::AskedFor,
    repeatable::{self, Asked},
    reply::Unrendered,
};

/// Turns a token into the caller it belongs to. The identity room implements it.
pub trait Authenticator: Send + Sync + 'static {
    /// The caller who shows the token from that address, or 401 with the reason: `token_invalid`, `token_expired`,
    /// `session_ended`. 403 `ip_not_allowed` if the token is not for that address.
    fn authenticate<'a>(
        &'a self,
        token: &'a str,
        from: IpAddr,
        now: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<Arc<Principal>>>;

    /// Spends a ticket: whose it is, and by what they are known afterwards. 401 with the reason: `ticket_invalid` (also
    /// where it is spent), `ticket_expired`, `session_ended`.
    fn redeem<'a>(
        &'a self,
        ticket: &'a str,
        from: IpAddr,
        now: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<(Arc<Principal>, Stub)>>;

    /// The caller as they stand now, whose ticket was spent; refused as if they had shown their token.
    fn recall<'a>(
        &'a self,
        stub: &'a Stub,
        who: &'a Principal,
        from: IpAddr,
        now: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<Arc<Principal>>>;

    /// The caller as they stand now, who has shown good credentials a while ago; 401 where their session has ended.
    fn again<'a>(
        &'a self,
        who: &'a Principal,
        now: Timestamp,
    ) -> BoxFuture<'a, kernel::Result<Arc<Principal>>>;

    /// Lets somebody without an account talk with a bot that is open to visitors: the one of that id or slug, or the
    /// default one. Where there is none, 404.
    fn visit<'a>(&'a self, bot: Option<&'a str>, origin: &'a Origin) -> BoxFuture<'a, kernel::Result<Visit>>;

    /// The caller, if their token was good a moment ago and nothing has to be asked to know it.
    fn remembered(&self, token: &str, from: IpAddr, now: Timestamp) -> Option<Arc<Principal>>;
}

/// What is left of a ticket: by it its caller is known as long as their connection lasts. No client can show it.
#[derive(Clone)]
pub struct Stub([u8; 32]);

impl Stub {
    /// The stub of whose token has that hash.
    pub const fn of(hash: [u8; 32]) -> Self {
        Self(hash)
    }

    /// The hash of the token.
    pub const fn hash(&self) -> [u8; 32] {
        self.0
    }
}

/// Who hears of callers that lacked a permission. The identity room implements it.
pub trait Denials: Send + Sync + 'static {
    /// Called on the request's way: it must not wait for anything. The operation is the id of one, or the type of a frame.
    fn denied(&self, who: &Actor, permission: &str, operation: &'static str);
}

/// How many visits may begin from one address.
pub const VISITS: Limit = Limit::per_minute(20, By::Address);

/// A visit that has begun.
#[derive(Debug, Clone)]
pub struct Visit {
    /// What the visitor shows from now on.
    pub token: Secret,
    /// Who they are for as long as it is good.
    pub principal: Arc<Principal>,
}

/// What every operation shares at the edge.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    authenticator: Arc<dyn Authenticator>,
    limiter: Limiter,
    idempotency: Idempotency,
    surroundings: Surroundings,
    settings: Live<Settings>,
    denials: OnceLock<Arc<dyn Denials>>,
}

impl Edge {
    /// The edge in front of the given authenticator.
    pub fn new(
        authenticator: Arc<dyn Authenticator>,
        counters: Counters,
        idempotency: Idempotency,
        surroundings: Surroundings,
        settings: Live<Settings>,
        limits: Live<RateLimits>,
    ) -> Self {
        Self(Arc::new(Inner {
            authenticator,
            limiter: Limiter::new(counters, limits),
            idempotency,
            surroundings,
            settings,
            denials: OnceLock::new(),
        }))
    }

    /// Says who hears of callers that lack a permission; once.
    pub fn on_denial(&self, denials: impl Denials) {
        // A second one would be a mistake of the composition root's; the first stays.
        let _ = self.0.denials.set(Arc::new(denials));
    }

    /// Tells of a refusal, if it is one for a permission that is missing and nobody has told of it before.
    pub(crate) fn tell_denial(&self, operation: &'static str, who: &Actor, refusal: &Error) {
        if let Some(permission) = refusal.lacked_permission().filter(|_| !refusal.is_audited())
            && let Some(denials) = self.0.denials.get()
        {
            denials.denied(who, permission, operation);
        }
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.0.limiter
    }

    pub(crate) fn idempotency(&self) -> &Idempotency {
        &self.0.idempotency
    }

    /// The settings, whatever they will be.
    pub(crate) fn live_settings(&self) -> &Live<Settings> {
        &self.0.settings
    }

    /// The settings in force at this moment.
    pub(crate) fn settings(&self) -> impl Deref<Target = Arc<Settings>> + use<> {
        self.0.settings.get()
    }

    pub(crate) fn surroundings(&self) -> &Surroundings {
        &self.0.surroundings
    }

    /// Whose token it is, on a connection that stays: there credentials that are confined to one thing are good for
    /// nothing.
    pub(crate) async fn authenticate(&self, token: &str, from: IpAddr) -> kernel::Result<Arc<Principal>> {
        unconfined(self.0.authenticator.authenticate(token, from, self.0.surroundings.now()).await?)
    }

    /// Whose ticket it is, which is spent by it. An address that showed many bad ones can't have more of them looked up.
    pub(crate) async fn redeem(&self, ticket: &str, from: IpAddr) -> kernel::Result<(Arc<Principal>, Stub)> {
        let now = self.0.surroundings.now();
        if let Some(refusal) = self.limiter().has_guessed_enough(from, now).await {
            return Err(refusal);
        }
        let redeemed = self.0.authenticator.redeem(ticket, from, now).await;
        if redeemed.as_ref().is_err_and(|error| error.kind() == Kind::Unauthorized) {
            self.limiter().guessed(from, now).await;
        }
        let (who, stub) = redeemed?;
        Ok((unconfined(who)?, stub))
    }

    /// Whose ticket it was, as they stand now.
    pub(crate) async fn recall(
        &self,
        stub: &Stub,
        who: &Principal,
        from: IpAddr,
    ) -> kernel::Result<Arc<Principal>> {
        unconfined(self.0.authenticator.recall(stub, who, from, self.0.surroundings.now()).await?)
    }

    pub(crate) async fn again(&self, who: &Principal) -> kernel::Result<Arc<Principal>> {
        self.0.authenticator.again(who, self.0.surroundings.now()).await
    }

    /// Lets a visitor in, as often as [`VISITS`] says for the operation that does the same.
    pub(crate) async fn visit(&self, bot: Option<&str>, origin: &Origin) -> kernel::Result<Visit> {
        let access = Access::public().limit(VISITS);
        let now = self.0.surroundings.now();
        let (_, refusal) =
            self.limiter().operation("visitors_begin", &access, origin.address, None, now).await;
        refusal.map_or(Ok(()), Err)?;
        self.0.authenticator.visit(bot, origin).await
    }

    /// Whose token it is. An address that showed many bad ones can't have more of them looked up: each would cost the
    /// database a question.
    pub(crate) async fn recognize(
        &self,
        token: &str,
        address: IpAddr,
        now: Timestamp,
    ) -> kernel::Result<Arc<Principal>> {
        if let Some(known) = self.0.authenticator.remembered(token, address, now) {
            return Ok(known);
        }
        if let Some(refusal) = self.limiter().has_guessed_enough(address, now).await {
            return Err(refusal);
        }
        let known = self.0.authenticator.authenticate(token, address, now).await;
        if known.as_ref().is_err_and(|error| error.kind() == Kind::Unauthorized) {
            self.limiter().guessed(address, now).await;
        }
        known
    }
}

/// The bearer token of a request, if it shows one.
pub(crate) fn bearer(parts: &http::HeaderMap) -> Option<&str> {
    token(parts.get(header::AUTHORIZATION)?)
}

/// The bearer token in the header, if it is one.
pub(crate) fn token(header: &http::HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Authenticate, limit by caller, permission, handler under its time limit.
pub(crate) async fn guard(edge: Edge, operating: Operating, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let Some(origin) = parts.extensions.get::<Arc<Origin>>().cloned() else {
        return Failure(Error::internal("a request came past the door")).into_response();
    };
    let now = edge.surroundings().now();
    let mut remaining = None;
    let actor = match admit(&edge, &operating, &mut parts, &origin, now, &mut remaining).await {
        Ok(actor) => actor,
        Err(error) => return leave(&operating, remaining, Failure(error).into_response()),
    };
    let arrival = parts.extensions.get::<Arrival>().cloned();
    let timeout = operating.access().timeout.unwrap_or_else(|| edge.settings().request_timeout());
    let described_limit = edge.settings().body_limit;
    let body_limit = operating.access().body_limit.unwrap_or(described_limit);
    let known = Known::of(&parts.method, &parts.headers);
    let caller = actor.clone();
    let keyed = repeatable::is_keyed(&operating, &parts).then(|| actor.clone()).flatten();
    parts.extensions.insert(Context { origin, actor, body_limit, described_limit });
    // What is to be known again is held in memory whole: where uploads have no limit here, this is not one of them.
    let keyed_limit = if body_limit == usize::MAX { described_limit } else { body_limit };

    let request = Request::from_parts(parts, body);
    let answer = async {
        match keyed {
            None => next.run(request).await,
            Some(actor) => {
                let (edge, operating) = (edge.clone(), operating.clone());
                let work = async move {
                    once(&edge, &operating, &actor, request, keyed_limit, next).await.into_response()
                };
                // Its answer is kept for whoever asks again, also when this one waited too long for it.
                let ended = tokio::spawn(work.instrument(Span::current())).await;
                ended.unwrap_or_else(|failed| match failed.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(stopped) => Failure(Error::internal(stopped)).into_response(),
                })
            }
        }
    };
    let mut response = match tokio::time::timeout(timeout, answer).await {
        Ok(response) => response,
        // Whose fault is it?
        Err(_) if arrival.is_some_and(|body| !body.is_complete()) => Failure(too_slow()).into_response(),
        Err(_) => Failure(timed_out(timeout)).into_response(),
    };
    if let (Some(who), Some(refusal)) = (&caller, response.extensions().get::<Unrendered>()) {
        edge.tell_denial(operating.id(), who, &refusal.0);
    }
    if let Some(known) = known {
        response = known.answer(response);
    }
    leave(&operating, remaining, response)
}

/// What is left is written at the door, which may have counted by address.
fn leave(operating: &Operating, remaining: Option<Remaining>, mut response: Response) -> Response {
    if let Some(remaining) = remaining {
        response.extensions_mut().insert(remaining);
    }
    operating.mark(response)
}

/// Answers a request with an `Idempotency-Key`.
async fn once(
    edge: &Edge,
    operating: &Operating,
    who: &Principal,
    request: Request,
    body_limit: usize,
    next: Next,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    let body = read_whole(body, body_limit).await?;
    match repeatable::ask(edge, operating, who, &parts, &body).await? {
        Asked::Before(response) => Ok(response),
        Asked::Anew(claimed) => {
            let response = claimed.run(next.run(Request::from_parts(parts, body.into()))).await;
            Ok(claimed.answer(response).await)
        }
    }
}

fn timed_out(after: Duration) -> Error {
    Error::unavailable("server", format!("This took longer than {} seconds.", after.as_secs()))
        .reason("timeout")
}

/// Who is calling, if they may call this and how they call it can be answered. `remaining` is what is left of
/// the limit that they meet first, told to the refused as well.
async fn admit(
    edge: &Edge,
    operating: &Operating,
    parts: &mut Parts,
    origin: &Arc<Origin>,
    now: Timestamp,
    remaining: &mut Option<Remaining>,
) -> kernel::Result<Option<Actor>> {
    let access = operating.access();
    let asked_for = parts.extensions.remove::<AskedFor>();
    if asked_for.is_some() && !(access.takes_scripts() && operating.answers_at_once()) {
        return Err(Error::not_for_scripts());
    }
    let shown = bearer(&parts.headers).filter(|_| access.credentials != Credentials::Own);
    let principal = match (asked_for, shown) {
        (Some(AskedFor(who)), _) => Some(who),
        (None, None) => None,
        (None, Some(token)) => match edge.recognize(token, origin.address, now).await {
            Ok(principal) => Some(principal),
            // Whoever shows bad credentials is anybody: counted by address, and welcome where anybody is.
            Err(refused) => {
                let (left, refusal) = edge.limiter().address(origin.address, now).await;
                *remaining = left;
                refusal.map_or(Ok(()), Err)?;
                if access.floor != Floor::Public {
                    return Err(refused);
                }
                None
            }
        },
    };
    if let Some(who) = principal.as_ref().filter(|_| access.counted) {
        let (left, refusal) = edge.limiter().caller(who, now).await;
        *remaining = left;
        refusal.map_or(Ok(()), Err)?;
    }
    let own = edge.limiter().operation(operating.id(), access, origin.address, principal.as_deref(), now);
    let (left, refusal) = own.await;
    *remaining = (*remaining).into_iter().chain(left).reduce(Remaining::tighter);
    refusal.map_or(Ok(()), Err)?;
    match &principal {
        Some(who) => {
            if let Err(refused) = permit(access, who, parts).await {
                let who = Actor { principal: Arc::clone(who), origin: Arc::clone(origin) };
                edge.tell_denial(operating.id(), &who, &refused);
                return Err(refused);
            }
        }
        None if access.floor == Floor::Public => {}
        None => return Err(Error::unauthorized("Sign in to do this.", "credentials_missing")),
    }
    negotiation::check(&parts.headers, operating.produced())?;
    check_coding(&parts.headers)?;
    Ok(principal.map(|principal| Actor { principal, origin: Arc::clone(origin) }))
}

async fn permit(access: &Access, who: &Principal, parts: &mut Parts) -> kernel::Result<()> {
    let is_for_any_session = matches!(access.floor, Floor::Public | Floor::Anonymous);
    if who.is_visitor() && !is_for_any_session && !access.takes.visitors {
        return Err(Error::new(Kind::Forbidden, "Sign in to do this.").reason("visitors_not_allowed"));
    }
    if access.floor != Floor::Public {
        if who.has_key() && !access.takes.keys {
            let text = "An API key can't do this. Sign in instead.";
            return Err(Error::new(Kind::Forbidden, text).reason("not_for_api_keys"));
        }
        if let Some(confined) = who.confined.filter(|confined| !access.during.contains(confined)) {
            return Err(is_confined(confined));
        }
    }
    let own = match access.own {
        None => false,
        Some(own) => names_caller(parts, own.parameter(), who).await?,
    };
    match access.floor {
        _ if own => Ok(()),
        _ if matches!(access.own, Some(Own::Only(_))) => {
            Err(Error::not_found(<kind::User as kernel::id::IdKind>::NOUN))
        }
        Floor::Permission(permission) => who.require(permission),
        Floor::Public | Floor::Anonymous | Floor::Authenticated => Ok(()),
    }
}

/// Whoever is good for more than one thing.
fn unconfined(who: Arc<Principal>) -> kernel::Result<Arc<Principal>> {
    who.confined.map_or(Ok(who), |confined| Err(is_confined(confined)))
}

fn is_confined(confined: Confinement) -> Error {
    Error::new(Kind::Forbidden, confined.message()).reason(confined.reason())
}

/// Does the path parameter say `me`, or the caller's own id?
async fn names_caller(parts: &mut Parts, parameter: &str, who: &Principal) -> kernel::Result<bool> {
    let params =
        RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Error::not_found("resource"))?;
    let value = params.iter().find(|(name, _)| *name == parameter).map(|(_, value)| value);
    Ok(value.is_some_and(|v| v == "me" || v.parse::<Id<kind::User>>().is_ok_and(|id| who.is(id))))
}
