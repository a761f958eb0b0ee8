//! Damaged states and programs are refused or run within their limits.
//!
//! The first byte chooses a program, the rest is the state without its header, or the bytes of a program.

#![no_main]

use std::sync::Arc;

use basic::{Answer, Data, Machine, Program};
use basic_fuzz::{finish, header, limits, programs, run};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, rest)) = data.split_first() else { return };
    match programs().get(usize::from(kind)) {
        Some(program) => {
            let bytes = [header(program).as_slice(), rest].concat();
            for answer in
                [Answer::Done, Answer::Reply("7".into()), Answer::Value(Data::Array(vec![1.into()]))]
            {
                let Ok(machine) = Machine::load(Arc::clone(program), limits(), &bytes) else { return };
                let _ = machine.save();
                finish(machine, answer, true);
            }
        }
        None => {
            if let Ok(program) = Program::from_bytes(rest) {
                let program = Arc::new(program);
                run(&program, true);
            }
        }
    }
});
