//! Rows as structs.

use super::{Cell, Column, DbError, postgres, sqlite};

/// A row of an answer.
pub struct Row<'a>(Of<'a>);

#[derive(Clone, Copy)]
enum Of<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl<'a> Row<'a> {
    pub(super) fn sqlite(row: &'a rusqlite::Row<'a>) -> Self {
        Self(Of::Sqlite(row))
    }

    pub(super) fn postgres(row: &'a tokio_postgres::Row) -> Self {
        Self(Of::Postgres(row))
    }

    /// How many columns it has.
    pub(super) fn width(&self) -> usize {
        match self.0 {
            Of::Sqlite(row) => row.as_ref().column_count(),
            Of::Postgres(row) => row.len(),
        }
    }

    /// Reads one column, counted from 0.
    pub fn get<T: Column>(&self, at: usize) -> Result<T, DbError> {
        let value = match self.0 {
            Of::Sqlite(row) => sqlite::value(row, at)?,
            Of::Postgres(row) => postgres::value(row, at)?,
        };
        T::read(Cell(value))
    }
}

/// What a row can be read as. `record!` makes one from a struct.
pub trait Record: Sized {
    /// How many columns it reads.
    const WIDTH: usize;

    /// Reads the columns from the given one on, in order.
    fn read(row: &Row<'_>, at: usize) -> Result<Self, DbError>;
}

macro_rules! tuples {
    ($(($($name:ident $at:literal)+) $width:literal;)*) => {
        $(impl<$($name: Column),+> Record for ($($name,)+) {
            const WIDTH: usize = $width;
            fn read(row: &Row<'_>, at: usize) -> Result<Self, DbError> {
                Ok(($(row.get::<$name>(at + $at)?,)+))
            }
        })*
    };
}

tuples! {
    (A 0) 1;
    (A 0 B 1) 2;
    (A 0 B 1 C 2) 3;
    (A 0 B 1 C 2 D 3) 4;
    (A 0 B 1 C 2 D 3 E 4) 5;
    (A 0 B 1 C 2 D 3 E 4 F 5) 6;
}

/// A struct that is read from a row: its fields are the columns, in order. `COLUMNS` names them for the statement,
/// after the `from` text if there is one (for joins), else after the fields.
#[macro_export]
macro_rules! record {
    ($(#[$meta:meta])* $vis:vis struct $name:ident $(from $columns:literal)? {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $type:ty),+ $(,)?
    }) => {
        $(#[$meta])*
        $vis struct $name { $($(#[$field_meta])* $field_vis $field: $type),+ }

        impl $name {
            /// The columns that are read, as a statement names them.
            #[allow(dead_code)]
            $vis const COLUMNS: &'static str = $crate::record!(@columns [$($columns)?] $($field)+);
        }

        impl $crate::db::Record for $name {
            const WIDTH: usize = [$(stringify!($field)),+].len();

            fn read(row: &$crate::db::Row<'_>, at: usize) -> ::std::result::Result<Self, $crate::db::DbError> {
                let mut next = at;
                let mut column = || { next += 1; next - 1 };
                Ok(Self { $($field: row.get(column())?),+ })
            }
        }
    };
    (@columns [$columns:literal] $($field:ident)+) => { $columns };
    (@columns [] $first:ident $($field:ident)*) => {
        concat!(stringify!($first) $(, ", ", stringify!($field))*)
    };
}
