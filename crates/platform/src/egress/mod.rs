//! Requests to the outside: the one client through which addresses that people and scripts name are reached.
//!
//! Whoever may name an address could have the server fetch what only the server can reach: the database beside it, the
//! metadata of its cloud, the router. So nothing is reached that is not public (`rules`), unless the operator allows
//! it ([`Settings::allow`]). This is asked at the moment of connecting, of the very addresses that are connected to
//! (`resolver`), so that neither a redirect nor a name that leads elsewhere the second time gets past it. No proxy of
//! the environment is used, because it would connect in our stead.
//!
//! Every request has a limit on its time, from the lookup of the name to the last byte, and on the bytes of its answer,
//! which are read as they come and never held beyond the limit. Nothing is decompressed.

mod resolver;
mod rules;
mod settings;
#[cfg(test)]
mod tests;

use std::{error::Error as _, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use reqwest::redirect::Policy;
use tokio::{
    sync::OnceCell,
    time::{Instant, timeout, timeout_at},
};
use url::{Host, Url};

use resolver::{Lookup, Resolver, Unresolved};
use rules::Rules;
pub use settings::Settings;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// How long [`Egress::check`] waits for a name to be looked up.
const LOOK_UP: Duration = Duration::from_secs(3);
/// Redirects that are followed, where any are.
const REDIRECTS: usize = 5;
/// Idle connections kept to one server.
const IDLE: usize = 2;

/// Why an address is not reached: a sentence for whoever named it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Plain HTTP is not configured.
    #[error("The address must begin with https://.")]
    PlainHttp,
    /// Something else than HTTP.
    #[error("The address must begin with https:// and name a server.")]
    Scheme,
    /// The address is written out, and not public.
    #[error("The address {0} is not public, and requests to it are not allowed.")]
    Address(String),
    /// All that the name leads to is not public. Which addresses those are is nobody's to know.
    #[error("The name {0} does not lead to a public address, and requests to it are not allowed.")]
    Name(String),
    /// Redirects without end.
    #[error("The server redirects more than {REDIRECTS} times.")]
    Redirects,
}

/// Why there is no answer: a sentence for whoever asked.
#[derive(Debug, thiserror::Error)]
pub enum EgressError {
    /// It may not be reached.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It took longer than it may.
    #[error("The server did not answer within {} seconds.", .0.as_secs_f64())]
    Slow(Duration),
    /// The answer has more bytes than it may.
    #[error("The server's answer is longer than {0} bytes.")]
    TooLong(usize),
    /// No connection could be made, or it was cut off.
    #[error("The server can't be reached.")]
    Unreachable(#[source] reqwest::Error),
    /// What was to be sent is no request.
    #[error("This can't be sent.")]
    Unsendable(#[source] reqwest::Error),
}

impl EgressError {
    fn of(error: reqwest::Error) -> Self {
        let mut cause = error.source();
        while let Some(inner) = cause {
            if let Some(refused) = inner.downcast_ref::<Refused>() {
                return Self::Refused(refused.clone());
            }
            if let Some(Unresolved::Refused(refused)) = inner.downcast_ref::<Unresolved>() {
                return Self::Refused(refused.clone());
            }
            cause = inner.source();
        }
        // Addresses hold keys.
        let (is_builder, error) = (error.is_builder(), error.without_url());
        if is_builder { Self::Unsendable(error) } else { Self::Unreachable(error) }
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// What is asked for.
    pub method: Method,
    /// Where it goes.
    pub url: Url,
    /// Its headers.
    pub headers: HeaderMap,
    /// What is sent.
    pub body: Bytes,
}

/// What happens with an answer that is longer than it may be, or whose body takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excess {
    /// There is no answer, and an error says why.
    Fails,
    /// The rest of the body is not read.
    IsCut,
}

/// Where redirects are followed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// To wherever requests may go.
    Anywhere,
    /// Only within the origin that was asked (RFC 6454): for requests with headers that no other server may read. A
    /// redirect elsewhere is the answer.
    SameOrigin,
}

/// Headers that say how a request is sent, hop by hop (RFC 9110, 7.6.1) or at all: not for its author to say.
const RESERVED: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Is it a header that says how a request is sent, which its author may not set?
pub fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(&name.as_str())
}

/// How long an answer may take, and how long it may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From the lookup of the name to the last byte.
    pub time: Duration,
    /// Bytes of the answer's body.
    pub bytes: usize,
    /// What happens beyond that.
    pub excess: Excess,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// What it says, or the beginning of that.
    pub body: Bytes,
    /// Is that all of it?
    pub whole: bool,
}

/// The way to the outside. A cheap handle.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

/// The clients are made when they are first used: they read the system's authorities, which takes its time.
struct Inner {
    resolver: Resolver,
    direct: OnceCell<reqwest::Client>,
    following: OnceCell<reqwest::Client>,
    staying: OnceCell<reqwest::Client>,
}

impl Egress {
    /// A client that keeps to the settings.
    pub fn new(settings: &Settings) -> Self {
        Self::with_lookup(settings, resolver::system())
    }

    fn with_lookup(settings: &Settings, lookup: Lookup) -> Self {
        let resolver = Resolver { rules: Arc::new(Rules::of(settings)), lookup };
        let (direct, following, staying) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self(Arc::new(Inner { resolver, direct, following, staying }))
    }

    /// May the address be reached, as far as can be told now? A name that can't be looked up at the moment passes: each
    /// sending asks again.
    pub async fn check(&self, url: &Url) -> Result<(), Refused> {
        self.0.resolver.rules.check(url)?;
        let Some(Host::Domain(name)) = url.host() else { return Ok(()) };
        match timeout(LOOK_UP, self.0.resolver.addresses(name.to_owned())).await {
            Ok(Err(Unresolved::Refused(refused))) => Err(refused),
            Ok(Ok(_) | Err(Unresolved::Unknown(_))) | Err(_) => Ok(()),
        }
    }

    /// Sends a request and gives the answer, whatever its status. A redirect is an answer, too.
    pub async fn send(&self, request: Outgoing, limits: Limits) -> Result<Answer, EgressError> {
        let client = self.0.direct.get_or_try_init(async || self.0.resolver.client(Policy::none())).await?;
        self.perform(client, request, limits).await
    }

    /// The same, and follows some redirects, each to where requests may go.
    pub async fn send_following(
        &self,
        request: Outgoing,
        limits: Limits,
        to: Follow,
    ) -> Result<Answer, EgressError> {
        let client = match to {
            Follow::Anywhere => &self.0.following,
            Follow::SameOrigin => &self.0.staying,
        };
        let policy = || follow(Arc::clone(&self.0.resolver.rules), to);
        let client = client.get_or_try_init(async || self.0.resolver.client(policy())).await?;
        self.perform(client, request, limits).await
    }

    async fn perform(
        &self,
        client: &reqwest::Client,
        outgoing: Outgoing,
        limits: Limits,
    ) -> Result<Answer, EgressError> {
        self.0.resolver.rules.check(&outgoing.url)?;
        let deadline = Instant::now() + limits.time;
        let mut request = reqwest::Request::new(outgoing.method, outgoing.url);
        *request.headers_mut() = outgoing.headers;
        *request.body_mut() = Some(outgoing.body.into());
        let answered = timeout_at(deadline, client.execute(request)).await;
        let response = answered.map_err(|_| EgressError::Slow(limits.time))?.map_err(EgressError::of)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let (body, whole) = read(response, limits, deadline).await?;
        Ok(Answer { status, headers, body, whole })
    }
}

impl Resolver {
    /// A client that connects to what this resolver gives.
    fn client(&self, redirects: Policy) -> Result<reqwest::Client, EgressError> {
        reqwest::Client::builder()
            .dns_resolver(self.clone())
            .redirect(redirects)
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_max_idle_per_host(IDLE)
            .user_agent(concat!("BotServer/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(EgressError::Unsendable)
    }
}

/// Follows some redirects, each to where requests may go.
fn follow(rules: Arc<Rules>, to: Follow) -> Policy {
    Policy::custom(move |attempt| {
        let leaves = attempt.previous().first().is_some_and(|asked| asked.origin() != attempt.url().origin());
        if leaves && to == Follow::SameOrigin {
            return attempt.stop();
        }
        if attempt.previous().len() > REDIRECTS {
            return attempt.error(Refused::Redirects);
        }
        match rules.check(attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(refused) => attempt.error(refused),
        }
    })
}

/// The body as far as it may be read, and whether that is all of it.
async fn read(
    mut response: reqwest::Response,
    limits: Limits,
    deadline: Instant,
) -> Result<(Bytes, bool), EgressError> {
    let mut body = BytesMut::new();
    let failure = loop {
        match timeout_at(deadline, response.chunk()).await {
            Ok(Ok(None)) => return Ok((body.freeze(), true)),
            Ok(Ok(Some(chunk))) => {
                let room = limits.bytes - body.len();
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() > room {
                    break EgressError::TooLong(limits.bytes);
                }
            }
            Ok(Err(error)) => break EgressError::of(error),
            Err(_) => break EgressError::Slow(limits.time),
        }
    };
    match limits.excess {
        Excess::Fails => Err(failure),
        Excess::IsCut => Ok((body.freeze(), false)),
    }
}
