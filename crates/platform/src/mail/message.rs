//! A rendered mail, and the message that is made of it.

use chrono::{DateTime, Utc};
use lettre::{
    Message,
    message::{Mailbox, MultiPart, header},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a mail says, as it is sealed.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Letter {
    pub(super) to: String,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

/// A mail that can't be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unsendable {
    #[error("the address can't be used: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("the message can't be made: {0}")]
    Message(#[from] lettre::error::Error),
}

/// RFC 3834: no machine shall answer it.
#[derive(Clone)]
struct AutoSubmitted;

impl header::Header for AutoSubmitted {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Letter {
    /// The message. Its id is the mail's, so that one that is sent twice is known to be the same.
    pub(super) fn message(
        self,
        from: &Mailbox,
        id: Uuid,
        written: DateTime<Utc>,
    ) -> Result<Message, Unsendable> {
        let domain = from.email.domain();
        let message = Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, self.to.parse()?))
            .subject(self.subject)
            .date(written.into())
            .message_id(Some(format!("<{}@{domain}>", id.simple())))
            .header(AutoSubmitted)
            .multipart(MultiPart::alternative_plain_html(self.text, self.html))?;
        Ok(message)
    }
}
