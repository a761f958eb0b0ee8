//! What a package holds, and why one is refused.

use basic::{Diagnostic, Severity, tools::ToolSpec};
use kernel::{Error, Kind, Revision};
use platform::{
    db::DbError,
    objects::{ObjectError, ObjectHash, Stored},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bots::BotError;

/// A file of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileEntry {
    /// Where it is in the package, parted by slashes.
    #[schema(example = "booking.gbdialog/start.bas")]
    pub path: String,
    /// The SHA-256 of its content.
    #[schema(
        pattern = "^[0-9a-f]{64}$",
        example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    )]
    pub checksum: String,
    /// Its bytes.
    pub size: u64,
}

impl FileEntry {
    pub(crate) fn of(path: String, stored: &Stored) -> Self {
        Self { path, checksum: stored.hash.to_string(), size: stored.size }
    }

    pub(crate) fn hash(&self) -> Result<ObjectHash, PackageError> {
        self.checksum.parse().map_err(|cause| PackageError::Other(Error::internal(cause)))
    }

    /// A file changes with its content.
    pub(crate) fn revision(&self) -> Result<Revision, PackageError> {
        Ok(Revision::of_hash(&self.hash()?.0))
    }
}

/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScriptKind {
    /// Runs when a conversation begins.
    Start,
    /// Runs when another script calls it.
    Dialog,
    /// A model may call it.
    Tool,
    /// Runs by the clock.
    Scheduled,
    /// Runs when its address is called.
    Webhook,
    /// Runs when something happens.
    Handler,
}

impl ScriptKind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Dialog => "dialog",
            Self::Tool => "tool",
            Self::Scheduled => "scheduled",
            Self::Webhook => "webhook",
            Self::Handler => "handler",
        }
    }
}

/// In which state a script is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScriptStatus {
    /// It runs.
    Compiled,
    /// It has errors; the last good one goes on running, if there was one.
    Error,
}

impl ScriptStatus {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Compiled => "compiled",
            Self::Error => "error",
        }
    }
}

/// Something to say of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ScriptReport {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// `error` or `warning`.
    #[schema(pattern = "^(error|warning)$", example = "error")]
    pub severity: String,
    /// Such as `B012`.
    #[schema(example = "B012")]
    pub code: String,
    /// What is wrong.
    #[schema(example = "END IF is missing")]
    pub message: String,
    /// What may help.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(example = "the IF of line 3 is still open")]
    pub hint: Option<String>,
}

impl From<&Diagnostic> for ScriptReport {
    fn from(diagnostic: &Diagnostic) -> Self {
        Self {
            line: diagnostic.line,
            column: diagnostic.column,
            severity: diagnostic.severity.as_str().to_owned(),
            code: diagnostic.code.to_owned(),
            message: diagnostic.message.clone(),
            hint: diagnostic.hint.clone(),
        }
    }
}

impl ScriptReport {
    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error.as_str()
    }
}

/// A script of a package, as a version keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScriptEntry {
    /// The file's name without `.bas`; with its folder where another script has the same.
    pub name: String,
    /// Where it is in the package.
    pub path: String,
    /// What it is for.
    pub kind: ScriptKind,
    /// Its state.
    pub status: ScriptStatus,
    /// What is to be said of it.
    pub diagnostics: Vec<ScriptReport>,
    /// The hash of the program that runs, in hexadecimal: the last good one. None if there never was one.
    pub program: Option<String>,
    /// What a model is told of that program, if it may call it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tool: Option<ToolSpec>,
    /// When that program says that it runs, in canonical cron form.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub schedules: Vec<String>,
    /// The hooks that it answers, as it names them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub webhooks: Vec<String>,
}

/// What an installation changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Installed {
    /// New files.
    #[schema(example = json!(["booking.gbdialog/start.bas"]))]
    pub added: Vec<String>,
    /// Files with another content.
    #[schema(example = json!(["booking.gbot/config.csv"]))]
    pub changed: Vec<String>,
    /// Files that are gone.
    #[schema(example = json!([]))]
    pub removed: Vec<String>,
}

/// What is to be said of one script of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FileReport {
    /// The script's file.
    #[schema(example = "booking.gbdialog/start.bas")]
    pub file: String,
    /// What is to be said.
    #[serde(flatten)]
    pub report: ScriptReport,
}

impl std::fmt::Display for FileReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, report } = self;
        write!(
            f,
            "{file}:{}:{}: {}[{}]: {}",
            report.line, report.column, report.severity, report.code, report.message
        )
    }
}

/// What came of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Installation {
    /// The files.
    pub installed: Installed,
    /// Errors and warnings of all scripts.
    pub diagnostics: Vec<FileReport>,
    /// What else is worth knowing, such as folders that nobody reads.
    #[schema(example = json!([]))]
    pub warnings: Vec<String>,
    /// The number of the new state; the present one after a dry run.
    pub version: u64,
}

/// A file that was saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SavedFile {
    /// The file.
    #[serde(flatten)]
    pub file: FileEntry,
    /// Errors and warnings, if it is a script.
    pub diagnostics: Vec<FileReport>,
    /// What else is worth knowing.
    #[schema(example = json!([]))]
    pub warnings: Vec<String>,
    /// The number of the package's new state.
    pub version: u64,
}

/// Why a package, or a change of one, is refused.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// It can't be read as a package.
    #[error("The package can't be read: {0}.")]
    Invalid(String),
    /// A name in it leads out of it, or nowhere.
    #[error("The package holds a file whose name is not safe: {0}.")]
    UnsafePath(String),
    /// It is larger than a limit.
    #[error("The package is too large: at most {0} are allowed.")]
    TooLarge(String),
    /// Scripts have errors.
    #[error("Some scripts have errors; nothing was installed.")]
    Compile(Vec<FileReport>),
    /// There is no such script.
    #[error("There is no such script.")]
    ScriptNotFound,
    /// The script is none that a model may call.
    #[error("The script is no tool: it has neither PARAM nor DESCRIPTION.")]
    NotATool,
    /// The script never compiled.
    #[error("The script has errors and never ran; see its diagnostics.")]
    NeverCompiled,
    /// The script is for people of other roles.
    #[error("The script is for people with the role {0}.")]
    NotAllowed(String),
    /// There is no such file.
    #[error("The package has no such file.")]
    FileNotFound,
    /// There is no such state of the package, or it is kept no longer.
    #[error("There is no such version of the package.")]
    VersionNotFound,
    /// More scripts may be called by a model than are allowed.
    #[error("A package has at most {0} scripts that a model may call.")]
    ToolLimit(usize),
    /// Its scripts say more often when they run than is allowed.
    #[error("The scripts of a package declare at most {0} schedules.")]
    ScheduleLimit(usize),
    /// Its scripts answer more addresses than are allowed.
    #[error("The scripts of a package declare at most {0} webhooks.")]
    HookLimit(usize),
    /// Its tables can't be what its scripts declare.
    #[error("The tables can't become what the scripts declare: {0}.")]
    Tables(String),
    /// Somebody else installed something meanwhile.
    #[error("The package was changed by somebody else meanwhile. Try again.")]
    Changed,
    /// Anything about the bot.
    #[error(transparent)]
    Bot(#[from] BotError),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for PackageError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<ObjectError> for PackageError {
    fn from(error: ObjectError) -> Self {
        Self::Other(error.into())
    }
}

impl From<PackageError> for Error {
    fn from(error: PackageError) -> Self {
        let message = error.to_string();
        let refused = |kind| Self::new(kind, message.clone());
        match error {
            PackageError::Invalid(_) => refused(Kind::Validation).reason("package_invalid"),
            PackageError::UnsafePath(path) => {
                refused(Kind::Validation).reason("unsafe_path").detail("path", path)
            }
            PackageError::TooLarge(_) => refused(Kind::PayloadTooLarge).reason("package_too_large"),
            PackageError::Compile(reports) => {
                refused(Kind::Validation).reason("compile_failed").detail("diagnostics", reports)
            }
            PackageError::NeverCompiled => Self::conflict(message, "compile_failed"),
            PackageError::NotAllowed(_) => refused(Kind::Forbidden).reason("role_required"),
            PackageError::NotATool => refused(Kind::NotFound).reason("not_a_tool"),
            PackageError::ScriptNotFound => refused(Kind::NotFound).reason("script_not_found"),
            PackageError::FileNotFound | PackageError::VersionNotFound => refused(Kind::NotFound),
            PackageError::ToolLimit(limit) => {
                refused(Kind::Validation).reason("tool_limit").detail("limit", limit)
            }
            PackageError::ScheduleLimit(limit) => {
                refused(Kind::Validation).reason("schedule_limit").detail("limit", limit)
            }
            PackageError::HookLimit(limit) => {
                refused(Kind::Validation).reason("hook_limit").detail("limit", limit)
            }
            PackageError::Tables(_) => Self::conflict(message, "tables_refused"),
            PackageError::Changed => Self::conflict(message, "package_changed"),
            PackageError::Bot(error) => error.into(),
            PackageError::Other(error) => error,
        }
    }
}
