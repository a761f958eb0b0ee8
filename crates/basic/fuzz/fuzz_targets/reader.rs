//! Any text compiles or is refused, with places that exist; the layout is kept and done once.

#![no_main]

use basic::{Known, Severity};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let compiled = basic::compile("fuzz", &text, &Known::default());
    for diagnostic in &compiled.diagnostics {
        assert!(diagnostic.line >= 1 && diagnostic.column >= 1);
        assert!(!diagnostic.render("fuzz", &text).is_empty());
    }
    let refused = compiled.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(compiled.program.is_none(), refused);
    let Some(program) = compiled.program else { return };
    let bytes = program.to_bytes();
    let loaded = basic::Program::from_bytes(&bytes).expect("a stored program loads");
    assert_eq!(loaded.hash(), program.hash());
    let formatted = basic::format("fuzz", &text).expect("what compiles is formatted");
    assert_eq!(
        basic::format("fuzz", &formatted).as_deref(),
        Ok(&*formatted),
        "formatting twice changes more"
    );
});
