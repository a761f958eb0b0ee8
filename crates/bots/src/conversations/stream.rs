//! An answer as it comes: the frames of a turn as server-sent events, for clients without a WebSocket.

use std::convert::Infallible;

use axum::response::sse::Event;
use futures_util::{Stream, StreamExt, stream};
use kernel::{Actor, Error, Id, id::kind::Conversation as ConversationKind};
use serde_json::{Value, json};
use tracing::Instrument;
use utoipa::ToSchema;

use super::{ConversationError, Conversations, NewMessage, Sent, hub::Frame};

/// One event of the stream, with the fields of the [event stream format]: what a description of the API says of it.
///
/// [event stream format]: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `Event` writes")]
pub(super) struct StreamedEvent {
    /// The frame's `type`.
    #[schema(example = "message")]
    event: StreamedKind,
    /// The `seq` of a stored message.
    #[schema(example = "3")]
    id: Option<String>,
    /// The frame, as it is on the WebSocket.
    #[schema(
        content_media_type = "application/json",
        example = r#"{"type":"message","seq":3,"content":"For how many people?"}"#
    )]
    data: String,
}

/// Which frames there are in a stream.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `Event` writes")]
pub(super) enum StreamedKind {
    Typing,
    Ack,
    Message,
    Suggestion,
    Error,
}

impl Conversations {
    /// Takes a message and gives what happens, as frames: `typing`, `ack`, `message` and `suggestion` as they are on
    /// the WebSocket, or `error`. What can be refused at once is. The turn goes on if the client leaves.
    pub(super) async fn send_and_stream(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        message: NewMessage,
    ) -> Result<impl Stream<Item = Result<Event, Infallible>> + Send + use<>, ConversationError> {
        self.check_message(&message)?;
        self.may_say(&who, id, &message).await?;
        let this = self.clone();
        let taking = async move { this.send(&who, id, message).await };
        let taking = tokio::spawn(taking.instrument(tracing::Span::current()));
        let typing = move |active: bool| frame("typing", json!({ "conversation_id": id, "active": active }));
        let rest = stream::once(taking).flat_map(move |taken| {
            let taken = taken.map_err(Error::internal).and_then(|taken| taken.map_err(Error::from));
            stream::iter(match taken {
                Ok(sent) => told(&sent),
                Err(error) => vec![refused(id, &error)],
            })
        });
        let ends = stream::once(std::future::ready(typing(false)));
        Ok(stream::once(std::future::ready(typing(true))).chain(rest).chain(ends).map(Ok))
    }
}

fn told(sent: &Sent) -> Vec<Event> {
    let ack = json!({ "conversation_id": sent.conversation_id, "message_id": sent.message_id });
    let mut events = vec![frame("ack", ack)];
    for message in &sent.response {
        let said = Frame::of(message.clone());
        events.push(Event::default().event("message").id(said.seq().to_string()).data(said.text().as_str()));
        let suggestion = said.suggestion();
        events.extend(suggestion.map(|text| Event::default().event("suggestion").data(text.as_str())));
    }
    events
}

fn refused(id: Id<ConversationKind>, error: &Error) -> Event {
    let body = json!({
        "conversation_id": id,
        "code": error.kind().code(),
        "message": error.message(),
        "details": error.details(),
    });
    frame("error", body)
}

fn frame(kind: &str, mut body: Value) -> Event {
    body["type"] = kind.into();
    Event::default().event(kind).data(body.to_string())
}
