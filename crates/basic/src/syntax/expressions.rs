//! Expressions, by precedence.

use super::parser::Parser;
use super::token::{Kind, Mark, Piece, Span};
use super::tree::{Binary, Expr, ExprKind, Unary};
use crate::functions;

/// Precedence levels, loosest first, as the language page numbers them.
const OR: u8 = 2;
const XOR: u8 = 3;
const AND: u8 = 4;
const NOT: u8 = 5;
const COMPARISON: u8 = 6;
const ADDITION: u8 = 7;
const MULTIPLICATION: u8 = 8;

/// Operators in a row, and members in a row: deeper trees would need a deeper stack than callers may have.
const MAX_OPERATORS: u32 = 500;
const MAX_MEMBERS: u32 = 100;

/// Words that stand between operands and so begin none.
pub(super) fn is_operator_word(word: &str) -> bool {
    matches!(
        word,
        "then"
            | "else"
            | "do"
            | "to"
            | "step"
            | "and"
            | "or"
            | "xor"
            | "is"
            | "in"
            | "like"
            | "mod"
            | "between"
            | "as"
            | "with"
            | "by"
            | "from"
            | "at"
            | "where"
            | "starts"
            | "ends"
            | "contains"
            | "using"
            | "set"
            | "values"
            | "limit"
            | "order"
    )
}

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
            let Some((level_found, make)) = self.binary_operator() else {
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
    fn binary_operator(&self) -> Option<(u8, fn(Box<Expr>, Box<Expr>) -> ExprKind)> {
        Some(match self.kind() {
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
    fn comparison(&mut self, left: Expr) -> Result<Expr, Expr> {
        let operator = match self.kind() {
            Kind::Mark(mark) => comparison_mark(mark),
            _ => None,
        };
        if let Some(operator) = operator {
            self.advance();
            return Ok(self.compared(left, operator, false));
        }
        let negated = self.is_word("not")
            && matches!(self.word_at(self.at + 1), "in" | "like" | "contains" | "between");
        let word_at = self.at + usize::from(negated);
        let (operator, words) = match self.word_at(word_at) {
            "is" => return self.is_null(left),
            "between" => {
                self.at = word_at + 1;
                return Ok(self.between(left, negated));
            }
            "in" => (Binary::In, 1),
            "like" => (Binary::Like, 1),
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
            // `x IN (list)` names one array, `x IN (a, b)` its elements.
            let mut options = options;
            let found = if options.len() == 1 {
                let right = options.pop().unwrap_or_else(|| self.error_expr());
                Expr { kind: ExprKind::Binary(Binary::In, Box::new(left), Box::new(right)), span }
            } else {
                Expr { kind: ExprKind::OneOf(Box::new(left), options), span }
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

    fn postfix(&mut self) -> Expr {
        let beside = std::mem::replace(&mut self.depth, 0);
        let value = self.members();
        self.depth = self.depth.max(beside);
        value
    }

    fn members(&mut self) -> Expr {
        let mut value = self.primary();
        loop {
            if !self.deepen(MAX_MEMBERS + MAX_OPERATORS) {
                return value;
            }
            let start = value.span;
            match self.kind() {
                Kind::Mark(Mark::Dot | Mark::QuestionDot) => {
                    self.advance();
                    let Kind::Word(name) = self.kind() else {
                        self.expected("the name of a member");
                        return value;
                    };
                    let spelled = self.text_of(self.span()).to_owned();
                    self.advance();
                    let kind = if self.is_mark(Mark::ParenOpen) && !self.token().spaced {
                        self.advance();
                        let arguments = self.bracketed_list(Mark::ParenClose);
                        ExprKind::Method { receiver: Box::new(value), name, arguments }
                    } else {
                        ExprKind::Member(Box::new(value), spelled)
                    };
                    value = Expr { kind, span: self.since(start) };
                }
                Kind::Mark(Mark::BracketOpen) if !self.token().spaced => {
                    self.advance();
                    let index = self.in_brackets(Self::expression);
                    self.expect_mark(Mark::BracketClose);
                    value = Expr {
                        kind: ExprKind::Index(Box::new(value), Box::new(index)),
                        span: self.since(start),
                    };
                }
                _ => return value,
            }
        }
    }

    pub(super) fn in_brackets<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        self.brackets += 1;
        let outer = std::mem::replace(&mut self.in_object, false);
        let result = read(self);
        self.in_object = outer;
        self.brackets -= 1;
        result
    }

    /// Expressions parted by commas up to a closing bracket, which is read too.
    pub(super) fn bracketed_list(&mut self, close: Mark) -> Vec<Expr> {
        self.in_brackets(|parser| {
            let mut list = Vec::new();
            while !parser.is_mark(close) && !parser.at_line_end() {
                list.push(parser.expression());
                if !parser.eat_mark(Mark::Comma) {
                    break;
                }
            }
            if !parser.expect_mark(close) {
                parser.skip_to(close);
            }
            list
        })
    }

    /// After an error inside brackets, goes on behind them when they close on this line.
    fn skip_to(&mut self, close: Mark) {
        let mut at = self.at;
        while !matches!(self.token_at(at).kind, Kind::Line | Kind::End) {
            if self.is_mark_at(at, close) {
                self.at = at;
                self.advance();
                return;
            }
            at += 1;
        }
    }

    pub(super) fn primary(&mut self) -> Expr {
        let start = self.span();
        match self.kind() {
            Kind::Integer(value) => self.leaf(ExprKind::Integer(value)),
            Kind::Float(value) => self.leaf(ExprKind::Float(value)),
            Kind::Text(number) => {
                self.advance();
                self.text(number, start)
            }
            Kind::Mark(Mark::ParenOpen) => {
                self.advance();
                let mut inner = self.in_brackets(Self::expression);
                if !self.expect_mark(Mark::ParenClose) {
                    self.skip_to(Mark::ParenClose);
                }
                inner.span = self.since(start);
                inner
            }
            Kind::Mark(Mark::InterpolationOpen) => {
                self.advance();
                let inner = self.in_brackets(Self::expression);
                self.expect_mark(Mark::BraceClose);
                inner
            }
            Kind::Mark(Mark::BracketOpen) => {
                self.advance();
                let items = self.bracketed_list(Mark::BracketClose);
                Expr { kind: ExprKind::Array(items), span: self.since(start) }
            }
            Kind::Mark(Mark::BraceOpen | Mark::ObjectOpen) => self.object(start),
            Kind::Word(name) => self.word(name, start),
            _ => {
                self.expected("a value");
                Expr { kind: ExprKind::Error, span: start }
            }
        }
    }

    fn leaf(&mut self, kind: ExprKind) -> Expr {
        let span = self.span();
        self.advance();
        Expr { kind, span }
    }

    fn object(&mut self, start: Span) -> Expr {
        self.advance();
        let fields = self.in_brackets(|parser| {
            parser.in_object = true;
            let mut fields = Vec::new();
            while !parser.is_mark(Mark::BraceClose) && !parser.at_line_end() {
                let Some(key) = parser.key() else {
                    parser.expected("the name of a field");
                    break;
                };
                parser.expect_mark(Mark::Colon);
                fields.push((key, parser.expression()));
                if !parser.eat_mark(Mark::Comma) {
                    break;
                }
            }
            if !parser.expect_mark(Mark::BraceClose) {
                parser.skip_to(Mark::BraceClose);
            }
            fields
        });
        Expr { kind: ExprKind::Object(fields), span: self.since(start) }
    }

    /// A key of an object: a name, a plain string, or a number.
    pub(super) fn key(&mut self) -> Option<String> {
        let key = match self.kind() {
            Kind::Word(_) | Kind::Integer(_) => self.text_of(self.span()).to_owned(),
            Kind::Text(number) => self.plain_text(number)?,
            _ => return None,
        };
        self.advance();
        Some(key)
    }

    /// The text of a string without interpolation.
    fn plain_text(&self, number: u32) -> Option<String> {
        match self.tokens.texts.get(number as usize)?.pieces.as_slice() {
            [Piece::Literal(text)] => Some(text.clone()),
            _ => None,
        }
    }

    /// A string or block: plain text, or parts with the code between them.
    pub(super) fn text(&mut self, number: u32, span: Span) -> Expr {
        let Some(text) = self.tokens.texts.get(number as usize).cloned() else {
            return self.error_expr();
        };
        if let [Piece::Literal(plain)] = text.pieces.as_slice() {
            return Expr { kind: ExprKind::Text(plain.clone()), span };
        }
        let mut parts = Vec::with_capacity(text.pieces.len());
        for piece in text.pieces {
            match piece {
                Piece::Literal(plain) => parts.push(Expr { kind: ExprKind::Text(plain), span }),
                Piece::Code(code) => {
                    let before = self.reports.mark();
                    let part = self.inner_expression(code);
                    if text.block && self.reports.found_since(before) {
                        // Prompts and templates quote code of other languages.
                        self.reports.forget_since(before);
                        let whole = Span { start: code.start - 2, end: code.end + 1 };
                        let shown = self.text_of(whole).to_owned();
                        let message = format!("{shown} is no expression and stays as it is");
                        self.reports.warn("B110", whole, message, None);
                        parts.push(Expr { kind: ExprKind::Text(shown), span: whole });
                    } else {
                        parts.push(part);
                    }
                }
            }
        }
        Expr { kind: ExprKind::Joined(parts), span }
    }

    /// Whether an operand can begin at a token of this line.
    pub(super) fn starts_operand(&self, index: usize) -> bool {
        match self.token_at(index).kind {
            Kind::Integer(_) | Kind::Float(_) | Kind::Text(_) => true,
            Kind::Mark(mark) => matches!(
                mark,
                Mark::ParenOpen
                    | Mark::BracketOpen
                    | Mark::BraceOpen
                    | Mark::ObjectOpen
                    | Mark::InterpolationOpen
                    | Mark::Minus
                    | Mark::Bang
            ),
            Kind::Word(name) => {
                let word = self.names.get(name);
                let next = self.token_at(index + 1);
                let calls = next.kind == Kind::Mark(Mark::ParenOpen) && !next.spaced;
                !is_operator_word(word)
                    || (calls && functions::find(word).is_some())
                    || self.is_plain_variable(index)
            }
            Kind::Line | Kind::End => false,
        }
    }

    /// Whether a word that could be an operator stands as a variable: nothing that it could work on follows.
    pub(super) fn is_plain_variable(&self, index: usize) -> bool {
        if matches!(self.word_at(index), "then" | "else" | "do") {
            return false;
        }
        let next = self.token_at(index + 1);
        match next.kind {
            Kind::Mark(mark) => match mark {
                Mark::Comma
                | Mark::ParenClose
                | Mark::BracketClose
                | Mark::Dot
                | Mark::QuestionDot
                | Mark::Plus
                | Mark::Ampersand
                | Mark::Equal
                | Mark::NotEqual => true,
                Mark::BracketOpen => !next.spaced,
                _ => false,
            },
            Kind::Line | Kind::End => true,
            // `"hi " + to WITH …`: two such words in a row, so the first is a name.
            Kind::Word(_) => {
                let named = ["to", "from", "by", "at", "order", "limit", "values", "step", "using"];
                named.contains(&self.word_at(index)) && is_operator_word(self.word_at(index + 1))
            }
            _ => false,
        }
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

fn negate_if(expression: Expr, negated: bool) -> Expr {
    if !negated {
        return expression;
    }
    let span = expression.span;
    Expr { kind: ExprKind::Unary(Unary::Not, Box::new(expression)), span }
}
