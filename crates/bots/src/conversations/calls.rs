//! What CALL and WAIT mean, and what every script is given.

use basic::{Command, Data, Program, commands::Target};
use chrono::{DateTime, FixedOffset, TimeDelta};
use gateway::command::{Run, Unperformed};
use serde_json::{Map, Value};

use crate::memory::keywords::text;

/// What a dialog does by itself, beside what modules perform.
pub(crate) const OF_DIALOGS: &[&str] = &["CALL", "WAIT"];

/// Does the command call a script of the package, and no address of the server?
pub(super) fn is_script(command: &Command) -> bool {
    let name = || text(command, 0);
    command.keyword.phrase == "CALL" && !matches!(Target::of(&name()), Target::Path(_) | Target::Address(_))
}

/// The name of a script as another names it, without its ending.
pub(crate) fn script_name(named: &str) -> String {
    let name = named.trim();
    let ending = name.len().saturating_sub(4);
    match name.get(ending..) {
        Some(end) if end.eq_ignore_ascii_case(".bas") => name[..ending].to_owned(),
        _ => name.to_owned(),
    }
}

/// The variables that every script finds.
pub(super) fn provided(run: &Run) -> Vec<(String, Data)> {
    let text = |value: String| Data::Text(value);
    let session = vec![
        ("id".to_owned(), text(run.conversation.to_string())),
        ("user_id".to_owned(), text(run.user.to_string())),
        ("channel".to_owned(), text(run.channel.to_string())),
    ];
    vec![("session".to_owned(), Data::Object(session))]
}

/// The names of these.
pub(crate) const PROVIDED: &[&str] = &["session"];

/// What a script is given as its PARAMs, in their order.
pub(super) fn arguments(
    program: &Program,
    given: &[Data],
    now: DateTime<FixedOffset>,
) -> Result<Vec<(String, Data)>, String> {
    let Some(tool) = &program.declarations().tool else {
        return if given.is_empty() {
            Ok(Vec::new())
        } else {
            Err(format!("{} takes no arguments: it has no PARAM", program.name()))
        };
    };
    if given.len() > tool.parameters.len() {
        let (takes, got) = (tool.parameters.len(), given.len());
        return Err(format!("{} takes at most {takes} arguments, not {got}", program.name()));
    }
    let named = tool.parameters.iter().zip(given);
    let named: Map<String, Value> =
        named.map(|(parameter, value)| (parameter.name.clone(), value.to_json())).collect();
    tool.inputs(&Value::Object(named), now).map_err(|error| format!("{}: {error}", program.name()))
}

/// How long WAIT wants to wait: not at all, or for that time.
pub(super) fn seconds(command: &Command, most_days: u32) -> Result<Option<TimeDelta>, Unperformed> {
    let wrong = || Unperformed::argument("the seconds to wait are a number that is not negative");
    let seconds = command.arguments.first().ok_or_else(wrong)?;
    let seconds = seconds.as_number().or_else(|| seconds.as_text()?.trim().parse().ok()).ok_or_else(wrong)?;
    if seconds.is_nan() || seconds < 0.0 {
        return Err(wrong());
    }
    let most = TimeDelta::days(most_days.into());
    if seconds > most.as_seconds_f64() {
        return Err(Unperformed::argument(format!("a script waits at most {most_days} days")));
    }
    let time = TimeDelta::microseconds((seconds * 1e6) as i64);
    Ok((time > TimeDelta::zero()).then_some(time))
}
