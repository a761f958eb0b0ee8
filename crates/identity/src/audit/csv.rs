//! Entries as rows of a table (RFC 4180), for spreadsheets as well.

use super::model::{AuditEntry, Outcome};

const COLUMNS: [&str; 20] = [
    "timestamp",
    "log_id",
    "action",
    "category",
    "result",
    "reason",
    "context",
    "user_id",
    "actor_email",
    "resource_type",
    "resource_id",
    "resource_name",
    "ip_address",
    "user_agent",
    "session_id",
    "request_id",
    "details",
    "number",
    "hash",
    "prev_hash",
];

/// The names of the columns.
pub(super) fn head() -> String {
    format!("{}\r\n", COLUMNS.join(","))
}

/// Appends an entry as a row.
pub(super) fn row(entry: &AuditEntry, out: &mut String) {
    let result = match entry.result {
        Outcome::Success => "success",
        Outcome::Failure => "failure",
        Outcome::Denied => "denied",
    };
    let cells: [String; COLUMNS.len()] = [
        entry.timestamp.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        entry.log_id.to_string(),
        entry.action.clone(),
        entry.category.clone(),
        result.to_owned(),
        entry.reason.clone().unwrap_or_default(),
        entry.context.clone(),
        entry.user_id.map(|id| id.to_string()).unwrap_or_default(),
        entry.actor_email.clone().unwrap_or_default(),
        entry.resource_type.clone().unwrap_or_default(),
        entry.resource_id.clone().unwrap_or_default(),
        entry.resource_name.clone().unwrap_or_default(),
        entry.ip_address.clone().unwrap_or_default(),
        entry.user_agent.clone().unwrap_or_default(),
        entry.session_id.map(|id| id.to_string()).unwrap_or_default(),
        entry.request_id.clone().unwrap_or_default(),
        serde_json::to_string(&entry.details).unwrap_or_default(),
        entry.number.map(|number| number.to_string()).unwrap_or_default(),
        entry.hash.clone().unwrap_or_default(),
        entry.prev_hash.clone().unwrap_or_default(),
    ];
    for (at, value) in cells.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        cell(value, out);
    }
    out.push_str("\r\n");
}

/// What a spreadsheet would take for a formula gets an apostrophe, which makes it a text there (OWASP, CSV injection).
fn cell(value: &str, out: &mut String) {
    let first = value.trim_start_matches(' ').chars().next();
    let is_formula = first
        .is_some_and(|c| matches!(c, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠'));
    let quoted = is_formula
        || value.contains([',', '"', '\r', '\n'])
        || value.starts_with(' ')
        || value.ends_with(' ');
    if !quoted {
        out.push_str(value);
        return;
    }
    out.push('"');
    if is_formula {
        out.push('\'');
    }
    out.push_str(&value.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(value: &str) -> String {
        let mut out = String::new();
        cell(value, &mut out);
        out
    }

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        assert_eq!(written("plain text"), "plain text");
        assert_eq!(written("a,\"b\"\nc"), "\"a,\"\"b\"\"\nc\"");
        assert_eq!(written(""), "");
    }

    proptest! {
        #[test]
        fn nothing_is_a_formula_and_nothing_is_lost(value in "[ =+@\t\r\n\",a-]{0,12}") {
            let text = written(&value);
            let inside = match text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                Some(inside) => inside.replace("\"\"", "\""),
                None => text,
            };

            let first = inside.trim_start_matches(' ').chars().next();
            prop_assert!(!first.is_some_and(|c| "=+-@\t\r\n".contains(c)), "{inside:?}");
            prop_assert_eq!(inside.strip_prefix('\'').unwrap_or(&inside), value);
        }
    }
}
