//! Blocks and the loops among them: what opens one, what ends it, and how deep they nest.

use basic::{Compiled, Known};

fn compile(source: &str) -> Compiled {
    basic::compile("blocks.bas", source, &Known::default())
}

/// Place, code and message of each report.
fn reports(source: &str) -> Vec<String> {
    let shown = |d: &basic::Diagnostic| format!("{}:{} {} {}", d.line, d.column, d.code, d.message);
    compile(source).diagnostics.iter().map(shown).collect()
}

#[test]
fn parallel_is_a_block_like_others() {
    for (source, report) in [
        ("STEP 1: PARALLEL\nBRANCH a: BOT \"x\" \"y\"", "1:1 B011 PARALLEL has no end"),
        ("PARALLEL\nTALK 1", "1:1 B011 PARALLEL has no end"),
        ("END PARALLEL", "1:1 B012 END PARALLEL without PARALLEL"),
        ("END_PARALLEL", "1:1 B012 END_PARALLEL without PARALLEL"),
        (
            "STEP 1: PARALLEL\nIF a THEN\nEND PARALLEL\nEND IF",
            "3:1 B012 END PARALLEL closes an IF opened at line 2",
        ),
        ("STEP 1: PARALLEL BOT \"x\"\nEND PARALLEL", "1:18 B010 expected end of line, found BOT"),
    ] {
        let found = reports(source);
        assert_eq!(found.first().map(String::as_str), Some(report), "{source}: {found:?}");
    }
    for source in [
        "STEP 1: PARALLEL\n    BRANCH a: BOT \"x\" \"y\"\nEND PARALLEL\n",
        "PARALLEL STEP 2\n    PARALLEL\n        TALK 1\n    END_PARALLEL\nEND PARALLEL\n",
        "IF 1 THEN\n    STEP 1: PARALLEL\n        SELECT CASE 1\n            CASE 1\n                TALK 1\n        END SELECT\n    END PARALLEL\nEND IF\n",
    ] {
        assert_eq!(reports(source), Vec::<String>::new(), "{source}");
        let flat = source.lines().map(str::trim_start).collect::<Vec<_>>().join("\n");
        assert_eq!(basic::format("blocks.bas", &flat).unwrap_or_default(), source);
    }
    let variable = "parallel = 1\nTALK parallel";
    assert_eq!(reports(variable), Vec::<String>::new());
}

#[test]
fn blocks_nest_as_deep_as_expressions_do() {
    for opener in ["STEP 1: PARALLEL\n", "PARALLEL\n", "IF a THEN\n", "BRANCH b: PARALLEL\n"] {
        let found = reports(&opener.repeat(250));
        let refused = found.iter().any(|report| report.contains(" B005 "));
        assert!(refused, "{opener}: {:?}", found.first());
    }
}

#[test]
fn the_end_of_a_text_block_stands_below_its_begin() {
    let source = "if 1 then\nbegin talk  \n  Hi\n there \n end talk\nbegin talk\nend talk\nend if";
    let formatted =
        "if 1 then\n    begin talk\n  Hi\n there \n    end talk\n    begin talk\n    end talk\nend if\n";
    assert_eq!(basic::format("blocks.bas", source).unwrap_or_default(), formatted);
}
