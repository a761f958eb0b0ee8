//! Tokens: what the lexer makes and the parser reads.

use std::collections::HashMap;

/// A piece of a script in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end.max(self.start) }
    }
}

/// A name of a script, folded: two spellings of one name are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name(pub(crate) u32);

/// The folded names of one script.
#[derive(Debug, Default)]
pub(crate) struct Names {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Names {
    pub(crate) fn intern(&mut self, text: &str) -> Name {
        // Nearly all names are ASCII without capitals or short; one buffer is made only for the rest.
        let folded: std::borrow::Cow<'_, str> =
            if text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b.is_ascii_digit()) {
                text.into()
            } else if text.is_ascii() {
                text.to_ascii_lowercase().into()
            } else {
                text.to_lowercase().into()
            };
        if let Some(&number) = self.numbers.get(&*folded) {
            return Name(number);
        }
        let number = self.texts.len() as u32;
        self.texts.push(folded.as_ref().into());
        self.numbers.insert(folded.into(), number);
        Name(number)
    }

    pub(crate) fn get(&self, name: Name) -> &str {
        self.texts.get(name.0 as usize).map_or("", |text| text)
    }

    pub(crate) fn find(&self, folded: &str) -> Option<Name> {
        self.numbers.get(folded).copied().map(Name)
    }
}

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// A name or keyword.
    Word(Name),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string or block; the number is its place in [`Tokens::texts`].
    Text(u32),
    /// An operator or bracket.
    Mark(Mark),
    /// The end of a logical line.
    Line,
    /// The end of the script.
    End,
}

/// Operators and brackets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    ParenOpen,
    ParenClose,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
    /// `#{`
    ObjectOpen,
    /// `${`
    InterpolationOpen,
    Comma,
    Dot,
    /// `?.`
    QuestionDot,
    Colon,
    Semicolon,
    Equal,
    EqualEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Caret,
    Ampersand,
    And,
    Or,
    /// `??`
    Coalesce,
    Question,
    Bang,
}

impl Mark {
    /// Whether it begins what another mark ends.
    pub(crate) fn opens(self) -> bool {
        matches!(
            self,
            Self::ParenOpen
                | Self::BracketOpen
                | Self::BraceOpen
                | Self::ObjectOpen
                | Self::InterpolationOpen
        )
    }

    pub(crate) fn closes(self) -> bool {
        matches!(self, Self::ParenClose | Self::BracketClose | Self::BraceClose)
    }

    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::ParenOpen => "(",
            Self::ParenClose => ")",
            Self::BracketOpen => "[",
            Self::BracketClose => "]",
            Self::BraceOpen => "{",
            Self::BraceClose => "}",
            Self::ObjectOpen => "#{",
            Self::InterpolationOpen => "${",
            Self::Comma => ",",
            Self::Dot => ".",
            Self::QuestionDot => "?.",
            Self::Colon => ":",
            Self::Semicolon => ";",
            Self::Equal => "=",
            Self::EqualEqual => "==",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Star => "*",
            Self::Slash => "/",
            Self::Percent => "%",
            Self::Caret => "^",
            Self::Ampersand => "&",
            Self::And => "&&",
            Self::Or => "||",
            Self::Coalesce => "??",
            Self::Question => "?",
            Self::Bang => "!",
        }
    }
}

/// One token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
    /// Whether blanks stand before it.
    pub(crate) spaced: bool,
}

/// A part of a string or block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Piece {
    /// Text as it stands, escapes resolved.
    Literal(String),
    /// The source of an expression between `${` and `}`.
    Code(Span),
}

/// The pieces of one string or block.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TextPieces {
    pub(crate) pieces: Vec<Piece>,
    /// In blocks, code that does not parse stays text.
    pub(crate) block: bool,
}

/// All tokens of a script.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    pub(crate) tokens: Vec<Token>,
    pub(crate) texts: Vec<TextPieces>,
}
