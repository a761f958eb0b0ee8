//! From what exists to what a package declares: only by adding. What would drop or narrow something is said, and is
//! not done.

use std::collections::{BTreeMap, BTreeSet};

use basic::{
    filter::Filter,
    schema::{Column, ColumnDefault, ColumnType, OnDelete, Schema, Table},
};
use kernel::Surroundings;
use platform::db::{MadeColumn, MadeReference, MadeTable, MadeValue};

use super::{
    definition::{
        Definition, Existing, Refers, Stored, StoredIndex, Tables, as_is, declared_key, folded, kept_as,
        widens,
    },
    value,
};

/// Columns of one table at the most.
const COLUMNS: usize = 200;
/// Indexes of one table at the most.
const INDEXES: usize = 50;

/// A step in the database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Make(MadeTable, Vec<MadeColumn>),
    Add(MadeTable, MadeColumn, Option<MadeReference>),
    Fill(MadeTable, u32, MadeValue),
    Index(MadeTable, StoredIndex),
}

/// What brings the tables of a bot to what its package declares.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// The tables that are new or changed, by their folded names.
    pub(crate) tables: BTreeMap<String, Existing>,
    /// Which of them are new.
    pub(crate) new: BTreeSet<String>,
    /// What is said of what is not done.
    pub(crate) warnings: Vec<String>,
}

/// What plans are made with.
pub(crate) struct Planning<'a> {
    pub(crate) surroundings: &'a Surroundings,
    /// Tables of one bot at the most.
    pub(crate) most: usize,
    /// Tables of scripts that can't be compiled at the moment, folded: they are declared all the same.
    pub(crate) unread: &'a BTreeSet<String>,
}

impl Plan {
    /// The plan from these tables to those that are declared.
    pub(crate) fn of(existing: &Tables, declared: Vec<Table>, with: &Planning<'_>) -> Self {
        let mut plan = Self::default();
        let mut schema = Schema { tables: declared };
        let others: Vec<&str> = existing.values().map(|table| table.definition.name.as_str()).collect();
        for finding in schema.resolve(&others) {
            plan.warnings.push(format!("{}.", finding.problem));
        }
        let known: BTreeSet<String> = schema.tables.iter().map(|table| folded(&table.name)).collect();
        for (name, table) in existing {
            if !known.contains(name) && !with.unread.contains(name) {
                let name = &table.definition.name;
                plan.warnings
                    .push(format!("No script declares the table {name} any more; it stays with its rows."));
            }
        }
        let mut pending = Vec::new();
        for table in &schema.tables {
            let name = folded(&table.name);
            if table.connection.is_some() {
                plan.warnings.push(format!(
                    "The table {} is one of another database; this server has no connections to others yet.",
                    table.name
                ));
            } else if let Some(present) = existing.get(&name) {
                pending.extend(plan.change(present, table, with));
            } else if existing.len() + plan.new.len() >= with.most {
                let most = with.most;
                plan.warnings.push(format!("The table {} isn't made: a bot has at most {most}.", table.name));
            } else {
                pending.extend(plan.make(table, with));
            }
        }
        plan.add_references(existing, pending);
        plan.add_indexes(existing);
        plan.follow_keys(existing);
        // What stays as it was needs no row.
        plan.tables.retain(|name, table| existing.get(name).map(|present| &**present) != Some(table));
        plan
    }

    /// What refers to a key that was widened holds what that holds, also where its table isn't declared any more.
    fn follow_keys(&mut self, existing: &Tables) {
        let names: BTreeSet<String> = existing.keys().chain(self.tables.keys()).cloned().collect();
        // Each round widens something, and nothing can be widened for ever.
        let mut goes_on = true;
        while std::mem::take(&mut goes_on) {
            for name in &names {
                let Some(mut table) = self.table(existing, name).cloned() else { continue };
                let mut is_wider = false;
                for stored in &mut table.definition.columns {
                    let (ColumnType::Reference(_), Some(refers)) = (&stored.column.kind, &stored.refers)
                    else {
                        continue;
                    };
                    let target = self.table(existing, &folded(&refers.table));
                    let target = target.and_then(|target| target.definition.numbered(refers.column));
                    if let Some(target) = target
                        .filter(|target| stored.holds != target.holds && widens(&stored.holds, &target.holds))
                    {
                        stored.holds = target.holds.clone();
                        is_wider = true;
                    }
                }
                if is_wider {
                    self.tables.insert(name.clone(), table);
                    goes_on = true;
                }
            }
        }
    }

    /// A table as it will be.
    fn table<'a>(&'a self, existing: &'a Tables, name: &str) -> Option<&'a Existing> {
        self.tables.get(name).or_else(|| existing.get(name).map(|present| &**present))
    }

    fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// A new table: without the columns that refer to others, which come when all tables are there.
    fn make(&mut self, declared: &Table, with: &Planning<'_>) -> Vec<Pending> {
        let place = MadeTable(*with.surroundings.uuid().as_bytes());
        let mut definition = Definition {
            name: declared.name.clone(),
            read_by: declared.read_by.clone(),
            write_by: declared.write_by.clone(),
            checks: self.checks(declared, &declared.checks),
            ..Definition::default()
        };
        let fitting = self.fitting(declared);
        let mut key = declared_key(declared);
        key.retain(|name| fitting.iter().any(|column| folded(&column.name) == folded(name)));
        if key.is_empty() {
            let column = Column { key: true, ..Column::new("id", ColumnType::Uuid) };
            definition.columns.push(Stored { column, number: 1, holds: ColumnType::Uuid, refers: None });
            definition.has_own_key = true;
        }
        let mut pending = Vec::new();
        for column in fitting {
            let number = definition.next_number();
            let refers = reference_of(column);
            let holds = if refers.is_some() { as_is(&column.kind) } else { column.kind.clone() };
            definition.columns.push(Stored { column: column.clone(), number, holds, refers: None });
            pending.extend(refers.map(|to| Pending { table: folded(&declared.name), number, to }));
        }
        let number_of = |name: &str| definition.place_of(name).map(|place| definition.columns[place].number);
        let key: Vec<u32> = match key.as_slice() {
            [] => vec![1],
            names => names.iter().filter_map(|name| number_of(name)).collect(),
        };
        let mut sets = vec![(key.clone(), true)];
        let single = declared.columns.iter().filter(|column| column.unique);
        sets.extend(single.filter_map(|column| Some((vec![number_of(&column.name)?], true))));
        let numbers = |names: &[String]| names.iter().filter_map(|name| number_of(name)).collect::<Vec<_>>();
        sets.extend(declared.unique.iter().map(|names| (numbers(names), true)));
        sets.extend(declared.indexes.iter().map(|index| (numbers(&index.columns), index.unique)));
        definition.key = key;
        for (columns, unique) in sets {
            self.index(&mut definition, columns, unique);
        }
        let is_pending = |number| pending.iter().any(|one: &Pending| one.number == number);
        let plain = definition.columns.iter().filter(|stored| !is_pending(stored.number));
        self.steps.push(Step::Make(place, plain.map(Stored::made).collect()));
        let name = folded(&declared.name);
        self.new.insert(name.clone());
        self.tables.insert(name, Existing { place, definition });
        pending
    }

    /// The columns that can be columns.
    fn fitting<'a>(&mut self, declared: &'a Table) -> Vec<&'a Column> {
        let mut fitting = Vec::new();
        for column in &declared.columns {
            let refused = if fitting.len() == COLUMNS {
                Some(format!("a table has at most {COLUMNS} columns"))
            } else if column.name.contains('.') || !kernel::text::is_one_line(&column.name) {
                Some("a column's name is in one line, and has no dot".to_owned())
            } else {
                None
            };
            match refused {
                Some(why) => self.warn(format!("{}.{} is left out: {why}.", declared.name, column.name)),
                None => fitting.push(column),
            }
        }
        fitting
    }

    /// The conditions that can be read, and name columns of the table only.
    fn checks(&mut self, declared: &Table, checks: &[String]) -> Vec<String> {
        let mut kept = Vec::new();
        for check in checks {
            let read = Filter::parse_text(check).ok().and_then(|filter| filter.condition);
            let is_known = read.is_some_and(|condition| {
                condition
                    .columns()
                    .iter()
                    .all(|column| declared.column(column.split('.').next().unwrap_or_default()).is_some())
            });
            if is_known {
                kept.push(check.clone());
            } else {
                self.warn(format!("{}: CHECK ({check}) can't be read, and isn't kept.", declared.name));
            }
        }
        kept
    }

    /// What can be added to a table that is there.
    fn change(&mut self, present: &Existing, declared: &Table, with: &Planning<'_>) -> Vec<Pending> {
        let (place, mut definition) = (present.place, present.definition.clone());
        definition.name.clone_from(&declared.name);
        definition.read_by.clone_from(&declared.read_by);
        definition.write_by.clone_from(&declared.write_by);
        let (old, new): (Vec<_>, Vec<_>) =
            declared.checks.iter().cloned().partition(|check| definition.checks.contains(check));
        for check in new {
            self.warn(format!("{}: CHECK ({check}) isn't kept: rows could break it.", declared.name));
        }
        definition.checks = old;
        let mut pending = Vec::new();
        let fitting = self.fitting(declared);
        for column in &fitting {
            if let Some(at) = definition.place_of(&column.name) {
                self.change_column(&declared.name, &mut definition.columns[at], column);
            } else if definition.columns.len() >= COLUMNS {
                let most = COLUMNS;
                self.warn(format!(
                    "{}.{} isn't added: a table has at most {most} columns.",
                    declared.name, column.name
                ));
            } else {
                pending.extend(self.add_column(place, &mut definition, column, with));
            }
        }
        let own_key = definition.has_own_key.then_some("id");
        for stored in &definition.columns {
            let name = &stored.column.name;
            if declared.column(name).is_none() && own_key != Some(name) {
                self.warn(format!("{}.{name} isn't declared any more; it stays.", declared.name));
            }
        }
        self.change_sets(declared, &mut definition);
        self.tables.insert(folded(&declared.name), Existing { place, definition });
        pending
    }

    /// A column that is there and declared.
    fn change_column(&mut self, table: &str, stored: &mut Stored, declared: &Column) {
        let name = &declared.name;
        // Who may read and write it, whatever becomes of the rest.
        stored.column.read_by.clone_from(&declared.read_by);
        stored.column.write_by.clone_from(&declared.write_by);
        let refers = reference_of(declared).is_some();
        if refers != (reference_of(&stored.column).is_some()) {
            self.warn(format!(
                "{table}.{name} goes on as {}: what it refers to can't change.",
                stored.column.kind
            ));
            return;
        }
        if stored.refers.is_some() && declared.on_delete != stored.column.on_delete {
            self.warn(format!("{table}.{name}: what happens on DELETE can't change."));
        }
        if !refers && stored.holds != declared.kind {
            if widens(&stored.holds, &declared.kind) {
                stored.holds = declared.kind.clone();
            } else {
                let (old, new) = (&stored.holds, &declared.kind);
                self.warn(format!(
                    "{table}.{name} stays {old}: it can't become {new} without losing something."
                ));
                return;
            }
        }
        for (wanted, has, what) in [
            (declared.not_null, stored.column.not_null, "NOT NULL"),
            (declared.unique, stored.column.unique, "UNIQUE"),
            (declared.key, stored.column.key, "the key"),
        ] {
            if wanted && !has {
                self.warn(format!("{table}.{name} can't become {what}: rows could break it."));
            }
        }
        if stored.column.unique && !declared.unique {
            self.warn(format!("{table}.{name} stays UNIQUE."));
        }
        stored.column = Column {
            not_null: stored.column.not_null && declared.not_null,
            unique: stored.column.unique,
            key: stored.column.key,
            kind: if refers { stored.column.kind.clone() } else { declared.kind.clone() },
            references: stored.column.references.clone(),
            on_delete: stored.column.on_delete,
            ..declared.clone()
        };
    }

    /// A column that is new: null in the rows that are there, or its default.
    fn add_column(
        &mut self,
        place: MadeTable,
        definition: &mut Definition,
        column: &Column,
        with: &Planning<'_>,
    ) -> Option<Pending> {
        let (table, name) = (definition.name.clone(), &column.name);
        let refuse = |plan: &mut Self, why: &str| {
            plan.warn(format!("{table}.{name} isn't added: {why}."));
            None
        };
        let number = definition.next_number();
        let refers = reference_of(column);
        let holds = if refers.is_some() { as_is(&column.kind) } else { column.kind.clone() };
        let stored = Stored { column: column.clone(), number, holds, refers: None };
        let fill = match &column.default {
            Some(ColumnDefault::Uuid) if column.not_null => {
                return refuse(self, "each row that is there would need an id of its own");
            }
            None | Some(ColumnDefault::Null | ColumnDefault::Uuid) => None,
            Some(default) => {
                match value::default(default, &stored, with.surroundings.now(), with.surroundings) {
                    Ok(fill) => Some(fill),
                    Err(why) => return refuse(self, &why),
                }
            }
        };
        if column.key {
            return refuse(self, "the key of a table can't change");
        }
        if column.not_null && fill.is_none() {
            return refuse(self, "it is NOT NULL and has no default for the rows that are there");
        }
        if fill.is_some() && (column.unique || refers.is_some()) {
            return refuse(self, "the rows that are there would all have its default");
        }
        if refers.is_none() {
            self.steps.push(Step::Add(place, stored.made(), None));
            self.steps.extend(fill.map(|fill| Step::Fill(place, number, fill)));
        }
        definition.columns.push(stored);
        if column.unique {
            self.index(definition, vec![number], true);
        }
        refers.map(|to| Pending { table: folded(&table), number, to })
    }

    /// Keys, sets that are unique, indexes of a table that is there.
    fn change_sets(&mut self, declared: &Table, definition: &mut Definition) {
        let table = &declared.name;
        let numbers = |definition: &Definition, names: &[String]| -> Vec<u32> {
            let place = |name: &String| definition.place_of(name);
            names.iter().filter_map(place).map(|place| definition.columns[place].number).collect()
        };
        let key: Vec<String> = declared_key(declared).into_iter().map(str::to_owned).collect();
        if !key.is_empty() && numbers(definition, &key) != definition.key {
            self.warn(format!("{table}: the key of a table can't change."));
        }
        let unique = declared.unique.iter().map(|names| (names, "UNIQUE"));
        let indexes = declared.indexes.iter().filter(|index| index.unique);
        for (names, what) in unique.chain(indexes.map(|index| (&index.columns, index.name.as_str()))) {
            let columns = numbers(definition, names);
            if !definition.indexes.iter().any(|index| index.unique && index.columns == columns) {
                self.warn(format!("{table}: {what} ({}) isn't kept: rows could break it.", names.join(", ")));
            }
        }
        for index in declared.indexes.iter().filter(|index| !index.unique) {
            let columns = numbers(definition, &index.columns);
            self.index(definition, columns, false);
        }
    }

    /// Columns that refer to others, each after the one it refers to. What refers in a circle, or to what is not
    /// unique, is a plain column.
    fn add_references(&mut self, existing: &Tables, mut pending: Vec<Pending>) {
        self.add_indexes(existing);
        loop {
            let waiting: BTreeSet<_> = pending.iter().map(|one| (one.table.clone(), one.number)).collect();
            let is_ready = |one: &Pending| {
                let target = self.target(existing, one);
                target.is_none_or(|(_, stored)| !waiting.contains(&(one.to.table.clone(), stored.number)))
            };
            let Some(at) = pending.iter().position(is_ready).or((!pending.is_empty()).then_some(0)) else {
                return;
            };
            let in_circle = !is_ready(&pending[at]);
            let one = pending.swap_remove(at);
            let target = if in_circle { None } else { self.target(existing, &one) };
            let target = target.map(|(table, stored)| (table, stored.number, stored.holds.clone()));
            self.add_reference(&one, target);
            // Whoever refers to this column needs its index.
            self.add_indexes(existing);
        }
    }

    /// The table and column that a column refers to, if it can.
    fn target<'a>(&'a self, existing: &'a Tables, one: &Pending) -> Option<(MadeTable, &'a Stored)> {
        let table =
            self.tables.get(&one.to.table).or_else(|| existing.get(&one.to.table).map(|table| &**table))?;
        let stored = match &one.to.column {
            Some(name) => &table.definition.columns[table.definition.place_of(name)?],
            None => table.definition.single_key()?,
        };
        let is_unique = table.definition.unique_sets().any(|set| set == [stored.number]);
        is_unique.then_some((table.place, stored))
    }

    fn add_reference(&mut self, one: &Pending, target: Option<(MadeTable, u32, ColumnType)>) {
        let Some(own) = self.tables.get_mut(&one.table) else { return };
        let (place, table) = (own.place, own.definition.name.clone());
        let Some(at) = own.definition.place_of_number(one.number) else { return };
        let stored = &mut own.definition.columns[at];
        let column = stored.column.name.clone();
        let is_named = matches!(stored.column.kind, ColumnType::Reference(_));
        let fits = |holds: &ColumnType| is_named || kept_as(holds) == kept_as(&stored.holds);
        let target = target.filter(|(_, _, holds)| fits(holds));
        let mut reference = None;
        if let Some((to, number, holds)) = target {
            let cascades = stored.column.on_delete == OnDelete::Cascade;
            reference = Some(MadeReference { table: to, column: number, cascades });
            stored.refers = Some(Refers { table: one.to.table.clone(), column: number, cascades });
            if is_named {
                stored.holds = holds;
            }
        }
        let refers = stored.refers.is_some();
        self.steps.push(Step::Add(place, stored.made(), reference));
        if refers {
            add_index(&mut own.definition, vec![one.number], false);
        } else {
            let to = &one.to.table;
            self.warn(format!("{table}.{column} can't refer to {to}: only to one unique column of its type, not in a circle."));
        }
    }

    /// Indexes whose columns are all there, and which neither exist nor are made by a step yet.
    fn add_indexes(&mut self, existing: &Tables) {
        let (mut there, mut made) = (BTreeSet::new(), BTreeSet::new());
        for (name, table) in existing.iter().filter(|(name, _)| self.tables.contains_key(*name)) {
            debug_assert!(!self.new.contains(name), "a table is there or new");
            there.extend(table.definition.numbers().into_iter().map(|number| (table.place, number)));
            made.extend(table.definition.indexes.iter().map(|index| (table.place, index.number)));
        }
        for step in &self.steps {
            match step {
                Step::Make(table, columns) => {
                    there.extend(columns.iter().map(|column| (*table, column.number)));
                }
                Step::Add(table, column, _) => {
                    there.insert((*table, column.number));
                }
                Step::Index(table, index) => {
                    made.insert((*table, index.number));
                }
                Step::Fill(..) => {}
            }
        }
        for table in self.tables.values() {
            for index in &table.definition.indexes {
                let all_there = index.columns.iter().all(|column| there.contains(&(table.place, *column)));
                if all_there && made.insert((table.place, index.number)) {
                    self.steps.push(Step::Index(table.place, index.clone()));
                }
            }
        }
    }

    /// Declares an index, unless there are too many.
    fn index(&mut self, definition: &mut Definition, columns: Vec<u32>, unique: bool) {
        if !add_index(definition, columns, unique) {
            let table = &definition.name;
            self.warnings
                .push(format!("{table} has more than {INDEXES} indexes and UNIQUEs; some aren't kept."));
        }
    }
}

/// A column that waits for the one it refers to.
#[derive(Debug)]
struct Pending {
    table: String,
    number: u32,
    to: To,
}

/// What a declaration says that a column refers to.
#[derive(Debug)]
struct To {
    table: String,
    column: Option<String>,
}

fn reference_of(column: &Column) -> Option<To> {
    match (&column.references, &column.kind) {
        (Some(reference), _) => {
            Some(To { table: folded(&reference.table), column: reference.column.clone() })
        }
        (None, ColumnType::Reference(table)) => Some(To { table: folded(table), column: None }),
        (None, _) => None,
    }
}

/// Adds an index. False if there are too many.
fn add_index(definition: &mut Definition, columns: Vec<u32>, unique: bool) -> bool {
    // A unique index over them finds them as well, and so does one that begins with them.
    let is_covered = definition.indexes.iter().any(|index| {
        (index.columns == columns && (index.unique || !unique))
            || (!unique && index.columns.starts_with(&columns))
    });
    if columns.is_empty() || is_covered {
        return true;
    }
    if definition.indexes.len() >= INDEXES {
        return false;
    }
    let number = definition.next_index();
    definition.indexes.push(StoredIndex { number, columns, unique });
    true
}
