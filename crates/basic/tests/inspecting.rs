//! What a host can see of a machine that waits.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;

use basic::hear::HearKind;
use basic::{Answer, Data, Limits, Machine, Resume, Step, compile};

fn waiting(source: &str) -> Machine {
    let compiled = compile("start", source, &basic::Known::default());
    let program = compiled.program.expect("a program");
    let mut machine = Machine::start(Arc::new(program), Limits::default(), Vec::new());
    let mut answer = Answer::Start;
    loop {
        let now = chrono::DateTime::parse_from_rfc3339("2026-01-31T12:00:00Z").expect("a time");
        match machine.run(Resume { now, seed: 1, answer }) {
            Step::Hear(_) => return machine,
            Step::Talk(_) => answer = Answer::Done,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_machine_that_waits_shows_its_variables_and_what_it_waits_for() {
    let machine = waiting("n = 4\nname = \"Ann\"\nHEAR pw AS PASSWORD\nTALK name + n + pw");

    assert_eq!(machine.waits_for(), Some(HearKind::Password));
    let variables = machine.variables();
    assert!(variables.contains(&("n".to_owned(), Some(Data::Integer(4)))), "{variables:?}");
    assert!(variables.contains(&("name".to_owned(), Some(Data::Text("Ann".to_owned())))), "{variables:?}");
}

#[test]
fn what_contains_itself_has_no_value_outside() {
    let machine = waiting("a = [1]\na[0] = a\nHEAR x\nTALK a[0]");

    assert!(machine.variables().contains(&("a".to_owned(), None)), "{:?}", machine.variables());
}
