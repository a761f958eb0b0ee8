//! The pages of the commands, one a subject.

use std::fmt::Write as _;

use crate::commands::{self, ArgumentKind, ClauseKind, CommandSpec, Separator, Tier};

/// The pages in the order of the table: subject, file, what stands above the commands.
const SUBJECTS: &[(&str, &str, &str)] = &[
    ("dialog", "dialog.md", include_str!("text/dialog.md")),
    ("memory", "memory.md", include_str!("text/memory.md")),
    ("model", "model.md", include_str!("text/model.md")),
    ("storage", "storage.md", include_str!("text/storage.md")),
    ("world", "world.md", include_str!("text/world.md")),
    ("control", "control.md", include_str!("text/control.md")),
];

pub(super) fn pages() -> impl Iterator<Item = (&'static str, String)> {
    SUBJECTS.iter().map(|(subject, file, text)| {
        let mut page = (*text).to_owned();
        for spec in commands::all().iter().filter(|spec| spec.subject == *subject) {
            let _ = write!(page, "\n## {}\n\n{}", spec.phrase, body(spec));
        }
        (*file, page)
    })
}

/// Everything on one command but its heading.
pub(super) fn body(spec: &CommandSpec) -> String {
    let mut out = format!("```text\n{}\n```\n\n{}\n\n", syntax(spec), spec.documentation);
    if !spec.aliases.is_empty() {
        let _ = write!(out, "Also written {}. ", super::codes(spec.aliases.iter().copied()));
    }
    let value = if spec.gives_value { "Gives a value" } else { "Gives no value" };
    let tier = match spec.tier {
        _ if spec.is_of_machine() && spec.phrase != "EXTENSION" => "every server has it",
        Tier::One => "tier 1",
        Tier::Two => "tier 2",
        Tier::Three => "tier 3",
    };
    let _ = writeln!(out, "{value}; {tier}; needs the permission `{}`.", spec.permission);
    let _ = write!(out, "\n```basic\n{}\n```\n", spec.example);
    out
}

/// The form of a command in one line.
fn syntax(spec: &CommandSpec) -> String {
    // `GET * METRICS`: the first argument stands within the phrase.
    let within = usize::from(spec.phrase.contains('*'));
    let first = spec.arguments.first().map_or("", |argument| argument.name);
    let mut out = spec.phrase.replace('*', first);
    for (index, argument) in spec.arguments.iter().skip(within).enumerate() {
        let before = match (index, argument.separator) {
            (0, _) | (_, Separator::Blank) => " ",
            (_, Separator::Equal) => " = ",
            _ => ", ",
        };
        let dots = if argument.repeated { "…" } else { "" };
        let name = if argument.kind == ArgumentKind::Rest { "text" } else { argument.name };
        if argument.required {
            let _ = write!(out, "{before}{name}{dots}");
        } else {
            let _ = write!(out, "[{before}{name}{dots}]");
        }
    }
    for clause in &spec.clauses {
        let what = match clause.kind {
            ClauseKind::Flag => "",
            ClauseKind::Value | ClauseKind::Word => " value",
            ClauseKind::Values => " value, …",
            ClauseKind::Fields => " name = value, …",
            ClauseKind::Order => " column [DESC], …",
            ClauseKind::Condition => " condition",
            ClauseKind::Place => " variable",
        };
        let _ = write!(out, " [{}{what}]", clause.name);
    }
    out
}
