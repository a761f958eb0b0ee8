//! The sides of a comparison: columns, values, functions.

use super::parse::{Parser, Result};
use super::scan::Symbol;
use super::{Constant, Function, Operand, Piece};
use crate::scalar::{Scalar, Unit, number};

impl Parser<'_> {
    /// The left side: a column (also several words up to the operator), a function, a quoted text or a number.
    pub(super) fn left(&mut self) -> Result<Operand> {
        self.scan.skip_blanks();
        if let Some(Symbol::Hole(_)) = self.scan.peek() {
            return Err(self.scan.expected("a column"));
        }
        if self.scan.peek_char() == Some('\'') {
            return self.quoted('\'');
        }
        if let Some(call) = self.call()? {
            return Ok(call);
        }
        let quoted = matches!(self.scan.peek_char(), Some('"' | '`' | '['));
        let name = self.column_name()?.ok_or_else(|| self.scan.expected("a column"))?;
        Ok(match number::parse(&name).filter(|_| !quoted) {
            Some(number) => Operand::Constant(Constant::Number(number)),
            None => Operand::Column(name),
        })
    }

    /// A column name: in quotes, or words up to an operator.
    pub(super) fn column_name(&mut self) -> Result<Option<String>> {
        for (open, close) in [('"', '"'), ('`', '`'), ('[', ']')] {
            if self.scan.take(open) {
                return self.until(close).map(Some);
            }
        }
        let mut name = self.scan.word();
        if name.is_empty() {
            return Ok(None);
        }
        loop {
            let before = self.scan.at;
            self.scan.skip_blanks();
            let word = if self.at_operator_word() { String::new() } else { self.scan.word() };
            if word.is_empty() {
                self.scan.at = before;
                return Ok(Some(name));
            }
            name.push(' ');
            name.push_str(&word);
        }
    }

    fn at_operator_word(&self) -> bool {
        const WORDS: [&str; 15] = [
            "IS", "NOT", "IN", "LIKE", "ILIKE", "CONTAINS", "BETWEEN", "STARTS", "ENDS", "AND", "OR", "ASC",
            "DESC", "LIMIT", "ORDER",
        ];
        WORDS.iter().any(|word| self.scan.at_keyword(word))
    }

    /// The characters up to a closing quote, which stands for itself when doubled.
    fn until(&mut self, close: char) -> Result<String> {
        let start = self.scan.at - 1;
        let mut text = String::new();
        loop {
            match self.scan.next() {
                Some(Symbol::Char(c)) if c == close && !self.scan.take(close) => return Ok(text),
                Some(Symbol::Char(c)) => text.push(c),
                Some(Symbol::Hole(_)) => {
                    return Err(self.scan.error_at(self.scan.at - 1, "a value cannot name a column"));
                }
                None => {
                    return Err(self
                        .scan
                        .error_at(start, format!("the {close} that closes this is missing")));
                }
            }
        }
    }

    /// A value: quoted, a function, or bare words. In a list a bare value ends at a comma.
    pub(super) fn value(&mut self, in_list: bool) -> Result<Operand> {
        self.scan.skip_blanks();
        if let Some(quote) = self.scan.peek_char().filter(|c| matches!(c, '\'' | '"')) {
            return self.quoted(quote);
        }
        if let Some(call) = self.call()? {
            return Ok(call);
        }
        self.bare(in_list)
    }

    fn quoted(&mut self, quote: char) -> Result<Operand> {
        let start = self.scan.at;
        self.scan.at += 1;
        let mut pieces = Pieces::default();
        loop {
            match self.scan.next() {
                Some(Symbol::Char(c)) if c == quote && !self.scan.take(quote) => return Ok(pieces.quoted()),
                Some(Symbol::Char(c)) => pieces.text.push(c),
                Some(Symbol::Hole(hole)) => pieces.hole(hole),
                None => {
                    return Err(self
                        .scan
                        .error_at(start, format!("the {quote} that closes this text is missing")));
                }
            }
        }
    }

    /// Words up to AND, OR, ORDER BY, LIMIT, a closing bracket or the end. Brackets inside belong to the words.
    fn bare(&mut self, in_list: bool) -> Result<Operand> {
        if self.scan.peek_char().is_some_and(|c| matches!(c, '=' | '<' | '>' | '!')) {
            return Err(self.scan.expected("a value"));
        }
        let mut pieces = Pieces::default();
        let mut brackets = 0_usize;
        let mut at_word_start = true;
        while let Some(symbol) = self.scan.peek() {
            if brackets == 0 && at_word_start && self.at_end_of_condition_here() {
                break;
            }
            match symbol {
                Symbol::Hole(hole) => pieces.hole(hole),
                Symbol::Char(')') if brackets == 0 => break,
                Symbol::Char(',') if in_list && brackets == 0 => break,
                Symbol::Char(c) => {
                    brackets = match c {
                        '(' => brackets + 1,
                        ')' => brackets - 1,
                        _ => brackets,
                    };
                    pieces.text.push(c);
                }
            }
            at_word_start = matches!(symbol, Symbol::Char(c) if c.is_whitespace());
            self.scan.at += 1;
        }
        pieces.bare().ok_or_else(|| self.scan.expected("a value"))
    }

    /// A function call, if one of the known names with its bracket is next.
    fn call(&mut self) -> Result<Option<Operand>> {
        let start = self.scan.at;
        let name = self.scan.word().to_ascii_uppercase();
        self.scan.skip_blanks();
        if !is_function(&name) || !self.scan.take('(') {
            self.scan.at = start;
            return Ok(None);
        }
        let (function, arguments) = self.nested(|parser| parser.call_of(&name))?;
        self.scan.skip_blanks();
        if !self.scan.take(')') {
            return Err(self.scan.expected(&format!("`)` of {name}")));
        }
        Ok(Some(Operand::Call(function, arguments)))
    }

    fn call_of(&mut self, name: &str) -> Result<(Function, Vec<Operand>)> {
        let one = |function| move |parser: &mut Self| Ok((function, vec![parser.argument()?]));
        match name {
            "NOW" => Ok((Function::Now, Vec::new())),
            "CURDATE" | "TODAY" => Ok((Function::Today, Vec::new())),
            "DATE" => one(Function::Day)(self),
            "LOWER" | "LCASE" => one(Function::Lower)(self),
            "UPPER" | "UCASE" => one(Function::Upper)(self),
            "DATEDIFF" => {
                let first = self.argument()?;
                self.comma()?;
                Ok((Function::DateDiff, vec![first, self.argument()?]))
            }
            _ => {
                let date = self.argument()?;
                self.comma()?;
                self.scan.skip_blanks();
                if !self.scan.take_keyword("INTERVAL") {
                    return Err(self.scan.expected("INTERVAL"));
                }
                let amount = self.argument()?;
                self.scan.skip_blanks();
                let start = self.scan.at;
                let word = self.scan.word();
                let unit = Unit::from_word(&word)
                    .ok_or_else(|| self.scan.error_at(start, "expected a unit such as DAY"))?;
                let function =
                    if name == "DATE_ADD" { Function::DateAdd(unit) } else { Function::DateSubtract(unit) };
                Ok((function, vec![date, amount]))
            }
        }
    }

    fn comma(&mut self) -> Result<()> {
        self.scan.skip_blanks();
        if self.scan.take(',') { Ok(()) } else { Err(self.scan.expected("`,`")) }
    }

    /// An argument of a function: quoted text, hole, number, function, or a column; a word that begins with a digit
    /// and is no number (a date) is a text.
    fn argument(&mut self) -> Result<Operand> {
        self.scan.skip_blanks();
        match self.scan.peek() {
            Some(Symbol::Hole(hole)) => {
                self.scan.at += 1;
                return Ok(Operand::Hole(hole));
            }
            Some(Symbol::Char('\'')) => return self.quoted('\''),
            _ => {}
        }
        if let Some(call) = self.call()? {
            return Ok(call);
        }
        if matches!(self.scan.peek_char(), Some('"' | '`' | '[')) {
            return Ok(self.column_name()?.map_or(Operand::Constant(Constant::Null), Operand::Column));
        }
        let word = self.scan.word();
        match word.chars().next() {
            None => Err(self.scan.expected("a column or value")),
            Some(first) if first.is_ascii_digit() || first == '-' => Ok(Operand::Constant(constant(word))),
            Some(_) => Ok(Operand::Column(word)),
        }
    }
}

fn is_function(upper: &str) -> bool {
    const NAMES: [&str; 11] = [
        "NOW", "CURDATE", "TODAY", "DATE", "LOWER", "LCASE", "UPPER", "UCASE", "DATEDIFF", "DATE_ADD",
        "DATE_SUB",
    ];
    NAMES.contains(&upper)
}

/// What bare words without holes mean.
fn constant(words: String) -> Constant {
    if words.eq_ignore_ascii_case("null") {
        return Constant::Null;
    }
    match Scalar::from_cell(&words) {
        Scalar::Number(number) => Constant::Number(number),
        Scalar::Boolean(truth) => Constant::Boolean(truth),
        _ => Constant::Text(words),
    }
}

/// A value being read.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    text: String,
}

impl Pieces {
    fn hole(&mut self, hole: usize) {
        if !self.text.is_empty() {
            self.done.push(Piece::Text(std::mem::take(&mut self.text)));
        }
        self.done.push(Piece::Hole(hole));
    }

    /// What stood in quotes: always a text, even if a number came through a hole.
    fn quoted(mut self) -> Operand {
        if self.done.is_empty() {
            return Operand::Constant(Constant::Text(self.text));
        }
        if !self.text.is_empty() {
            self.done.push(Piece::Text(self.text));
        }
        Operand::Joined(self.done)
    }

    /// What stood without quotes, blanks at the ends cut off; `None` if that is nothing.
    fn bare(mut self) -> Option<Operand> {
        self.text.truncate(self.text.trim_end().len());
        match (self.done.as_slice(), self.text.is_empty()) {
            ([], true) => None,
            ([], false) => Some(Operand::Constant(constant(self.text))),
            ([Piece::Hole(hole)], true) => Some(Operand::Hole(*hole)),
            _ => Some(self.quoted()),
        }
    }
}
