//! Well-formed random programs end within their limits, and storing at every stop changes nothing.

#![no_main]

use std::sync::Arc;

use basic::Known;
use basic_fuzz::{generator, run};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let source = generator::program(data);
    let compiled = basic::compile("fuzz", &source, &Known::default());
    let Some(program) = compiled.program else {
        let reports: String = compiled.diagnostics.iter().map(|d| d.render("fuzz", &source)).collect();
        panic!("a well-formed program is refused\n{source}\n{reports}");
    };
    let program = Arc::new(program);
    let (mut straight, mut stored) = (run(&program, false), run(&program, true));
    // How much is copied depends on where values lie, and so does where a run that copies too much is ended.
    let copies_too_much = |steps: &[String]| {
        steps.last().is_some_and(|last| last.contains("too much at once") || last.contains("one operation"))
    };
    if copies_too_much(&straight) || copies_too_much(&stored) {
        let both = straight.len().min(stored.len()) - 1;
        straight.truncate(both);
        stored.truncate(both);
    }
    assert_eq!(straight, stored, "storing changed the run of\n{source}");
});
