//! What a turn remembers: read through, kept aside, and written with the turn.

use std::collections::{BTreeMap, BTreeSet};

use gateway::command::{Draft, NotWritten};
use kernel::Timestamp;
use platform::db::{Json, Unit};

use super::{model::Owner, store};

/// A key of an owner.
pub(super) type Place = (Owner, String);

/// The memories that a turn has looked at and changed. What it changes of what it has read stands only if nobody else
/// changed that meanwhile, so that two conversations that count together count right.
#[derive(Debug, Default)]
pub(super) struct Recollection {
    /// What was found, with its revision.
    found: BTreeMap<Place, Option<(i64, Json)>>,
    changes: BTreeMap<Place, Change>,
    cleared: BTreeSet<Owner>,
    /// Bytes of all changes together.
    bytes: usize,
    /// Values that an owner may have.
    pub(super) entries: usize,
}

#[derive(Debug)]
struct Change {
    /// None forgets.
    value: Option<Json>,
    expires_at: Option<Timestamp>,
}

impl Change {
    /// Bytes that it keeps, with the key.
    fn size(&self, (_, key): &Place) -> usize {
        key.len() + self.value.as_ref().map_or(0, Json::size)
    }
}

impl Recollection {
    /// What the turn knows of the place already: the value, null where there is none.
    pub(super) fn known(&self, place: &Place) -> Option<Json> {
        let nothing = || Json::of(&());
        if let Some(change) = self.changes.get(place) {
            return Some(change.value.clone().unwrap_or_else(nothing));
        }
        if self.cleared.contains(&place.0) {
            return Some(nothing());
        }
        let found = self.found.get(place)?;
        Some(found.as_ref().map_or_else(nothing, |(_, value)| value.clone()))
    }

    /// Notes what was read.
    pub(super) fn note(&mut self, place: Place, found: Option<(i64, Json)>) {
        self.found.entry(place).or_insert(found);
    }

    /// Changes the value, or forgets it. False, and nothing is changed, if the turn would keep more bytes than that.
    pub(super) fn change(
        &mut self,
        place: Place,
        value: Option<Json>,
        expires_at: Option<Timestamp>,
        most: usize,
    ) -> bool {
        let change = Change { value, expires_at };
        let before = self.changes.get(&place).map_or(0, |change| change.size(&place));
        let bytes = self.bytes - before + change.size(&place);
        if bytes > most {
            return false;
        }
        self.bytes = bytes;
        self.changes.insert(place, change);
        true
    }

    /// Forgets everything of an owner.
    pub(super) fn clear(&mut self, owner: Owner) {
        self.changes.retain(|(other, _), _| *other != owner);
        self.bytes = self.changes.iter().map(|(place, change)| change.size(place)).sum();
        self.cleared.insert(owner);
    }

    /// The changes of an owner, and whether it was cleared before them.
    pub(super) fn of(&self, owner: Owner) -> (bool, Vec<(String, Option<Json>)>) {
        let changes = self.changes.iter().filter(|((other, _), _)| *other == owner);
        let changes = changes.map(|((_, key), change)| (key.clone(), change.value.clone())).collect();
        (self.cleared.contains(&owner), changes)
    }

    /// Writes a change. True if the owner has a value more.
    fn write_one(
        &self,
        unit: &Unit<'_>,
        place: &Place,
        change: &Change,
        at: Timestamp,
    ) -> Result<bool, NotWritten> {
        let (owner, key) = place;
        let found = if self.cleared.contains(owner) { None } else { self.found.get(place) };
        let rev = found.and_then(|found| found.as_ref().map(|(rev, _)| *rev));
        let Some(value) = &change.value else {
            let forgotten = store::delete(unit, owner, key, rev)?;
            return if rev.is_some() && forgotten == 0 { Err(NotWritten::Overtaken) } else { Ok(false) };
        };
        // A value whose time is over is not found and yet has a row: that one is changed, whatever it is.
        let value = (value, change.expires_at);
        let new = matches!(found, Some(None));
        if !new && store::update(unit, owner, key, value, rev, at)? == 1 {
            return Ok(false);
        }
        if rev.is_some() {
            return Err(NotWritten::Overtaken);
        }
        if !store::insert(unit, owner, key, value, at)? {
            replace_expired(unit, place, value, at)?;
        }
        Ok(true)
    }
}

/// The turn found nothing under the key, and there is something: somebody else's, or what nobody may see any more.
fn replace_expired(
    unit: &Unit<'_>,
    (owner, key): &Place,
    value: (&Json, Option<Timestamp>),
    at: Timestamp,
) -> Result<(), NotWritten> {
    if store::get(unit, owner, key, at)?.is_some() || store::update(unit, owner, key, value, None, at)? == 0 {
        return Err(NotWritten::Overtaken);
    }
    Ok(())
}

impl Draft for Recollection {
    fn write(&self, unit: &Unit<'_>, at: Timestamp) -> Result<(), NotWritten> {
        for owner in &self.cleared {
            store::clear(unit, owner)?;
        }
        // Each owner's values are counted once, after all changes: there may be many of both.
        let mut grown = BTreeSet::new();
        for (place, change) in &self.changes {
            if self.write_one(unit, place, change, at)? {
                grown.insert(place.0);
            }
        }
        for owner in &grown {
            if store::has_more_than(unit, owner, self.entries, at)? {
                let message = format!("no more than {} values are remembered in one place", self.entries);
                return Err(NotWritten::Refused(message));
            }
        }
        Ok(())
    }
}
