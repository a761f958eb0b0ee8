//! Filters: WHERE clauses and filter text become one tree whose values are bound at run time.

use super::Compiler;
use crate::filter::{self, Comparison, Constant, Filter, Limit, Operand, Order, Part};
use crate::program::SiteFilter;
use crate::program::code::{Op, Reg};
use crate::syntax::Name;
use crate::syntax::tree::{Binary, CommandCall, Condition, Expr, ExprKind};

/// The clauses of a command that say which rows.
#[derive(Default)]
pub(super) struct FilterSource<'a> {
    pub(super) condition: Option<&'a Condition>,
    pub(super) order: Vec<(String, bool)>,
    pub(super) limit: Option<&'a Expr>,
}

impl FilterSource<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.condition.is_none() && self.order.is_empty() && self.limit.is_none()
    }
}

/// Which argument of a command is filter text.
pub(super) fn filter_argument(call: &CommandCall) -> Option<usize> {
    let given = call.arguments.len();
    match call.spec.phrase {
        // `FIND t, column, value` has none.
        "FIND" if given == 2 => Some(1),
        "UPDATE" if given >= 2 => Some(1),
        "DELETE" if given == 2 => Some(1),
        "FILTER" if given == 2 => Some(1),
        "AGGREGATE" if given == 4 => Some(3),
        "SET" if given == 3 => Some(1),
        _ => None,
    }
}

/// A part of filter text in the script.
enum Source<'a> {
    Text(&'a str),
    Value(&'a Expr),
}

fn parts<'a>(expression: &'a Expr, out: &mut Vec<Source<'a>>) {
    match &expression.kind {
        ExprKind::Text(text) => out.push(Source::Text(text)),
        ExprKind::Joined(all) => all.iter().for_each(|part| parts(part, out)),
        // `"a=" + x + y` adds from the left, so all of it is text once one side is.
        ExprKind::Binary(Binary::Add | Binary::Concat, a, b) if is_text(a) => {
            parts(a, out);
            parts(b, out);
        }
        _ => out.push(Source::Value(expression)),
    }
}

/// The text of filter text, with a word where a value stands.
fn written(sources: &[Source<'_>]) -> String {
    let texts = sources.iter().map(|source| match source {
        Source::Text(text) => text,
        Source::Value(_) => "x",
    });
    texts.collect()
}

/// Whether an expression surely gives a text.
fn is_text(expression: &Expr) -> bool {
    match &expression.kind {
        ExprKind::Text(_) | ExprKind::Joined(_) => true,
        ExprKind::Binary(Binary::Concat, _, _) => true,
        ExprKind::Binary(Binary::Add, a, b) => is_text(a) || is_text(b),
        _ => false,
    }
}

impl Compiler<'_> {
    /// Reads filter text as far as the script writes it; its text goes to `to` all the same, for the log.
    ///
    /// Where a key may stand (`keyed`), a text without an operator is no filter.
    pub(super) fn filter_text(
        &mut self,
        argument: &Expr,
        to: Reg,
        index: usize,
        keyed: bool,
    ) -> Option<SiteFilter> {
        let mut sources = Vec::new();
        parts(argument, &mut sources);
        if let [Source::Value(value)] = sources.as_slice() {
            if let ExprKind::Variable(name) = &value.kind
                && self.joined_filters.contains(name)
            {
                let message = format!(
                    "{} is a filter with values joined into it: one with a quote or an operator changes what it finds",
                    self.names.get(*name)
                );
                let hint = Some("join the values here, where they are bound, or use WHERE column = value");
                self.reports.warn("B107", argument.span, message, hint);
            }
            self.value_to(value, to);
            return Some(SiteFilter::Text { argument: index as u16 });
        }
        let written = written(&sources);
        if written.trim().is_empty() || (keyed && !filter::has_operator(&written)) {
            return None;
        }
        let shape: Vec<Part<'_>> = sources
            .iter()
            .map(|source| match source {
                Source::Text(text) => Part::Text(text),
                Source::Value(_) => Part::Hole,
            })
            .collect();
        match Filter::parse(&shape) {
            Ok(filter) => {
                let first = Reg(self.mark());
                for source in &sources {
                    if let Source::Value(value) = source {
                        let register = self.reserve();
                        self.value_to(value, register);
                    }
                }
                self.join_sources(&sources, first, to);
                Some(SiteFilter::Bound { filter, first })
            }
            Err(error) => {
                let values = sources.iter().any(|source| matches!(source, Source::Value(_)));
                if values {
                    let message = format!("a value is joined into this filter where none may stand: {error}");
                    self.reports.warn("B107", argument.span, message, Some("use WHERE column = value"));
                } else {
                    self.reports.warn(
                        "B106",
                        argument.span,
                        format!("this filter cannot be read: {error}"),
                        None,
                    );
                }
                self.value_to(argument, to);
                Some(SiteFilter::Text { argument: index as u16 })
            }
        }
    }

    /// Notes a variable whose text is a filter with values in it, which nothing can bind any more.
    pub(super) fn note_joined(&mut self, name: Name, value: &Expr) {
        if !is_text(value) {
            return;
        }
        let mut sources = Vec::new();
        parts(value, &mut sources);
        let is_constant = |kind: &ExprKind| {
            matches!(kind, ExprKind::Integer(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Null)
        };
        let joins = sources.iter().any(|source| match source {
            Source::Text(_) => false,
            Source::Value(value) => !is_constant(&value.kind),
        });
        if joins && filter::has_operator(&written(&sources)) {
            self.joined_filters.insert(name);
        }
    }

    /// The text of filter text, from the values that are in registers already.
    fn join_sources(&mut self, sources: &[Source<'_>], first: Reg, to: Reg) {
        let mark = self.mark();
        let begin = Reg(mark);
        let mut value = first.0;
        for source in sources {
            let register = self.reserve();
            match source {
                Source::Text(text) => self.load_text(text, register),
                Source::Value(_) => {
                    self.emit(Op::Move { to: register, from: Reg(value) });
                    value += 1;
                }
            }
        }
        self.emit(Op::Join { to, first: begin, count: sources.len() as u16 });
        self.release(mark);
    }

    /// WHERE, ORDER BY and LIMIT, on top of filter text if there is some.
    pub(super) fn filter_clauses(
        &mut self,
        source: &FilterSource<'_>,
        text: Option<SiteFilter>,
    ) -> SiteFilter {
        let (mut filter, first) = match text {
            // The holes of the clauses follow those of the text.
            Some(SiteFilter::Bound { filter, first }) if first.0 + filter.holes as u16 == self.mark() => {
                (filter, first)
            }
            Some(SiteFilter::Bound { filter, first }) => {
                let moved = Reg(self.mark());
                for hole in 0..filter.holes as u16 {
                    let to = self.reserve();
                    self.emit(Op::Move { to, from: Reg(first.0 + hole) });
                }
                (filter, moved)
            }
            _ => (Filter::default(), Reg(self.mark())),
        };
        if let Some(condition) = source.condition {
            let condition = self.condition(condition, &mut filter.holes);
            filter.condition = Some(match filter.condition.take() {
                Some(first) => filter::Condition::And(vec![first, condition]),
                None => condition,
            });
        }
        if !source.order.is_empty() {
            filter.order = source
                .order
                .iter()
                .map(|(column, descending)| Order { column: column.clone(), descending: *descending })
                .collect();
        }
        if let Some(limit) = source.limit {
            filter.limit = Some(match limit.kind {
                ExprKind::Integer(rows) if rows >= 0 => Limit::Rows(rows as u64),
                _ => Limit::Hole(self.hole(limit, &mut filter.holes)),
            });
        }
        SiteFilter::Bound { filter, first }
    }

    /// A value of the script in the next hole.
    fn hole(&mut self, value: &Expr, holes: &mut usize) -> usize {
        let register = self.reserve();
        self.value_to(value, register);
        *holes += 1;
        *holes - 1
    }

    /// Whether a value of the script is true, in the next hole.
    fn truth(&mut self, value: &Expr, holes: &mut usize) -> usize {
        let hole = self.hole(value, holes);
        let register = Reg(self.mark() - 1);
        for _ in 0..2 {
            self.emit(Op::Not { to: register, a: register });
        }
        hole
    }

    fn condition(&mut self, condition: &Condition, holes: &mut usize) -> filter::Condition {
        match condition {
            Condition::And(all) => {
                filter::Condition::And(all.iter().map(|one| self.condition(one, holes)).collect())
            }
            Condition::Or(all) => {
                filter::Condition::Or(all.iter().map(|one| self.condition(one, holes)).collect())
            }
            Condition::Not(inner) => filter::Condition::Not(Box::new(self.condition(inner, holes))),
            Condition::Constant(value) => match value.kind {
                ExprKind::Bool(truth) => filter::Condition::Always(truth),
                _ => {
                    let right = Operand::Hole(self.truth(value, holes));
                    let left = Operand::Constant(Constant::Boolean(true));
                    filter::Condition::Compare { left, operator: Comparison::Equal, right }
                }
            },
            Condition::Compare { column, operator, value } => self.comparison(column, operator, value, holes),
        }
    }

    fn comparison(
        &mut self,
        column: &str,
        operator: &str,
        value: &Expr,
        holes: &mut usize,
    ) -> filter::Condition {
        let left = Operand::Column(column.to_owned());
        let operator = match operator {
            "IS NULL" => return filter::Condition::IsNull(left),
            "IN" => {
                let list = match &value.kind {
                    ExprKind::Array(items) => {
                        items.iter().map(|item| Operand::Hole(self.hole(item, holes))).collect()
                    }
                    _ => vec![Operand::Hole(self.hole(value, holes))],
                };
                return filter::Condition::In { left, list };
            }
            "<>" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" => Comparison::AtMost,
            ">" => Comparison::Greater,
            ">=" => Comparison::AtLeast,
            "LIKE" => Comparison::Like,
            "CONTAINS" => Comparison::Contains,
            "STARTS WITH" => Comparison::StartsWith,
            "ENDS WITH" => Comparison::EndsWith,
            _ => Comparison::Equal,
        };
        let right = Operand::Hole(self.hole(value, holes));
        filter::Condition::Compare { left, operator, right }
    }
}
