//! A setting as the API and the command line show it.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use kernel::{Id, id::kind};
use platform::{
    config::{Item, Key, ValueKind, Values},
    settings::Past,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{
        Object, ObjectBuilder, Schema,
        schema::{AdditionalProperties, ArrayBuilder, SchemaType, Type},
    },
};

/// What kind of value a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// A text.
    String,
    /// Yes or no.
    Boolean,
    /// A list of texts.
    Array,
}

impl From<ValueKind> for ValueType {
    fn from(kind: ValueKind) -> Self {
        match kind {
            ValueKind::Integer => Self::Integer,
            ValueKind::Number => Self::Number,
            ValueKind::String => Self::String,
            ValueKind::Boolean => Self::Boolean,
            ValueKind::Array => Self::Array,
        }
    }
}

/// One key of the configuration, with the value in force.
// The API names each of these facts; no two of them make a state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Setting {
    /// The key.
    #[schema(example = "rate_limit.anonymous")]
    pub key: String,
    /// The value in force; `"***"` for secrets.
    #[schema(value_type = Value, example = 60)]
    pub value: Value,
    /// What kind of value it takes.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// May it be without a value?
    pub optional: bool,
    /// Where the value comes from: `default`, `file`, `environment`, `flag` or `runtime`. Later ones win.
    #[schema(example = "default")]
    pub source: &'static str,
    /// The file, the variable or the flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_name: Option<String>,
    /// What it is if nobody says otherwise.
    #[schema(value_type = Value, example = 60)]
    pub default: Value,
    /// May it change while the server runs?
    pub runtime: bool,
    /// Is the value never shown?
    pub secret: bool,
    /// Does a change need the file and a restart?
    pub restart_required: bool,
    /// The least number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum: Option<f64>,
    /// The greatest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum: Option<f64>,
    /// The texts that it takes, where only some are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// What it means.
    #[schema(example = "Requests an hour without credentials, by address.")]
    pub description: String,
}

impl From<&Item> for Setting {
    fn from(item: &Item) -> Self {
        let Key { name, kind, optional, minimum, maximum, choices, description, secret, runtime } =
            &*item.key;
        Self {
            key: name.clone(),
            value: item.value.clone(),
            value_type: (*kind).into(),
            optional: *optional,
            source: item.origin.source(),
            source_name: item.origin.name(),
            default: item.default.clone(),
            runtime: *runtime,
            secret: *secret,
            restart_required: !runtime,
            minimum: *minimum,
            maximum: *maximum,
            choices: choices.clone(),
            description: description.clone(),
        }
    }
}

/// The configuration in force.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Config {
    /// The values by their keys.
    #[schema(example = json!({ "rate_limit.anonymous": 60 }))]
    pub(super) values: BTreeMap<String, Value>,
    /// Every key, in alphabetical order.
    pub(super) items: Vec<Setting>,
}

/// One key with what was changed of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingDetails {
    #[serde(flatten)]
    pub(super) setting: Setting,
    /// The latest hundred changes while the server ran, newest first.
    pub(super) history: Vec<SettingChange>,
}

/// A change of a key.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SettingChange {
    /// What was in force before.
    #[schema(value_type = Value, example = 60)]
    old_value: Value,
    /// What was in force from then on.
    #[schema(value_type = Value, example = 600)]
    new_value: Value,
    /// Who changed it.
    #[schema(value_type = String)]
    changed_by: Id<kind::User>,
    /// When.
    changed_at: DateTime<Utc>,
}

impl From<Past> for SettingChange {
    fn from(Past { old_value, new_value, changed_by, changed_at }: Past) -> Self {
        Self { old_value, new_value, changed_by, changed_at }
    }
}

/// Values by their keys, flat (`"rate_limit.anonymous"`) or nested. A null takes a change back; a secret's `"***"`
/// leaves it. Which keys there are, the running program says: see [`Self::of`].
#[derive(Debug, Deserialize, ToSchema)]
#[schema(value_type = Object, example = json!({ "rate_limit.anonymous": 600 }))]
pub(super) struct ConfigChange(BTreeMap<String, Value>);

impl ConfigChange {
    /// The keys that may change while the server runs, each with what it takes.
    pub(super) fn of(keys: &[Arc<Key>]) -> Schema {
        let changeable = keys.iter().filter(|key| key.runtime);
        let described = ObjectBuilder::new()
            .description(Some("Values by their keys. A null takes a change back."))
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .examples([json!({ "rate_limit.anonymous": 600 })]);
        changeable.fold(described, |object, key| object.property(&key.name, taken(key))).into()
    }

    /// The values by their whole keys.
    pub(super) fn flat(self) -> Values {
        platform::config::flat(&self.0.into_iter().collect::<Value>())
    }
}

/// What a change did.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ConfigChanged {
    /// `applied`, or `unchanged` if everything was like this already.
    #[schema(example = "applied")]
    pub(super) status: &'static str,
    /// The keys that have another value, or another source, now.
    pub(super) applied: Vec<String>,
    /// The keys that wait for a restart: none, as those are refused.
    pub(super) restart_required: Vec<String>,
}

/// What a key takes, or null.
fn taken(key: &Key) -> Schema {
    let kind = match key.kind {
        ValueKind::Integer => Type::Integer,
        ValueKind::Number => Type::Number,
        ValueKind::String => Type::String,
        ValueKind::Boolean => Type::Boolean,
        ValueKind::Array => {
            let texts = Object::with_type(Type::String);
            let list = ArrayBuilder::new().schema_type(SchemaType::from_iter([Type::Array, Type::Null]));
            return list.items(texts).description(Some(&key.description)).into();
        }
    };
    let choices = (!key.choices.is_empty()).then(|| {
        let texts = key.choices.iter().cloned().map(Value::from);
        texts.chain([Value::Null])
    });
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([kind, Type::Null]))
        .description(Some(&key.description))
        .minimum(key.minimum)
        .maximum(key.maximum)
        .enum_values(choices)
        .into()
}
