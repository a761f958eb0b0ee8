//! Types of columns.

use std::fmt;

use serde::{Serialize, Serializer, de};

/// What a column holds. Stored and printed in one spelling per type, such as `string(50)` or `decimal(10,2)`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// Text, of at most this many characters if limited.
    Text {
        /// Most characters.
        max: Option<u32>,
    },
    /// Whole numbers of 32 bits.
    Integer,
    /// Whole numbers of 64 bits.
    BigInteger,
    /// 64-bit floats.
    Double,
    /// Exact decimals.
    Decimal {
        /// Digits in all; the host's own if not given.
        precision: Option<u32>,
        /// Digits after the point.
        scale: u32,
    },
    /// True or false.
    Boolean,
    /// Calendar days.
    Date,
    /// Instants.
    DateTime,
    /// Times of day.
    Time,
    /// UUIDs.
    Uuid,
    /// Any JSON value; also what array types are kept as.
    Json,
    /// The key of another table.
    Reference(String),
    /// A word that is no known type: a table declared elsewhere, until the schema is resolved.
    Named(String),
}

impl ColumnType {
    /// The type a word and its arguments in brackets name, ignoring case. An array suffix (`text[]`) gives JSON;
    /// arguments that a type does not take, or cannot read, are ignored. Any other word gives [`ColumnType::Named`].
    ///
    /// `number` alone is an integer, `number(n)` a big integer, `number(n,p)` a decimal.
    ///
    /// ```
    /// use basic::schema::ColumnType;
    /// assert_eq!(ColumnType::parse("string", &["50"]), ColumnType::Text { max: Some(50) });
    /// assert_eq!(ColumnType::parse("number", &["10", "2"]).to_string(), "decimal(10,2)");
    /// assert_eq!(ColumnType::parse("customers", &[]), ColumnType::Named("customers".into()));
    /// ```
    pub fn parse(word: &str, arguments: &[&str]) -> Self {
        if word.ends_with("[]") {
            return Self::Json;
        }
        let number = |at: usize| arguments.get(at).and_then(|text| text.trim().parse::<u32>().ok());
        match word.to_ascii_lowercase().as_str() {
            "string" | "varchar" | "nvarchar" => Self::Text { max: number(0) },
            "text" | "memo" | "clob" => Self::Text { max: None },
            "char" => Self::Text { max: number(0).or(Some(1)) },
            "number" => match (number(0), number(1)) {
                (None, _) => Self::Integer,
                (Some(_), None) => Self::BigInteger,
                (precision, Some(scale)) => Self::Decimal { precision, scale },
            },
            "integer" | "int" | "smallint" => Self::Integer,
            "bigint" | "long" => Self::BigInteger,
            "double" | "float" | "real" => Self::Double,
            "decimal" | "numeric" | "money" => Self::Decimal {
                precision: number(0),
                scale: number(1).unwrap_or(if arguments.is_empty() { 2 } else { 0 }),
            },
            "boolean" | "bool" | "bit" => Self::Boolean,
            "date" => Self::Date,
            "datetime" | "timestamp" | "timestamptz" => Self::DateTime,
            "time" => Self::Time,
            "guid" | "uuid" => Self::Uuid,
            "json" | "jsonb" => Self::Json,
            _ => Self::Named(word.to_owned()),
        }
    }
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { max: None } => f.write_str("text"),
            Self::Text { max: Some(max) } => write!(f, "string({max})"),
            Self::Integer => f.write_str("integer"),
            Self::BigInteger => f.write_str("bigint"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision: None, scale: 2 } => f.write_str("decimal"),
            Self::Decimal { precision: None, scale } => write!(f, "decimal(max,{scale})"),
            Self::Decimal { precision: Some(precision), scale } => write!(f, "decimal({precision},{scale})"),
            Self::Boolean => f.write_str("boolean"),
            Self::Date => f.write_str("date"),
            Self::DateTime => f.write_str("datetime"),
            Self::Time => f.write_str("time"),
            Self::Uuid => f.write_str("uuid"),
            Self::Json => f.write_str("json"),
            Self::Reference(table) | Self::Named(table) => f.write_str(table),
        }
    }
}

impl Serialize for ColumnType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // A table may bear the name of a type.
            Self::Reference(table) => serializer.collect_str(&format_args!("-> {table}")),
            _ => serializer.collect_str(self),
        }
    }
}

impl<'de> de::Deserialize<'de> for ColumnType {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if let Some(table) = text.strip_prefix("-> ") {
            return Ok(Self::Reference(table.to_owned()));
        }
        Ok(match text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            Some((word, arguments)) => Self::parse(word, &arguments.split(',').collect::<Vec<_>>()),
            None => Self::parse(&text, &[]),
        })
    }
}
