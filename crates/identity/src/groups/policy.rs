//! How somebody stands to a group, and what that lets them do: as functions of plain values.

use std::collections::BTreeSet;

use kernel::{Permission, Principal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::GroupError;
use crate::roles::Grant;

/// What a member may do within the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = GroupPower)]
pub(crate) enum Power {
    /// Read what the group has.
    Read,
    /// Write there.
    Write,
    /// Delete there.
    Delete,
    /// Moderate what others write.
    Moderate,
    /// Add, change and remove members, and decide on requests to join.
    ManageMembers,
    /// Change the group and its roles, and make groups below it.
    ManageSettings,
    /// Everything but what only owners do.
    All,
}

impl Power {
    const EACH: [Self; 7] = [
        Self::Read,
        Self::Write,
        Self::Delete,
        Self::Moderate,
        Self::ManageMembers,
        Self::ManageSettings,
        Self::All,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Moderate => "moderate",
            Self::ManageMembers => "manage_members",
            Self::ManageSettings => "manage_settings",
            Self::All => "all",
        }
    }
}

/// Entries that a list of powers has at the most, repeated ones included.
const MOST: usize = 10;

/// A set of powers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "Vec<Power>")]
#[schema(value_type = Vec<Power>, max_items = 10)]
pub(crate) struct Powers(BTreeSet<Power>);

impl TryFrom<Vec<Power>> for Powers {
    type Error = &'static str;

    fn try_from(list: Vec<Power>) -> Result<Self, Self::Error> {
        if list.len() > MOST { Err("must have at most 10 entries") } else { Ok(Self::of(list)) }
    }
}

impl Powers {
    pub(crate) fn of(powers: impl IntoIterator<Item = Power>) -> Self {
        Self(powers.into_iter().collect())
    }

    /// Reads what the database keeps.
    pub(crate) fn stored(text: &str) -> Self {
        let read = |word: &str| Power::EACH.into_iter().find(|power| power.as_str() == word);
        Self(text.split_whitespace().filter_map(read).collect())
    }

    /// As the database keeps it.
    pub(crate) fn to_stored(&self) -> String {
        self.0.iter().map(|power| power.as_str()).collect::<Vec<_>>().join(" ")
    }

    pub(crate) fn to_vec(&self) -> Vec<Power> {
        self.0.iter().copied().collect()
    }

    fn has(&self, power: Power) -> bool {
        self.0.contains(&power) || self.0.contains(&Power::All)
    }

    fn and(mut self, other: &Self) -> Self {
        self.0.extend(&other.0);
        self
    }

    fn contains_all(&self, other: &Self) -> bool {
        other.0.iter().all(|power| self.has(*power))
    }
}

/// The role of owners, of whom a group has at least one.
pub(crate) const OWNER: &str = "owner";
/// The role of those who administer a group.
pub(crate) const ADMIN: &str = "admin";
/// The role of everybody else.
pub(crate) const MEMBER: &str = "member";

/// The powers that come with a role that every group has.
pub(crate) fn built_in(role: &str) -> Option<Powers> {
    match role {
        OWNER | ADMIN => Some(Powers::of([Power::All])),
        MEMBER => Some(Powers::of([Power::Read, Power::Write])),
        _ => None,
    }
}

/// A membership, by oneself or through the parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) role: String,
    pub(crate) powers: Powers,
    /// Is it through the parent only?
    pub(crate) inherited: bool,
}

impl Seat {
    /// Somebody who is a member through the parent, or because everyone is.
    pub(crate) fn inherited() -> Self {
        Self { role: MEMBER.to_owned(), powers: built_in(MEMBER).unwrap_or_default(), inherited: true }
    }

    /// A member of that role, of which the group may have said what it may do, with powers of their own.
    pub(crate) fn of(role: String, of_role: Option<&Powers>, own: &Powers) -> Self {
        let powers = of_role.cloned().or_else(|| built_in(&role)).unwrap_or_default().and(own);
        Self { role, powers, inherited: false }
    }

    pub(crate) fn is_owner(&self) -> bool {
        self.role == OWNER
    }
}

/// How a caller stands to a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stance {
    pub(crate) seat: Option<Seat>,
    /// Do they administer all groups?
    pub(crate) administers: bool,
}

impl Stance {
    pub(crate) fn of(who: &Principal, seat: Option<Seat>) -> Self {
        Self { seat, administers: who.may(Permission::ADMIN_GROUPS) }
    }

    /// Is there such a group for them?
    pub(crate) fn sees(&self, is_public: bool) -> bool {
        is_public || self.administers || self.seat.is_some()
    }

    pub(crate) fn must_be_member(&self) -> Result<(), GroupError> {
        if self.administers || self.seat.is_some() { Ok(()) } else { Err(GroupError::MembersOnly) }
    }

    pub(crate) fn must_have(&self, power: Power) -> Result<(), GroupError> {
        let has = self.seat.as_ref().is_some_and(|seat| seat.powers.has(power));
        if self.administers || has { Ok(()) } else { Err(GroupError::AdminsOnly) }
    }

    pub(crate) fn must_own(&self) -> Result<(), GroupError> {
        let owns = self.seat.as_ref().is_some_and(Seat::is_owner);
        if self.administers || owns { Ok(()) } else { Err(GroupError::OwnersOnly) }
    }

    /// May they give somebody that place in the group, or take it? Owners are made by owners; and nobody gives what they
    /// don't have.
    pub(crate) fn may_seat(&self, seat: &Seat) -> Result<(), GroupError> {
        self.must_have(Power::ManageMembers)?;
        if seat.is_owner() {
            self.must_own()?;
        }
        if self.holds(&seat.powers) { Ok(()) } else { Err(GroupError::LevelTooHigh) }
    }

    /// Do they have these powers themselves?
    pub(crate) fn holds(&self, powers: &Powers) -> bool {
        self.administers || self.seat.as_ref().is_some_and(|own| own.powers.contains_all(powers))
    }
}

/// May the caller give or take what comes with a group?
pub(crate) fn may_bestow(who: &Principal, grant: Grant) -> Result<(), GroupError> {
    if grant.may_be_given(who.level, who.permissions) { Ok(()) } else { Err(GroupError::LevelTooHigh) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stance(role: &str, own: &[Power]) -> Stance {
        let seat = Seat::of(role.to_owned(), None, &Powers::of(own.iter().copied()));
        Stance { seat: Some(seat), administers: false }
    }

    #[test]
    fn only_owners_make_owners() {
        let owner = Seat::of(OWNER.to_owned(), None, &Powers::default());

        assert!(stance(OWNER, &[]).may_seat(&owner).is_ok());
        assert!(matches!(stance(ADMIN, &[]).may_seat(&owner), Err(GroupError::OwnersOnly)));
        assert!(Stance { seat: None, administers: true }.may_seat(&owner).is_ok());
    }

    #[test]
    fn who_manages_members_gives_no_more_than_they_have() {
        let manager = stance(MEMBER, &[Power::ManageMembers]);
        let seat = |powers: &[Power]| Seat::of(MEMBER.to_owned(), None, &Powers::of(powers.iter().copied()));

        assert!(manager.may_seat(&seat(&[])).is_ok());
        assert!(manager.may_seat(&seat(&[Power::ManageMembers])).is_ok());
        assert!(matches!(manager.may_seat(&seat(&[Power::ManageSettings])), Err(GroupError::LevelTooHigh)));
        assert!(matches!(stance(MEMBER, &[]).may_seat(&seat(&[])), Err(GroupError::AdminsOnly)));
    }

    #[test]
    fn powers_are_kept_as_they_are_named() {
        let powers = Powers::of([Power::ManageMembers, Power::Read]);
        assert_eq!(powers.to_stored(), "read manage_members");
        assert_eq!(Powers::stored("read manage_members fly"), powers);
    }
}
