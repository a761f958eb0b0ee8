//! Runs that are under way.

use kernel::{
    Id,
    id::{
        JobId,
        kind::{Bot, Conversation as ConversationKind},
    },
};
use platform::db::{DbError, Tx, Unit};

use super::TurnRow;
use crate::conversations::dialog::{Stack, Suspended};

/// What a turn needs to know, with the run that is under way.
pub(crate) struct TurnFound {
    pub(crate) row: TurnRow,
    pub(crate) run: Option<RunFound>,
}

/// A run that is under way.
pub(crate) struct RunFound {
    pub(crate) stack: Stack,
    /// The package's version that it began with.
    pub(crate) version: i64,
    /// Does it wait for time, and not for an answer?
    pub(crate) sleeps: bool,
}

/// The run of a conversation that was read.
pub(crate) fn found(tx: &Tx<'_>, id: Id<ConversationKind>, mut row: TurnRow) -> Result<TurnFound, DbError> {
    let run = match (row.program, row.state.take()) {
        (Some(program), Some(state)) => {
            let callers = if row.depth > Some(0) { callers(tx, id)? } else { Vec::new() };
            let top = Suspended { program, state: state.into() };
            let (asks_secret, kept) = (row.asks_secret == Some(true), row.kept.take());
            let stack = Stack { callers, top, asks_secret, kept };
            Some(RunFound { stack, version: row.version.unwrap_or_default(), sleeps: row.wake.is_some() })
        }
        _ => None,
    };
    Ok(TurnFound { row, run })
}

/// The scripts that wait below the one that goes on first, the outermost first.
fn callers(tx: &Tx<'_>, conversation: Id<ConversationKind>) -> Result<Vec<Suspended>, DbError> {
    let rows = tx.all::<([u8; 32], Vec<u8>)>(
        "SELECT program, state FROM conversation_callers WHERE org_id = $1 AND conversation_id = $2 ORDER BY depth",
        &[&conversation],
    )?;
    Ok(rows.into_iter().map(|(program, state)| Suspended { program, state: state.into() }).collect())
}

/// Keeps where a run stops that went on within the same program of the same version. What names these is not written
/// again: each of their indexes would be a page more for the disk to take before the answer.
pub(crate) fn move_run(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    place: (Id<Bot>, i64),
    stack: &Stack,
    wake: Option<JobId>,
    had_callers: bool,
) -> Result<(), DbError> {
    let moved = unit.execute(
        "UPDATE conversation_runs SET state = $3, depth = $4, wake = $5, asks_secret = $6, kept = $7
         WHERE org_id = $1 AND conversation_id = $2 AND program = $8 AND version = $9",
        &[
            &conversation,
            &&*stack.top.state,
            &depth_of(stack),
            &wake,
            &stack.asks_secret,
            &stack.kept,
            &stack.top.program,
            &place.1,
        ],
    )?;
    if moved == 0 {
        return save_run(unit, conversation, place, stack, wake, had_callers);
    }
    save_callers(unit, conversation, stack, had_callers)
}

/// Keeps where a run stops. `had_callers`: did scripts wait below it before?
pub(crate) fn save_run(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    (bot, version): (Id<Bot>, i64),
    stack: &Stack,
    wake: Option<JobId>,
    had_callers: bool,
) -> Result<(), DbError> {
    unit.execute(
        "INSERT INTO conversation_runs (org_id, conversation_id, bot_id, program, state, version, depth, wake,
            asks_secret, kept)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (org_id, conversation_id) DO UPDATE SET program = excluded.program, state = excluded.state,
            version = excluded.version, depth = excluded.depth, wake = excluded.wake,
            asks_secret = excluded.asks_secret, kept = excluded.kept",
        &[
            &conversation,
            &bot,
            &stack.top.program,
            &&*stack.top.state,
            &version,
            &depth_of(stack),
            &wake,
            &stack.asks_secret,
            &stack.kept,
        ],
    )?;
    save_callers(unit, conversation, stack, had_callers)
}

fn depth_of(stack: &Stack) -> i64 {
    i64::try_from(stack.callers.len()).unwrap_or(i64::MAX)
}

fn save_callers(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    stack: &Stack,
    had_callers: bool,
) -> Result<(), DbError> {
    if had_callers {
        end_callers(unit, conversation)?;
    }
    for (depth, caller) in (0_i64..).zip(&stack.callers) {
        unit.execute(
            "INSERT INTO conversation_callers (org_id, conversation_id, depth, program, state)
             VALUES ($1, $2, $3, $4, $5)",
            &[&conversation, &depth, &caller.program, &&*caller.state],
        )?;
    }
    Ok(())
}

pub(crate) fn end_run(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    had_callers: bool,
) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM conversation_runs WHERE org_id = $1 AND conversation_id = $2",
        &[&conversation],
    )?;
    if had_callers { end_callers(unit, conversation) } else { Ok(()) }
}

fn end_callers(unit: &Unit<'_>, conversation: Id<ConversationKind>) -> Result<(), DbError> {
    unit.execute(
        "DELETE FROM conversation_callers WHERE org_id = $1 AND conversation_id = $2",
        &[&conversation],
    )?;
    Ok(())
}

/// Another job goes on with a run that sleeps, if this one would have.
pub(crate) fn set_wake(
    unit: &Unit<'_>,
    conversation: Id<ConversationKind>,
    this: JobId,
    next: JobId,
) -> Result<(), DbError> {
    unit.execute(
        "UPDATE conversation_runs SET wake = $4 WHERE org_id = $1 AND conversation_id = $2 AND wake = $3",
        &[&conversation, &this, &next],
    )?;
    Ok(())
}
