//! Organizations, as far as sign-in and users need them: the server's first one and who stands in it.

pub(crate) mod store;

use kernel::{Id, Surroundings, id::kind, text};
use platform::db::{DbError, ServerUnit};

/// The server's first organization, made if there is none.
///
/// Two nodes that start together can't make two: the second one waits until the first has made it.
pub(crate) fn found(
    unit: &ServerUnit<'_>,
    world: &Surroundings,
    name: &str,
) -> Result<Id<kind::Organization>, DbError> {
    if let Some(id) = store::first(unit)? {
        return Ok(id);
    }
    unit.lock("founding")?;
    if let Some(id) = store::first(unit)? {
        return Ok(id);
    }
    let id = world.id();
    store::insert_first(unit, id, name, &slug(name), world.now())?;
    Ok(id)
}

/// A slug for an organization of that name.
pub(crate) fn slug(name: &str) -> String {
    let slug = text::slug(name);
    if slug.is_empty() { "organization".to_owned() } else { slug }
}
