//! What becomes of a role that is made or changed: worked out of plain values, before anything is written.

use kernel::{Error, FieldErrors, Id, Patch, PermissionSet, Principal, Timestamp, id::kind, text};

use super::{
    Catalogue, CustomRole, Role, may_assign,
    model::{NewRole, PermissionChange, RoleError, RolePatch},
    permissions::Granted,
    store::RoleRow,
    system,
};

/// Parents of one role at the most.
const MOST_PARENTS: usize = 20;

/// A role as it is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) row: RoleRow,
    pub(super) parents: Vec<Id<kind::Role>>,
}

impl Draft {
    /// The role as it stands.
    pub(super) fn of(row: RoleRow, catalogue: &Catalogue) -> Self {
        let parents = catalogue.custom(row.id).map(|role| role.parents.clone()).unwrap_or_default();
        Self { row, parents }
    }

    fn custom(&self) -> CustomRole {
        CustomRole {
            id: self.row.id,
            name: self.row.name.clone(),
            level: u8::try_from(self.row.level).unwrap_or(0),
            permissions: Granted::stored(&self.row.permissions).permissions(),
            parents: self.parents.clone(),
        }
    }

    /// May the caller make the role what it is to be, among those that there are? Gives the roles as they will be.
    pub(super) fn permitted(&self, who: &Principal, catalogue: &Catalogue) -> Result<Catalogue, RoleError> {
        let after = catalogue.with(self.custom());
        for parent in &self.parents {
            if after.contains(*parent, self.row.id) {
                return Err(RoleError::Cycle);
            }
        }
        for state in [catalogue, &after] {
            if let Some(role) = state.by_id(self.row.id) {
                may_shape(who, &role)?;
            }
        }
        // What contains the role allows with it what it allows.
        for other in after.customs().filter(|other| after.contains(other.id, self.row.id)) {
            if after.by_id(other.id) != catalogue.by_id(other.id)
                && let Some(role) = after.by_id(other.id)
            {
                may_shape(who, &role)?;
            }
        }
        Ok(after)
    }
}

/// May the caller make, change or give the role?
pub(super) fn may_shape(who: &Principal, role: &Role) -> Result<(), RoleError> {
    if may_assign(who.level, who.permissions, role) {
        Ok(())
    } else {
        Err(RoleError::LevelTooHigh(role.name.clone().into_owned()))
    }
}

/// Reads a new role, or tells everything that is wrong with it.
pub(super) fn check_new(
    new: &NewRole,
    id: Id<kind::Role>,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Draft, RoleError> {
    let mut wrong = FieldErrors::default();
    let name = wrong.take("name", name(&new.name)).unwrap_or_default();
    let display_name = new.display_name.as_deref().and_then(|text| wrong.take("display_name", display(text)));
    let description = new.description.as_deref().and_then(|text| wrong.take("description", about(text)));
    let row = RoleRow {
        id,
        rev: 1,
        display_name: display_name.unwrap_or_else(|| name.clone()),
        name,
        description: description.flatten(),
        level: level(new.hierarchy_level.unwrap_or(50), &mut wrong),
        permissions: Granted::read("permissions", &new.permissions, &mut wrong).to_stored(),
        created_at: now,
        updated_at: now,
    };
    let parents = parents(&new.parent_roles, catalogue, &mut wrong);
    finish(wrong, [&new.permissions])?;
    is_free(&row.name)?;
    Ok(Draft { row, parents })
}

/// Works out what a patch does to a role, or tells everything that is wrong with it.
pub(super) fn plan(
    patch: &RolePatch,
    before: &Draft,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Draft, RoleError> {
    let mut wrong = FieldErrors::default();
    let mut draft = before.clone();
    let row = &mut draft.row;
    match &patch.name {
        Patch::Keep => {}
        Patch::Clear => wrong.add("name", "can't be cleared"),
        Patch::Set(text) => row.name = wrong.take("name", name(text)).unwrap_or_default(),
    }
    match &patch.display_name {
        Patch::Keep => {}
        Patch::Clear => row.display_name = row.name.clone(),
        Patch::Set(text) => row.display_name = wrong.take("display_name", display(text)).unwrap_or_default(),
    }
    match &patch.description {
        Patch::Keep => {}
        Patch::Clear => row.description = None,
        Patch::Set(text) => row.description = wrong.take("description", about(text)).flatten(),
    }
    match patch.hierarchy_level {
        Patch::Keep => {}
        Patch::Clear => wrong.add("hierarchy_level", "can't be cleared"),
        Patch::Set(number) => row.level = level(number, &mut wrong),
    }
    let none = Vec::new();
    let permissions = match &patch.permissions {
        Patch::Keep => &none,
        Patch::Clear => {
            row.permissions = String::new();
            &none
        }
        Patch::Set(texts) => {
            row.permissions = Granted::read("permissions", texts, &mut wrong).to_stored();
            texts
        }
    };
    match &patch.parent_roles {
        Patch::Keep => {}
        Patch::Clear => draft.parents = Vec::new(),
        Patch::Set(names) => draft.parents = parents(names, catalogue, &mut wrong),
    }
    finish(wrong, [permissions])?;
    if draft.row.name != before.row.name {
        is_free(&draft.row.name)?;
    }
    if draft != *before {
        draft.row.updated_at = now;
    }
    Ok(draft)
}

/// The same for a change to what it allows.
pub(super) fn change(change: &PermissionChange, before: &Draft, now: Timestamp) -> Result<Draft, RoleError> {
    let mut wrong = FieldErrors::default();
    let add = Granted::read("changes", &change.add, &mut wrong);
    let remove = Granted::read("changes", &change.remove, &mut wrong);
    let mut permissions = Granted::stored(&before.row.permissions);
    permissions.change(&add, &remove, "changes", &mut wrong);
    finish(wrong, [&change.add, &change.remove])?;
    let mut draft = before.clone();
    draft.row.permissions = permissions.to_stored();
    if draft != *before {
        draft.row.updated_at = now;
    }
    Ok(draft)
}

/// Ok if nothing is wrong; that a permission doesn't exist is a reason of its own.
pub(crate) fn finish<'a>(
    wrong: FieldErrors,
    permissions: impl IntoIterator<Item = &'a Vec<String>>,
) -> Result<(), Error> {
    if wrong.is_empty() {
        return Ok(());
    }
    let mut texts = permissions.into_iter().flatten();
    let is_unknown = texts.any(|text| text.parse::<PermissionSet>().is_err());
    let error = Error::from(wrong);
    Err(if is_unknown { error.reason("unknown_permission") } else { error })
}

fn is_free(name: &str) -> Result<(), RoleError> {
    if system::is_name(name) { Err(RoleError::NameTaken) } else { Ok(()) }
}

/// The name that a role is known by.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
    if !(begins && text.len() <= 64 && text.bytes().all(plain)) {
        return Err(
            "must be 1 to 64 characters of a-z, 0-9, underscore and hyphen, and begin with one of the first two",
        );
    }
    // Roles are named by id or by name: none may look like the other.
    if text.starts_with("rol_") { Err("must not begin with rol_") } else { Ok(text.to_owned()) }
}

pub(crate) fn display(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let fits = text::is_one_line(text) && text.chars().count() <= 120;
    if fits { Ok(text.to_owned()) } else { Err("must be 1 to 120 characters in one line") }
}

pub(crate) fn about(text: &str) -> Result<Option<String>, &'static str> {
    let text = text.trim();
    let fits = text.chars().count() <= 500 && !text.chars().any(text::disturbs);
    if fits {
        Ok((!text.is_empty()).then(|| text.to_owned()))
    } else {
        Err("must be at most 500 characters in one line")
    }
}

fn level(number: u8, wrong: &mut FieldErrors) -> i64 {
    wrong.check((1..=99).contains(&number), "hierarchy_level", "must be 1 to 99");
    number.into()
}

fn parents(names: &[String], catalogue: &Catalogue, wrong: &mut FieldErrors) -> Vec<Id<kind::Role>> {
    wrong.check(names.len() <= MOST_PARENTS, "parent_roles", "must have at most 20 entries");
    let mut found = Vec::new();
    for name in names.iter().take(MOST_PARENTS) {
        match catalogue.named(name.trim()) {
            Some(role) if found.contains(&role.id) => {}
            Some(role) => found.push(role.id),
            None => wrong.add("parent_roles", format!("there is no role \"{}\"", name.escape_debug())),
        }
    }
    found.sort_unstable();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_slug_that_no_id_looks_like() {
        assert_eq!(name(" front-desk_2 "), Ok("front-desk_2".to_owned()));
        for text in ["", "-a", "A", "a b", "rol_01jxk6qv9ve7m8g3t5s0c4d2ba", &"a".repeat(65)] {
            assert!(name(text).is_err(), "{text}");
        }
    }
}
