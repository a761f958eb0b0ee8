//! Hints over PostgreSQL's LISTEN and NOTIFY, for several nodes without a Valkey.

use std::future::poll_fn;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, Client, Statement};
use tokio_util::task::AbortOnDropHandle;

use super::carry::{Connection, Failure, Transport};
use crate::db::postgres::{Address, Driver};

/// Nodes on one database are one server's, so one name does.
const CHANNEL: &str = "botserver_bus";
/// Frames that have arrived and wait to be heard. Past that the connection is given up, and everybody looks again.
const ARRIVED: usize = 16_384;

/// One channel of a database, on a connection of its own.
pub(super) struct Postgres(Address);

impl Postgres {
    pub(super) fn new(address: Address) -> Self {
        Self(address)
    }
}

pub(super) struct Listening {
    client: Client,
    publish: Statement,
    arrived: mpsc::Receiver<Bytes>,
    /// Drives the connection.
    _driving: AbortOnDropHandle<()>,
}

impl Transport for Postgres {
    type Connection = Listening;
    const NAME: &'static str = "PostgreSQL";
    /// A payload has less than 8000 bytes, and the frame is in it in base64.
    const FRAME_LIMIT: usize = 5900;

    async fn connect(&self) -> Result<Listening, Failure> {
        let (client, connection) = self.0.connect().await?;
        let (arriving, arrived) = mpsc::channel(ARRIVED);
        let driving = AbortOnDropHandle::new(tokio::spawn(drive(connection, arriving)));
        client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
        let publish = client.prepare("SELECT pg_notify($1, frame) FROM unnest($2::text[]) AS frame").await?;
        Ok(Listening { client, publish, arrived, _driving: driving })
    }
}

/// Keeps the connection going and hands on what it hears, until it ends or more arrives than is heard.
async fn drive(mut connection: Driver, arriving: mpsc::Sender<Bytes>) {
    while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
        if let AsyncMessage::Notification(notification) = message {
            let frame = STANDARD_NO_PAD.decode(notification.payload()).unwrap_or_default();
            if arriving.try_send(frame.into()).is_err() {
                return;
            }
        }
    }
}

impl Connection for Listening {
    async fn publish(&mut self, frames: &[Bytes]) -> Result<(), Failure> {
        let texts: Vec<_> = frames.iter().map(|frame| STANDARD_NO_PAD.encode(frame)).collect();
        self.client.query(&self.publish, &[&CHANNEL, &texts]).await?;
        Ok(())
    }

    async fn next(&mut self) -> Result<Bytes, Failure> {
        self.arrived.recv().await.ok_or_else(|| "the connection has ended".into())
    }
}
