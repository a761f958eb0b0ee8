//! The upgrade from HTTP: where the token is, which protocol is spoken.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{RawQuery, State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use kernel::Kind;
use tokio_util::sync::CancellationToken;
use utoipa_axum::routes;

use super::{
    Sockets, connection,
    connection::Shown,
    topics::{Contributed, Kinds, Subscribes, Unsubscribes},
};
use crate::{Access, Edge, FrameHandler, Module, Peer, edge::bearer};

/// The subprotocol that this server speaks.
const PROTOCOL: &str = "botserver.v1";

/// What every connection shares.
#[derive(Clone)]
pub(super) struct Hall {
    pub(super) edge: Edge,
    pub(super) sockets: Sockets,
    pub(super) handlers: Arc<HashMap<&'static str, Arc<dyn FrameHandler>>>,
    pub(super) stop: CancellationToken,
}

/// The module that serves `/ws`, answering the frames that the given modules contribute.
pub fn module(modules: &[Module], edge: Edge, sockets: Sockets, stop: CancellationToken) -> Module {
    let topics: Arc<Kinds> =
        Arc::new(modules.iter().flat_map(|module| module.topics.iter().map(Contributed::of)).collect());
    let mut handlers: HashMap<_, Arc<dyn FrameHandler>> =
        modules.iter().flat_map(|module| module.frames.iter().cloned()).collect();
    handlers.insert("subscribe", Arc::new(Subscribes(Arc::clone(&topics))));
    handlers.insert("unsubscribe", Arc::new(Unsubscribes(topics)));
    let hall = Hall { edge, sockets, handlers: Arc::new(handlers), stop };
    Module::new("websocket").root_route(&hall, routes!(open), Access::public())
}

/// Open the WebSocket.
///
/// The token stands in `Authorization`, or in the subprotocols `botserver.v1, bearer.<token>` (answered with
/// `botserver.v1`), or comes as the first frame `{"type": "auth", "token": "…"}` within ten seconds. Who can do none of
/// these asks for a ticket (`POST /ws/ticket`), which is good for one connection.
#[utoipa::path(
    get,
    path = "/ws",
    params(
        ("bot" = Option<String>, Query, description = "The bot to talk with, by its id or slug; `bot_id` is the same",
            example = "table-booking"),
        ("conversation_id" = Option<String>, Query, description = "Follow this conversation from the start",
            example = "conv_01jxk6qv9ve7m8g3t5s0c4d2ba"),
        ("ticket" = Option<String>, Query, description = "Opens the connection, once, where no token is shown",
            example = "bst_Zm9yIGRvY3VtZW50cyBvbmx5LCBub3QgYSByZWFsIHRva2Vu"),
        ("since" = Option<i64>, Query, description = "Replay stored frames after this `seq`", example = 7),
    ),
    responses((status = 101, description = "The connection is a WebSocket from here on."),
        (status = 400, description = "It is no WebSocket handshake")),
)]
async fn open(
    State(hall): State<Hall>,
    Peer(origin): Peer,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return crate::Failure(not_a_websocket()).into_response();
    };
    let token = bearer(&headers).map(str::to_owned).or_else(|| protocol_token(&headers));
    let mut query: HashMap<_, _> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    // Nobody but whoever spends it sees a ticket.
    let ticket = query.remove("ticket");
    let shown = token.map(Shown::Token).or(ticket.map(Shown::Ticket));
    let settings = hall.edge.settings();
    // A connection that only waits costs these buffers; the defaults are 128 KiB each way. Frames that are larger are
    // read in several parts.
    upgrade
        .protocols([PROTOCOL])
        .read_buffer_size(1 << 10)
        .write_buffer_size(0)
        .max_message_size(settings.socket_frame_limit)
        .max_frame_size(settings.socket_frame_limit)
        .on_upgrade(move |stream| {
            // Apart: what is handed on by value is kept at each hand it went through, for as long as the socket is open.
            let connection = Box::pin(connection::run(hall.clone(), stream, origin, query, shown));
            hall.sockets.track(connection)
        })
}

fn not_a_websocket() -> kernel::Error {
    kernel::Error::new(Kind::BadRequest, "This address speaks WebSocket: send an upgrade request.")
}

/// The token among the offered subprotocols, for browsers, which can't set headers.
fn protocol_token(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut names = offered.filter_map(|value| value.to_str().ok()).flat_map(|list| list.split(','));
    names.find_map(|name| name.trim().strip_prefix("bearer.").map(str::to_owned))
}
