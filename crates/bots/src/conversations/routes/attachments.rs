//! Files of a conversation over HTTP.

use gateway::{Caller, Download, Envelope, IfNoneMatch, Part, Path, Reply, Result, State, Upload};
use kernel::{
    Revision,
    id::{AttachmentId, ConversationId},
};
use utoipa::ToSchema;

use crate::conversations::{Conversations, attachments::Uploaded};

/// A file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary, example = "%PDF-1.7…")]
#[allow(dead_code, reason = "it is read as it arrives")]
struct FileContent(Vec<u8>);

/// A form with a file.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it is read as it arrives")]
struct AttachmentForm {
    /// The file.
    file: FileContent,
}

/// Upload a file to send.
///
/// As the part `file` of a form, at most 25 MiB. What it is, is told by its content. A message sends it by its id; what
/// is not sent within a day is removed.
#[utoipa::path(
    post,
    path = "/conversations/{conversation_id}/attachments",
    params(("conversation_id" = ConversationId, Path)),
    request_body(content((AttachmentForm = "multipart/form-data"))),
    responses(
        (status = 201, body = Envelope<Uploaded>),
        (status = 409, description = "`conversation_ended`: it has ended"),
        (status = 413, description = "The file is too large"),
    ),
)]
pub(crate) async fn upload(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path(id): Path<ConversationId>,
    upload: Upload,
) -> Result<Reply<Uploaded>> {
    let uploaded = conversations.upload(who, id, upload).await?;
    Ok(Reply::created(format!("/conversations/{id}"), uploaded))
}

/// One file of a conversation.
///
/// Its bytes, all of them or the part that `Range` asks for: what people sent, and what the bot sent them.
#[utoipa::path(
    get,
    path = "/conversations/{conversation_id}/attachments/{attachment_id}",
    params(("conversation_id" = ConversationId, Path), ("attachment_id" = AttachmentId, Path), IfNoneMatch),
    responses(
        (status = 200, body = FileContent, content_type = "application/octet-stream"),
        (status = 206, description = "The part that was asked for.", body = FileContent,
            content_type = "application/octet-stream"),
        (status = 404, description = "There is no such file in the conversation, or no such conversation for the caller."),
    ),
)]
pub(crate) async fn attachment(
    State(conversations): State<Conversations>,
    Caller(who): Caller,
    Path((id, attachment)): Path<(ConversationId, AttachmentId)>,
    part: Part,
) -> Result<Download> {
    let open = conversations.open_attachment(who, id, attachment, &part).await?;
    // The same bytes for as long as it is there.
    let (size, revision) = (open.row.size.unsigned_abs(), Revision(1));
    // No browser takes it for a page of ours, whatever somebody sent.
    let kind = "application/octet-stream";
    Ok(Download::new(open.row.name, kind, revision, open.content.stream()).sized(size, open.part))
}
