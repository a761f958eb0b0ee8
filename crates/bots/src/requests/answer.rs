//! What came back, as scripts read it. Pure.

use basic::{Data, Response};
use platform::egress::Answer;

use super::message::is_json;

/// The answer as a value: JSON is parsed, everything else is text.
pub(super) fn response(answer: &Answer) -> Response {
    let mime_type = gateway::media_type(&answer.headers).unwrap_or_default();
    let text = || String::from_utf8_lossy(&answer.body).replace('\0', "\u{fffd}");
    // Many a server sends JSON and calls it text.
    let looks_so = matches!(answer.body.trim_ascii_start().first(), Some(b'{' | b'['));
    let body = if answer.body.is_empty() {
        Data::Null
    } else if is_json(&mime_type) || looks_so {
        serde_json::from_slice(&answer.body).unwrap_or_else(|_| Data::Text(text()))
    } else {
        Data::Text(text())
    };
    let headers = answer.headers.keys().map(|name| {
        let values = answer.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        (name.to_string(), values.collect::<Vec<_>>().join(", "))
    });
    Response {
        status: answer.status.as_u16(),
        status_text: answer.status.canonical_reason().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body,
    }
}

/// What the server's own API answered: the result itself where it came in an envelope. What was refused stays as it is
/// told, with `error`.
pub(super) fn own_response(answer: &Answer) -> Response {
    let mut response = response(answer);
    if let Data::Object(fields) = &mut response.body
        && fields.iter().any(|(name, value)| name == "success" && *value == Data::Bool(true))
        && let Some(place) = fields.iter().position(|(name, _)| name == "data")
    {
        response.body = fields.swap_remove(place).1;
    }
    response
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode, header};
    use serde_json::json;

    use super::*;

    fn body(content_type: &'static str, body: &'static [u8]) -> Data {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        response(&Answer { status: StatusCode::OK, headers, body: body.into(), whole: true }).body
    }

    #[test]
    fn json_is_parsed_whatever_it_is_called_and_the_rest_is_text() {
        let parsed = Data::from_json(json!({ "n": 3 }));

        assert_eq!(body("application/json; charset=utf-8", br#"{"n":3}"#), parsed);
        assert_eq!(body("application/problem+json", br#"{"n":3}"#), parsed);
        assert_eq!(body("text/plain", b" {\"n\":3}"), parsed);
        assert_eq!(body("application/json", b"7"), Data::Integer(7));
        assert_eq!(body("text/plain", b"7"), Data::from("7"));
        assert_eq!(body("application/json", b"{oops"), Data::from("{oops"));
        assert_eq!(body("text/plain", b"a\0b\xff"), Data::from("a\u{fffd}b\u{fffd}"));
        assert_eq!(body("text/plain", b""), Data::Null);
    }

    #[test]
    fn the_envelope_of_the_own_api_is_taken_off() {
        let own = |body: &'static [u8]| {
            let headers =
                HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
            own_response(&Answer { status: StatusCode::OK, headers, body: body.into(), whole: true }).body
        };
        let json = |value| Data::from_json(value);

        assert_eq!(own(br#"{"success":true,"data":{"n":3}}"#), json(json!({ "n": 3 })));
        let refused = br#"{"success":false,"error":{"code":"NOT_FOUND"}}"#;
        assert_eq!(own(refused), json(json!({ "success": false, "error": { "code": "NOT_FOUND" } })));
        assert_eq!(own(br#"{"data":7}"#), json(json!({ "data": 7 })));
    }
}
