//! What scripts say to somebody else than the person they talk with: `TALK TO` and `SEND FILE TO`.
//!
//! A letter is written with the turn, as a job. The job puts it into the latest conversation that the addressee has with
//! the bot, or into a new one, and ends in the same unit of work: it is delivered once. The dialog there stays where it
//! is. Letters of one bot to one person are delivered in the order in which they were written.

mod address;
mod delivery;

use basic::{Answer, Command, ErrorCode};
use chrono::TimeDelta;
use gateway::{
    Module,
    command::{Draft, NotWritten, Performed, Run, Unperformed},
};
use kernel::{
    Error, Id, Principal, Timestamp,
    id::{
        AttachmentId, BotId, UserId,
        kind::{Bot, User},
    },
};
use platform::{
    db::{Db, DbError, Tx, Unit},
    jobs::JobKind,
    objects::Stored,
    settings::Live,
};
use serde::{Deserialize, Serialize};

use super::store::AttachmentRow;
use crate::{Settings, bots, memory::keywords::text};
use address::Address;
pub(super) use delivery::{Told, with_jobs};

/// Puts a letter into a conversation. While the bot is off, the staff has taken over, or one conversation more would be
/// too many, it waits, which is no attempt.
const DELIVER: JobKind<Letter> = JobKind::new("conversations.deliver").attempts(100);

/// So long a letter waits at the most: one that is looked at for ever would be, with all that stand behind it.
const WAITS: TimeDelta = TimeDelta::days(7);

/// Something that is said to somebody who isn't there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Letter {
    bot_id: BotId,
    user_id: UserId,
    content: String,
    file: Option<Enclosed>,
    written_at: Timestamp,
}

/// A file that goes with a letter. Its object is the job's, and the attachment's, too, when that is delivered.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Enclosed {
    attachment_id: AttachmentId,
    name: String,
    mime_type: String,
    size: u64,
    hash: String,
}

impl Enclosed {
    fn of(row: &AttachmentRow) -> Self {
        Self {
            attachment_id: row.id,
            name: row.name.clone(),
            mime_type: row.mime_type.clone(),
            size: row.size.unsigned_abs(),
            hash: row.hash.to_string(),
        }
    }

    fn row(&self, user: Id<User>, at: Timestamp) -> Result<AttachmentRow, Error> {
        Ok(AttachmentRow {
            id: self.attachment_id,
            user_id: user,
            name: self.name.clone(),
            mime_type: self.mime_type.clone(),
            size: i64::try_from(self.size).map_err(Error::internal)?,
            hash: self.hash.parse().map_err(Error::internal)?,
            created_at: at,
        })
    }
}

impl Letter {
    /// Letters of one bot to one person.
    fn line(&self) -> String {
        format!("letters {} {}", self.bot_id, self.user_id)
    }

    /// Has it waited so long that it is given up?
    fn is_too_old(&self, now: Timestamp) -> bool {
        now - self.written_at > WAITS
    }
}

/// The letters of a turn.
#[derive(Debug, Default)]
struct Letters {
    all: Vec<Letter>,
    bytes: usize,
}

impl Draft for Letters {
    fn write(&self, unit: &Unit<'_>, at: Timestamp) -> Result<(), NotWritten> {
        for (written, letter) in (at.timestamp_micros()..).zip(&self.all) {
            let job = unit.enqueue(&DELIVER.job(letter).in_line(letter.line(), written))?;
            if let Some(file) = &letter.file {
                let hash = file.hash.parse().map_err(|error| NotWritten::Server(Error::internal(error)))?;
                unit.claim_object(Stored { hash, size: file.size }, job.as_bytes())?;
            }
        }
        Ok(())
    }
}

/// What takes letters. A cheap handle.
#[derive(Clone)]
pub(crate) struct Messenger {
    db: Db,
    settings: Live<Settings>,
}

/// The command of letters without a file.
pub(super) fn with_commands(module: Module, messenger: Messenger) -> Module {
    module.command("TALK TO", move |run, command| {
        let messenger = messenger.clone();
        async move { messenger.talk_to(&run, &command).await }
    })
}

impl Messenger {
    pub(crate) fn new(db: Db, settings: Live<Settings>) -> Self {
        Self { db, settings }
    }

    async fn talk_to(&self, run: &Run, command: &Command) -> Performed {
        let said = text(command, 1);
        if said.trim().is_empty() {
            return Err(Unperformed::argument("TALK TO needs something to say"));
        }
        let user = self.addressee(run, &text(command, 0)).await?;
        self.post(run, user, said, None)?;
        Ok(Answer::Done)
    }

    /// Who is meant by an address: somebody of the organization who may use the bot.
    pub(crate) async fn addressee(&self, run: &Run, address: &str) -> Result<Id<User>, Unperformed> {
        let meant = Address::read(address)?;
        let (bot, now) = (run.bot, run.now);
        let found = self.db.read(run.org, move |tx| match meant.user(tx)? {
            Some(user) => Ok::<_, DbError>(reachable(tx, bot, user, now)?.then_some(user)),
            None => Ok(None),
        });
        found.await?.ok_or_else(|| {
            let message = format!("nobody who may use this bot has the address {}", address.trim());
            Unperformed::failed(ErrorCode::NotFound, message)
        })
    }

    /// Takes a letter, to be written with the turn.
    pub(crate) fn post(
        &self,
        run: &Run,
        to: Id<User>,
        content: String,
        file: Option<&AttachmentRow>,
    ) -> Result<(), Unperformed> {
        let (most, most_bytes, message_bytes) = {
            let settings = self.settings.get();
            (settings.talks_per_turn, settings.turn_bytes, settings.message_bytes)
        };
        if content.len() > message_bytes {
            let message = format!("a message to somebody else has at most {message_bytes} bytes");
            return Err(Unperformed::argument(message));
        }
        let file = file.map(Enclosed::of);
        let letter = Letter { bot_id: run.bot, user_id: to, content, file, written_at: run.now };
        run.drafts.with(|letters: &mut Letters| {
            let bytes = letters.bytes + letter.content.len();
            if letters.all.len() >= most || bytes > most_bytes {
                let message =
                    format!("a turn sends at most {most} messages to others, of {most_bytes} bytes together");
                return Err(Unperformed::failed(ErrorCode::Limit, message));
            }
            letters.bytes = bytes;
            letters.all.push(letter);
            Ok(())
        })
    }
}

/// Is that user a member of the organization who can sign in and may use the bot?
pub(super) fn reachable(tx: &Tx<'_>, bot: Id<Bot>, user: Id<User>, now: Timestamp) -> Result<bool, DbError> {
    let Some(bot) = bots::store::by_id(tx, bot)? else { return Ok(false) };
    match absent(tx, user, now)? {
        Some(who) => bot.guard().lets_in(tx, &who, now),
        None => Ok(false),
    }
}

/// A member who isn't there, as what decides over them takes them. Nothing is done in their name.
fn absent(tx: &Tx<'_>, user: Id<User>, now: Timestamp) -> Result<Option<Principal>, DbError> {
    let permissions = identity::membership::permissions_of(tx, user, now)?;
    Ok(permissions.map(|permissions| Principal {
        user,
        org: tx.org(),
        session: Id::from_uuid(user.uuid()),
        permissions,
        level: 0,
        expires_at: now,
        visits: None,
        key: None,
        confined: None,
    }))
}
