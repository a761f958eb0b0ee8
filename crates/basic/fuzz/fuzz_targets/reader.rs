//! Any text compiles or is refused, with places that exist; the layout keeps the meaning and is done once; and after
//! WHERE a text is a condition or an error, but never what turns the result of the command into something else.

#![no_main]

use std::sync::Arc;

use basic::{Known, Severity};
use basic_fuzz::meaning;
use libfuzzer_sys::fuzz_target;

/// Commands with a condition, and the types of what they give.
const CONDITIONAL: [(&str, &str); 3] =
    [("FIND \"t\"", "rows"), ("DELETE FROM \"t\"", "number"), ("UPDATE \"t\" SET a = 1", "number")];

/// Reads the first line of a text as a condition.
fn condition(text: &str) {
    let line = text.lines().next().unwrap_or_default();
    // Behind the clauses after a condition an operator takes the result of the command, as the language says.
    if ["limit", "order", "first"].iter().any(|word| line.to_ascii_lowercase().contains(word)) {
        return;
    }
    for (command, kind) in CONDITIONAL {
        let script = format!("x = {command} WHERE {line}\nTALK TYPEOF(x)");
        let Some(program) = basic::compile("fuzz", &script, &Known::default()).program else { continue };
        let steps = meaning(&Arc::new(program));
        let said = steps.iter().rposition(|step| step.starts_with("Talk("));
        let Some(said) = said.filter(|_| steps.last().is_some_and(|last| last.starts_with("Finished")))
        else {
            continue;
        };
        assert_eq!(steps[said], format!("Talk(\"{kind}\")"), "{script}");
        let asked = steps[..said].iter().rfind(|step| step.starts_with("Command("));
        assert!(asked.is_some_and(|step| step.contains("filter: Some(")), "{script}\n{asked:?}");
    }
}

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    condition(&text);
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
    let laid_out = basic::compile("fuzz", &formatted, &Known::default()).program;
    let laid_out = laid_out.expect("what is formatted still compiles");
    assert_eq!(meaning(&Arc::new(program)), meaning(&Arc::new(laid_out)), "the layout changes the meaning");
});
