//! Lines of TABLE.

use super::words::{Word, unquoted, words};
use super::{Column, ColumnDefault, ColumnType, OnDelete, Reference, Table};
use crate::scalar::number;

/// What a line within TABLE declares.
#[derive(Debug, Clone, PartialEq)]
pub enum TableLine {
    /// A column.
    Column(Box<Column>),
    /// `UNIQUE(a, b)`.
    Unique(Vec<String>),
    /// `CHECK (…)`: the condition as written.
    Check(String),
    /// `PRIMARY KEY (a, b)`.
    Key(Vec<String>),
    /// Nothing: the line was passed over, for a reason that is noted.
    Nothing,
}

/// Something in a line that is read otherwise than it may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineNote {
    /// Where in the line, in bytes.
    pub offset: usize,
    /// How it is read.
    pub message: &'static str,
}

/// Why a line declares nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct LineError {
    /// Where in the line, in bytes.
    pub offset: usize,
    /// What was expected there.
    pub expected: &'static str,
}

type Result<T> = std::result::Result<T, LineError>;

impl TableLine {
    /// Reads one line, without its comment. A comma at its end is allowed.
    ///
    /// ```
    /// use basic::schema::TableLine;
    /// let Ok(TableLine::Column(column)) = TableLine::parse("total number(10, 2) NOT NULL,") else { panic!() };
    /// assert_eq!(column.to_string(), "total decimal(10,2) NOT NULL");
    /// let error = TableLine::parse("total (2)").unwrap_err();
    /// assert_eq!((error.offset, error.to_string()), (6, "expected a type".to_owned()));
    /// ```
    pub fn parse(text: &str) -> Result<Self> {
        read(text).map(|(line, ..)| line)
    }
}

/// A line, the conditions of its column, and what is odd about it.
fn read(text: &str) -> Result<(TableLine, Vec<String>, Vec<LineNote>)> {
    let words = words(text);
    let mut line = Line::new(text, &words);
    let read = line.line()?;
    line.sign(',');
    if line.at < words.len() {
        return Err(line.expected("a column option or the end of the line"));
    }
    Ok((read, line.checks, line.notes))
}

impl Table {
    /// Reads what stands after the name of a TABLE, such as `READ BY "admin;sales" WRITE BY "admin"`.
    pub fn read_header(&mut self, text: &str) -> Result<()> {
        let words = words(text);
        let mut line = Line::new(text, &words);
        loop {
            if line.keyword("READ") {
                self.read_by = line.roles()?;
            } else if line.keyword("WRITE") {
                self.write_by = line.roles()?;
            } else if line.at < words.len() {
                return Err(line.expected("READ BY or WRITE BY"));
            } else {
                return Ok(());
            }
        }
    }

    /// Reads a line and adds what it declares; gives what is odd about it.
    pub fn read_line(&mut self, text: &str) -> Result<Vec<LineNote>> {
        let (line, checks, notes) = read(text)?;
        self.checks.extend(checks);
        match line {
            TableLine::Column(column) => self.columns.push(*column),
            TableLine::Unique(columns) => self.unique.push(columns),
            TableLine::Check(condition) => self.checks.push(condition),
            TableLine::Key(columns) => self.key = columns,
            TableLine::Nothing => {}
        }
        Ok(notes)
    }
}

struct Line<'a> {
    text: &'a str,
    words: &'a [(usize, Word<'a>)],
    at: usize,
    checks: Vec<String>,
    notes: Vec<LineNote>,
}

impl<'a> Line<'a> {
    fn new(text: &'a str, words: &'a [(usize, Word<'a>)]) -> Self {
        Self { text, words, at: 0, checks: Vec::new(), notes: Vec::new() }
    }

    fn note(&mut self, message: &'static str) {
        self.notes.push(LineNote { offset: self.offset(), message });
    }

    fn line(&mut self) -> Result<TableLine> {
        if matches!(self.peek(), Some(Word::Sign('('))) {
            self.note("names in brackets without UNIQUE or PRIMARY KEY before them are ignored");
            self.at = self.words.len();
            return Ok(TableLine::Nothing);
        }
        let bracket_next = matches!(self.word(1), Some(Word::Sign('(')));
        if bracket_next && self.keyword("UNIQUE") {
            return self.names().map(TableLine::Unique);
        }
        if self.is("PRIMARY", 0) && self.is("KEY", 1) && matches!(self.word(2), Some(Word::Sign('('))) {
            self.at = 2;
            return self.names().map(TableLine::Key);
        }
        if bracket_next && self.keyword("CHECK") {
            return self.check().map(TableLine::Check);
        }
        // `FIELD name type`, but `field string` is a column named field.
        if self.is("FIELD", 0)
            && self.words.len() > 2
            && matches!(self.word(2), Some(Word::Name(_)))
            && !self.is_option(2)
        {
            self.at = 1;
        }
        self.column().map(|column| TableLine::Column(Box::new(column)))
    }

    fn column(&mut self) -> Result<Column> {
        let name = self.name("a column name")?;
        if matches!(self.peek(), Some(Word::Sign('*'))) {
            self.note("the star is ignored");
            self.at += 1;
        }
        if matches!(self.peek(), None | Some(Word::Sign(','))) {
            self.note("a column without a type is text");
            return Ok(Column::new(name, ColumnType::parse("text", &[])));
        }
        self.keyword("AS");
        let Some(Word::Name(word)) = self.peek() else {
            return Err(self.expected("a type"));
        };
        self.at += 1;
        let mut arguments = Vec::new();
        if self.sign('(') {
            while !self.sign(')') {
                match self.peek() {
                    Some(Word::Number(text) | Word::Name(text)) => arguments.push(text),
                    Some(Word::Sign(',')) => {}
                    _ => return Err(self.expected("a number or `)`")),
                }
                self.at += 1;
            }
        }
        let array = self.sign('[') && (self.sign(']') || self.array_length()?);
        let kind = if array { ColumnType::Json } else { ColumnType::parse(word, &arguments) };
        let mut column = Column::new(name, kind);
        while self.option(&mut column)? {}
        Ok(column)
    }

    fn array_length(&mut self) -> Result<bool> {
        if let Some(Word::Number(_)) = self.peek() {
            self.at += 1;
        }
        if self.sign(']') { Ok(true) } else { Err(self.expected("`]`")) }
    }

    /// One option; false at the end of them.
    fn option(&mut self, column: &mut Column) -> Result<bool> {
        if self.keyword("KEY") {
            column.key = true;
        } else if self.keyword("PRIMARY") {
            self.needs("KEY", "KEY after PRIMARY")?;
            column.key = true;
        } else if self.keyword("NOT") {
            self.needs("NULL", "NULL after NOT")?;
            column.not_null = true;
        } else if self.keyword("NULL") {
            column.not_null = false;
        } else if self.keyword("UNIQUE") {
            column.unique = true;
        } else if self.keyword("DEFAULT") {
            column.default = Some(self.default()?);
        } else if self.keyword("REFERENCES") {
            column.references = Some(self.reference()?);
        } else if self.keyword("ON") {
            self.needs("DELETE", "DELETE CASCADE after ON")?;
            self.needs("CASCADE", "CASCADE after ON DELETE")?;
            column.on_delete = OnDelete::Cascade;
        } else if matches!(self.word(self.at + 1), Some(Word::Sign('('))) && self.keyword("CHECK") {
            let condition = self.check()?;
            self.checks.push(condition);
        } else if self.keyword("GENERATED") {
            self.generated();
        } else if self.keyword("READ") {
            column.read_by = self.roles()?;
        } else if self.keyword("WRITE") {
            column.write_by = self.roles()?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `GENERATED ALWAYS AS (…) STORED`.
    fn generated(&mut self) {
        self.note("a computed column is kept as a plain one");
        self.keyword("ALWAYS");
        self.keyword("AS");
        if matches!(self.peek(), Some(Word::Sign('('))) {
            // The condition of CHECK has the same form.
            let _ = self.check();
        }
        let _ = self.keyword("STORED") || self.keyword("VIRTUAL");
    }

    /// Whether the word at an index begins an option.
    fn is_option(&self, at: usize) -> bool {
        const FIRST: [&str; 9] =
            ["KEY", "PRIMARY", "NOT", "NULL", "UNIQUE", "DEFAULT", "REFERENCES", "READ", "WRITE"];
        FIRST.iter().any(|word| self.is(word, at))
    }

    fn default(&mut self) -> Result<ColumnDefault> {
        let negative = self.sign('-');
        let default = match self.peek() {
            Some(Word::Text(text)) if !negative => ColumnDefault::Text(unquoted(text)),
            Some(Word::Number(digits)) => {
                let sign = if negative { "-" } else { "" };
                let number = number::parse(&format!("{sign}{digits}"));
                ColumnDefault::Number(number.ok_or_else(|| self.expected("a number"))?)
            }
            Some(Word::Name(word)) if !negative => match word.to_ascii_lowercase().as_str() {
                "null" => ColumnDefault::Null,
                "true" => ColumnDefault::Boolean(true),
                "false" => ColumnDefault::Boolean(false),
                "now" | "current_timestamp" | "today" => ColumnDefault::Now,
                "uuid_generate_v4" | "gen_random_uuid" | "uuid" | "guid" => ColumnDefault::Uuid,
                _ => ColumnDefault::Text(word.to_owned()),
            },
            _ => return Err(self.expected("a default value")),
        };
        self.at += 1;
        if matches!(default, ColumnDefault::Now | ColumnDefault::Uuid) && self.sign('(') && !self.sign(')') {
            return Err(self.expected("`)`"));
        }
        Ok(default)
    }

    fn reference(&mut self) -> Result<Reference> {
        let Some(Word::Name(table)) = self.peek() else {
            return Err(self.expected("a table"));
        };
        self.at += 1;
        let column = if matches!(self.peek(), Some(Word::Sign('('))) {
            self.names()?.into_iter().next()
        } else {
            None
        };
        Ok(Reference { table: table.to_owned(), column })
    }

    /// `BY "role;role"`.
    fn roles(&mut self) -> Result<Vec<String>> {
        self.needs("BY", "BY")?;
        let Some(Word::Text(text)) = self.peek() else {
            return Err(self.expected("a string of roles"));
        };
        self.at += 1;
        Ok(split_roles(&unquoted(text)))
    }

    /// `(a, b)`.
    fn names(&mut self) -> Result<Vec<String>> {
        if !self.sign('(') {
            return Err(self.expected("`(`"));
        }
        let mut names = Vec::new();
        loop {
            names.push(self.name("a column")?);
            if self.sign(')') {
                return Ok(names);
            }
            if !self.sign(',') {
                return Err(self.expected("`,` or `)`"));
            }
        }
    }

    /// What stands in the brackets of CHECK.
    fn check(&mut self) -> Result<String> {
        let start = self.offset() + 1;
        let mut open = 0;
        while let Some(word) = self.peek() {
            match word {
                Word::Sign('(') => open += 1,
                Word::Sign(')') => open -= 1,
                _ => {}
            }
            if open == 0 {
                // Where its lines begin means nothing, so that indenting them changes nothing.
                let lines = self.text[start..self.offset()].lines().map(str::trim);
                let condition = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
                self.at += 1;
                return Ok(condition);
            }
            self.at += 1;
        }
        Err(self.expected("`)`"))
    }

    /// A name, perhaps in quotes.
    fn name(&mut self, expected: &'static str) -> Result<String> {
        let name = match self.peek() {
            Some(Word::Name(name)) => name.to_owned(),
            Some(Word::Text(text)) => unquoted(text),
            _ => return Err(self.expected(expected)),
        };
        self.at += 1;
        Ok(name)
    }

    /// The byte the next word begins at.
    fn offset(&self) -> usize {
        self.words.get(self.at).map_or(self.text.len(), |(offset, _)| *offset)
    }

    fn word(&self, at: usize) -> Option<Word<'a>> {
        self.words.get(at).map(|(_, word)| *word)
    }

    fn peek(&self) -> Option<Word<'a>> {
        self.word(self.at)
    }

    fn is(&self, wanted: &str, at: usize) -> bool {
        matches!(self.word(at), Some(Word::Name(word)) if word.eq_ignore_ascii_case(wanted))
    }

    fn keyword(&mut self, wanted: &str) -> bool {
        let found = self.is(wanted, self.at);
        self.at += usize::from(found);
        found
    }

    fn needs(&mut self, wanted: &str, expected: &'static str) -> Result<()> {
        if self.keyword(wanted) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn sign(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(Word::Sign(wanted));
        self.at += usize::from(found);
        found
    }

    fn expected(&self, expected: &'static str) -> LineError {
        LineError { offset: self.offset(), expected }
    }
}

/// The roles of `READ BY` and `WRITE BY`, parted by `;` or `,`.
fn split_roles(text: &str) -> Vec<String> {
    text.split([';', ',']).map(str::trim).filter(|role| !role.is_empty()).map(str::to_owned).collect()
}
