//! One operation with what the gateway adds: who may call it, which refusals follow from that and from its shape,
//! the headers of its answers, and examples.

use kernel::Kind;
use serde_json::{Value, json};
use utoipa::openapi::{
    Content, RefOr, Required, Response, ResponseBuilder, Schema,
    extensions::ExtensionsBuilder,
    path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn},
    request_body::RequestBody,
    security::SecurityRequirement,
};

use super::{BEARER, Schemas, example, headers, refusal};
use crate::{Access, By, Floor, access::Own, module::Route};

/// The operation as the contract shows it.
pub(super) fn described(route: &Route, schemas: &Schemas) -> Operation {
    let access = route.operating.access();
    let mut operation = route.document.clone();
    protect(&mut operation, access);
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter {
            *parameter = explained(std::mem::take(parameter), schemas);
        }
    }
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        complete_body(body, schemas);
    }
    let key = if route.http_method == HttpMethod::Post && access.floor != Floor::Public {
        headers::key(access.repeats)
    } else {
        None
    };
    let keyed = key.is_some();
    operation.parameters.get_or_insert_default().extend(key.map(RefOr::T));
    let shape = Shape {
        keyed,
        has_path: has(&operation, |parameter| parameter.parameter_in == ParameterIn::Path),
        has_query: has(&operation, |parameter| parameter.parameter_in == ParameterIn::Query),
        has_body: operation.request_body.is_some(),
        answers: !route.operating.produced().is_empty(),
        compares: has(&operation, |parameter| parameter.name == "If-Match"),
        knows: has(&operation, |parameter| parameter.name == "If-None-Match"),
    };
    let responses = &mut operation.responses.responses;
    if shape.knows {
        responses.insert("304".to_owned(), RefOr::T(ResponseBuilder::new().build()));
    }
    for (status, response) in responses.iter_mut() {
        if let RefOr::T(response) = response {
            if status.starts_with(['4', '5']) {
                *response = refusal::of_operation(status, response, keyed);
            } else {
                complete(status, response, access, &shape, schemas);
            }
        }
    }
    for kind in refusals(access, &shape) {
        responses.entry(kind.status().to_string()).or_insert_with(|| refusal::reference(kind));
    }
    operation
}

/// What refusals and headers follow from.
#[allow(clippy::struct_excessive_bools, reason = "each is a fact by itself")]
struct Shape {
    keyed: bool,
    has_path: bool,
    has_query: bool,
    has_body: bool,
    answers: bool,
    compares: bool,
    knows: bool,
}

fn has(operation: &Operation, is: impl Fn(&Parameter) -> bool) -> bool {
    let mut parameters = operation.parameters.iter().flatten();
    parameters.any(|parameter| matches!(parameter, RefOr::T(parameter) if is(parameter)))
}

/// Who may call it, as the edge enforces it.
fn protect(operation: &mut Operation, access: &Access) {
    let (floor, scopes) = match access.floor {
        Floor::Public => ("public".to_owned(), None),
        Floor::Anonymous => ("anonymous".to_owned(), Some(Vec::new())),
        Floor::Authenticated => ("authenticated".to_owned(), Some(Vec::new())),
        Floor::Permission(permission) => (permission.to_string(), Some(vec![permission.to_string()])),
    };
    operation.security = Some(match scopes {
        None => vec![SecurityRequirement::default()],
        Some(scopes) => vec![SecurityRequirement::new(BEARER, scopes)],
    });
    let mut extensions = ExtensionsBuilder::new().add("x-access", floor);
    if let Some(standing) = access.standing {
        extensions = extensions.add("x-standing", standing.as_str());
    }
    if access.takes.visitors {
        extensions = extensions.add("x-visitors", true);
    }
    if !access.takes.keys && access.floor != Floor::Public {
        extensions = extensions.add("x-api-keys", false);
    }
    if !access.during.is_empty() {
        let during: Vec<_> = access.during.iter().map(|confinement| confinement.reason()).collect();
        extensions = extensions.add("x-during", json!(during));
    }
    if let Some(own) = access.own {
        extensions = extensions.add("x-own-parameter", own.parameter());
    }
    if !access.limits.is_empty() {
        let limits = access.limits.iter().map(|limit| {
            let by = match limit.by {
                By::Address => "address",
                By::Caller => "caller",
            };
            json!({ "calls": limit.calls, "seconds": limit.window.as_secs(), "by": by })
        });
        extensions = extensions.add("x-limits", limits.collect::<Value>());
    }
    let extensions = extensions.build();
    match &mut operation.extensions {
        Some(present) => present.merge(extensions),
        none => *none = Some(extensions),
    }
}

/// The refusals that follow from who may call an operation and from its shape.
fn refusals(access: &Access, shape: &Shape) -> Vec<Kind> {
    let when = |holds: bool, kinds: &[Kind]| if holds { kinds.to_vec() } else { Vec::new() };
    [
        vec![Kind::Internal, Kind::Unavailable],
        when(access.floor != Floor::Public, &[Kind::Unauthorized]),
        when(access.floor != Floor::Public, &[Kind::Forbidden]),
        when(access.counted || !access.limits.is_empty(), &[Kind::RateLimited]),
        when(shape.has_path || matches!(access.own, Some(Own::Only(_))), &[Kind::NotFound]),
        when(
            shape.has_body,
            &[Kind::BadRequest, Kind::RequestTimeout, Kind::PayloadTooLarge, Kind::UnsupportedMediaType],
        ),
        when(shape.has_query, &[Kind::BadRequest]),
        when(shape.has_query || shape.has_path, &[Kind::UriTooLong]),
        when(shape.answers, &[Kind::NotAcceptable]),
        when(shape.has_body || shape.has_query, &[Kind::Validation]),
        when(shape.compares, &[Kind::BadRequest, Kind::PreconditionFailed]),
        when(shape.keyed, &[Kind::BadRequest, Kind::Conflict]),
    ]
    .concat()
}

/// A parameter that has nothing to say of itself says what its schema says.
fn explained(parameter: Parameter, schemas: &Schemas) -> Parameter {
    let schema = match &parameter.schema {
        Some(RefOr::Ref(reference)) => {
            schemas.get(reference.ref_location.rsplit('/').next().unwrap_or_default())
        }
        written => written.as_ref(),
    };
    let (Some(schema @ RefOr::T(Schema::Object(object))), None) = (schema, &parameter.description) else {
        return parameter;
    };
    let (about, example) = (object.description.clone(), example::of(schema, schemas));
    ParameterBuilder::from(parameter).description(about).example(Some(example)).build()
}

fn complete_body(body: &mut RequestBody, schemas: &Schemas) {
    for content in body.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        // A body that may be left out is declared as an `Option`; there is no `null` to send instead.
        if let Some(RefOr::T(Schema::OneOf(one))) = &mut content.schema
            && one.items.len() == 2
        {
            content.schema = Some(one.items.swap_remove(0));
            body.required = Some(Required::False);
        }
        exemplify(content, schemas);
    }
}

fn exemplify(content: &mut Content, schemas: &Schemas) {
    if content.example.is_none()
        && content.examples.is_empty()
        && let Some(schema) = &content.schema
    {
        content.example = Some(example::of(schema, schemas));
    }
}

/// Description, headers and example of a success.
fn complete(status: &str, response: &mut Response, access: &Access, shape: &Shape, schemas: &Schemas) {
    if response.description.is_empty() {
        response.description = refusal::plain(status).into_owned();
    }
    headers::tell(response, "X-Request-Id");
    if access.counted || !access.limits.is_empty() {
        for name in ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"] {
            headers::tell(response, name);
        }
    }
    if status == "201" {
        headers::tell(response, "Location");
    }
    if shape.keyed {
        headers::tell(response, "Idempotency-Replayed");
    }
    if matches!(status, "200" | "304") && (shape.knows || shape.compares) {
        headers::tell(response, "ETag");
    }
    for content in response.content.values_mut() {
        if let RefOr::T(content) = content {
            exemplify(content, schemas);
        }
    }
}
