//! Filter text to tree.

use super::scan::{Scanner, Symbol};
use super::{Comparison, Condition, Filter, FilterError, Limit, Operand, Order, Part};

/// Brackets and NOTs within each other; deeper filters are refused, so that reading one cannot exhaust the stack.
const DEPTH_MAX: usize = 64;

pub(super) type Result<T> = std::result::Result<T, FilterError>;

pub(super) fn parse(parts: &[Part<'_>]) -> Result<Filter> {
    let mut parser = Parser { scan: Scanner::new(parts), depth: 0 };
    parser.filter()
}

/// Reads conditions; the sides of comparisons are in `operand`.
pub(super) struct Parser<'a> {
    pub(super) scan: Scanner<'a>,
    depth: usize,
}

impl Parser<'_> {
    fn filter(&mut self) -> Result<Filter> {
        let mut filter = Filter { holes: self.scan.holes(), ..Filter::default() };
        self.scan.skip_blanks();
        self.scan.take_keyword("WHERE");
        if !self.at_end_of_condition() {
            filter.condition = Some(self.any_of()?);
        }
        self.scan.skip_blanks();
        if self.scan.take_keywords("ORDER", "BY") {
            filter.order = self.order()?;
        }
        self.scan.skip_blanks();
        if self.scan.take_keyword("LIMIT") {
            filter.limit = Some(self.limit()?);
        }
        self.scan.skip_blanks();
        match self.scan.peek() {
            None => Ok(filter),
            Some(_) => Err(self.scan.expected("AND, OR, ORDER BY, LIMIT or the end")),
        }
    }

    fn order(&mut self) -> Result<Vec<Order>> {
        let mut order = Vec::new();
        loop {
            self.scan.skip_blanks();
            let column = self.column_name()?.ok_or_else(|| self.scan.expected("a column"))?;
            self.scan.skip_blanks();
            let descending = self.scan.take_keyword("DESC") || {
                self.scan.take_keyword("ASC");
                false
            };
            order.push(Order { column, descending });
            self.scan.skip_blanks();
            if !self.scan.take(',') {
                return Ok(order);
            }
        }
    }

    fn limit(&mut self) -> Result<Limit> {
        self.scan.skip_blanks();
        if let Some(Symbol::Hole(hole)) = self.scan.peek() {
            self.scan.at += 1;
            return Ok(Limit::Hole(hole));
        }
        let start = self.scan.at;
        let word = self.scan.word();
        word.parse()
            .map(Limit::Rows)
            .map_err(|_| self.scan.error_at(start, "expected a number of rows after LIMIT"))
    }

    /// Conditions joined by OR.
    fn any_of(&mut self) -> Result<Condition> {
        let mut all = vec![self.all_of()?];
        while self.take_connective("OR", "||") {
            all.push(self.all_of()?);
        }
        Ok(single(all, Condition::Or))
    }

    /// Conditions joined by AND.
    fn all_of(&mut self) -> Result<Condition> {
        let mut all = vec![self.one()?];
        while self.take_connective("AND", "&&") {
            all.push(self.one()?);
        }
        Ok(single(all, Condition::And))
    }

    fn take_connective(&mut self, word: &str, sign: &str) -> bool {
        self.scan.skip_blanks();
        self.scan.take_keyword(word) || self.scan.take_text(sign)
    }

    fn one(&mut self) -> Result<Condition> {
        self.scan.skip_blanks();
        if self.scan.take_keyword("NOT") {
            return Ok(Condition::Not(Box::new(self.nested(Self::one)?)));
        }
        if self.scan.take('(') {
            let inner = self.nested(Self::any_of)?;
            self.scan.skip_blanks();
            return if self.scan.take(')') { Ok(inner) } else { Err(self.scan.expected("`)`")) };
        }
        for (word, truth) in [("TRUE", true), ("FALSE", false)] {
            let start = self.scan.at;
            if self.scan.take_keyword(word) {
                if self.at_end_of_condition() {
                    return Ok(Condition::Always(truth));
                }
                self.scan.at = start;
            }
        }
        self.comparison()
    }

    pub(super) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth == DEPTH_MAX {
            return Err(self.scan.error_at(self.scan.at, "the filter is nested too deeply"));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn comparison(&mut self) -> Result<Condition> {
        let left = self.left()?;
        self.scan.skip_blanks();
        if self.scan.take_keyword("IS") {
            return self.is_null(left);
        }
        let negated = self.scan.take_keyword("NOT");
        self.scan.skip_blanks();
        let condition = if self.scan.take_keyword("IN") {
            Condition::In { left, list: self.list()? }
        } else if self.scan.take_keyword("BETWEEN") {
            self.between(left)?
        } else {
            let operator = self.operator(negated)?;
            Condition::Compare { left, operator, right: self.value(false)? }
        };
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn is_null(&mut self, left: Operand) -> Result<Condition> {
        self.scan.skip_blanks();
        let negated = self.scan.take_keyword("NOT");
        self.scan.skip_blanks();
        if !self.scan.take_keyword("NULL") {
            return Err(self.scan.expected("NULL after IS"));
        }
        let condition = Condition::IsNull(left);
        Ok(if negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    fn between(&mut self, left: Operand) -> Result<Condition> {
        let low = self.value(false)?;
        self.scan.skip_blanks();
        if !self.scan.take_keyword("AND") {
            return Err(self.scan.expected("AND of BETWEEN"));
        }
        let high = self.value(false)?;
        Ok(Condition::And(vec![
            Condition::Compare { left: left.clone(), operator: Comparison::AtLeast, right: low },
            Condition::Compare { left, operator: Comparison::AtMost, right: high },
        ]))
    }

    fn list(&mut self) -> Result<Vec<Operand>> {
        self.scan.skip_blanks();
        if let Some(Symbol::Hole(hole)) = self.scan.peek() {
            self.scan.at += 1;
            return Ok(vec![Operand::Hole(hole)]);
        }
        if !self.scan.take('(') {
            return Err(self.scan.expected("`(` after IN"));
        }
        let mut list = Vec::new();
        self.scan.skip_blanks();
        if self.scan.take(')') {
            return Ok(list);
        }
        loop {
            list.push(self.value(true)?);
            self.scan.skip_blanks();
            if self.scan.take(')') {
                return Ok(list);
            }
            if !self.scan.take(',') {
                return Err(self.scan.expected("`,` or `)`"));
            }
        }
    }

    fn operator(&mut self, negated: bool) -> Result<Comparison> {
        const SIGNS: [(&str, Comparison); 9] = [
            ("==", Comparison::Equal),
            ("=", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::AtMost),
            ("<", Comparison::Less),
            (">=", Comparison::AtLeast),
            (">", Comparison::Greater),
            ("≠", Comparison::NotEqual),
        ];
        const WORDS: [(&str, Comparison); 3] =
            [("LIKE", Comparison::Like), ("ILIKE", Comparison::Like), ("CONTAINS", Comparison::Contains)];
        if let Some((_, word)) = WORDS.iter().find(|(word, _)| self.scan.take_keyword(word)) {
            return Ok(*word);
        }
        for (first, operator) in [("STARTS", Comparison::StartsWith), ("ENDS", Comparison::EndsWith)] {
            if self.scan.take_keywords(first, "WITH") {
                return Ok(operator);
            }
        }
        let sign = if negated { None } else { SIGNS.iter().find(|(sign, _)| self.scan.take_text(sign)) };
        match sign {
            Some((_, operator)) => Ok(*operator),
            None => Err(self.scan.expected("an operator such as = or LIKE")),
        }
    }

    fn at_end_of_condition(&mut self) -> bool {
        self.scan.skip_blanks();
        self.scan.peek().is_none_or(|next| next == Symbol::Char(')')) || self.at_end_of_condition_here()
    }

    /// Whether a word begins here that ends a bare value. LIMIT does only before a number, ORDER only before BY: both
    /// are ordinary words too.
    pub(super) fn at_end_of_condition_here(&mut self) -> bool {
        let start = self.scan.at;
        let ends = self.scan.take_keyword("AND")
            || self.scan.take_keyword("OR")
            || self.scan.take_text("&&")
            || self.scan.take_text("||")
            || self.scan.take_keywords("ORDER", "BY")
            || self.scan.take_keyword("LIMIT") && {
                self.scan.skip_blanks();
                matches!(self.scan.peek(), Some(Symbol::Hole(_)))
                    || self.scan.peek_char().is_some_and(|c| c.is_ascii_digit())
            };
        self.scan.at = start;
        ends
    }
}

fn single(mut all: Vec<Condition>, join: impl FnOnce(Vec<Condition>) -> Condition) -> Condition {
    match all.len() {
        1 => all.swap_remove(0),
        _ => join(all),
    }
}
