//! Conditions after WHERE: any of them chooses the rows that it names or is an error, and none becomes something else.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::sync::Arc;

use basic::fake::FakeHost;
use basic::{Answer, Known, Limits, Machine, Resume, Step};
use chrono::DateTime;
use proptest::prelude::*;

/// What may be written after WHERE, and much that may not.
const CONDITION_WORDS: &[&str] = &[
    "a",
    "b",
    "n",
    "o.k",
    "(a)",
    "1",
    "2",
    "\"x\"",
    "\"${n}\"",
    "'y'",
    "TRUE",
    "NULL",
    "=",
    "<>",
    "<",
    ">=",
    "AND",
    "OR",
    "NOT",
    "XOR",
    "??",
    "?",
    ":",
    "(",
    ")",
    "+",
    "-",
    "&",
    "*",
    "[0]",
    "[1, 2]",
    "IS NULL",
    "IS NOT NULL",
    "IN (1, 2)",
    "IN",
    "LIKE",
    "CONTAINS",
    "STARTS WITH",
    "BETWEEN",
    "LOWER(b)",
    "LEN(\"x\")",
    "IS NUMERIC(n)",
    "HEAR",
    "GET \"k\"",
    "FIND \"t\"",
];

/// A condition on the number column `a`, and whether it holds where the column has a value.
#[derive(Debug, Clone)]
enum Holds {
    Compare(Side, &'static str, Side),
    Both(Box<Holds>, Box<Holds>),
    Either(Box<Holds>, Box<Holds>),
    Not(Box<Holds>),
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Column,
    Number(i64),
}

impl Side {
    fn value(self, a: i64) -> i64 {
        match self {
            Self::Column => a,
            Self::Number(number) => number,
        }
    }

    fn text(self) -> String {
        match self {
            Self::Column => "a".to_owned(),
            Self::Number(number) => number.to_string(),
        }
    }
}

impl Holds {
    fn holds(&self, a: i64) -> bool {
        match self {
            Self::Compare(left, operator, right) => {
                let (left, right) = (left.value(a), right.value(a));
                match *operator {
                    "=" => left == right,
                    "<>" => left != right,
                    "<" => left < right,
                    "<=" => left <= right,
                    ">" => left > right,
                    _ => left >= right,
                }
            }
            Self::Both(one, other) => one.holds(a) && other.holds(a),
            Self::Either(one, other) => one.holds(a) || other.holds(a),
            Self::Not(inner) => !inner.holds(a),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Compare(left, operator, right) => format!("{} {operator} {}", left.text(), right.text()),
            Self::Both(one, other) => format!("({}) AND ({})", one.text(), other.text()),
            Self::Either(one, other) => format!("({} OR {})", one.text(), other.text()),
            Self::Not(inner) => format!("NOT ({})", inner.text()),
        }
    }
}

fn condition() -> impl Strategy<Value = Holds> {
    let number = || (-1_i64..4).prop_map(Side::Number);
    let sides =
        prop_oneof![(Just(Side::Column), number()), (number(), Just(Side::Column)), (number(), number()),];
    let operator = prop::sample::select(vec!["=", "<>", "<", "<=", ">", ">="]);
    let leaf = (sides, operator).prop_map(|((left, right), operator)| Holds::Compare(left, operator, right));
    leaf.prop_recursive(4, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Holds::Both(Box::new(a), Box::new(b))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Holds::Either(Box::new(a), Box::new(b))),
            inner.prop_map(|a| Holds::Not(Box::new(a))),
        ]
    })
}

/// The steps of a script, or nothing where it is refused.
fn steps(script: &str) -> Option<Vec<Step>> {
    let program = Arc::new(basic::compile("where.bas", script, &Known::default()).program?);
    let now = DateTime::parse_from_rfc3339("2025-03-14T09:30:00+01:00").unwrap();
    let tables = serde_json::json!({ "tables": { "t": [{ "a": 1, "b": "x" }, { "a": 2, "b": "y" }] } });
    let mut host: FakeHost = serde_json::from_value(tables).unwrap();
    let mut machine = Machine::start(program, Limits::default(), Vec::new());
    let (mut answer, mut steps) = (Answer::Start, Vec::new());
    loop {
        let step = machine.run(Resume { now, seed: 1, answer });
        answer = match &step {
            Step::Talk(_) | Step::Print(_) => Answer::Done,
            Step::Hear(_) => Answer::Reply("x".into()),
            Step::Command(command) => host.perform(command, now),
            Step::Finished(_) | Step::Failed(_) => {
                steps.push(step);
                return Some(steps);
            }
        };
        steps.push(step);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn where_never_changes_what_its_command_gives(
        words in prop::collection::vec(prop::sample::select(CONDITION_WORDS), 1..9),
        (command, kind) in prop::sample::select(vec![
            ("FIND \"t\"", "rows"),
            ("DELETE FROM \"t\"", "number"),
            ("UPDATE \"t\" SET b = 1", "number"),
            ("FILTER [{ a: 1 }]", "array"),
        ]),
    ) {
        let text = format!("n = 1\no = {{ k: 2 }}\nx = {command} WHERE {}\nTALK TYPEOF(x)", words.join(" "));
        let Some(steps) = steps(&text) else { return Ok(()) };
        // A list beside a column is an error of the run.
        if matches!(steps.last(), Some(Step::Failed(_))) {
            return Ok(());
        }
        let said = steps.iter().rposition(|step| matches!(step, Step::Talk(said) if said == kind));
        prop_assert!(said.is_some(), "{text}\n{steps:#?}");
        let asked = steps[..said.unwrap()].iter().rev().find_map(|step| match step {
            Step::Command(command) => Some(command),
            _ => None,
        });
        let conditional = asked.is_some_and(|command| command.filter.is_some());
        prop_assert!(conditional || command.starts_with("FILTER"), "{text}\n{asked:#?}");
    }

    #[test]
    fn where_chooses_the_rows_it_names(condition in condition()) {
        let (text, rows) = (condition.text(), [0, 1, 2, 3]);
        let chosen: Vec<i64> = rows.into_iter().filter(|a| condition.holds(*a)).collect();
        let script = format!(
            "r = [{{ a: 0 }}, {{ a: 1 }}, {{ a: 2 }}, {{ a: 3 }}]\nf = FILTER r WHERE {text}\nl = []\n\
             FOR EACH x IN f\nl.push(x.a)\nNEXT\nRETURN JSON(l)"
        );
        let shown = steps(&script).and_then(|steps| match steps.last() {
            Some(Step::Finished(value)) => Some(value.to_string()),
            _ => None,
        });
        prop_assert_eq!(shown, Some(serde_json::to_string(&chosen).unwrap()), "{}", text);
    }
}
