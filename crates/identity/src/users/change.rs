//! What a request asks for, worked out without a database: the account as it will be, or everything that is wrong.

use std::borrow::Cow;

use kernel::{
    Actor, FieldErrors, Id, Patch, Permission, Timestamp,
    id::kind,
    list::{FilterField, ListRequest, ListSpec, Listed, SortField},
    text,
};
use platform::db::Json;
use serde_json::{Map, Value};

use super::{
    fields,
    model::{NewUser, Status, UserPatch},
    policy::{self, UserError},
    store::{Account, Narrowing},
};
use crate::{
    roles::{self, Catalogue, Effective, Role, system},
    settings::PasswordPolicy,
};

/// The list of people.
pub(crate) enum People {}

impl Listed for People {
    const SPEC: ListSpec = LIST;
}

/// What a list of people can be asked.
pub(crate) const LIST: ListSpec = ListSpec {
    sorts: &[
        SortField::desc("created_at"),
        SortField::asc("username"),
        SortField::asc("email"),
        SortField::asc("display_name"),
        SortField::desc("last_login"),
    ],
    filters: &[
        FilterField::one_of(
            "status",
            &[
                "active",
                "suspended",
                "inactive",
                "pending",
                "pending_activation",
                "pending_verification",
                "deleted",
            ],
            "In one of these states; `pending` is both pending ones.",
        ),
        FilterField::texts("role", "Given one of these roles, by name or id."),
        FilterField::flag("email_verified", "Is the address confirmed?"),
    ],
    search: Some("username, e-mail and names; for those who see cards only, in what cards show"),
};

/// Fields that cards hide. Sorting or filtering by them would tell them.
const HIDDEN: [&str; 3] = ["email", "last_login", "email_verified"];

/// Works out the parts of a list request that the database's list knows nothing of.
pub(crate) fn narrow(
    request: &mut ListRequest,
    in_full: bool,
    catalogue: &Catalogue,
    now: Timestamp,
) -> Result<Narrowing, UserError> {
    let mut narrowing = Narrowing::default();
    if !in_full {
        let filters = request.filters.iter().map(|(field, _)| *field);
        if filters.chain([request.sort]).any(|field| HIDDEN.contains(&field)) {
            return Err(UserError::Lacks(Permission::ADMIN_USERS));
        }
        narrowing.on_card = request.search.as_deref().map(text::key);
    }
    for (field, values) in &mut request.filters {
        match *field {
            "role" => {
                let found = values.iter().filter_map(|name| catalogue.named(name.trim())).map(|role| role.id);
                let mut found: Vec<_> = found.collect();
                if found.is_empty() {
                    // Nobody has a role that there is not.
                    found.push(Id::from_uuid(uuid::Uuid::nil()));
                }
                narrowing.roles = Some((found, now));
            }
            "status" => *values = values.drain(..).flat_map(spelled_out).collect(),
            _ => {}
        }
    }
    Ok(narrowing)
}

/// `pending` stands for both kinds of it.
fn spelled_out(status: String) -> Vec<String> {
    match status.as_str() {
        "pending" => {
            [Status::PendingActivation, Status::PendingVerification].map(|s| s.as_str().to_owned()).into()
        }
        _ => vec![status],
    }
}

/// The roles of these names or ids; unknown ones are noted.
pub(crate) fn roles_named(
    field: &str,
    names: &[String],
    catalogue: &Catalogue,
    wrong: &mut FieldErrors,
) -> Vec<Role> {
    let mut found: Vec<Role> = Vec::new();
    for name in names {
        match catalogue.named(name.trim()) {
            Some(role) if found.contains(&role) => {}
            Some(role) => found.push(role),
            None => wrong.add(field, format!("there is no role \"{}\"", name.escape_debug())),
        }
    }
    found
}

/// May the caller make such a user? Roles other than the default are given by those only who administer roles.
pub(crate) fn may_create(who: &Actor, new: &NewUser) -> Result<(), UserError> {
    if !who.may(Permission::ADMIN_USERS) {
        return Err(UserError::Lacks(Permission::ADMIN_USERS));
    }
    let default = new.roles.as_deref().is_none_or(|roles| roles == ["member"]);
    if !default && !who.may(Permission::ADMIN_ROLES) {
        return Err(UserError::Lacks(Permission::ADMIN_ROLES));
    }
    Ok(())
}

/// A new user whose fields are all allowed.
#[derive(Debug, Clone)]
pub(crate) struct CheckedUser {
    username: String,
    email: String,
    display_name: String,
    first_name: Option<String>,
    last_name: Option<String>,
    avatar_url: Option<String>,
    metadata: Map<String, Value>,
    pub(crate) roles: Vec<Role>,
}

/// Reads the fields of a new user; everything that is wrong with them is told at once, with what was noted before.
pub(crate) fn check_new(
    new: &NewUser,
    catalogue: &Catalogue,
    passwords: &PasswordPolicy,
    mut wrong: FieldErrors,
) -> Result<CheckedUser, UserError> {
    let username = wrong.take("username", fields::username(&new.username)).unwrap_or_default();
    let email = wrong.take("email", fields::email(&new.email)).unwrap_or_default();
    let part = |field, text: &Option<String>, wrong: &mut FieldErrors| {
        fields::read(field, text.as_deref(), fields::name_part, wrong).flatten()
    };
    let first_name = part("first_name", &new.first_name, &mut wrong);
    let last_name = part("last_name", &new.last_name, &mut wrong);
    let display_name =
        fields::read("display_name", new.display_name.as_deref(), fields::display_name, &mut wrong);
    let avatar_url = fields::read("avatar_url", new.avatar_url.as_deref(), fields::avatar_url, &mut wrong);
    let metadata = fields::merge_metadata(Map::new(), new.metadata.clone().unwrap_or_default());
    let metadata = wrong.take("metadata", metadata).unwrap_or_default();
    let roles = match &new.roles {
        Some(names) => roles_named("roles", names, catalogue, &mut wrong),
        None => system::by_id(system::MEMBER).into_iter().cloned().collect(),
    };
    if let Some(password) = &new.password {
        passwords.check("password", password, &mut wrong);
    }
    wrong.finish()?;
    Ok(CheckedUser {
        display_name: display_name
            .unwrap_or_else(|| joined(first_name.as_deref(), last_name.as_deref(), &username)),
        username,
        email,
        first_name,
        last_name,
        avatar_url,
        metadata,
        roles,
    })
}

fn joined(first: Option<&str>, last: Option<&str>, username: &str) -> String {
    let parts: Vec<_> = [first, last].into_iter().flatten().collect();
    let whole = parts.join(" ");
    // Two names of 120 characters make one that is too long to show.
    if whole.is_empty() || whole.chars().count() > 120 { username.to_owned() } else { whole }
}

impl CheckedUser {
    /// The address.
    pub(crate) fn email(&self) -> &str {
        &self.email
    }

    /// The account as it begins: active if it has a password.
    pub(crate) fn account(
        &self,
        id: Id<kind::User>,
        home: Id<kind::Organization>,
        has_password: bool,
        now: Timestamp,
    ) -> Account {
        Account {
            id,
            rev: 1,
            home_org_id: home,
            username: self.username.clone(),
            email: self.email.clone(),
            email_verified: false,
            pending_email: None,
            display_name: self.display_name.clone(),
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            avatar_url: self.avatar_url.clone(),
            avatar_hash: None,
            metadata: Json::of(&self.metadata),
            status: if has_password { Status::Active } else { Status::PendingActivation },
            suspended_at: None,
            suspend_reason: None,
            two_factor_enabled: false,
            last_login: Timestamp::UNIX_EPOCH,
            created_at: now,
            updated_at: now,
        }
    }
}

/// What a patch does: the account as it will be, and the roles if they change.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) account: Account,
    pub(crate) roles: Option<RoleChange>,
}

/// Roles given and taken.
#[derive(Debug, Clone)]
pub(crate) struct RoleChange {
    pub(crate) given: Vec<Role>,
    pub(crate) taken: Vec<Role>,
    pub(crate) before: Vec<Cow<'static, str>>,
    pub(crate) after: Vec<Cow<'static, str>>,
}

impl RoleChange {
    /// Is the role of an owner among those taken?
    pub(crate) fn takes_owner(&self) -> bool {
        self.taken.iter().any(|role| role.id == system::OWNER)
    }
}

fn shuts_out(before: &Account, after: &Account) -> bool {
    before.status == Status::Active && after.status != Status::Active
}

impl Change {
    /// Can the account be used no longer?
    pub(crate) fn shuts_out(&self, before: &Account) -> bool {
        shuts_out(before, &self.account)
    }

    /// Was it an owner, and is it none any more, or none that can act?
    pub(crate) fn loses_owner(&self, present: &Effective) -> bool {
        let was = present.direct.iter().any(|role| role.id == system::OWNER);
        let loses_role = self.roles.as_ref().is_some_and(RoleChange::takes_owner);
        was && (loses_role || self.account.status != Status::Active)
    }
}

/// Works out what a patch does to an account, or everything that is wrong with it. If the server `confirms` addresses,
/// one's own waits for that.
pub(crate) fn plan(
    patch: &UserPatch,
    before: &Account,
    present: &Effective,
    catalogue: &Catalogue,
    who: &Actor,
    confirms: bool,
    now: Timestamp,
) -> Result<Change, UserError> {
    let own = who.is(before.id);
    let mut wrong = FieldErrors::default();
    let mut account = before.clone();
    required("username", &patch.username, &mut account.username, fields::username, &mut wrong);
    required("email", &patch.email, &mut account.email, fields::email, &mut wrong);
    required(
        "display_name",
        &patch.display_name,
        &mut account.display_name,
        fields::display_name,
        &mut wrong,
    );
    optional("first_name", &patch.first_name, &mut account.first_name, fields::name_part, &mut wrong);
    optional("last_name", &patch.last_name, &mut account.last_name, fields::name_part, &mut wrong);
    optional(
        "avatar_url",
        &patch.avatar_url,
        &mut account.avatar_url,
        |t| fields::avatar_url(t).map(Some),
        &mut wrong,
    );
    match &patch.metadata {
        Patch::Keep => {}
        Patch::Clear => account.metadata = Json::of(&Map::new()),
        Patch::Set(change) => {
            let present = before.metadata.read().map_err(kernel::Error::from)?;
            if let Some(merged) = wrong.take("metadata", fields::merge_metadata(present, change.clone())) {
                account.metadata = Json::of(&merged);
            }
        }
    }
    let wanted = match &patch.roles {
        Patch::Keep => None,
        Patch::Clear => Some(Vec::new()),
        Patch::Set(names) => Some(roles_named("roles", names, catalogue, &mut wrong)),
    };
    if matches!(patch.status, Patch::Clear) {
        wrong.add("status", "can't be cleared");
    }
    wrong.finish()?;

    if let Patch::Set(status) = patch.status {
        policy::may_change_status(own, before.status, status)?;
        let suspends = status == Status::Suspended;
        account.suspended_at = suspends.then(|| before.suspended_at.unwrap_or(now));
        account.suspend_reason = before.suspend_reason.clone().filter(|_| suspends);
        account.status = status;
    }
    if account.email != before.email {
        if own && confirms {
            let wanted = std::mem::replace(&mut account.email, before.email.clone());
            // Written otherwise it is the same address, which waits already.
            let waits = before.pending_email.clone().filter(|email| text::key(email) == text::key(&wanted));
            account.pending_email = waits.or(Some(wanted));
        } else {
            (account.email_verified, account.pending_email) = (false, None);
        }
    } else if !patch.email.is_keep() {
        // Whoever asks for the present one has thought better of another.
        account.pending_email = None;
    }
    if shuts_out(before, &account) {
        account.pending_email = None;
    }
    if account != *before {
        account.updated_at = now;
    }
    let roles = wanted.map(|wanted| change_roles(present, &wanted, who, own)).transpose()?.flatten();
    Ok(Change { account, roles })
}

/// Works out which roles are given and which taken; none if they stay as they are.
pub(crate) fn change_roles(
    present: &Effective,
    wanted: &[Role],
    who: &Actor,
    own: bool,
) -> Result<Option<RoleChange>, UserError> {
    policy::may_change_roles(who.level, who.permissions, own, &present.direct, wanted)?;
    let without = |from: &[Role], those: &[Role]| -> Vec<_> {
        from.iter().filter(|role| !those.contains(role)).cloned().collect()
    };
    let change = RoleChange {
        given: without(wanted, &present.direct),
        taken: without(&present.direct, wanted),
        before: roles::names(&present.direct),
        after: roles::names(wanted),
    };
    Ok((!change.given.is_empty() || !change.taken.is_empty()).then_some(change))
}

fn required(
    field: &str,
    patch: &Patch<String>,
    value: &mut String,
    read: fn(&str) -> Result<String, &'static str>,
    wrong: &mut FieldErrors,
) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => wrong.add(field, "can't be cleared"),
        Patch::Set(text) => {
            if let Some(new) = wrong.take(field, read(text)) {
                *value = new;
            }
        }
    }
}

fn optional(
    field: &str,
    patch: &Patch<String>,
    value: &mut Option<String>,
    read: impl Fn(&str) -> Result<Option<String>, &'static str>,
    wrong: &mut FieldErrors,
) {
    match patch {
        Patch::Keep => {}
        Patch::Clear => *value = None,
        Patch::Set(text) => {
            if let Some(new) = wrong.take(field, read(text)) {
                *value = new;
            }
        }
    }
}

/// A field that a change altered, for the audit.
pub(crate) struct Difference {
    pub(crate) field: &'static str,
    pub(crate) old: Value,
    pub(crate) new: Value,
}

/// The fields in which two states of an account differ. Metadata is named without its contents, which may be private.
pub(crate) fn differences(before: &Account, after: &Account) -> Vec<Difference> {
    let mut found = Vec::new();
    let mut note = |field, old: Value, new: Value| {
        if old != new {
            found.push(Difference { field, old, new });
        }
    };
    note("username", before.username.clone().into(), after.username.clone().into());
    note("email", before.email.clone().into(), after.email.clone().into());
    note("email_verified", before.email_verified.into(), after.email_verified.into());
    note("pending_email", before.pending_email.clone().into(), after.pending_email.clone().into());
    note("display_name", before.display_name.clone().into(), after.display_name.clone().into());
    note("first_name", before.first_name.clone().into(), after.first_name.clone().into());
    note("last_name", before.last_name.clone().into(), after.last_name.clone().into());
    note("avatar_url", before.avatar_url.clone().into(), after.avatar_url.clone().into());
    note("status", before.status.as_str().into(), after.status.as_str().into());
    if before.metadata != after.metadata {
        note("metadata", "before".into(), "changed".into());
    }
    found
}
