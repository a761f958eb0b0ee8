//! What is true of policies without a server. The rest is tried over HTTP.

use serde_json::{Value, json};

use super::{Policies, model::Decided};
use crate::{Settings, roles::Catalogue};

fn patched(decided: Decided, patch: Value) -> Result<Decided, kernel::Error> {
    decided.patched(serde_json::from_value(patch).unwrap(), &Catalogue::default()).map_err(Into::into)
}

#[test]
fn a_change_is_merged_and_null_goes_back_to_the_configuration() {
    let settings = Settings::default();
    let strict = json!({ "password_policy": { "min_length": 20, "require_special": false } });
    let decided = patched(Decided::default(), strict).unwrap();
    let decided = patched(decided, json!({ "password_policy": { "min_length": null } })).unwrap();

    let shown = Policies::of(&settings, &decided).shown();

    assert_eq!((shown.password_policy.min_length, shown.password_policy.require_special), (12, false));
    let cleared = patched(decided, json!({ "password_policy": null })).unwrap();
    assert_eq!(cleared, Decided::default());
}

#[test]
fn everything_outside_its_bounds_is_named() {
    let wrong = json!({
        "password_policy": { "min_length": 7, "expiry_days": 366 },
        "session_policy": { "max_sessions": 0 },
        "two_factor": { "required_for_roles": ["wizard"], "methods": ["sms"] },
        "lockout_policy": { "max_attempts": 2 },
    });

    let refused = patched(Decided::default(), wrong).unwrap_err();

    assert_eq!(refused.details()["fields"].as_object().unwrap().len(), 6);
}

#[test]
fn what_differs_is_told_by_its_path() {
    let settings = Settings::default();
    let before = Policies::of(&settings, &Decided::default()).shown();
    let decided = patched(Decided::default(), json!({ "session_policy": { "max_sessions": 3 } })).unwrap();

    let found = before.differences(&Policies::of(&settings, &decided).shown());

    assert_eq!(found, [("session_policy.max_sessions".to_owned(), json!(10), json!(3))]);
}
