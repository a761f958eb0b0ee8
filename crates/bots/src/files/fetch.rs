//! Files that come from elsewhere or go elsewhere: DOWNLOAD, UPLOAD, SEND FILE.

use basic::{Answer, Command, Data, ErrorCode, commands::Target};
use bytes::Bytes;
use gateway::{
    Module,
    command::{Performed, Run, Unperformed},
};
use kernel::{
    Error, Id,
    id::kind::{Attachment, User},
};
use platform::objects::Stored;
use url::Url;

use super::{Files, draft::Cabinet, drive::Found};
use crate::{
    conversations::{
        self, AttachmentRow,
        attachments::{HEAD, Outgoing, kind, name::cleaned},
    },
    memory::keywords::text,
};

/// Bytes of what is said with a file.
const CAPTION: usize = 32 << 10;

/// The commands.
pub(super) fn with_commands(module: Module, files: &Files) -> Module {
    module
        .command("DOWNLOAD", perform!(files, download))
        .command("UPLOAD", perform!(files, upload))
        .command_where("SEND FILE", |command| command.clause("TO").is_none(), perform!(files, send))
        .command_where("SEND FILE", |command| command.clause("TO").is_some(), perform!(files, send_to))
        .command("SEND FILE TO", perform!(files, send_to))
}

/// A file that a script has at hand, wherever it is kept.
struct AtHand {
    name: String,
    stored: Stored,
}

impl From<Found> for AtHand {
    fn from(found: Found) -> Self {
        Self { name: found.name().to_owned(), stored: found.stored }
    }
}

impl Files {
    /// What an argument means: a file of the conversation or of the drive, a path of the drive, or an address.
    async fn at_hand(&self, run: &Run, argument: Option<&Data>) -> Result<AtHand, Unperformed> {
        let named = argument.map(ToString::to_string).unwrap_or_default();
        match argument {
            Some(Data::File(file)) => match (file.get("id"), file.get("path")) {
                (Some(id), _) => self.of_conversation(run, &id.to_string()).await,
                (None, Some(path)) => Ok(self.of_drive(run, &path.to_string()).await?.into()),
                (None, None) => Err(Unperformed::argument("the file has neither a path nor an id")),
            },
            _ if is_address(&named) => self.fetched(run, &named).await,
            _ => Ok(self.of_drive(run, &named).await?.into()),
        }
    }

    /// A file that somebody sent in the conversation.
    async fn of_conversation(&self, run: &Run, id: &str) -> Result<AtHand, Unperformed> {
        let no_such = || Unperformed::failed(ErrorCode::NotFound, "the conversation has no such file");
        let id: Id<Attachment> = id.parse().map_err(|_| no_such())?;
        let conversation = run.conversation;
        let row = self.db.read(run.org, move |tx| conversations::attachment(tx, conversation, id)).await?;
        let AttachmentRow { name, hash, size, .. } = row.ok_or_else(no_such)?;
        Ok(AtHand { name, stored: Stored { hash, size: size.unsigned_abs() } })
    }

    async fn fetched(&self, run: &Run, address: &str) -> Result<AtHand, Unperformed> {
        let url: Url =
            address.parse().map_err(|_| Unperformed::argument(format!("{address} is no address")))?;
        let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
        let name = percent_encoding::percent_decode_str(last).decode_utf8_lossy().into_owned();
        let content = self.requests.fetch(run, url).await?;
        run.drafts.with(|cabinet: &mut Cabinet| cabinet.charge(content.len()))?;
        let stored = self.packages.keep(content).await?;
        Ok(AtHand { name: cleaned(&name), stored })
    }

    async fn download(&self, run: &Run, command: &Command) -> Performed {
        let fetched = self.fetched(run, &text(command, 0)).await?;
        self.keep_as(run, command.arguments.get(1), fetched).await
    }

    async fn upload(&self, run: &Run, command: &Command) -> Performed {
        let file = self.at_hand(run, command.arguments.first()).await?;
        self.keep_as(run, command.arguments.get(1), file).await
    }

    /// Puts a file into the drive, under the path that is given, or its own name.
    async fn keep_as(&self, run: &Run, path: Option<&Data>, file: AtHand) -> Performed {
        let name = path.map(ToString::to_string).filter(|path| !path.is_empty()).unwrap_or(file.name);
        let found = self.put(run, &name, file.stored).await?;
        Ok(Answer::Value(self.handle(run, &found).await?))
    }

    /// Sends a file to the conversation, with the turn.
    async fn send(&self, run: &Run, command: &Command) -> Performed {
        if !run.heard {
            let message = "there is no conversation here that a file could be sent to";
            return Err(Unperformed::failed(ErrorCode::Denied, message));
        }
        let (row, caption) = self.outgoing(run, command.arguments.as_slice(), run.user).await?;
        if !run.drafts.with(|sent: &mut Outgoing| sent.add(row, caption)) {
            return Err(Unperformed::failed(ErrorCode::Limit, "a turn sends at most 10 files"));
        }
        Ok(Answer::Done)
    }

    /// Sends a file to somebody else, with the turn. Who stands behind TO, or first.
    async fn send_to(&self, run: &Run, command: &Command) -> Performed {
        let (to, what) = match command.clause_value("TO") {
            Some(to) => (Some(to), command.arguments.as_slice()),
            None => (command.arguments.first(), command.arguments.get(1..).unwrap_or_default()),
        };
        let user = self.messenger.addressee(run, &to.map(ToString::to_string).unwrap_or_default()).await?;
        let (row, caption) = self.outgoing(run, what, user).await?;
        self.messenger.post(run, user, caption, Some(&row))?;
        Ok(Answer::Done)
    }

    /// A file that is sent as an attachment of that person's conversation, and what is said with it.
    async fn outgoing(
        &self,
        run: &Run,
        what: &[Data],
        of: Id<User>,
    ) -> Result<(AttachmentRow, String), Unperformed> {
        let file = self.at_hand(run, what.first()).await?;
        let caption = what.get(1).map(ToString::to_string).unwrap_or_default();
        if caption.len() > CAPTION {
            return Err(Unperformed::argument(format!("a caption has at most {CAPTION} bytes")));
        }
        let (size, most) = (file.stored.size, self.settings.get().attachment_bytes);
        if size == 0 || size > most {
            let message = format!("a file that is sent has 1 to {most} bytes, and {} has {size}", file.name);
            return Err(Unperformed::failed(ErrorCode::Limit, message));
        }
        let head: Bytes = self.packages.head(&file.stored, HEAD).await?;
        let name = cleaned(&file.name);
        let row = AttachmentRow {
            id: self.surroundings.id_at(run.now),
            user_id: of,
            mime_type: kind::of(&head, &name).to_owned(),
            name,
            size: i64::try_from(size).map_err(Error::internal)?,
            hash: file.stored.hash,
            created_at: run.now,
        };
        Ok((row, caption))
    }
}

fn is_address(text: &str) -> bool {
    matches!(Target::of(text), Target::Address(_))
}
