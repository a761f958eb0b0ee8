//! `basic fmt` against a printer that knows where each line belongs, since it wrote the script itself: all that
//! changes are the blanks around a line.

use std::fmt::Write as _;

use basic::Known;
use proptest::prelude::*;

/// A part of a script.
#[derive(Debug, Clone)]
enum Part {
    /// A statement or comment on a line of its own, or an empty line.
    Line(String),
    /// A statement that goes on in the lines below.
    Continued(String, Vec<String>),
    /// A text block: how it begins and ends, and its lines.
    Block(&'static str, &'static str, Vec<String>),
    /// A statement with a string over several lines: the first line, those inside, the last.
    Text(String, Vec<String>, String),
    /// A statement that opens a block, its parts, and what ends it; ELSE stands between two of them.
    Nested(String, Vec<Vec<Part>>, &'static str, &'static str),
    /// SELECT with the parts of its cases.
    Select(Vec<Vec<Part>>),
}

/// Writes a script twice: as an author may, and as it has to become.
struct Printer {
    /// Blanks before and behind the lines of the author, in turn.
    blanks: Vec<(String, String)>,
    lines: usize,
    written: String,
    expected: String,
}

impl Printer {
    fn blanks(&mut self) -> (String, String) {
        self.lines += 1;
        self.blanks[self.lines % self.blanks.len()].clone()
    }

    fn line(&mut self, depth: usize, text: &str) {
        let (before, after) = self.blanks();
        let _ = writeln!(self.written, "{before}{text}{after}");
        let text = text.trim_end();
        let indent = if text.is_empty() { String::new() } else { "    ".repeat(depth) };
        let _ = writeln!(self.expected, "{indent}{text}");
    }

    /// The first line of a string, whose end belongs to the string.
    fn opening(&mut self, depth: usize, text: &str) {
        let (before, _) = self.blanks();
        let _ = writeln!(self.written, "{before}{text}");
        let _ = writeln!(self.expected, "{}{text}", "    ".repeat(depth));
    }

    fn raw(&mut self, text: &str) {
        for script in [&mut self.written, &mut self.expected] {
            script.push_str(text);
            script.push('\n');
        }
    }

    fn parts(&mut self, depth: usize, parts: &[Part]) {
        for part in parts {
            match part {
                Part::Line(text) => self.line(depth, text),
                Part::Continued(first, lines) => {
                    self.line(depth, first);
                    for line in lines {
                        self.line(depth + 1, line);
                    }
                }
                Part::Block(begin, end, lines) => {
                    self.line(depth, begin);
                    for line in lines {
                        self.raw(line);
                    }
                    self.line(depth, end);
                }
                Part::Text(first, lines, last) => {
                    self.opening(depth, first);
                    for line in lines {
                        self.raw(line);
                    }
                    self.raw(last);
                }
                Part::Nested(begin, bodies, between, end) => {
                    self.line(depth, begin);
                    for (number, body) in bodies.iter().enumerate() {
                        if number > 0 {
                            self.line(depth, between);
                        }
                        self.parts(depth + 1, body);
                    }
                    self.line(depth, end);
                }
                Part::Select(cases) => {
                    self.line(depth, "SELECT CASE n");
                    for (number, case) in cases.iter().enumerate() {
                        let last = number > 0 && number + 1 == cases.len();
                        let test =
                            if last { "CASE ELSE".to_owned() } else { format!("CASE {number}, \"x\"") };
                        self.line(depth + 1, &test);
                        self.parts(depth + 2, case);
                    }
                    self.line(depth, "END SELECT");
                }
            }
        }
    }
}

/// What may stand in comments and texts and means something elsewhere.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "END IF",
        "NEXT",
        "' a",
        "REM",
        "//",
        "IF x THEN",
        "don't",
        "{name}",
        "“so”",
        "😀",
        "WHERE",
        "=",
        "(",
        "]",
        "+",
        "&",
        "_",
        "END",
        "TALK",
        "  ",
        "\t",
        "PARALLEL",
        "ELSE",
        "CASE 1",
        "END SELECT",
        "# x",
        "BEGIN TALK",
        ",",
    ]);
    prop::collection::vec(word, 0..5).prop_map(|words| words.join(" "))
}

/// A line within a text block, with all blanks it may have.
fn raw() -> impl Strategy<Value = String> {
    let quoted = prop::sample::select(vec!["", "\"", "${n}", "${n + 1}", "${", "\\${n}", "'"]);
    (
        prop::sample::select(vec!["", " ", "\t", "      "]),
        words(),
        quoted,
        prop::sample::select(vec!["", "   ", "\t"]),
    )
        // What stands first must end no block.
        .prop_map(|(before, text, quoted, after)| {
            let ends = text.split_whitespace().take(2).eq(["END", "TALK"]);
            let mark = if ends { "." } else { quoted };
            format!("{before}{mark}{text}{after}")
        })
}

/// A line within a string, where a quote would end it.
fn inside() -> impl Strategy<Value = String> {
    raw().prop_map(|line| line.replace(['"', '“', '”', '\\'], "").replace("${", "$ {"))
}

fn comment() -> impl Strategy<Value = String> {
    (prop::sample::select(vec!["' ", "REM so: ", "# ", "// ", "'"]), words())
        .prop_map(|(mark, text)| format!("{mark}{text}"))
}

fn statement() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "TALK n",
        "n = n + 1",
        "LET s = 'it is' + n",
        "s = \"a\\\"b\" + \"${n} ' no comment // none\"",
        "IF n > 2 THEN TALK \"END IF\" ELSE n = 0",
        "o = { next: 1, \"case\": [1, 2] }",
        "next = 1",
        "case = 2",
        "TALK case + 1",
        "o.step = 3",
    ]);
    (plain, prop::option::of((prop::sample::select(vec!["  ' ", " // "]), words()))).prop_map(
        |(statement, comment)| match comment {
            Some((mark, text)) => format!("{statement}{mark}{text}"),
            None => statement.to_owned(),
        },
    )
}

fn part() -> impl Strategy<Value = Part> {
    let leaf = prop_oneof![
        4 => statement().prop_map(Part::Line),
        3 => comment().prop_map(Part::Line),
        1 => Just(Part::Line(String::new())),
        1 => prop::sample::select(vec![
            ("n = n +", vec!["1"]),
            ("l = [1,", vec!["2,", "3]"]),
            ("s = \"a\"", vec!["+ \"b\"", "+ n"]),
            ("o = {", vec!["k: 1,", "\"j\": [2,", "3]", "}"]),
        ])
        .prop_map(|(first, lines)| Part::Continued(first.into(), lines.into_iter().map(str::to_owned).collect())),
        2 => (prop::sample::select(vec![("BEGIN TALK", "END TALK"), ("begin system prompt", "end system prompt")]), prop::collection::vec(raw(), 0..4))
            .prop_map(|((begin, end), lines)| Part::Block(begin, end, lines)),
        2 => (inside(), prop::collection::vec(inside(), 0..3), inside(), prop::sample::select(vec!["", " + n", "  ' end", " ;"]))
            .prop_map(|(first, lines, last, after)| Part::Text(format!("s = \"{first}"), lines, format!("{last}\"{after}"))),
    ];
    leaf.prop_recursive(4, 40, 4, |inner| {
        let body = || prop::collection::vec(inner.clone(), 0..4);
        let opener = prop::sample::select(vec![
            ("IF n = 1 THEN", "ELSE", "END IF"),
            ("if n = 1 then  ' why", "ELSE IF n = 2 THEN", "end if"),
            ("FOR i = 1 TO 2", "", "NEXT i"),
            ("FOR EACH x IN [1, 2] DO", "", "END FOR"),
            ("WHILE n < 0", "", "WEND"),
            ("DO", "", "LOOP UNTIL TRUE"),
            ("STEP 1: PARALLEL", "", "END PARALLEL"),
        ]);
        prop_oneof![
            (opener, prop::collection::vec(body(), 1..3)).prop_map(|((begin, between, end), mut bodies)| {
                if between.is_empty() {
                    bodies.truncate(1);
                }
                Part::Nested(begin.into(), bodies, between, end)
            }),
            prop::collection::vec(body(), 1..4).prop_map(Part::Select),
        ]
    })
}

fn blanks() -> impl Strategy<Value = Vec<(String, String)>> {
    let some = || prop::sample::select(vec!["", " ", "\t", "       ", " \t "]).prop_map(str::to_owned);
    prop::collection::vec((some(), some()), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn only_the_blanks_around_lines_change(parts in prop::collection::vec(part(), 0..8), blanks in blanks()) {
        let mut printer = Printer { blanks, lines: 0, written: String::new(), expected: String::new() };
        printer.raw("n = 1");
        printer.parts(0, &parts);
        printer.raw("TALK n + s + l + o + x + i");
        let reports = |source: &str| -> String {
            basic::compile("f", source, &Known::default()).diagnostics.iter().map(|d| d.render("f", source)).collect()
        };
        let formatted = basic::format("f", &printer.written);
        prop_assert!(formatted.is_ok(), "{}\n{}", printer.written, reports(&printer.written));
        prop_assert_eq!(&formatted.unwrap(), &printer.expected);
        prop_assert_eq!(&basic::format("f", &printer.expected).unwrap(), &printer.expected);
    }
}
