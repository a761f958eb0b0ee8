//! The bot as the API shows it, and what holds for any bot.

use chrono::{DateTime, Utc};
use kernel::{
    Error, FieldErrors, Kind, Patch,
    id::{BotId, OrganizationId},
    text,
};
use platform::db::DbError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Characters of a name.
const NAME: std::ops::RangeInclusive<usize> = 1..=80;
/// Characters of a description.
const DESCRIPTION: usize = 2000;

/// In which state a bot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It answers.
    Active,
    /// It was switched off.
    Inactive,
    /// It is being worked on.
    Maintenance,
}

impl Status {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Maintenance => "maintenance",
        }
    }

    pub(super) fn read(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "maintenance" => Self::Maintenance,
            _ => Self::Inactive,
        }
    }
}

/// Who may use a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Any user of the organization; visitors, too, once they can be let in.
    Public,
    /// The organization's members.
    Organization,
    /// Whoever made it.
    Private,
    /// Administrators of bots.
    Admin,
}

impl Visibility {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Organization => "organization",
            Self::Private => "private",
            Self::Admin => "admin",
        }
    }

    pub(super) fn read(text: &str) -> Self {
        match text {
            "public" => Self::Public,
            "organization" => Self::Organization,
            "private" => Self::Private,
            _ => Self::Admin,
        }
    }
}

/// How much a bot's package holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct PackageSummary {
    /// Scripts.
    pub scripts: u64,
    /// Scripts that a model may call.
    pub tools: u64,
    /// Collections of documents.
    pub kb_collections: u64,
    /// Bytes of all files.
    pub size: u64,
}

/// A bot.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Bot {
    /// The bot.
    pub bot_id: BotId,
    /// The name, unique in the organization only by its slug.
    #[schema(example = "Table Booking")]
    pub name: String,
    /// The name in addresses, unique in the server.
    #[schema(example = "table-booking")]
    pub slug: String,
    /// The name to show, if it is another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its state.
    pub status: Status,
    /// Who may use it.
    pub visibility: Visibility,
    /// Does it answer where no bot is named?
    pub default: bool,
    /// What it says before everything else, from its package's settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub welcome_message: Option<String>,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// The number of its package's present state; 0 without a package.
    pub version: u64,
    /// What the package holds.
    pub package: PackageSummary,
    /// When somebody began to talk to it, or changed it, last.
    pub last_activity: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
}

/// A bot to be made.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBot {
    /// 1 to 80 characters.
    #[schema(example = "Table Booking")]
    pub name: String,
    /// Made of the name if absent: lower-case letters, digits and hyphens.
    pub slug: Option<String>,
    /// The name to show, if it is another.
    pub display_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Who may use it; the organization if absent.
    pub visibility: Option<Visibility>,
}

/// A change of a bot; absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BotPatch {
    /// 1 to 80 characters. The slug stays.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub name: Patch<String>,
    /// The name to show, if it is another.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub display_name: Patch<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub description: Patch<String>,
    /// Its state.
    #[serde(default)]
    #[schema(value_type = Option<Status>)]
    pub status: Patch<Status>,
    /// Who may use it.
    #[serde(default)]
    #[schema(value_type = Option<Visibility>)]
    pub visibility: Patch<Visibility>,
    /// True makes it the organization's default instead of the present one.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub default: Patch<bool>,
}

/// The texts of a bot, checked.
pub(super) struct Texts {
    pub(super) name: String,
    pub(super) display_name: Option<String>,
    pub(super) description: Option<String>,
}

impl Texts {
    pub(super) fn check(
        wrong: &mut FieldErrors,
        name: &str,
        display_name: Option<String>,
        description: Option<String>,
    ) -> Self {
        let name = name.trim().to_owned();
        wrong.check(NAME.contains(&name.chars().count()), "name", "must have 1 to 80 characters");
        let display_name = display_name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let shown = display_name.as_ref().map_or(0, |name| name.chars().count());
        wrong.check(shown <= *NAME.end(), "display_name", "must have at most 80 characters");
        let described = description.as_ref().map_or(0, |text| text.chars().count());
        wrong.check(described <= DESCRIPTION, "description", "must have at most 2000 characters");
        Self { name, display_name, description: description.filter(|text| !text.trim().is_empty()) }
    }

    /// What `search=` looks through.
    pub(super) fn search_key(&self) -> String {
        text::key(&format!("{} {}", self.name, self.description.as_deref().unwrap_or_default()))
    }
}

/// The slug asked for, or the one made of the name.
pub(super) fn slug(wrong: &mut FieldErrors, asked: Option<&str>, name: &str) -> String {
    if let Some(asked) = asked {
        let good = !asked.is_empty() && text::slug(asked) == asked;
        wrong.check(good, "slug", "must have 1 to 64 lower-case letters, digits and single hyphens");
        return asked.to_owned();
    }
    let made = text::slug(name);
    let unusable = made.is_empty() && !name.trim().is_empty();
    wrong.check(!unusable, "slug", "is required, because none can be made of this name");
    made
}

/// What can go wrong with bots.
#[derive(Debug, thiserror::Error)]
pub enum BotError {
    /// There is no such bot, or the caller may not know of it.
    #[error("There is no such bot.")]
    NotFound,
    /// Another bot of the server has the slug.
    #[error("The slug {0} is taken; choose another.")]
    SlugTaken(String),
    /// The organization has as many bots as it may.
    #[error("The organization has {0} bots already, as many as it may.")]
    Limit(u64),
    /// The default bot can't be deleted.
    #[error("The default bot can't be deleted; make another one the default first.")]
    Default,
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for BotError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<BotError> for Error {
    fn from(error: BotError) -> Self {
        let message = error.to_string();
        match error {
            BotError::NotFound => Self::new(Kind::NotFound, message),
            BotError::SlugTaken(_) => Self::conflict(message, "slug_taken"),
            BotError::Limit(limit) => Self::conflict(message, "bot_limit").detail("limit", limit),
            BotError::Default => Self::conflict(message, "default_bot"),
            BotError::Other(error) => error,
        }
    }
}
