//! The bot as the API shows it, and what holds for any bot.

use chrono::{DateTime, Utc};
use kernel::{
    Error, FieldErrors, Kind, Patch,
    id::{BotId, OrganizationId},
    text,
};
use platform::db::DbError;
use serde::{Deserialize, Serialize};
use utoipa::{
    ToSchema,
    openapi::{Schema, Type, schema::SchemaType},
};

/// Characters of a name.
const NAME: std::ops::RangeInclusive<usize> = 1..=80;
/// Characters of a description.
const DESCRIPTION: usize = 2000;

/// In which state a bot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = BotStatus)]
pub enum Status {
    /// It answers.
    Active,
    /// It was switched off.
    Inactive,
    /// Its start script has errors and never ran. It is active again with a package that has none.
    Error,
    /// It is being worked on.
    Maintenance,
}

/// The state that a bot is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = NewBotStatus)]
pub enum NewStatus {
    /// It answers.
    Active,
    /// It is switched off.
    Inactive,
    /// It is being worked on.
    Maintenance,
}

impl From<NewStatus> for Status {
    fn from(status: NewStatus) -> Self {
        match status {
            NewStatus::Active => Self::Active,
            NewStatus::Inactive => Self::Inactive,
            NewStatus::Maintenance => Self::Maintenance,
        }
    }
}

impl Status {
    /// As it is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Error => "error",
            Self::Maintenance => "maintenance",
        }
    }

    pub(super) fn read(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "maintenance" => Self::Maintenance,
            "error" => Self::Error,
            _ => Self::Inactive,
        }
    }
}

/// Who may use a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Any user of the organization; visitors, too, where they are allowed.
    Public,
    /// The organization's members.
    Organization,
    /// Whoever made it, and people, roles and groups that are listed.
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
    #[schema(example = "Tables at Ada's")]
    pub display_name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Books tables.")]
    pub description: Option<String>,
    /// Its state.
    pub status: Status,
    /// Why it is in that state, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "start has errors and never ran.")]
    pub status_reason: Option<String>,
    /// Who may use it.
    pub visibility: Visibility,
    /// May visitors use it, if it is public?
    pub anonymous_allowed: bool,
    /// Does it answer where no bot is named?
    pub default: bool,
    /// Its picture, from its package's settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "https://example.com/avatar.png")]
    pub avatar_url: Option<String>,
    /// Its language, from its package's settings.
    #[schema(example = "en")]
    pub language: String,
    /// What it says before everything else, from its package's settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Welcome!")]
    pub welcome_message: Option<String>,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// The number of its package's present state; 0 without a package.
    pub version: u64,
    /// Conversations with something said within the bot's `session-timeout`, counted up to 1000. Told where a bot is
    /// read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_count: Option<u64>,
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
    /// What it is called.
    #[schema(schema_with = name_schema)]
    pub name: String,
    /// Made of the name if absent, or else of the id: lower-case letters, digits and single hyphens.
    #[schema(
        min_length = 1,
        max_length = 64,
        pattern = "^[a-z0-9]+(-[a-z0-9]+)*$",
        example = "table-booking"
    )]
    pub slug: Option<String>,
    /// The name to show, if it is another. Blank is none.
    #[schema(schema_with = display_name_schema, required = false)]
    pub display_name: Option<String>,
    /// What it is for.
    #[schema(max_length = 2000, example = "Books tables.")]
    pub description: Option<String>,
    /// Who may use it; the organization if absent.
    pub visibility: Option<Visibility>,
    /// A template of `GET /bots/templates` whose package it gets.
    #[schema(max_length = 64, example = "table-booking")]
    pub template: Option<String>,
}

/// A change of a bot; absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BotPatch {
    /// What it is called. The slug stays.
    #[serde(default)]
    #[schema(schema_with = name_schema, required = false)]
    pub name: Patch<String>,
    /// The name to show, if it is another. Blank is none.
    #[serde(default)]
    #[schema(schema_with = display_name_schema, required = false)]
    pub display_name: Patch<String>,
    /// What it is for.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, example = "Books tables.")]
    pub description: Patch<String>,
    /// Its state.
    #[serde(default)]
    #[schema(value_type = NewStatus, required = false)]
    pub status: Patch<NewStatus>,
    /// Who may use it.
    #[serde(default)]
    #[schema(value_type = Visibility, required = false)]
    pub visibility: Patch<Visibility>,
    /// True makes it the organization's default instead of the present one.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub default: Patch<bool>,
}

fn name_schema() -> Schema {
    text::line_schema("What it is called.", *NAME.start(), *NAME.end(), "Table Booking").into()
}

fn display_name_schema() -> Schema {
    let line = text::line_schema("The name to show. Blank is none.", 0, *NAME.end(), "Tables at Ada's");
    line.schema_type(SchemaType::from_iter([Type::String, Type::Null])).into()
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
        wrong.check(
            NAME.contains(&name.chars().count()) && text::is_one_line(&name),
            "name",
            "must have 1 to 80 characters, in one line",
        );
        let display_name = display_name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let fits = |name: &String| name.chars().count() <= *NAME.end() && text::is_one_line(name);
        wrong.check(
            display_name.as_ref().is_none_or(fits),
            "display_name",
            "must have at most 80 characters, in one line",
        );
        let described = description.as_ref().map_or(0, |text| text.chars().count());
        wrong.check(described <= DESCRIPTION, "description", "must have at most 2000 characters");
        Self { name, display_name, description: description.filter(|text| !text.trim().is_empty()) }
    }

    /// What `search=` looks through.
    pub(super) fn search_key(&self) -> String {
        text::key(&format!("{} {}", self.name, self.description.as_deref().unwrap_or_default()))
    }
}

/// What means something else where a bot's slug could stand.
const RESERVED: [&str; 2] = ["default", "templates"];

/// The slug asked for, or the one made of the name.
pub(super) fn slug(wrong: &mut FieldErrors, asked: Option<&str>, name: &str, otherwise: &str) -> String {
    if let Some(asked) = asked {
        let good = !asked.is_empty() && text::slug(asked) == asked;
        wrong.check(good, "slug", "must have 1 to 64 lower-case letters, digits and single hyphens");
        wrong.check(!RESERVED.contains(&asked), "slug", "is one of the server's own words");
        return asked.to_owned();
    }
    let made = text::slug(name);
    // A name of signs, or in a script that has no Latin letters.
    if made.is_empty() || RESERVED.contains(&made.as_str()) { text::slug(otherwise) } else { made }
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
    /// Several bots have the name.
    #[error("There are several bots named {0}. Say which one by its slug.")]
    NotTheOnlyOne(String),
    /// The organization has as many bots as it may.
    #[error("The organization has {0} bots already, as many as it may.")]
    Limit(u64),
    /// The default bot can't be deleted.
    #[error("The default bot can't be deleted; make another one the default first.")]
    Default,
    /// As many conversations are held with the bot as may be.
    #[error("The bot holds {0} conversations already, as many as it may at once. Try again later.")]
    TooManySessions(i64),
    /// A bot stops being the default only by another becoming it.
    #[error("The default can't be taken away; make another bot the default instead.")]
    StaysDefault,
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
            BotError::NotTheOnlyOne(_) => Self::conflict(message, "several_bots"),
            BotError::Limit(limit) => Self::conflict(message, "bot_limit").detail("limit", limit),
            BotError::TooManySessions(limit) => {
                Self::conflict(message, "too_many_sessions").detail("limit", limit)
            }
            BotError::Default | BotError::StaysDefault => Self::conflict(message, "default_bot"),
            BotError::Other(error) => error,
        }
    }
}
