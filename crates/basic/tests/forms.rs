//! Every form of every command, type and declaration, with what it asks of a host.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::fmt::Write as _;
use std::sync::Arc;

use basic::{
    Answer, Clause, Command, Data, Declarations, Hear, HearKind, Known, Limits, Machine, Resume, Severity,
    Step,
};

/// Variables that all cases find.
const GIVEN: &str = r#"{ "who": "ann", "n": 3, "o": { "a": 1 }, "rows": [{ "a": 1 }, { "a": 2 }], "f": "in.txt",
    "id": "7", "when": "2025-04-01" }"#;

fn given() -> Vec<(String, Data)> {
    let Data::Object(given) = serde_json::from_str(GIVEN).unwrap() else {
        panic!("the variables are an object")
    };
    given
}

struct Case<'a> {
    section: &'a str,
    script: String,
    expected: Vec<String>,
}

fn cases(text: &str) -> Vec<Case<'_>> {
    let (mut cases, mut section, mut script) = (Vec::new(), "", String::new());
    for line in text.lines().skip_while(|line| !line.starts_with("== ")) {
        if let Some(title) = line.strip_prefix("== ") {
            section = title;
        } else if let Some(expected) = line.strip_prefix("--") {
            let expected = expected.split(" ¦ ").map(|event| event.trim().to_owned()).collect();
            cases.push(Case { section, script: std::mem::take(&mut script), expected });
        } else if !(script.is_empty() && line.is_empty()) {
            script.push_str(line);
            script.push('\n');
        }
    }
    assert!(script.is_empty(), "a case without its events: {script}");
    cases
}

fn json(value: &Data) -> String {
    serde_json::to_string(value).unwrap()
}

fn list(values: &[Data]) -> String {
    values.iter().map(json).collect::<Vec<_>>().join(", ")
}

/// A command in the notation of the data file.
fn command(command: &Command) -> String {
    let phrase = command.keyword.phrase;
    let mut shown = match &command.name {
        Some(name) => format!("{phrase}:{name}"),
        None => phrase.to_owned(),
    };
    let arguments = match phrase {
        // All variables of the script.
        "SCHEDULE IN" => format!("{}, …", list(&command.arguments[..2])),
        _ => list(&command.arguments),
    };
    let _ = write!(shown, "({arguments})");
    for (name, clause) in &command.clauses {
        let _ = match clause {
            Clause::Values(values) => write!(shown, " {name}[{}]", list(values)),
            Clause::Fields(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("{name}: {}", json(value))).collect();
                write!(shown, " {name}{{{}}}", fields.join(", "))
            }
        };
    }
    if let Some(filter) = &command.filter {
        let _ = write!(shown, " ? {filter}");
    }
    shown
}

fn question(hear: &Hear, has_default: bool) -> String {
    let kind = serde_json::to_value(hear.kind).unwrap();
    let mut shown = format!("< {} as {}", hear.variable, kind.as_str().unwrap()).replace("<  ", "< ");
    if matches!(hear.kind, HearKind::Menu | HearKind::OpenMenu) {
        let _ = write!(shown, " {{{}}}", hear.options.join(", "));
    }
    if has_default {
        shown.push_str(" default");
    }
    shown
}

/// What a script declares, in the notation of the data file.
fn declared(declarations: &Declarations) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    all.extend(declarations.schedules.iter().map(|schedule| format!("@ schedule {schedule}")));
    all.extend(declarations.webhooks.iter().map(|name| format!("@ webhook {name}")));
    all.extend(declarations.roles.iter().map(|role| format!("@ role {role}")));
    all.extend(declarations.indexes.iter().map(|index| format!("@ index {} on {}", index.name, index.on)));
    for handler in declarations.handlers.iter().filter(|handler| handler.name.is_some()) {
        let kind = serde_json::to_value(handler.kind).unwrap();
        let name = handler.name.as_deref().unwrap();
        let mut shown = format!("@ handler {} {name} {}", kind.as_str().unwrap(), handler.procedure);
        for (word, filter) in
            [("from", &handler.from), ("subject", &handler.subject), ("events", &handler.events)]
        {
            if let Some(filter) = filter {
                let _ = write!(shown, " {word} {filter}");
            }
        }
        all.push(shown);
    }
    if let Some(tool) = &declarations.tool {
        let schema = &tool.openai()["function"];
        let words = |list: &serde_json::Value| {
            list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        all.push(format!("@ tool {}", schema["description"].as_str().unwrap()));
        all.push(format!("@ required {}", words(&schema["parameters"]["required"]).join(" ")));
        let properties = schema["parameters"]["properties"].as_object().unwrap();
        all.extend(properties.iter().map(|(name, property)| format!("@ {name} {property}")));
    }
    all
}

/// What happens when a script is compiled and run, or why it is refused.
fn events(script: &str) -> Vec<String> {
    let given = given();
    let known =
        Known { variables: given.iter().map(|(name, _)| name.as_str()).collect(), ..Known::default() };
    let compiled = basic::compile("forms.bas", script, &known);
    let Some(program) = compiled.program else {
        let errors = compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error);
        return errors.map(|d| d.render("forms.bas", script)).collect();
    };
    let program = Arc::new(program);
    let mut events = declared(program.declarations());
    if program.declarations().tool.is_some() {
        return events;
    }
    let mut machine = Machine::start(Arc::clone(&program), Limits::default(), given);
    let now = chrono::DateTime::parse_from_rfc3339("2025-03-14T09:30:00+00:00").unwrap();
    let mut answer = Answer::Start;
    for _ in 0..100 {
        let step = machine.run(Resume { now, seed: 7, answer });
        let stored = machine.save();
        machine = Machine::load(Arc::clone(&program), Limits::default(), &stored).unwrap();
        answer = match step {
            Step::Talk(text) => {
                events.push(format!("> {}", text.replace('\n', "\\n")).trim().to_owned());
                Answer::Done
            }
            Step::Print(text) => {
                events.push(format!("| {text}"));
                Answer::Done
            }
            Step::Hear(hear) => {
                if hear.attempt > 1 {
                    events.truncate(events.len() - 1);
                } else {
                    events.push(question(&hear, script.contains(" DEFAULT ")));
                }
                Answer::Reply("".into())
            }
            Step::Command(effect) => {
                events.push(command(&effect));
                Answer::Value(Data::Null)
            }
            Step::Finished(Data::Null) => return events,
            Step::Finished(value) => {
                events.push(format!("= {value}"));
                return events;
            }
            Step::Failed(error) => {
                events.push(format!("! {error}"));
                return events;
            }
        };
    }
    panic!("the script does not end: {script}");
}

fn check(text: &str) {
    let mut report = String::new();
    for Case { section, script, expected } in cases(text) {
        let found = events(&script);
        let formatted = basic::format("forms.bas", &script).map(|formatted| self::events(&formatted));
        if found != expected {
            let _ = writeln!(report, "== {section}\n{script}  expected {expected:#?}\n  found {found:#?}\n");
        } else if formatted.as_ref() != Ok(&expected) {
            let _ = writeln!(report, "== {section}\n{script}  formatted it does {formatted:#?}\n");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_form_asks_for_what_it_means() {
    check(include_str!("forms.txt"));
}

#[test]
fn scripts_for_earlier_servers_mean_what_they_did() {
    check(include_str!("earlier.txt"));
}
