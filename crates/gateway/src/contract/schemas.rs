//! Names for what is used more than once: the derivation of schemas writes the contents of an envelope out in each.

use utoipa::openapi::{Ref, RefOr, Schema, schema::ArrayItems};

use super::Schemas;

/// The schemas by name, each envelope referring to what it holds, and each page to its items.
pub(super) fn named(found: impl IntoIterator<Item = (String, RefOr<Schema>)>) -> Schemas {
    let mut schemas = Schemas::new();
    for (name, schema) in found {
        // Of two with one name, one would be lost and everything that means it would be wrong.
        let taken = schemas.get(&name).is_some_and(|present| *present != schema);
        debug_assert!(!taken, "two schemas are called {name}; give one another name with #[schema(as = …)]");
        schemas.insert(name, schema);
    }
    let envelopes: Vec<_> = schemas.keys().filter(|name| name.starts_with("Envelope_")).cloned().collect();
    for name in envelopes {
        let Some(mut envelope) = schemas.remove(&name) else { continue };
        if let (RefOr::T(Schema::Object(object)), Some(held)) =
            (&mut envelope, name.strip_prefix("Envelope_"))
            && let Some(data) = object.properties.get_mut("data")
        {
            refer(data, held, &mut schemas);
        }
        schemas.insert(name, envelope);
    }
    schemas
}

/// Puts a reference in the place of a schema that was written out, or of its items.
fn refer(schema: &mut RefOr<Schema>, name: &str, schemas: &mut Schemas) {
    if let Some(items) = name.strip_prefix("Vec_") {
        if let RefOr::T(Schema::Array(array)) = schema {
            refer_items(&mut array.items, items, schemas);
        }
        return;
    }
    let reference = RefOr::Ref(Ref::from_schema_name(name));
    let mut written = std::mem::replace(schema, reference);
    if let (RefOr::T(Schema::Object(page)), Some(items)) = (&mut written, name.strip_prefix("Page_"))
        && let Some(RefOr::T(Schema::Array(array))) = page.properties.get_mut("items")
    {
        refer_items(&mut array.items, items, schemas);
    }
    schemas.entry(name.to_owned()).or_insert(written);
}

fn refer_items(items: &mut ArrayItems, name: &str, schemas: &mut Schemas) {
    if let ArrayItems::RefOrSchema(item) = items {
        refer(item, name, schemas);
    }
}
