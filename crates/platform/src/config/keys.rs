//! What is known of each key beside its value. The structs of the configuration are the one source: their types, their
//! ranges, and their doc comments.

use std::fmt;

use schemars::{JsonSchema, generate::SchemaSettings};
use serde::Serialize;
use serde_json::{Map, Value};

/// What kind of value a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
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

/// One key of the configuration. Fields are documented, and marked where they are more than a value:
/// `#[schemars(extend("x-runtime" = true))]` on a field or a whole section is what may change while the server runs;
/// a [`Secret`](kernel::Secret) is recognized by its type.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Its path, such as `rate_limit.anonymous`.
    pub name: String,
    /// What kind of value it takes.
    pub kind: ValueKind,
    /// May it be without a value?
    pub optional: bool,
    /// The least number.
    pub minimum: Option<f64>,
    /// The greatest number.
    pub maximum: Option<f64>,
    /// The texts that it takes, where only some are.
    pub choices: Vec<String>,
    /// What it means.
    pub description: String,
    /// Is the value never shown?
    pub secret: bool,
    /// May it change while the server runs?
    pub runtime: bool,
}

/// Every key of `T`, in alphabetical order.
pub(super) fn of<T: JsonSchema>() -> Vec<Key> {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let schema = settings.into_generator().into_root_schema_for::<T>();
    let mut keys = Vec::new();
    if let Some(root) = schema.as_object() {
        collect("", root, false, &mut keys);
    }
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    keys
}

fn collect(prefix: &str, section: &Map<String, Value>, runtime: bool, keys: &mut Vec<Key>) {
    let properties = section.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let Some(property) = property.as_object() else { continue };
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let runtime = property.get("x-runtime").and_then(Value::as_bool).unwrap_or(runtime);
        if property.contains_key("properties") {
            collect(&name, property, runtime, keys);
        } else {
            keys.push(Key::of(name, property, runtime));
        }
    }
}

impl Key {
    fn of(name: String, schema: &Map<String, Value>, runtime: bool) -> Self {
        // `Option` of a type with a schema of its own is "any of it and null".
        let variants = schema.get("anyOf").and_then(Value::as_array);
        let variant = variants.into_iter().flatten().find(|variant| variant["type"] != "null");
        let inner = variant.and_then(Value::as_object).unwrap_or(schema);
        let types: Vec<&str> = match inner.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => vec!["string"],
        };
        let number = |field: &str| inner.get(field).and_then(Value::as_f64);
        let secret = [schema, inner].iter().any(|schema| schema.get("writeOnly") == Some(&Value::Bool(true)));
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        Self {
            name,
            kind: kind(&types),
            optional: variant.is_some() || types.contains(&"null"),
            minimum: number("minimum"),
            maximum: number("maximum").or_else(|| greatest(inner)),
            choices: choices(inner),
            description: description.split_whitespace().collect::<Vec<_>>().join(" "),
            secret,
            // What is secret would be stored in clear.
            runtime: runtime && !secret,
        }
    }

    /// What is wrong with the value, if it is outside the range.
    pub(super) fn out_of_range(&self, value: &Value) -> Option<String> {
        let number = value.as_f64()?;
        let below = self.minimum.is_some_and(|minimum| number < minimum);
        let above = self.maximum.is_some_and(|maximum| number > maximum);
        (below || above).then(|| format!("must be {}, not {value}", Range(self)))
    }
}

/// The range in words.
struct Range<'a>(&'a Key);

impl fmt::Display for Range<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.minimum, self.0.maximum) {
            (Some(minimum), Some(maximum)) => write!(f, "from {minimum} to {maximum}"),
            (Some(minimum), None) => write!(f, "at least {minimum}"),
            (None, Some(maximum)) => write!(f, "at most {maximum}"),
            (None, None) => f.write_str("a number"),
        }
    }
}

fn kind(types: &[&str]) -> ValueKind {
    match types.iter().find(|name| **name != "null") {
        Some(&"integer") => ValueKind::Integer,
        Some(&"number") => ValueKind::Number,
        Some(&"boolean") => ValueKind::Boolean,
        Some(&"array") => ValueKind::Array,
        _ => ValueKind::String,
    }
}

/// The greatest number that the type itself can hold.
fn greatest(schema: &Map<String, Value>) -> Option<f64> {
    match schema.get("format").and_then(Value::as_str)? {
        "uint8" => Some(u8::MAX.into()),
        "uint16" => Some(u16::MAX.into()),
        "uint32" => Some(u32::MAX.into()),
        _ => None,
    }
}

/// The texts of an enumeration: `enum` if its variants have no description, `oneOf` with a `const` each if they do.
fn choices(schema: &Map<String, Value>) -> Vec<String> {
    let list = |field: &str| schema.get(field).and_then(Value::as_array).into_iter().flatten();
    let of_variants = list("oneOf").flat_map(|variant| {
        let several = variant.get("enum").and_then(Value::as_array).into_iter().flatten();
        variant.get("const").into_iter().chain(several)
    });
    let texts = list("enum").chain(of_variants).filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}
