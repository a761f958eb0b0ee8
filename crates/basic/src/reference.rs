//! The reference of the language, printed from the tables that parser and machine use.

use std::fmt::Write as _;

use crate::commands::{self, ArgumentKind, ClauseKind, CommandSpec, Separator, Tier};
use crate::functions;

/// All commands and functions as Markdown.
pub fn reference() -> String {
    let mut out = String::from("# Commands\n");
    let mut subject = "";
    for spec in commands::all() {
        if spec.subject != subject {
            subject = spec.subject;
            let _ = write!(out, "\n## {}{}\n", subject[..1].to_uppercase(), &subject[1..]);
        }
        command(spec, &mut out);
    }
    out.push_str("\n# Functions\n\n| function | |\n| --- | --- |\n");
    for spec in functions::ALL {
        let names: Vec<String> = spec.names.iter().map(|name| format!("`{}`", name.to_uppercase())).collect();
        let _ = writeln!(out, "| {} | {} |", names.join(" "), spec.documentation.replace('|', "\\|"));
    }
    out
}

fn command(spec: &CommandSpec, out: &mut String) {
    let _ = write!(out, "\n### {}\n\n    {}\n\n{}\n\n", spec.phrase, syntax(spec), spec.documentation);
    if !spec.aliases.is_empty() {
        let _ = write!(out, "Also written {}. ", spec.aliases.join(", "));
    }
    let tier = match spec.tier {
        Tier::One => 1,
        Tier::Two => 2,
        Tier::Three => 3,
    };
    let value = if spec.gives_value { "Gives a value. " } else { "" };
    let _ = write!(
        out,
        "{value}Tier {tier}, permission `{}`.\n\n```basic\n{}\n```\n",
        spec.permission, spec.example
    );
}

/// The form of a command in one line.
fn syntax(spec: &CommandSpec) -> String {
    let mut out = spec.phrase.to_owned();
    for (index, argument) in spec.arguments.iter().enumerate() {
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
