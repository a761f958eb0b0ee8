//! The contract: one OpenAPI 3.1 document made of what was registered, and its page, both served offline.
//!
//! A route says what it does, which reasons it refuses for, and of which types its bodies are. What holds for every
//! operation is added here, in one place each: who may call it and which refusals follow (`operation`), what they look
//! like (`refusal`), what a list can be asked (`list`), names for what is used twice (`schemas`), and an example of
//! everything (`example`).

mod example;
mod headers;
mod list;
mod operation;
mod refusal;
mod schemas;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::{
    extract::{Path, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ComponentsBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, PathsBuilder, RefOr, Schema,
        ServerBuilder,
        path::PathItem,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
        tag::TagBuilder,
    },
};
use utoipa_swagger_ui::Config;

use crate::{API_PREFIX, Module, module::Route, reply::ErrorEnvelope};

/// The name of the security scheme that all operations but the public ones use.
const BEARER: &str = "bearer";

/// The document and the page that shows it.
#[derive(Clone)]
pub struct Contract(Arc<Inner>);

struct Inner {
    document: Bytes,
    page: Arc<Config<'static>>,
}

impl Contract {
    /// Describes the modules. Each operation's access is what the gateway enforces.
    pub fn of(modules: &[Module]) -> Self {
        let text = document(modules).to_json().unwrap_or_default();
        let page = Config::new(["/api/openapi.json"]).use_base_layout().try_it_out_enabled(true).filter(true);
        Self(Arc::new(Inner { document: text.into(), page: Arc::new(page) }))
    }

    /// The document as JSON.
    pub fn json(&self) -> &[u8] {
        &self.0.document
    }

    /// The operations that serve the contract itself. They stand outside it.
    pub(crate) fn into_routes(self) -> Vec<Route> {
        let serve = |path: &str, handler: axum::routing::MethodRouter<Self>| {
            Route::to_read(format!("{API_PREFIX}{path}"), handler.with_state(self.clone()))
        };
        vec![
            serve("/openapi.json", get(openapi)),
            serve("/docs", get(docs_redirect)),
            serve("/docs/{*file}", get(docs_file)),
        ]
    }
}

async fn openapi(State(contract): State<Contract>) -> Response {
    ([(header::CONTENT_TYPE, crate::reply::JSON)], contract.0.document.clone()).into_response()
}

/// The page's links are relative to a folder.
async fn docs_redirect() -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, HeaderValue::from_static("/api/docs/index.html"))])
        .into_response()
}

/// The page runs its own scripts and styles and reaches nothing but this server.
const PAGE_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    script-src 'self'; frame-ancestors 'none'";

async fn docs_file(State(contract): State<Contract>, Path(file): Path<String>) -> Response {
    match utoipa_swagger_ui::serve(&file, Arc::clone(&contract.0.page)) {
        Ok(Some(file)) => {
            let kind = HeaderValue::try_from(file.content_type).ok();
            let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
            let policy = HeaderValue::from_static(PAGE_POLICY);
            (
                [(header::CONTENT_TYPE, kind), (header::CONTENT_SECURITY_POLICY, policy)],
                file.bytes.into_owned(),
            )
                .into_response()
        }
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(cause) => crate::Failure(kernel::Error::internal(cause.to_string())).into_response(),
    }
}

/// What holds for all operations.
const ABOUT: &str = "\
Bots and the people who work with them, behind one consistent API.

A success is `{\"success\": true, \"data\": …}`, a refusal `{\"success\": false, \"error\": …}` with a `code` for each \
status, a sentence for people, and `details` for programs. `/api/…` without a version means `/api/v1/…`. Absent and \
null mean the same in an answer; a field that a request does not know is refused. Times are RFC 3339 in UTC. No text \
may hold the character U+0000. A method that an address does not take is 405 with `Allow`; an address or a head that is too long 414 or 431.";

/// The schemas that operations refer to, by name.
type Schemas = BTreeMap<String, RefOr<Schema>>;

/// The OpenAPI document of the modules.
pub fn document(modules: &[Module]) -> OpenApi {
    let schemas = schemas::named(
        modules.iter().flat_map(|module| module.schemas.iter().cloned()).chain(error_schemas()),
    );
    let mut paths = PathsBuilder::new();
    let mut tags = BTreeSet::new();
    for route in modules.iter().flat_map(|module| &module.routes) {
        tags.extend(route.document.tags.iter().flatten().cloned());
        let operation = operation::described(route, &schemas);
        // The router's mark of a last part that may hold slashes; OpenAPI has none.
        let path = route.path.replace("{*", "{");
        paths = paths.path(path, PathItem::new(route.http_method.clone(), operation));
    }
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token of `POST /auth/login`, in `Authorization: Bearer …`."))
        .build();
    let mut components = ComponentsBuilder::new().security_scheme(BEARER, SecurityScheme::Http(scheme));
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    for (name, response) in refusal::shared() {
        components = components.response(name, response);
    }
    let mut components = components.build();
    components.headers.extend(headers::of_answers());
    let mut license = License::new("MIT or Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".to_owned());
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("BotServer")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .license(Some(license))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url("/").description(Some("This server.")).build()]))
        .tags(Some(tags.into_iter().map(|tag| TagBuilder::new().name(tag).build())))
        .paths(paths)
        .components(Some(components))
        .build()
}

fn error_schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![(ErrorEnvelope::name().into_owned(), ErrorEnvelope::schema())];
    ErrorEnvelope::schemas(&mut schemas);
    schemas
}
