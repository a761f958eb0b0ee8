//! What a domain hands to the server.
//!
//! The composition root holds one list of modules; adding a domain is one folder and one line in that list.

use std::{borrow::Cow, future::Future, pin::Pin, sync::Arc};

use axum::routing::MethodRouter;
use basic::Command;
use kernel::{EventType, PublicEvent};
use platform::{
    db::{DbError, Migration, Unit},
    jobs::{Handler, JobContext, JobError, JobKind, Work, WorkError},
    outbox::{Emitted, Subscription},
    schedules::Schedule,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{
    RefOr, Schema,
    path::{HttpMethod, Operation, Paths},
};
use utoipa_axum::router::UtoipaMethodRouter;

use crate::{
    API_PREFIX, Access, Asset, FrameHandler, Operating, Topic,
    command::{CommandHandler, Performed, Run},
    socket::{Contributed, protocol::FrameType},
};

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

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How the component is.
    pub health: Health,
    /// What is wrong with it, or worth knowing of it, as a sentence for whoever operates the server.
    pub message: Option<Cow<'static, str>>,
}

impl Finding {
    /// A finding with a sentence.
    pub fn new(health: Health, message: impl Into<Cow<'static, str>>) -> Self {
        Self { health, message: Some(message.into()) }
    }
}

impl From<Health> for Finding {
    fn from(health: Health) -> Self {
        Self { health, message: None }
    }
}

/// A check that readiness and health ask.
#[derive(Clone)]
pub struct HealthCheck {
    /// The component's name in the answer, such as `database`.
    pub name: &'static str,
    /// Can't the server take traffic without it?
    pub required: bool,
    check: Arc<dyn Fn() -> BoxFuture<'static, Finding> + Send + Sync>,
}

impl HealthCheck {
    /// A named check of a component that the server needs.
    pub fn new<F, Fut, Found>(name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Found> + Send + 'static,
        Found: Into<Finding>,
    {
        let check = move || -> BoxFuture<'static, Finding> {
            let asked = check();
            Box::pin(async move { asked.await.into() })
        };
        Self { name, required: true, check: Arc::new(check) }
    }

    /// The server can do without it: if it is down, the server is degraded and still ready.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    /// Asks.
    pub async fn run(&self) -> Finding {
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

impl Route {
    /// What anybody may read, outside of the contract and counted against no limit: the contract itself, pages.
    pub(crate) fn to_read(path: String, handler: MethodRouter) -> Self {
        let access = Access::public().uncounted();
        Self {
            operating: Operating::new(path.replace('/', "_"), "GET", path.clone(), access),
            document: Operation::new(),
            path,
            http_method: HttpMethod::Get,
            handler,
        }
    }
}

/// What a module does itself to erase some of what an organization has, in one small unit of work. True while there may
/// be more.
pub type Eraser = Arc<dyn Fn(&Unit<'_>) -> Result<bool, DbError> + Send + Sync>;

/// A domain's whole contract with the server.
pub struct Module {
    pub(crate) name: &'static str,
    pub(crate) routes: Vec<Route>,
    pub(crate) assets: Vec<Route>,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    pub(crate) migrations: Vec<&'static [Migration]>,
    pub(crate) frames: Vec<(&'static str, Arc<dyn FrameHandler>)>,
    pub(crate) topics: Vec<Contributed>,
    pub(crate) hears: Vec<FrameType>,
    pub(crate) tells: Vec<FrameType>,
    pub(crate) health: Vec<HealthCheck>,
    pub(crate) commands: Vec<CommandHandler>,
    handlers: Vec<Handler>,
    subscriptions: Vec<Subscription>,
    schedules: Vec<Schedule>,
    events: Vec<EventType>,
    erasers: Vec<Eraser>,
}

impl Module {
    /// An empty module of that name; the name groups its operations and begins their ids.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            routes: Vec::new(),
            assets: Vec::new(),
            schemas: Vec::new(),
            migrations: Vec::new(),
            frames: Vec::new(),
            topics: Vec::new(),
            hears: Vec::new(),
            tells: Vec::new(),
            health: Vec::new(),
            commands: Vec::new(),
            handlers: Vec::new(),
            subscriptions: Vec::new(),
            schedules: Vec::new(),
            events: Vec::new(),
            erasers: Vec::new(),
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

    /// A file at the root of the server that belongs to a page. It stands outside of the contract.
    #[must_use]
    pub fn asset(mut self, path: impl Into<String>, asset: Asset) -> Self {
        self.assets.push(Route::to_read(path.into(), asset.into_handler()));
        self
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
            let method = method_name(&http_method);
            // As the contract names it: OpenAPI has no mark of a last part that may hold slashes.
            let named = path.replace("{*", "{");
            let operating = Operating::producing(id, method, named, access, produced(&document));
            self.routes.push(Route { operating, document, path, http_method, handler });
        }
        self
    }

    /// What the type of that name looks like to clients, where only the running program knows: in place of what its
    /// routes, registered before, say of it.
    #[must_use]
    pub fn describe(mut self, name: &str, schema: impl Into<RefOr<Schema>>) -> Self {
        self.schemas.retain(|(known, _)| known != name);
        self.schemas.push((name.to_owned(), schema.into()));
        self
    }

    /// Steps of the schema.
    #[must_use]
    pub fn migrations(mut self, migrations: &'static [Migration]) -> Self {
        self.migrations.push(migrations);
        self
    }

    /// What answers frames of that type on the WebSocket. `T` has their fields, and `about` says what they do.
    #[must_use]
    pub fn frame<T: ToSchema>(
        mut self,
        kind: &'static str,
        about: &'static str,
        handler: Arc<dyn FrameHandler>,
    ) -> Self {
        self.frames.push((kind, handler));
        self.hears.push(FrameType::of::<T>(kind, about));
        self
    }

    /// Things of that kind can be followed on the WebSocket, as `kind:` and an id. `about` says what comes then.
    #[must_use]
    pub fn topic(mut self, kind: &'static str, about: &'static str, topic: Arc<dyn Topic>) -> Self {
        self.topics.push(Contributed { kind, about, topic });
        self
    }

    /// Frames of that type come from this module. `T` has their fields, and `about` says what they tell.
    #[must_use]
    pub fn tells<T: ToSchema>(mut self, kind: &'static str, about: &'static str) -> Self {
        self.tells.push(FrameType::of::<T>(kind, about));
        self
    }

    /// A component whose state the health answers tell.
    #[must_use]
    pub fn health(mut self, check: HealthCheck) -> Self {
        self.health.push(check);
        self
    }

    /// What performs the command of that phrase for scripts.
    #[must_use]
    pub fn command<F, Fut>(self, phrase: &'static str, handler: F) -> Self
    where
        F: Fn(Run, Command) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Performed> + Send + 'static,
    {
        self.command_where(phrase, |_| true, handler)
    }

    /// What performs one form of a command that means several things, such as `GET` of an address. The first whose
    /// form it is performs it.
    #[must_use]
    pub fn command_where<F, Fut>(
        mut self,
        phrase: &'static str,
        is_meant: fn(&Command) -> bool,
        handler: F,
    ) -> Self
    where
        F: Fn(Run, Command) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Performed> + Send + 'static,
    {
        self.commands.push(CommandHandler::new(phrase, is_meant, handler));
        self
    }

    /// What does jobs of that kind.
    #[must_use]
    pub fn job<P, F, Fut>(self, kind: &JobKind<P>, handler: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(JobContext, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = std::result::Result<Value, JobError>> + Send + 'static,
    {
        self.job_handler(kind.handled_by(handler))
    }

    /// The same for a handler that a lower room made.
    #[must_use]
    pub fn job_handler(mut self, handler: Handler) -> Self {
        self.handlers.push(handler);
        self
    }

    /// Hears events of these names (`bot.created`, `user.*`, `*`), each as a job of that kind, those of one resource
    /// in order.
    #[must_use]
    pub fn subscribe<F, Fut>(
        mut self,
        events: &'static [&'static str],
        kind: JobKind<Emitted>,
        handler: F,
    ) -> Self
    where
        F: Fn(JobContext, Emitted) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = std::result::Result<Value, JobError>> + Send + 'static,
    {
        self.subscriptions.push(Subscription::new(events, kind, handler));
        self
    }

    /// The same for a subscription that says more.
    #[must_use]
    pub fn subscription(mut self, subscription: Subscription) -> Self {
        self.subscriptions.push(subscription);
        self
    }

    /// A type of event that the module tells of, also to the outside.
    #[must_use]
    pub fn event<E: PublicEvent>(mut self) -> Self {
        self.events.push(EventType::of::<E>());
        self
    }

    /// The types of events that the module tells of.
    pub fn events(&self) -> &[EventType] {
        &self.events
    }

    /// A job that the server wants done regularly.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }

    /// What has to be done, again and again until it says that nothing is left, when an organization is erased: for what
    /// is more than rows. Rows with an `org_id` are found by the schema, and removed after this.
    #[must_use]
    pub fn erases(
        mut self,
        eraser: impl Fn(&Unit<'_>) -> Result<bool, DbError> + Send + Sync + 'static,
    ) -> Self {
        self.erasers.push(Arc::new(eraser));
        self
    }

    /// What all modules do themselves to erase what an organization has.
    pub fn erasers(modules: &[Self]) -> Vec<Eraser> {
        modules.iter().flat_map(|module| module.erasers.iter().cloned()).collect()
    }

    /// What all modules together want done. An error if they contradict each other.
    pub fn work(modules: &[Self]) -> std::result::Result<Work, WorkError> {
        Work::new(
            modules.iter().flat_map(|module| module.handlers.iter().cloned()),
            modules.iter().flat_map(|module| module.subscriptions.iter().cloned()),
            modules.iter().flat_map(|module| module.schedules.iter().cloned()),
        )
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

/// The types that an operation's successes come in.
fn produced(document: &Operation) -> Vec<String> {
    let answers = document.responses.responses.iter().filter(|(status, _)| status.starts_with('2'));
    let mut kinds: Vec<String> = answers
        .filter_map(|(_, answer)| match answer {
            RefOr::T(answer) => Some(answer.content.keys().cloned()),
            RefOr::Ref(_) => None,
        })
        .flatten()
        .collect();
    kinds.sort();
    kinds.dedup();
    kinds
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
