//! Preferences as the API shows them, as somebody decides them, and what is allowed.

use chrono_tz::Tz;
use kernel::{FieldErrors, Patch, id::BotId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Values that have names. These are token trees, because what derives the schema reads no literal that a macro has matched.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:tt,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
        pub enum $name {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            const NAMES: &'static [(&'static str, Self)] = &[$(($text, Self::$variant),)+];

            fn named(text: &str) -> Result<Self, String> {
                let found = Self::NAMES.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
                let names = || Self::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
                found.ok_or_else(|| format!("must be one of {}", names()))
            }
        }
    };
}

choice! {
    /// How pages look.
    Appearance {
        /// Light on dark.
        Dark = "dark",
        /// Dark on light.
        Light = "light",
        /// As the device wants it.
        #[default]
        System = "system",
    }
}

choice! {
    /// How days are written.
    DateFormat {
        /// 2026-12-31, as in ISO 8601.
        #[default]
        Iso = "YYYY-MM-DD",
        /// 31.12.2026
        Dots = "DD.MM.YYYY",
        /// 31/12/2026
        DayFirst = "DD/MM/YYYY",
        /// 12/31/2026
        MonthFirst = "MM/DD/YYYY",
    }
}

choice! {
    /// How times of the day are written.
    TimeFormat {
        /// 3:30 pm
        Twelve = "12h",
        /// 15:30
        #[default]
        TwentyFour = "24h",
    }
}

choice! {
    /// How often mail is collected.
    Digest {
        /// Never: it is sent at once.
        #[default]
        None = "none",
        /// Once a day.
        Daily = "daily",
        /// Once a week.
        Weekly = "weekly",
    }
}

/// What somebody is told of, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotificationSettings {
    /// By e-mail?
    #[schema(example = true)]
    pub email: bool,
    /// On their devices?
    #[schema(example = true)]
    pub push: bool,
    /// How often mail is collected.
    pub digest: Digest,
}

/// Somebody's preferences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserSettings {
    /// How pages look.
    pub theme: Appearance,
    /// The language, as a tag after BCP 47.
    #[schema(example = "pt-BR")]
    pub language: String,
    /// The time zone, by its name in the IANA database.
    #[schema(example = "Europe/Berlin")]
    pub timezone: String,
    /// How days are written.
    pub date_format: DateFormat,
    /// How times of the day are written.
    pub time_format: TimeFormat,
    /// What they are told of, and how.
    pub notifications: NotificationSettings,
    /// The bot that they begin with in this organization; absent if they chose none, or may not use it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_bot: Option<BotId>,
}

/// A change to what somebody is told of.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NotificationSettingsPatch {
    /// By e-mail?
    #[serde(default)]
    #[schema(value_type = Option<bool>, example = true)]
    pub email: Patch<bool>,
    /// On their devices?
    #[serde(default)]
    #[schema(value_type = Option<bool>, example = true)]
    pub push: Patch<bool>,
    /// How often mail is collected.
    #[serde(default)]
    #[schema(value_type = Option<Digest>)]
    pub digest: Patch<String>,
}

/// A change to preferences, merged into what there is: absent keeps, null goes back to the default.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "theme": "dark", "timezone": "Europe/Berlin", "notifications": { "digest": "daily" } }))]
pub struct UserSettingsPatch {
    /// How pages look.
    #[serde(default)]
    #[schema(value_type = Option<Appearance>)]
    pub theme: Patch<String>,
    /// The language, as a tag after BCP 47.
    #[serde(default)]
    #[schema(
        value_type = Option<String>,
        max_length = 35,
        pattern = "^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$",
        example = "pt-BR"
    )]
    pub language: Patch<String>,
    /// The time zone, by its name in the IANA database.
    #[serde(default)]
    #[schema(
        value_type = Option<String>,
        max_length = 64,
        pattern = "^[A-Za-z0-9_+/-]+$",
        example = "Europe/Berlin"
    )]
    pub timezone: Patch<String>,
    /// How days are written.
    #[serde(default)]
    #[schema(value_type = Option<DateFormat>)]
    pub date_format: Patch<String>,
    /// How times of the day are written.
    #[serde(default)]
    #[schema(value_type = Option<TimeFormat>)]
    pub time_format: Patch<String>,
    /// What they are told of, and how.
    #[serde(default)]
    #[schema(value_type = Option<NotificationSettingsPatch>)]
    pub notifications: Patch<NotificationSettingsPatch>,
    /// The bot that they begin with in this organization: one that they may use.
    #[serde(default)]
    #[schema(value_type = Option<BotId>)]
    pub default_bot: Patch<BotId>,
}

/// What somebody decided, as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Decided {
    #[serde(skip_serializing_if = "Option::is_none")]
    theme: Option<Appearance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_format: Option<DateFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_format: Option<TimeFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    push: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
}

/// A tag of a language after BCP 47, as far as its form goes.
fn language(text: &str) -> Result<String, String> {
    let mut parts = text.split('-');
    let is_primary =
        |part: &str| (2..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphabetic());
    let is_more =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    if text.len() <= 35 && parts.next().is_some_and(is_primary) && parts.all(is_more) {
        Ok(text.to_owned())
    } else {
        Err("must be a tag of a language such as en or pt-BR".to_owned())
    }
}

/// The name of a zone, as the database writes it.
fn timezone(text: &str) -> Result<String, String> {
    let zone: Result<Tz, _> = text.parse();
    zone.map(|zone| zone.name().to_owned())
        .map_err(|_| "must be a time zone of the IANA database such as Europe/Berlin".to_owned())
}

/// Reads one field of a change.
fn read<T>(
    field: &str,
    present: &mut Option<T>,
    patch: Patch<String>,
    reader: impl FnOnce(&str) -> Result<T, String>,
    wrong: &mut FieldErrors,
) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *present = None,
        Patch::Set(text) => {
            if let Some(value) = wrong.take(field, reader(text.trim())) {
                *present = Some(value);
            }
        }
    }
}

impl Decided {
    /// What is decided after the change; the bot is not looked at. What is wrong is noted.
    pub(crate) fn patched(mut self, patch: UserSettingsPatch, wrong: &mut FieldErrors) -> Self {
        read("theme", &mut self.theme, patch.theme, Appearance::named, wrong);
        read("language", &mut self.language, patch.language, language, wrong);
        read("timezone", &mut self.timezone, patch.timezone, timezone, wrong);
        read("date_format", &mut self.date_format, patch.date_format, DateFormat::named, wrong);
        read("time_format", &mut self.time_format, patch.time_format, TimeFormat::named, wrong);
        match patch.notifications {
            Patch::Keep => {}
            Patch::Clear => (self.email, self.push, self.digest) = (None, None, None),
            Patch::Set(patch) => {
                self.email = patch.email.apply(self.email);
                self.push = patch.push.apply(self.push);
                read("notifications.digest", &mut self.digest, patch.digest, Digest::named, wrong);
            }
        }
        self
    }

    /// As they are shown, with that bot.
    pub(crate) fn shown(&self, default_bot: Option<BotId>) -> UserSettings {
        UserSettings {
            theme: self.theme.unwrap_or_default(),
            language: self.language.clone().unwrap_or_else(|| "en".to_owned()),
            timezone: self.timezone.clone().unwrap_or_else(|| "UTC".to_owned()),
            date_format: self.date_format.unwrap_or_default(),
            time_format: self.time_format.unwrap_or_default(),
            notifications: NotificationSettings {
                email: self.email.unwrap_or(true),
                push: self.push.unwrap_or(true),
                digest: self.digest.unwrap_or_default(),
            },
            default_bot,
        }
    }
}

impl UserSettings {
    /// What differs between two states: each field, before and after.
    pub(crate) fn differences(&self, after: &Self) -> Vec<(String, Value, Value)> {
        let values = |of: &Self| serde_json::to_value(of).unwrap_or_default();
        let (before, after) = (values(self), values(after));
        let fields =
            ["theme", "language", "timezone", "date_format", "time_format", "notifications", "default_bot"];
        let differs = fields.into_iter().filter(|field| before.get(field) != after.get(field));
        let value = |of: &Value, field: &str| of.get(field).cloned().unwrap_or_default();
        differs.map(|field| (field.to_owned(), value(&before, field), value(&after, field))).collect()
    }
}
