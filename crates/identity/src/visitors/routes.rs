//! The operations on visits.

use gateway::{Envelope, Peer, Reply, Result, State};

use super::{
    Visitors,
    model::{NewVisit, Visiting},
};
use crate::auth::extract::Optional;

/// Begin to talk with a bot without signing in.
///
/// Only with a public bot whose `anonymous_allowed` is true, and only to talk: the token is good for the conversations of
/// this visit. It ends when it was not used for the bot's `session-timeout` (30 minutes). Who signs in and shows the
/// token while doing so takes their conversations along. The body may be left out: then the default bot is meant.
#[utoipa::path(post, path = "/auth/anonymous", request_body = Option<NewVisit>, responses(
    (status = 201, body = Envelope<Visiting>),
    (status = 404, description = "`bot_not_open`: there is no such bot, or it is not open to visitors"),
))]
pub(super) async fn begin(
    State(visitors): State<Visitors>,
    Peer(origin): Peer,
    Optional(new): Optional<NewVisit>,
) -> Result<Reply<Visiting>> {
    Ok(Reply::created("/sessions/current", visitors.begin(&origin, new).await?))
}
