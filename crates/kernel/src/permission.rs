//! What may be done: `resource:action`, wildcards, and the `admin:x` families.
//!
//! The table below is the registry. A permission in code is a constant of it, never a string at a call site; a set of
//! permissions is one 128-bit mask, so asking costs an AND.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

/// One permission of the registry.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(u8);

macro_rules! registry {
    ($($resource:literal { $($constant:ident $action:literal $meaning:literal;)* })*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Index { $($($constant,)*)* }

        impl Permission {
            $($(
                #[doc = concat!("`", $resource, ":", $action, "`: ", $meaning)]
                pub const $constant: Self = Self(Index::$constant as u8);
            )*)*
        }

        const REGISTRY: &[Entry] = &[$($(
            Entry {
                name: concat!($resource, ":", $action),
                resource: $resource,
                action: $action,
                meaning: $meaning,
            },
        )*)*];
    };
}

/// A row of the registry.
struct Entry {
    name: &'static str,
    resource: &'static str,
    action: &'static str,
    meaning: &'static str,
}

registry! {
    "org" {
        ORG_CREATE "create" "Create organizations.";
        ORG_READ "read" "See the organization's settings and use.";
        ORG_WRITE "write" "Change the organization.";
        ORG_DELETE "delete" "Delete the organization with everything in it.";
        ORG_MEMBERS "members" "Invite and remove members.";
    }
    "users" {
        USERS_READ "read" "See the people of the organization.";
    }
    "groups" {
        GROUPS_CREATE "create" "Create groups.";
        GROUPS_READ "read" "See groups.";
        GROUPS_WRITE "write" "Change groups.";
        GROUPS_DELETE "delete" "Delete groups.";
    }
    "roles" {
        ROLES_READ "read" "See roles and the permissions they carry.";
    }
    "admin" {
        ADMIN_USERS "users" "Administer users.";
        ADMIN_GROUPS "groups" "Administer all groups.";
        ADMIN_ROLES "roles" "Administer roles and who has them.";
        ADMIN_KEYS "keys" "Administer everybody's API keys.";
        ADMIN_SESSIONS "sessions" "See and end everybody's sessions.";
        ADMIN_BOTS "bots" "Administer all bots.";
        ADMIN_CONFIG "config" "See and change the configuration.";
        ADMIN_MONITOR "monitor" "See everything that is measured.";
        ADMIN_BACKUP "backup" "Administer backups.";
    }
    "api" {
        API_KEYS "keys" "Have API keys of one's own.";
    }
    "audit" {
        AUDIT_READ "read" "Read the audit log.";
        AUDIT_EXPORT "export" "Export the audit log.";
    }
    "security" {
        SECURITY_READ "read" "See security policies and findings.";
        SECURITY_WRITE "write" "Change security policies.";
        SECURITY_SCAN "scan" "Start scans.";
        SECURITY_RESPOND "respond" "Act on incidents.";
    }
    "chat" {
        CHAT_READ "read" "Read one's own conversations.";
        CHAT_WRITE "write" "Talk to bots.";
    }
    "bots" {
        BOTS_READ "read" "See how bots are made.";
        BOTS_USE "use" "Use bots.";
        BOTS_CREATE "create" "Create bots.";
        BOTS_WRITE "write" "Change bots.";
        BOTS_DELETE "delete" "Delete bots.";
    }
    "conversations" {
        CONVERSATIONS_READ "read" "Read the conversations of the organization's bots.";
        CONVERSATIONS_WRITE "write" "Write in the conversations of the organization's bots.";
    }
    "channels" {
        CHANNELS_READ "read" "See messaging channels.";
        CHANNELS_WRITE "write" "Connect messaging channels.";
    }
    "kb" {
        KB_READ "read" "Search knowledge bases.";
        KB_WRITE "write" "Add and remove knowledge.";
        KB_ADMIN "admin" "Administer knowledge bases.";
    }
    "webhooks" {
        WEBHOOKS_READ "read" "See webhooks.";
        WEBHOOKS_WRITE "write" "Create and change webhooks.";
    }
    "files" {
        FILES_READ "read" "Read files.";
        FILES_WRITE "write" "Write files.";
        FILES_DELETE "delete" "Delete files.";
        FILES_SHARE "share" "Share files.";
    }
    "storage" {
        STORAGE_READ "read" "Read buckets and objects.";
        STORAGE_WRITE "write" "Write objects.";
        STORAGE_DELETE "delete" "Delete objects.";
        STORAGE_ADMIN "admin" "Administer buckets.";
    }
    "documents" {
        DOCUMENTS_READ "read" "Read documents.";
        DOCUMENTS_WRITE "write" "Write documents.";
    }
    "email" {
        EMAIL_READ "read" "Read mail.";
        EMAIL_SEND "send" "Send mail.";
        EMAIL_WRITE "write" "Change mail and folders.";
        EMAIL_DELETE "delete" "Delete mail.";
    }
    "notifications" {
        NOTIFICATIONS_READ "read" "Read one's notifications.";
        NOTIFICATIONS_SEND "send" "Notify a person.";
        NOTIFICATIONS_BROADCAST "broadcast" "Notify many people.";
        NOTIFICATIONS_ADMIN "admin" "Administer notifications.";
    }
    "meet" {
        MEET_READ "read" "See calls.";
        MEET_CREATE "create" "Start calls.";
        MEET_JOIN "join" "Join calls.";
        MEET_INVITE "invite" "Invite to calls.";
        MEET_RECORD "record" "Record calls.";
        MEET_ADMIN "admin" "Administer calls.";
    }
    "calendar" {
        CALENDAR_READ "read" "Read calendars.";
        CALENDAR_WRITE "write" "Write events.";
        CALENDAR_BOOK "book" "Book resources.";
        CALENDAR_SHARE "share" "Share calendars.";
    }
    "tasks" {
        TASKS_READ "read" "Read tasks.";
        TASKS_WRITE "write" "Write tasks.";
        TASKS_DELETE "delete" "Delete tasks.";
        TASKS_ASSIGN "assign" "Assign tasks.";
        TASKS_COMPLETE "complete" "Complete tasks.";
        TASKS_REPORTS "reports" "See reports on tasks.";
        TASKS_AUTOMATION "automation" "Automate tasks.";
    }
    "workflows" {
        WORKFLOWS_READ "read" "See workflows.";
        WORKFLOWS_WRITE "write" "Change workflows.";
    }
    "whiteboards" {
        WHITEBOARDS_READ "read" "See whiteboards.";
        WHITEBOARDS_WRITE "write" "Draw on whiteboards.";
    }
    "analytics" {
        ANALYTICS_READ "read" "See analytics.";
        ANALYTICS_EXPORT "export" "Export analytics.";
        ANALYTICS_REALTIME "realtime" "See analytics as they happen.";
    }
    "reports" {
        REPORTS_READ "read" "Read reports.";
        REPORTS_CREATE "create" "Create reports.";
        REPORTS_ADMIN "admin" "Administer reports.";
    }
    "compliance" {
        COMPLIANCE_READ "read" "See compliance.";
        COMPLIANCE_WRITE "write" "Manage compliance.";
    }
    "privacy" {
        PRIVACY_REQUEST "request" "Ask for one's own data or its erasure.";
        PRIVACY_MANAGE "manage" "Handle privacy requests.";
    }
    "retention" {
        RETENTION_READ "read" "See retention rules.";
        RETENTION_WRITE "write" "Change retention rules.";
    }
    "ai" {
        AI_USE "use" "Use language models.";
        AI_MODELS "models" "Administer language models.";
        AI_TRAIN "train" "Train language models.";
    }
    "ml" {
        ML_READ "read" "See data sets and models.";
        ML_WRITE "write" "Change data sets and models.";
        ML_TRAIN "train" "Train models.";
        ML_PREDICT "predict" "Predict with models.";
    }
    "monitoring" {
        MONITORING_READ "read" "See the server's health and measurements.";
        MONITORING_ALERTS "alerts" "Administer alerts.";
    }
    "logs" {
        LOGS_READ "read" "Read the server's log.";
    }
    "services" {
        SERVICES_READ "read" "See the server's components.";
        SERVICES_MANAGE "manage" "Restart the server's components.";
    }
    "backup" {
        BACKUP_READ "read" "See backups.";
        BACKUP_WRITE "write" "Make backups.";
        BACKUP_RESTORE "restore" "Restore backups.";
    }
}

/// The families that an administrative permission contains besides itself.
const FAMILIES: &[(Permission, &[&str])] = &[
    (Permission::ADMIN_USERS, &["users"]),
    (Permission::ADMIN_GROUPS, &["groups"]),
    (Permission::ADMIN_ROLES, &["roles"]),
    (Permission::ADMIN_BOTS, &["bots", "kb", "conversations", "webhooks", "channels"]),
    (Permission::ADMIN_MONITOR, &["monitoring", "logs", "services"]),
    (Permission::ADMIN_BACKUP, &["backup"]),
];

impl Permission {
    /// Every permission there is, in the order of the registry.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..REGISTRY.len() as u8).map(Self)
    }

    fn entry(self) -> &'static Entry {
        &REGISTRY[usize::from(self.0)]
    }

    /// `resource:action`.
    pub fn as_str(self) -> &'static str {
        self.entry().name
    }

    /// The part before the colon.
    pub fn resource(self) -> &'static str {
        self.entry().resource
    }

    /// The part after the colon.
    pub fn action(self) -> &'static str {
        self.entry().action
    }

    /// One sentence on what it allows.
    pub fn meaning(self) -> &'static str {
        self.entry().meaning
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text that names no permission and no family of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no permission \"{0}\"")]
pub struct UnknownPermission(pub String);

/// A set of permissions, closed over the families: what holds `admin:users` also holds `users:read`.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PermissionSet(u128);

const _: () = assert!(REGISTRY.len() <= 128, "a permission set is one 128-bit mask");

impl PermissionSet {
    /// Nothing.
    pub const EMPTY: Self = Self(0);

    /// Everything.
    pub fn all() -> Self {
        Permission::all().collect()
    }

    /// Does the set contain the permission?
    pub const fn contains(self, permission: Permission) -> bool {
        self.0 >> permission.0 & 1 == 1
    }

    /// Does the set contain all of the other?
    pub const fn contains_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// Both together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both: how an API key's scopes narrow its owner's permissions.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in this one and not in the other.
    #[must_use]
    pub const fn except(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The set without one permission.
    #[must_use]
    pub const fn without(self, permission: Permission) -> Self {
        Self(self.0 & !(1 << permission.0))
    }

    /// The permissions in the order of the registry.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::all().filter(move |permission| self.contains(*permission))
    }

    fn with(self, permission: Permission) -> Self {
        let mut mask = self.0 | 1 << permission.0;
        for (_, resources) in FAMILIES.iter().filter(|(admin, _)| *admin == permission) {
            for member in Permission::all().filter(|p| resources.contains(&p.resource())) {
                mask |= 1 << member.0;
            }
        }
        Self(mask)
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

/// `resource:action`, `resource:*`, `*:action` or `*`; a dot is read as the colon.
impl FromStr for PermissionSet {
    type Err = UnknownPermission;

    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        let (resource, action) = match text.trim() {
            "*" => ("*", "*"),
            other => other.split_once([':', '.']).ok_or_else(|| UnknownPermission(text.to_owned()))?,
        };
        let fits = |entry: &Entry| {
            (resource == "*" || resource == entry.resource) && (action == "*" || action == entry.action)
        };
        let set: Self = Permission::all().filter(|p| fits(p.entry())).collect();
        if set == Self::EMPTY { Err(UnknownPermission(text.to_owned())) } else { Ok(set) }
    }
}

impl fmt::Debug for PermissionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> PermissionSet {
        text.parse().unwrap()
    }

    #[test]
    fn a_wildcard_stands_for_every_action_of_its_resource() {
        assert!(set("bots:*").contains(Permission::BOTS_DELETE));
        assert!(!set("bots:*").contains(Permission::ADMIN_BOTS));
        assert_eq!(set("*"), PermissionSet::all());
    }

    #[test]
    fn a_dot_is_read_as_the_colon() {
        assert_eq!(set("bots.use"), set("bots:use"));
    }

    #[test]
    fn an_administrative_permission_contains_its_family() {
        let admin = set("admin:bots");

        assert!(admin.contains(Permission::KB_ADMIN));
        assert!(admin.contains(Permission::CONVERSATIONS_WRITE));
        assert!(!admin.contains(Permission::USERS_READ));
    }

    #[test]
    fn what_is_not_in_the_registry_is_refused() {
        for text in ["", "bots", "bots:fly", "admin:*:x", ":"] {
            assert!(text.parse::<PermissionSet>().is_err(), "{text}");
        }
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = Permission::all().map(Permission::as_str).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();

        assert_eq!(names.len(), count);
    }
}
