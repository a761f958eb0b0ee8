//! An answer, with the assertions that read as claims.

use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, body: response.text().await.expect("a body") }
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|cause| panic!("{cause}: {}", self.body))
    }

    /// The result of a success.
    pub(crate) fn data(&self) -> Value {
        let json = self.json();
        assert_eq!(json["success"], true, "{json}");
        json["data"].clone()
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Vec<Value> {
        self.data()["items"].as_array().expect("items").clone()
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn assert_status(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    #[track_caller]
    pub(crate) fn assert_ok(self) -> Self {
        self.assert_status(200)
    }

    /// An error of ours: status, code, reason; and the request's id, which every error tells.
    #[track_caller]
    pub(crate) fn assert_error(self, status: u16, code: &str, reason: &str) -> Value {
        let answer = self.assert_status(status);
        let json = answer.json();
        let details = &json["error"]["details"];
        assert_eq!(
            (&json["success"], json["error"]["code"].as_str()),
            (&Value::Bool(false), Some(code)),
            "{json}"
        );
        assert_eq!(details["reason"].as_str().unwrap_or_default(), reason, "{json}");
        assert_eq!(details["request_id"].as_str(), Some(answer.header("x-request-id")), "{json}");
        assert!(json["error"]["message"].as_str().is_some_and(|text| text.ends_with('.')), "{json}");
        json["error"].clone()
    }

    /// 422 that names exactly these fields.
    #[track_caller]
    pub(crate) fn assert_fields(self, names: &[&str]) -> Value {
        let error = self.assert_error(422, "VALIDATION_ERROR", "");
        let mut found: Vec<_> =
            error["details"]["fields"].as_object().expect("fields").keys().cloned().collect();
        found.sort();
        assert_eq!(found, names, "{error}");
        error
    }
}
