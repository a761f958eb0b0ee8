//! What can go wrong in conversations.

use kernel::{Error, Kind};
use platform::db::DbError;

use crate::bots::BotError;

/// What can go wrong in conversations.
#[derive(Debug, thiserror::Error)]
pub enum ConversationError {
    /// There is none, or it is not the caller's.
    #[error("There is no such conversation.")]
    NotFound,
    /// The caller has none that goes on.
    #[error("You have no conversation that goes on. Start one.")]
    NoneCurrent,
    /// There is no such message in it.
    #[error("There is no such message in this conversation.")]
    MessageNotFound,
    /// The bot is not active.
    #[error("The bot does not answer right now.")]
    BotInactive,
    /// Too many messages wait already.
    #[error("Too many messages of this conversation wait for their turn.")]
    TurnInProgress,
    /// It was ended.
    #[error("The conversation has ended. Start another one.")]
    Ended,
    /// Somebody of the staff has taken the bot's place.
    #[error("Somebody of the staff has taken over. They let the bot go on.")]
    StaffActive,
    /// The content is empty.
    #[error("A message needs some text.")]
    Empty,
    /// The content is too long.
    #[error("A message has at most {0} bytes.")]
    TooLong(usize),
    /// It is for the conversation's person alone to do.
    #[error("Only the person who holds the conversation can do this.")]
    PersonOnly,
    /// Only what a bot or the staff said can be judged.
    #[error("Only what the bot or the staff said can be judged.")]
    OwnMessage,
    /// A file can't be sent: it is not there, was sent, or is somebody else's.
    #[error("A file that the message sends was not uploaded here, or was sent before.")]
    AttachmentNotFound,
    /// A stream can't be given again.
    #[error(
        "An answer that is streamed can't be given again. Use client_message_id instead of an Idempotency-Key."
    )]
    NotRepeatable,
    /// A script asks for it that runs in this conversation, or was asked for by one that does.
    #[error("A script can't do this to the conversation that it runs in.")]
    OwnScript,
    /// Other nodes were faster, again and again.
    #[error("The conversation is busy. Try again.")]
    Busy,
    /// About the bot.
    #[error(transparent)]
    Bot(#[from] BotError),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for ConversationError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<ConversationError> for Error {
    fn from(error: ConversationError) -> Self {
        use ConversationError as E;
        let message = error.to_string();
        match error {
            E::NotFound | E::MessageNotFound | E::NoneCurrent => Self::new(Kind::NotFound, message),
            E::BotInactive => Self::conflict(message, "bot_inactive"),
            E::TurnInProgress => Self::conflict(message, "turn_in_progress"),
            E::Ended => Self::conflict(message, "conversation_ended"),
            E::StaffActive => Self::conflict(message, "staff_active"),
            E::Empty => Self::invalid("content", "must not be empty").reason("invalid_message"),
            E::TooLong(limit) => Self::invalid("content", format!("must have at most {limit} bytes"))
                .reason("message_too_long"),
            E::PersonOnly => Self::new(Kind::Forbidden, message).reason("person_only"),
            E::OwnMessage => Self::conflict(message, "own_message"),
            E::AttachmentNotFound => Self::invalid(
                "attachments",
                "must name files that you uploaded in this conversation, and that were not sent yet",
            )
            .reason("attachment_not_found"),
            E::NotRepeatable => Self::conflict(message, "stream_not_repeatable"),
            E::OwnScript => Self::conflict(message, "own_script"),
            E::Busy => Self::unavailable("conversations", message),
            E::Bot(error) => error.into(),
            E::Other(error) => error,
        }
    }
}
