//! Settings as the API shows and takes them.

use std::collections::BTreeMap;

use kernel::FieldErrors;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, OneOfBuilder, Ref, RefOr, Schema, Type,
        schema::{AdditionalProperties, ArrayBuilder},
    },
};

use super::known::{self, HIDDEN, KNOWN, is_secret};
use crate::packages::settings_csv::canonical;

/// Characters of a setting's name.
const NAME: usize = 100;
/// Characters of a value.
const VALUE: usize = 10_000;
/// Settings of one bot.
const MOST: usize = 1000;

/// A setting with what is known of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfigItem {
    /// Its name, as in `config.csv`.
    #[schema(example = "welcome-message")]
    key: String,
    /// What holds: the package's value, else the default.
    #[schema(schema_with = value_or_null)]
    value: Value,
    /// What it takes.
    #[schema(pattern = "^(string|integer|number|boolean)$", example = "string")]
    r#type: &'static str,
    /// What holds without it.
    #[schema(schema_with = value_or_null)]
    default: Value,
    /// Where the value comes from: `package` or `default`.
    #[schema(pattern = "^(package|default)$", example = "package")]
    source: &'static str,
    /// Is it one that nobody may see?
    secret: bool,
    /// What it is for, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "What the bot says before everything else.")]
    description: Option<&'static str>,
}

/// All settings of a bot.
#[derive(Debug, Serialize)]
pub(super) struct Config {
    /// Each with what is known of it.
    items: Vec<ConfigItem>,
    #[serde(flatten)]
    values: Map<String, Value>,
}

fn value() -> Schema {
    let one = |kind| ObjectBuilder::new().schema_type(kind).build();
    let kinds = OneOfBuilder::new().item(one(Type::String)).item(one(Type::Number)).item(one(Type::Boolean));
    kinds.examples(["Welcome!"]).build().into()
}

fn value_or_null() -> Schema {
    let one = |kind| ObjectBuilder::new().schema_type(kind).build();
    OneOfBuilder::new()
        .item(one(Type::String))
        .item(one(Type::Number))
        .item(one(Type::Boolean))
        .item(one(Type::Null))
        .description(Some("Secrets are shown as `***`."))
        .examples(["Welcome!"])
        .build()
        .into()
}

impl PartialSchema for Config {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new()
            .items(Ref::from_schema_name("ConfigItem"))
            .description(Some("Each with what is known of it."));
        ObjectBuilder::new()
            .property("items", items)
            .required("items")
            .additional_properties(Some(AdditionalProperties::RefOr(value().into())))
            .description(Some(
                "The settings by their names, defaults among them; secrets are shown as `***`.",
            ))
            .examples([json!({
                "welcome-message": "Welcome!",
                "language": "en",
                "items": [{
                    "key": "welcome-message",
                    "value": "Welcome!",
                    "type": "string",
                    "default": null,
                    "source": "package",
                    "secret": false,
                    "description": "What the bot says before everything else.",
                }],
            })])
            .into()
    }
}

impl ToSchema for Config {
    fn name() -> std::borrow::Cow<'static, str> {
        "BotConfig".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ConfigItem::name().into_owned(), ConfigItem::schema()));
    }
}

/// Settings to be changed, by their names; null takes one away.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(super) struct ConfigPatch(Map<String, Value>);

impl PartialSchema for ConfigPatch {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .additional_properties(Some(AdditionalProperties::RefOr(value_or_null().into())))
            .max_properties(Some(MOST))
            .description(Some("Values by the names of settings; null takes one away."))
            .examples([json!({ "welcome-message": "Welcome!", "theme-color": null })])
            .into()
    }
}

impl ToSchema for ConfigPatch {
    fn name() -> std::borrow::Cow<'static, str> {
        "BotConfigPatch".into()
    }
}

impl Config {
    /// The settings of a package, secrets hidden, among all that are known.
    pub(super) fn of(settings: &BTreeMap<String, String>) -> Self {
        let mut keys: Vec<&str> = KNOWN.iter().map(|setting| setting.key).collect();
        keys.extend(settings.keys().map(String::as_str).filter(|key| known::known(key).is_none()));
        keys.sort_unstable();
        let items: Vec<_> = keys.into_iter().map(|key| item(key, settings.get(key))).collect();
        let told = items.iter().filter(|item| !item.value.is_null() && item.key != "items");
        let values = told.map(|item| (item.key.clone(), item.value.clone())).collect();
        Self { items, values }
    }
}

fn item(key: &str, set: Option<&String>) -> ConfigItem {
    let setting = known::known(key);
    let default = setting.and_then(|setting| setting.default).map(|text| known::typed(key, text));
    // What doesn't fit doesn't hold.
    let set = set.filter(|text| {
        let problem = setting.and_then(|setting| setting.takes.problem(text));
        !text.is_empty() && (problem.is_none() || is_secret(key))
    });
    let shown = |text: &String| if is_secret(key) { HIDDEN.into() } else { known::typed(key, text) };
    let value = set.map(shown);
    let kind = match (setting, &value) {
        (Some(setting), _) => setting.takes.name(),
        (None, Some(Value::Bool(_))) => "boolean",
        (None, Some(Value::Number(number))) if number.is_f64() => "number",
        (None, Some(Value::Number(_))) => "integer",
        (None, _) => "string",
    };
    ConfigItem {
        key: key.to_owned(),
        source: if value.is_some() { "package" } else { "default" },
        value: value.or_else(|| default.clone()).unwrap_or_default(),
        r#type: kind,
        default: default.unwrap_or_default(),
        secret: is_secret(key),
        description: setting.map(|setting| setting.about),
    }
}

impl ConfigPatch {
    /// The texts that settings are to have, by the one spelling of their names; or everything that is wrong.
    pub(super) fn check(self) -> Result<BTreeMap<String, Option<String>>, kernel::Error> {
        let mut wrong = FieldErrors::default();
        let mut changes = BTreeMap::new();
        wrong.check(self.0.len() <= MOST, "body", "must have at most 1000 settings");
        for (key, value) in self.0 {
            let name = canonical(&key);
            let good = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.');
            let fits = (1..=NAME).contains(&name.chars().count()) && name.chars().all(good);
            wrong.check(
                fits && !matches!(name.as_str(), "name" | "key" | "items"),
                &key,
                "must have 1 to 100 letters, digits, points and hyphens in its name, and not be name, key or items",
            );
            let text = match value {
                Value::Null => None,
                Value::String(text) => Some(text),
                Value::Number(number) => Some(number.to_string()),
                Value::Bool(truth) => Some(truth.to_string()),
                Value::Array(_) | Value::Object(_) => {
                    wrong.add(&key, "must be a text, a number, true, false or null");
                    continue;
                }
            };
            if let Some(text) = &text {
                let one_line = text.chars().count() <= VALUE && !text.chars().any(char::is_control);
                wrong.check(one_line, &key, "must have at most 10000 characters, in one line");
                let problem = known::known(&name).and_then(|setting| setting.takes.problem(text));
                if let Some(problem) = problem.filter(|_| text != HIDDEN) {
                    wrong.add(&key, problem);
                }
            }
            changes.insert(name, text);
        }
        wrong.finish()?;
        Ok(changes)
    }
}
