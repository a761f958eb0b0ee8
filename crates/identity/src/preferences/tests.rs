//! What is true of preferences without a server. The rest is tried over HTTP.

use kernel::FieldErrors;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::model::Decided;

fn patched(decided: Decided, patch: Value) -> Result<Decided, FieldErrors> {
    let mut wrong = FieldErrors::default();
    let decided = decided.patched(serde_json::from_value(patch).unwrap(), &mut wrong);
    if wrong.is_empty() { Ok(decided) } else { Err(wrong) }
}

#[test]
fn a_change_is_merged_and_null_goes_back_to_the_default() {
    let change =
        json!({ "theme": "dark", "timezone": "America/Sao_Paulo", "notifications": { "push": false } });
    let decided = patched(Decided::default(), change).unwrap();
    let decided = patched(decided, json!({ "theme": null, "notifications": { "digest": "daily" } })).unwrap();

    let shown = serde_json::to_value(decided.shown(None)).unwrap();

    assert_eq!(
        shown,
        json!({
            "theme": "system", "language": "en", "timezone": "America/Sao_Paulo", "date_format": "YYYY-MM-DD",
            "time_format": "24h", "notifications": { "email": true, "push": false, "digest": "daily" },
        })
    );
    assert_eq!(
        patched(decided, json!({ "timezone": null, "notifications": null })).unwrap(),
        Decided::default()
    );
}

#[test]
fn everything_that_is_wrong_is_named() {
    let wrong = json!({
        "theme": "pink", "language": "e", "timezone": "Mars/Olympus", "date_format": "YY", "time_format": "25h",
        "notifications": { "digest": "hourly" },
    });

    let refused: kernel::Error = patched(Decided::default(), wrong).unwrap_err().into();

    assert_eq!(refused.details()["fields"].as_object().unwrap().len(), 6);
}

proptest! {
    #[test]
    fn what_was_read_reads_as_itself(text in "[a-zA-Z/_+-]{0,20}") {
        for field in ["language", "timezone"] {
            if let Ok(decided) = patched(Decided::default(), json!({ field: text })) {
                let shown = serde_json::to_value(decided.shown(None)).unwrap();
                let again = patched(Decided::default(), json!({ field: shown[field] }));
                prop_assert_eq!(again, Ok(decided));
            }
        }
    }
}
