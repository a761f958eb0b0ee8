//! The members of an organization: shown, given other roles, and let go.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use kernel::{
    Actor, Id, Permission, Timestamp,
    id::kind,
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::{
    audit::{Audit, Category},
    db::{ListOf, Tx, Unit},
    record,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    error::OrganizationError,
    invitations,
    service::{Organizations, Result, acting},
};
use crate::{
    api_keys, groups,
    ids::UserId,
    roles::{self, Effective, Holdings, RoleName, names},
    sessions,
    users::{
        self, UserError, change,
        model::Status,
        rights::model::AllRoles,
        store::{Account, Narrowing},
    },
};

/// Somebody who belongs to an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OrganizationMember {
    /// Who.
    user_id: UserId,
    /// The name to sign in with.
    #[schema(example = "ann")]
    username: String,
    /// The name to show.
    #[schema(example = "Ann Lee")]
    display_name: String,
    /// Where the picture is.
    #[schema(example = "/api/v1/users/usr_01jzx1hm60es2tv4k60c1vp5ba/avatar")]
    avatar_url: String,
    /// What the account can do at all.
    status: Status,
    /// The name of the highest role that they were given, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<RoleName>)]
    role: Option<Cow<'static, str>>,
    /// The names of all roles that they were given, highest first. Groups may add to them.
    #[schema(value_type = Vec<RoleName>, example = json!(["member"]))]
    roles: Vec<Cow<'static, str>>,
    /// Is it the organization that the account belongs to?
    home: bool,
    /// Since when they belong to it.
    joined_at: DateTime<Utc>,
}

/// Which roles a member shall have.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "manager" }))]
pub struct MemberRoles {
    /// The name or id of the only role that they shall have.
    #[serde(default)]
    #[schema(value_type = Option<RoleName>)]
    role: Option<String>,
    /// The names or ids of all roles that they shall have, in place of `role`. Those that stay keep their end.
    #[serde(default)]
    #[schema(value_type = Option<Vec<RoleName>>, max_items = 100)]
    roles: Option<Vec<String>>,
}

impl MemberRoles {
    fn all(self) -> Result<AllRoles> {
        match (self.role, self.roles) {
            (Some(role), None) => Ok(AllRoles { roles: vec![role] }),
            (None, Some(roles)) => Ok(AllRoles { roles }),
            (None, None) => Err(kernel::Error::invalid("role", "is needed, or roles instead").into()),
            (Some(_), Some(_)) => Err(kernel::Error::invalid("roles", "can't be combined with role").into()),
        }
    }
}

/// The list of members.
pub(super) enum MemberList {}

impl Listed for MemberList {
    const SPEC: ListSpec = ListSpec {
        sorts: &[SortField::desc("joined_at"), SortField::asc("username"), SortField::asc("display_name")],
        filters: &[
            FilterField::one_of(
                "status",
                &["active", "suspended", "inactive", "pending_activation", "pending_verification", "deleted"],
                "In one of these states.",
            ),
            FilterField::texts("role", "Given one of these roles, by name or id."),
        ],
        search: Some("username and display name"),
    };
}

record! {
    struct MemberRow {
        id: Id<kind::User>,
        home_org_id: Id<kind::Organization>,
        username: String,
        display_name: String,
        avatar_url: Option<String>,
        avatar_hash: Option<platform::objects::ObjectHash>,
        status: Status,
        joined_at: Timestamp,
    }
}

/// Like the list of people. Whoever is made here joins at that moment, and whoever joins later is no member before.
pub(crate) const MEMBERS: ListOf = ListOf {
    columns: "u.id, u.home_org_id, u.username, u.display_name, u.avatar_url, u.avatar_hash, u.status, m.joined_at",
    sorts: &[
        ("joined_at", "m.created_at"),
        ("username", "m.username_key"),
        ("display_name", "m.display_name_key"),
    ],
    ..users::store::LIST
};

impl OrganizationMember {
    fn of(row: MemberRow, org: Id<kind::Organization>, effective: &Effective) -> Self {
        Self {
            user_id: row.id,
            username: row.username,
            display_name: row.display_name,
            avatar_url: users::store::picture(row.id, row.avatar_url.as_deref(), row.avatar_hash.as_ref()),
            status: row.status,
            role: effective.direct.first().map(|role| role.name.clone()),
            roles: names(&effective.direct),
            home: row.home_org_id == org,
            joined_at: row.joined_at,
        }
    }
}

/// One member.
pub(super) fn load(tx: &Tx<'_>, user: Id<kind::User>, now: Timestamp) -> Result<OrganizationMember> {
    let row: Option<MemberRow> = tx.one(
        "SELECT u.id, u.home_org_id, u.username, u.display_name, u.avatar_url, u.avatar_hash, u.status, m.joined_at
         FROM members m JOIN server_users u ON u.id = m.user_id WHERE m.org_id = $1 AND m.user_id = $2",
        &[&user],
    )?;
    let row = row.ok_or(UserError::NotFound)?;
    let (_, effective) = users::load(tx, user, now)?;
    Ok(OrganizationMember::of(row, tx.org(), &effective))
}

impl Organizations {
    /// The members of the organization that the caller acts in.
    pub(super) async fn members(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        mut request: ListRequest,
    ) -> Result<Page<OrganizationMember>> {
        acting(who, org)?;
        let now = self.world.now();
        self.db
            .read(org, move |tx| {
                let asked = request.filters.iter().filter(|(field, _)| *field == "role");
                let catalogue = roles::store::catalogue_for(tx, asked.flat_map(|(_, names)| names))?;
                // What the list doesn't show is not searched either.
                let narrowing: Narrowing = change::narrow(&mut request, false, &catalogue, now)?;
                let page: Page<MemberRow> = tx.list(&MEMBERS, &request, narrowing.of(tx.org()))?;
                let ids: Vec<_> = page.items.iter().map(|row| row.id).collect();
                let mut given = roles::store::of_each(tx, &ids)?;
                let catalogue = roles::store::catalogue_with(tx, given.values().flatten())?;
                Ok(page.map(|row| {
                    let assignments = given.remove(&row.id).unwrap_or_default();
                    let holdings = Holdings { assignments, catalogue: catalogue.clone(), groups: Vec::new() };
                    OrganizationMember::of(row, org, &Effective::of(&holdings, now))
                }))
            })
            .await
    }

    /// Gives a member other roles.
    pub(super) async fn change_member(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        user: Id<kind::User>,
        wanted: MemberRoles,
    ) -> Result<OrganizationMember> {
        acting(who, org)?;
        self.users.set_roles(who, user, wanted.all()?).await?;
        let now = self.world.now();
        self.db.read(org, move |tx| load(tx, user, now)).await
    }

    /// Lets a member go, or leaves. What they had of groups goes to an owner where nobody else has it.
    pub(super) async fn remove_member(
        &self,
        who: &Actor,
        org: Id<kind::Organization>,
        user: Id<kind::User>,
    ) -> Result<()> {
        acting(who, org)?;
        let (now, who, this) = (self.world.now(), who.clone(), self.clone());
        self.db
            .write(org, move |unit| {
                let (account, roles) = users::lock(unit, user, now)?;
                may_remove(&who, &account, &roles, org)?;
                let given = roles::store::given(unit, user)?;
                this.release(unit, &account, now)?;
                if given.iter().any(|role| role.role_id == roles::system::OWNER)
                    && !roles::store::has_lasting_owner(unit)?
                {
                    return Err(UserError::LastOwner.into());
                }
                let entry = Audit::by(&who, "member_removed", Category::Administrative);
                let entry = entry.on("user", user).named(account.username.as_str());
                Ok(unit.audit(entry.change("roles", names(&roles.direct), Vec::<&str>::new()))?)
            })
            .await
    }

    /// Ends a membership with all that hangs on it: sessions in the organization, keys, invitations that wait.
    fn release(&self, unit: &Unit<'_>, account: &Account, now: Timestamp) -> Result<()> {
        let (server, org, user) = (unit.server(), unit.org(), account.id);
        groups::hand_over(unit, user, now)?;
        invitations::store::revoke_those_by(server, org, user, now)?;
        api_keys::stop_those_in(unit, &self.callers, user, now)?;
        let live = sessions::store::live_of_user_in(server, user, org, now)?;
        sessions::end_all(server, &self.callers, live, now)?;
        users::store::leave(unit, user)?;
        Ok(())
    }
}

/// May the caller let that member go? Everybody may leave; but nobody leaves where their account is.
fn may_remove(who: &Actor, account: &Account, roles: &Effective, org: Id<kind::Organization>) -> Result<()> {
    let own = who.is(account.id);
    if !own && !who.may(Permission::ORG_MEMBERS) {
        return Err(UserError::Lacks(Permission::ORG_MEMBERS).into());
    }
    if !own && roles.level > who.level {
        return Err(UserError::LevelTooHigh("This person has a higher rank than yours.".to_owned()).into());
    }
    if account.home_org_id == org { Err(OrganizationError::AtHome) } else { Ok(()) }
}
