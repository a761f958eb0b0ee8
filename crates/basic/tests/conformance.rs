//! The conformance cases of the language, each also with the machine stored and loaded at every stop.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

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

#[test]
fn exit_leaves_the_innermost_loop_of_its_kind_and_else_the_other_kind() {
    for (script, expected) in [
        ("DO\nWHILE TRUE\nEXIT DO\nWEND\nLOOP\nTALK \"out\"", "> out"),
        ("WHILE TRUE\nDO\nEXIT WHILE\nLOOP\nWEND\nTALK \"out\"", "> out"),
        ("DO\nWHILE TRUE\nFOR i = 1 TO 2\nEXIT DO\nNEXT\nWEND\nLOOP\nTALK \"out\"", "> out"),
        ("n = 0\nDO WHILE n < 2\nn = n + 1\nDO\nEXIT DO\nLOOP\nLOOP\nTALK n", "> 2"),
        // The two are mixed up where only one of them stands.
        ("DO WHILE TRUE\nEXIT WHILE\nLOOP\nTALK \"out\"", "> out"),
        ("WHILE TRUE\nEXIT DO\nWEND\nTALK \"out\"", "> out"),
    ] {
        assert_eq!(said(script), [expected], "{script}");
    }
}

#[test]
fn what_only_a_procedure_assigns_is_its_own() {
    for (script, expected, warned) in [
        ("SUB a()\nq = 7\nTALK q\nEND SUB\na()\nTALK q", &["> 7", ">"][..], Some("q")),
        ("SUB a()\nq = 7\nTALK q\nEND SUB\nSUB b()\nTALK q\nEND SUB\na()\nb()", &["> 7", ">"], Some("q")),
        ("q = 1\nSUB a()\nq = 7\nEND SUB\na()\nTALK q", &["> 7"], None),
        ("a()\nTALK q\nq = 1\nSUB a()\nq = 7\nEND SUB", &["> 7"], None),
        ("SUB a(n)\nk = n\nIF n > 0 THEN a(n - 1)\nTALK k\nEND SUB\na(1)", &["> 0", "> 1"], None),
        ("SUB a()\nuser = \"Bo\"\nEND SUB\na()\nTALK user", &["> Bo"], None),
        ("SUB a(n)\nbody = n\nIF n > 0 THEN a(n - 1)\nTALK body\nEND SUB\na(1)", &["> 0", "> 1"], None),
    ] {
        assert_eq!(said(script), expected, "{script}");
        let found = basic::compile("own.bas", script, &Known::default()).diagnostics;
        let missing: Vec<&str> =
            found.iter().filter(|d| d.code == "B101").map(|d| d.message.as_str()).collect();
        let expected: Vec<String> =
            warned.iter().map(|name| format!("{name} is read and never assigned; it is null")).collect();
        assert_eq!(missing, expected, "{script}");
    }
}

#[test]
fn names_that_differ_in_case_stay_apart_where_they_are_written_together() {
    for (script, expected) in [
        ("TALK JSON({ a: 1, A: 2 })", "> {\"a\":1,\"A\":2}"),
        ("TALK JSON(FROMJSON(\"{\\\"a\\\":1,\\\"A\\\":2}\"))", "> {\"a\":1,\"A\":2}"),
        ("o = { a: 1, A: 2 }\nTALK o.a + \" \" + o.A", "> 1 2"),
        ("TALK JSON({ a: 1, a: 2 })", "> {\"a\":2}"),
        // What is assigned later finds the name that is there.
        ("o = { a: 1 }\no.A = 2\nTALK JSON(o)", "> {\"a\":2}"),
    ] {
        assert_eq!(said(script), [expected], "{script}");
    }
}

#[test]
fn only_null_is_zero_without_being_a_number() {
    for (script, expected) in [
        ("TALK NULL * 1", "> 0"),
        ("TALK 1 - NULL", "> 1"),
        ("TALK \"\" * 1", "! TYPE expected a number, found \"\" line 1 column 1"),
        ("TALK 1 - \"\"", "! TYPE expected a number, found \"\" line 1 column 1"),
        ("TALK -\" \"", "! TYPE expected a number, found \" \" line 1 column 1"),
        ("TALK VAL(\"\")", "> 0"),
        // Cells of files that hold nothing are empty texts.
        (
            "r = [{ n: 1 }, { n: \"\" }, { n: 3 }]\nTALK SUM(r, \"n\") + AVG(r, \"n\") + MAX(r, \"n\") + MIN(r, \"n\")",
            "> 10",
        ),
        (
            "r = [{ k: \"a\", n: \"\" }, { k: \"a\", n: 2 }]\nTALK JSON(PIVOT(r, \"k\", \"k\", \"n\"))",
            "> [{\"k\":\"a\",\"a\":2}]",
        ),
    ] {
        assert_eq!(said(script), [expected], "{script}");
    }
}

#[test]
fn a_joined_row_begins_with_the_fields_of_the_left() {
    let script =
        "l = [{ k: 1, a: \"x\", z: 1 }]\nr = [{ b: \"y\", k: 1, z: 2 }]\nTALK JSON(JOIN(l, r, \"k\"))";
    assert_eq!(said(script), ["> [{\"k\":1,\"a\":\"x\",\"z\":1,\"b\":\"y\"}]"]);
}

#[test]
fn set_with_a_comma_assigns_a_variable_and_else_an_attribute_of_the_user() {
    for (script, expected) in [
        ("x = 1\nSET x, 5\nTALK x", &["> 5"][..]),
        ("SUB f(n)\nSET n, n + 1\nTALK n\nEND SUB\nf(1)", &["> 2"]),
        ("SET role, \"guest\"\nTALK GET role", &["> guest"]),
        ("SET \"user.color\", \"red\"\nTALK GET \"user.color\"\nTALK GET \"session.color\"", &["> red", ">"]),
        (
            "SET \"bot.greeting\", \"Hi\"\nTALK GET(\"bot.greeting\") + GET BOT MEMORY(\"greeting\")",
            &["> HiHi"],
        ),
        ("REMEMBER \"size\", 3\nTALK GET \"user.size\"", &["> 3"]),
    ] {
        assert_eq!(said(script), expected, "{script}");
    }
}

#[test]
fn the_fake_host_refuses_what_a_server_would() {
    for (script, expected) in [
        (
            "INSERT INTO \"t\" VALUES { id: 1, a: 2 }\nINSERT INTO \"t\" VALUES { id: 1, a: 3 }",
            "! DATA t has a row with the id 1 already line 2 column 1",
        ),
        (
            "INSERT INTO \"t\" WITH id = 1\nINSERT \"t\", { id: 1 }",
            "! DATA t has a row with the id 1 already line 2 column 1",
        ),
        (
            "INSERT INTO \"t\" VALUES [{ id: 1 }, { id: 1 }]",
            "! DATA t has a row with the id 1 already line 1 column 1",
        ),
        ("TALK FIND(\"nope\")", "! DATA there is no table nope line 1 column 1"),
        ("DELETE FROM \"nope\" WHERE a = 1", "! DATA there is no table nope line 1 column 1"),
    ] {
        assert_eq!(said(script), [expected], "{script}");
    }
    let kept = "INSERT INTO \"t\" VALUES { id: 1 }\nSAVE \"t\", { id: 1, a: 2 }\nTALK FIND(\"t\").a";
    assert_eq!(said(kept), ["> 2"]);
}

#[test]
fn the_first_line_of_a_text_block_is_text() {
    assert_eq!(said("BEGIN TALK\n+ one\n+ two\nEND TALK"), ["> + one\\n+ two"]);
}
