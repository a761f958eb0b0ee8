//! The tables of bots: what TABLE declares becomes a table of the database, and the data commands of scripts read and
//! change it.
//!
//! A package that is installed brings its tables to what it declares, only by adding (`plan.rs`), in the unit of work
//! of the installation. A turn reads through what it has changed itself (`draft.rs`); its changes are written with it,
//! or not at all, and stand only if nobody else changed meanwhile what they are based on. Filters mean what the
//! language says; the database looks for what it can (`condition.rs`), and the language has the last word. Data files of
//! the package are tables, too (`crate::files`).

mod access;
mod check;
mod condition;
pub(crate) mod definition;
mod draft;
pub(crate) mod forms;
mod keywords;
pub(crate) mod plan;
mod rules;
mod scan;
mod service;
pub(crate) mod store;
mod value;

#[cfg(test)]
mod tests;

use gateway::Module;
use platform::db::Migration;

pub use service::BotTables;

/// The table of tables.
pub(crate) const TABLES: Migration = Migration::new(
    "m20261130_20_bots_tables",
    "CREATE TABLE bot_tables (
        org_id uuid NOT NULL,
        id uuid NOT NULL,
        bot_id uuid NOT NULL,
        name_key keytext NOT NULL,
        definition text NOT NULL,
        created_at bigint NOT NULL,
        updated_at bigint NOT NULL,
        PRIMARY KEY (org_id, id),
        UNIQUE (org_id, bot_id, name_key)
    );",
);

/// The commands of scripts on tables. Those on data files have to be registered before.
pub(crate) fn module(tables: &BotTables) -> Module {
    keywords::with_commands(Module::new("tables"), tables)
}
