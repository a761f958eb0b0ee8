//! Scripts as tools of the model: what PARAM and DESCRIPTION declare, as JSON Schema, and the arguments of a call.

mod arguments;
mod words;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use arguments::{Argument, ArgumentError};
pub use words::in_words;

/// Longest name a tool may have, as the model interfaces limit it.
const NAME_MAX: usize = 64;

/// A script that the model may call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Name to call it by: see [`tool_name`].
    pub name: String,
    /// What it does; the name in words where the script has no DESCRIPTION.
    pub description: Option<String>,
    /// Its parameters in the order of the source.
    pub parameters: Vec<Parameter>,
}

/// A PARAM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name of the variable it becomes.
    pub name: String,
    /// What it takes.
    pub kind: ParamKind,
    /// The texts to choose from, where `kind` is [`ParamKind::Choice`].
    pub choices: Vec<String>,
    /// DESCRIPTION; the name in words where there is none.
    pub description: Option<String>,
    /// LIKE: an example.
    pub example: Option<Value>,
    /// DEFAULT.
    pub default: Option<Value>,
    /// Marked OPTIONAL. A default makes a parameter optional too.
    pub optional: bool,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamKind {
    /// Any text.
    String,
    /// A name; for the schema a text like any.
    Name,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// An amount of money, not negative.
    Money,
    /// Yes or no.
    Boolean,
    /// A day.
    Date,
    /// An instant.
    DateTime,
    /// A time of day.
    Hour,
    /// An e-mail address.
    Email,
    /// A web address.
    Url,
    /// A UUID.
    Uuid,
    /// A phone number.
    Phone,
    /// A reference to a file.
    File,
    /// A list of anything.
    Array,
    /// An object.
    Object,
    /// One of some texts.
    Choice,
}

impl ParamKind {
    /// The kind a type word of PARAM names, ignoring case; `None` for unknown words, which authors are warned about
    /// and which count as [`ParamKind::String`].
    ///
    /// ```
    /// use basic::tools::ParamKind;
    /// assert_eq!(ParamKind::from_word("Integer"), Some(ParamKind::Integer));
    /// assert_eq!(ParamKind::from_word("whatever"), None);
    /// ```
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word.to_ascii_uppercase().as_str() {
            "STRING" | "TEXT" | "ANY" => Self::String,
            "NAME" => Self::Name,
            "INTEGER" | "INT" => Self::Integer,
            "NUMBER" | "FLOAT" | "DECIMAL" | "DOUBLE" => Self::Number,
            "MONEY" | "CURRENCY" | "AMOUNT" => Self::Money,
            "BOOLEAN" | "BOOL" => Self::Boolean,
            "DATE" => Self::Date,
            "DATETIME" | "TIMESTAMP" => Self::DateTime,
            "HOUR" | "TIME" => Self::Hour,
            "EMAIL" => Self::Email,
            "URL" | "LINK" => Self::Url,
            "UUID" | "GUID" => Self::Uuid,
            "PHONE" | "MOBILE" | "TELEPHONE" => Self::Phone,
            "FILE" | "IMAGE" | "QRCODE" | "AUDIO" | "VIDEO" | "DOCUMENT" => Self::File,
            "ARRAY" | "LIST" => Self::Array,
            "OBJECT" | "MAP" | "JSON" => Self::Object,
            _ => return None,
        })
    }

    /// The JSON Schema keywords of the kind.
    fn schema(self) -> Map<String, Value> {
        let schema = match self {
            Self::String | Self::Name | Self::File | Self::Choice => json!({ "type": "string" }),
            Self::Integer => json!({ "type": "integer" }),
            Self::Number | Self::Money => json!({ "type": "number" }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Date => json!({ "type": "string", "format": "date" }),
            Self::DateTime => json!({ "type": "string", "format": "date-time" }),
            Self::Hour => json!({ "type": "string", "format": "time" }),
            Self::Email => json!({ "type": "string", "format": "email" }),
            Self::Url => json!({ "type": "string", "format": "uri" }),
            Self::Uuid => json!({ "type": "string", "format": "uuid" }),
            Self::Phone => json!({ "type": "string", "pattern": "^\\+?[0-9 ()-]{8,20}$" }),
            Self::Array => json!({ "type": "array", "items": {} }),
            Self::Object => json!({ "type": "object" }),
        };
        match schema {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

/// The name a tool has for a script file: its stem with every character outside `[a-zA-Z0-9_-]` replaced by `_`, cut
/// to 64 characters.
///
/// ```
/// assert_eq!(basic::tools::tool_name("preços do dia"), "pre_os_do_dia");
/// ```
pub fn tool_name(stem: &str) -> String {
    let allowed = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }
    };
    let name: String = stem.chars().take(NAME_MAX).map(allowed).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

impl Parameter {
    /// A parameter of a type with nothing else said about it.
    pub fn new(name: impl Into<String>, kind: ParamKind) -> Self {
        Self {
            name: name.into(),
            kind,
            choices: Vec::new(),
            description: None,
            example: None,
            default: None,
            optional: false,
        }
    }

    /// Takes over what another declaration of the same parameter says and this one leaves open.
    pub(crate) fn complete_from(&mut self, other: Self) {
        self.description = self.description.take().or(other.description);
        self.example = self.example.take().or(other.example);
        self.default = self.default.take().or(other.default);
    }

    /// Whether a call must give it.
    pub fn required(&self) -> bool {
        !self.optional && self.default.is_none()
    }

    /// Its property in the JSON Schema.
    pub fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        let description = self.description.clone().unwrap_or_else(|| in_words(&self.name));
        let note = if self.kind == ParamKind::File { " (file reference)" } else { "" };
        schema.insert("description".into(), Value::String(description + note));
        if self.kind == ParamKind::Choice {
            schema.insert("enum".into(), json!(self.choices));
        }
        if let Some(example) = &self.example {
            schema.insert("examples".into(), json!([self.literal(example)]));
        }
        if let Some(default) = &self.default {
            schema.insert("default".into(), self.literal(default));
        }
        Value::Object(schema)
    }

    /// A literal of the source in the type of the parameter where it converts, else as its text.
    fn literal(&self, literal: &Value) -> Value {
        match (self.kind, literal) {
            (_, Value::Null) => Value::Null,
            (ParamKind::Integer | ParamKind::Number | ParamKind::Money | ParamKind::Boolean, _) => {
                match arguments::plain(self.kind, literal) {
                    Some(Argument::Number(number)) => json!(number),
                    Some(Argument::Boolean(truth)) => json!(truth),
                    _ => as_text(literal),
                }
            }
            (ParamKind::Array | ParamKind::Object, _) => match arguments::plain(self.kind, literal) {
                Some(Argument::Json(value)) => value,
                _ => as_text(literal),
            },
            (ParamKind::Choice | ParamKind::String | ParamKind::Name | ParamKind::File, _) => {
                as_text(literal)
            }
            _ => arguments::settled(self, literal).map_or_else(|| as_text(literal), Value::String),
        }
    }
}

fn as_text(literal: &Value) -> Value {
    match literal {
        Value::String(_) => literal.clone(),
        other => Value::String(other.to_string()),
    }
}

impl ToolSpec {
    /// The JSON Schema of the parameters, properties in the order of the source.
    ///
    /// ```
    /// use basic::tools::{ParamKind, Parameter, ToolSpec};
    /// let spec = ToolSpec { name: "quote".into(), description: None, parameters: vec![Parameter::new("qty", ParamKind::Integer)] };
    /// let expected = r#"{"type":"object","properties":{"qty":{"type":"integer","description":"qty"}},"required":["qty"],"additionalProperties":false}"#;
    /// assert_eq!(spec.schema().to_string(), expected);
    /// ```
    pub fn schema(&self) -> Value {
        let mut schema = self.open_schema();
        schema.insert("additionalProperties".into(), Value::Bool(false));
        Value::Object(schema)
    }

    fn open_schema(&self) -> Map<String, Value> {
        let properties: Map<String, Value> =
            self.parameters.iter().map(|parameter| (parameter.name.clone(), parameter.schema())).collect();
        let required: Vec<&str> =
            self.parameters.iter().filter(|p| p.required()).map(|p| p.name.as_str()).collect();
        let mut schema = Map::new();
        schema.insert("type".into(), "object".into());
        schema.insert("properties".into(), Value::Object(properties));
        schema.insert("required".into(), json!(required));
        schema
    }

    /// DESCRIPTION, or the name in words.
    pub fn description(&self) -> String {
        self.description.clone().unwrap_or_else(|| in_words(&self.name))
    }

    /// The definition for chat completion interfaces in the manner of `OpenAI`.
    pub fn openai(&self) -> Value {
        json!({
            "type": "function",
            "function": {
                "name": self.name,
                "description": self.description(),
                "parameters": self.schema(),
            },
        })
    }

    /// The definition for the Model Context Protocol.
    pub fn mcp(&self) -> Value {
        json!({
            "name": self.name,
            "description": self.description(),
            "inputSchema": self.open_schema(),
        })
    }
}

#[cfg(test)]
mod tests;
