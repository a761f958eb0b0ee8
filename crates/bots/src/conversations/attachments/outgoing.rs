//! Files that a script sends: each with its place among what the turn says, and written with it.

use gateway::command::{Draft, NotWritten};
use kernel::{Id, Timestamp, id::kind::Conversation};
use platform::db::Unit;

use super::{Attachment, MOST};
use crate::conversations::{store, store::AttachmentRow};

/// The files that a turn sends.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    /// Those that have no place yet, with what is said with them.
    new: Vec<(AttachmentRow, String)>,
    /// The others, by what they are said with.
    placed: Vec<(usize, AttachmentRow)>,
}

impl Outgoing {
    /// Sends one more. False if the turn has sent as many as it may.
    pub(crate) fn add(&mut self, file: AttachmentRow, caption: String) -> bool {
        let has_room = self.new.len() + self.placed.len() < MOST;
        if has_room {
            self.new.push((file, caption));
        }
        has_room
    }

    /// What is said with the files that were added since. Each is the next thing said, from that place on.
    pub(in crate::conversations) fn place(&mut self, from: usize) -> Vec<String> {
        let (files, captions): (Vec<_>, Vec<_>) = std::mem::take(&mut self.new).into_iter().unzip();
        self.placed.extend((from..).zip(files));
        captions
    }

    /// The files of what is said at that place.
    pub(in crate::conversations) fn at(&self, place: usize) -> Vec<Attachment> {
        self.placed.iter().filter(|(at, _)| *at == place).map(|(_, file)| file.into()).collect()
    }

    /// Writes them, where the first thing said has that number.
    pub(in crate::conversations) fn send(
        &self,
        unit: &Unit<'_>,
        conversation: Id<Conversation>,
        first: i64,
    ) -> Result<(), platform::db::DbError> {
        for (place, file) in &self.placed {
            let seq = first + i64::try_from(*place).unwrap_or(i64::MAX);
            store::insert_attachment(unit, conversation, file)?;
            store::send_attachment(unit, conversation, file.id, seq)?;
        }
        Ok(())
    }
}

/// The turn writes them itself, where it knows the numbers of its messages.
impl Draft for Outgoing {
    fn write(&self, _: &Unit<'_>, _: Timestamp) -> Result<(), NotWritten> {
        Ok(())
    }
}
