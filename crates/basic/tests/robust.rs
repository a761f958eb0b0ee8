//! No input makes the crate panic, hang or pass a limit: scripts, random programs, damaged states and programs.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::sync::Arc;

use basic::fake::FakeHost;
use basic::{Answer, Data, Known, Limits, Machine, Program, Resume, Step};
use chrono::DateTime;
use proptest::prelude::*;

fn limits() -> Limits {
    Limits {
        instructions_per_stop: 20_000,
        instructions_per_run: 100_000,
        memory_bytes: 1 << 20,
        text_bytes: 1 << 16,
        entries: 5_000,
        effects_per_run: 60,
        call_depth: 30,
        ..Limits::default()
    }
}

/// What a run shows, up to some stops; with the machine stored and loaded at each of them if asked.
fn run(program: &Arc<Program>, store: bool) -> Vec<String> {
    let now = DateTime::parse_from_rfc3339("2025-03-14T09:30:00+01:00").unwrap();
    let mut host: FakeHost = serde_json::from_value(serde_json::json!({
        "tables": { "t": [{ "a": 1, "b": "x" }, { "a": 2, "b": "y" }] },
        "http": [{ "status": 200, "body": { "n": [1, 2, { "m": null }] } }],
    }))
    .unwrap();
    let mut machine = Machine::start(Arc::clone(program), limits(), Vec::new());
    let mut answer = Answer::Start;
    let mut shown = Vec::new();
    for turn in 0..80 {
        let step = machine.run(Resume { now, seed: turn, answer });
        if store {
            machine = Machine::load(Arc::clone(program), limits(), &machine.save()).unwrap();
        }
        shown.push(format!("{step:?}"));
        answer = match step {
            Step::Talk(_) | Step::Print(_) => Answer::Done,
            Step::Hear(_) => Answer::Reply(["3", "yes", "x"][turn as usize % 3].into()),
            Step::Command(command) => host.perform(&command, now),
            Step::Finished(_) | Step::Failed(_) => break,
        };
    }
    shown
}

const WORDS: &[&str] = &[
    "IF",
    "THEN",
    "ELSE",
    "END IF",
    "FOR EACH",
    "FOR",
    "IN",
    "TO",
    "NEXT",
    "WHILE",
    "WEND",
    "DO",
    "LOOP",
    "SELECT CASE",
    "CASE",
    "END SELECT",
    "SUB f(a)",
    "END SUB",
    "CALL f",
    "RETURN",
    "EXIT",
    "TALK",
    "HEAR",
    "AS",
    "WITH",
    "INTEGER",
    "FIND",
    "SAVE",
    "WHERE",
    "SET",
    "a",
    "b",
    "c",
    "x.y",
    "a[0]",
    "=",
    "+",
    "-",
    "*",
    "/",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "#{",
    "${",
    ",",
    ".",
    ":",
    "1",
    "2.5",
    "\"t\"",
    "\"${a + 1}\"",
    "'s'",
    "AND",
    "OR",
    "NOT",
    "\n",
    "\n",
    "\n",
    "END",
    "ON ERROR RESUME NEXT",
    "GOTO",
    "l:",
    "BEGIN TALK",
    "END TALK",
    "PARAM",
    "DESCRIPTION",
    "TABLE",
    "é",
    "\\",
    "?",
    "..",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(WORDS), 0..60).prop_map(|words| words.join(" "))
}

/// An expression of a well-formed program.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "1",
        "2",
        "0",
        "-3",
        "2.5",
        "\"x\"",
        "\"12\"",
        "\"\"",
        "a",
        "b",
        "c",
        "o.k",
        "o[\"k\"]",
        "l[1]",
        "NULL",
        "TRUE",
        "[1, 2]",
        "{ k: 1, j: a }",
        "NOW()",
        "TODAY()",
        "RND()",
        "f(a)",
        "LEN(b)",
        "o",
        "l",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        let operator = prop::sample::select(vec![
            "+", "-", "*", "/", "MOD", "&", "=", "<>", "<", ">=", "AND", "OR", "??", "CONTAINS", "LIKE",
            "IN", "^",
        ]);
        prop_oneof![
            (inner.clone(), operator, inner.clone()).prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            inner.clone().prop_map(|a| format!("(NOT {a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("IIF({a}, {b}, [{a}, {b}])")),
            (
                prop::sample::select(vec![
                    "UCASE", "JSON", "STR", "VAL", "FIRST", "SUM", "SORT", "REVERSE", "ISDATE"
                ]),
                inner
            )
                .prop_map(|(name, a)| format!("{name}({a})")),
        ]
    })
}

fn statements() -> impl Strategy<Value = String> {
    let simple = prop_oneof![
        (prop::sample::select(vec!["a", "b", "c", "o.k", "o[\"z\"]", "l[0]", "l", "o"]), expression())
            .prop_map(|(place, value)| format!("{place} = {value}\n")),
        expression().prop_map(|value| format!("TALK {value}\n")),
        expression().prop_map(|value| format!("l.push({value})\n")),
        expression().prop_map(|value| format!("o.me = o\nPUSH l, {value}\n")),
        Just("HEAR a AS INTEGER WITH \"n?\"\n".to_owned()),
        Just("c = FIND \"t\" WHERE a = 1\n".to_owned()),
        Just("SAVE \"t\", o\n".to_owned()),
        Just("ON ERROR RESUME NEXT\n".to_owned()),
        Just("ON ERROR GOTO 0\n".to_owned()),
        Just("c = GET \"https://x.test\"\n".to_owned()),
    ];
    simple.prop_recursive(3, 30, 6, |inner| {
        let block = prop::collection::vec(inner, 0..5).prop_map(|all| all.concat());
        prop_oneof![
            (expression(), block.clone(), block.clone())
                .prop_map(|(c, a, b)| format!("IF {c} THEN\n{a}ELSE\n{b}END IF\n")),
            (expression(), block.clone()).prop_map(|(c, a)| format!("FOR EACH b IN {c}\n{a}NEXT\n")),
            block.clone().prop_map(|a| format!("FOR i = 1 TO 3\n{a}NEXT i\n")),
            (expression(), block.clone()).prop_map(|(c, a)| format!("DO WHILE {c}\n{a}LOOP\n")),
            (expression(), expression(), block).prop_map(|(s, c, a)| format!(
                "SELECT CASE {s}\nCASE {c}, 1 TO 3\n{a}CASE ELSE\nTALK 1\nEND SELECT\n"
            )),
        ]
    })
}

fn program() -> impl Strategy<Value = String> {
    (prop::collection::vec(statements(), 1..8), expression()).prop_map(|(all, result)| {
        format!("l = [1]\no = {{ k: 2 }}\n{}\nRETURN {result}\nFUNCTION f(p)\na = a + 1\nRETURN p\nEND FUNCTION\n", all.concat())
    })
}

/// What a run shows, without the columns of its places, which layout changes.
fn meaning(text: &str) -> Option<Vec<String>> {
    let program = Arc::new(basic::compile("p", text, &Known::default()).program?);
    let before_column = |event: String| event.split("column: ").next().unwrap_or_default().to_owned();
    Some(run(&program, false).into_iter().map(before_column).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_text_compiles_or_is_refused(text in "\\PC{0,200}") {
        let _ = basic::compile("any", &text, &Known::default());
    }

    #[test]
    fn any_words_compile_or_are_refused_with_a_place(text in soup()) {
        let compiled = basic::compile("soup", &text, &Known::default());
        for diagnostic in &compiled.diagnostics {
            let _ = diagnostic.render("soup", &text);
            prop_assert!(diagnostic.line >= 1 && diagnostic.column >= 1);
        }
        if let Some(program) = compiled.program {
            run(&Arc::new(program), false);
        }
    }

    #[test]
    fn any_words_that_compile_mean_the_same_in_their_layout(text in soup()) {
        if let Some(shown) = meaning(&text) {
            let formatted = basic::format("p", &text).unwrap();
            prop_assert_eq!(Some(shown), meaning(&formatted), "{}\n{}", text, formatted);
        }
    }

    #[test]
    fn storing_changes_nothing(text in program()) {
        let compiled = basic::compile("p", &text, &Known::default());
        let reports: String = compiled.diagnostics.iter().map(|d| d.render("p", &text)).collect();
        prop_assert!(compiled.program.is_some(), "{}\n{}", text, reports);
        let program = Arc::new(compiled.program.unwrap());
        let loaded = Arc::new(Program::from_bytes(&program.to_bytes()).unwrap());
        prop_assert_eq!(run(&program, false), run(&loaded, true));
    }

    #[test]
    fn formatting_keeps_the_meaning_and_is_done_once(text in program()) {
        let formatted = basic::format("p", &text).unwrap();
        prop_assert_eq!(&basic::format("p", &formatted).unwrap(), &formatted);
        prop_assert_eq!(meaning(&text).unwrap(), meaning(&formatted).unwrap());
    }

    #[test]
    fn damaged_bytes_never_panic(text in program(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let program = Arc::new(basic::compile("p", &text, &Known::default()).program.unwrap());
        let now = DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap();
        let mut machine = Machine::start(Arc::clone(&program), limits(), vec![("a".into(), Data::Integer(1))]);
        for _ in 0..3 {
            let step = machine.run(Resume { now, seed: 1, answer: Answer::Done });
            let mut state = machine.save();
            let index = at.index(state.len());
            state[index] = byte;
            if let Ok(mut damaged) = Machine::load(Arc::clone(&program), limits(), &state) {
                let _ = damaged.run(Resume { now, seed: 1, answer: Answer::Value(Data::Integer(1)) });
                let _ = damaged.save();
            }
            if matches!(step, Step::Finished(_) | Step::Failed(_)) {
                break;
            }
        }
        let mut bytes = program.to_bytes();
        let index = at.index(bytes.len());
        bytes[index] = byte;
        if let Ok(damaged) = Program::from_bytes(&bytes) {
            run(&Arc::new(damaged), false);
        }
    }
}

#[test]
fn deep_and_long_expressions_are_refused_and_not_a_crash() {
    for text in [
        format!("x = {}1{}", "(".repeat(5000), ")".repeat(5000)),
        format!("x = {}1", "-".repeat(5000)),
        format!("x = {}1", "NOT ".repeat(5000)),
        format!("x = 1{}", " + 1".repeat(10_000)),
        format!("x = a{}", ".b".repeat(10_000)),
        format!("x = {}", "[".repeat(5000)),
        format!("x = 1{}", " ? 1 : 1".repeat(3000)),
        format!("x = 1{}", " ^ 1".repeat(3000)),
        "IF a THEN\n".repeat(3000),
        "IF a THEN ".repeat(3000),
        format!("x = {}1{}", "\"${".repeat(500), "}\"".repeat(500)),
        format!("FIND t WHERE {}", "NOT ".repeat(5000)),
        format!("FIND t WHERE {}", "(".repeat(5000)),
    ] {
        let compiled = basic::compile("deep", &text, &Known::default());
        assert!(compiled.program.is_none(), "{}", &text[..30]);
    }
    let long = format!("x = 1{}\nTALK x", " + 1".repeat(400));
    assert!(basic::compile("long", &long, &Known::default()).program.is_some());
}

#[test]
fn values_that_contain_themselves_are_an_error_where_they_cannot_go() {
    for (script, found) in [
        ("l = []\nl.push(l)\nr = FIND \"t\" WHERE b IN l\nTALK \"done\"", "Argument"),
        ("l = []\nl.push(l)\nTALK FILTER([{ a: 1 }], \"a = 1\") = l", "Talk(\"false\")"),
        ("l = []\nl.push(l)\nTALK l", "Argument"),
        ("l = []\nl.push(l)\nSET BOT MEMORY \"k\", l", "Argument"),
        ("o = {}\no.o = o\nRETURN o", "Argument"),
        ("r = FIND \"t\"\nr[0] = r\nTALK r.a IS NULL", "Talk(\"true\")"),
        ("r = FIND \"t\"\nr[0] = r\nr.a = 1", "NullWrite"),
    ] {
        let program = Arc::new(basic::compile("c", script, &Known::default()).program.unwrap());
        let shown = run(&program, false);
        assert!(shown.iter().any(|step| step.contains(found)), "{script}: {shown:?}");
    }
}

#[test]
fn code_without_loops_is_charged_by_what_it_does() {
    let script = format!("s = REPEAT(\"x\", 60000)\n{}", "t = REVERSE(UCASE(s))\n".repeat(500));
    let program = Arc::new(basic::compile("c", &script, &Known::default()).program.unwrap());
    let last = run(&program, false).pop().unwrap();
    assert!(last.contains("Limit"), "{last}");
}

#[test]
fn a_host_can_end_a_run_that_takes_too_long() {
    let program = Arc::new(
        basic::compile("c", "ON ERROR RESUME NEXT\nWHILE TRUE\nWEND", &Known::default()).program.unwrap(),
    );
    let mut machine = Machine::start(program, Limits::default(), Vec::new());
    let mut asked = 0;
    let now = DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap();
    let step = machine.run_unless(Resume { now, seed: 1, answer: Answer::Start }, &mut || {
        asked += 1;
        asked == 3
    });
    let Step::Failed(error) = step else { panic!("{step:?}") };
    assert_eq!(error.code, basic::ErrorCode::Limit);
    assert_eq!(error.message, "the script took too long without talking to anybody");
}

#[test]
fn members_of_large_objects_are_found_ignoring_case() {
    let script = "o = {}\nFOR i = 1 TO 1500\no[\"Key\" + i] = i\nNEXT\nTALK o[\"key1400\"] + \" \" + o[\"KEY3\"] + \" \" + UBOUND(o)";
    let program = Arc::new(basic::compile("c", script, &Known::default()).program.unwrap());
    assert_eq!(run(&program, true)[0], "Talk(\"1400 3 1500\")");
}

#[test]
fn limits_end_a_run_and_cannot_be_caught() {
    for script in [
        "WHILE TRUE\nWEND",
        "SUB f()\nCALL f\nEND SUB\nCALL f",
        "a = []\nWHILE TRUE\na.push(\"0123456789\")\nWEND",
        "s = \"x\"\nWHILE TRUE\ns = s + s\nWEND",
        "WHILE TRUE\nTALK 1\nWEND",
        "a = []\na[100000000] = 1",
        "again:\nON ERROR GOTO again\nx = 1 / 0",
        // What one instruction does is charged by the size of its operands.
        "a = [1]\nb = [1]\nFOR i = 1 TO 60\na = [a, a]\nb = [b, b]\nNEXT\nWHILE a = b\nWEND\nWHILE a <> b\nWEND",
        "s = REPEAT(\"x\", 60000)\nt = s + \"y\"\nWHILE s <> t\nWEND",
        "s = REPEAT(\"x\", 60000)\nWHILE TRUE\nt = UCASE(s)\nWEND",
        "a = RANGE(1, 5000)\nWHILE TRUE\nb = SORT(a)\nWEND",
        "t = \"x\"\nFOR i = 1 TO 40\nt = [t, t]\nNEXT\nx = FILL({ a: 1 }, t)",
        "s = REPEAT(\"x\", 60000)\nl = []\nFOR i = 1 TO 4000\nl.push(s)\nNEXT\nSET BOT MEMORY \"k\", l",
        "s = REPEAT(\"x\", 60000)\nl = []\nFOR i = 1 TO 4000\nl.push(s)\nNEXT\nr = FIND \"t\" WHERE b IN l",
    ] {
        let script = format!("ON ERROR RESUME NEXT\n{script}");
        let program = Arc::new(basic::compile("l", &script, &Known::default()).program.unwrap());
        let last = run(&program, true).pop().unwrap();
        assert!(last.contains("Limit"), "{script}: {last}");
    }
}

#[test]
fn a_dialog_goes_on_for_as_long_as_somebody_answers() {
    let busy = "DO\nHEAR x\nFOR i = 1 TO 800\nNEXT\nTALK x\nLOOP";
    let program = Arc::new(basic::compile("d", busy, &Known::default()).program.unwrap());
    for store in [false, true] {
        let shown = run(&program, store);
        // More commands and more instructions than a run has without answers.
        assert_eq!(shown.len(), 80);
        assert!(!shown[79].contains("Limit"), "{}", shown[79]);
    }
}

/// How a script ends.
fn ending(script: &str) -> String {
    let program = Arc::new(basic::compile("f", script, &Known::default()).program.unwrap());
    run(&program, false).pop().unwrap()
}

#[test]
fn reading_large_values_is_charged_whatever_reads_them() {
    let large =
        "s = REPEAT(\"x\", 60000)\nt = s + \"y\"\nn = REPEAT(\"0\", 60000) + \"1\"\na = RANGE(1, 5000)\n";
    for reading in [
        "b = s < t",
        "b = s >= t",
        "b = -n",
        "b = +n",
        "b = n - 1",
        "b = n * 2",
        "b = n / 2",
        "b = n MOD 2",
        "b = n ^ 2",
        "b = n > 1",
        "b = n = 1",
        "b = ROUND(n)",
        "b = s.length",
        "b = s.field",
        "b = a[n]",
        "b = ISDATE(s)",
        "b = ISNUMERIC(n)",
        "b = FIRST(s)",
        "b = LAST(s)",
        "b = REVERSE(s)",
        "b = SLICE(s, 1, 2)",
        "b = INDEX_OF(s, \"y\")",
        "b = MAX(a)",
        "b = SUM(a)",
        "b = MID(a, 1)",
        "b = MAX(s, t)",
        "b = UNIQUE([s, t])",
        "b = n = TRUE",
    ] {
        // With a branch, too: a comparison there is another instruction.
        for statement in [reading.to_owned(), format!("IF {} THEN b = 1", &reading[4..])] {
            let last = ending(&format!("{large}WHILE TRUE\n{statement}\nWEND"));
            assert!(last.contains("works on too much") || last.contains("too long"), "{statement}: {last}");
        }
    }
}

#[test]
fn a_text_that_is_used_often_is_not_copied_beyond_the_memory() {
    let large =
        "s = REPEAT(\"x\", 60000)\na = []\nFOR i = 1 TO 20\na.push(LEFT(s, 59000 + i))\nNEXT\nPRINT 1\n";
    let rows = "r = []\nFOR EACH t IN a\nr.push({ k: t })\nNEXT\nPRINT 1\n";
    for using in [
        format!("LOG ACTIVITY {}s", "s, ".repeat(20)),
        "b = UNIQUE(a)".into(),
        format!("{rows}b = GROUP BY r, \"k\""),
        format!("{rows}b = PIVOT r, \"k\", \"k\""),
        format!("{rows}b = JOIN(r, r, \"k\")"),
    ] {
        let last = ending(&format!("{large}{using}\nRETURN \"kept\""));
        assert!(last.contains("Limit"), "{using}: {last}");
    }
}

#[test]
fn an_error_names_the_command_it_comes_from_and_no_earlier_one() {
    for (script, keyword) in [
        ("x = FIND \"t\"\ny = 1 / 0", "None"),
        ("x = FIND \"nowhere\"", "Some(\"FIND\")"),
        ("WAIT -1", "Some(\"WAIT\")"),
        ("x = FIND \"t\"\ny = FILTER(x, \"a >>\" + 1 + \"<\")", "Some(\"FILTER\")"),
        ("HEAR x AS INTEGER\ny = 1 / 0", "None"),
        ("l = []\nl.push(l)\nTALK l", "Some(\"TALK\")"),
    ] {
        let last = ending(script);
        assert!(last.ends_with(&format!("keyword: {keyword} }})")), "{script}: {last}");
    }
}

#[test]
fn looking_for_a_missing_key_keeps_nothing() {
    let script = "o = { Found: 1 }\nk = REPEAT(\"k\", 500)\nFOR i = 1 TO 2500\nx = o[k + i]\nNEXT\nRETURN o[\"FOUND\"] + \" \" + o[\"count\"]";
    assert_eq!(ending(script), "Finished(Text(\"1 1\"))");
}
