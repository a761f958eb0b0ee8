//! The headers that a script has set, for all following requests of its run.

use std::collections::BTreeMap;

use gateway::command::{Run, Unperformed};
use http::{HeaderMap, HeaderName, HeaderValue};
use platform::egress;

/// Under this name the run keeps them.
const KEPT: &str = "headers";
/// Headers of one run.
const MOST: usize = 50;
/// Bytes of a value.
const VALUE: usize = 8 << 10;

type Named = BTreeMap<String, String>;

fn all(run: &Run) -> Named {
    run.kept.get(KEPT).and_then(|kept| serde_json::from_value(kept).ok()).unwrap_or_default()
}

/// Sets one, or removes it with an empty value.
pub(super) fn set(run: &Run, name: &str, value: &str) -> Result<(), Unperformed> {
    let named = HeaderName::try_from(name.trim())
        .map_err(|_| Unperformed::argument(format!("{name} is no name of a header")))?;
    if egress::is_reserved(&named) {
        return Err(Unperformed::argument(format!("the header {named} is set by the server")));
    }
    // Without line breaks and other controls nobody can add a header of another name.
    if value.len() > VALUE || HeaderValue::try_from(value).is_err() {
        return Err(Unperformed::argument(format!(
            "the header {named} is at most {VALUE} bytes in one line"
        )));
    }
    let mut headers = all(run);
    if value.is_empty() {
        headers.remove(named.as_str());
    } else {
        headers.insert(named.to_string(), value.to_owned());
    }
    if headers.len() > MOST {
        return Err(Unperformed::argument(format!("a run sets at most {MOST} headers")));
    }
    keep(run, &headers);
    Ok(())
}

/// Removes all.
pub(super) fn clear(run: &Run) {
    keep(run, &Named::new());
}

fn keep(run: &Run, headers: &Named) {
    run.kept.set(KEPT, (!headers.is_empty()).then(|| serde_json::json!(headers)));
}

/// Those of the next request.
pub(super) fn of(run: &Run) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in all(run) {
        // They were checked when they were set.
        if let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}
