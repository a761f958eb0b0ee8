//! Filters as text again: for logs, for messages, and to check that reading and printing agree.

use std::fmt;

use super::bind::BoundFilter;
use super::{Comparison, Condition, Constant, Filter, Function, Limit, Operand, Piece};

impl fmt::Display for BoundFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Filter {
    /// The filter in one canonical spelling; holes print as `${0}`, `${1}`, …
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blank = "";
        if let Some(condition) = &self.condition {
            write!(f, "{condition}")?;
            blank = " ";
        }
        for (at, order) in self.order.iter().enumerate() {
            f.write_str(if at == 0 { blank } else { ", " })?;
            f.write_str(if at == 0 { "ORDER BY " } else { "" })?;
            column(f, &order.column)?;
            f.write_str(if order.descending { " DESC" } else { "" })?;
            blank = " ";
        }
        match self.limit {
            None => Ok(()),
            Some(Limit::Rows(rows)) => write!(f, "{blank}LIMIT {rows}"),
            Some(Limit::Hole(hole)) => write!(f, "{blank}LIMIT ${{{hole}}}"),
        }
    }
}

/// A column as a word, or in quotes where it would not read back as one.
fn column(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let mut chars = name.chars();
    let plain = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '.'))
        && !is_reserved(name);
    if plain { f.write_str(name) } else { write!(f, "`{}`", name.replace('`', "``")) }
}

fn is_reserved(name: &str) -> bool {
    const WORDS: [&str; 20] = [
        "IS", "NOT", "IN", "LIKE", "ILIKE", "CONTAINS", "BETWEEN", "STARTS", "ENDS", "AND", "OR", "ASC",
        "DESC", "LIMIT", "ORDER", "TRUE", "FALSE", "NULL", "WHERE", "INTERVAL",
    ];
    WORDS.iter().any(|word| word.eq_ignore_ascii_case(name))
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |f: &mut fmt::Formatter<'_>, all: &[Self], word: &str| {
            for (at, one) in all.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { word })?;
                // Also nested ANDs keep their brackets, so that the tree reads back as it is.
                if matches!(one, Self::And(_) | Self::Or(_)) {
                    write!(f, "({one})")?;
                } else {
                    write!(f, "{one}")?;
                }
            }
            Ok(())
        };
        match self {
            Self::And(all) => joined(f, all, " AND "),
            Self::Or(all) => joined(f, all, " OR "),
            Self::Not(inner) => match &**inner {
                Self::IsNull(operand) => write!(f, "{operand} IS NOT NULL"),
                _ => write!(f, "NOT ({inner})"),
            },
            Self::Always(truth) => f.write_str(if *truth { "TRUE" } else { "FALSE" }),
            Self::Compare { left, operator, right } => write!(f, "{left} {operator} {right}"),
            Self::In { left, list } => {
                write!(f, "{left} IN (")?;
                for (at, one) in list.iter().enumerate() {
                    write!(f, "{}{one}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::IsNull(operand) => write!(f, "{operand} IS NULL"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::NotEqual => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Like => "LIKE",
            Self::Contains => "CONTAINS",
            Self::StartsWith => "STARTS WITH",
            Self::EndsWith => "ENDS WITH",
        })
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column(name) => column(f, name),
            Self::Constant(constant) => constant.fmt(f),
            Self::Hole(hole) => write!(f, "${{{hole}}}"),
            Self::Joined(pieces) => {
                f.write_str("'")?;
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => f.write_str(&text.replace('\'', "''"))?,
                        Piece::Hole(hole) => write!(f, "${{{hole}}}")?,
                    }
                }
                f.write_str("'")
            }
            Self::Call(function, arguments) => call(f, *function, arguments),
        }
    }
}

fn call(f: &mut fmt::Formatter<'_>, function: Function, arguments: &[Operand]) -> fmt::Result {
    let (name, unit) = match function {
        Function::Now => ("NOW", None),
        Function::Today => ("CURDATE", None),
        Function::Day => ("DATE", None),
        Function::DateDiff => ("DATEDIFF", None),
        Function::DateAdd(unit) => ("DATE_ADD", Some(unit)),
        Function::DateSubtract(unit) => ("DATE_SUB", Some(unit)),
        Function::Lower => ("LOWER", None),
        Function::Upper => ("UPPER", None),
    };
    write!(f, "{name}(")?;
    for (at, argument) in arguments.iter().enumerate() {
        let before = match (at, unit) {
            (0, _) => "",
            (_, None) => ", ",
            (_, Some(_)) => ", INTERVAL ",
        };
        write!(f, "{before}{argument}")?;
    }
    if let Some(unit) = unit {
        write!(f, " {}", unit.name().to_ascii_uppercase())?;
    }
    f.write_str(")")
}

impl fmt::Display for Constant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Boolean(truth) => truth.fmt(f),
            Self::Number(number) => {
                let text = number.to_string();
                // Digits without a point that do not fit an integer would read back as a code.
                let point = if number.as_exact_i64().is_none() && !text.contains('.') { ".0" } else { "" };
                write!(f, "{text}{point}")
            }
            Self::Date(date) => write!(f, "'{}'", date.iso()),
            Self::Text(text) => write!(f, "'{}'", text.replace('\'', "''")),
            Self::List(values) => {
                f.write_str("(")?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}
