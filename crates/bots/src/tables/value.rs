//! Values of scripts as a table keeps them, and back.

use basic::{
    Data,
    scalar::{
        Date, Number, Scalar,
        date::{self, time_text},
        math, number,
    },
    schema::{ColumnDefault, ColumnType},
};
use chrono::{DateTime, FixedOffset, NaiveDate};
use kernel::{Surroundings, Timestamp};
use platform::db::{Kept, MadeValue};
use uuid::Uuid;

use super::definition::{Stored, kept_as};

/// Bytes of a text that is in an index: PostgreSQL keeps no longer ones there.
pub(crate) const INDEXED_BYTES: usize = 2000;

/// The value as the column keeps it, or why it can't.
pub(crate) fn kept(stored: &Stored, value: &Data, offset: FixedOffset) -> Result<MadeValue, String> {
    let name = &stored.column.name;
    let refused = |wanted: &str| Err(format!("{name} takes {wanted}, not {}", shortened(value)));
    // A question that was not answered gives the empty text: only texts keep it.
    let is_empty = matches!(value, Data::Text(text) if text.trim().is_empty());
    if value.is_null() || (is_empty && kept_as(&stored.holds) != Kept::Text) {
        return Ok(MadeValue::Null);
    }
    let scalar = value.as_scalar();
    match &stored.holds {
        ColumnType::Text { max } => text(name, value.to_string(), *max),
        ColumnType::Reference(_) | ColumnType::Named(_) => text(name, value.to_string(), None),
        ColumnType::Json => text(name, value.to_json().to_string(), None),
        ColumnType::Integer => match whole(scalar).filter(|whole| i32::try_from(*whole).is_ok()) {
            Some(whole) => Ok(MadeValue::Whole(whole)),
            None => refused("a whole number of at most 2147483647"),
        },
        ColumnType::BigInteger => match whole(scalar) {
            Some(whole) => Ok(MadeValue::Whole(whole)),
            None => refused("a whole number"),
        },
        ColumnType::Double => match numeric(scalar) {
            Some(number) => Ok(MadeValue::Real(number.as_f64())),
            None => refused("a number"),
        },
        ColumnType::Decimal { precision, scale } => {
            let Some(number) = numeric(scalar) else { return refused("a number") };
            let rounded = math::round(number, i64::from(*scale)).as_f64();
            let digits = precision.map_or(u32::MAX, |precision| precision.saturating_sub(*scale));
            if digits < 300 && rounded.abs() >= 10f64.powi(digits.cast_signed()) {
                return refused(&format!("a number with at most {digits} digits before the point"));
            }
            Ok(MadeValue::Real(rounded))
        }
        ColumnType::Boolean => match truth(scalar) {
            Some(truth) => Ok(MadeValue::Whole(truth.into())),
            None => refused("true or false"),
        },
        _ if is_empty => Ok(MadeValue::Null),
        ColumnType::Date => match instant(scalar, offset) {
            Some(date) => Ok(MadeValue::Text(date.day().to_string())),
            None => refused("a date"),
        },
        ColumnType::DateTime => match instant(scalar, offset) {
            Some(date) => Ok(MadeValue::Whole(date.instant(offset).timestamp_micros())),
            None => refused("a date and time"),
        },
        ColumnType::Time => {
            let time = match scalar {
                Some(Scalar::Date(date)) => Some(date.time()),
                Some(Scalar::Text(text)) => date::parse_time(text),
                _ => None,
            };
            time.map_or_else(|| refused("a time such as 14:30"), |time| Ok(MadeValue::Text(time_text(time))))
        }
        ColumnType::Uuid => {
            let uuid = value.as_text().and_then(|text| Uuid::parse_str(text.trim()).ok());
            uuid.map_or_else(|| refused("a UUID"), |uuid| Ok(MadeValue::Text(uuid.to_string())))
        }
    }
}

/// The value as scripts see it.
pub(crate) fn shown(stored: &Stored, value: &MadeValue, offset: FixedOffset) -> Data {
    match (value, &stored.holds) {
        (MadeValue::Null, _) => Data::Null,
        (MadeValue::Whole(truth), ColumnType::Boolean) => Data::Bool(*truth != 0),
        (MadeValue::Whole(micros), ColumnType::DateTime) => {
            let instant = DateTime::from_timestamp_micros(*micros);
            instant.map_or(Data::Null, |instant| instant.with_timezone(&offset).into())
        }
        (MadeValue::Whole(number), _) => Data::Integer(*number),
        // Whole floats are whole numbers to scripts as well.
        (MadeValue::Real(number), _) => match Number::Float(*number).simplified() {
            Number::Int(whole) => Data::Integer(whole),
            Number::Float(float) => Data::Number(float),
        },
        (MadeValue::Text(text), ColumnType::Date) => {
            text.parse::<NaiveDate>().map_or_else(|_| Data::Text(text.clone()), Data::from)
        }
        (MadeValue::Text(text), ColumnType::Json) => serde_json::from_str(text).unwrap_or_default(),
        (MadeValue::Text(text), _) => Data::Text(text.clone()),
    }
}

/// The value of a row that gives none.
pub(crate) fn default(
    default: &ColumnDefault,
    stored: &Stored,
    now: Timestamp,
    surroundings: &Surroundings,
) -> Result<MadeValue, String> {
    let value = match default {
        ColumnDefault::Null => Data::Null,
        ColumnDefault::Boolean(truth) => Data::Bool(*truth),
        ColumnDefault::Number(Number::Int(whole)) => Data::Integer(*whole),
        ColumnDefault::Number(Number::Float(float)) => Data::Number(*float),
        ColumnDefault::Text(text) => Data::Text(text.clone()),
        ColumnDefault::Now => now.fixed_offset().into(),
        ColumnDefault::Uuid => Data::Text(surroundings.uuid().to_string()),
    };
    kept(stored, &value, now.fixed_offset().offset().to_owned())
}

fn text(name: &str, text: String, max: Option<u32>) -> Result<MadeValue, String> {
    if text.contains('\0') {
        return Err(format!("{name} can't keep the character U+0000"));
    }
    match max {
        Some(max) if text.chars().count() > max as usize => {
            Err(format!("{name} takes at most {max} characters"))
        }
        _ => Ok(MadeValue::Text(text)),
    }
}

fn numeric(value: Option<Scalar<'_>>) -> Option<Number> {
    match value? {
        Scalar::Number(number) => Some(number).filter(|number| number.as_f64().is_finite()),
        Scalar::Boolean(truth) => Some(Number::Int(truth.into())),
        Scalar::Text(text) => number::parse(text),
        Scalar::Null | Scalar::Date(_) => None,
    }
}

fn whole(value: Option<Scalar<'_>>) -> Option<i64> {
    numeric(value)?.as_exact_i64()
}

fn truth(value: Option<Scalar<'_>>) -> Option<bool> {
    match value? {
        Scalar::Boolean(truth) => Some(truth),
        Scalar::Text(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Scalar::Text(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        other => match whole(Some(other))? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
    }
}

fn instant(value: Option<Scalar<'_>>, offset: FixedOffset) -> Option<Date> {
    match value? {
        Scalar::Date(date) => Some(date),
        Scalar::Text(text) => date::parse(text, offset),
        _ => None,
    }
}

/// A value as a sentence quotes it.
fn shortened(value: &Data) -> String {
    const LONGEST: usize = 40;
    let text = value.to_string();
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("\"{short}\"")
}
