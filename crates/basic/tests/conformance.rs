//! The conformance cases of the language, each also with the machine stored and loaded at every stop.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

use std::sync::Arc;

use basic::fake::FakeHost;
use basic::{Answer, Data, Known, Limits, Machine, Program, Resume, Step};
use chrono::{DateTime, FixedOffset};

struct Case {
    title: String,
    script: String,
    expected: Vec<String>,
}

fn cases() -> Vec<Case> {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance.txt")).unwrap();
    text.split("\n== ")
        .map(|case| {
            let case = case.strip_prefix("== ").unwrap_or(case);
            let (title, rest) = case.split_once('\n').unwrap();
            let lines = || rest.lines().map(|line| line.strip_prefix("-- "));
            let script = rest.lines().filter(|line| !line.starts_with("-- ")).collect::<Vec<_>>().join("\n");
            let expected =
                lines().flatten().flat_map(|line| line.split(" ¦ ")).map(|event| event.trim().to_owned());
            Case { title: title.to_owned(), script, expected: expected.collect() }
        })
        .collect()
}

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2025-03-14T09:30:00+00:00").unwrap()
}

fn host(script: &str) -> FakeHost {
    let mut host = serde_json::json!({});
    if script.contains("# stock:") {
        host = serde_json::json!({ "tables": { "stock": [
            { "sku": "A", "qty": 5, "owner": "ann" }, { "sku": "B", "qty": 0, "owner": "bob" },
        ] } });
    } else if script.contains("# GET gives") {
        host = serde_json::json!({ "http": [
            { "method": "GET", "status": 200, "body": { "status": "up", "n": 3 } },
            { "method": "POST", "status": 422, "body": { "error": "bad" } },
        ] });
    } else if script.contains("# conversation attribute") {
        host = serde_json::json!({ "session": { "tier": "vip" }, "memory": { "n": 4 } });
    }
    serde_json::from_value(host).unwrap()
}

/// Runs a program and writes down what happens.
fn events(program: &Arc<Program>, inputs: Vec<(String, Data)>, case: &Case, store: bool) -> Vec<String> {
    let mut host = host(&case.script);
    let mut replies = case.expected.iter().filter_map(|event| event.strip_prefix('<')).map(str::trim);
    let mut machine = Machine::start(Arc::clone(program), Limits::default(), inputs);
    let mut answer = Answer::Start;
    let mut events = Vec::new();
    for _ in 0..1000 {
        let step = machine.run(Resume { now: now(), seed: 7, answer });
        if store {
            let bytes = machine.save();
            machine = Machine::load(Arc::clone(program), Limits::default(), &bytes).unwrap();
            assert_eq!(machine.save(), bytes, "storing twice gives the same");
        }
        answer = match step {
            Step::Talk(text) => {
                events.push(format!("> {}", text.replace('\n', "\\n")).trim().to_owned());
                Answer::Done
            }
            Step::Print(_) => Answer::Done,
            Step::Hear(_) => {
                let reply = replies.next().unwrap_or_default();
                events.push(format!("< {reply}").trim().to_owned());
                Answer::Reply(reply.into())
            }
            Step::Command(command) => host.perform(&command, now()),
            Step::Finished(Data::Null) => return events,
            Step::Finished(value) => {
                events.push(format!("= {value}"));
                return events;
            }
            Step::Failed(error) => {
                events.push(format!(
                    "! {} {} line {} column {}",
                    error.code.as_str(),
                    error.message,
                    error.line,
                    error.column
                ));
                return events;
            }
        };
    }
    events
}

fn assert_events(case: &Case, found: &[String], expected: &[String]) {
    let same = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| match expected.strip_prefix("! ") {
            // An expected error names what matters: code, place, perhaps the message.
            Some(expected) => {
                found.starts_with('!') && {
                    let (words, place) = expected.split_once(" line ").unwrap_or((expected, ""));
                    found.contains(words) && found.contains(place)
                }
            }
            None => found == expected,
        });
    assert!(same, "case {}\nexpected {expected:#?}\nfound    {found:#?}", case.title);
}

#[test]
fn every_case_gives_its_events_also_when_stored_at_every_stop() {
    let cases = cases();
    assert_eq!(cases.len(), 25);
    for case in cases.iter().filter(|case| !case.title.starts_with("24") && !case.title.starts_with("25")) {
        let compiled = basic::compile("case.bas", &case.script, &Known::default());
        let reports: String =
            compiled.diagnostics.iter().map(|d| d.render("case.bas", &case.script)).collect();
        let Some(program) = compiled.program else { panic!("case {}\n{reports}", case.title) };
        let stored = Program::from_bytes(&program.to_bytes()).unwrap();
        assert_eq!(stored.hash(), program.hash());
        let expected = case.expected.clone();
        for store in [false, true] {
            let found =
                events(&Arc::new(Program::from_bytes(&program.to_bytes()).unwrap()), Vec::new(), case, store);
            assert_events(case, &found, &expected);
        }
    }
}

#[test]
fn a_tool_describes_its_parameters_and_refuses_a_missing_one() {
    let cases = cases();
    let case = cases.iter().find(|case| case.title.starts_with("24")).unwrap();
    let compiled = basic::compile("quote.bas", &case.script, &Known::default());
    let program = Arc::new(compiled.program.unwrap());
    let tool = program.declarations().tool.clone().unwrap();
    let schema = case.expected[0].strip_prefix("# parameters: ").unwrap();
    assert_eq!(tool.openai()["function"]["parameters"].to_string(), schema);
    assert_eq!(tool.name, "quote");

    let found =
        events(&program, vec![("product".into(), "pen".into()), ("unit".into(), "box".into())], case, true);
    assert_eq!(found, ["= pen1box"]);
    let refused = tool.arguments(&serde_json::json!({ "product": "pen" }), now()).unwrap_err();
    assert_eq!(refused.to_string(), "unit is required");
}

#[test]
fn an_author_sees_all_errors_of_a_file_at_once() {
    let cases = cases();
    let case = cases.iter().find(|case| case.title.starts_with("25")).unwrap();
    let compiled = basic::compile("case.bas", &case.script, &Known::default());
    assert!(compiled.program.is_none());
    let errors: Vec<String> = compiled
        .diagnostics
        .iter()
        .filter(|d| d.severity == basic::Severity::Error)
        .map(|d| format!("! line {} column {}: {}", d.line, d.column, d.message))
        .collect();
    assert_eq!(errors, case.expected[..2]);
}

/// The messages of a script that needs nothing but memory.
fn said(script: &str) -> Vec<String> {
    let compiled = basic::compile("said.bas", script, &Known::default());
    let reports: String = compiled.diagnostics.iter().map(|d| d.render("said.bas", script)).collect();
    let Some(program) = compiled.program else { panic!("{reports}") };
    let case = Case { title: "said".into(), script: script.into(), expected: Vec::new() };
    events(&Arc::new(program), Vec::new(), &case, true)
}

#[test]
fn rows_in_memory_need_no_host() {
    let rows = "r = [{ k: \"a\", n: 1 }, { k: \"b\", n: 2 }, { k: \"a\", n: 4 }]\n";
    for (script, expected) in [
        ("TALK JSON(FILTER(r, \"n > 1 AND k = a\"))", "> [{\"k\":\"a\",\"n\":4}]"),
        ("x = 2\nf = FILTER r, \"n >= \" + x\nTALK UBOUND(f)", "> 2"),
        ("TALK AGGREGATE(\"SUM\", r, \"n\")", "> 7"),
        ("TALK JSON(MERGE([1, 2], [2, 3]))", "> [1,2,3]"),
        ("g = GROUP BY r, \"k\"\nTALK UBOUND(g.a)", "> 2"),
        ("TALK JSON(MAP(r, \"n->m\")[0])", "> {\"k\":\"a\",\"m\":1}"),
        ("TALK JSON(PIVOT(r, \"k\", \"n\")[1])", "> {\"k\":\"b\",\"2\":1}"),
        ("TALK JSON(FILL(r, #{ t: \"{{k}}/\\${n}\" }))", "> {\"t\":\"a/1\"}"),
        ("r = SORT r BY \"n\" DESC\nTALK r[0].n", "> 4"),
        ("TALK SUM(r, \"n\") + MAX(r, \"n\")", "> 11"),
    ] {
        assert_eq!(said(&format!("{rows}{script}")), [expected], "{script}");
    }
}

#[test]
fn aliases_survive_storing() {
    let script = "a = [1]\nb = a\no = { self: NULL }\no.self = o\nTALK 1\nb.push(2)\no.self.self.x = 5\nTALK JSON(a) + o.x";
    assert_eq!(said(script), ["> 1", "> [1,2]5"]);
}

#[test]
fn errors_are_trapped_where_the_script_says() {
    assert_eq!(
        said("ON ERROR GOTO oops\nx = 1 / 0\nTALK \"no\"\nEND\noops:\nTALK \"caught \" + ERROR MESSAGE"),
        ["> caught division by zero"]
    );
    assert_eq!(
        said("ON ERROR RESUME NEXT\nCALL f\nTALK ERR\nSUB f()\nx = VAL(\"3\") / 0\nTALK \"no\"\nEND SUB"),
        ["> 11"]
    );
}
