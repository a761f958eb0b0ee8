//! The reference of the language, printed from the tables that parser and machine use.
//!
//! A page is Markdown: prose from `text/`, in which a line `<!-- table: name -->` stands for a table of the code. In
//! blocks of script, comments show what happens: `' -> text` is what the bot says, `' <- text` what the user replies,
//! `' = value` what the script gives, `' ! CODE` the error it ends with. A test runs every block and compares.

mod commands;
mod errors;
mod functions;
mod hear;
mod limits;
mod schedules;
mod tables;
mod tools;

pub use functions::{Function, functions};

use std::fmt::Write as _;

/// Stands in prose where a table of the code belongs.
const MARK: &str = "<!-- table: ";

/// The pages of the reference: file names, each with its Markdown. The first is the index.
pub fn pages() -> Vec<(&'static str, String)> {
    let prose = |text: &str, table: String| text.replacen(&mark_in(text), &table, 1);
    let mut pages = vec![
        ("statements.md", include_str!("text/statements.md").to_owned()),
        ("values.md", include_str!("text/values.md").to_owned()),
        ("functions.md", functions::page(include_str!("text/functions.md"))),
        ("hear.md", prose(include_str!("text/hear.md"), hear::kinds())),
    ];
    pages.extend(commands::pages());
    pages.extend([
        ("tools.md", prose(include_str!("text/tools.md"), tools::types())),
        ("tables.md", prose(include_str!("text/tables.md"), tables::types())),
        ("schedules.md", prose(include_str!("text/schedules.md"), schedules::forms())),
        ("errors.md", errors::page(include_str!("text/errors.md"))),
        ("limits.md", prose(include_str!("text/limits.md"), limits::table())),
    ]);
    pages.insert(0, ("README.md", index(include_str!("text/README.md"), &pages)));
    pages
}

/// The whole reference as one Markdown text.
pub fn reference() -> String {
    let pages = pages();
    let mut out = String::from("# Reference of the language\n");
    for (_, page) in &pages {
        out.push('\n');
        let mut in_block = false;
        for line in page.lines() {
            in_block ^= line.starts_with("```");
            if !in_block && line.starts_with('#') {
                out.push('#');
            }
            out.push_str(line);
            out.push('\n');
        }
    }
    // What links to another page stands in this one.
    for (file, page) in &pages {
        out = out.replace(&format!("]({file}#"), "](#");
        out = out.replace(&format!("]({file})"), &format!("](#{})", anchor(title(page))));
    }
    out
}

/// The reference of one command, function or statement, by any of its spellings and whatever the case of the letters.
///
/// ```
/// let about = basic::reference::entry("ucase").unwrap();
/// assert!(about.starts_with("### UCASE\n"));
/// assert!(basic::reference::entry("sandwich").is_none());
/// ```
pub fn entry(name: &str) -> Option<String> {
    let wanted = name.replace('_', " ").split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let is_wanted = |spelling: &str| spelling.to_uppercase().replace('_', " ") == wanted;
    let commands = crate::commands::all()
        .iter()
        .filter(|spec| std::iter::once(&spec.phrase).chain(&spec.aliases).any(|spelling| is_wanted(spelling)))
        .map(|spec| format!("### {}\n\n{}", spec.phrase, commands::body(spec)));
    let functions = crate::functions::ALL
        .iter()
        .filter(|spec| spec.names.iter().any(|spelling| is_wanted(spelling)))
        .map(|spec| format!("### {}\n\n{}", spec.names[0].to_uppercase(), functions::body(spec)));
    let found: Vec<String> = commands.chain(functions).chain(statement(&wanted)).collect();
    (!found.is_empty()).then(|| found.join("\n"))
}

/// What the prose says about a statement: a page of its own, or the section with its name.
fn statement(name: &str) -> Option<String> {
    let pages = pages();
    let page = |file: &str| pages.iter().find(|(name, _)| *name == file).map(|(_, page)| page.as_str());
    match name {
        "HEAR" => page("hear.md").map(str::to_owned),
        "TABLE" => page("tables.md").map(str::to_owned),
        _ => ["statements.md", "tools.md"].into_iter().filter_map(page).find_map(|page| section(page, name)),
    }
}

/// The section of a page on statements that its heading names, such as `SUB and FUNCTION`.
fn section(page: &str, statement: &str) -> Option<String> {
    let mut sections = page.split("\n## ").skip(1);
    let section = sections.find(|section| {
        let heading = section.lines().next().unwrap_or_default();
        heading.split(" and ").any(|name| name == statement)
    })?;
    Some(format!("### {}\n", section.trim_end()))
}

/// The first mark of a prose text; what no text has where there is none.
fn mark_in(text: &str) -> String {
    text.lines().find(|line| line.starts_with(MARK)).unwrap_or("\0").to_owned()
}

/// The heading of a page.
fn title(page: &str) -> &str {
    page.lines().next().unwrap_or_default().trim_start_matches("# ")
}

/// The place of a heading in its page, as Markdown viewers name it.
fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '_' || c == '-' => Some(c),
            _ => None,
        })
        .collect()
}

/// The index: the pages with their sections.
fn index(text: &str, pages: &[(&'static str, String)]) -> String {
    let mut contents = String::new();
    for (file, page) in pages {
        let _ = writeln!(contents, "### [{}]({file})\n", title(page));
        let mut in_block = false;
        let sections = page.lines().filter(|line| {
            in_block ^= line.starts_with("```");
            !in_block
        });
        let links: Vec<String> = sections
            .filter_map(|line| line.strip_prefix("## "))
            .map(|section| format!("[{section}]({file}#{})", anchor(section)))
            .collect();
        let _ = writeln!(contents, "{}\n", links.join(" · "));
    }
    text.replacen(&mark_in(text), contents.trim_end(), 1)
}

/// A Markdown table.
fn table<const N: usize>(heads: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut out = format!("| {} |\n|{}\n", heads.join(" | "), " --- |".repeat(N));
    for row in rows {
        let cells = row.map(|cell| cell.replace('|', "\\|").replace('\n', "<br>"));
        let _ = writeln!(out, "| {} |", cells.join(" | "));
    }
    out.trim_end().to_owned()
}

/// Words as code, parted by blanks.
fn codes<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" ")
}
