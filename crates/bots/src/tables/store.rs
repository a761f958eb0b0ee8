//! The table of tables, and what makes and removes them.

use std::sync::Arc;

use kernel::{Id, Timestamp, id::kind::Bot};
use platform::{
    db::{DbError, Json, MadeTable, Tx, Unit},
    record,
};

use super::{
    definition::{Definition, Existing, Tables, folded, kept_as},
    plan::{Plan, Step},
    value::INDEXED_BYTES,
};

record! {
    /// A table of a bot.
    struct TableRow {
        id: [u8; 16],
        name_key: String,
        definition: Json,
    }
}

/// The tables of a bot.
pub(crate) fn of_bot(tx: &Tx<'_>, bot: Id<Bot>) -> Result<Tables, DbError> {
    let rows: Vec<TableRow> = tx.all(
        "SELECT id, name_key, definition FROM bot_tables WHERE org_id = $1 AND bot_id = $2 ORDER BY name_key",
        &[&bot],
    )?;
    let existing = |row: TableRow| {
        let definition: Definition = row.definition.read()?;
        Ok((row.name_key, Arc::new(Existing { place: MadeTable(row.id), definition })))
    };
    rows.into_iter().map(existing).collect()
}

/// Does what the plan says, in a unit that has locked the bot, or made it. Gives why it can't, if it can't.
pub(crate) fn apply(
    unit: &Unit<'_>,
    bot: Id<Bot>,
    plan: &Plan,
    at: Timestamp,
) -> Result<Option<String>, DbError> {
    for step in &plan.steps {
        match step {
            Step::Make(table, columns) => unit.make_table(*table, columns)?,
            Step::Add(table, column, reference) => unit.add_made_column(*table, *column, *reference)?,
            Step::Fill(table, column, value) => unit.fill_made_column(*table, *column, value)?,
            Step::Index(table, index) => {
                for &column in &index.columns {
                    let most = i64::try_from(INDEXED_BYTES).unwrap_or(i64::MAX);
                    if is_text(plan, *table, column) && unit.made_text_exceeds(*table, column, most)? {
                        return Ok(Some(format!(
                            "an index can't keep the texts of more than {INDEXED_BYTES} bytes that are in its column"
                        )));
                    }
                }
                unit.make_index(*table, index.number, &index.columns, index.unique)?;
            }
        }
    }
    for (name, table) in &plan.tables {
        let (id, definition) = (table.place.0, Json::of(&table.definition));
        if plan.new.contains(name) {
            unit.execute(
                "INSERT INTO bot_tables (org_id, id, bot_id, name_key, definition, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $6)",
                &[&id, &bot, &folded(name), &definition, &at],
            )?;
        } else {
            unit.execute(
                "UPDATE bot_tables SET definition = $3, updated_at = $4 WHERE org_id = $1 AND id = $2",
                &[&id, &definition, &at],
            )?;
        }
    }
    Ok(None)
}

fn is_text(plan: &Plan, table: MadeTable, column: u32) -> bool {
    let definition = plan.tables.values().find(|one| one.place == table).map(|one| &one.definition);
    let stored = definition.and_then(|definition| definition.numbered(column));
    stored.is_some_and(|stored| kept_as(&stored.holds) == platform::db::Kept::Text)
}

/// Removes some of what the bot's tables hold, and then the tables. True while there is more.
pub(crate) fn remove_some(unit: &Unit<'_>, bot: Id<Bot>, most: u64) -> Result<bool, DbError> {
    let tables = of_bot(unit, bot)?;
    // What refers to rows keeps them.
    for table in tables.values() {
        for stored in table.definition.columns.iter().filter(|stored| stored.refers.is_some()) {
            if unit.empty_made_column(table.place, stored.number, most)? > 0 {
                return Ok(true);
            }
        }
    }
    for table in tables.values() {
        if unit.delete_some_made_rows(table.place, most)? > 0 {
            return Ok(true);
        }
    }
    for table in tables.values() {
        unit.drop_made_table(table.place)?;
    }
    unit.execute("DELETE FROM bot_tables WHERE org_id = $1 AND bot_id = $2", &[&bot])?;
    Ok(false)
}
