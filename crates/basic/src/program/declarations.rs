//! What a script declares besides running: what kind of script it is.

use serde::{Deserialize, Serialize};

use crate::schedule::Schedule;
use crate::schema::{self, Table};
use crate::tools::ToolSpec;

/// The declarations of a script. Hosts tell the kind of a script by them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Declarations {
    /// The script as a tool: present when it has PARAM or DESCRIPTION. Its parameters are the inputs of a run.
    pub tool: Option<ToolSpec>,
    /// `SET SCHEDULE "…"` at the top: when this script runs, in one canonical form.
    pub schedules: Vec<Schedule>,
    /// `WEBHOOK "name"`: endpoints this script answers.
    pub webhooks: Vec<String>,
    /// `ALLOW ROLE`: who may run it; empty for everybody.
    pub roles: Vec<String>,
    /// TABLE blocks with their indexes, each name once. A type that names a table of this script, or one of
    /// [`crate::Known::tables`], is a reference; other unknown types are text.
    pub tables: Vec<Table>,
    /// `CREATE INDEX` on tables that this script does not declare.
    pub indexes: Vec<Index>,
    /// Procedures that run at events.
    pub handlers: Vec<Handler>,
}

/// A `CREATE INDEX`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// `table(columns)` as it stands.
    pub on: String,
    /// Whether no two rows may have the same values in these columns.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unique: bool,
}

impl Index {
    /// The table, and the index as one of its own.
    pub fn of_table(&self) -> (&str, schema::Index) {
        let (table, columns) = self.on.trim_end_matches(')').split_once('(').unwrap_or((&self.on, ""));
        let columns = columns.split(',').map(|column| column.trim().to_owned());
        let columns = columns.filter(|column| !column.is_empty()).collect();
        (table.trim(), schema::Index { name: self.name.clone(), columns, unique: self.unique })
    }
}

/// A procedure that runs at an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handler {
    /// What kind of event.
    pub kind: HandlerKind,
    /// The event, form, table, address or path, where the script names it by a text.
    pub name: Option<String>,
    /// Who must have sent a mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// What the subject of a mail must contain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Which kinds of change to a file count, parted by commas; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
    /// The procedure: what [`crate::Machine::start_handler`] takes. 0 is the whole script.
    pub procedure: u16,
}

impl HandlerKind {
    /// The kind that a phrase declares.
    pub(crate) fn of_phrase(phrase: &str) -> Option<Self> {
        Some(match phrase {
            "ON EVENT" => Self::Event,
            "ON FORM SUBMIT" => Self::FormSubmit,
            "ON INSERT OF" => Self::RowInserted,
            "ON UPDATE OF" => Self::RowUpdated,
            "ON DELETE OF" => Self::RowDeleted,
            "ON EMAIL" => Self::Mail,
            "ON CHANGE" => Self::FileChanged,
            "SCHEDULE IN" => Self::Delayed,
            _ => return None,
        })
    }
}

/// What makes a handler run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandlerKind {
    /// `ON EVENT`.
    Event,
    /// `ON FORM SUBMIT`.
    FormSubmit,
    /// `ON INSERT OF`: a row was added to a table.
    RowInserted,
    /// `ON UPDATE OF`: a row of a table changed.
    RowUpdated,
    /// `ON DELETE OF`: a row of a table was removed.
    RowDeleted,
    /// `ON EMAIL`: a mail came to an address.
    Mail,
    /// `ON CHANGE`: a file or something in a folder changed.
    FileChanged,
    /// `SCHEDULE IN`: the body that runs later.
    Delayed,
}
