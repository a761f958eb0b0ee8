//! What authors see, as they see it.

use basic::Known;

fn report(source: &str) -> String {
    let compiled = basic::compile("orders.bas", source, &Known::default());
    compiled.diagnostics.iter().map(|diagnostic| diagnostic.render("orders.bas", source)).collect()
}

#[test]
fn blocks_that_do_not_match_name_the_line_that_opened_them() {
    insta::assert_snapshot!(report("FOR EACH a IN [1]\n    TALK a\n    END IF\nNEXT a"));
    insta::assert_snapshot!(report("IF a = 1 THEN\n    FOR i = 1 TO 3\n        TALK i\nEND IF"));
    insta::assert_snapshot!(report("WHILE TRUE\n    TALK 1"));
}

#[test]
fn all_errors_of_a_file_are_reported_at_once() {
    insta::assert_snapshot!(report(
        "TALKK \"hello\"\nx = (1 + \nTALK \"no end\nGOTO nowhere\nSET BOT MEMORY \"a\"\nHEAR x AS SANDWICH\nNEXT"
    ));
}

#[test]
fn warnings_say_what_may_not_be_meant() {
    insta::assert_snapshot!(report(
        "PARAM a AS STRING\nunused = 1\nTALK missing\nfoo(1)\nrows = FIND \"t\", \"a = = 1\"\nTALK rows\nRETURN\nTALK a"
    ));
}

#[test]
fn schedules_and_tables_are_checked() {
    insta::assert_snapshot!(report(
        "SET SCHEDULE \"61 * * * *\"\nTABLE t\n    id number key,\n    name\nEND TABLE"
    ));
}

#[test]
fn tables_become_schemas() {
    let source = "TABLE orders READ BY \"staff\"\n    id uuid PRIMARY KEY, ' the key\n    total number(10,2),\nEND TABLE\nCREATE INDEX by_total ON orders(total)";
    let program = basic::compile("tables.bas", source, &Known::default()).program;
    let tables = program.map(|program| program.declarations().tables.clone()).unwrap_or_default();
    insta::assert_json_snapshot!(tables);
}

#[test]
fn a_script_declares_when_it_runs() {
    for (source, count) in [
        ("SET SCHEDULE \"0 9 * * MON\"", 1),
        ("SET SCHEDULE every 5 minutes", 1),
        ("SET SCHEDULE \"0 9 * * MON\" \"report\"", 0),
        ("IF TRUE THEN\nSET SCHEDULE \"0 9 * * MON\", \"report\", 1\nEND IF", 0),
    ] {
        let compiled = basic::compile("report.bas", source, &Known::default());
        let schedules = compiled.program.map(|program| program.declarations().schedules.len());
        assert_eq!(schedules, Some(count), "{source}: {}", report(source));
    }
}

#[test]
fn formatting_indents_by_blocks_and_keeps_comments_and_texts() {
    let source = "' greeting\nif a then\ntalk \"x\"\n  ' why\nelse if b then\nselect case c\ncase 1, 2\ntalk \"one\n  two\"\ncase else\nfor each x in [1,\n2]\ntalk x\nnext\nend select\nend if\nbegin talk\n   Hello\n     there\nend talk\nnext = 1\ntalk next";
    insta::assert_snapshot!(basic::format("f.bas", source).unwrap_or_default());
}

#[test]
fn the_reference_names_every_command() {
    let reference = basic::reference();
    for spec in basic::commands::all() {
        assert!(reference.contains(&format!("### {}\n", spec.phrase)), "{spec}");
    }
}
