//! Filters: which rows, in which order, how many.
//!
//! A filter is written as text (`stage != Closed Won AND owner = ann ORDER BY due DESC LIMIT 5`) or as a WHERE clause
//! in the syntax of scripts; both become the tree of this module, which a host evaluates here or turns into a query
//! with bound parameters. Values that a script puts into filter text are [holes](Operand::Hole): they take part as
//! values only, so nothing in them can change the tree.
//!
//! ```
//! use basic::filter::{Constant, Filter, Part};
//! // FIND "stock", "owner = '" + name + "' AND qty > 0"
//! let filter = Filter::parse(&[Part::Text("owner = '"), Part::Hole, Part::Text("' AND qty > 0")]).unwrap();
//! let filter = filter.bind(&[Constant::Text("x' OR 'a'='a".into())]).unwrap();
//! assert_eq!(filter.to_string(), "owner = 'x'' OR ''a''=''a' AND qty > 0");
//! ```

mod bind;
mod evaluate;
mod operand;
mod parse;
mod print;
mod scan;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::scalar::{Date, Number, Scalar, Unit};
pub use bind::{BindError, BoundFilter};
pub use evaluate::Fields;

/// A piece of filter text as the compiler sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Text written in the script.
    Text(&'a str),
    /// A value the script puts there; holes count from 0 in the order they stand.
    Hole,
}

/// A filter, perhaps with holes still open.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Filter {
    /// What must hold for a row; every row without one.
    pub condition: Option<Condition>,
    /// What to sort by, most important first.
    pub order: Vec<Order>,
    /// How many rows at most.
    pub limit: Option<Limit>,
    /// How many holes there are.
    pub holes: usize,
}

/// One column of ORDER BY.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The column.
    pub column: String,
    /// From the largest down.
    pub descending: bool,
}

/// The number after LIMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Limit {
    /// A number of rows.
    Rows(u64),
    /// The number in this hole.
    Hole(usize),
}

/// A condition on a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Condition {
    /// All of them hold.
    And(Vec<Condition>),
    /// One of them holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Always or never.
    Always(bool),
    /// Two operands compared.
    Compare {
        /// Left side, usually a column.
        left: Operand,
        /// How.
        operator: Comparison,
        /// Right side, usually a value.
        right: Operand,
    },
    /// The left side equals one of the list.
    In {
        /// Left side, usually a column.
        left: Operand,
        /// The values; a hole may bring a list.
        list: Vec<Operand>,
    },
    /// The operand is null. The empty text is not.
    IsNull(Operand),
}

/// How two operands compare; the rules are those of the script operators.
///
/// They differ from SQL where a value is missing: null and the empty text are equal to each other and not equal to
/// everything else, so `<>` holds for rows without a value. The other comparisons never hold for null. A host that
/// builds a query must ask for that (`x <> 5 OR x IS NULL`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`; also holds for what cannot be compared.
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
    /// `LIKE`, ignoring case.
    Like,
    /// `CONTAINS`, ignoring case.
    Contains,
    /// `STARTS WITH`; case counts.
    StartsWith,
    /// `ENDS WITH`; case counts.
    EndsWith,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Operand {
    /// The value of a column; a path with dots reaches into objects.
    Column(String),
    /// A value written in the filter.
    Constant(Constant),
    /// A value the script gives.
    Hole(usize),
    /// A text with values of the script in it, such as `'%${x}%'`.
    Joined(Vec<Piece>),
    /// A function.
    Call(Function, Vec<Operand>),
}

/// A piece of [`Operand::Joined`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// Text as written.
    Text(String),
    /// The text of the value in this hole.
    Hole(usize),
}

/// A value in a filter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Constant {
    /// No value.
    Null,
    /// A truth value.
    Boolean(bool),
    /// A number.
    Number(Number),
    /// A date.
    Date(Date),
    /// A text.
    Text(String),
    /// Several values, for IN; equal to nothing else.
    List(Vec<Constant>),
}

/// A function of filter text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Function {
    /// `NOW()`: the present instant.
    Now,
    /// `CURDATE()`, `TODAY()`: the present day.
    Today,
    /// `DATE(x)`: the day of a date.
    Day,
    /// `DATEDIFF(a, b)`: calendar days `a - b`.
    DateDiff,
    /// `DATE_ADD(x, INTERVAL n unit)`: arguments `x`, `n`.
    DateAdd(Unit),
    /// `DATE_SUB(x, INTERVAL n unit)`: arguments `x`, `n`.
    DateSubtract(Unit),
    /// `LOWER(x)`
    Lower,
    /// `UPPER(x)`
    Upper,
}

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FilterError {
    /// Which part of the filter text, from 0.
    pub part: usize,
    /// Where in that part, in bytes.
    pub offset: usize,
    /// What was expected or is wrong.
    pub message: String,
}

impl Filter {
    /// Reads filter text with holes where the script puts values.
    ///
    /// Values are quoted (`'x'` or `"x"`, the quote doubled inside), numbers, `true`, `false`, `null`, functions, or
    /// bare words up to the next AND, OR, ORDER BY, LIMIT, closing bracket or the end. Errors where the text is no
    /// filter, and where a hole stands for anything but a value.
    pub fn parse(parts: &[Part<'_>]) -> Result<Self, FilterError> {
        parse::parse(parts)
    }

    /// Reads a filter text without holes.
    pub fn parse_text(text: &str) -> Result<Self, FilterError> {
        parse::parse(&[Part::Text(text)])
    }
}

impl Condition {
    /// The columns that it names, in the order of the text; one may come several times.
    pub fn columns(&self) -> Vec<&str> {
        let mut found = Vec::new();
        self.collect_columns(&mut found);
        found
    }

    fn collect_columns<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|one| one.collect_columns(found)),
            Self::Not(inner) => inner.collect_columns(found),
            Self::Always(_) => {}
            Self::Compare { left, right, .. } => {
                left.collect_columns(found);
                right.collect_columns(found);
            }
            Self::In { left, list } => {
                left.collect_columns(found);
                list.iter().for_each(|one| one.collect_columns(found));
            }
            Self::IsNull(operand) => operand.collect_columns(found),
        }
    }
}

impl Operand {
    fn collect_columns<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Column(column) => found.push(column),
            Self::Call(_, arguments) => arguments.iter().for_each(|one| one.collect_columns(found)),
            Self::Constant(_) | Self::Hole(_) | Self::Joined(_) => {}
        }
    }
}

/// Whether a text could be a filter at all. A second argument without an operator (`UPDATE t, key, …`) is a key.
///
/// ```
/// assert!(basic::filter::has_operator("name like ann%"));
/// assert!(!basic::filter::has_operator("ORD-2025-17"));
/// ```
pub fn has_operator(text: &str) -> bool {
    const WORDS: [&str; 9] = ["LIKE", "ILIKE", "IN", "IS", "CONTAINS", "BETWEEN", "STARTS", "ENDS", "NOT"];
    text.contains(['=', '<', '>'])
        || text.split_whitespace().skip(1).any(|word| WORDS.iter().any(|w| w.eq_ignore_ascii_case(word)))
}

impl From<Scalar<'_>> for Constant {
    fn from(scalar: Scalar<'_>) -> Self {
        match scalar {
            Scalar::Null => Self::Null,
            Scalar::Boolean(truth) => Self::Boolean(truth),
            Scalar::Number(number) => Self::Number(number),
            Scalar::Date(date) => Self::Date(date),
            Scalar::Text(text) => Self::Text(text.to_owned()),
        }
    }
}

impl Constant {
    /// The value as a scalar; a list is none and counts as null.
    pub fn as_scalar(&self) -> Scalar<'_> {
        match self {
            Self::Null | Self::List(_) => Scalar::Null,
            Self::Boolean(truth) => Scalar::Boolean(*truth),
            Self::Number(number) => Scalar::Number(*number),
            Self::Date(date) => Scalar::Date(*date),
            Self::Text(text) => Scalar::Text(text),
        }
    }
}
