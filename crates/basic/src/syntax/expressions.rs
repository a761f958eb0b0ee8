//! Expressions: operators between operands, by precedence.

use super::parser::Parser;
use super::token::{Kind, Mark};
use super::tree::{Binary, Expr, ExprKind, Unary};

/// Precedence levels, loosest first, as the language page numbers them.
const OR: u8 = 2;
const XOR: u8 = 3;
const AND: u8 = 4;
const NOT: u8 = 5;
const COMPARISON: u8 = 6;
const ADDITION: u8 = 7;
const MULTIPLICATION: u8 = 8;

/// Operators in a row: deeper trees would need a deeper stack than callers may have.
pub(super) const MAX_OPERATORS: u32 = 500;
impl Parser<'_> {
    /// A full expression.
    pub(super) fn expression(&mut self) -> Expr {
        self.nested(
            |parser| {
                let condition = parser.binary(OR);
                if !parser.is_mark(Mark::Question) {
                    return condition;
                }
                parser.advance();
                let yes = parser.expression();
                parser.expect_mark(Mark::Colon);
                let no = parser.expression();
                let span = condition.span.to(no.span);
                Expr { kind: ExprKind::Choose(Box::new(condition), Box::new(yes), Box::new(no)), span }
            },
            Self::error_expr,
        )
    }

    /// An expression of level 7 or tighter, as arguments inside expressions are.
    pub(super) fn sum(&mut self) -> Expr {
        self.nested(|parser| parser.binary(ADDITION), Self::error_expr)
    }

    /// An operand with its members and calls, as FORMAT takes it.
    pub(super) fn tight(&mut self) -> Expr {
        self.nested(Self::postfix, Self::error_expr)
    }

    fn binary(&mut self, level: u8) -> Expr {
        if level == NOT {
            return self.negation();
        }
        let beside = std::mem::replace(&mut self.depth, 0);
        let expression = self.operators(level);
        self.depth = self.depth.max(beside);
        expression
    }

    /// Operators of one level, from the left.
    fn operators(&mut self, level: u8) -> Expr {
        let mut left = self.operand_of(level);
        loop {
            if level == COMPARISON {
                match self.comparison(left) {
                    Ok(compared) => {
                        self.refuse_chain();
                        left = compared;
                        if !self.deepen(MAX_OPERATORS) {
                            return left;
                        }
                    }
                    Err(left) => return left,
                }
                continue;
            }
            let Some((level_found, make)) = self.binary_operator(self.kind()) else {
                return left;
            };
            if level_found != level {
                return left;
            }
            self.advance();
            let right = self.operand_of(level);
            let span = left.span.to(right.span);
            left = Expr { kind: make(Box::new(left), Box::new(right)), span };
            if !self.deepen(MAX_OPERATORS) {
                return left;
            }
        }
    }

    fn operand_of(&mut self, level: u8) -> Expr {
        match level {
            MULTIPLICATION => self.power(),
            COMPARISON => self.binary(ADDITION),
            _ => self.binary(level + 1),
        }
    }

    #[expect(clippy::type_complexity, reason = "a constructor of the tree, used in one place")]
    fn binary_operator(&self, kind: Kind) -> Option<(u8, fn(Box<Expr>, Box<Expr>) -> ExprKind)> {
        Some(match kind {
            Kind::Mark(mark) => match mark {
                Mark::Or => (OR, ExprKind::Or),
                Mark::Coalesce => (OR, ExprKind::Coalesce),
                Mark::And => (AND, ExprKind::And),
                Mark::Plus => (ADDITION, |a, b| ExprKind::Binary(Binary::Add, a, b)),
                Mark::Minus => (ADDITION, |a, b| ExprKind::Binary(Binary::Subtract, a, b)),
                Mark::Ampersand => (ADDITION, |a, b| ExprKind::Binary(Binary::Concat, a, b)),
                Mark::Star => (MULTIPLICATION, |a, b| ExprKind::Binary(Binary::Multiply, a, b)),
                Mark::Slash => (MULTIPLICATION, |a, b| ExprKind::Binary(Binary::Divide, a, b)),
                Mark::Percent => (MULTIPLICATION, |a, b| ExprKind::Binary(Binary::Modulo, a, b)),
                _ => return None,
            },
            Kind::Word(name) => match self.names.get(name) {
                "or" => (OR, ExprKind::Or),
                "xor" => (XOR, |a, b| ExprKind::Binary(Binary::Xor, a, b)),
                "and" => (AND, ExprKind::And),
                "mod" => (MULTIPLICATION, |a, b| ExprKind::Binary(Binary::Modulo, a, b)),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// Whether an arithmetic operator stands at a place behind an operand.
    pub(super) fn computes_at(&self, index: usize) -> bool {
        self.binary_operator(self.token_at(index).kind).is_some_and(|(level, _)| level >= ADDITION)
    }

    /// Whether an operator looser than comparisons stands at a place behind an operand.
    pub(super) fn joins_at(&self, index: usize) -> bool {
        let kind = self.token_at(index).kind;
        let joins = self.binary_operator(kind).is_some_and(|(level, _)| level < COMPARISON);
        joins || kind == Kind::Mark(Mark::Question)
    }

    /// Whether a comparison stands at a place behind an operand.
    pub(super) fn compares_at(&self, index: usize) -> bool {
        let next = self.word_at(index + 1);
        match self.word_at(index) {
            "" => matches!(self.token_at(index).kind, Kind::Mark(mark) if comparison_mark(mark).is_some()),
            "is" | "in" | "like" | "ilike" | "contains" | "between" => true,
            "starts" | "ends" => next == "with",
            "not" => matches!(next, "in" | "like" | "ilike" | "contains" | "between"),
            _ => false,
        }
    }

    fn negation(&mut self) -> Expr {
        let negates = (self.is_word("not") && self.starts_operand(self.at + 1)) || self.is_mark(Mark::Bang);
        if !negates {
            return self.binary(COMPARISON);
        }
        let start = self.span();
        self.advance();
        let operand = self.nested(Self::negation, Self::error_expr);
        let span = start.to(operand.span);
        Expr { kind: ExprKind::Unary(Unary::Not, Box::new(operand)), span }
    }

    /// One comparison after its left side; the left side comes back where none follows.
    pub(super) fn comparison(&mut self, left: Expr) -> Result<Expr, Expr> {
        let operator = match self.kind() {
            Kind::Mark(mark) => comparison_mark(mark),
            _ => None,
        };
        if let Some(operator) = operator {
            self.advance();
            return Ok(self.compared(left, operator, false));
        }
        let negated = self.is_word("not")
            && matches!(self.word_at(self.at + 1), "in" | "like" | "ilike" | "contains" | "between");
        let word_at = self.at + usize::from(negated);
        let (operator, words) = match self.word_at(word_at) {
            "is" => return self.is_null(left),
            "between" => {
                self.at = word_at + 1;
                return Ok(self.between(left, negated));
            }
            "in" => (Binary::In, 1),
            "like" | "ilike" => (Binary::Like, 1),
            "contains" => (Binary::Contains, 1),
            "starts" if self.word_at(word_at + 1) == "with" => (Binary::StartsWith, 2),
            "ends" if self.word_at(word_at + 1) == "with" => (Binary::EndsWith, 2),
            _ => return Err(left),
        };
        self.at = word_at + words;
        if operator == Binary::In && self.is_mark(Mark::ParenOpen) {
            self.advance();
            let options = self.bracketed_list(Mark::ParenClose);
            let span = self.since(left.span);
            // `x IN (list)` names one array, `x IN (a, b)` its elements, and so does `x IN ("a")`.
            let mut options = options;
            let found = match options.pop() {
                Some(list) if options.is_empty() && !is_one_literal(&list) => {
                    Expr { kind: ExprKind::Binary(Binary::In, Box::new(left), Box::new(list)), span }
                }
                last => {
                    options.extend(last);
                    Expr { kind: ExprKind::OneOf(Box::new(left), options), span }
                }
            };
            return Ok(negate_if(found, negated));
        }
        Ok(self.compared(left, operator, negated))
    }

    /// `a = b = c` compares a truth value with c, which nobody means.
    fn refuse_chain(&mut self) {
        let compares = match self.kind() {
            Kind::Mark(mark) => comparison_mark(mark).is_some(),
            _ => matches!(self.word_at(self.at), "like" | "between"),
        };
        if compares {
            let span = self.span();
            let message = "comparisons do not follow each other".to_owned();
            self.reports.error_with("B024", span, message, None, Some("join them with AND, or use brackets"));
        }
    }

    fn compared(&mut self, left: Expr, operator: Binary, negated: bool) -> Expr {
        let right = self.binary(ADDITION);
        let span = left.span.to(right.span);
        negate_if(Expr { kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)), span }, negated)
    }

    fn is_null(&mut self, left: Expr) -> Result<Expr, Expr> {
        let negated = self.word_at(self.at + 1) == "not";
        let null_at = self.at + 1 + usize::from(negated);
        if !matches!(self.word_at(null_at), "null" | "nothing" | "none") {
            return Err(left);
        }
        self.at = null_at + 1;
        let span = self.since(left.span);
        Ok(negate_if(Expr { kind: ExprKind::IsNull(Box::new(left)), span }, negated))
    }

    fn between(&mut self, left: Expr, negated: bool) -> Expr {
        let low = self.binary(ADDITION);
        if !self.eat_word("and") {
            self.expected("AND");
        }
        let high = self.binary(ADDITION);
        let span = left.span.to(high.span);
        negate_if(
            Expr { kind: ExprKind::Between(Box::new(left), Box::new(low), Box::new(high)), span },
            negated,
        )
    }

    fn power(&mut self) -> Expr {
        let base = self.unary();
        if !self.is_mark(Mark::Caret) {
            return base;
        }
        self.advance();
        let exponent = self.nested(Self::power, Self::error_expr);
        let span = base.span.to(exponent.span);
        Expr { kind: ExprKind::Binary(Binary::Power, Box::new(base), Box::new(exponent)), span }
    }

    fn unary(&mut self) -> Expr {
        let operator = match self.kind() {
            Kind::Mark(Mark::Minus) => Unary::Minus,
            Kind::Mark(Mark::Plus) => Unary::Plus,
            Kind::Mark(Mark::Bang) => Unary::Not,
            _ => return self.postfix(),
        };
        let start = self.span();
        self.advance();
        let operand = self.nested(Self::unary, Self::error_expr);
        let span = start.to(operand.span);
        let kind = match (operator, &operand.kind) {
            (Unary::Minus, ExprKind::Integer(value)) => ExprKind::Integer(-value),
            (Unary::Minus, ExprKind::Float(value)) => ExprKind::Float(-value),
            _ => ExprKind::Unary(operator, Box::new(operand)),
        };
        Expr { kind, span }
    }
}

fn comparison_mark(mark: Mark) -> Option<Binary> {
    Some(match mark {
        Mark::Equal | Mark::EqualEqual => Binary::Equal,
        Mark::NotEqual => Binary::NotEqual,
        Mark::Less => Binary::Less,
        Mark::LessEqual => Binary::LessEqual,
        Mark::Greater => Binary::Greater,
        Mark::GreaterEqual => Binary::GreaterEqual,
        _ => return None,
    })
}

/// Whether an expression is a literal of one value, and so no array.
fn is_one_literal(value: &Expr) -> bool {
    matches!(
        value.kind,
        ExprKind::Text(_)
            | ExprKind::Joined(_)
            | ExprKind::Integer(_)
            | ExprKind::Float(_)
            | ExprKind::Bool(_)
            | ExprKind::Null
    )
}

fn negate_if(expression: Expr, negated: bool) -> Expr {
    if !negated {
        return expression;
    }
    let span = expression.span;
    Expr { kind: ExprKind::Unary(Unary::Not, Box::new(expression)), span }
}
