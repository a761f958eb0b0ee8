//! The page of the functions.

use std::fmt::Write as _;

use crate::functions::{ALL, FunctionSpec};

/// A function as the reference shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Function {
    /// Its names in lower case, the documented one first.
    pub names: &'static [&'static str],
    /// The section of the reference it stands in.
    pub group: &'static str,
    /// How it is called, with what may be left out in brackets.
    pub signature: &'static str,
    /// What it does.
    pub documentation: &'static str,
    /// Expressions with the text they give on 14 March 2025 at 9:30.
    pub examples: &'static [(&'static str, &'static str)],
    /// Whether each call gives another result, so that those of the examples only show the form.
    pub varies: bool,
}

/// All functions, in the order of the reference.
///
/// ```
/// let left = basic::reference::functions().find(|function| function.names[0] == "left").unwrap();
/// assert_eq!(left.signature, "LEFT(text, count)");
/// ```
pub fn functions() -> impl Iterator<Item = Function> {
    ALL.iter().map(|spec| Function {
        names: spec.names,
        group: spec.group,
        signature: spec.signature,
        documentation: spec.documentation,
        examples: spec.examples,
        varies: spec.varies,
    })
}

pub(super) fn page(text: &str) -> String {
    let mut page = text.to_owned();
    let mut group = "";
    for spec in ALL {
        if spec.group != group {
            group = spec.group;
            let _ = write!(page, "\n## {group}\n");
        }
        let _ = write!(page, "\n### {}\n\n{}", spec.names[0].to_uppercase(), body(spec));
    }
    page
}

/// Everything on one function but its heading.
pub(super) fn body(spec: &FunctionSpec) -> String {
    let forms = spec.signature.replace(" or ", "\n");
    let mut out = format!("```text\n{forms}\n```\n\n{}\n", spec.documentation);
    if let [_, others @ ..] = spec.names
        && !others.is_empty()
    {
        let others: Vec<String> = others.iter().map(|name| name.to_uppercase()).collect();
        let _ = write!(out, "\nAlso written {}.\n", super::codes(others.iter().map(String::as_str)));
    }
    if spec.varies {
        out.push_str("\nEach call gives another result, such as:\n");
    }
    out.push('\n');
    for (expression, result) in spec.examples {
        let _ = writeln!(out, "- `{expression}` → `{}`", result.replace('\n', "\\n"));
    }
    out
}
