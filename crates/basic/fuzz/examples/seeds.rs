//! Writes what the fuzzers begin with: the conformance cases, and states and programs as a run meets them.

use std::{fs, io, path::Path, sync::Arc};

use basic::{Answer, Machine, Resume, Step};
use basic_fuzz::{header, host, limits, now, programs};

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let folder = root.join("corpus").join(target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(name), bytes)
    };
    let cases = fs::read_to_string(root.join("../tests/conformance.txt"))?;
    for (number, case) in cases.split("\n== ").enumerate() {
        let script: Vec<&str> = case.lines().skip(1).filter(|line| !line.starts_with("-- ")).collect();
        write("reader", &format!("case-{number:02}"), script.join("\n").as_bytes())?;
    }
    for length in [8u8, 40, 120] {
        let bytes: Vec<u8> = (0..length).map(|at| at.wrapping_mul(37) ^ length).collect();
        write("machine", &format!("walk-{length}"), &bytes)?;
    }
    for (number, program) in programs().iter().enumerate() {
        write("loader", &format!("program-{number}"), &[&[255], program.to_bytes().as_slice()].concat())?;
        let mut machine = Machine::start(Arc::clone(program), limits(), Vec::new());
        let mut host = host();
        let mut answer = Answer::Start;
        let skip = header(program).len();
        for stop in 0..12 {
            let step = machine.run(Resume { now: now(), seed: stop, answer });
            let state = [&[number as u8], &machine.save()[skip..]].concat();
            write("loader", &format!("state-{number}-{stop:02}"), &state)?;
            answer = match step {
                Step::Talk(_) | Step::Print(_) => Answer::Done,
                Step::Hear(_) => Answer::Reply("1".into()),
                Step::Command(command) => host.perform(&command, now()),
                Step::Finished(_) | Step::Failed(_) => break,
            };
        }
    }
    Ok(())
}
