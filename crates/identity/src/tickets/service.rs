//! What can be done with tickets.

use chrono::TimeDelta;
use kernel::{Actor, Error, Result, Surroundings};
use platform::{
    db::{Db, DbError},
    jobs::{JobContext, JobError, in_small_units},
};

use super::{
    model::Ticket,
    store::{self, TicketRow},
};
use crate::{
    sessions,
    tokens::{self, NewToken, TokenHash, TokenKind},
    visitors,
};

/// How long a ticket is good.
const GOOD_SECONDS: u32 = 30;

/// Tickets. A cheap handle.
#[derive(Clone)]
pub struct Tickets {
    db: Db,
    world: Surroundings,
}

/// The token that a session shows at present: what a spent ticket stands for.
pub(crate) type Stood = (TokenKind, TokenHash);

/// The refusal of a ticket that there isn't, that is spent or too old, or whose session has ended.
fn refused(reason: &'static str) -> Error {
    Error::unauthorized("The ticket is not valid, or not any more. Ask for another.", reason)
}

impl Tickets {
    pub(crate) fn new(db: Db, world: Surroundings) -> Self {
        Self { db, world }
    }

    /// Makes a ticket for the caller's session.
    pub async fn issue(&self, who: &Actor) -> Result<Ticket> {
        let now = self.world.now();
        let token = NewToken::of(TokenKind::Ticket, &self.world);
        let expires_at = now + TimeDelta::seconds(GOOD_SECONDS.into());
        let row = TicketRow { session_id: who.session, is_visit: who.is_visitor(), expires_at };
        let hash = token.hash;
        let kept: std::result::Result<(), DbError> =
            self.db.write_server(move |unit| store::insert(unit, &hash, &row, now)).await;
        kept?;
        Ok(Ticket { ticket: token.text, expires_at, expires_in: GOOD_SECONDS })
    }

    /// Spends a ticket, and gives what the session shows that it is of. 401 with `ticket_invalid`, `ticket_expired` or
    /// `session_ended`.
    pub(crate) async fn spend(&self, ticket: &str) -> Result<Stood> {
        let hash = tokens::read(TokenKind::Ticket, ticket).ok_or_else(|| refused("ticket_invalid"))?;
        // Whoever guesses doesn't make anybody wait who writes.
        if !self.db.read_server(move |tx| store::exists(tx, &hash)).await? {
            return Err(refused("ticket_invalid"));
        }
        let now = self.world.now();
        let spent = self.db.write_server(move |unit| {
            let Some(ticket) = store::spend(unit, &hash)? else { return Ok(None) };
            let stood = if ticket.is_visit {
                let visit = visitors::store::by_id(unit, ticket.session_id)?;
                visit.map(|visit| (TokenKind::Visitor, visit.token_hash))
            } else {
                let live = sessions::store::live(unit, ticket.session_id)?;
                live.map(|live| (TokenKind::Access, live.token_hash))
            };
            Ok::<_, DbError>(Some((ticket, stood)))
        });
        let (ticket, stood) = spent.await?.ok_or_else(|| refused("ticket_invalid"))?;
        if ticket.expires_at <= now {
            return Err(refused("ticket_expired"));
        }
        stood.ok_or_else(|| refused("session_ended"))
    }

    /// Forgets what nobody used.
    pub(super) async fn sweep(self, job: JobContext) -> std::result::Result<serde_json::Value, JobError> {
        let swept = in_small_units(|| job.check(), store::SWEPT_AT_ONCE, || self.sweep_some()).await?;
        Ok(serde_json::json!({ "tickets": swept }))
    }

    /// Some of it; gives its number.
    pub(super) async fn sweep_some(&self) -> std::result::Result<u64, DbError> {
        let now = self.world.now();
        self.db.write_server(move |unit| store::sweep_some(unit, now)).await
    }
}
