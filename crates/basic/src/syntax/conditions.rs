//! WHERE: conditions whose left sides are columns.

use super::parser::Parser;
use super::token::{Kind, Mark};
use super::tree::{Condition, Expr, ExprKind};

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Condition {
        self.nested(
            |parser| {
                let mut any = vec![parser.condition_all()];
                while parser.eat_word("or") || parser.eat_mark(Mark::Or) {
                    any.push(parser.condition_all());
                }
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
        if self.eat_mark(Mark::ParenOpen) {
            let inner = self.in_brackets(Self::condition);
            self.expect_mark(Mark::ParenClose);
            return inner;
        }
        let before = self.at;
        if let Some(comparison) = self.column_comparison() {
            return comparison;
        }
        self.at = before;
        Condition::Constant(self.sum())
    }

    /// `column operator value`, where the column is a name, dotted or in quotes.
    fn column_comparison(&mut self) -> Option<Condition> {
        let mut column = match self.kind() {
            Kind::Word(_) | Kind::Text(_) => self.key()?,
            _ => return None,
        };
        while self.is_mark(Mark::Dot) && matches!(self.token_at(self.at + 1).kind, Kind::Word(_)) {
            self.advance();
            column = format!("{column}.{}", self.text_of(self.span()));
            self.advance();
        }
        let negated = self.is_word("not") && matches!(self.word_at(self.at + 1), "in" | "like" | "contains");
        if negated {
            self.advance();
        }
        let compare = |operator: &'static str, value: Expr, column: String| {
            let comparison = Condition::Compare { column, operator, value };
            if negated { Condition::Not(Box::new(comparison)) } else { comparison }
        };
        let operator = match self.kind() {
            Kind::Mark(Mark::Equal | Mark::EqualEqual) => "=",
            Kind::Mark(Mark::NotEqual) => "<>",
            Kind::Mark(Mark::Less) => "<",
            Kind::Mark(Mark::LessEqual) => "<=",
            Kind::Mark(Mark::Greater) => ">",
            Kind::Mark(Mark::GreaterEqual) => ">=",
            Kind::Word(_) => match self.word_at(self.at) {
                "is" => return self.column_is_null(column),
                "between" => return Some(self.column_between(column)),
                "in" => "IN",
                "like" | "ilike" => "LIKE",
                "contains" => "CONTAINS",
                "starts" if self.word_at(self.at + 1) == "with" => "STARTS WITH",
                "ends" if self.word_at(self.at + 1) == "with" => "ENDS WITH",
                _ => return None,
            },
            _ => return None,
        };
        self.advance();
        if matches!(operator, "STARTS WITH" | "ENDS WITH") {
            self.advance();
        }
        if operator == "IN" && self.is_mark(Mark::ParenOpen) {
            let start = self.span();
            self.advance();
            let mut options = self.bracketed_list(Mark::ParenClose);
            let span = self.since(start);
            // `IN (array)` names the array itself.
            let value = match options.pop() {
                Some(only) if options.is_empty() && !is_plain_value(&only) => only,
                last => {
                    options.extend(last);
                    Expr { kind: ExprKind::Array(options), span }
                }
            };
            return Some(compare(operator, value, column));
        }
        let value = self.sum();
        Some(compare(operator, value, column))
    }

    fn column_is_null(&mut self, column: String) -> Option<Condition> {
        let negated = self.word_at(self.at + 1) == "not";
        let null_at = self.at + 1 + usize::from(negated);
        if !matches!(self.word_at(null_at), "null" | "nothing" | "none") {
            return None;
        }
        self.at = null_at;
        let value = Expr { kind: ExprKind::Null, span: self.span() };
        self.advance();
        let condition = Condition::Compare { column, operator: "IS NULL", value };
        Some(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn column_between(&mut self, column: String) -> Condition {
        self.advance();
        let low = self.sum();
        if !self.eat_word("and") {
            self.expected("AND");
        }
        let high = self.sum();
        Condition::And(vec![
            Condition::Compare { column: column.clone(), operator: ">=", value: low },
            Condition::Compare { column, operator: "<=", value: high },
        ])
    }
}

fn is_plain_value(value: &Expr) -> bool {
    matches!(
        value.kind,
        ExprKind::Text(_) | ExprKind::Integer(_) | ExprKind::Float(_) | ExprKind::Bool(_) | ExprKind::Null
    )
}
