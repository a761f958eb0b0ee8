//! The page of errors: codes of the run, and the reports of the compiler with a script that brings each about.

use std::fmt::Write as _;

use crate::commands::{self, CommandSpec};
use crate::step::ErrorCode;
use crate::{Known, compile};

/// What a code of a run means.
fn meaning(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Argument => "An argument is missing or not allowed.",
        ErrorCode::Limit => "A limit was passed. ON ERROR cannot catch it.",
        ErrorCode::DivisionByZero => "A number was divided by zero.",
        ErrorCode::Type => {
            "A value is of a type that cannot be used there, such as a text that is no number."
        }
        ErrorCode::Unknown => "Nobody knows the function, or the server does not have the command.",
        ErrorCode::NotFound => "Something that was named does not exist.",
        ErrorCode::Denied => "The user may not do this.",
        ErrorCode::NullWrite => "A member of null was assigned.",
        ErrorCode::Thrown => "The script itself ended with THROW, or an ASSERT did not hold.",
        ErrorCode::Http => "There was no connection, or the address is forbidden.",
        ErrorCode::Timeout => "It took too long.",
        ErrorCode::Model => "The language model failed.",
        ErrorCode::Data => "The data store refused, or there is no such table.",
    }
}

/// A report, and a script in which the compiler finds it. Without a script, where that would be too long to show.
struct Report(&'static str, &'static str, Option<&'static str>);

#[rustfmt::skip]
const REPORTS: &[Report] = &[
    Report("B001", "A string has no end on its line, or none at all.", Some("TALK \"hello")),
    Report("B002", "A text block has no end.", Some("BEGIN TALK\nHello")),
    Report("B003", "A character belongs to no part of the language.", Some("x = 1 § 2\nTALK x")),
    Report("B004", "A line is longer than 64 KiB.", None),
    Report("B005", "An expression or the blocks of a script are nested too deep, or an expression has too many operators.", None),
    Report("B006", "A script is longer than 1 MiB.", None),
    Report("B007", "A script has too many instructions, texts or names.", None),
    Report("B010", "Something else was expected here.", Some("x = (1 + \nTALK x")),
    Report("B011", "A block has no end.", Some("WHILE TRUE\n    TALK 1")),
    Report("B012", "The end of one block stands in another, or without a block.", Some("FOR EACH a IN [1]\n    TALK a\nEND IF")),
    Report("B013", "No statement begins so.", Some("TALKK \"hello\"")),
    Report("B014", "The word is reserved.", Some("TRY")),
    Report("B015", "NEXT names another variable than its FOR.", Some("FOR i = 1 TO 3\n    TALK i\nNEXT k")),
    Report("B016", "A statement stands between SELECT and the first CASE.", Some("SELECT CASE 1\n    TALK 1\n    CASE 1\n        TALK 2\nEND SELECT")),
    Report("B017", "A procedure stands inside another.", Some("SUB a()\n    SUB b()\n        TALK 1\n    END SUB\nEND SUB")),
    Report("B018", "Two procedures have one name.", Some("SUB a()\n    TALK 1\nEND SUB\nSUB a()\n    TALK 2\nEND SUB")),
    Report("B020", "A command or function has too few arguments.", Some("SET BOT MEMORY \"visits\"")),
    Report("B021", "A command, function or procedure has too many arguments.", Some("TALK LEFT(\"abc\", 1, 2)")),
    Report("B022", "A command has no such clause.", Some("FIND \"orders\" SORT BY total")),
    Report("B023", "A clause is given twice.", Some("HEAR x DEFAULT 1 DEFAULT 2\nTALK x")),
    Report("B024", "Comparisons follow each other without AND or brackets.", Some("a = 1\nTALK 1 < a < 3")),
    Report("B025", "A condition after WHERE computes with a column, compares no column, or goes on with an operator that joins no conditions.", Some("rows = FIND \"orders\" WHERE LOWER(who) = \"ann\"\nTALK rows")),
    Report("B030", "HEAR has an unknown type.", Some("HEAR x AS SANDWICH\nTALK x")),
    Report("B031", "SCHEDULE IN has an unknown unit.", Some("SCHEDULE IN 5 MOONS DO\n    TALK 1\nEND SCHEDULE")),
    Report("B033", "ENUM is not followed by an array of texts.", Some("PARAM size AS STRING ENUM \"big\"\nDESCRIPTION \"Sizes\"\nTALK size")),
    Report("B034", "DESCRIPTION is not a plain text.", Some("DESCRIPTION \"Prices of ${shop}\"")),
    Report("B035", "LIKE, DEFAULT or DESCRIPTION of a PARAM is no literal.", Some("PARAM day AS DATE DEFAULT TODAY()\nDESCRIPTION \"A day\"\nTALK day")),
    Report("B036", "SET SCHEDULE has a time that is none.", Some("SET SCHEDULE \"61 * * * *\"")),
    Report("B037", "A line of TABLE cannot be read.", Some("TABLE stock\n    name string NOT\nEND TABLE")),
    Report(
        "B039",
        "FROM or SUBJECT of a handler is no literal text.",
        Some("a = \"ann@example.com\"\nON EMAIL \"orders@example.com\" FROM a\n    TALK 1\nEND ON"),
    ),
    Report("B040", "GOTO names a label that does not exist.", Some("GOTO nowhere")),
    Report("B041", "GOTO leads into a block.", Some("GOTO inside\nIF TRUE THEN\ninside:\n    TALK 1\nEND IF")),
    Report("B042", "CONTINUE or EXIT stands outside the loop it names.", Some("CONTINUE")),
    Report("B043", "Two labels have one name.", Some("again:\nTALK 1\nagain:\nTALK 2")),
    Report("B044", "CALL of a handler names no procedure of the script.", Some("ON INSERT OF \"orders\" CALL nobody")),
    Report("B101", "A variable is read that nothing assigns.", Some("TALK nmae")),
    Report("B102", "A variable is assigned that nothing reads.", Some("total = 5")),
    Report("B103", "Statements are never reached.", Some("RETURN 1\nTALK \"never\"")),
    Report("B104", "The package has no script, tool or collection of this name.", Some("ADD TOOL \"weather\"")),
    Report("B105", "There is no such function; the server may have it.", Some("TALK horoscope(\"leo\")")),
    Report("B106", "The text of a filter cannot be read.", Some("rows = FIND \"orders\", \"total > 1 AND\"\nTALK rows")),
    Report("B107", "A value is joined into the text of a filter where none may stand, or before the filter is used, so that it is not bound.", Some("HEAR way\nrows = FIND \"orders\", \"total > 1 ORDER BY total \" + way\nTALK rows")),
    Report("B108", "GOTO is used.", Some("again:\nTALK 1\nGOTO again")),
    Report("B109", "A value stands alone and nothing is done with it.", Some("today")),
    Report("B110", "What stands in `${}` of a text block is no expression and stays text.", Some("BEGIN TALK\nCost: ${1 +}\nEND TALK")),
    Report("B111", "A PARAM or a DESCRIPTION is given twice.", Some("PARAM a AS STRING\nPARAM a AS STRING\nDESCRIPTION \"One letter\"\nTALK a")),
    Report("B112", "A script with PARAM has no DESCRIPTION.", Some("PARAM a AS STRING\nTALK a")),
    Report("B113", "PARAM has an unknown type.", Some("PARAM a AS SANDWICH\nDESCRIPTION \"One letter\"\nTALK a")),
    Report(
        "B114",
        "SET SCHEDULE without a script stands in a condition or loop, where it plans nothing.",
        Some("IF TRUE THEN\n    SET SCHEDULE \"0 9 * * *\"\nEND IF"),
    ),
    Report(
        "B115",
        "What follows `+` belongs to the name of an attribute.",
        Some("TALK GET SESSION session.id, \"topic\" + \"!\""),
    ),
    Report("B116", "Typographic quotes are read as straight ones.", Some("TALK “hello”")),
    Report("B117", "A line of TABLE is read otherwise than it may be meant.", Some("TABLE stock\n    name\n    shape blob\nEND TABLE")),
    Report("B118", "A table or a column is declared twice; only the first declaration counts.", Some("TABLE stock\n    id integer key\n    ID text\nEND TABLE")),
    Report("B119", "A key, a UNIQUE line or an index names a column or table that does not exist; it is left out.", Some("TABLE stock\n    id integer key\n    UNIQUE(id, place)\nEND TABLE\nCREATE INDEX by_name ON stock(name)")),
    Report("B120", "The server does not have the command.", Some("PLAY \"intro.mp4\"\nON INSERT OF \"orders\" CALL count\nSUB count()\n    TALK 1\nEND SUB")),
];

pub(super) fn page(text: &str) -> String {
    let codes = super::table(
        ["`ERR`", "code", "meaning"],
        ErrorCode::ALL.map(|code| {
            [code.number().to_string(), format!("`{}`", code.as_str()), meaning(code).to_owned()]
        }),
    );
    let mut page = text.replacen(&super::mark_in(text), &codes, 1);
    for Report(code, documentation, script) in REPORTS {
        let _ = write!(page, "\n### {code}\n\n{documentation}\n");
        if let Some(script) = script {
            let _ = write!(page, "\n```text\n{}```\n", report(code, script));
        }
    }
    page
}

/// What the compiler reports with a code.
fn report(code: &str, script: &str) -> String {
    let nothing = || Some(Vec::new());
    let has = |spec: &&CommandSpec| !matches!(spec.phrase, "PLAY" | "ON INSERT OF");
    let commands = commands::all().iter().filter(has).map(|spec| spec.phrase).collect();
    let known = Known {
        tools: nothing(),
        scripts: nothing(),
        kbs: nothing(),
        commands: Some(commands),
        ..Known::default()
    };
    let found = compile("example.bas", script, &known).diagnostics;
    found
        .iter()
        .filter(|diagnostic| diagnostic.code == code)
        .map(|diagnostic| diagnostic.render("example.bas", script))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_brings_about_its_report() {
        let silent: Vec<&str> = REPORTS
            .iter()
            .filter_map(|Report(code, _, script)| script.filter(|script| report(code, script).is_empty()))
            .collect();
        assert!(silent.is_empty(), "{silent:#?}");
    }

    #[test]
    fn every_code_of_the_compiler_is_explained_once() {
        let mut codes: Vec<&str> = REPORTS.iter().map(|Report(code, ..)| *code).collect();
        codes.sort_unstable();
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]), "a code is explained twice");
        for folder in ["syntax", "compile"] {
            for file in std::fs::read_dir(format!("{}/src/{folder}", env!("CARGO_MANIFEST_DIR"))).unwrap() {
                let source = std::fs::read_to_string(file.unwrap().path()).unwrap();
                let quoted = source.split('"').filter(|part| {
                    part.len() == 4 && part.starts_with('B') && part[1..].bytes().all(|b| b.is_ascii_digit())
                });
                for code in quoted {
                    assert!(codes.contains(&code), "{code} is not explained");
                }
            }
        }
    }
}
