//! Files that people send: uploaded first, sent with a message, given to the script that waits for one.
//!
//! What nobody sends is removed after a day; what was sent goes with its conversation.

pub(crate) mod kind;
pub(crate) mod name;
mod outgoing;
mod sweep;

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use basic::{Data, File};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use gateway::{Part, Upload};
use kernel::{
    Actor, Error, Id, Kind, Revision,
    id::{
        AttachmentId, ConversationId,
        kind::{Attachment as AttachmentKind, Conversation as ConversationKind},
    },
};
use platform::{
    db::{Json, Unit},
    objects::Content,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    ConversationError, Conversations,
    access::manageable,
    store::{self, AttachmentRow, ENDED},
};
pub(crate) use outgoing::Outgoing;
pub(super) use sweep::with_jobs;

/// Bytes by which the type of a file is known.
pub(crate) const HEAD: usize = 8 << 10;
/// Files of one message.
pub(super) const MOST: usize = 10;

/// A file in a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// The file.
    pub attachment_id: AttachmentId,
    /// Its name, without what a file system would take specially.
    #[schema(example = "menu.pdf")]
    pub name: String,
    /// What it is, by its content.
    #[schema(example = "application/pdf")]
    pub mime_type: String,
    /// Its bytes.
    #[schema(example = 48_213)]
    pub size: u64,
}

/// A file that waits to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Uploaded {
    /// The conversation in which it can be sent.
    pub conversation_id: ConversationId,
    /// The file.
    #[serde(flatten)]
    pub attachment: Attachment,
}

impl From<&AttachmentRow> for Attachment {
    fn from(row: &AttachmentRow) -> Self {
        Self {
            attachment_id: row.id,
            name: row.name.clone(),
            mime_type: row.mime_type.clone(),
            size: row.size.unsigned_abs(),
        }
    }
}

impl Attachment {
    /// As a script gets it.
    pub(super) fn for_script(&self) -> basic::Attachment {
        let text = |value: &str| Data::Text(value.to_owned());
        // The language goes by the name where a channel does not know the type; here the content was looked at, and
        // a name proves nothing.
        let mime_type =
            if self.mime_type == kind::UNKNOWN { "application/x-unknown" } else { &self.mime_type };
        let fields = [
            ("id", text(&self.attachment_id.to_string())),
            ("filename", text(&self.name)),
            ("name", text(&self.name)),
            ("mime_type", text(mime_type)),
            ("size", Data::Integer(i64::try_from(self.size).unwrap_or(i64::MAX))),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value)).into();
        basic::Attachment { file: File { fields }, text: None }
    }

    /// What a message is that says nothing and sends this.
    pub(super) fn content_type(&self) -> &'static str {
        match self.mime_type.split('/').next() {
            Some("image") => "image",
            Some("audio") => "audio",
            _ => "file",
        }
    }
}

impl Conversations {
    /// Keeps a file that is to be sent in the conversation.
    pub(super) async fn upload(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        mut upload: Upload,
    ) -> Result<Uploaded, ConversationError> {
        let asks = who.clone();
        let row = self.db.read(who.org, move |tx| manageable(tx, &asks, id)).await?;
        if row.status == ENDED {
            return Err(ConversationError::Ended);
        }
        let limit = self.settings.get().attachment_bytes;
        // The form has a little more than its file.
        upload.limit = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(64 << 10);
        let (name, content) = file_part(upload).await?;
        let head: Arc<Mutex<Vec<u8>>> = Arc::default();
        let seen = Arc::clone(&head);
        let content = content.inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                let mut head = seen.lock().unwrap_or_else(PoisonError::into_inner);
                let wanted = HEAD.saturating_sub(head.len()).min(chunk.len());
                head.extend_from_slice(&chunk[..wanted]);
            }
        });
        let stored = self.objects.put(content, limit).await.map_err(Error::from)?;
        if stored.size == 0 {
            return Err(Error::invalid("file", "must not be empty").into());
        }
        let name = name::cleaned(&name);
        let mime_type = {
            let head = head.lock().unwrap_or_else(PoisonError::into_inner);
            kind::of(&head, &name)
        };
        let now = self.surroundings.now();
        let row = AttachmentRow {
            id: self.surroundings.id_at(now),
            user_id: who.user,
            name,
            mime_type: mime_type.to_owned(),
            size: i64::try_from(stored.size).unwrap_or(i64::MAX),
            hash: stored.hash,
            created_at: now,
        };
        let attachment = Attachment::from(&row);
        self.db
            .write(who.org, move |unit| {
                // It may have been deleted while the file arrived.
                store::lock(unit, id)?;
                manageable(unit, &who, id)?;
                store::insert_attachment(unit, id, &row)?;
                Ok::<_, ConversationError>(())
            })
            .await?;
        Ok(Uploaded { conversation_id: id, attachment })
    }
}

/// A file that is read: what it is, and its content.
pub(super) struct OpenAttachment {
    pub(super) row: AttachmentRow,
    pub(super) content: Content,
    pub(super) part: Option<Range<u64>>,
}

impl Conversations {
    /// Opens a file that was sent or uploaded in a conversation that the caller may read.
    pub(super) async fn open_attachment(
        &self,
        who: Actor,
        id: Id<ConversationKind>,
        attachment: Id<AttachmentKind>,
        part: &Part,
    ) -> Result<OpenAttachment, ConversationError> {
        let asks = who.clone();
        let found = self.db.read(who.org, move |tx| {
            let conversation = super::access::readable(tx, &asks, id)?;
            Ok::<_, ConversationError>((conversation, store::attachment(tx, id, attachment)?))
        });
        let (conversation, row) = found.await?;
        let row = row.ok_or_else(|| Error::not_found("attachment"))?;
        self.note_reading(&who, &conversation).await?;
        let part = part.within(row.size.unsigned_abs(), Revision(1));
        let content = self.objects.content(&row.hash, part.clone()).await?;
        Ok(OpenAttachment { row, content, part })
    }
}

/// Sends what was uploaded with the message at that place. [`ConversationError::Busy`] if another message was faster;
/// it may have been this very one, on another node.
pub(super) fn send(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    seq: i64,
    attachments: &[Attachment],
) -> Result<(), ConversationError> {
    for attachment in attachments {
        let id: Id<AttachmentKind> = attachment.attachment_id;
        if !store::send_attachment(unit, conversation, id, seq)? {
            return Err(ConversationError::Busy);
        }
    }
    Ok(())
}

/// As they are kept with their message.
pub(super) fn kept(attachments: &[Attachment]) -> Option<Json> {
    (!attachments.is_empty()).then(|| Json::of(&attachments))
}

/// The part of a form that holds the file, with its name.
async fn file_part(
    upload: Upload,
) -> Result<(String, impl Stream<Item = Result<Bytes, Error>> + Send), ConversationError> {
    let kind = upload.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let Some(boundary) = kind.and_then(|kind| multer::parse_boundary(kind).ok()) else {
        let message = "A file is sent as the part \"file\" of multipart/form-data.";
        return Err(Error::new(Kind::UnsupportedMediaType, message).into());
    };
    let mut form = multer::Multipart::new(upload.stream(), boundary);
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        if field.name() == Some("file") {
            let name = field.file_name().unwrap_or_default().to_owned();
            return Ok((name, field.map(|chunk| chunk.map_err(unreadable))));
        }
    }
    Err(Error::bad_request("The form has no part named \"file\".").into())
}

fn unreadable(cause: multer::Error) -> Error {
    match cause {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<Error>() {
            Ok(error) => *error,
            Err(cause) => Error::bad_request("The form can't be read.").caused_by(cause),
        },
        other => Error::bad_request("The form can't be read.").caused_by(other),
    }
}
