//! The reference: its pages are those of `docs/basic`, and every example on them does what it says.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use basic::fake::FakeHost;
use basic::{
    Answer, Data, Diagnostic, ErrorCode, Known, Limits, Machine, Resume, RuntimeError, Severity, Step,
};
use chrono::{DateTime, FixedOffset};

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2025-03-14T09:30:00+00:00").unwrap()
}

/// What the scripts of the reference find.
fn host() -> FakeHost {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

/// Variables that a server provides.
const PROVIDED: &[(&str, &str)] = &[("session", r#"{ "id": "c1", "user_id": "u1" }"#), ("user", r#""Ann""#)];

/// What happened in a run, in the notation of the pages.
struct Run {
    events: Vec<String>,
    failed: Option<RuntimeError>,
}

fn run(script: &str, replies: &[String]) -> Result<Run, String> {
    let known = Known { variables: PROVIDED.iter().map(|(name, _)| *name).collect(), ..Known::default() };
    let compiled = basic::compile("example.bas", script, &known);
    // What an example would be wrong with, and not only short.
    let wrong =
        |d: &&Diagnostic| d.severity == Severity::Error || ["B101", "B106", "B107", "B113"].contains(&d.code);
    let reports: String =
        compiled.diagnostics.iter().filter(wrong).map(|d| d.render("example.bas", script)).collect();
    let Some(program) = compiled.program.filter(|_| reports.is_empty()) else {
        return Err(reports);
    };
    let inputs =
        PROVIDED.iter().map(|(name, json)| ((*name).to_owned(), serde_json::from_str(json).unwrap()));
    let mut machine = Machine::start(Arc::new(program), Limits::default(), inputs.collect());
    let mut host = host();
    let mut replies = replies.iter();
    let mut events = Vec::new();
    let mut answer = Answer::Start;
    loop {
        let step = machine.run(Resume { now: now(), seed: 7, answer });
        answer = match step {
            Step::Talk(text) => {
                events.push(format!("-> {}", text.replace('\n', "\\n")).trim_end().to_owned());
                Answer::Done
            }
            Step::Print(_) => Answer::Done,
            Step::Hear(_) => {
                let reply = replies.next().ok_or("HEAR without a reply: write ' <- text")?;
                events.push(format!("<- {reply}").trim_end().to_owned());
                Answer::Reply(reply.as_str().into())
            }
            Step::Command(command) => host.perform(&command, now()),
            Step::Finished(value) => {
                if value != Data::Null {
                    events.push(format!("= {value}"));
                }
                return Ok(Run { events, failed: None });
            }
            Step::Failed(error) => return Ok(Run { events, failed: Some(*error) }),
        };
    }
}

/// What the comments of a script say will happen.
fn promised(script: &str) -> Vec<String> {
    script
        .lines()
        .filter_map(|line| {
            let at = ["' -> ", "' <- ", "' = ", "' ! "].iter().filter_map(|mark| line.rfind(mark)).max();
            let bare = ["' ->", "' <-"].iter().find(|mark| line.ends_with(**mark)).map(|mark| &mark[2..]);
            at.map(|at| line[at + 2..].trim_end().to_owned()).or(bare.map(str::to_owned))
        })
        .collect()
}

/// What is wrong with an example; nothing if it does what it says.
fn problem(script: &str) -> Option<String> {
    let promised = promised(script);
    let replies: Vec<String> = promised
        .iter()
        .filter_map(|event| event.strip_prefix("<-"))
        .map(|reply| reply.trim().to_owned())
        .collect();
    let Run { mut events, failed } = match run(script, &replies) {
        Ok(run) => run,
        Err(message) => return Some(message),
    };
    let ends_with_error = promised.iter().any(|event| event.starts_with("! "));
    if let Some(error) = failed {
        let missing = error.code == ErrorCode::Unknown && error.message.ends_with("is not available here");
        if ends_with_error {
            events.push(format!("! {}", error.code.as_str()));
        } else if !missing {
            return Some(error.to_string());
        }
    }
    let shows = promised.iter().any(|event| !event.starts_with("<-"));
    (shows && events != promised).then(|| format!("says {promised:#?}\ndoes {events:#?}"))
}

/// The scripts of a page, each with its line.
fn scripts(page: &str) -> Vec<(usize, String)> {
    let mut scripts = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (line, text) in (1..).zip(page.lines()) {
        match &mut open {
            Some(_) if text == "```" => scripts.extend(open.take()),
            Some((_, script)) => {
                script.push_str(text);
                script.push('\n');
            }
            None if text == "```basic" => open = Some((line + 1, String::new())),
            None => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    scripts
}

#[test]
fn the_pages_are_those_of_the_code() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/basic"));
    let pages = basic::reference::pages();
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(folder).unwrap();
        for (file, page) in &pages {
            std::fs::write(folder.join(file), page).unwrap();
        }
    }
    for (file, page) in &pages {
        let found = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        let same = found == *page;
        assert!(
            same,
            "docs/basic/{file} is old; write it with: BLESS=1 cargo test -p basic --test reference"
        );
    }
    let mut known: Vec<String> = pages.iter().map(|(file, _)| (*file).to_owned()).collect();
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    known.sort();
    found.sort();
    assert_eq!(found, known, "docs/basic has the pages of the reference and nothing else");
}

#[test]
fn every_script_of_the_pages_does_what_it_says() {
    let mut report = String::new();
    for (file, page) in basic::reference::pages() {
        for (line, script) in scripts(&page) {
            if let Some(problem) = problem(&script) {
                let _ = writeln!(report, "{file}:{line}\n{script}{problem}\n");
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_function_gives_what_its_examples_say() {
    let mut report = String::new();
    for function in basic::reference::functions() {
        for (expression, result) in function.examples {
            let events = match run(&format!("TALK {expression}"), &[]) {
                Ok(Run { events, failed: None }) => events,
                Ok(Run { failed: Some(error), .. }) => vec![error.to_string()],
                Err(message) => vec![message],
            };
            let fits = if function.varies {
                events[0].starts_with("-> ")
            } else {
                events == [format!("-> {}", result.replace('\n', "\\n"))]
            };
            if !fits {
                let _ = writeln!(report, "{expression}\n  says {result}\n  does {}", events.join("\n"));
            }
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_link_leads_somewhere() {
    let pages = basic::reference::pages();
    for (file, page) in &pages {
        for link in page.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (target, section) = link.split_once('#').unwrap_or((link, ""));
            let target = if target.is_empty() { file } else { target };
            let Some((_, found)) = pages.iter().find(|(name, _)| *name == target) else {
                panic!("{file} links to {link}");
            };
            let anchor = |line: &str| {
                let heading = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
                heading.chars().filter(|c| c.is_alphanumeric() || "_-".contains(*c)).collect::<String>()
            };
            let exists = section.is_empty()
                || found.lines().any(|line| line.starts_with('#') && anchor(line) == section);
            assert!(exists, "{file} links to {link}");
        }
    }
}

#[test]
fn a_single_command_or_function_is_found_by_any_of_its_names() {
    for name in ["send email", "SEND_MAIL", "Send  Mail"] {
        assert!(basic::reference::entry(name).unwrap().starts_with("### SEND MAIL\n"), "{name}");
    }
    assert!(basic::reference::entry("substr").unwrap().starts_with("### MID\n"));
    let both = basic::reference::entry("image").unwrap();
    assert!(both.starts_with("### IMAGE\n"));
    for (statement, heading) in [
        ("if", "### IF\n"),
        ("for each", "### FOR EACH\n"),
        ("Function", "### SUB and FUNCTION\n"),
        ("ON_ERROR", "### ON ERROR\n"),
        ("param", "### PARAM\n"),
        ("hear", "# Asking the user\n"),
        ("table", "# Tables\n"),
    ] {
        assert!(basic::reference::entry(statement).unwrap().starts_with(heading), "{statement}");
    }
    assert!(!basic::reference::entry("talk").unwrap()[1..].contains("\n### "), "one entry");
    assert_eq!(basic::reference::entry("sandwich"), None);
    assert_eq!(basic::reference::entry("Assignment"), None, "headings of prose are no names");
}

#[test]
fn the_whole_reference_has_every_command_and_function() {
    let reference = basic::reference();
    for spec in basic::commands::all() {
        assert!(reference.contains(&format!("\n### {}\n", spec.phrase)), "{spec}");
    }
    for function in basic::reference::functions() {
        assert!(
            reference.contains(&format!("\n#### {}\n", function.names[0].to_uppercase())),
            "{function:?}"
        );
    }
}
