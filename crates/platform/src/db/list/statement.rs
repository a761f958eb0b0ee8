//! Statements of lists with their values.

use sea_query::{
    Expr, PostgresQueryBuilder, Query, SelectStatement, SqliteQueryBuilder, Value as SeaValue, Values,
};

use crate::db::{DbError, Record, Value, session::Dialect, tx::Scoped};

/// Stands for the tables while a statement is built: sea-query knows no FROM that is text.
const TABLES: &str = "tables";

/// A statement with the values of its parameters.
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Values,
}

/// A statement to be built over tables that a text names.
pub(super) fn select() -> SelectStatement {
    let mut query = Query::select();
    query.from(TABLES);
    query
}

impl Statement {
    pub(super) fn of(dialect: Dialect, tables: &str, query: &SelectStatement) -> Self {
        let (sql, values) = match dialect {
            Dialect::Sqlite => query.build(SqliteQueryBuilder),
            Dialect::Postgres => query.build(PostgresQueryBuilder),
        };
        Self { sql: sql.replacen(&format!("\"{TABLES}\""), tables, 1), values }
    }

    /// How many rows it gives.
    pub(super) fn counted(self) -> Self {
        Self { sql: format!("SELECT count(*) FROM ({}) AS counted", self.sql), values: self.values }
    }

    pub(super) fn values(&self) -> Result<Vec<Value<'_>>, DbError> {
        self.values.iter().map(native).collect()
    }

    pub(super) fn run<R: Record>(&self, scoped: Scoped<'_>) -> Result<Vec<R>, DbError> {
        scoped.built().each(&self.sql, &self.values()?, usize::MAX)
    }

    /// The one number that it gives.
    pub(super) fn number(&self, scoped: Scoped<'_>) -> Result<u64, DbError> {
        let rows: Vec<(u64,)> = self.run(scoped)?;
        Ok(rows.first().map_or(0, |(number,)| *number))
    }
}

impl Dialect {
    /// A condition of one's own over one value, whose place is `?`.
    pub(super) fn custom(self, sql: &str, value: impl Into<SeaValue>) -> Expr {
        match self {
            Self::Sqlite => Expr::cust_with_values(sql.to_owned(), [value.into()]),
            Self::Postgres => Expr::cust_with_values(sql.replacen('?', "$1", 1), [value.into()]),
        }
    }
}

fn native(value: &SeaValue) -> Result<Value<'_>, DbError> {
    match value {
        SeaValue::BigInt(Some(number)) => Ok(Value::Integer(*number)),
        SeaValue::BigUnsigned(Some(number)) => {
            i64::try_from(*number).map(Value::Integer).map_err(|cause| DbError::Engine(cause.to_string()))
        }
        SeaValue::Bool(Some(value)) => Ok(Value::Integer((*value).into())),
        SeaValue::String(Some(text)) => Ok(Value::Text(text)),
        SeaValue::Bytes(Some(bytes)) => Ok(Value::Blob(bytes)),
        other => Err(DbError::Engine(format!("a list can't be asked with {other:?}"))),
    }
}
