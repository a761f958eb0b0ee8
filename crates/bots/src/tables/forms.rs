//! The forms of the data commands: what a script means, whatever it is done to.

use basic::{
    Answer, Change, Clause, Command, Data, ErrorCode,
    filter::{BoundFilter, Constant, Fields, Filter, Limit},
    scalar::{
        Number, Scalar,
        compare::{is_missing, sort_order},
        math, number,
    },
};
use chrono::FixedOffset;
use gateway::command::Unperformed;

use super::{condition, service::filter_of};
use crate::memory::keywords::text;

/// What SAVE and INSERT are given.
#[derive(Debug, PartialEq)]
pub(crate) enum Saved<'a> {
    /// A record. Its object is the second argument, if it is one.
    One { record: &'a [(String, Data)], is_argument: bool },
    /// A record under a key.
    Keyed { key: &'a Data, record: &'a [(String, Data)] },
    /// Several objects: the second argument.
    Many(&'a [Data]),
    /// Values by the places of the columns.
    Placed(&'a [Data]),
}

/// Which rows UPDATE and DELETE mean.
#[derive(Debug)]
pub(crate) enum Chosen<'a> {
    Filter(&'a BoundFilter),
    Key(&'a Data),
    All,
}

/// What AGGREGATE does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Sum,
    Average,
    Count,
    Least,
    Greatest,
}

/// The rows of a value that has several.
fn several(value: &Data) -> Option<&[Data]> {
    match value {
        Data::Array(items) => Some(items),
        Data::Rows(rows) => Some(&rows.rows),
        Data::Response(response) => several(&response.body),
        _ => None,
    }
}

/// The fields of an object, also where an answer is one.
pub(crate) fn fields(value: &Data) -> Option<&[(String, Data)]> {
    match value {
        Data::Object(fields) => Some(fields),
        Data::Response(response) => fields(&response.body),
        _ => None,
    }
}

fn named_fields(command: &Command) -> Option<&[(String, Data)]> {
    command.clauses.iter().find_map(|(_, clause)| match clause {
        Clause::Fields(fields) => Some(fields.as_slice()),
        Clause::Values(_) => None,
    })
}

/// What is to be saved.
pub(crate) fn saved(command: &Command) -> Result<Saved<'_>, Unperformed> {
    if let Some(record) = named_fields(command) {
        return Ok(Saved::One { record, is_argument: false });
    }
    let (values, is_argument) = match command.clause("VALUES") {
        Some(Clause::Values(values)) => (values.as_slice(), false),
        _ => (command.arguments.get(1..).unwrap_or_default(), true),
    };
    match values {
        [] => Err(Unperformed::argument(format!("{} needs an object or values", command.keyword.phrase))),
        [value] if fields(value).is_some() => {
            Ok(Saved::One { record: fields(value).unwrap_or_default(), is_argument })
        }
        [value] if several(value).is_some() => Ok(Saved::Many(several(value).unwrap_or_default())),
        [key, value] if fields(value).is_some() => {
            Ok(Saved::Keyed { key, record: fields(value).unwrap_or_default() })
        }
        values => Ok(Saved::Placed(values)),
    }
}

/// What SAVE FROM UNSTRUCTURED stores.
#[derive(Debug, PartialEq)]
pub(crate) enum Unstructured {
    One(Data),
    Many(Vec<Data>),
}

/// What a text or a value holds that is to be stored: an object, or an array of objects, also as a text of JSON.
pub(crate) fn unstructured(command: &Command) -> Result<Unstructured, Unperformed> {
    let given = command.arguments.get(1).cloned().unwrap_or_default();
    let value = match &given {
        Data::Text(text) => serde_json::from_str(text).map_err(|_| needs_model())?,
        _ => given,
    };
    // Of an answer, what it holds.
    let object = |value| fields(value).map(|fields| Data::Object(fields.to_vec()));
    if let Some(object) = object(&value) {
        return Ok(Unstructured::One(object));
    }
    let rows = several(&value).ok_or_else(needs_model)?;
    let objects: Option<_> = rows.iter().map(object).collect();
    objects.map(Unstructured::Many).ok_or_else(|| Unperformed::argument("an array to save holds objects"))
}

fn needs_model() -> Unperformed {
    let message = "only a model could read fields out of this text, and this server has none yet; give an object or \
                   a text of JSON";
    Unperformed::failed(ErrorCode::Model, message)
}

/// A value that is written back into what was saved.
pub(crate) fn written_back(element: Option<usize>, member: &str, value: Data) -> Change {
    Change { argument: 1, element, member: member.to_owned(), value }
}

/// The answer of SAVE and INSERT.
pub(crate) fn answer(value: Data, changes: Vec<Change>) -> Answer {
    if changes.is_empty() { Answer::Value(value) } else { Answer::Changed { value, changes } }
}

/// The fields that UPDATE and SET change, with their new values.
pub(crate) fn changes(command: &Command) -> Result<Vec<(String, Data)>, Unperformed> {
    if let Some(named) = named_fields(command) {
        return Ok(named.to_vec());
    }
    match command.arguments.as_slice() {
        [.., last] if fields(last).is_some() => Ok(fields(last).unwrap_or_default().to_vec()),
        [_, _, field, value] => Ok(vec![(field.to_string(), value.clone())]),
        // `SET table, filter, "field=value"`.
        [_, _, pair] => match pair.to_string().split_once('=') {
            Some((field, value)) => Ok(vec![(field.trim().to_owned(), Data::Text(value.trim().to_owned()))]),
            None => Err(Unperformed::argument(
                "the third argument is an object, or a text such as \"field=value\"",
            )),
        },
        _ => Err(Unperformed::argument("UPDATE needs SET, or an object with the new values")),
    }
}

/// Which rows are meant.
pub(crate) fn chosen(command: &Command) -> Chosen<'_> {
    match (&command.filter, command.arguments.get(1)) {
        (Some(filter), _) => Chosen::Filter(filter),
        (None, Some(key)) => Chosen::Key(key),
        (None, None) => Chosen::All,
    }
}

/// The filter of FIND.
pub(crate) fn filter(command: &Command) -> Result<BoundFilter, Unperformed> {
    let mut filter = match command.arguments.as_slice() {
        [_, column, value] => {
            let wanted = condition::equals(&column.to_string(), constant(value));
            let own = filter_of(wanted)?.filter().clone();
            let given = command.filter.as_ref().map(|filter| filter.filter().clone()).unwrap_or_default();
            Filter { condition: own.condition, ..given }
        }
        _ => command.filter.as_ref().map(|filter| filter.filter().clone()).unwrap_or_default(),
    };
    if command.clause("FIRST").is_some() {
        filter.limit = Some(Limit::Rows(1));
    }
    filter.bind(&[]).map_err(|error| Unperformed::argument(error.to_string()))
}

/// A value to compare with.
pub(crate) fn constant(value: &Data) -> Constant {
    match value.as_scalar() {
        Some(scalar) => scalar.into(),
        None => Constant::Text(value.to_string()),
    }
}

/// The rows of MERGE, and the column of their key.
pub(crate) fn merged(command: &Command) -> Result<(&[Data], String), Unperformed> {
    let rows = command.clause_value("WITH").or(command.arguments.get(1)).and_then(several);
    let key = command.clause_value("BY").or(command.arguments.get(2)).map(ToString::to_string);
    rows.zip(key).ok_or_else(|| Unperformed::argument("MERGE needs rows and the column of their key"))
}

/// Nested members become fields `a_b`, unless there is a column that takes them whole.
pub(crate) fn flattened(row: &Data, is_column: &dyn Fn(&str) -> bool) -> Vec<(String, Data)> {
    fn flatten(prefix: &str, value: &Data, is_column: &dyn Fn(&str) -> bool, out: &mut Vec<(String, Data)>) {
        match value {
            Data::Object(fields) if prefix.is_empty() || !is_column(prefix) => {
                for (name, field) in fields {
                    let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}_{name}") };
                    flatten(&name, field, is_column, out);
                }
            }
            value => out.push((prefix.to_owned(), value.clone())),
        }
    }
    let mut out = Vec::new();
    flatten("", row, is_column, &mut out);
    out
}

/// What MERGE tells.
pub(crate) fn merge_counts(inserted: i64, updated: i64) -> Answer {
    let counts = [("inserted", inserted), ("updated", updated)];
    Answer::Value(Data::Object(counts.map(|(name, count)| (name.to_owned(), count.into())).into()))
}

/// The table, operation and field of AGGREGATE: the table stands first, or between the others.
pub(crate) fn aggregated(command: &Command) -> Result<(String, Operation, String), Unperformed> {
    let (first, second, field) = (text(command, 0), text(command, 1), text(command, 2));
    let unknown = || Unperformed::argument("AGGREGATE knows SUM, AVG, COUNT, MIN and MAX");
    match (operation(&second), operation(&first)) {
        (Some(operation), _) => Ok((first, operation, field)),
        (None, Some(operation)) => Ok((second, operation, field)),
        (None, None) => Err(unknown()),
    }
}

fn operation(word: &str) -> Option<Operation> {
    Some(match word.to_lowercase().as_str() {
        "sum" => Operation::Sum,
        "avg" | "average" => Operation::Average,
        "count" => Operation::Count,
        "min" => Operation::Least,
        "max" => Operation::Greatest,
        _ => return None,
    })
}

/// One value of a field of rows.
pub(crate) fn aggregate(
    rows: &[Data],
    operation: Operation,
    field: &str,
    offset: FixedOffset,
) -> Result<Data, Unperformed> {
    let values: Vec<Scalar<'_>> =
        rows.iter().map(|row| row.field(field)).filter(|value| !is_missing(*value)).collect();
    let total = || {
        values.iter().try_fold(Number::Int(0), |total, value| {
            let number = match value {
                Scalar::Number(number) => Some(*number),
                Scalar::Text(text) => number::parse(text),
                _ => None,
            };
            let number = number.ok_or_else(|| {
                Unperformed::argument(format!("{field} has values that are no numbers: {}", value.to_text()))
            })?;
            math::add(total, number).map_err(|error| Unperformed::argument(error.to_string()))
        })
    };
    let extreme = |wanted| {
        let found = values
            .iter()
            .copied()
            .reduce(|best, value| if sort_order(value, best, offset) == wanted { value } else { best });
        found.map_or(Data::Null, of_scalar)
    };
    Ok(match operation {
        Operation::Count if field.is_empty() || field == "*" => Data::Integer(rows.len() as i64),
        Operation::Count => Data::Integer(
            rows.iter()
                .filter(|row| row.get_ignoring_case(field).is_some_and(|value| !value.is_null()))
                .count() as i64,
        ),
        Operation::Sum => of_scalar(Scalar::Number(total()?)),
        Operation::Average if values.is_empty() => Data::Null,
        Operation::Average => {
            let average = math::divide(total()?, Number::Int(values.len() as i64));
            of_scalar(Scalar::Number(average.map_err(|error| Unperformed::argument(error.to_string()))?))
        }
        Operation::Least => extreme(std::cmp::Ordering::Less),
        Operation::Greatest => extreme(std::cmp::Ordering::Greater),
    })
}

pub(crate) fn of_scalar(scalar: Scalar<'_>) -> Data {
    match scalar {
        Scalar::Null => Data::Null,
        Scalar::Boolean(truth) => Data::Bool(truth),
        Scalar::Number(Number::Int(whole)) => Data::Integer(whole),
        Scalar::Number(Number::Float(float)) => Data::Number(float),
        Scalar::Date(date) => Data::Date(date),
        Scalar::Text(text) => Data::Text(text.to_owned()),
    }
}
