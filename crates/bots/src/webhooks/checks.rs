//! What a webhook may say of itself: pure checks of what a request brings.

use http::{HeaderName, HeaderValue};
use kernel::{Error, FieldErrors, text};
use platform::egress;
use url::Url;

use super::{
    catalogue::Catalogue,
    model::{HEADER_VALUE, HEADERS, NAME},
    secrets::Headers,
};

/// Bytes of an address.
const URL: usize = 2048;
/// Names of events.
const EVENTS: usize = 100;
/// Characters of a description.
const DESCRIPTION: usize = 2000;

/// Headers that say what is sent, which is always the same. So do all that begin with `webhook-`.
const RESERVED: &[&str] = &["content-encoding", "content-type"];

/// Everything that is wrong with a request, and what the caller's program may want to know of it.
#[derive(Default)]
pub(super) struct Checks {
    wrong: FieldErrors,
    reason: Option<&'static str>,
}

impl Checks {
    pub(super) fn finish(self) -> Result<(), Error> {
        let reason = self.reason;
        self.wrong.finish().map_err(|error| match reason {
            Some(reason) => error.reason(reason),
            None => error,
        })
    }

    pub(super) fn not_cleared(&mut self, field: &str, cleared: bool) {
        self.wrong.check(!cleared, field, "can't be cleared");
    }

    pub(super) fn wrong(&mut self, field: &str, problem: &str) {
        self.wrong.add(field, problem);
    }

    /// The address, normalized. Whether requests may go there is asked afterwards.
    pub(super) fn url(&mut self, text: &str) -> Option<Url> {
        let problem = match Url::parse(text.trim()) {
            _ if text.len() > URL => "must have at most 2048 bytes",
            Ok(url) if url.username() != "" || url.password().is_some() => {
                "must not hold a name or a password; send them in a header"
            }
            Ok(url) if url.host().is_some() => return Some(url),
            _ => "must be an address such as https://example.com/hooks",
        };
        self.wrong.add("url", problem);
        None
    }

    /// The names, each once.
    pub(super) fn events(&mut self, names: &[String], catalogue: &Catalogue) -> Vec<String> {
        self.wrong.check((1..=EVENTS).contains(&names.len()), "events", "must name 1 to 100 events");
        let mut wanted = Vec::new();
        for name in names.iter().map(|name| name.trim()) {
            if !catalogue.knows(name) {
                self.wrong.add("events", format!("there is no event {name}; GET /webhooks/events lists all"));
                self.reason = Some("unknown_event");
            } else if !wanted.iter().any(|known| known == name) {
                wanted.push(name.to_owned());
            }
        }
        wanted
    }

    /// The name, if there is anything to see of it.
    pub(super) fn name(&mut self, name: Option<String>) -> Option<String> {
        let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty())?;
        let fits = name.chars().count() <= NAME && text::is_one_line(&name);
        self.wrong.check(fits, "name", "must have at most 80 characters, in one line");
        Some(name)
    }

    /// The description, if there is anything to see of it.
    pub(super) fn description(&mut self, text: Option<String>) -> Option<String> {
        let text = text.filter(|text| !text.trim().is_empty())?;
        self.wrong.check(
            text.chars().count() <= DESCRIPTION,
            "description",
            "must have at most 2000 characters",
        );
        Some(text)
    }

    pub(super) fn headers(&mut self, headers: &Headers) {
        self.wrong.check(headers.len() <= HEADERS, "headers", "must be at most 20");
        for (name, value) in headers {
            if let Some(problem) = problem_with(name, value) {
                self.wrong.add("headers", format!("{name} {problem}"));
            }
        }
    }
}

fn problem_with(name: &str, value: &str) -> Option<&'static str> {
    let Ok(name) = HeaderName::try_from(name) else { return Some("is no name of a header") };
    let is_ours = RESERVED.contains(&name.as_str()) || name.as_str().starts_with("webhook-");
    if is_ours || egress::is_reserved(&name) {
        return Some("is set by the server");
    }
    if value.chars().count() > HEADER_VALUE {
        return Some("must have at most 2048 characters");
    }
    // Without line breaks and other controls nobody can add a header of another name.
    HeaderValue::try_from(value).is_err().then_some("must be text in one line")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn headers_that_say_how_a_request_is_sent_are_refused() {
        for (name, value) in [
            ("Host", "other.example"),
            ("Content-Length", "0"),
            ("Transfer-Encoding", "chunked"),
            ("Webhook-Signature", "v1,x"),
            ("X-Two", "one\r\nX-Three: more"),
            ("X Two", "one"),
            ("X-Two:", "one"),
            ("", "one"),
        ] {
            assert!(problem_with(name, value).is_some(), "{name}: {value}");
        }
        assert_eq!(problem_with("Authorization", "Bearer 1234"), None);
    }

    #[test]
    fn an_address_names_a_server_and_no_password() {
        let url = |text: &str| Checks::default().url(text).map(String::from);

        assert_eq!(url(" https://Example.com "), Some("https://example.com/".to_owned()));
        for text in
            ["", "example.com", "/hooks", "https://", "mailto:a@example.com", "https://ann:pw@example.com/"]
        {
            assert_eq!(url(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".*", value in ".*") {
            let _ = Checks::default().url(&text);
            let _ = problem_with(&text, &value);
        }
    }
}
