//! What a turn changes in tables: seen by what the turn reads afterwards, and written with it.
//!
//! The draft is a log: the changes are written one by one as the script made them, so that each is checked against
//! what stood when the script came to it. Beside the log stand the rows as they are after it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use gateway::command::{Draft, NotWritten};
use identity::membership::RoleName;
use kernel::{
    Id, Timestamp,
    id::kind::{Bot, User},
};
use platform::db::{DbError, MadeTable, MadeValue, RowId, Unit};

use super::{
    definition::{Existing, Tables},
    store,
};

/// A row as the turn sees it, with the values of all columns of its table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub(super) id: RowId,
    /// The revision that it has when the log comes to its next change.
    pub(super) rev: i64,
    pub(super) values: Vec<MadeValue>,
}

/// Rows of a table as a turn has changed them, by id; none where it deleted them.
pub(super) type Changed = Arc<BTreeMap<RowId, Option<Held>>>;

/// What the turn knew of a row before a command changed it.
enum Before {
    Untouched,
    /// It had changed it already; none where it had deleted it.
    Changed(Option<Held>),
}

/// A change of one row.
#[derive(Debug)]
enum Change {
    Insert(Vec<(u32, MadeValue)>),
    Update(i64, Vec<(u32, MadeValue)>),
    Delete(i64),
}

/// What a turn has seen of tables, and changes in them. What it changes of what it has seen stands only if nobody
/// else changed that meanwhile.
#[derive(Default)]
pub(super) struct Ledger {
    /// The bot and its tables, as they stood when the turn first asked.
    pub(super) tables: Option<(Id<Bot>, Arc<Tables>)>,
    /// Whom the run went on for when it last asked for roles, and theirs as they stood then.
    pub(super) roles: Option<(Id<User>, Arc<[RoleName]>)>,
    /// The revisions of rows as they were first seen.
    seen: HashMap<(MadeTable, RowId), i64>,
    log: Vec<(MadeTable, RowId, Change)>,
    /// Rows that were changed, as they are now; none where they were deleted.
    rows: HashMap<MadeTable, Changed>,
    /// Was a row told of again after somebody else had changed it?
    is_stale: bool,
    /// Did the script want to change something, whether or not it was so already?
    writes: bool,
    /// Bytes of all changes.
    bytes: usize,
    /// Rows that were made.
    made: u32,
    /// What the command under way has put in the place of what, so that one that fails leaves nothing.
    undo: Vec<(MadeTable, RowId, Before)>,
    /// The length of the log and its bytes before that command.
    before: (usize, usize),
}

fn bytes_of(values: &[MadeValue]) -> usize {
    let bytes = |value: &MadeValue| if let MadeValue::Text(text) = value { text.len() } else { 8 };
    values.iter().map(bytes).sum()
}

impl Ledger {
    /// The rows of a table that the turn has changed.
    pub(super) fn changed(&self, table: MadeTable) -> Changed {
        self.rows.get(&table).cloned().unwrap_or_default()
    }

    /// How many rows of a table the turn has changed.
    pub(super) fn count(&self, table: MadeTable) -> usize {
        self.rows.get(&table).map_or(0, |rows| rows.len())
    }

    /// The rows of a table that the turn has changed and not deleted.
    pub(super) fn own(&self, table: MadeTable) -> impl Iterator<Item = &Held> {
        self.rows.get(&table).into_iter().flat_map(|rows| rows.values().flatten())
    }

    /// Has the turn changed the row?
    pub(super) fn has_changed(&self, table: MadeTable, id: &RowId) -> bool {
        self.rows.get(&table).is_some_and(|rows| rows.contains_key(id))
    }

    /// Has the turn deleted the row?
    pub(super) fn is_deleted(&self, table: MadeTable, id: &RowId) -> bool {
        self.rows.get(&table).and_then(|rows| rows.get(id)).is_some_and(Option::is_none)
    }

    /// Notes rows that a script is told of, and gives them the revisions at which they were told of first.
    pub(super) fn see(&mut self, table: MadeTable, rows: &mut [Held]) {
        for row in rows {
            // What was changed has a revision of the turn's own.
            if !self.has_changed(table, &row.id) {
                let first = *self.seen.entry((table, row.id)).or_insert(row.rev);
                self.is_stale |= first != row.rev;
                row.rev = first;
            }
        }
    }

    /// Notes that a change was wanted that changes nothing as things stand.
    pub(super) fn note_unchanged(&mut self) {
        self.writes = true;
    }

    /// The place of a new row among those of its turn.
    pub(super) fn next(&mut self) -> u32 {
        self.made += 1;
        self.made
    }

    /// How many changes there are, and how many bytes they take.
    pub(super) fn load(&self) -> (usize, usize) {
        (self.log.len(), self.bytes)
    }

    pub(super) fn insert(&mut self, table: &Existing, id: RowId, values: Vec<MadeValue>) {
        let set = table.definition.columns.iter().zip(&values);
        let set = set.filter(|(_, value)| **value != MadeValue::Null);
        let set: Vec<_> = set.map(|(stored, value)| (stored.number, value.clone())).collect();
        self.bytes += bytes_of(&values);
        self.log.push((table.place, id, Change::Insert(set)));
        self.put(table.place, id, Some(Held { id, rev: 1, values }));
    }

    /// Changes the values at these places of a row.
    pub(super) fn update(&mut self, table: &Existing, row: &Held, places: &[usize], values: Vec<MadeValue>) {
        let number = |place: usize| table.definition.columns[place].number;
        let set: Vec<_> = places.iter().map(|&place| (number(place), values[place].clone())).collect();
        self.bytes += set.iter().map(|(_, value)| bytes_of(std::slice::from_ref(value))).sum::<usize>();
        self.log.push((table.place, row.id, Change::Update(row.rev, set)));
        let held = Held { id: row.id, rev: row.rev + 1, values };
        self.put(table.place, row.id, Some(held));
    }

    pub(super) fn delete(&mut self, table: MadeTable, row: &Held) {
        self.log.push((table, row.id, Change::Delete(row.rev)));
        self.put(table, row.id, None);
    }

    fn put(&mut self, table: MadeTable, id: RowId, held: Option<Held>) {
        let before = Arc::make_mut(self.rows.entry(table).or_default()).insert(id, held);
        let before = before.map_or(Before::Untouched, Before::Changed);
        self.undo.push((table, id, before));
    }

    /// A command begins: what it changes stands, or nothing of it.
    pub(super) fn begin_command(&mut self) {
        self.undo.clear();
        self.before = self.load();
    }

    /// It failed, and the script may go on.
    pub(super) fn undo_command(&mut self) {
        let (changes, bytes) = self.before;
        self.log.truncate(changes);
        self.bytes = bytes;
        for (table, id, before) in std::mem::take(&mut self.undo).into_iter().rev() {
            let rows = Arc::make_mut(self.rows.entry(table).or_default());
            match before {
                Before::Changed(held) => rows.insert(id, held),
                Before::Untouched => rows.remove(&id),
            };
        }
    }
}

impl Draft for Ledger {
    fn write(&self, unit: &Unit<'_>, _: Timestamp) -> Result<(), NotWritten> {
        // What it wrote was computed of both states, so even what changes nothing may be wrong.
        if self.is_stale && (self.writes || !self.log.is_empty()) {
            return Err(NotWritten::Overtaken);
        }
        for (table, id, change) in &self.log {
            let written = match change {
                Change::Insert(values) => unit.insert_made_row(*table, id, values).map(|()| true),
                Change::Update(rev, values) => unit.update_made_row(*table, id, *rev, values),
                Change::Delete(rev) => unit.delete_made_row(*table, id, *rev),
            };
            match written {
                Ok(true) => {}
                // The script was told when it came to it that the row can be: somebody else was faster.
                Ok(false) | Err(DbError::ForeignKey) => return Err(NotWritten::Overtaken),
                Err(error) if table.is_refused_by(&error) => return Err(NotWritten::Overtaken),
                Err(error) => return Err(error.into()),
            }
        }
        // An installation that came before the first of these changes is seen now; one that comes after it waits for
        // this unit, because it changes the same tables.
        match &self.tables {
            Some((bot, tables)) if !self.log.is_empty() && store::of_bot(unit, *bot)? != **tables => {
                Err(NotWritten::Overtaken)
            }
            _ => Ok(()),
        }
    }
}
