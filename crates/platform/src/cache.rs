//! The connection to Valkey, or anything else that speaks Redis's protocol, over which nodes share counters.
//!
//! Nothing that matters is only there. While it is lost whoever asks is told so at once, and does without.

use std::{
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use kernel::Secret;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline, RedisError,
    ServerErrorKind, aio::MultiplexedConnection,
};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::backoff::Backoff;

/// Where nodes share what they count and tell each other.
#[derive(Debug, Clone, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `redis://…`, or `rediss://…` over TLS. Absent: counters and hints stay in the process.
    pub url: Option<Secret>,
    /// What every name there begins with, so that several servers can share one Valkey.
    pub prefix: String,
    /// Milliseconds that a request waits for a shared counter before it counts in the process.
    pub timeout_milliseconds: NonZeroU32,
}

impl Default for Settings {
    fn default() -> Self {
        const PATIENCE: NonZeroU32 = NonZeroU32::new(50).unwrap();
        Self { url: None, prefix: "botserver".to_owned(), timeout_milliseconds: PATIENCE }
    }
}

/// Why there is no cache. Nothing here shows the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The address can't be read.
    #[error(
        "cache.url can't be read: {0}. It is written redis://[user:password@]host[:port][/number], or rediss:// over TLS"
    )]
    Address(String),
    /// Valkey is there and does not let the server in.
    #[error("the cache refuses the user or the password of cache.url: {0}")]
    Refused(String),
}

/// How long an attempt to connect may take.
pub(crate) const CONNECTING: Duration = Duration::from_secs(2);
/// A connection that stood for so long is a good one.
const STEADY: Duration = Duration::from_secs(5);
/// Commands that wait to be written to the connection; those beyond wait for a place.
const QUEUE: usize = 1024;

/// The address of a Valkey and the prefix of names there.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) client: Client,
    pub(crate) prefix: Arc<str>,
}

impl Address {
    pub(crate) fn read(url: &Secret, prefix: &str) -> Result<Self, CacheError> {
        crate::tls::install();
        let unreadable = |cause: RedisError| CacheError::Address(cause.to_string());
        let known = ["redis://", "rediss://"].iter().any(|scheme| url.reveal().starts_with(scheme));
        if !known {
            return Err(CacheError::Address("it must begin with redis:// or rediss://".to_owned()));
        }
        let info = url.reveal().into_connection_info().map_err(unreadable)?;
        Ok(Self { client: Client::open(info).map_err(unreadable)?, prefix: prefix.into() })
    }
}

/// A connection that finds its way back. A cheap handle.
#[derive(Clone)]
pub struct Cache(Arc<Inner>);

struct Inner {
    address: Address,
    patience: Duration,
    present: Arc<watch::Sender<Present>>,
    /// Connects again whenever the connection was lost, as long as this lives.
    _keeping: AbortOnDropHandle<()>,
}

/// The connection as it is now.
#[derive(Default)]
struct Present {
    connection: Option<MultiplexedConnection>,
    /// Which one it is, so that whoever fails on an old one does not close the new one.
    number: u64,
}

impl Cache {
    /// Connects as the settings say; None if they name no address. Fails if the address can't be read or the server
    /// is refused. One that does not answer is taken for lost: it is tried again until it does.
    pub async fn connect(settings: &Settings) -> Result<Option<Self>, CacheError> {
        let Some(url) = &settings.url else { return Ok(None) };
        let address = Address::read(url, &settings.prefix)?;
        let (present, _) = watch::channel(Present::default());
        let present = Arc::new(present);
        match connection(&address.client).await {
            Ok(connection) => enter(&present, connection),
            Err(cause) if is_refusal(&cause) => return Err(CacheError::Refused(cause.to_string())),
            Err(cause) => lost(&cause.to_string()),
        }
        let keeping = tokio::spawn(keep(address.client.clone(), Arc::clone(&present)));
        let patience = Duration::from_millis(settings.timeout_milliseconds.get().into());
        let keeping = AbortOnDropHandle::new(keeping);
        Ok(Some(Self(Arc::new(Inner { address, patience, present, _keeping: keeping }))))
    }

    /// Can it be asked?
    pub fn is_connected(&self) -> bool {
        self.0.present.borrow().connection.is_some()
    }

    /// Waits until it can be asked.
    pub async fn connected(&self) {
        // The sender lives as long as this does.
        let _ = self.0.present.subscribe().wait_for(|present| present.connection.is_some()).await;
    }

    /// Does it answer?
    pub async fn ping(&self) -> bool {
        self.ask::<()>(redis::pipe().cmd("PING").ignore()).await.is_some()
    }

    pub(crate) fn prefix(&self) -> &str {
        &self.0.address.prefix
    }

    /// Asks, with the patience of the settings. None if it is lost, or by this is found to be.
    pub(crate) async fn ask<T: FromRedisValue>(&self, asked: &Pipeline) -> Option<T> {
        let (mut connection, number) = {
            let present = self.0.present.borrow();
            (present.connection.clone()?, present.number)
        };
        let why = match timeout(self.0.patience, asked.query_async(&mut connection)).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(cause)) => cause.to_string(),
            Err(_) => format!("it did not answer in {} ms", self.0.patience.as_millis()),
        };
        let closed = self
            .0
            .present
            .send_if_modified(|present| present.number == number && present.connection.take().is_some());
        if closed {
            lost(&why);
        }
        None
    }
}

fn lost(why: &str) {
    metrics::gauge!("cache_connected").set(0.0);
    metrics::counter!("cache_lost_total").increment(1);
    tracing::warn!(why, "the cache is lost: this node counts for itself until it is back");
}

fn enter(present: &watch::Sender<Present>, connection: MultiplexedConnection) {
    metrics::gauge!("cache_connected").set(1.0);
    tracing::info!("the cache is connected");
    present.send_modify(|present| {
        *present = Present { connection: Some(connection), number: present.number + 1 };
    });
}

/// Connects again whenever the connection is gone.
async fn keep(client: Client, present: Arc<watch::Sender<Present>>) {
    let mut seen = present.subscribe();
    let mut backoff = Backoff::default();
    loop {
        let begun = Instant::now();
        if seen.wait_for(|present| present.connection.is_none()).await.is_err() {
            return;
        }
        // One that lets us in and then fails at once is not asked in every instant.
        if begun.elapsed() > STEADY {
            backoff = Backoff::default();
        }
        loop {
            backoff.wait().await;
            match connection(&client).await {
                Ok(connection) => {
                    enter(&present, connection);
                    break;
                }
                Err(cause) => tracing::debug!(%cause, "the cache can't be reached"),
            }
        }
    }
}

/// A connection that has answered.
async fn connection(client: &Client) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECTING))
        .set_response_timeout(Some(CONNECTING))
        .set_pipeline_buffer_size(QUEUE);
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    redis::cmd("PING").exec_async(&mut connection).await?;
    Ok(connection)
}

/// Does Valkey say that the server may not come in?
pub(crate) fn is_refusal(cause: &RedisError) -> bool {
    let codes = ["NOAUTH", "WRONGPASS", "NOPERM", "DENIED"];
    matches!(cause.kind(), ErrorKind::AuthenticationFailed | ErrorKind::Server(ServerErrorKind::NoPerm))
        || cause.code().is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
pub(crate) mod tests;
