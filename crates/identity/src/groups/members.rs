//! The members of a group: shown, added, changed and removed.

use chrono::{DateTime, Utc};
use kernel::{
    Actor, Error, Expected, FieldErrors, Id, Patch, Permission, Timestamp, Versioned,
    id::kind,
    list::{FilterField, ListRequest, ListSpec, Listed, Page, SortField},
};
use platform::{
    audit::{Audit, Category},
    db::{Tx, Unit},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    GroupError, Groups,
    events::{About, MemberAdded, MemberRemoved, MemberRoleChanged},
    group_roles,
    policy::{MEMBER, Power, Powers, Seat, Stance, may_bestow},
    seats::{self, NewSeat, SeatRow},
    service::{Result, counting, known, lock, seat_of},
    store::{self, GroupRow},
};
use crate::{
    ids::{GroupId, MembershipId, UserId},
    sessions,
    users::{self, store::picture},
};

/// Members that are added at once at the most.
const MOST: usize = 500;

/// What a membership is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = GroupMemberStatus)]
pub(crate) enum MemberStatus {
    /// It counts.
    Active,
    /// It waits for somebody.
    Pending,
    /// It doesn't count until somebody activates it again.
    Suspended,
}

impl MemberStatus {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Suspended => "suspended",
        }
    }

    fn read(text: &str) -> Self {
        match text {
            "suspended" => Self::Suspended,
            "pending" => Self::Pending,
            _ => Self::Active,
        }
    }
}

/// Who a member is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MemberCard {
    /// The user's id.
    user_id: UserId,
    /// The name to sign in with.
    #[schema(example = "ann")]
    username: String,
    /// The name to show.
    #[schema(example = "Ann Lee")]
    full_name: String,
    /// Where the picture is.
    #[schema(example = "/api/v1/users/usr_01jzx1hm60es2tv4k60c1vp5ba/avatar")]
    avatar_url: String,
}

/// Somebody's membership in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GroupMember {
    /// The membership's id; absent where it is through the group above only.
    #[serde(skip_serializing_if = "Option::is_none")]
    membership_id: Option<MembershipId>,
    /// Who.
    user: MemberCard,
    /// The same as in `user`.
    user_id: UserId,
    /// The same as in `user`.
    #[schema(example = "ann")]
    username: String,
    /// Their address, for those who manage members, and for themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "ann@example.com")]
    email: Option<String>,
    /// The group.
    group_id: GroupId,
    /// `owner`, `admin`, `member` or one of the group's own roles.
    #[schema(example = "member")]
    role: String,
    /// What they may do within the group besides what their role lets them.
    permissions: Vec<Power>,
    /// What the membership is at the moment.
    status: MemberStatus,
    /// Is it through the group above only? Then it is changed there.
    inherited: bool,
    /// Since when they are a member.
    joined_at: DateTime<Utc>,
}

impl GroupMember {
    /// A membership in the group, which may be one in a group above.
    fn of(row: SeatRow, group: GroupId, inherited: bool, tells_address: bool) -> Self {
        let (role, permissions) = if inherited {
            (MEMBER.to_owned(), Vec::new())
        } else {
            (row.role, Powers::stored(&row.permissions).to_vec())
        };
        Self {
            membership_id: (!inherited).then_some(row.id),
            user: MemberCard {
                avatar_url: picture(row.user_id, row.avatar_url.as_deref(), row.avatar_hash.as_ref()),
                user_id: row.user_id,
                username: row.username.clone(),
                full_name: row.display_name,
            },
            user_id: row.user_id,
            username: row.username,
            email: tells_address.then_some(row.email),
            group_id: group,
            role,
            permissions,
            status: MemberStatus::read(&row.status),
            inherited,
            joined_at: row.joined_at,
        }
    }
}

/// The list of a group's members.
pub(crate) enum MemberList {}

impl Listed for MemberList {
    const SPEC: ListSpec = MEMBERS;
}

/// What a list of members can be asked.
pub(crate) const MEMBERS: ListSpec = ListSpec {
    sorts: &[SortField::desc("joined_at"), SortField::asc("role")],
    filters: &[
        FilterField::texts("role", "With one of these roles in the group."),
        FilterField::one_of("status", &["active", "pending", "suspended"], "In one of these states."),
    ],
    search: Some("the names of members"),
};

/// Somebody who is to be a member.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// Who: a member of the organization.
    pub(crate) user_id: UserId,
    /// `owner`, `admin`, `member` or one of the group's own roles; `member` if absent.
    #[serde(default)]
    #[schema(max_length = 64, example = "member")]
    pub(crate) role: Option<String>,
    /// What they may do within the group besides.
    #[serde(default)]
    pub(crate) permissions: Powers,
}

/// Several who are to be members.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMembers {
    /// Who, 1 to 500.
    #[schema(min_items = 1, max_items = 500)]
    pub(crate) members: Vec<NewMember>,
}

/// What became of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AddedMembers {
    /// How many are members now.
    added: usize,
    /// How many are not.
    failed: usize,
    /// Each, in the order of the request.
    memberships: Vec<AddedMember>,
}

/// What became of one who was to be a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct AddedMember {
    /// Who.
    user_id: UserId,
    /// `added` or `failed`.
    #[schema(pattern = "^(added|failed)$", example = "added")]
    status: &'static str,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "member_exists")]
    reason: Option<String>,
}

/// A change to a membership: absent keeps, null clears.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "admin" }))]
pub struct MemberPatch {
    /// The role in the group.
    #[serde(default)]
    #[schema(value_type = String, required = false, max_length = 64, example = "admin")]
    pub(crate) role: Patch<String>,
    /// What they may do within the group besides what their role lets them.
    #[serde(default)]
    #[schema(value_type = Option<Powers>)]
    pub(crate) permissions: Patch<Powers>,
    /// `active` or `suspended`.
    #[serde(default)]
    #[schema(value_type = String, required = false, pattern = "^(active|suspended)$", example = "suspended")]
    pub(crate) status: Patch<MemberStatus>,
}

impl Groups {
    /// The members of a group.
    pub async fn members(&self, who: &Actor, id: GroupId, request: ListRequest) -> Result<Page<GroupMember>> {
        let who = who.clone();
        self.db
            .read(who.org, move |tx| {
                let (group, stance) = known(tx, &who, id)?;
                stance.must_be_member()?;
                // The list has no index of names: the text is looked for in each row.
                let search = request.search.clone();
                let page = ListRequest { search: None, ..request.clone() };
                let rows = if store::is_everyone(id) {
                    let extra = seats::extra_of_everyone(search.as_deref());
                    seats::list(tx, &seats::LIST_OF_EVERYONE, &page, extra)?
                } else {
                    let extra = seats::extra(tx.org(), &counting(tx, &group)?, search.as_deref());
                    seats::list(tx, &seats::LIST, &page, extra)?
                };
                Ok(rows.map(|row| seen(&who, &stance, id, row)))
            })
            .await
    }

    /// One membership.
    pub async fn member(&self, who: &Actor, id: GroupId, user: UserId) -> Result<Versioned<GroupMember>> {
        let who = who.clone();
        self.db
            .read(who.org, move |tx| {
                let (group, stance) = known(tx, &who, id)?;
                stance.must_be_member()?;
                let row = find(tx, &group, user)?;
                let rev = row.rev;
                Ok(Versioned::new(rev, seen(&who, &stance, id, row)))
            })
            .await
    }

    /// Makes somebody a member.
    pub async fn add_member(&self, who: &Actor, id: GroupId, new: NewMember) -> Result<GroupMember> {
        let (now, who, membership) = (self.world.now(), who.clone(), self.world.id());
        let this = self.clone();
        self.db
            .write(who.org, move |unit| {
                let (mut group, stance) = lock(unit, &who, id)?;
                may_add(unit, &who, &group, &stance)?;
                this.add(unit, &who, &mut group, &stance, &new, membership, now)?;
                let row = seats::find(unit, id, new.user_id)?.ok_or(GroupError::MemberNotFound)?;
                Ok(seen(&who, &stance, id, row))
            })
            .await
    }

    /// Makes several members; says of each what became of it.
    pub async fn add_members(&self, who: &Actor, id: GroupId, new: NewMembers) -> Result<AddedMembers> {
        let (now, who) = (self.world.now(), who.clone());
        if !(1..=MOST).contains(&new.members.len()) {
            return Err(Error::invalid("members", "must have 1 to 500 entries").into());
        }
        let ids: Vec<Id<kind::Membership>> = new.members.iter().map(|_| self.world.id()).collect();
        let this = self.clone();
        self.db
            .write(who.org, move |unit| {
                let (mut group, stance) = lock(unit, &who, id)?;
                may_add(unit, &who, &group, &stance)?;
                let mut memberships = Vec::with_capacity(ids.len());
                for (new, membership) in new.members.iter().zip(&ids) {
                    let outcome = this.add(unit, &who, &mut group, &stance, new, *membership, now);
                    memberships.push(AddedMember {
                        user_id: new.user_id,
                        status: if outcome.is_ok() { "added" } else { "failed" },
                        reason: outcome.map_or_else(reason, |()| Ok(None))?,
                    });
                }
                let added = memberships.iter().filter(|one| one.reason.is_none()).count();
                Ok(AddedMembers { added, failed: memberships.len() - added, memberships })
            })
            .await
    }

    /// Changes a membership, if it is as expected.
    pub async fn change_member(
        &self,
        who: &Actor,
        id: GroupId,
        user: UserId,
        expected: Expected,
        patch: MemberPatch,
    ) -> Result<Versioned<GroupMember>> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                let (group, stance) = lock(unit, &who, id)?;
                stance.must_have(Power::ManageMembers)?;
                let before = own_seat(unit, &group, user)?;
                expected.check(before.rev)?;
                let after = plan(unit, &patch, &before)?;
                for row in [&before, &after] {
                    stance.may_seat(&seat(unit, row)?)?;
                }
                if after.status != before.status {
                    may_bestow(&who, store::bestowed(unit, id)?)?;
                    if after.status == "active" && !group.has_room() {
                        return Err(full(&group));
                    }
                }
                if after != before {
                    seats::save(unit, &after, now)?;
                    keep_an_owner(unit, &group, &before)?;
                    sessions::rights_changed(unit.server(), &callers, user, now)?;
                    tell_change(unit, &who, &group, &before, &after)?;
                }
                let row = seats::find(unit, id, user)?.ok_or(GroupError::MemberNotFound)?;
                let rev = row.rev;
                Ok(Versioned::new(rev, seen(&who, &stance, id, row)))
            })
            .await
    }

    /// Removes a member, or leaves.
    pub async fn remove_member(&self, who: &Actor, id: GroupId, user: UserId) -> Result<()> {
        let (now, who, callers) = (self.world.now(), who.clone(), self.callers.clone());
        self.db
            .write(who.org, move |unit| {
                let (group, stance) = lock(unit, &who, id)?;
                if !who.is(user) {
                    stance.must_have(Power::ManageMembers)?;
                }
                let row = own_seat(unit, &group, user)?;
                if !who.is(user) {
                    stance.may_seat(&seat(unit, &row)?)?;
                    may_bestow(&who, store::bestowed(unit, id)?)?;
                }
                seats::delete(unit, id, user)?;
                keep_an_owner(unit, &group, &row)?;
                sessions::rights_changed(unit.server(), &callers, user, now)?;
                unit.emit(&MemberRemoved { group: About::from(&group), user_id: user })?;
                let entry = Audit::by(&who, "group_member_removed", Category::Administrative);
                let entry = entry.on("group", id).named(&group.name);
                unit.audit(entry.detail("user_id", user).detail("role", &row.role))?;
                Ok(())
            })
            .await
    }

    /// Makes somebody a member of a group that is locked, and counts them.
    #[allow(clippy::too_many_arguments, reason = "who adds whom to what, and as what")]
    pub(super) fn add(
        &self,
        unit: &Unit<'_>,
        who: &Actor,
        group: &mut GroupRow,
        stance: &Stance,
        new: &NewMember,
        membership: Id<kind::Membership>,
        now: Timestamp,
    ) -> Result<()> {
        let role = new.role.as_deref().unwrap_or(MEMBER).trim();
        let own = &new.permissions;
        let of_role = group_roles::powers(unit, group.id, role)?;
        let mut wrong = FieldErrors::default();
        wrong.check(
            of_role.is_some(),
            "role",
            "must be owner, admin, member or one of the group's own roles",
        );
        wrong.check(
            users::store::is_member(unit, new.user_id)?,
            "user_id",
            "must be a member of the organization",
        );
        wrong.finish()?;
        stance.may_seat(&Seat::of(role.to_owned(), of_role.as_ref(), own))?;
        if seats::find(unit, group.id, new.user_id)?.is_some() {
            return Err(GroupError::MemberExists);
        }
        self.seat(
            unit,
            who,
            group,
            &NewSeat { group: group.id, user: new.user_id, role, powers: own },
            membership,
            now,
        )
    }

    /// The same, after everything else was looked at.
    pub(super) fn seat(
        &self,
        unit: &Unit<'_>,
        who: &Actor,
        group: &mut GroupRow,
        new: &NewSeat<'_>,
        membership: Id<kind::Membership>,
        now: Timestamp,
    ) -> Result<()> {
        if !group.has_room() {
            return Err(full(group));
        }
        seats::insert(unit, new, membership, Some(who.user), now)?;
        group.member_count += 1;
        sessions::rights_changed(unit.server(), &self.callers, new.user, now)?;
        unit.emit(&MemberAdded {
            group: About::from(&*group),
            user_id: new.user,
            role: new.role.to_owned(),
        })?;
        let entry = Audit::by(who, "group_member_added", Category::Administrative);
        let entry = entry.on("group", group.id).named(&group.name);
        Ok(unit.audit(entry.detail("user_id", new.user).detail("role", new.role))?)
    }
}

fn full(group: &GroupRow) -> GroupError {
    GroupError::Full { max: group.max_members, current: group.member_count }
}

/// May the caller add anybody to the group at all?
fn may_add(tx: &Tx<'_>, who: &Actor, group: &GroupRow, stance: &Stance) -> Result<()> {
    if store::is_everyone(group.id) {
        return Err(GroupError::Default(
            "All members of the organization are in this group, and nobody else.",
        ));
    }
    stance.must_have(Power::ManageMembers)?;
    may_bestow(who, store::bestowed(tx, group.id)?)
}

/// Why one of several can't be a member; what failed further down fails for all.
fn reason(error: GroupError) -> Result<Option<String>> {
    let error = match error {
        GroupError::Other(error) if error.kind() != kernel::Kind::Validation => return Err(error.into()),
        other => Error::from(other),
    };
    Ok(Some(error.reason_code().unwrap_or("not_allowed").to_owned()))
}

fn seen(who: &Actor, stance: &Stance, group: GroupId, row: SeatRow) -> GroupMember {
    let tells = who.is(row.user_id)
        || who.may(Permission::ADMIN_USERS)
        || stance.must_have(Power::ManageMembers).is_ok();
    let inherited = row.group_id.uuid() != group.uuid();
    GroupMember::of(row, group, inherited, tells)
}

/// A membership by oneself, or through a group above.
fn find(tx: &Tx<'_>, group: &GroupRow, user: UserId) -> Result<SeatRow> {
    if let Some(row) = seats::find(tx, group.id, user)? {
        return Ok(row);
    }
    if store::is_everyone(group.id) {
        return seats::of_everyone(tx, user)?.ok_or(GroupError::MemberNotFound);
    }
    for above in counting(tx, group)?.iter().skip(1) {
        if let Some(row) = seats::find(tx, *above, user)?.filter(|row| row.status == "active") {
            return Ok(row);
        }
    }
    Err(GroupError::MemberNotFound)
}

/// A membership by oneself.
fn own_seat(tx: &Tx<'_>, group: &GroupRow, user: UserId) -> Result<SeatRow> {
    if let Some(row) = seats::find(tx, group.id, user)? {
        return Ok(row);
    }
    let inherited = users::store::is_member(tx, user)? && seat_of(tx, group, user)?.is_some();
    Err(if inherited { GroupError::Inherited } else { GroupError::MemberNotFound })
}

fn seat(tx: &Tx<'_>, row: &SeatRow) -> Result<Seat> {
    let of_role = group_roles::powers(tx, row.group_id, &row.role)?;
    Ok(Seat::of(row.role.clone(), of_role.as_ref(), &Powers::stored(&row.permissions)))
}

fn plan(tx: &Tx<'_>, patch: &MemberPatch, before: &SeatRow) -> Result<SeatRow> {
    let mut wrong = FieldErrors::default();
    let mut row = before.clone();
    match &patch.role {
        Patch::Keep => {}
        Patch::Clear => MEMBER.clone_into(&mut row.role),
        Patch::Set(role) => {
            let known = group_roles::powers(tx, row.group_id, role.trim())?.is_some();
            wrong.check(known, "role", "must be owner, admin, member or one of the group's own roles");
            role.trim().clone_into(&mut row.role);
        }
    }
    match &patch.permissions {
        Patch::Keep => {}
        Patch::Clear => row.permissions = String::new(),
        Patch::Set(powers) => row.permissions = powers.to_stored(),
    }
    match patch.status {
        Patch::Keep => {}
        Patch::Set(status @ (MemberStatus::Active | MemberStatus::Suspended)) => {
            status.as_str().clone_into(&mut row.status);
        }
        Patch::Clear | Patch::Set(MemberStatus::Pending) => {
            wrong.add("status", "must be active or suspended");
        }
    }
    wrong.finish()?;
    Ok(row)
}

/// Default groups are administered by who administers all groups, and need no owner.
fn keep_an_owner(tx: &Tx<'_>, group: &GroupRow, before: &SeatRow) -> Result<()> {
    let was_one = before.role == super::policy::OWNER && before.status == "active";
    if was_one && !group.is_default && !seats::has_owner(tx, group.id)? {
        return Err(GroupError::LastOwner);
    }
    Ok(())
}

fn tell_change(
    unit: &Unit<'_>,
    who: &Actor,
    group: &GroupRow,
    before: &SeatRow,
    after: &SeatRow,
) -> Result<()> {
    if before.role != after.role {
        unit.emit(&MemberRoleChanged {
            group: About::from(group),
            user_id: after.user_id,
            role: after.role.clone(),
        })?;
    }
    let mut entry = Audit::by(who, "group_member_changed", Category::Administrative);
    entry = entry.on("group", group.id).named(&group.name).detail("user_id", after.user_id);
    for (field, old, new) in [
        ("role", &before.role, &after.role),
        ("permissions", &before.permissions, &after.permissions),
        ("status", &before.status, &after.status),
    ] {
        if old != new {
            entry = entry.change(field, old, new);
        }
    }
    Ok(unit.audit(entry)?)
}
