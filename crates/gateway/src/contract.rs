//! The contract: one OpenAPI 3.1 document made of what was registered, and its page, both served offline.

use std::{collections::BTreeSet, sync::Arc};

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
        ComponentsBuilder, ContentBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, PathsBuilder, Ref,
        RefOr, ResponseBuilder, ServerBuilder,
        extensions::ExtensionsBuilder,
        path::{HttpMethod, Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::TagBuilder,
    },
};
use utoipa_swagger_ui::Config;

use crate::{API_PREFIX, Access, Floor, Module, Operating, module::Route, reply::ErrorEnvelope};

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
            let path = format!("{API_PREFIX}{path}");
            let access = Access::public().uncounted();
            Route {
                operating: Operating::new(path.replace('/', "_"), "GET", path.clone(), access),
                document: Operation::new(),
                path,
                http_method: HttpMethod::Get,
                handler: handler.with_state(self.clone()),
            }
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

/// The OpenAPI document of the modules.
pub fn document(modules: &[Module]) -> OpenApi {
    let mut components = ComponentsBuilder::new()
        .security_scheme(
            BEARER,
            SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
        )
        .schema(ErrorEnvelope::name(), ErrorEnvelope::schema())
        .response("Error", error_response());
    let mut nested = Vec::new();
    ErrorEnvelope::schemas(&mut nested);
    for (name, schema) in nested.into_iter().chain(modules.iter().flat_map(|m| m.schemas.iter().cloned())) {
        components = components.schema(name, schema);
    }
    let mut paths = PathsBuilder::new();
    let mut tags = BTreeSet::new();
    for route in modules.iter().flat_map(|module| &module.routes) {
        tags.extend(route.document.tags.iter().flatten().cloned());
        let operation = described(route);
        paths = paths.path(route.path.clone(), PathItem::new(route.http_method.clone(), operation));
    }
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("BotServer")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some("Bots and the people who work with them, behind one consistent API."))
                .license(Some(License::new("MIT OR Apache-2.0")))
                .build(),
        )
        .servers(Some([ServerBuilder::new().url("/").build()]))
        .tags(Some(tags.into_iter().map(|tag| TagBuilder::new().name(tag).build())))
        .paths(paths)
        .components(Some(components.build()))
        .build()
}

fn error_response() -> utoipa::openapi::Response {
    let schema = Ref::from_schema_name(ErrorEnvelope::name());
    ResponseBuilder::new()
        .description("The error envelope: a code, a sentence for a person, details for a program.")
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
        .build()
}

/// The operation with what the gateway adds: who may call it, and the refusals that any operation may answer.
fn described(route: &Route) -> Operation {
    let mut operation = route.document.clone();
    let access = route.operating.access();
    let scope = match access.floor {
        Floor::Permission(permission) => vec![permission.to_string()],
        _ => Vec::new(),
    };
    let open = access.floor == Floor::Public;
    operation.security = Some(if open {
        vec![SecurityRequirement::default()]
    } else {
        vec![SecurityRequirement::new(BEARER, scope)]
    });

    let mut extensions = ExtensionsBuilder::new();
    if let Some(standing) = access.standing {
        extensions = extensions.add("x-standing", standing.as_str());
    }
    if let Some(parameter) = access.own {
        extensions = extensions.add("x-own-parameter", parameter);
    }
    let extensions = extensions.build();
    operation.extensions = Some(match operation.extensions.take() {
        Some(mut present) => {
            present.merge(extensions);
            present
        }
        None => extensions,
    });

    let mut refusals = vec!["400", "422", "429", "500", "503"];
    if !open {
        refusals.push("401");
    }
    if matches!(access.floor, Floor::Permission(_)) || access.own_only {
        refusals.push("403");
    }
    if operation.request_body.is_some() {
        refusals.extend(["413", "415"]);
    }
    if route.path.contains('{') {
        refusals.push("404");
    }
    for documented in
        operation.responses.responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5']))
    {
        if let RefOr::T(response) = documented.1 {
            response.content.extend(error_response().content);
        }
    }
    for status in refusals {
        let error = RefOr::Ref(Ref::from_response_name("Error"));
        operation.responses.responses.entry(status.to_owned()).or_insert(error);
    }
    operation
}
