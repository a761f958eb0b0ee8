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
fn what_a_schema_names_twice_or_in_vain_is_reported() {
    let source = "TABLE Orders\n    id number key\n    who customers\n    shape blob\n    ID text\n    UNIQUE(nope)\n    PRIMARY KEY (id, gone)\nEND TABLE\nTABLE customers\n    id uuid key\n    own Customers\nEND TABLE\nTABLE orders\n    x text\nEND TABLE\nCREATE INDEX by_x ON Orders(nope)\nCREATE INDEX by_y ON elsewhere(y)";
    assert_eq!(
        messages(source),
        [
            "4:5 B117 Orders.shape: unknown type blob, taken as text",
            "5:5 B118 Orders.ID is declared twice; only the first declaration counts",
            "6:5 B119 Orders has no column nope, which UNIQUE names",
            "7:5 B119 Orders has no column gone, which PRIMARY KEY names",
            "13:7 B118 table orders is declared twice; only the first declaration counts",
            "16:1 B119 Orders has no column nope, which by_x names",
        ]
    );
    let declared = |known: &Known<'_>, source: &str| {
        let compiled = basic::compile("tables.bas", source, known);
        let tables =
            compiled.program.map(|program| program.declarations().tables.clone()).unwrap_or_default();
        let kinds = tables.iter().flat_map(|table| &table.columns).map(|column| format!("{:?}", column.kind));
        (kinds.collect::<Vec<_>>(), compiled.diagnostics.len())
    };
    let (kinds, _) = declared(&Known::default(), source);
    let expected =
        ["Integer", "Reference(\"customers\")", "Text { max: None }", "Uuid", "Reference(\"customers\")"];
    assert_eq!(kinds, expected);

    let known = Known { tables: Some(vec!["Customers"]), ..Known::default() };
    let source = "TABLE bills\n    who customers\nEND TABLE";
    assert_eq!(declared(&known, source), (vec!["Reference(\"Customers\")".to_owned()], 0));
    let index = basic::compile("i.bas", "CREATE INDEX i ON elsewhere(y)", &known).diagnostics;
    assert_eq!(index[0].message, "there is no table elsewhere, which i names");
}

#[test]
fn a_parameter_declared_twice_is_described_by_both() {
    let source = "DESCRIPTION \"d\"\nPARAM a AS STRING\nPARAM a AS STRING LIKE \"x\" DESCRIPTION \"An a\"\nPARAM b AS STRING DESCRIPTION \"First\"\nPARAM b AS STRING DESCRIPTION \"Second\"\nPARAM c AS STRING\nPARAM c AS INTEGER DESCRIPTION \"A number\"\nTALK a + b + c";
    let program = basic::compile("tool.bas", source, &Known::default()).program;
    let tool = program.and_then(|program| program.declarations().tool.clone());
    let described: Vec<String> =
        tool.iter().flat_map(|tool| &tool.parameters).map(|p| p.schema().to_string()).collect();
    assert_eq!(
        described,
        [
            r#"{"type":"string","description":"An a","examples":["x"]}"#,
            r#"{"type":"string","description":"First"}"#,
            r#"{"type":"string","description":"c"}"#,
        ]
    );
    assert_eq!(
        messages(source),
        [
            "3:1 B111 PARAM a is declared twice; what the first lacks is taken from this one",
            "5:1 B111 PARAM b is declared twice; what the first lacks is taken from this one",
            "7:1 B111 PARAM c is declared twice with different types; the first counts",
        ]
    );
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
fn a_block_that_opens_in_the_last_line_has_no_end_either() {
    for source in ["BEGIN TALK", "BEGIN TALK\n", "a = 1\nBEGIN SYSTEM PROMPT"] {
        let compiled = basic::compile("f.bas", source, &Known::default());
        assert!(compiled.diagnostics.iter().any(|d| d.code == "B002"), "{source:?}");
    }
}

#[test]
fn blanks_and_carriage_returns_within_a_text_stay() {
    let source = "x = \"one\r\r\n two  \n\r\r\r\r\r\r\nthree\r\nfour\"\r\nTALK x\r\n";

    let formatted = basic::format("f.bas", source).unwrap_or_default();

    assert_eq!(formatted, "x = \"one\r\r\n two  \n\r\r\r\r\r\r\nthree\nfour\"\nTALK x\n");
    assert_eq!(basic::format("f.bas", &formatted).unwrap_or_default(), formatted);
}

#[test]
fn the_reference_names_every_command() {
    let reference = basic::reference();
    for spec in basic::commands::all() {
        assert!(reference.contains(&format!("### {}\n", spec.phrase)), "{spec}");
    }
}

/// The first line of each report: place, code and message.
fn messages(source: &str) -> Vec<String> {
    let compiled = basic::compile("orders.bas", source, &Known::default());
    compiled.diagnostics.iter().map(|d| format!("{}:{} {} {}", d.line, d.column, d.code, d.message)).collect()
}

#[test]
fn what_is_no_keyword_is_named_and_no_far_one_suggested() {
    insta::assert_snapshot!(report(
        "REMOVE \"a\"\nx = CONECT \"b\"\nON FILE UPLOAD\nTALK x \"!\"\nUPSRT 1\nTALKK 1"
    ));
}

#[test]
fn what_is_misspelt_is_told_what_may_stand_there() {
    insta::assert_snapshot!(report(
        "SEND MAIL \"a\", \"b\", \"c\" FOO \"x\"\nUPDATE \"t\" SET a = 1 WERE b = 2\nIF FIND \"t\" SORT BY x THEN TALK 1\nPARAM a AS STRING FOO\nPARAM b AS STRING LIEK \"b\"\nHEAR x DEFUALT 1\nTALK \"a\" FOO"
    ));
    insta::assert_snapshot!(report(
        "again:\nTALK lenn(\"a\") + greeet()\nGOTO agian\nON ERROR GOTO nowhere\na = []\na.psh(1)\nFUNCTION greet()\n    RETURN 1\nEND FUNCTION"
    ));
}

#[test]
fn numbers_and_blocks_are_named_as_english_has_it() {
    let found = messages(
        "TALK LEN(\"a\", 1)\nTALK LEFT(\"a\")\nf(1, 2)\nSUB f(a)\n    TALK a\nEND SUB\nIF 1 THEN\nNEXT\nEND IF",
    );
    assert_eq!(
        found,
        [
            "1:6 B021 LEN takes 1 argument, found 2",
            "2:6 B020 LEFT takes 2 arguments, found 1",
            "3:1 B021 f takes 1 argument, found 2",
            "8:1 B012 NEXT closes an IF opened at line 7",
        ]
    );
}

#[test]
fn a_misspelt_end_is_taken_for_the_one_it_is_near_to() {
    assert_eq!(messages("x = 1\nIF x THEN\nRETURN\nEND IFF\nTALK 2"), ["4:1 B013 END IFF ends no block"]);
    assert_eq!(
        messages("SELECT CASE 1\nCASE 1\nTALK 1\nEND SELCT\nEND banana\nTALK 2"),
        [
            "4:1 B013 END SELCT ends no block",
            "5:5 B010 expected end of line or the block that ends, found banana"
        ]
    );
    assert_eq!(messages("IF 1 THEN END ELSE TALK 1"), Vec::<String>::new());
}

#[test]
fn an_error_names_the_file() {
    for name in ["orders", "orders.bas"] {
        let program = basic::compile(name, "TALK 1 / 0", &Known::default()).program.map(std::sync::Arc::new);
        let Some(program) = program else { panic!("the script compiles") };
        let mut machine = basic::Machine::start(program, basic::Limits::default(), Vec::new());
        let now = chrono::DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap_or_default();
        let step = machine.run(basic::Resume { now, seed: 1, answer: basic::Answer::Start });
        let basic::Step::Failed(error) = step else { panic!("{step:?}") };
        assert_eq!(error.to_string(), "orders.bas:1:1: DIVISION_BY_ZERO: division by zero");
    }
}

#[test]
fn a_loop_needs_its_variable_even_where_nothing_reads_it() {
    let counted =
        "n = 0\nFOR EACH row IN [1, 2]\n    n = n + 1\nNEXT\nFOR i = 1 TO 2\n    n = n + 1\nNEXT\nTALK n";
    assert!(messages(counted).is_empty());
    assert_eq!(messages("row = 1"), ["1:1 B102 row is assigned and never read"]);
}

#[test]
fn a_computed_column_may_go_on_in_the_next_line() {
    let source = "TABLE t\n    id uuid key\n    gain number(10,2) GENERATED ALWAYS AS\n        (income - cost) STORED\nEND TABLE";
    assert_eq!(messages(source), ["3:33 B117 a computed column is kept as a plain one"]);
}

#[test]
fn a_missing_date_is_no_text() {
    let script = "TALK DATEDIFF(\"day\", missing, NOW())";
    let program = basic::compile("a.bas", script, &Known::default()).program.map(std::sync::Arc::new);
    let Some(program) = program else { panic!("the script compiles") };
    let mut machine = basic::Machine::start(program, basic::Limits::default(), Vec::new());
    let now = chrono::DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap_or_default();
    let step = machine.run(basic::Resume { now, seed: 1, answer: basic::Answer::Start });
    let basic::Step::Failed(error) = step else { panic!("{step:?}") };
    assert_eq!(error.message, "expected a date, found null");
}

#[test]
fn a_filter_that_is_joined_before_it_is_used_is_not_bound() {
    let joined = |source: &str| report(source).contains("B107");
    assert!(joined("HEAR n\nf = \"name='\" + n + \"'\"\nTALK FIND(\"t\", f)"));
    assert!(joined("HEAR n\nf = \"name=${n}\"\nUPDATE \"t\", f, { a: 1 }"));
    assert!(!joined("HEAR n\nTALK FIND(\"t\", \"name='\" + n + \"'\")"), "this one is bound");
    assert!(!joined("HEAR n\nkey = \"A-\" + n\nUPDATE \"t\", key, { a: 1 }"), "a key is no filter");
    assert!(!joined("f = \"a > \" + 1 + \" AND b = 2\"\nTALK FIND(\"t\", f)"), "all of it is the author's");
}

#[test]
fn what_no_table_can_be_asked_is_refused_after_where() {
    insta::assert_snapshot!(report(
        "n = 2\nr = FIND \"t\" WHERE LOWER(owner) = \"ann\"\nDELETE FROM \"t\" WHERE (qty + 1) > 5\nr = FIND \"t\" WHERE \"sku=A\"\nIF FIND \"t\" WHERE active THEN TALK r\nr = FIND \"t\" WHERE \"sku\" = \"A\"\nr = FIND \"t\" WHERE \"a\" CONTAINS sku\nr = FIND \"t\" WHERE 5 < qty + n\nr = FIND \"t\" WHERE a = 1 XOR b = 2"
    ));
}

#[test]
fn a_condition_after_where_never_goes_on_as_another_expression() {
    for condition in [
        "a = 1 ?? 2",
        "a = 1 ? b : c",
        "1 = 1 XOR a = 2",
        "a = 1 = 2",
        "(a = 1) = TRUE",
        "(a = 1 XOR b = 2)",
        "(a = 1 = 2)",
        "a IS 5",
        "a IS NULL & 1",
        "a IN (1, 2) + 1",
        "a IN (1, 2) ^ 2",
        "a IN (1, 2)[0]",
        "NOT a IN (1, 2).length",
        "NOT a",
        "a AND b = 1",
        "items[0] = 1",
        "5 BETWEEN low AND 9",
        "1 IN (a, 2)",
        "\"a\" IS NULL",
        "-qty < 5",
        "a.trim() = \"x\"",
        "\"x${a}\"",
    ] {
        for command in
            ["r = FIND \"t\"", "DELETE FROM \"t\"", "IF DELETE FROM \"t\"", "UPDATE \"t\" SET a = 1"]
        {
            let then = if command.starts_with("IF") { " THEN TALK 1" } else { "" };
            let source = format!("{command} WHERE {condition}{then}");
            let compiled = basic::compile("f.bas", &source, &Known::default());
            assert!(compiled.program.is_none(), "{source}");
        }
    }
}

#[test]
fn what_is_too_large_is_refused_with_its_limit() {
    let long = "x".repeat(1 << 20);
    let names = (0..30_000).map(|n| format!("v{n} = 1\n"));
    let variables = names.collect::<Vec<_>>().concat();
    for (source, code, message) in [
        (format!("' {long}"), "B006", "the script is longer than 1 MiB"),
        (format!("TALK \"{}\"", "x".repeat(64 << 10)), "B004", "this line is longer than 64 KiB"),
        (
            format!("x = {}1{}", "(".repeat(250), ")".repeat(250)),
            "B005",
            "this is nested more than 200 levels deep",
        ),
        ("IF a THEN\n".repeat(250), "B005", "this is nested more than 200 levels deep"),
        (variables, "B007", "the script is too large: divide it"),
    ] {
        let compiled = basic::compile("large.bas", &source, &Known::default());
        let found = compiled.diagnostics.iter().any(|d| d.code == code && d.message == message);
        assert!(found && compiled.program.is_none(), "{code} is missing: {:?}", compiled.diagnostics.first());
    }
}

#[test]
fn what_the_server_lacks_is_told_where_a_script_first_asks_for_it() {
    let script = "WEBHOOK \"orders\"\nON INSERT OF \"orders\" CALL count\nON EVENT \"paid\" DO\n    TALK 1\nEND ON\nBEGIN MAIL \"a@example.com\"\nSubject: Hi\n\nHello\nEND MAIL\nSEND MAIL \"b@example.com\", \"Hi\", \"Hello\"\nSUB count()\n    x = GET BOT MEMORY(\"n\") OR LLM \"how many?\"\n    TALK x\nEND SUB";
    let report = |commands: Option<Vec<&str>>| -> String {
        let known = Known { commands, ..Known::default() };
        let compiled = basic::compile("orders.bas", script, &known);
        assert!(compiled.program.is_some());
        compiled.diagnostics.iter().map(|diagnostic| diagnostic.render("orders.bas", script)).collect()
    };
    insta::assert_snapshot!(report(Some(vec!["WEBHOOK", "GET BOT MEMORY"])));
    assert_eq!(report(None), "");
}

#[test]
fn what_the_machine_does_no_server_need_have() {
    let script = "r = [{ a: 1 }]\nTALK FILTER(r, \"a = 1\")\nPRINT GROUP BY r, \"a\"\nSEND MESSAGE MAP(r, \"a->b\")\nTALK AGGREGATE(\"SUM\", r, \"a\")\nTALK MERGE([1], [2])\nTALK FILL(r, \"{{a}}\") + PIVOT(r, \"a\", \"a\")\no = { b: 1 }\nTALK GET \"o.b\"\nSET o, 2";
    let known = Known { commands: Some(Vec::new()), ..Known::default() };
    let found = basic::compile("a.bas", script, &known).diagnostics;
    assert!(found.is_empty(), "{found:?}");

    let table =
        "TALK AGGREGATE(\"t\", \"SUM\", \"a\", \"a > 1\")\nMERGE \"t\" WITH r BY \"a\"\nSET role, 2\nr = []";
    let found = basic::compile("a.bas", table, &known).diagnostics;
    let missing: Vec<&str> = found.iter().filter(|d| d.code == "B120").map(|d| d.message.as_str()).collect();
    let expected = ["AGGREGATE", "MERGE", "SET"].map(|phrase| format!("this server does not have {phrase}"));
    assert_eq!(missing, expected);
}
