//! Query strings, read strictly.

use std::borrow::Cow;

use axum::http::Uri;
use kernel::{Error, FieldErrors};
use serde::de::DeserializeOwned;

use crate::json::named_field;

/// A parameter and its value.
pub(crate) type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The parameters of an address.
pub(crate) fn pairs(uri: &Uri) -> Result<Vec<Pair<'_>>, Error> {
    Ok(form_urlencoded::parse(checked(uri)?.as_bytes()).collect())
}

/// Reads the parameters of an address as a struct that denies unknown fields. 422 names all that are unknown, given
/// twice, or of a wrong value.
pub(crate) fn read<T: DeserializeOwned>(uri: &Uri) -> Result<T, Error> {
    let query = checked(uri)?;
    let (mut name, mut problem) = match parse(query) {
        Ok(value) => return Ok(value),
        Err(first) => first,
    };
    // Only who is refused is looked at again: without the bad parameter, until nothing else is wrong.
    let mut pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
    let mut fields = FieldErrors::default();
    loop {
        fields.add(&name, problem);
        let before = pairs.len();
        pairs.retain(|(known, _)| *known != name);
        if pairs.len() == before {
            return Err(fields.into());
        }
        let rest = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        match parse::<T>(&rest) {
            Ok(_) => return Err(fields.into()),
            Err(next) => (name, problem) = next,
        }
    }
}

/// The struct, or which parameter is wrong and why.
fn parse<T: DeserializeOwned>(query: &str) -> Result<T, (String, String)> {
    let reader = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let (path, problem) = (error.path().to_string(), error.inner().to_string());
        let name = named_field(&problem).map(str::to_owned);
        (name.unwrap_or(if path == "." { "query".to_owned() } else { path }), problem)
    })
}

/// The query, 400 if it can't be read, 422 for NUL characters, which no text of ours can hold.
fn checked(uri: &Uri) -> Result<&str, Error> {
    let query = uri.query().unwrap_or_default();
    if query.contains('%') {
        check_escapes(query.as_bytes())?;
    }
    if query.contains("%00") {
        let mut fields = FieldErrors::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if name.contains('\0') || value.contains('\0') {
                fields.add(&name.replace('\0', "\u{fffd}"), "must not hold the character U+0000");
            }
        }
        fields.finish()?;
    }
    Ok(query)
}

/// Every `%` begins an escape, and what they stand for is UTF-8. The separators are no part of any character, so the
/// whole can be looked at in one go.
fn check_escapes(query: &[u8]) -> Result<(), Error> {
    let malformed = || Error::bad_request("The query is not well-formed: escapes are %XX, of UTF-8.");
    let mut bytes = Vec::with_capacity(query.len());
    let mut rest = query.iter();
    while let Some(byte) = rest.next() {
        if *byte != b'%' {
            bytes.push(*byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|digit| char::from(*digit).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(malformed());
        };
        bytes.push((high << 4 | low) as u8);
    }
    std::str::from_utf8(&bytes).map(|_| ()).map_err(|_| malformed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Asked {
        from: Option<u32>,
        to: Option<u32>,
        name: Option<String>,
    }

    fn answer(query: &str) -> (u16, String) {
        match read::<Asked>(&format!("/x?{query}").parse().unwrap()) {
            Ok(_) => (200, String::new()),
            Err(error) => {
                let fields = error.details().get("fields").and_then(|f| f.as_object());
                let names = fields.map(|f| f.keys().cloned().collect::<Vec<_>>().join(" "));
                (error.kind().status(), names.unwrap_or_default())
            }
        }
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        assert_eq!(answer("from=1&to=2&name=%C3%A9+x"), (200, String::new()));
        assert_eq!(answer("from=x&colour=red&name=a&size=3"), (422, "colour from size".to_owned()));
        assert_eq!(answer("from=1&from=2"), (422, "from".to_owned()));
        assert_eq!(answer("name=a%00b&%00=1"), (422, "name \u{fffd}".to_owned()));
    }

    #[test]
    fn a_query_that_cannot_be_read_is_400() {
        for query in ["name=%", "name=%4", "name=%zz", "name=%FF", "name=%C3", "name=%+1"] {
            assert_eq!(answer(query).0, 400, "{query}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "[a-z0-9%&=+.]{0,60}") {
            let _ = answer(&query);
        }
    }
}
