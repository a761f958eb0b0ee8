//! Makes jobs of events.

use kernel::{
    Timestamp,
    id::{Id, kind},
};

use super::Emitted;
use crate::{
    db::{DbError, Json, ServerUnit},
    jobs::{Work, store},
    record,
};

record! {
    /// An event that waits.
    struct Row {
        seq: i64,
        org_id: Id<kind::Organization>,
        id: Id<kind::Event>,
        name: String,
        subject: String,
        data: Json,
        at: Timestamp,
    }
}

/// Relays some events; gives their number.
///
/// One relay works at a time in all nodes. Two could hand the earlier event of a resource on after the later one.
pub(crate) fn relay_some(unit: &ServerUnit<'_>, work: &Work) -> Result<u64, DbError> {
    unit.lock("outbox")?;
    let everywhere = unit.everywhere();
    let rows: Vec<Row> = everywhere
        .all("SELECT seq, org_id, id, name, subject, data, at FROM outbox ORDER BY seq LIMIT 100", &[])?;
    let number = rows.len() as u64;
    for row in rows {
        let seq = row.seq;
        hand_on(unit, row, work)?;
        everywhere.execute("DELETE FROM outbox WHERE seq = $1", &[&seq])?;
    }
    Ok(number)
}

fn hand_on(unit: &ServerUnit<'_>, row: Row, work: &Work) -> Result<(), DbError> {
    let unit = unit.org(row.org_id);
    let emitted = Emitted {
        event_id: row.id,
        name: row.name,
        subject: row.subject,
        organization_id: row.org_id,
        at: row.at,
        number: row.seq,
        data: row.data.read()?,
    };
    for subscription in work.subscribers(&emitted.name) {
        if let Some(wanted) = subscription.wanted
            && !wanted(&unit, &emitted)?
        {
            continue;
        }
        let line = format!("{} {}", subscription.kind.name(), emitted.subject);
        let job = subscription.kind.job(&emitted).unique(emitted.event_id.to_string());
        store::insert(&unit, &job.in_line(line, emitted.number))?;
    }
    Ok(())
}
