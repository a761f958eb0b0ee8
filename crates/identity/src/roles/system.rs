//! The roles that every server has: code with fixed ids, not rows, so that nobody can edit themselves one.

use std::{borrow::Cow, sync::LazyLock};

use kernel::{Id, Permission, PermissionSet, id::kind};
use uuid::Uuid;

use super::Role;

/// A row of the table: number (part of the id, never reused), name, level, parents, permissions.
type Row = (u8, &'static str, u8, &'static [&'static str], &'static str);

/// The level of roles that add permissions to a person's rank without changing it.
const FUNCTIONAL: u8 = 0;

const ROWS: &[Row] = &[
    // Ranks, each containing the one before it.
    (1, "guest", 10, &[], "chat:read chat:write bots:use"),
    (
        2,
        "viewer",
        30,
        &["guest"],
        "files:read documents:read email:read calendar:read tasks:read meet:read whiteboards:read notifications:read \
         groups:read users:read roles:read kb:read reports:read webhooks:read",
    ),
    (
        3,
        "member",
        50,
        &["viewer"],
        "files:write files:delete documents:write email:* calendar:* tasks:write tasks:delete tasks:complete \
         tasks:reports tasks:automation meet:create meet:join meet:invite meet:record whiteboards:write groups:write \
         groups:delete ai:use api:keys privacy:request webhooks:write",
    ),
    (
        4,
        "manager",
        70,
        &["member"],
        "files:share bots:create bots:write kb:write groups:create analytics:read reports:create monitoring:read \
         tasks:assign",
    ),
    (5, "admin", 90, &[], "*"),
    (6, "owner", 100, &[], "*"),
    // Functions, to be added on top.
    (20, "user_admin", FUNCTIONAL, &[], "admin:users admin:groups roles:read"),
    (21, "bot_manager", FUNCTIONAL, &[], "admin:bots"),
    (22, "kb_manager", FUNCTIONAL, &[], "kb:*"),
    (23, "support_agent", FUNCTIONAL, &[], "conversations:*"),
    (24, "monitor", FUNCTIONAL, &[], "monitoring:read services:read"),
    (25, "log_viewer", FUNCTIONAL, &[], "logs:read"),
    (26, "auditor", FUNCTIONAL, &[], "audit:*"),
    (27, "key_manager", FUNCTIONAL, &[], "admin:keys"),
    (28, "session_manager", FUNCTIONAL, &[], "admin:sessions"),
    (29, "security_analyst", FUNCTIONAL, &[], "security:*"),
    (30, "backup_operator", FUNCTIONAL, &[], "backup:read backup:write"),
    (31, "model_manager", FUNCTIONAL, &[], "ai:models"),
    (32, "trainer", FUNCTIONAL, &[], "ai:train"),
    (33, "ml_user", FUNCTIONAL, &[], "ml:read ml:write ml:predict"),
    (34, "ml_trainer", FUNCTIONAL, &[], "ml:*"),
    (35, "analytics_viewer", FUNCTIONAL, &[], "analytics:read analytics:realtime reports:read"),
    (36, "analytics_admin", FUNCTIONAL, &[], "analytics:* reports:*"),
    (37, "report_viewer", FUNCTIONAL, &[], "reports:read"),
    (38, "report_creator", FUNCTIONAL, &["report_viewer"], "reports:create"),
    (39, "report_admin", FUNCTIONAL, &[], "reports:*"),
    (40, "compliance_viewer", FUNCTIONAL, &[], "compliance:read"),
    (41, "compliance_auditor", FUNCTIONAL, &[], "compliance:read audit:*"),
    (42, "compliance_admin", FUNCTIONAL, &[], "compliance:* retention:*"),
    (43, "privacy_officer", FUNCTIONAL, &[], "privacy:*"),
];

/// Names that are read as another's.
const ALIASES: &[(&str, &str)] = &[("user", "member")];

/// All roles, permissions resolved.
pub(crate) static ROLES: LazyLock<Vec<Role>> = LazyLock::new(|| ROWS.iter().map(role).collect());

fn role(&(number, name, level, ..): &Row) -> Role {
    let mut permissions = granted(name);
    if name == "admin" {
        permissions = permissions.without(Permission::ORG_DELETE);
    }
    Role { id: id(number), name: Cow::Borrowed(name), level, permissions }
}

/// What a role says of itself, before its parents are added.
pub(crate) struct Definition {
    pub(crate) parents: &'static [&'static str],
    pub(crate) permissions: Vec<String>,
}

/// The definition of the role of that name.
pub(crate) fn definition(name: &str) -> Option<Definition> {
    let (.., parents, own) = ROWS.iter().find(|row| row.1 == name)?;
    let permissions = match name {
        // Its row can't say what it leaves out.
        "admin" => by_name(name)?.permissions.iter().map(|permission| permission.to_string()).collect(),
        _ => own.split_whitespace().map(str::to_owned).collect(),
    };
    Some(Definition { parents, permissions })
}

/// Is the name one that a role of the server has, or is read as?
pub(crate) fn is_name(name: &str) -> bool {
    by_name(name).is_some()
}

/// The permissions of a role and of its parents. The table has no cycles: parents stand above their children.
fn granted(name: &str) -> PermissionSet {
    let Some((.., parents, own)) = ROWS.iter().find(|row| row.1 == name) else {
        return PermissionSet::EMPTY;
    };
    let own = own.split_whitespace().filter_map(|text| text.parse().ok());
    let inherited = parents.iter().map(|parent| granted(parent));
    own.chain(inherited).fold(PermissionSet::EMPTY, PermissionSet::union)
}

/// Fixed ids are `UUIDv7`s of the epoch's first moment, told apart by their last byte.
const fn id(number: u8) -> Id<kind::Role> {
    Id::from_uuid(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000 | number as u128))
}

/// Owners may do everything; each organization has at least one.
pub(crate) const OWNER: Id<kind::Role> = id(6);
/// What somebody is who was given nothing else.
pub(crate) const MEMBER: Id<kind::Role> = id(3);

/// The role of that id.
pub(crate) fn by_id(id: Id<kind::Role>) -> Option<&'static Role> {
    ROLES.iter().find(|role| role.id == id)
}

/// The role of that name, or of the one that it stands for.
pub(crate) fn by_name(name: &str) -> Option<&'static Role> {
    let name = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, meant)| meant);
    ROLES.iter().find(|role| role.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permissions(name: &str) -> PermissionSet {
        by_name(name).unwrap().permissions
    }

    #[test]
    fn every_permission_in_the_table_exists() {
        for (_, role, _, _, permissions) in ROWS {
            for text in permissions.split_whitespace() {
                assert!(text.parse::<PermissionSet>().is_ok(), "{role}: {text}");
            }
        }
    }

    #[test]
    fn every_rank_contains_the_next() {
        let mut ranks: Vec<_> = ROLES.iter().filter(|role| role.level > FUNCTIONAL).collect();
        ranks.sort_by_key(|role| role.level);

        for pair in ranks.windows(2) {
            assert!(
                pair[1].permissions.contains_all(pair[0].permissions),
                "{} {}",
                pair[1].name,
                pair[0].name
            );
        }
        assert_eq!(ranks.len(), 6);
    }

    #[test]
    fn only_owners_delete_the_organization() {
        assert!(permissions("owner").contains(Permission::ORG_DELETE));
        assert_eq!(permissions("admin"), PermissionSet::all().without(Permission::ORG_DELETE));
    }

    #[test]
    fn the_fixed_ids_are_what_the_names_say() {
        assert_eq!(by_id(OWNER).unwrap().name, "owner");
        assert_eq!(by_id(MEMBER).unwrap().name, "member");
        assert_eq!(by_name("user"), by_id(MEMBER));
    }

    #[test]
    fn names_and_ids_are_unique() {
        for (number, role) in ROLES.iter().enumerate() {
            assert!(ROLES[..number].iter().all(|other| other.id != role.id && other.name != role.name));
        }
    }

    #[test]
    fn parents_are_resolved() {
        assert!(permissions("manager").contains(Permission::CHAT_WRITE), "through member, viewer and guest");
        assert!(permissions("report_creator").contains(Permission::REPORTS_READ));
        assert!(!permissions("member").contains(Permission::TASKS_ASSIGN));
    }
}
