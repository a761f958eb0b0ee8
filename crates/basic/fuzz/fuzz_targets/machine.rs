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
    let (straight, stored) = (run(&program, false), run(&program, true));
    assert_eq!(straight, stored, "storing changed the run of\n{source}");
});
