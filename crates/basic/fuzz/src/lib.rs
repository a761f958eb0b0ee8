//! What the targets share: a small host, tight limits, and a generator of well-formed programs.

pub mod generator;

use std::sync::{Arc, OnceLock};

use basic::fake::FakeHost;
use basic::{Answer, Known, Limits, Machine, Program, Resume, Step};
use chrono::{DateTime, FixedOffset};

/// Limits that a run reaches within milliseconds.
pub fn limits() -> Limits {
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

/// The clock of all runs.
pub fn now() -> DateTime<FixedOffset> {
    DateTime::from_timestamp(1_741_944_600, 0).unwrap_or_default().fixed_offset()
}

/// A host with a table, answers, memories and a file.
pub fn host() -> FakeHost {
    serde_json::from_value(serde_json::json!({
        "tables": { "t": [{ "id": "1", "a": 1, "b": "x" }, { "id": "2", "a": 2, "b": "y" }] },
        "http": [{ "status": 200, "body": { "n": [1, 2, { "m": null }] } }],
        "session": { "tier": "vip" },
        "memory": { "k": { "deep": [1, 2] } },
        "files": { "notes.txt": "one\ntwo" },
        "model": ["{\"total\": 3}", "yes"],
    }))
    .unwrap_or_default()
}

/// Goes on from a stop and writes down what is seen; with the machine stored and loaded at each stop if asked. A state
/// that does not load ends the run, which differs from a straight one.
pub fn finish(machine: Machine, first: Answer, store: bool) -> Vec<String> {
    let program = Arc::clone(machine.program());
    let mut machine = machine;
    let mut host = host();
    let mut answer = first;
    let mut seen = Vec::new();
    for turn in 0..80 {
        let step = machine.run(Resume { now: now(), seed: turn, answer });
        if store {
            let bytes = machine.save();
            match Machine::load(Arc::clone(&program), limits(), &bytes) {
                Ok(loaded) => machine = loaded,
                Err(error) => {
                    seen.push(error.to_string());
                    break;
                }
            }
        }
        seen.push(format!("{step:?}"));
        answer = match step {
            Step::Talk(_) | Step::Print(_) => Answer::Done,
            Step::Hear(_) => Answer::Reply(["3", "yes", "ann@example.com", "x"][turn as usize % 4].into()),
            Step::Command(command) => host.perform(&command, now()),
            Step::Finished(_) | Step::Failed(_) => break,
        };
    }
    seen
}

/// Runs a program from its beginning.
pub fn run(program: &Arc<Program>, store: bool) -> Vec<String> {
    finish(Machine::start(Arc::clone(program), limits(), Vec::new()), Answer::Start, store)
}

/// What a run shows, without the columns of its places, which layout changes.
pub fn meaning(program: &Arc<Program>) -> Vec<String> {
    let steps = run(program, false).into_iter();
    steps.map(|step| step.split("column: ").next().unwrap_or_default().to_owned()).collect()
}

const SCRIPTS: &[&str] = &[
    "l = [1, { k: \"v\" }]\no = { me: l, t: NOW(), d: DAYS(2) }\no.self = o\nFOR EACH x IN l\nHEAR n AS INTEGER WITH \"n?\"\no.n = n\nl.push(n + \"x\")\nNEXT\nRETURN l",
    "r = FIND \"t\" WHERE a > 0\nON ERROR RESUME NEXT\nw = GET \"https://x.test\"\nTALK f(w.n) + r.a\nFUNCTION f(p)\nHEAR q AS \"yes\", \"no\"\nSAVE \"t\", r\nRETURN p[0] + q\nEND FUNCTION",
];

/// The programs whose states the loader reads.
pub fn programs() -> &'static [Arc<Program>] {
    static PROGRAMS: OnceLock<Vec<Arc<Program>>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let compiled = SCRIPTS.iter().map(|script| basic::compile("fuzz", script, &Known::default()).program);
        compiled.map(|program| Arc::new(program.expect("the script compiles"))).collect()
    })
}

/// What every state of a program begins with: magic, format, hash.
pub fn header(program: &Arc<Program>) -> Vec<u8> {
    let machine = Machine::start(Arc::clone(program), limits(), Vec::new());
    machine.save()[..4 + 1 + 32].to_vec()
}
