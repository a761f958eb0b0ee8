//! The table of limits.

use crate::Limits;

/// All limits with their defaults.
pub(super) fn table() -> String {
    // Every field is named, so that a new limit does not compile before it is explained.
    let Limits {
        instructions_per_stop,
        instructions_per_run,
        call_depth,
        memory_bytes,
        text_bytes,
        entries,
        state_bytes,
        effects_per_run,
        talks_per_turn,
        rows,
        seconds_per_stop,
    } = Limits::default();
    let row = |setting: &str, default: String, what: &str| [format!("`{setting}`"), default, what.to_owned()];
    super::table(
        ["setting", "default", "what it limits"],
        [
            row(
                "instructions_per_stop",
                grouped(instructions_per_stop),
                "Instructions between two commands that leave the script, such as TALK.",
            ),
            row(
                "instructions_per_run",
                grouped(instructions_per_run),
                "Instructions of a run; each reply of the user begins the count anew.",
            ),
            row(
                "call_depth",
                grouped(u64::from(call_depth)),
                "Procedures that wait for each other, as in recursion.",
            ),
            row("memory_bytes", bytes(memory_bytes), "All values of a run together."),
            row("text_bytes", bytes(text_bytes), "One text."),
            row("entries", grouped(entries as u64), "Elements of one array, or fields of one object."),
            row("state_bytes", bytes(state_bytes), "What is stored of a run while it waits."),
            row(
                "effects_per_run",
                grouped(u64::from(effects_per_run)),
                "Commands that leave the script in a run, TALK and HEAR included; each reply of the user begins the count anew.",
            ),
            row(
                "talks_per_turn",
                grouped(u64::from(talks_per_turn)),
                "Messages between two replies of the user.",
            ),
            row("rows", grouped(rows as u64), "Rows of one FIND; LIMIT asks for fewer."),
            row(
                "seconds_per_stop",
                format!("{} s", grouped(seconds_per_stop)),
                "Time between two commands that leave the script.",
            ),
        ],
    )
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn bytes(count: usize) -> String {
    if count.is_multiple_of(1 << 20) { format!("{} MiB", count >> 20) } else { format!("{count} bytes") }
}
