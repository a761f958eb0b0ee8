//! The operation on tickets.

use gateway::{Caller, Envelope, Reply, Result, State};

use super::{Ticket, Tickets};

/// A ticket for the WebSocket.
///
/// For clients that can't set headers: `/ws?ticket=…` opens one connection within 30 seconds, on any node, as one of the
/// session that asked. It is good once, and only as long as that session goes on. `Idempotency-Key` is ignored.
#[utoipa::path(post, path = "/ws/ticket", responses((status = 200, body = Envelope<Ticket>)))]
pub(super) async fn issue(State(tickets): State<Tickets>, Caller(who): Caller) -> Result<Reply<Ticket>> {
    Ok(Reply::ok(tickets.issue(&who).await?))
}
