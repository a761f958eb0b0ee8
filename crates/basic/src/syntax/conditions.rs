//! WHERE: conditions that compare columns with values of the script.
//!
//! A condition is read with the operators of every other expression. Then its sides are told apart: a name alone left
//! of an operator is a column, and so is one beside a value on the left; what stands on the other side is a value of
//! the script. A condition without columns is the same for every row. All else no table can be asked, and it is an
//! error: read in any other way it would choose rows that nobody meant.

use super::parser::Parser;
use super::token::{Kind, Mark};
use super::tree::{Binary, Condition, Expr, ExprKind, Unary};

const BESIDE: &str =
    "a column stands alone on one side of the operator, and what the script computes on the other";
const ON_THE_LEFT: &str = "this operator has its column on its left";
const UNQUOTED: &str = "a column stands without quotes; the text of a filter stands without WHERE: \
                        FIND \"orders\", \"status=open\"";
const JOINED: &str = "AND, OR and NOT join comparisons; brackets around the whole command let an expression go on with what it gives";

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Condition {
        self.nested(
            |parser| {
                let mut any = vec![parser.condition_all()];
                while parser.eat_word("or") || parser.eat_mark(Mark::Or) {
                    any.push(parser.condition_all());
                }
                parser.refuse_operator();
                if any.len() == 1 { any.remove(0) } else { Condition::Or(any) }
            },
            |parser| Condition::Constant(parser.error_expr()),
        )
    }

    fn condition_all(&mut self) -> Condition {
        let mut all = vec![self.condition_one()];
        while self.eat_word("and") || self.eat_mark(Mark::And) {
            all.push(self.condition_one());
        }
        if all.len() == 1 { all.remove(0) } else { Condition::And(all) }
    }

    fn condition_one(&mut self) -> Condition {
        if self.eat_word("not") || self.eat_mark(Mark::Bang) {
            let inner = self.nested(Self::condition_one, |parser| Condition::Constant(parser.error_expr()));
            return Condition::Not(Box::new(inner));
        }
        if self.is_mark(Mark::ParenOpen) && !self.brackets_are_operand() {
            self.advance();
            let inner = self.in_brackets(Self::condition);
            self.expect_mark(Mark::ParenClose);
            return inner;
        }
        let before = self.reports.mark();
        let left = self.column_here().unwrap_or_else(|| self.sum());
        let read = self.comparison(left).unwrap_or_else(|alone| alone);
        // What goes on is refused as a whole, and what was reported once is not reported again.
        if self.goes_on_at(self.at) || self.reports.found_since(before) {
            return Condition::Constant(self.error_expr());
        }
        self.told_apart(read)
    }

    /// Whether the brackets here are one side of a comparison, and not a group of conditions.
    fn brackets_are_operand(&self) -> bool {
        self.matching_bracket(self.at).is_some_and(|close| self.goes_on_at(close + 1))
    }

    /// Whether what ends before a place is an operand of what stands there.
    fn goes_on_at(&self, index: usize) -> bool {
        let next = self.token_at(index);
        let member = match next.kind {
            Kind::Mark(Mark::Dot | Mark::QuestionDot | Mark::Caret) => true,
            Kind::Mark(Mark::BracketOpen) => !next.spaced,
            _ => false,
        };
        member || self.computes_at(index) || self.compares_at(index)
    }

    /// What cannot join conditions would take the command itself as its left side.
    fn refuse_operator(&mut self) {
        if !self.goes_on_at(self.at) && !self.joins_at(self.at) {
            return;
        }
        let message = format!("{} cannot go on after this condition", self.found());
        let span = self.span();
        self.reports.error_with("B025", span, message, None, Some(JOINED));
        self.advance();
        let _ = self.expression();
        if self.eat_mark(Mark::Colon) {
            let _ = self.expression();
        }
    }

    /// A name with its members, whatever else it may mean, where a comparison follows.
    fn column_here(&mut self) -> Option<Expr> {
        let Kind::Word(name) = self.kind() else {
            return None;
        };
        if matches!(self.names.get(name), "true" | "false" | "null" | "nothing" | "none") {
            return None;
        }
        let mut end = self.at + 1;
        while self.is_mark_at(end, Mark::Dot) && matches!(self.token_at(end + 1).kind, Kind::Word(_)) {
            end += 2;
        }
        if !self.compares_at(end) {
            return None;
        }
        let start = self.span();
        let mut column = self.variable(name, start);
        while self.at < end {
            self.advance();
            let member = self.text_of(self.span()).to_owned();
            self.advance();
            column = Expr { kind: ExprKind::Member(Box::new(column), member), span: self.since(start) };
        }
        Some(column)
    }

    /// A condition without AND, OR and brackets, by what is a column in it.
    fn told_apart(&mut self, read: Expr) -> Condition {
        match &read.kind {
            ExprKind::Unary(Unary::Not, inner) => {
                Condition::Not(Box::new(self.told_apart((**inner).clone())))
            }
            ExprKind::Binary(operator, left, right) => {
                let Some((operator, turned)) = comparison_of(*operator) else {
                    return self.constant_condition(read);
                };
                if let Some(column) = self.column_of(left) {
                    return Condition::Compare { column, operator, value: (**right).clone() };
                }
                match (self.column_of(right), turned) {
                    (Some(column), Some(operator)) if !names_something(left) => {
                        Condition::Compare { column, operator, value: (**left).clone() }
                    }
                    _ => self.constant_condition(read),
                }
            }
            ExprKind::IsNull(of) => match self.column_of(of) {
                Some(column) => {
                    let value = Expr { kind: ExprKind::Null, span: read.span };
                    Condition::Compare { column, operator: "IS NULL", value }
                }
                None => self.constant_condition(read),
            },
            ExprKind::OneOf(of, options) => match self.column_of(of) {
                Some(column) => {
                    let value = Expr { kind: ExprKind::Array(options.clone()), span: read.span };
                    Condition::Compare { column, operator: "IN", value }
                }
                None => self.constant_condition(read),
            },
            ExprKind::Between(of, low, high) => match self.column_of(of) {
                Some(column) => {
                    let (low, high) = ((**low).clone(), (**high).clone());
                    let low = Condition::Compare { column: column.clone(), operator: ">=", value: low };
                    Condition::And(vec![low, Condition::Compare { column, operator: "<=", value: high }])
                }
                None => self.constant_condition(read),
            },
            _ => self.constant_condition(read),
        }
    }

    /// What has no column: the same for every row, unless it is something that no condition is.
    fn constant_condition(&mut self, read: Expr) -> Condition {
        let compared = match &read.kind {
            ExprKind::Binary(operator, left, _) if comparison_of(*operator).is_some() => left,
            ExprKind::IsNull(left) | ExprKind::OneOf(left, _) | ExprKind::Between(left, _, _) => left,
            _ => &read,
        };
        let is_text = matches!(compared.kind, ExprKind::Text(_)) || matches!(read.kind, ExprKind::Joined(_));
        let mut computed = None;
        let mut look = |part: &Expr| {
            if computed.is_none() && names_something(part) {
                computed = Some((part.span, self.column_of(part).map_or(BESIDE, |_| ON_THE_LEFT)));
            }
        };
        look(compared);
        read.each_part(&mut look);
        let (span, message, hint) = if let Some(column) = self.column_of(&read) {
            let hint = format!("compare it with a value: {column} = TRUE");
            (read.span, format!("{column} alone is no condition"), hint)
        } else if let Some((span, hint)) = computed {
            let shown = self.text_of(span);
            (span, format!("a condition after WHERE cannot ask for {shown}"), hint.to_owned())
        } else if is_text {
            (read.span, "a text stands here where a column must".to_owned(), UNQUOTED.to_owned())
        } else {
            return Condition::Constant(read);
        };
        self.reports.error_with("B025", span, message, None, Some(&hint));
        Condition::Constant(Expr { kind: ExprKind::Error, span })
    }

    /// The column that a side names: a name, or one with members.
    fn column_of(&self, side: &Expr) -> Option<String> {
        match &side.kind {
            ExprKind::Variable(_) => {
                let brackets = |c: char| matches!(c, '(' | ')') || c.is_whitespace();
                Some(self.text_of(side.span).trim_matches(brackets).to_owned())
            }
            ExprKind::Member(of, member) => Some(format!("{}.{member}", self.column_of(of)?)),
            _ => None,
        }
    }
}

/// Whether something is computed from a name, which may be a column. In the code of a text it is a variable.
fn names_something(side: &Expr) -> bool {
    match side.kind {
        ExprKind::Variable(_) => true,
        ExprKind::Joined(_) => false,
        _ => {
            let mut found = false;
            side.each_part(&mut |part| found = found || names_something(part));
            found
        }
    }
}

/// A comparison, and what it is when its sides change places.
fn comparison_of(operator: Binary) -> Option<(&'static str, Option<&'static str>)> {
    Some(match operator {
        Binary::Equal => ("=", Some("=")),
        Binary::NotEqual => ("<>", Some("<>")),
        Binary::Less => ("<", Some(">")),
        Binary::LessEqual => ("<=", Some(">=")),
        Binary::Greater => (">", Some("<")),
        Binary::GreaterEqual => (">=", Some("<=")),
        Binary::In => ("IN", None),
        Binary::Like => ("LIKE", None),
        Binary::Contains => ("CONTAINS", None),
        Binary::StartsWith => ("STARTS WITH", None),
        Binary::EndsWith => ("ENDS WITH", None),
        _ => return None,
    })
}
