//! The table of the types of columns.

use crate::schema::ColumnType;

/// Types as authors write them, what they hold.
const TYPES: &[(&[&str], &str)] = &[
    (&["string", "text", "varchar", "nvarchar", "memo", "clob"], "Text of any length."),
    (&["string(50)", "varchar(50)", "nvarchar(50)"], "Text of at most so many characters."),
    (&["char"], "One character."),
    (&["char(3)"], "Text of at most so many characters."),
    (&["integer", "int", "smallint", "number"], "A whole number of 32 bits."),
    (&["bigint", "long", "number(10)"], "A whole number of 64 bits."),
    (&["double", "float", "real"], "A number with floating point."),
    (
        &["number(10,2)", "decimal(10,2)", "numeric(10,2)", "money(10,2)"],
        "An exact number: digits in all, and after the point.",
    ),
    (&["decimal", "numeric", "money"], "An exact number with two digits after the point."),
    (&["boolean", "bool", "bit"], "True or false."),
    (&["date"], "A day."),
    (&["datetime", "timestamp", "timestamptz"], "An instant."),
    (&["time"], "A time of day."),
    (&["uuid", "guid"], "A UUID."),
    (&["json", "jsonb", "text[]"], "Any value as JSON; also every type with `[]`."),
    (
        &["customers"],
        "The key of another table, by that table's name. Any other word is taken as text, with a warning.",
    ),
];

/// The type that a spelling names.
fn parsed(spelling: &str) -> ColumnType {
    match spelling.strip_suffix(')').and_then(|spelling| spelling.split_once('(')) {
        Some((word, arguments)) => ColumnType::parse(word, &arguments.split(',').collect::<Vec<_>>()),
        None => ColumnType::parse(spelling, &[]),
    }
}

/// All types: how they are written, what they hold, what they are kept as.
pub(super) fn types() -> String {
    let rows = TYPES.iter().map(|(spellings, holds)| {
        let kept = spellings.first().map(|spelling| format!("`{}`", parsed(spelling))).unwrap_or_default();
        [super::codes(spellings.iter().copied()), (*holds).to_owned(), kept]
    });
    super::table(["type", "what it holds", "kept as"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_a_row_name_one_type() {
        for (spellings, _) in TYPES {
            for spelling in *spellings {
                assert_eq!(parsed(spelling), parsed(spellings[0]), "{spelling}");
            }
        }
    }
}
