//! What a script gives back, as the answer to whoever called it. Pure.

use basic::Data;
use gateway::Verbatim;
use http::StatusCode;

/// The variables that are the answer of a script without RETURN begin so.
pub(crate) const RESULT: &str = "result_";
/// The type of texts.
const TEXT: &str = "text/plain; charset=utf-8";
/// The one that is the status.
const STATUS: &str = "status";

/// What was given back is the answer; of nothing, what stands in the variables `result_…`, without that prefix.
pub(super) fn of(result: &Data, results: Vec<(String, Data)>) -> Verbatim {
    if !result.is_null() {
        return written(StatusCode::OK, result);
    }
    let (mut status, mut fields) = (None, Vec::new());
    for (name, value) in results {
        match name.get(RESULT.len()..).unwrap_or_default() {
            STATUS => status = value.as_integer().or_else(|| value.as_text()?.trim().parse().ok()),
            name => fields.push((name.to_owned(), value)),
        }
    }
    // What is no status of a whole answer is none.
    let status =
        status.and_then(|status| u16::try_from(status).ok()).filter(|status| (200..600).contains(status));
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    if fields.is_empty() {
        return Verbatim::new(status.unwrap_or(StatusCode::NO_CONTENT), TEXT, String::new());
    }
    written(status.unwrap_or(StatusCode::OK), &Data::Object(fields))
}

fn written(status: StatusCode, value: &Data) -> Verbatim {
    match value {
        Data::Text(text) => Verbatim::new(status, TEXT, text.clone()),
        value => Verbatim::new(status, "application/json", value.to_json().to_string()),
    }
}
