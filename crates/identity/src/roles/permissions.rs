//! Permissions as people write them: `resource:action`, with wildcards; and the list of all that there are.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use kernel::{
    FieldErrors, Permission, PermissionSet,
    list::{Cursor, FilterField, ListRequest, ListSpec, Listed, Page, SortField, SortValue},
};
use serde::Serialize;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// Permissions that one role, or one group, names at the most. There are fewer.
const MOST: usize = 200;

/// A permission or a family of them, for the contract.
pub(crate) enum PermissionText {}

impl PartialSchema for PermissionText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(
                "A permission, `resource:action`. `resource:*` and `*` are wildcards; a dot is read as the colon.",
            ))
            .pattern(Some(pattern()))
            .examples([serde_json::Value::from("bots:use")])
            .into()
    }
}

impl ToSchema for PermissionText {}

/// What [`PermissionSet`] reads, as a regular expression.
fn pattern() -> String {
    let mut families = BTreeMap::<_, BTreeSet<_>>::new();
    for permission in Permission::all() {
        families.entry(permission.resource()).or_default().insert(permission.action());
    }
    let all: BTreeSet<_> = families.values().flatten().copied().collect();
    let family = |resource: &str, actions: &BTreeSet<&str>| {
        format!(r"{resource}[:.]({}|\*)", actions.iter().copied().collect::<Vec<_>>().join("|"))
    };
    let mut choices = vec![r"\*".to_owned(), family(r"\*", &all)];
    choices.extend(families.iter().map(|(resource, actions)| family(resource, actions)));
    format!("^ *({}) *$", choices.join("|"))
}

/// What somebody, or some group, is allowed by name: the texts as they were written, each once, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Granted(BTreeSet<String>);

impl Granted {
    /// Reads what the database keeps.
    pub(crate) fn stored(text: &str) -> Self {
        Self(text.split_whitespace().map(str::to_owned).collect())
    }

    /// Reads texts that somebody wrote; what is wrong with them is noted under the field.
    pub(crate) fn read(field: &str, texts: &[String], wrong: &mut FieldErrors) -> Self {
        wrong.check(texts.len() <= MOST, field, "must have at most 200 entries");
        let mut granted = BTreeSet::new();
        for text in texts.iter().take(MOST) {
            match text.parse::<PermissionSet>() {
                Ok(_) => _ = granted.insert(text.trim().replace('.', ":")),
                Err(_) => wrong.add(field, format!("there is no permission \"{}\"", text.escape_debug())),
            }
        }
        Self(granted)
    }

    /// Adds and removes. What is still allowed by a wildcard or a family can't be taken by its own name; that is noted.
    pub(crate) fn change(&mut self, add: &Self, remove: &Self, field: &str, wrong: &mut FieldErrors) {
        self.0.retain(|text| !remove.0.contains(text));
        self.0.extend(add.0.iter().cloned());
        let left = self.permissions();
        for text in &remove.0 {
            if add.0.contains(text) {
                wrong.add(field, format!("{text} can't be both added and removed"));
            } else if left.contains_all(stored(text)) {
                wrong.add(field, format!("{text} is contained in another entry; remove that one"));
            }
        }
    }

    /// What it amounts to.
    pub(crate) fn permissions(&self) -> PermissionSet {
        self.0.iter().map(|text| one(text)).fold(PermissionSet::EMPTY, PermissionSet::union)
    }

    /// The texts.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.0.iter().cloned().collect()
    }

    /// As the database keeps it.
    pub(crate) fn to_stored(&self) -> String {
        self.texts().join(" ")
    }
}

/// What a stored text allows. One that a later version knew and this one doesn't allows nothing.
pub(crate) fn stored(text: &str) -> PermissionSet {
    text.split_whitespace().map(one).fold(PermissionSet::EMPTY, PermissionSet::union)
}

/// Looked up rather than compared with the whole registry: somebody's groups may name hundreds.
fn one(text: &str) -> PermissionSet {
    static KNOWN: LazyLock<HashMap<&'static str, PermissionSet>> =
        LazyLock::new(|| Permission::all().map(|p| (p.as_str(), [p].into_iter().collect())).collect());
    KNOWN.get(text).copied().or_else(|| text.parse().ok()).unwrap_or_default()
}

/// A permission that the server knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PermissionInfo {
    /// Its name.
    #[schema(value_type = PermissionText)]
    permission: Permission,
    /// What it is about: the part before the colon.
    #[schema(example = "bots")]
    category: &'static str,
    /// One sentence on what it allows.
    #[schema(example = "Use bots.")]
    description: &'static str,
    /// What it contains besides itself.
    #[schema(value_type = Vec<PermissionText>, example = json!([]))]
    contains: Vec<Permission>,
}

impl PermissionInfo {
    fn of(permission: Permission) -> Self {
        let whole: PermissionSet = [permission].into_iter().collect();
        Self {
            permission,
            category: permission.resource(),
            description: permission.meaning(),
            contains: whole.without(permission).iter().collect(),
        }
    }
}

/// The list of permissions.
pub(crate) enum PermissionList {}

impl Listed for PermissionList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::asc("permission")],
        filters: &[FilterField::texts("category", "About one of these.")],
        search: None,
    };
}

/// A page of them.
pub(super) fn page(request: &ListRequest) -> Page<PermissionInfo> {
    let wanted = |permission: Permission| {
        request.filters.iter().all(|(_, values)| values.iter().any(|value| value == permission.resource()))
    };
    let place = |permission: Permission| Cursor {
        value: SortValue::Text(permission.as_str().to_owned()),
        id: [0; 16],
        skip: 0,
    };
    let found = Permission::all().filter(|permission| wanted(*permission));
    request.cut(found.map(|permission| (place(permission), PermissionInfo::of(permission))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(texts: &[&str]) -> Granted {
        let mut wrong = FieldErrors::default();
        let texts: Vec<_> = texts.iter().map(|text| (*text).to_owned()).collect();
        let granted = Granted::read("permissions", &texts, &mut wrong);
        assert!(wrong.is_empty());
        granted
    }

    #[test]
    fn texts_are_kept_once_and_with_a_colon() {
        assert_eq!(granted(&[" bots.use ", "bots:use", "kb:*"]).texts(), ["bots:use", "kb:*"]);
        let kept = granted(&["bots:use", "*"]);
        assert_eq!(Granted::stored(&kept.to_stored()), kept);
        assert_eq!(stored("bots:use from:tomorrow"), granted(&["bots:use"]).permissions());
    }

    #[test]
    fn what_a_wildcard_allows_can_not_be_taken_by_its_own_name() {
        let mut wrong = FieldErrors::default();
        let mut present = granted(&["bots:*", "kb:read"]);

        present.change(&granted(&["files:read"]), &granted(&["kb:read"]), "remove", &mut wrong);
        assert_eq!(present.texts(), ["bots:*", "files:read"]);
        assert!(wrong.is_empty());

        present.change(&Granted::default(), &granted(&["bots:use"]), "remove", &mut wrong);
        assert!(!wrong.is_empty());
    }

    #[test]
    fn the_whole_registry_can_be_walked() {
        let mut cursor = String::new();
        let mut seen = Vec::new();
        loop {
            let query = [("limit", "40"), ("cursor", cursor.as_str())];
            let asked = if cursor.is_empty() { &query[..1] } else { &query[..] };
            let page = page(&PermissionList::SPEC.read(asked.iter().copied()).unwrap());
            seen.extend(page.items.iter().map(|info| info.permission));
            match page.next_cursor {
                Some(next) => cursor = next,
                None => break,
            }
        }
        assert_eq!(seen.len(), Permission::all().count());
        assert!(seen.is_sorted_by_key(|permission| permission.as_str()));
    }
}
