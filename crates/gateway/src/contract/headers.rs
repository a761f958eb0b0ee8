//! The headers that requests and answers carry beside the operation's own words.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder, Ref, RefOr, Required, Response, Type,
        header::{Header, HeaderBuilder},
        path::{Parameter, ParameterBuilder, ParameterIn},
    },
};

use crate::{IfMatch, IfNoneMatch, access::Repeats, repeatable::LONGEST as LONGEST_KEY};

/// A list of entity tags (RFC 9110, section 8.8.3), or any.
const TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The `ETag` of what was read: if somebody changed it meanwhile, nothing is done (412). `*` is any.";
        vec![request("If-Match", about, Some(TAGS), "*")]
    }
}

impl IntoParams for IfNoneMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let about = "The `ETag` of what is known: if it is still the same, the answer is 304 without a body. \
             What is no list of tags is ignored.";
        vec![request("If-None-Match", about, None, "\"7-8c1f0e5a3b2d4c69\"")]
    }
}

/// The `Idempotency-Key` of an operation that honours it.
pub(super) fn key(repeats: Repeats) -> Option<Parameter> {
    let about = match repeats {
        Repeats::Ignored => return None,
        Repeats::Answered => {
            "The caller's own name for this request. Sent again within 24 hours, it takes effect once and gets the \
             first answer again; with another body it is 409."
        }
        Repeats::Secret => {
            "The caller's own name for this request. Sent again within 24 hours, it takes effect once; the answer \
             carries a secret and is not given again, a repeat is 409 with `Location`."
        }
    };
    Some(request(KEY, about, Some(&format!("^[!-~]{{1,{LONGEST_KEY}}}$")), "order-4711"))
}

/// Its name.
const KEY: &str = "Idempotency-Key";

fn request(name: &str, about: &str, pattern: Option<&str>, example: &str) -> Parameter {
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(pattern);
    let text = text.examples([Value::from(example)]).build();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(text))
        .example(Some(Value::from(example)))
        .build()
}

/// Says that a response carries one of the headers below.
pub(super) fn tell(response: &mut Response, name: &str) {
    let header = RefOr::Ref(Ref::new(format!("#/components/headers/{name}")));
    response.headers.entry(name.to_owned()).or_insert(header);
}

/// The headers of answers.
pub(super) fn of_answers() -> BTreeMap<String, RefOr<Header>> {
    let text = |about: &str, example: &str| answer(Type::String, about, example.into());
    let number = |about: &str, example: u32| answer(Type::Integer, about, example.into());
    [
        (
            "X-Request-Id",
            text("The request's id, as the log and errors name it.", &kernel::id::example("req")),
        ),
        (
            "X-RateLimit-Limit",
            number(
                "Requests an hour, or of an operation with a limit of its own those in its time: the limit of which \
                 less is left. Absent where no limit is set.",
                1000,
            ),
        ),
        ("X-RateLimit-Remaining", number("Requests left of them.", 999)),
        ("X-RateLimit-Reset", number("When its time ends, in Unix seconds.", 1_769_864_400)),
        ("Retry-After", number("Seconds to wait before the next try.", 60)),
        ("WWW-Authenticate", text("How to sign in (RFC 6750).", "Bearer")),
        ("Location", text("The path of what was made.", "/api/v1/bots/bot_01jxk6qv9ve7m8g3t5s0c4d2ba")),
        ("ETag", text("The revision, and a hash of what this caller sees.", "\"7-8c1f0e5a3b2d4c69\"")),
        ("Idempotency-Replayed", text("`true` if this answer was given before.", "true")),
    ]
    .into_iter()
    .map(|(name, header)| (name.to_owned(), RefOr::T(header)))
    .collect()
}

fn answer(kind: Type, about: &str, example: Value) -> Header {
    let schema = ObjectBuilder::new().schema_type(kind).examples([example]).build();
    HeaderBuilder::new().schema(Some(schema)).description(Some(about)).build()
}
