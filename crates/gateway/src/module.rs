//! What a domain hands to the server.
//!
//! The composition root holds one list of modules; adding a domain is one folder and one line in that list.

use std::{future::Future, pin::Pin, sync::Arc};

use axum::routing::MethodRouter;
use platform::db::Migration;
use utoipa::openapi::{
    RefOr, Schema,
    path::{HttpMethod, Operation, Paths},
};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{API_PREFIX, Access, FrameHandler, Operating};

/// A future that a trait object can give.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How a component is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Healthy,
    /// It does not, and the server can do without it.
    Degraded,
    /// It does not, and the server can't take traffic.
    Unhealthy,
}

/// A check that readiness and health ask.
#[derive(Clone)]
pub struct HealthCheck {
    /// The component's name in the answer, such as `database`.
    pub name: &'static str,
    check: Arc<dyn Fn() -> BoxFuture<'static, Health> + Send + Sync>,
}

impl HealthCheck {
    /// A named check.
    pub fn new<F, Fut>(name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Health> + Send + 'static,
    {
        Self { name, check: Arc::new(move || Box::pin(check())) }
    }

    /// Asks.
    pub async fn run(&self) -> Health {
        (self.check)().await
    }
}

/// One operation: where it is, who may call it, what answers, and what the contract says of it.
pub(crate) struct Route {
    pub(crate) operating: Operating,
    pub(crate) document: Operation,
    pub(crate) path: String,
    pub(crate) http_method: HttpMethod,
    pub(crate) handler: MethodRouter,
}

/// A domain's whole contract with the server.
pub struct Module {
    pub(crate) name: &'static str,
    pub(crate) routes: Vec<Route>,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    pub(crate) migrations: Vec<&'static [Migration]>,
    pub(crate) frames: Vec<(&'static str, Arc<dyn FrameHandler>)>,
    pub(crate) health: Vec<HealthCheck>,
}

impl Module {
    /// An empty module of that name; the name groups its operations and begins their ids.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            routes: Vec::new(),
            schemas: Vec::new(),
            migrations: Vec::new(),
            frames: Vec::new(),
            health: Vec::new(),
        }
    }

    /// An operation below `/api/v1`: `routes!(handler)` and who may call it.
    #[must_use]
    pub fn route<S>(self, state: &S, operation: UtoipaMethodRouter<S>, access: Access) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        self.register(API_PREFIX, state, operation, access)
    }

    /// An operation at the root of the server, such as `/health`.
    #[must_use]
    pub fn root_route<S>(self, state: &S, operation: UtoipaMethodRouter<S>, access: Access) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        self.register("", state, operation, access)
    }

    fn register<S>(
        mut self,
        prefix: &str,
        state: &S,
        operation: UtoipaMethodRouter<S>,
        access: Access,
    ) -> Self
    where
        S: Clone + Send + Sync + 'static,
    {
        let (schemas, paths, handler) = operation;
        self.schemas.extend(schemas);
        let handler = handler.with_state(state.clone());
        // One handler has one operation; several would need one access each.
        if let Some((path, http_method, mut document)) = operations(paths).next() {
            let name = document.operation_id.take().unwrap_or_default();
            let id = format!("{}_{name}", self.name.replace('-', "_"));
            document.operation_id = Some(id.clone());
            document.tags = Some(vec![self.name.to_owned()]);
            let path = format!("{prefix}{path}");
            let operating = Operating::new(id, method_name(&http_method), path.clone(), access);
            self.routes.push(Route { operating, document, path, http_method, handler });
        }
        self
    }

    /// Steps of the schema.
    #[must_use]
    pub fn migrations(mut self, migrations: &'static [Migration]) -> Self {
        self.migrations.push(migrations);
        self
    }

    /// What answers frames of that type on the WebSocket.
    #[must_use]
    pub fn frame(mut self, kind: &'static str, handler: Arc<dyn FrameHandler>) -> Self {
        self.frames.push((kind, handler));
        self
    }

    /// A component whose state the health answers tell.
    #[must_use]
    pub fn health(mut self, check: HealthCheck) -> Self {
        self.health.push(check);
        self
    }

    /// The module's steps of the schema.
    pub fn schema_steps(&self) -> impl Iterator<Item = &'static Migration> + '_ {
        self.migrations.iter().flat_map(|steps| steps.iter())
    }

    /// The module's health checks.
    pub fn health_checks(&self) -> &[HealthCheck] {
        &self.health
    }
}

const fn method_name(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
        HttpMethod::Options => "OPTIONS",
        HttpMethod::Head => "HEAD",
        HttpMethod::Patch => "PATCH",
        HttpMethod::Trace => "TRACE",
    }
}

fn operations(paths: Paths) -> impl Iterator<Item = (String, HttpMethod, Operation)> {
    paths.paths.into_iter().flat_map(|(path, item)| {
        let found = [
            (HttpMethod::Get, item.get),
            (HttpMethod::Post, item.post),
            (HttpMethod::Put, item.put),
            (HttpMethod::Patch, item.patch),
            (HttpMethod::Delete, item.delete),
        ];
        found.into_iter().filter_map(move |(method, operation)| Some((path.clone(), method, operation?)))
    })
}
