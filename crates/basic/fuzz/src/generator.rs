//! Well-formed programs from bytes: each byte chooses a production, so that a change of one byte changes one place.

use std::fmt::Write as _;

/// Chooses by the bytes, and gives the first choice when they are used up, so that every program ends.
struct Choices<'a> {
    bytes: &'a [u8],
    /// How many loops are open.
    loops: usize,
}

impl Choices<'_> {
    fn below(&mut self, count: usize) -> usize {
        match self.bytes.split_first() {
            Some((&byte, rest)) => {
                self.bytes = rest;
                usize::from(byte) % count
            }
            None => 0,
        }
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len())]
    }
}

const LEAVES: &[&str] = &[
    "1",
    "a",
    "0",
    "2",
    "-3",
    "2.5",
    "9223372036854775807",
    "\"x\"",
    "\"12\"",
    "\"\"",
    "\"{\\\"k\\\": [1]}\"",
    "b",
    "c",
    "o.k",
    "o[\"k\"]",
    "l[1]",
    "l",
    "o",
    "NULL",
    "TRUE",
    "[1, 2]",
    "[[3], \"a\", NULL]",
    "{ k: 1, j: a }",
    "NOW()",
    "TODAY()",
    "\"2025-02-28\"",
    "RND()",
    "UUID()",
    "DAYS(2)",
    "r",
    "r.a",
    "r[0].b",
    "w",
    "w.n",
    "w.status",
    "s",
    "\"é😀ß\"",
    "\"a-${b}\"",
    "0.1",
    "LLM \"q\"",
    "GET SESSION \"tier\"",
    "GET BOT MEMORY(\"k\")",
    "1000000",
    "f(a)",
];

const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "MOD",
    "&",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "AND",
    "OR",
    "??",
    "CONTAINS",
    "LIKE",
    "IN",
    "^",
    "XOR",
    "STARTS WITH",
    "ENDS WITH",
    "NOT IN",
];

/// Functions with the number of their arguments.
const FUNCTIONS: &[(&str, usize)] = &[
    ("LEN", 1),
    ("LEFT", 2),
    ("RIGHT", 2),
    ("MID", 3),
    ("INSTR", 2),
    ("UCASE", 1),
    ("LCASE", 1),
    ("CAPITALIZE", 1),
    ("TRIM", 1),
    ("REPLACE", 3),
    ("SPLIT", 2),
    ("JOIN", 2),
    ("CONTAINS", 2),
    ("CHR", 1),
    ("ASC", 1),
    ("REPEAT", 2),
    ("EXTRACT_BETWEEN", 3),
    ("FORMAT", 2),
    ("ABS", 1),
    ("INT", 1),
    ("ROUND", 2),
    ("FLOOR", 1),
    ("SQRT", 1),
    ("MOD", 2),
    ("POW", 2),
    ("EXP", 1),
    ("LOG", 1),
    ("RANDOM", 2),
    ("MAX", 2),
    ("MIN", 2),
    ("SUM", 1),
    ("AVG", 1),
    ("COUNT", 1),
    ("YEAR", 1),
    ("WEEKDAY", 1),
    ("DATEVALUE", 1),
    ("EOMONTH", 2),
    ("DATEADD", 3),
    ("DATEDIFF", 2),
    ("DAYS", 1),
    ("UBOUND", 1),
    ("FIRST", 2),
    ("LAST", 2),
    ("SLICE", 3),
    ("SORT", 1),
    ("SORT_BY", 2),
    ("UNIQUE", 1),
    ("REVERSE", 1),
    ("FLATTEN", 1),
    ("CONCAT", 2),
    ("RANGE", 2),
    ("INDEX_OF", 2),
    ("TAKE", 2),
    ("DROP", 2),
    ("BATCH", 2),
    ("PUSH", 2),
    ("POP", 1),
    ("SHIFT", 1),
    ("UNSHIFT", 2),
    ("SPLICE", 3),
    ("KEYS", 1),
    ("VALUES", 1),
    ("VAL", 1),
    ("STR", 1),
    ("CINT", 1),
    ("CDBL", 1),
    ("CBOOL", 1),
    ("JSON", 1),
    ("FROMJSON", 1),
    ("ISNULL", 1),
    ("ISEMPTY", 1),
    ("ISDATE", 1),
    ("TYPEOF", 1),
    ("IIF", 3),
    ("NVL", 2),
    ("COALESCE", 2),
    ("CHOOSE", 3),
    ("FILTER", 2),
    ("MERGE", 2),
    ("MAP", 2),
    ("GROUP BY", 2),
    ("PIVOT", 3),
    ("FILL", 2),
    ("AGGREGATE", 3),
    ("CSV", 1),
    ("XML", 1),
    ("TOYAML", 1),
    ("fact", 1),
];

const PLACES: &[&str] =
    &["a", "b", "c", "s", "o.k", "o[\"z\"]", "o.me", "l[0]", "l[3]", "l", "o", "r.a", "w"];

/// A whole program.
pub fn program(bytes: &[u8]) -> String {
    let mut choices = Choices { bytes, loops: 0 };
    let mut out = "l = [1]\no = { k: 2 }\ns = \"text\"\n".to_owned();
    while !choices.bytes.is_empty() && out.len() < 4000 {
        statement(&mut choices, &mut out, 0);
    }
    out.push_str("RETURN l\nout:\nTALK ERROR MESSAGE\n");
    out.push_str("FUNCTION f(p)\na = a + 1\nIF p = 3 THEN THROW \"three\"\nRETURN p\nEND FUNCTION\n");
    out.push_str("FUNCTION fact(n)\nIF n < 2 THEN RETURN 1\nRETURN n * fact(n - 1)\nEND FUNCTION\n");
    out
}

fn block(choices: &mut Choices<'_>, out: &mut String, depth: usize) {
    for _ in 0..choices.below(4) {
        statement(choices, out, depth + 1);
    }
}

/// The body of a loop.
fn body(choices: &mut Choices<'_>, out: &mut String, depth: usize) {
    choices.loops += 1;
    block(choices, out, depth);
    choices.loops -= 1;
}

fn statement(choices: &mut Choices<'_>, out: &mut String, depth: usize) {
    let kinds = if depth > 3 { 22 } else { 30 };
    match choices.below(kinds) {
        0..=2 => {
            let place = choices.pick(PLACES);
            let _ = writeln!(out, "{place} = {}", value(choices, 0));
        }
        3 => {
            let _ = writeln!(out, "TALK {}", value(choices, 0));
        }
        4 => {
            let _ = writeln!(out, "l.push({})", value(choices, 0));
        }
        5 => {
            let _ = writeln!(out, "PUSH l, {}", value(choices, 0));
        }
        6 => {
            let kind =
                choices.pick(&["INTEGER", "TEXT", "BOOLEAN", "EMAIL", "\"yes\", \"x\"", "DATE", "MONEY"]);
            let _ =
                writeln!(out, "HEAR b AS {kind} WITH {} DEFAULT {}", value(choices, 2), value(choices, 2));
        }
        7 => out.push_str("r = FIND \"t\", \"a > 0\"\n"),
        8 => {
            let _ = writeln!(
                out,
                "r = FIND \"t\" WHERE a = {} AND b <> {} LIMIT 3",
                value(choices, 2),
                value(choices, 2)
            );
        }
        9 => out.push_str("SAVE \"t\", o\n"),
        10 => {
            let _ =
                writeln!(out, "UPDATE \"t\" SET a = {} WHERE b = {}", value(choices, 2), value(choices, 2));
        }
        11 => out.push_str(choices.pick(&[
            "ON ERROR RESUME NEXT\n",
            "ON ERROR GOTO 0\n",
            "CLEAR ERROR\n",
            "o.me = o\n",
            "ON ERROR GOTO out\n",
            "CLEAR SUGGESTIONS\n",
            "s = s + s\n",
        ])),
        12 => out.push_str("w = GET \"https://x.test\"\n"),
        13 => {
            let _ = writeln!(out, "w = POST \"https://x.test\", {}", value(choices, 1));
        }
        14 => {
            let _ = writeln!(out, "SET BOT MEMORY \"k\", {}", value(choices, 1));
        }
        15 => {
            let _ = writeln!(out, "WITH o\nk = {}\n.z = {}\nEND WITH", value(choices, 1), value(choices, 1));
        }
        16 => {
            let _ = writeln!(out, "BEGIN TALK\n  Hello ${{{}}}\n\n  ' text\nEND TALK", value(choices, 1));
        }
        17 => {
            let _ = writeln!(out, "r = FILTER r, {}", value(choices, 1));
        }
        18 => {
            let _ = writeln!(
                out,
                "TALK FORMAT {} AS {}",
                choices.pick(&["a", "NOW()", "2.5", "s"]),
                choices.pick(&["\"#,##0.00\"", "\"YYYY-MM-DD\"", "s", "JSON"])
            );
        }
        19 => {
            let _ = writeln!(out, "IF {} THEN {} = 1 ELSE TALK 2", value(choices, 0), choices.pick(PLACES));
        }
        20 if choices.loops > 0 => out.push_str(choices.pick(&["BREAK\n", "CONTINUE\n", "EXIT\n"])),
        20 => {
            let _ = writeln!(out, "PRINT {}", value(choices, 0));
        }
        21 => {
            let _ = writeln!(out, "s = s + {}", value(choices, 1));
        }
        22 | 23 => {
            let _ = writeln!(out, "IF {} THEN", value(choices, 0));
            block(choices, out, depth);
            out.push_str("ELSE\n");
            block(choices, out, depth);
            out.push_str("END IF\n");
        }
        24 => {
            let _ = writeln!(out, "FOR EACH b IN {}", value(choices, 0));
            body(choices, out, depth);
            out.push_str("NEXT\n");
        }
        25 => {
            let _ = writeln!(
                out,
                "FOR i = {} TO {} STEP {}",
                value(choices, 2),
                value(choices, 2),
                choices.pick(&["1", "-1", "2", "0.5"])
            );
            body(choices, out, depth);
            out.push_str("NEXT i\n");
        }
        26 => {
            let _ = writeln!(out, "DO WHILE {}", value(choices, 0));
            body(choices, out, depth);
            out.push_str("a = a + 1\nLOOP\n");
        }
        27 => {
            let _ = writeln!(out, "SELECT CASE {}\nCASE {}, 1 TO 3", value(choices, 0), value(choices, 1));
            block(choices, out, depth);
            out.push_str("CASE IS > 3\n");
            block(choices, out, depth);
            out.push_str("CASE ELSE\nTALK 1\nEND SELECT\n");
        }
        28 => {
            out.push_str("WHILE UBOUND(l) < 4\n");
            body(choices, out, depth);
            out.push_str("l.push(a)\nWEND\n");
        }
        _ => {
            let _ = writeln!(out, "FOR EACH c IN {} LAST 2", choices.pick(&["l", "r", "o", "s", "w"]));
            body(choices, out, depth);
            out.push_str("END FOR\n");
        }
    }
}

fn value(choices: &mut Choices<'_>, depth: usize) -> String {
    let kinds = if depth > 2 { 4 } else { 10 };
    match choices.below(kinds) {
        0..=3 => choices.pick(LEAVES).to_owned(),
        4..=6 => {
            let (left, operator) = (value(choices, depth + 1), choices.pick(OPERATORS));
            format!("({left} {operator} {})", value(choices, depth + 1))
        }
        7 => {
            let (name, count) = FUNCTIONS[choices.below(FUNCTIONS.len())];
            let arguments: Vec<String> = (0..count).map(|_| value(choices, depth + 1)).collect();
            format!("{name}({})", arguments.join(", "))
        }
        8 => format!(
            "({} ? {} : {})",
            value(choices, depth + 1),
            value(choices, depth + 1),
            value(choices, depth + 1)
        ),
        _ => choices
            .pick(&["(NOT a)", "(-a)", "(-s)", "l.length", "s.trim()", "l.items", "r.count", "w.headers"])
            .to_owned(),
    }
}
