//! The arguments of a call: checked, and converted to what the script works with.

use chrono::{DateTime, Days, FixedOffset};
use serde_json::Value;

use super::{ParamKind, Parameter, ToolSpec};
use crate::data::Data;
use crate::hear::{self, HearKind, HearValue};
use crate::scalar::{Date, Number, date};

/// The value a parameter begins with.
#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    /// An optional parameter that was not given.
    Null,
    /// A text.
    Text(String),
    /// A number.
    Number(Number),
    /// Yes or no.
    Boolean(bool),
    /// A day or an instant.
    Date(Date),
    /// An array or object.
    Json(Value),
}

impl From<Argument> for Data {
    fn from(argument: Argument) -> Self {
        match argument {
            Argument::Null => Self::Null,
            Argument::Text(text) => Self::Text(text),
            Argument::Number(Number::Int(value)) => Self::Integer(value),
            Argument::Number(Number::Float(value)) => Self::Number(value),
            Argument::Boolean(truth) => Self::Bool(truth),
            Argument::Date(date) => Self::Date(date),
            Argument::Json(value) => Self::from_json(value),
        }
    }
}

/// Why a call is refused; the message goes back to the model.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    /// The arguments are no JSON object.
    #[error("the arguments must be an object")]
    NoObject,
    /// A required parameter is missing, null or blank.
    #[error("{parameter} is required")]
    Missing {
        /// The parameter.
        parameter: String,
    },
    /// There is no such parameter.
    #[error("{parameter} is not a parameter; there are: {known}")]
    Unknown {
        /// The name given.
        parameter: String,
        /// The names there are.
        known: String,
    },
    /// A value is not what the parameter takes.
    #[error("{parameter} must be {expected}")]
    Invalid {
        /// The parameter.
        parameter: String,
        /// What it takes, with its article.
        expected: String,
    },
}

impl ArgumentError {
    /// The parameter that is wrong, where it is one.
    pub fn parameter(&self) -> Option<&str> {
        match self {
            Self::NoObject => None,
            Self::Missing { parameter }
            | Self::Unknown { parameter, .. }
            | Self::Invalid { parameter, .. } => Some(parameter),
        }
    }
}

impl ToolSpec {
    /// The inputs of a run: every parameter by its name with the value it begins with. See [`Self::arguments`].
    pub fn inputs(
        &self,
        given: &Value,
        now: DateTime<FixedOffset>,
    ) -> Result<Vec<(String, Data)>, ArgumentError> {
        let values = self.arguments(given, now)?;
        let names = self.parameters.iter().map(|parameter| parameter.name.clone());
        Ok(names.zip(values.into_iter().map(Data::from)).collect())
    }

    /// Checks the arguments of a call and gives the value of every parameter, in their order.
    ///
    /// Names are matched exactly, else ignoring case. Values are read as replies to HEAR of that type are, so `"3"` is
    /// a whole number and `tomorrow` a day, counted from `now`. Null and blank texts count as not given: the default
    /// is taken, else null for an optional parameter. Errors name the parameter.
    ///
    /// ```
    /// use basic::tools::{Argument, ParamKind, Parameter, ToolSpec};
    /// let now = chrono::DateTime::parse_from_rfc3339("2025-03-14T09:30:00Z").unwrap();
    /// let spec = ToolSpec { name: "quote".into(), description: None, parameters: vec![Parameter::new("qty", ParamKind::Integer)] };
    /// assert_eq!(spec.arguments(&serde_json::json!({ "qty": "3" }), now), Ok(vec![Argument::Number(3.into())]));
    /// assert_eq!(spec.arguments(&serde_json::json!({}), now).unwrap_err().to_string(), "qty is required");
    /// ```
    pub fn arguments(
        &self,
        given: &Value,
        now: DateTime<FixedOffset>,
    ) -> Result<Vec<Argument>, ArgumentError> {
        let Value::Object(given) = given else {
            return Err(ArgumentError::NoObject);
        };
        let by_name = |name: &str| {
            let exact = self.parameters.iter().position(|p| p.name == name);
            let wanted = name.to_lowercase();
            exact.or_else(|| self.parameters.iter().position(|p| p.name.to_lowercase() == wanted))
        };
        let mut values: Vec<Option<&Value>> = vec![None; self.parameters.len()];
        for (name, value) in given {
            let Some(at) = by_name(name) else {
                let known: Vec<_> = self.parameters.iter().map(|p| p.name.as_str()).collect();
                return Err(ArgumentError::Unknown { parameter: name.clone(), known: known.join(", ") });
            };
            values[at] = Some(value);
        }
        self.parameters.iter().zip(values).map(|(parameter, value)| parameter.argument(value, now)).collect()
    }
}

impl Parameter {
    /// The value of this parameter in a call; `None` where it is not given.
    pub fn argument(
        &self,
        given: Option<&Value>,
        now: DateTime<FixedOffset>,
    ) -> Result<Argument, ArgumentError> {
        let given = given.filter(|value| match value {
            Value::Null => false,
            Value::String(text) => !text.trim().is_empty(),
            _ => true,
        });
        match (given, &self.default) {
            (Some(value), _) => self.convert(value, now).ok_or_else(|| ArgumentError::Invalid {
                parameter: self.name.clone(),
                expected: self.expected(),
            }),
            // What the author wrote stands even where it is not of the type.
            (None, Some(default)) => Ok(self.convert(default, now).unwrap_or_else(|| raw(default))),
            (None, None) if self.optional => Ok(Argument::Null),
            (None, None) => Err(ArgumentError::Missing { parameter: self.name.clone() }),
        }
    }

    fn convert(&self, value: &Value, now: DateTime<FixedOffset>) -> Option<Argument> {
        let kind = match self.kind {
            ParamKind::Date => HearKind::Date,
            ParamKind::Hour => HearKind::Hour,
            ParamKind::Email => HearKind::Email,
            ParamKind::Url => HearKind::Url,
            ParamKind::Uuid => HearKind::Uuid,
            ParamKind::Phone => HearKind::Mobile,
            ParamKind::Choice => HearKind::Menu,
            ParamKind::DateTime => {
                let Value::String(text) = value else { return None };
                let words = || hear_text(HearKind::Date, &self.choices, text, now);
                return date::parse(text, *now.offset()).map(Argument::Date).or_else(words);
            }
            other => return plain(other, value),
        };
        match value {
            Value::String(text) => hear_text(kind, &self.choices, text, now),
            // A model may write a number where the choices or phone numbers are digits.
            Value::Number(number) if matches!(kind, HearKind::Menu | HearKind::Mobile) => {
                hear_text(kind, &self.choices, &number.to_string(), now)
            }
            _ => None,
        }
    }

    fn expected(&self) -> String {
        let expected = match self.kind {
            ParamKind::String => "a text",
            ParamKind::Name => "a name",
            ParamKind::Integer => "a whole number",
            ParamKind::Number => "a number",
            ParamKind::Money => "an amount of money, not negative",
            ParamKind::Boolean => "true or false",
            ParamKind::Date => "a date, such as 2024-12-25",
            ParamKind::DateTime => "a date and time, such as 2024-12-25T14:30:00",
            ParamKind::Hour => "a time, such as 14:30",
            ParamKind::Email => "an e-mail address",
            ParamKind::Url => "a web address",
            ParamKind::Uuid => "a UUID",
            ParamKind::Phone => "a phone number of 10 to 15 digits",
            ParamKind::File => "a file reference",
            ParamKind::Array => "an array",
            ParamKind::Object => "an object",
            ParamKind::Choice => return format!("one of: {}", self.choices.join(", ")),
        };
        expected.to_owned()
    }
}

/// A literal as the text its kind has in JSON, where it means the same whenever and wherever the tool is called.
pub(super) fn settled(parameter: &Parameter, literal: &Value) -> Option<String> {
    let here = DateTime::UNIX_EPOCH.fixed_offset();
    let elsewhere = (here + Days::new(1000)).with_timezone(&FixedOffset::east_opt(3600)?);
    match (parameter.convert(literal, here)?, parameter.convert(literal, elsewhere)?) {
        (Argument::Text(a), Argument::Text(b)) if a == b => Some(a),
        (Argument::Date(a), Argument::Date(b)) if a == b => Some(a.iso()),
        // Without an offset it is that time of day everywhere.
        (Argument::Date(a), Argument::Date(b)) if (a.day(), a.time()) == (b.day(), b.time()) => {
            Some(a.day().and_time(a.time()).format("%Y-%m-%dT%H:%M:%S").to_string())
        }
        _ => None,
    }
}

/// A value of a kind that needs neither choices nor the time.
pub(super) fn plain(kind: ParamKind, value: &Value) -> Option<Argument> {
    let text = |kind, text: &str| hear_text::<&str>(kind, &[], text, DateTime::UNIX_EPOCH.fixed_offset());
    Some(match (kind, value) {
        (ParamKind::String | ParamKind::Name | ParamKind::File, Value::String(text)) => {
            Argument::Text(text.clone())
        }
        (ParamKind::String | ParamKind::Name, Value::Number(_) | Value::Bool(_)) => {
            Argument::Text(value.to_string())
        }
        (ParamKind::Integer, Value::Number(_)) => Argument::Number(number(value)?.as_exact_i64()?.into()),
        (ParamKind::Integer, Value::String(digits)) => text(HearKind::Integer, digits)?,
        (ParamKind::Number, Value::Number(_)) => Argument::Number(number(value)?),
        (ParamKind::Number, Value::String(digits)) => text(HearKind::Number, digits)?,
        (ParamKind::Money, Value::Number(_)) => Argument::Number(number(value).filter(|n| !n.is_negative())?),
        (ParamKind::Money, Value::String(digits)) => text(HearKind::Money, digits)?,
        (ParamKind::Boolean, Value::Bool(truth)) => Argument::Boolean(*truth),
        (ParamKind::Boolean, Value::String(word)) => text(HearKind::Boolean, word)?,
        (ParamKind::Boolean, Value::Number(_)) => text(HearKind::Boolean, &number(value)?.to_string())?,
        (ParamKind::Array, Value::Array(_)) | (ParamKind::Object, Value::Object(_)) => {
            Argument::Json(value.clone())
        }
        // Models sometimes send a structure as its JSON text.
        (ParamKind::Array | ParamKind::Object, Value::String(text)) => {
            let inner: Value = serde_json::from_str(text).ok()?;
            let fits = if kind == ParamKind::Array { inner.is_array() } else { inner.is_object() };
            fits.then_some(Argument::Json(inner))?
        }
        _ => return None,
    })
}

fn number(value: &Value) -> Option<Number> {
    value.as_i64().map(Number::Int).or_else(|| Number::finite(value.as_f64()?).ok())
}

fn hear_text<S: AsRef<str>>(
    kind: HearKind,
    choices: &[S],
    text: &str,
    now: DateTime<FixedOffset>,
) -> Option<Argument> {
    match hear::validate(kind, choices, text, &[], now).ok()? {
        HearValue::Text(text) => Some(Argument::Text(text)),
        HearValue::Number(number) => Some(Argument::Number(number)),
        HearValue::Boolean(truth) => Some(Argument::Boolean(truth)),
        HearValue::Date(date) => Some(Argument::Date(date)),
        HearValue::File(_) | HearValue::TextOf(_) | HearValue::Secret => None,
    }
}

/// A JSON value without looking at any type.
fn raw(value: &Value) -> Argument {
    match value {
        Value::Null => Argument::Null,
        Value::Bool(truth) => Argument::Boolean(*truth),
        Value::Number(_) => number(value).map_or(Argument::Null, Argument::Number),
        Value::String(text) => Argument::Text(text.clone()),
        other => Argument::Json(other.clone()),
    }
}
