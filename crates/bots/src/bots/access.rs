//! Who may use a bot beyond what its visibility says: people, roles and groups that are let in, and people that are kept
//! out.

use std::{borrow::Cow, collections::BTreeSet};

use identity::membership;
use kernel::{
    Actor, Error, Expected, FieldErrors, Id, Principal, Revision, Timestamp, Versioned,
    id::{
        GroupId, UserId,
        kind::{Bot as BotKind, Group, Role, User},
    },
};
use platform::{
    audit::{Audit, Category},
    db::{DbError, Tx, Unit},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    BotError, BotService, Visibility,
    events::{About, BotUpdated},
    service::{for_change, usable},
    store::{self, BotRow},
};

/// People, roles or groups that a list names at the most.
const MOST: usize = 1000;

/// Who may use a bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Access {
    /// The circle.
    visibility: Visibility,
    /// Roles whose people may use a private bot.
    #[schema(example = json!(["manager"]))]
    allowed_roles: Vec<Cow<'static, str>>,
    /// Groups whose members may use a private bot.
    allowed_groups: Vec<GroupId>,
    /// People who may use a private bot, besides whoever made it.
    allowed_users: Vec<UserId>,
    /// People who may not use it, whatever else holds.
    denied_users: Vec<UserId>,
    /// May visitors use a public bot?
    anonymous_allowed: bool,
    /// Conversations that may be held with it at once; no limit if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_concurrent_sessions: Option<u32>,
}

/// Who is to use a bot. What is absent is as it is for a new bot.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct NewAccess {
    /// The circle; as it is if absent.
    visibility: Option<Visibility>,
    /// The same in other words: `users` for `private`.
    #[schema(pattern = "^(organization|users|public)$", example = "users")]
    access_type: Option<AccessType>,
    /// Names of roles whose people may use a private bot.
    #[schema(max_items = 1000, example = json!(["manager"]))]
    allowed_roles: Vec<String>,
    /// Groups whose members may use a private bot, also members through a group above.
    #[schema(max_items = 1000)]
    allowed_groups: Vec<GroupId>,
    /// People who may use a private bot, besides whoever made it.
    #[schema(max_items = 1000)]
    allowed_users: Vec<UserId>,
    /// People who may not use it, whatever else holds.
    #[schema(max_items = 1000)]
    denied_users: Vec<UserId>,
    /// May visitors use a public bot?
    anonymous_allowed: bool,
    /// Conversations that may be held with it at once; no limit if absent.
    #[schema(minimum = 1, maximum = 1_000_000)]
    max_concurrent_sessions: Option<u32>,
}

/// A circle in other words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum AccessType {
    Organization,
    Users,
    Public,
}

impl From<AccessType> for Visibility {
    fn from(other: AccessType) -> Self {
        match other {
            AccessType::Organization => Self::Organization,
            AccessType::Users => Self::Private,
            AccessType::Public => Self::Public,
        }
    }
}

/// How somebody stands to a bot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    AllowedUser,
    AllowedRole,
    AllowedGroup,
    DeniedUser,
}

impl Relation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::AllowedUser => "allowed_user",
            Self::AllowedRole => "allowed_role",
            Self::AllowedGroup => "allowed_group",
            Self::DeniedUser => "denied_user",
        }
    }
}

/// What decides whether somebody may use a bot.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Guard<'a> {
    pub(crate) bot: Id<BotKind>,
    pub(crate) visibility: &'a str,
    pub(crate) created_by: Option<Id<User>>,
    /// Does any list name people, roles or groups?
    pub(crate) is_listed: bool,
    /// May visitors use it, if it is public?
    pub(crate) anonymous_allowed: bool,
}

impl Guard<'_> {
    /// May the caller use the bot now? Where not, there is no such bot.
    pub(crate) fn lets_in(&self, tx: &Tx<'_>, who: &Principal, now: Timestamp) -> Result<bool, DbError> {
        if let Some(visited) = who.visits {
            return Ok(visited == self.bot && super::policy::is_open(self.visibility, self.anonymous_allowed));
        }
        let own = if self.is_listed { own_relations(tx, self.bot, who.user)? } else { Vec::new() };
        let is = |relation: Relation| own.iter().any(|(found,)| found == relation.as_str());
        if is(Relation::DeniedUser) {
            return Ok(false);
        }
        let may_if = |listed| super::policy::may_use(who, self.visibility, self.created_by, listed);
        if may_if(is(Relation::AllowedUser)) {
            return Ok(true);
        }
        // Their roles and groups matter only where nothing else lets them in and a list could.
        if !self.is_listed || !may_if(true) {
            return Ok(false);
        }
        let belonging = membership::belonging(tx, who.user, now)?;
        Ok(is_allowed_by_role(tx, self.bot, &belonging.roles)?
            || is_allowed_by_group(tx, self.bot, &belonging.groups)?)
    }
}

/// How somebody stands to the bot by themselves.
fn own_relations(tx: &Tx<'_>, bot: Id<BotKind>, user: Id<User>) -> Result<Vec<(String,)>, DbError> {
    tx.all(
        "SELECT relation FROM bot_access WHERE org_id = $1 AND bot_id = $2 AND subject_id = $3",
        &[&bot, &user],
    )
}

/// Roles that are looked for at once. Hardly anybody has as many.
const ROLES_AT_ONCE: usize = 6;

/// Is one of these roles let in?
fn is_allowed_by_role(tx: &Tx<'_>, bot: Id<BotKind>, roles: &[Id<Role>]) -> Result<bool, DbError> {
    let allowed = Relation::AllowedRole.as_str();
    for batch in roles.chunks(ROLES_AT_ONCE) {
        // A text that never changes stays prepared; a batch that is not full repeats its first.
        let role = |at: usize| batch.get(at).unwrap_or(&batch[0]);
        let found = tx.one::<(i64,)>(
            "SELECT CAST(1 AS bigint) FROM bot_access WHERE org_id = $1 AND bot_id = $2 AND relation = $3
                AND subject_id IN ($4, $5, $6, $7, $8, $9) LIMIT 1",
            &[&bot, &allowed, role(0), role(1), role(2), role(3), role(4), role(5)],
        )?;
        if found.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Is one of these groups let in? Somebody may have more groups than a bot lists.
fn is_allowed_by_group(tx: &Tx<'_>, bot: Id<BotKind>, groups: &[Id<Group>]) -> Result<bool, DbError> {
    let allowed = Relation::AllowedGroup.as_str();
    let listed: Vec<(Id<Group>,)> = tx.all(
        "SELECT subject_id FROM bot_access WHERE org_id = $1 AND bot_id = $2 AND relation = $3",
        &[&bot, &allowed],
    )?;
    Ok(listed.iter().any(|(group,)| groups.contains(group)))
}

fn lists(tx: &Tx<'_>, bot: &BotRow) -> Result<Access, DbError> {
    let rows: Vec<(String, [u8; 16])> = tx.all(
        "SELECT relation, subject_id FROM bot_access WHERE org_id = $1 AND bot_id = $2
         ORDER BY relation, subject_id",
        &[&bot.id],
    )?;
    let of = |relation: Relation| {
        rows.iter()
            .filter(move |(found, _)| found == relation.as_str())
            .map(|(_, subject)| Uuid::from_bytes(*subject))
    };
    let mut roles = Vec::new();
    for role in of(Relation::AllowedRole).map(Id::<Role>::from_uuid) {
        roles.extend(membership::role_of(tx, role)?.map(|(_, name)| name));
    }
    roles.sort_unstable();
    Ok(Access {
        visibility: Visibility::read(&bot.visibility),
        allowed_roles: roles,
        allowed_groups: of(Relation::AllowedGroup).map(Id::from_uuid).collect(),
        allowed_users: of(Relation::AllowedUser).map(Id::from_uuid).collect(),
        denied_users: of(Relation::DeniedUser).map(Id::from_uuid).collect(),
        anonymous_allowed: bot.anonymous_allowed,
        max_concurrent_sessions: bot.max_sessions.and_then(|most| u32::try_from(most).ok()),
    })
}

/// The lists, checked: each names who is there, and once.
struct Lists {
    visibility: Option<Visibility>,
    subjects: BTreeSet<(&'static str, [u8; 16])>,
}

fn check(tx: &Tx<'_>, who: &Actor, new: &NewAccess) -> Result<Lists, BotError> {
    let mut wrong = FieldErrors::default();
    let mut subjects = BTreeSet::new();
    let same = new.access_type.map(Visibility::from);
    wrong.check(
        same.is_none() || new.visibility.is_none() || same == new.visibility,
        "access_type",
        "says something else than visibility",
    );
    for (field, count) in [
        ("allowed_roles", new.allowed_roles.len()),
        ("allowed_groups", new.allowed_groups.len()),
        ("allowed_users", new.allowed_users.len()),
        ("denied_users", new.denied_users.len()),
    ] {
        wrong.check(count <= MOST, field, "must have at most 1000 entries");
    }
    wrong.check(
        new.max_concurrent_sessions.is_none_or(|most| (1..=1_000_000).contains(&most)),
        "max_concurrent_sessions",
        "must be 1 to 1000000",
    );
    wrong.check(!new.denied_users.contains(&who.user), "denied_users", "must not name yourself");
    let mut wrong = no_more_than_allowed(wrong)?;
    for role in &new.allowed_roles {
        match membership::role_named(tx, role)? {
            Some((id, _)) => _ = subjects.insert((Relation::AllowedRole.as_str(), *id.as_bytes())),
            None => wrong.add("allowed_roles", format!("{role} is no role")),
        }
    }
    for group in &new.allowed_groups {
        wrong.check(membership::is_group(tx, *group)?, "allowed_groups", format!("{group} is no group"));
        subjects.insert((Relation::AllowedGroup.as_str(), *group.as_bytes()));
    }
    for (field, relation, users) in [
        ("allowed_users", Relation::AllowedUser, &new.allowed_users),
        ("denied_users", Relation::DeniedUser, &new.denied_users),
    ] {
        for user in users {
            wrong.check(membership::is_member(tx, *user)?, field, format!("{user} is no member"));
            subjects.insert((relation.as_str(), *user.as_bytes()));
        }
    }
    wrong.finish()?;
    Ok(Lists { visibility: new.visibility.or(same), subjects })
}

/// Nobody is looked up for lists that are refused anyway.
fn no_more_than_allowed(wrong: FieldErrors) -> Result<FieldErrors, Error> {
    if wrong.is_empty() { Ok(wrong) } else { Err(wrong.into()) }
}

fn save(
    unit: &Unit<'_>,
    bot: Id<BotKind>,
    new: &NewAccess,
    lists: &Lists,
    now: Timestamp,
) -> Result<(), DbError> {
    unit.execute("DELETE FROM bot_access WHERE org_id = $1 AND bot_id = $2", &[&bot])?;
    for (relation, subject) in &lists.subjects {
        unit.execute(
            "INSERT INTO bot_access (org_id, bot_id, relation, subject_id) VALUES ($1, $2, $3, $4)",
            &[&bot, relation, subject],
        )?;
    }
    let visibility = lists.visibility.map(Visibility::as_str);
    unit.execute(
        "UPDATE bots SET rev = rev + 1, visibility = coalesce($3, visibility), is_listed = $4,
            anonymous_allowed = $5, max_sessions = $6, updated_at = $7
         WHERE org_id = $1 AND id = $2",
        &[
            &bot,
            &visibility,
            &!lists.subjects.is_empty(),
            &new.anonymous_allowed,
            &new.max_concurrent_sessions.map(i64::from),
            &now,
        ],
    )?;
    Ok(())
}

/// Names the same people, roles and groups for another bot.
pub(crate) fn copy(unit: &Unit<'_>, from: Id<BotKind>, to: Id<BotKind>) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO bot_access (org_id, bot_id, relation, subject_id)
         SELECT org_id, $3, relation, subject_id FROM bot_access WHERE org_id = $1 AND bot_id = $2",
        &[&from, &to],
    )?;
    Ok(())
}

/// How a list has changed.
#[derive(Serialize)]
struct ListChange<'a, T> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    added: Vec<&'a T>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<&'a T>,
}

impl<'a, T: Ord> ListChange<'a, T> {
    /// None if the lists name the same.
    fn between(before: &'a [T], after: &'a [T]) -> Option<Self> {
        let [was, is] = [before, after].map(|list| list.iter().collect::<BTreeSet<_>>());
        let [added, removed] = [&is - &was, &was - &is].map(|names| names.into_iter().collect::<Vec<_>>());
        (!added.is_empty() || !removed.is_empty()).then_some(Self { added, removed })
    }
}

/// The entry with what has changed, and with whoever was let in or shut out by name.
fn audited(mut entry: Audit, before: &Access, after: &Access) -> Audit {
    if before.visibility != after.visibility {
        entry = entry.change("visibility", before.visibility, after.visibility);
    }
    if before.anonymous_allowed != after.anonymous_allowed {
        entry = entry.change("anonymous_allowed", before.anonymous_allowed, after.anonymous_allowed);
    }
    let most = |access: &Access| access.max_concurrent_sessions;
    if most(before) != most(after) {
        entry = entry.change("max_concurrent_sessions", most(before), most(after));
    }
    if let Some(roles) = ListChange::between(&before.allowed_roles, &after.allowed_roles) {
        entry = entry.detail("allowed_roles", roles);
    }
    if let Some(groups) = ListChange::between(&before.allowed_groups, &after.allowed_groups) {
        entry = entry.detail("allowed_groups", groups);
    }
    for (list, before, after) in [
        ("allowed_users", &before.allowed_users, &after.allowed_users),
        ("denied_users", &before.denied_users, &after.denied_users),
    ] {
        if let Some(users) = ListChange::between(before, after) {
            entry = entry.detail(list, users);
        }
    }
    entry
}

impl BotService {
    pub(super) async fn access(&self, who: Actor, named: String) -> Result<Versioned<Access>, BotError> {
        let now = self.now();
        let access = self.db().read(who.org, move |tx| {
            let bot = usable(tx, &who, Some(&named), now)?;
            Ok::<_, BotError>(Versioned::new(bot.rev, lists(tx, &bot)?))
        });
        access.await
    }

    pub(super) async fn set_access(
        &self,
        who: Actor,
        named: String,
        expected: Expected,
        new: NewAccess,
    ) -> Result<Versioned<Access>, BotError> {
        let now = self.now();
        let access = self.db().write(who.org, move |unit| {
            let old = for_change(unit, &who, &named, now)?;
            expected.check(old.rev)?;
            let before = lists(unit, &old)?;
            let checked = check(unit, &who, &new)?;
            save(unit, old.id, &new, &checked, now)?;
            let bot = store::by_id(unit, old.id)?.ok_or(BotError::NotFound)?;
            unit.emit(&BotUpdated(About::from(&bot)))?;
            let access = lists(unit, &bot)?;
            let entry = Audit::by(&who, "bot_access_changed", Category::DataModification);
            unit.audit(audited(entry.on("bot", bot.id).named(&bot.name), &before, &access))?;
            Ok::<_, BotError>(Versioned { revision: Revision::from(bot.rev), value: access })
        });
        access.await
    }
}
