//! What refusals look like: one shared response for each status, and those of an operation with its own reasons.

use std::borrow::Cow;

use kernel::Kind;
use serde_json::{Map, Value, json};
use utoipa::{
    ToSchema,
    openapi::{
        Content, ContentBuilder, Ref, RefOr, Response, ResponseBuilder,
        example::{Example, ExampleBuilder},
    },
};

use super::headers;
use crate::reply::ErrorEnvelope;

/// When a status is answered, the reasons within it that any operation may give, and a message as people read it.
struct Sample {
    when: &'static str,
    reasons: &'static [&'static str],
    message: &'static str,
    details: Option<(&'static str, &'static str)>,
}

fn sample(kind: Kind) -> Sample {
    let says = |when, message| Sample { when, reasons: &[], message, details: None };
    match kind {
        Kind::BadRequest => says(
            "It can't be read: malformed JSON, or a malformed header.",
            "The body is not well-formed JSON (line 1, column 9).",
        ),
        Kind::Unauthorized => Sample {
            reasons: &[
                "credentials_missing",
                "token_invalid",
                "token_expired",
                "session_ended",
                "key_revoked",
            ],
            ..says("No credentials, or ones that are wrong, expired or revoked.", "Sign in to do this.")
        },
        Kind::Forbidden => Sample {
            details: Some(("permission", "bots:create")),
            ..says(
                "The caller lacks a permission, which `details.permission` names, is a visitor (`visitors_not_allowed`), calls \
                 with an API key what keys may not do (`not_for_api_keys`) or from where the key is not good \
                 (`ip_not_allowed`), or has to do something first (`two_factor_setup_required`, `password_expired`).",
                "This needs the permission bots:create.",
            )
        },
        Kind::NotFound => says("It is not there, or not the caller's to know of.", "There is no such bot."),
        Kind::MethodNotAllowed => says(
            "The address exists, with the methods that `Allow` names.",
            "This address does not take that method.",
        ),
        Kind::NotAcceptable => says(
            "Nothing the operation answers with is accepted.",
            "Nothing this address answers with is accepted.",
        ),
        Kind::Conflict => Sample {
            reasons: &["idempotency_mismatch", "idempotency_in_progress", "already_done"],
            ..says(
                "The `Idempotency-Key` was used for another request, or its request is under way or done.",
                "This Idempotency-Key was used for another request.",
            )
        },
        Kind::PreconditionFailed => says(
            "`If-Match` no longer matches: somebody changed it meanwhile.",
            "It was changed meanwhile; read it again.",
        ),
        Kind::PayloadTooLarge => {
            says("The body is larger than the operation takes.", "The body is larger than 1048576 bytes.")
        }
        Kind::UnsupportedMediaType => Sample {
            reasons: &["content_encoding"],
            ..says(
                "The body is of a type that the operation doesn't take, or compressed.",
                "The body must be JSON (application/json).",
            )
        },
        Kind::RequestTimeout => {
            says("The client took too long to send what it began.", "The body took too long to arrive.")
        }
        Kind::UriTooLong => {
            says("The address is longer than the server reads.", "The address is longer than 8192 bytes.")
        }
        Kind::HeadersTooLarge => says(
            "The head of the request is larger than the server reads.",
            "The head of the request is larger than the server reads.",
        ),
        Kind::Validation => says(
            "It reads well and a value is not allowed; `details.fields` says what is wrong with each.",
            "Some values are not allowed: name.",
        ),
        Kind::Locked => {
            says("The account is locked after failed logins.", "Too many failed attempts. Try again later.")
        }
        Kind::RateLimited => says(
            "Too many requests; `Retry-After` says when to try again.",
            "Too many requests. Try again later.",
        ),
        Kind::Internal => says(
            "Our fault. It is logged with the request id.",
            "Something went wrong on our side. It has been logged.",
        ),
        Kind::Unavailable => Sample {
            reasons: &["timeout"],
            details: Some(("service", "database")),
            ..says(
                "Something the operation needs is down; `details.service` names it.",
                "The database does not answer right now. Try again.",
            )
        },
        Kind::InsufficientStorage => says("Over quota.", "The storage is full."),
    }
}

/// The shared responses, by the code of the envelope.
pub(super) fn shared() -> impl Iterator<Item = (&'static str, Response)> {
    Kind::ALL.into_iter().map(|kind| {
        let sample = sample(kind);
        (kind.code(), response(kind, sample.when, sample.reasons))
    })
}

/// A reference to the shared response.
pub(super) fn reference(kind: Kind) -> RefOr<Response> {
    RefOr::Ref(Ref::from_response_name(kind.code()))
}

/// A refusal that an operation documents itself. Its description begins with its reasons, each in backticks.
/// `keyed`: does the operation honour an `Idempotency-Key`?
pub(super) fn of_operation(status: &str, documented: &Response, keyed: bool) -> Response {
    let kind = Kind::ALL.into_iter().find(|kind| kind.status().to_string() == status);
    let kind = kind.unwrap_or(Kind::BadRequest);
    let general = if kind == Kind::Conflict && !keyed { &[] } else { sample(kind).reasons };
    let own = leading_reasons(&documented.description);
    let reasons: Vec<_> = own.into_iter().chain(general.iter().copied()).collect();
    response(kind, &documented.description, &reasons)
}

fn response(kind: Kind, description: &str, reasons: &[&str]) -> Response {
    let schema = Ref::from_schema_name(ErrorEnvelope::name());
    let content = ContentBuilder::new().schema(Some(schema)).examples_from_iter(examples(kind, reasons));
    let content: Content = content.build();
    let mut response =
        ResponseBuilder::new().description(description).content("application/json", content).build();
    headers::tell(&mut response, "X-Request-Id");
    match kind {
        Kind::Unauthorized => headers::tell(&mut response, "WWW-Authenticate"),
        Kind::RateLimited => headers::tell(&mut response, "Retry-After"),
        _ => {}
    }
    response
}

fn examples(kind: Kind, reasons: &[&str]) -> Vec<(String, RefOr<Example>)> {
    let named = reasons.iter().map(|reason| ((*reason).to_owned(), example(kind, Some(reason))));
    let mut examples: Vec<_> = named.collect();
    if examples.is_empty() || matches!(kind, Kind::Unavailable | Kind::UnsupportedMediaType) {
        examples.insert(0, (kind.code().to_lowercase(), example(kind, None)));
    }
    examples
}

fn example(kind: Kind, reason: Option<&str>) -> RefOr<Example> {
    let Sample { message, details: detail, .. } = sample(kind);
    let mut details = Map::new();
    if let Some(reason) = reason {
        details.insert("reason".to_owned(), reason.into());
    } else if let Some((name, value)) = detail {
        details.insert(name.to_owned(), value.into());
    }
    match kind {
        Kind::Validation if reason.is_none() => {
            details.insert("fields".to_owned(), json!({ "name": ["must have 1 to 80 characters"] }));
        }
        Kind::RateLimited => {
            details.insert("retry_after".to_owned(), json!(60));
        }
        Kind::Locked => {
            details.insert("locked_until".to_owned(), json!("2026-01-31T12:30:00Z"));
        }
        _ => {}
    }
    details.insert("request_id".to_owned(), kernel::id::example("req").into());
    let envelope =
        json!({ "success": false, "error": { "code": kind.code(), "message": message, "details": details } });
    RefOr::T(ExampleBuilder::new().value(Some::<Value>(envelope)).build())
}

/// The reasons that a description begins with: names in backticks, parted by commas, "or" and "and".
fn leading_reasons(description: &str) -> Vec<&str> {
    let mut reasons = Vec::new();
    let mut rest = description;
    while let Some((name, after)) = rest.strip_prefix('`').and_then(|rest| rest.split_once('`')) {
        if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') {
            break;
        }
        reasons.push(name);
        let joined = [", or ", ", and ", ", ", " or ", " and "];
        let Some(next) = joined.iter().find_map(|word| after.strip_prefix(word)) else { break };
        rest = next;
    }
    reasons
}

/// The description without anything to it, for a status that says enough.
pub(super) fn plain(status: &str) -> Cow<'static, str> {
    match status {
        "201" => "It was made. `Location` says where it is.".into(),
        "202" => "It was taken, and goes on after this answer.".into(),
        "204" => "It is done; there is nothing more to say.".into(),
        "304" => "It is still what the caller has.".into(),
        _ => "It is done.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_lead_the_description_of_a_refusal() {
        assert_eq!(leading_reasons("`slug_taken`, or `bot_limit`: not `this`"), ["slug_taken", "bot_limit"]);
        assert_eq!(leading_reasons("`compile_failed` with `diagnostics`"), ["compile_failed"]);
        assert_eq!(leading_reasons("`fields.password` names the rules"), [""; 0]);
        assert_eq!(leading_reasons("There is no such bot."), [""; 0]);
    }

    #[test]
    fn every_status_has_a_response_of_its_own() {
        let mut names: Vec<_> = shared().map(|(name, _)| name).collect();
        names.sort_unstable();
        names.dedup();

        assert_eq!(names.len(), Kind::ALL.len());
    }
}
