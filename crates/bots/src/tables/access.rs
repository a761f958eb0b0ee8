//! Which table a script means, and what its person may do with it: READ BY and WRITE BY.

use std::sync::Arc;

use basic::{ErrorCode, filter::BoundFilter};
use gateway::command::{Run, Unperformed};
use identity::membership::{self, RoleName};

use super::{
    definition::{Definition, Existing, Tables, folded},
    draft::Ledger,
    service::BotTables,
    store,
};

/// What is done with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Read,
    Write,
}

/// A table that the person may read or change.
#[derive(Debug, Clone)]
pub(super) struct Opened {
    pub(super) table: Arc<Existing>,
    /// Which of its columns may be read.
    readable: Arc<[bool]>,
    /// Which of them may be written.
    writable: Arc<[bool]>,
}

impl Opened {
    pub(super) fn definition(&self) -> &Definition {
        &self.table.definition
    }

    pub(super) fn name(&self) -> &str {
        &self.table.definition.name
    }

    pub(super) fn may_read(&self, place: usize) -> bool {
        self.readable.get(place).is_some_and(|may| *may)
    }

    /// The place of a column that is written.
    pub(super) fn for_writing(&self, column: &str) -> Result<usize, Unperformed> {
        let place = self.place_of(column)?;
        if self.writable.get(place).is_some_and(|may| *may) {
            return Ok(place);
        }
        Err(denied(format!("{}.{column} is written by other roles", self.name())))
    }

    /// The place of a column that is read.
    pub(super) fn for_reading(&self, column: &str) -> Result<usize, Unperformed> {
        let place = self.place_of(column)?;
        if self.may_read(place) {
            return Ok(place);
        }
        Err(denied(format!("{}.{column} is read by other roles", self.name())))
    }

    fn place_of(&self, column: &str) -> Result<usize, Unperformed> {
        let place = self.definition().place_of(column);
        place.ok_or_else(|| Unperformed::argument(format!("{} has no column {column}", self.name())))
    }

    /// A filter that tells of nothing that may not be read. A mistyped column would be null for every row: none would
    /// fit, or all.
    pub(super) fn check_filter(&self, filter: &BoundFilter) -> Result<(), Unperformed> {
        let filter = filter.filter();
        let compared = filter.condition.iter().flat_map(basic::filter::Condition::columns);
        for column in compared.chain(filter.order.iter().map(|order| order.column.as_str())) {
            // What comes after a dot is within a value of JSON.
            self.for_reading(column.split('.').next().unwrap_or_default())?;
        }
        Ok(())
    }
}

fn denied(message: String) -> Unperformed {
    Unperformed::failed(ErrorCode::Denied, message)
}

impl BotTables {
    /// The tables of the run's bot.
    pub(super) async fn tables(&self, run: &Run) -> Result<Arc<Tables>, Unperformed> {
        if let Some((_, tables)) = run.drafts.with(|ledger: &mut Ledger| ledger.tables.clone()) {
            return Ok(tables);
        }
        let bot = run.bot;
        let tables = Arc::new(self.db.read(run.org, move |tx| store::of_bot(tx, bot)).await?);
        run.drafts.with(|ledger: &mut Ledger| ledger.tables = Some((bot, Arc::clone(&tables))));
        Ok(tables)
    }

    /// The table of that name, for somebody who may do that with it.
    pub(super) async fn open(&self, run: &Run, name: &str, right: Right) -> Result<Opened, Unperformed> {
        let name = name.trim();
        let tables = self.tables(run).await?;
        let Some(table) = tables.get(&folded(name)).cloned() else {
            let name = name.trim_start_matches('.');
            let message = if name.contains('.') {
                format!("there is no table {name}: this server has no connections to other databases")
            } else {
                format!("there is no table {name}; TABLE declares one")
            };
            return Err(Unperformed::failed(ErrorCode::NotFound, message));
        };
        let definition = &table.definition;
        let columns = || definition.columns.iter().map(|stored| &stored.column);
        // The bot itself may do everything with what is its own.
        let is_open = run.is_of_bot()
            || definition.read_by.is_empty()
                && definition.write_by.is_empty()
                && columns().all(|column| column.read_by.is_empty() && column.write_by.is_empty());
        let roles = if is_open { Arc::default() } else { self.roles(run).await? };
        let may = |wanted: &[String]| is_open || wanted.is_empty() || has_one(&roles, wanted);
        let (wanted, verb) = match right {
            Right::Read => (&definition.read_by, "read"),
            Right::Write => (&definition.write_by, "written"),
        };
        if !may(wanted) {
            let roles = wanted.join(" or ");
            return Err(denied(format!(
                "the table {} is {verb} by people with the role {roles}",
                definition.name
            )));
        }
        // Whoever may change a table and not read it finds no rows by their columns.
        let reads = may(&definition.read_by);
        Ok(Opened {
            readable: columns().map(|column| reads && may(&column.read_by)).collect(),
            writable: columns().map(|column| may(&column.write_by)).collect(),
            table,
        })
    }

    /// The roles of the run's person.
    async fn roles(&self, run: &Run) -> Result<Arc<[RoleName]>, Unperformed> {
        let (user, now) = (run.user, run.now);
        // SET USER has a run go on for somebody else.
        let known = run.drafts.with(|ledger: &mut Ledger| ledger.roles.clone());
        if let Some((_, roles)) = known.filter(|(of, _)| *of == user) {
            return Ok(roles);
        }
        let roles = self.db.read(run.org, move |tx| membership::roles_of(tx, user, now)).await?;
        let roles: Arc<[RoleName]> = roles.into();
        run.drafts.with(|ledger: &mut Ledger| ledger.roles = Some((user, Arc::clone(&roles))));
        Ok(roles)
    }
}

fn has_one(roles: &[RoleName], wanted: &[String]) -> bool {
    wanted.iter().any(|name| membership::is_among(roles, name))
}
