//! All conversations with a bot that is being deleted, with the files that were sent in them, as a zip.

use std::{future::ready, io};

use bytes::Bytes;
use futures_util::{
    Stream, StreamExt, TryStreamExt,
    stream::{self, BoxStream},
};
use kernel::{
    Error, Id,
    id::kind::{Bot, Conversation as ConversationKind},
};
use platform::{
    db::{Db, DbError},
    jobs::{JobContext, JobError},
    objects::Objects,
};

use super::{Format, written};
use crate::{
    conversations::store::{self, AttachmentRow},
    zipping::{Piece, zipped},
};

/// Conversations or attachments that are looked at in one unit of work.
const AT_ONCE: usize = 100;

/// Whatever takes the conversations of a bot along.
#[derive(Clone)]
pub(crate) struct OfBot {
    pub(crate) job: JobContext,
    pub(crate) db: Db,
    pub(crate) objects: Objects,
}

type Pieces = BoxStream<'static, io::Result<Piece>>;

impl OfBot {
    /// How many conversations there are, and their zip. Memory holds the id of each, and what stands of it in the
    /// directory of the zip.
    pub(crate) async fn zip(
        self,
        bot: Id<Bot>,
    ) -> Result<(i64, impl Stream<Item = io::Result<Bytes>> + Send), JobError> {
        let ids: Result<Vec<_>, DbError> =
            self.db.read(self.job.org(), move |tx| store::ids_of_bot(tx, bot)).await;
        let ids: Vec<_> = ids?.into_iter().map(|(id,)| id).collect();
        let count = i64::try_from(ids.len()).unwrap_or(i64::MAX);
        let mut ids = ids.into_iter();
        let some = std::iter::from_fn(move || {
            let some: Vec<_> = ids.by_ref().take(AT_ONCE).collect();
            (!some.is_empty()).then_some(some)
        });
        let overtakes = self.clone();
        let pieces = stream::iter(some)
            .then(move |some| overtakes.clone().overtake(some))
            .map_ok(|some| stream::iter(some.into_iter().map(Ok)))
            .try_flatten()
            .and_then(move |id| self.clone().conversation(id))
            .try_flatten();
        Ok((count, zipped(pieces)))
    }

    /// A turn that is under way has written before this, or begins again and finds that the bot is off.
    async fn overtake(self, some: Vec<Id<ConversationKind>>) -> io::Result<Vec<Id<ConversationKind>>> {
        self.job.check().map_err(io::Error::other)?;
        let overtaken = some.clone();
        let written = self.job.write(move |unit| {
            for id in overtaken {
                store::overtake(unit, id)?;
            }
            Ok(())
        });
        written.await.map_err(io::Error::other)?;
        Ok(some)
    }

    /// A conversation and its files; nothing if somebody has deleted it.
    async fn conversation(self, id: Id<ConversationKind>) -> io::Result<Pieces> {
        let org = self.job.org();
        let row: Result<_, DbError> = self.db.read(org, move |tx| store::get(tx, id)).await;
        let Some(row) = row.map_err(io::Error::other)? else { return Ok(stream::empty().boxed()) };
        let name = Piece::File(format!("conversations/{id}.json"));
        let said = written(self.db.clone(), org, row, Format::Json)
            .map_ok(Piece::Content)
            .map_err(|error| io::Error::other(Error::from(error)));
        Ok(stream::once(ready(Ok(name))).chain(said).chain(self.files(id)).boxed())
    }

    /// The files that were sent in a conversation.
    fn files(self, id: Id<ConversationKind>) -> Pieces {
        let (org, db) = (self.job.org(), self.db.clone());
        let pages = stream::try_unfold(None, move |after: Option<AttachmentRow>| {
            let (db, after) = (db.clone(), after.map(|last| last.id));
            async move {
                let most = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
                let some: Result<Vec<AttachmentRow>, DbError> =
                    db.read(org, move |tx| store::sent_attachments(tx, id, after, most)).await;
                let some = some.map_err(io::Error::other)?;
                let last = some.last().cloned();
                Ok::<_, io::Error>(last.map(|last| (some, Some(last))))
            }
        });
        pages
            .map_ok(|some| stream::iter(some.into_iter().map(Ok)))
            .try_flatten()
            .and_then(move |file| self.clone().file(id, file))
            .try_flatten()
            .boxed()
    }

    async fn file(self, of: Id<ConversationKind>, file: AttachmentRow) -> io::Result<Pieces> {
        let content = self.objects.open(&file.hash).await.map_err(io::Error::other)?;
        let Some(content) = content else {
            // The rest is worth taking along, and the bot is to go.
            tracing::error!(attachment = %file.id, "the content of an attachment is gone");
            return Ok(stream::empty().boxed());
        };
        let name = Piece::File(format!("conversations/{of}/{}/{}", file.id, file.name));
        Ok(stream::once(ready(Ok(name))).chain(content.stream().map_ok(Piece::Content)).boxed())
    }
}
