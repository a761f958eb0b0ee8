//! What connections follow by topic: `subscribe` and `unsubscribe`, for all domains that have topics.
//!
//! A topic is the kind of a thing and its id, `conversation:conv_…`. Whoever has the things contributes the kind with
//! its module, and decides who may follow which.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::extract::ws::Utf8Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use kernel::{Actor, Error, Surroundings, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Frame, FrameHandler, Socket};
use crate::module::BoxFuture;

/// Topics of one frame.
const MOST: usize = 100;

/// The things of one kind that can be followed.
pub trait Topic: Send + Sync + 'static {
    /// The id of a thing as it is always written, by which its stream is known on a connection. None if it is no id.
    fn id(&self, text: &str) -> Option<String>;

    /// The streams of these things, all of them or none.
    fn follow<'a>(
        &'a self,
        who: &'a Actor,
        socket: &'a Socket,
        ids: Vec<String>,
    ) -> BoxFuture<'a, kernel::Result<Vec<Following>>>;
}

/// A stream that a connection is about to follow.
pub struct Following {
    /// The id of the thing.
    pub id: String,
    /// The place after which it begins.
    pub from: u64,
    /// Finished frames.
    pub frames: BoxStream<'static, Utf8Bytes>,
}

impl Following {
    /// The `event` frames of a topic: the name of each event, and what it tells.
    pub fn events<T: Serialize>(
        kind: &'static str,
        id: String,
        events: impl Stream<Item = (&'static str, T)> + Send + 'static,
        world: Surroundings,
    ) -> Self {
        let topic = format!("{kind}:{id}");
        let frames = events.filter_map(move |(event, data)| {
            let told = Happened { r#type: "event", topic: &topic, event, data, timestamp: world.now() };
            let text = serde_json::to_string(&told).inspect_err(|cause| {
                tracing::error!(%cause, event, "an event could not be written");
            });
            std::future::ready(text.ok().map(Utf8Bytes::from))
        });
        Self { id, from: 0, frames: frames.boxed() }
    }
}

/// An `event` frame.
#[derive(Serialize)]
struct Happened<'a, T> {
    r#type: &'static str,
    topic: &'a str,
    event: &'static str,
    data: T,
    timestamp: Timestamp,
}

/// The fields of an `event` frame.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is written for any data")]
pub(super) struct Happening {
    /// The topic.
    topic: String,
    /// What happened, such as `job.running`.
    event: String,
    /// What there is to know of it, by topic.
    #[schema(value_type = Object)]
    data: (),
}

/// The fields of `subscribe` and `unsubscribe` frames.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Topics {
    /// What is meant, each as a kind and an id, such as `conversation:conv_…`. At most 100.
    topics: Vec<String>,
}

/// A kind of topic with what is told of it.
#[derive(Clone)]
pub(crate) struct Contributed {
    pub(crate) kind: &'static str,
    pub(crate) about: &'static str,
    pub(crate) topic: Arc<dyn Topic>,
}

impl Contributed {
    /// By its kind.
    pub(super) fn of(this: &Self) -> (&'static str, Arc<dyn Topic>) {
        (this.kind, Arc::clone(&this.topic))
    }
}

/// The kinds that the modules contribute.
pub(super) type Kinds = BTreeMap<&'static str, Arc<dyn Topic>>;

/// Answers `subscribe` frames: topics are followed from now on.
pub(super) struct Subscribes(pub(super) Arc<Kinds>);

/// Answers `unsubscribe` frames: topics are followed no more.
pub(super) struct Unsubscribes(pub(super) Arc<Kinds>);

/// What a frame means: by kind, the ids.
fn meant(
    kinds: &Kinds,
    frame: &Frame,
    what: &str,
) -> kernel::Result<BTreeMap<&'static str, BTreeSet<String>>> {
    let body = Value::Object(frame.body.clone());
    let Topics { topics } =
        serde_json::from_value(body).map_err(|problem| Error::invalid(what, problem.to_string()))?;
    if topics.is_empty() || topics.len() > MOST {
        return Err(Error::invalid("topics", format!("must be 1 to {MOST}")));
    }
    let mut meant: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for topic in &topics {
        let named = topic.split_once(':').and_then(|(kind, id)| Some((kinds.get_key_value(kind)?, id)));
        let id = named.and_then(|((kind, topic), id)| Some((*kind, topic.id(id)?)));
        let (kind, id) = id.ok_or_else(|| Error::invalid("topics", there_are(kinds)))?;
        meant.entry(kind).or_default().insert(id);
    }
    Ok(meant)
}

/// What may be followed, as the end of a sentence about what was asked for.
fn there_are(kinds: &Kinds) -> String {
    let all: Vec<_> = kinds.keys().map(|kind| format!("{kind}:<id>")).collect();
    format!("must each be one of {}; there are no others", all.join(", "))
}

impl Subscribes {
    async fn subscribe(&self, socket: &Socket, frame: &Frame) -> kernel::Result<()> {
        let who = socket.signed_in()?;
        let mut meant = meant(&self.0, frame, "subscribe")?;
        for ids in meant.values_mut() {
            ids.retain(|id| socket.followed_from(id).is_none());
        }
        socket.check_room(meant.values().map(BTreeSet::len).sum())?;
        let mut all = Vec::new();
        for (kind, ids) in meant {
            let Some(topic) = self.0.get(kind).filter(|_| !ids.is_empty()) else { continue };
            all.extend(topic.follow(&who, socket, ids.into_iter().collect()).await?);
        }
        // None of them before all may be.
        for Following { id, from, frames } in all {
            socket.follow(id, from, frames);
        }
        Ok(())
    }
}

impl FrameHandler for Subscribes {
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            self.subscribe(socket, &frame).await?;
            socket.ack(frame.id.as_deref(), Map::new());
            Ok(())
        })
    }
}

impl FrameHandler for Unsubscribes {
    fn handle<'a>(&'a self, socket: &'a Socket, frame: Frame) -> BoxFuture<'a, kernel::Result<()>> {
        Box::pin(async move {
            socket.signed_in()?;
            for id in meant(&self.0, &frame, "unsubscribe")?.into_values().flatten() {
                socket.unfollow(&id);
            }
            socket.ack(frame.id.as_deref(), Map::new());
            Ok(())
        })
    }
}
