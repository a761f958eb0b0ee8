//! An example of everything, made of the examples of its parts.

use serde_json::{Map, Value, json};
use utoipa::openapi::{
    KnownFormat, RefOr, Schema, SchemaFormat, Type,
    schema::{ArrayItems, Object, SchemaType},
};

use super::Schemas;

/// How deep examples go. Deeper parts are left out; the schemas hold no cycles today.
const DEPTH: u8 = 24;

/// An example that fits the schema: its own if it has one, else one made of its parts.
pub(super) fn of(schema: &RefOr<Schema>, schemas: &Schemas) -> Value {
    within(schema, schemas, DEPTH)
}

fn within(schema: &RefOr<Schema>, schemas: &Schemas, depth: u8) -> Value {
    let Some(deeper) = depth.checked_sub(1) else { return Value::Null };
    let alternatives = |items: &[RefOr<Schema>]| {
        let first = items.iter().find(|item| !is_null(item));
        first.map_or(Value::Null, |item| within(item, schemas, deeper))
    };
    match schema {
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            schemas.get(name).map_or(Value::Null, |schema| within(schema, schemas, deeper))
        }
        RefOr::T(Schema::Object(object)) => object_example(object, schemas, deeper),
        RefOr::T(Schema::Array(array)) => {
            let given = array.example.clone().or_else(|| array.examples.first().cloned());
            given.unwrap_or_else(|| match &array.items {
                ArrayItems::RefOrSchema(item) => json!([within(item, schemas, deeper)]),
                ArrayItems::False => json!([]),
            })
        }
        RefOr::T(Schema::OneOf(one)) => one.example.clone().unwrap_or_else(|| alternatives(&one.items)),
        RefOr::T(Schema::AnyOf(any)) => any.example.clone().unwrap_or_else(|| alternatives(&any.items)),
        RefOr::T(Schema::AllOf(all)) => all.example.clone().unwrap_or_else(|| {
            let parts = all.items.iter().map(|item| within(item, schemas, deeper));
            let fields = parts.filter_map(|part| match part {
                Value::Object(fields) => Some(fields),
                _ => None,
            });
            Value::Object(fields.flatten().collect())
        }),
        RefOr::T(_) => Value::Null,
    }
}

fn object_example(object: &Object, schemas: &Schemas, depth: u8) -> Value {
    let given = object.example.clone().or_else(|| object.examples.first().cloned());
    let given = given.or_else(|| object.enum_values.as_ref()?.first().cloned());
    given.unwrap_or_else(|| match main_type(&object.schema_type) {
        Some(Type::Boolean) => json!(false),
        Some(Type::Integer) => json!(object.minimum.as_ref().map_or(1, |least| number(least).max(1))),
        Some(Type::Number) => json!(1.5),
        Some(Type::String) => match object.format {
            Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)) => json!("2026-01-31T12:00:00Z"),
            _ => json!("text"),
        },
        Some(Type::Object) => {
            // What may be absent and has nothing to show of its own is left out.
            let shown = |(name, schema): &(&String, &RefOr<Schema>)| {
                object.required.contains(name) || !is_bare_text(schema)
            };
            let fields = object.properties.iter().filter(shown);
            let fields = fields.map(|(name, schema)| (name.clone(), within(schema, schemas, depth)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        Some(Type::Array) => json!([]),
        Some(Type::Null) | None => Value::Null,
    })
}

fn number(number: &utoipa::Number) -> i64 {
    serde_json::to_value(number).ok().and_then(|value| value.as_f64()).map_or(1, |value| value as i64)
}

/// A text of which nothing is known but that it is one.
fn is_bare_text(schema: &RefOr<Schema>) -> bool {
    let RefOr::T(Schema::Object(object)) = schema else { return false };
    let silent = object.example.is_none() && object.examples.is_empty() && object.enum_values.is_none();
    silent && object.format.is_none() && main_type(&object.schema_type) == Some(Type::String)
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if matches!(object.schema_type, SchemaType::Type(Type::Null)))
}

/// The type, or of several the first that is not null.
fn main_type(schema: &SchemaType) -> Option<Type> {
    match schema {
        SchemaType::Type(one) => Some(one.clone()),
        SchemaType::Array(several) => several.iter().find(|kind| **kind != Type::Null).cloned(),
        SchemaType::AnyValue => None,
    }
}
