//! Does the client take what an operation answers with (RFC 9110, section 12.5.1)?

use axum::http::{HeaderMap, header};
use kernel::{Error, Kind};

/// 406 if `Accept` names types and none of these is among them.
pub(crate) fn check(headers: &HeaderMap, produced: &[String]) -> Result<(), Error> {
    let mut values = headers.get_all(header::ACCEPT).into_iter().peekable();
    if values.peek().is_none() || produced.is_empty() {
        return Ok(());
    }
    let ranges: Vec<&str> =
        values.filter_map(|value| value.to_str().ok()).flat_map(|v| v.split(',')).collect();
    // An empty field names nothing, so it asks for nothing.
    if ranges.iter().all(|range| range.trim().is_empty()) || produced.iter().any(|kind| takes(&ranges, kind))
    {
        return Ok(());
    }
    Err(Error::new(Kind::NotAcceptable, format!("This address answers with {}.", produced.join(" or ")))
        .detail("available", produced))
}

/// The media type of a body, in lower case and without its parameters (RFC 9110, section 8.3). None where it says
/// none.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let said = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(essence(said).to_ascii_lowercase())
}

fn essence(kind: &str) -> &str {
    kind.split(';').next().unwrap_or_default().trim()
}

/// The most exact range that fits decides; its weight must not be zero.
fn takes(ranges: &[&str], kind: &str) -> bool {
    let essence = essence(kind);
    let Some((family, _)) = essence.split_once('/') else {
        return true;
    };
    let fitting = ranges.iter().filter_map(|range| {
        let mut parameters = range.split(';').map(str::trim);
        let range = parameters.next()?;
        let exactness = if range.eq_ignore_ascii_case(essence) {
            2
        } else if range.strip_suffix("/*").is_some_and(|of| of.eq_ignore_ascii_case(family)) {
            1
        } else if range == "*/*" || range == "*" {
            0
        } else {
            return None;
        };
        Some((exactness, !parameters.any(is_zero_weight)))
    });
    // Of two that are as exact, the one that allows.
    fitting.max().is_some_and(|(_, allowed)| allowed)
}

fn is_zero_weight(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return false;
    };
    name.trim().eq_ignore_ascii_case("q") && value.trim().parse::<f32>().is_ok_and(|weight| weight <= 0.0)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn accepts(accept: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_str(accept).unwrap())]);
        check(&headers, &["application/json".to_owned()]).is_ok()
    }

    #[test]
    fn the_most_exact_range_decides() {
        for accept in [
            "*/*",
            "application/json",
            "application/*",
            "text/html, */*;q=0.1",
            "APPLICATION/JSON;q=1",
            "",
            "*",
        ] {
            assert!(accepts(accept), "{accept}");
        }
        for accept in ["text/html", "application/json;q=0, */*", "application/*; q=0.0, */*", "image/*", "x"]
        {
            assert!(!accepts(accept), "{accept}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(accept in "[ -~]{0,60}") {
            let _ = accepts(&accept);
        }
    }
}
