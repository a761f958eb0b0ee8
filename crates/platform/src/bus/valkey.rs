//! Hints over Valkey's publish and subscribe.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use bytes::Bytes;
use redis::{
    AsyncConnectionConfig, Client, ProtocolVersion, PushInfo, PushKind, Value, aio::MultiplexedConnection,
};
use tokio::sync::mpsc;

use super::carry::{Connection, Failure, Transport};
use crate::cache::{Address, CONNECTING};

/// Frames that have arrived and wait to be heard. Past that the connection is given up, and everybody looks again.
const ARRIVED: usize = 16_384;

/// One channel of a Valkey, with publishing and listening on one connection (RESP3).
pub(super) struct Valkey {
    address: Address,
    channel: String,
}

impl Valkey {
    pub(super) fn new(address: &Address) -> Self {
        Self { address: address.clone(), channel: format!("{}:bus", address.prefix) }
    }
}

pub(super) struct Listening {
    connection: MultiplexedConnection,
    arrived: mpsc::Receiver<Arrived>,
    flooded: Arc<AtomicBool>,
    channel: String,
}

impl Transport for Valkey {
    type Connection = Listening;
    const NAME: &'static str = "Valkey";
    const FRAME_LIMIT: usize = 64 << 10;

    async fn connect(&self) -> Result<Listening, Failure> {
        let info = self.address.client.get_connection_info();
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        let client = Client::open(info.clone().set_redis_settings(settings))?;
        let (arriving, arrived) = mpsc::channel(ARRIVED);
        let flooded = Arc::new(AtomicBool::new(false));
        let flood = Arc::clone(&flooded);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(CONNECTING))
            .set_push_sender(move |push: PushInfo| {
                let Some(arrived) = Arrived::of(push) else { return Ok(()) };
                arriving.try_send(arrived).inspect_err(|_| flood.store(true, Ordering::Release))
            });
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        connection.subscribe(&self.channel).await?;
        Ok(Listening { connection, arrived, flooded, channel: self.channel.clone() })
    }
}

enum Arrived {
    Frame(Bytes),
    End,
}

impl Arrived {
    fn of(push: PushInfo) -> Option<Self> {
        match push.kind {
            PushKind::Message => match push.data.into_iter().nth(1) {
                Some(Value::BulkString(frame)) => Some(Self::Frame(frame.into())),
                _ => None,
            },
            PushKind::Disconnection => Some(Self::End),
            _ => None,
        }
    }
}

impl Connection for Listening {
    async fn publish(&mut self, frames: &[Bytes]) -> Result<(), Failure> {
        let mut all = redis::pipe();
        for frame in frames {
            all.cmd("PUBLISH").arg(&self.channel).arg(frame.as_ref()).ignore();
        }
        Ok(all.exec_async(&mut self.connection).await?)
    }

    async fn next(&mut self) -> Result<Bytes, Failure> {
        let arrived = self.arrived.recv().await;
        if self.flooded.load(Ordering::Acquire) {
            return Err("more arrives than can be heard".into());
        }
        match arrived {
            Some(Arrived::Frame(frame)) => Ok(frame),
            Some(Arrived::End) | None => Err("the connection has ended".into()),
        }
    }
}
