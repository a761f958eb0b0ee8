//! Single files of a package. Each change of one makes another state of the whole.

use std::ops::Range;

use bytes::Bytes;
use futures_util::StreamExt;
use gateway::{Part, Upload};
use kernel::{
    Actor, Expected, Revision,
    list::{Cursor, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use platform::{
    audit::{Audit, Category},
    objects::{Content, Stored},
};

use super::{
    FileEntry, PackageError, Packages, SavedFile, ScriptEntry,
    archive::{hide, text_of},
    install::Wanted,
    layout::{self, Role},
    state::{State, reports_of},
};
use crate::{bots::store::BotRow, config::known::Secrets};

/// The list of a package's files.
pub(super) enum FileList {}

impl Listed for FileList {
    const SPEC: ListSpec = ListSpec { sorts: &[SortField::asc("path")], filters: &[], search: Some("paths") };
}

impl State {
    /// A version keeps its files in one document, which has a limit; the page is cut from all of them.
    pub(super) fn page_of_files(&self, request: &ListRequest) -> Page<FileEntry> {
        let is_found = request.finder();
        let files = self.files.values().filter(|file| is_found(&file.path));
        let placed = files.map(|file| {
            let value = SortValue::Text(file.path.clone());
            (Cursor { value, id: [0; 16], skip: 0 }, file.clone())
        });
        request.cut(placed.collect())
    }
}

/// A file that is read: what it is, its content, and which part of it that is.
pub(super) struct OpenFile {
    pub(super) file: FileEntry,
    pub(super) content: Content,
    pub(super) part: Option<Range<u64>>,
}

/// A file that is to be saved.
struct NewFile {
    path: String,
    stored: Stored,
    text: Option<String>,
    secrets: Secrets,
}

/// The path of a file as a request names it.
fn wanted_path(path: &str) -> Result<String, PackageError> {
    let safe = layout::safe_path(path)?;
    safe.ok_or_else(|| PackageError::UnsafePath(path.to_owned()))
}

impl Packages {
    /// Opens a file of the present state.
    pub(super) async fn open_file(
        &self,
        who: &Actor,
        named: &str,
        path: &str,
        part: &Part,
    ) -> Result<OpenFile, PackageError> {
        let (_, state) = self.bot_and_state(who, named).await?;
        self.open_part(state.file(path)?, part).await
    }

    /// Opens a file, or the part of it that is asked for.
    pub(super) async fn open_part(&self, file: &FileEntry, part: &Part) -> Result<OpenFile, PackageError> {
        let file = file.clone();
        let part = part.within(file.size, file.revision()?);
        let content = self.objects.content(&file.hash()?, part.clone()).await?;
        Ok(OpenFile { file, content, part })
    }

    /// Saves a file of any kind. True if it is new.
    pub(super) async fn put_file(
        &self,
        who: Actor,
        named: &str,
        path: &str,
        expected: &Expected,
        upload: Upload,
    ) -> Result<(SavedFile, bool), PackageError> {
        let path = wanted_path(path)?;
        let (bot, old) = self.bot_and_state(&who, named).await?;
        let present = old.files.get(&path);
        // A file that isn't there yet has a revision that no tag of ours names.
        expected.check(present.map_or(Ok(Revision(0)), FileEntry::revision)?)?;
        let is_new = present.is_none();
        let new = self.receive(path.clone(), upload).await?;
        let audit = Audit::by(&who, "bot_file_saved", Category::DataModification).detail("path", &path);
        let saved = self.save_file(&who, &bot, &old, new, audit).await?;
        Ok((saved, is_new))
    }

    /// Keeps what arrives; as text where it is to be read as text.
    async fn receive(&self, path: String, mut upload: Upload) -> Result<NewFile, PackageError> {
        let settings = self.settings.snapshot();
        if !layout::role(&path).is_text() {
            upload.limit = usize::try_from(settings.package_bytes).unwrap_or(usize::MAX);
            let stored = self.objects.put(upload.stream(), settings.package_bytes).await?;
            return Ok(NewFile { path, stored, text: None, secrets: Secrets::default() });
        }
        let limit = settings.script_bytes;
        upload.limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut bytes = Vec::new();
        let mut content = std::pin::pin!(upload.stream());
        while let Some(chunk) = content.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        let (text, secrets) = match (text_of(&path, bytes)?, layout::role(&path)) {
            (text, Role::Settings) => hide(&path, &text)?,
            (text, _) => (text, Secrets::default()),
        };
        let stored = self.objects.put_bytes(Bytes::from(text.clone())).await?;
        Ok(NewFile { path, stored, text: Some(text), secrets })
    }

    async fn save_file(
        &self,
        who: &Actor,
        bot: &BotRow,
        old: &State,
        new: NewFile,
        audit: Audit,
    ) -> Result<SavedFile, PackageError> {
        let path = new.path;
        let mut wanted = Wanted::file(path.clone(), new.stored, new.text).over(old);
        wanted.secrets.insert(path.clone(), new.secrets);
        let change = self.prepare(who.org, bot.id, old, wanted).await?;
        let file = change.state.file(&path)?.clone();
        let diagnostics = change.state.scripts.get(&path).map(reports_of).unwrap_or_default();
        let mut warnings = change.warnings.clone();
        if layout::role(&path) == Role::Unknown {
            warnings.push(layout::nobody_reads(&path));
        }
        let version = self.write(who.org, bot, change, Some(who.user), audit).await?;
        Ok(SavedFile { file, diagnostics, warnings, version })
    }

    /// Removes a file.
    pub(super) async fn delete_file(
        &self,
        who: Actor,
        named: &str,
        path: &str,
        expected: &Expected,
    ) -> Result<(), PackageError> {
        let (bot, old) = self.bot_and_state(&who, named).await?;
        let audit = Audit::by(&who, "bot_file_deleted", Category::DataModification).detail("path", path);
        self.remove(&who, &bot, &old, path, expected, audit).await
    }

    async fn remove(
        &self,
        who: &Actor,
        bot: &BotRow,
        old: &State,
        path: &str,
        expected: &Expected,
        audit: Audit,
    ) -> Result<(), PackageError> {
        expected.check(old.file(path)?.revision()?)?;
        let mut wanted = Wanted::default().over(old);
        wanted.files.remove(path);
        let change = self.prepare(who.org, bot.id, old, wanted).await?;
        self.write(who.org, bot, change, Some(who.user), audit).await?;
        Ok(())
    }

    /// Saves one script and gives it as it stands now.
    pub(crate) async fn save_script(
        &self,
        who: Actor,
        named: &str,
        name: &str,
        expected: &Expected,
        source: String,
    ) -> Result<(ScriptEntry, FileEntry), PackageError> {
        let limit = self.settings.get().script_bytes;
        if source.len() as u64 > limit {
            return Err(PackageError::TooLarge(format!("{limit} bytes for a script")));
        }
        let (bot, old) = self.bot_and_state(&who, named).await?;
        let known = old.script(name);
        let present = known.and_then(|script| old.files.get(&script.path));
        // A script that isn't there yet has a revision that no tag of ours names.
        expected.check(present.map_or(Ok(Revision(0)), FileEntry::revision)?)?;
        let path = match known {
            Some(script) => script.path.clone(),
            None => wanted_path(&format!("{}.gbdialog/{name}.bas", bot.slug))?,
        };
        let stored = self.objects.put_bytes(Bytes::from(source.clone())).await?;
        let wanted = Wanted::file(path.clone(), stored, Some(source)).over(&old);
        let change = self.prepare(who.org, bot.id, &old, wanted).await?;
        let file = change.state.file(&path)?.clone();
        let script = change.state.scripts.get(&path).cloned().ok_or(PackageError::ScriptNotFound)?;
        let audit = Audit::by(&who, "bot_script_saved", Category::DataModification).detail("script", name);
        self.write(who.org, &bot, change, Some(who.user), audit).await?;
        Ok((script, file))
    }

    /// Removes one script.
    pub(crate) async fn delete_script(
        &self,
        who: Actor,
        named: &str,
        name: &str,
        expected: &Expected,
    ) -> Result<(), PackageError> {
        let (bot, old) = self.bot_and_state(&who, named).await?;
        let path = old.script(name).ok_or(PackageError::ScriptNotFound)?.path.clone();
        let audit = Audit::by(&who, "bot_script_deleted", Category::DataModification).detail("script", name);
        self.remove(&who, &bot, &old, &path, expected, audit).await
    }
}
