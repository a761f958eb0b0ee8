//! No text is too long or too odd: every reader of this crate's pure parts takes time in proportion to its input.
//!
//! The inputs are 32 KiB of one repeated fragment. Something quadratic would need many seconds for
//! one of them; the test allows one.
#![expect(clippy::unwrap_used, reason = "clippy knows only functions marked as tests")]

use std::time::{Duration, Instant};

use basic::filter::{Constant, Fields, Filter, Part};
use basic::hear::{self, HearKind};
use basic::scalar::{Number, Scalar, compare, date, format, like, number, text};
use basic::schedule::Schedule;
use basic::schema::{Schema, Table, TableLine};
use basic::tools::{self, ParamKind, Parameter};
use chrono::{DateTime, FixedOffset};

const SIZE: usize = 32 << 10;

const FRAGMENTS: &[&str] = &[
    "a",
    "é",
    "😀",
    "0",
    "9",
    "1,",
    "1.",
    "1 ",
    ".",
    "-",
    "+",
    "%",
    "_",
    "a_",
    "%a",
    "*?",
    "'",
    "\"",
    "''",
    "(",
    ")",
    "((a",
    "[",
    "`",
    "a=1 AND ",
    "a=1 OR (",
    "NOT ",
    "a IN (1,",
    "1,2,",
    "NOW(",
    "LOWER(",
    "ORDER BY ",
    "LIMIT ",
    "AND ",
    "x ",
    "\\",
    "${",
    "#,",
    "0.",
    "#",
    "YYYY",
    "D de ",
    "MMMM ",
    "@",
    "!@",
    "+55",
    "a@b.",
    "a.",
    "https://",
    "/",
    ":",
    "12:",
    "every ",
    "*/",
    "1-5,",
    "key ",
    "CHECK(",
    "string(",
    "\n",
    "\t",
    "\u{301}",
    "A_",
    "aB",
];

fn now() -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap()
}

struct Row<'a>(&'a str);

impl Fields for Row<'_> {
    fn field(&self, _: &str) -> Scalar<'_> {
        Scalar::Text(self.0)
    }
}

fn kinds() -> impl Iterator<Item = HearKind> {
    HearKind::words().filter_map(HearKind::from_word).chain([HearKind::Any, HearKind::OpenMenu])
}

/// The time a thread has spent working: what others on the machine do meanwhile doesn't count, where the system tells.
struct Spent {
    working: Option<Duration>,
    since: Instant,
}

impl Spent {
    fn start() -> Self {
        Self { working: Self::working(), since: Instant::now() }
    }

    fn working() -> Option<Duration> {
        let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
        told.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    }

    fn elapsed(&self) -> Duration {
        match (self.working, Self::working()) {
            (Some(before), Some(now)) => now.saturating_sub(before),
            _ => self.since.elapsed(),
        }
    }
}

/// Runs everything on one text and says what took longest.
fn feed(input: &str) -> (Duration, &'static str) {
    let mut slowest = (Duration::ZERO, "");
    let mut timed = |name: &'static str, run: &mut dyn FnMut()| {
        let start = Spent::start();
        run();
        let took = start.elapsed();
        if took > slowest.0 {
            slowest = (took, name);
        }
    };
    let utc = *now().offset();
    timed("numbers", &mut || {
        let _ = (number::parse(input), number::val(input));
    });
    timed("dates", &mut || {
        let _ = (date::parse(input, utc), date::parse_time(input), date::Unit::from_word(input));
    });
    for value in [
        Scalar::Text(input),
        Scalar::Text("-12345.678"),
        Scalar::Text("2025-03-14"),
        Scalar::Number(Number::Float(1e300)),
    ] {
        timed("format", &mut || {
            let _ =
                (format::format(value, input, utc, usize::MAX), format::format(value, "!@@@-@", utc, 100));
        });
    }
    timed("texts", &mut || {
        let _ = (
            text::left(input, 99),
            text::right(input, 99),
            text::mid(input, 5, Some(1000)),
            text::capitalize(input),
        );
        let _ =
            (text::position(input, "ab", 3), text::split(input, "a").count(), text::split(input, "").count());
        let _ =
            (text::replace(input, "a", "bb", SIZE), text::repeat(input, 9, SIZE), text::contains(input, "q"));
        let _ =
            (text::extract_between(input, "a", "b"), text::first_words(input, 9), text::last_words(input, 9));
        let _ =
            (compare::equal(Scalar::Text(input), Scalar::Text("x"), utc), text::contains(input, &input[..0]));
    });
    timed("like, as pattern", &mut || {
        let _ = (like::like("aaaaaaaaaaaaaaaaaaaaaaaab", input), like::like(input, input));
    });
    timed("like, as text", &mut || {
        let _ = (like::like(input, "%a_a_a%b%"), like::like(input, "%aaaaaaaaaaaaaaaaaaaaaab%"));
    });
    for kind in kinds() {
        timed(kind.name(), &mut || {
            let _ = hear::validate(kind, &["a", input], input, &[], now());
        });
    }
    timed("filters", &mut || {
        for parts in [
            &[Part::Text(input)][..],
            &[Part::Text("a = "), Part::Text(input)],
            &[Part::Text("a = '"), Part::Hole, Part::Text(input)],
        ] {
            if let Ok(filter) = Filter::parse(parts) {
                let values = vec![Constant::Text(input.to_owned()); filter.holes];
                if let Ok(bound) = filter.bind(&values) {
                    let _ = (bound.matches(&Row(input), now()), bound.to_string());
                }
            }
        }
    });
    timed("schedules", &mut || {
        let _ = Schedule::parse(input);
    });
    timed("schemas", &mut || {
        let _ = (
            TableLine::parse(input),
            TableLine::parse(&format!("x string {input}")),
            Table::default().read_header(input),
        );
    });
    timed("tools", &mut || {
        let _ = (tools::in_words(input), tools::tool_name(input));
        for kind in [ParamKind::Integer, ParamKind::Object, ParamKind::DateTime, ParamKind::Choice] {
            let _ = Parameter::new("x", kind).argument(Some(&input.into()), now());
        }
    });
    slowest
}

#[test]
fn long_inputs_take_linear_time() {
    for fragment in FRAGMENTS {
        for input in [
            fragment.repeat(SIZE / fragment.len()),
            format!("a = 1{}", fragment.repeat(SIZE / fragment.len())),
        ] {
            let (took, what) = feed(&input);
            assert!(took < Duration::from_secs(1), "{what} took {took:?} for {fragment:?} over and over");
        }
    }
}

#[test]
fn wide_schemas_resolve_in_linear_time() {
    let start = Spent::start();
    let tables = (0..200).map(|t| {
        let mut table = Table { name: format!("t{t}"), ..Table::default() };
        for column in 0..200 {
            table.read_line(&format!("c{column} t{column} key")).unwrap();
        }
        table
    });
    let mut schema = Schema { tables: tables.collect() };
    assert!(schema.resolve(&[]).is_empty());
    assert!(start.elapsed() < Duration::from_secs(3));
}

/// Scripts in which one thing comes over and over.
fn scripts() -> Vec<(&'static str, String)> {
    const SIZE: usize = 128 << 10;
    let lines = |line: &str| line.repeat(SIZE / line.len());
    let numbered = |line: &dyn Fn(usize) -> String| -> String {
        let mut script = String::new();
        for number in 0.. {
            let next = line(number);
            if script.len() + next.len() > SIZE {
                break;
            }
            script.push_str(&next);
        }
        script
    };
    vec![
        ("marks of a remark", format!("x = 1{}", lines(" #"))),
        ("blank lines in a bracket", format!("x = ({}1)", lines("\n"))),
        ("codes without an end in a string", format!("TALK \"{}\"", lines("${"))),
        ("codes without an end in a block", format!("BEGIN TALK\n{}\nEND TALK", lines("${"))),
        ("strings without an end", lines("x=\\\"\n")),
        ("typographic strings", format!("x = {}", lines("“"))),
        ("typographic strings without an end", format!("x = {}", lines("„"))),
        ("procedures", numbered(&|n| format!("SUB s{n}\nEND SUB\n"))),
        ("equal procedures", lines("SUB a\nEND SUB\n")),
        ("calls of a procedure", format!("SUB a\nEND SUB\n{}", lines("CALL a\n"))),
        ("misspelled words", numbered(&|n| format!("talkk{n} 1\n"))),
        ("parameters", numbered(&|n| format!("PARAM p{n} AS STRING\n"))),
        ("equal parameters", lines("PARAM p AS STRING\n")),
        (
            "indexes",
            format!("{}{}", lines("TABLE t\na string\nEND TABLE\n"), lines("CREATE INDEX i ON u(a)\n")),
        ),
        ("labels", numbered(&|n| format!("l{n}:\nGOTO l{n}\n"))),
        ("ends without a beginning", lines("END IF\n")),
        ("cases", format!("SELECT CASE a\n{}END SELECT", lines("CASE 1\n"))),
        ("conditions", format!("FIND t WHERE {}b = 1", "a = 1 AND ".repeat(6000))),
        ("unknown functions", lines("f(1)\n")),
        ("variables", numbered(&|n| format!("v{n} = w{n}\n"))),
    ]
}

#[test]
fn long_scripts_compile_in_linear_time() {
    for (what, script) in scripts() {
        let start = Spent::start();
        let _ = (basic::compile("long", &script, &basic::Known::default()), basic::format("long", &script));
        let took = start.elapsed();
        assert!(took < Duration::from_secs(10), "{what} took {took:?}");
    }
}
