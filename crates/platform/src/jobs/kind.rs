//! What kinds of jobs there are, who handles them, and how one is asked for.

use std::{fmt, future::Future, marker::PhantomData, pin::Pin, sync::Arc, time::Duration};

use chrono::TimeDelta;
use kernel::{
    Timestamp,
    id::{Id, kind::User},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{JobContext, JobError};
use crate::db::Json;

/// A kind of job, as a constant that both who asks for one and who handles it name.
///
/// `P` is what a job of the kind is told. Jobs outlive versions: a changed `P` must read what an older one wrote.
pub struct JobKind<P> {
    name: &'static str,
    max_attempts: u32,
    time_limit: Duration,
    backoff: Backoff,
    payload: PhantomData<fn(P)>,
}

/// How long a failed job waits before it is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The longest wait after the first attempt.
    pub first: Duration,
    /// The longest wait after any.
    pub most: Duration,
}

/// The back-off of kinds that don't say otherwise.
pub(super) const BACKOFF: Backoff = Backoff { first: Duration::from_secs(10), most: Duration::from_hours(1) };

impl<P> JobKind<P> {
    /// A kind of that name, `domain.what_is_done`: five attempts of at most ten minutes, up to ten seconds after the
    /// first and an hour after any.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            max_attempts: 5,
            time_limit: Duration::from_mins(10),
            backoff: BACKOFF,
            payload: PhantomData,
        }
    }

    /// Attempts before a job counts as dead; at least one.
    #[must_use]
    pub const fn attempts(self, most: u32) -> Self {
        Self { max_attempts: if most == 0 { 1 } else { most }, ..self }
    }

    /// How long one attempt may take.
    #[must_use]
    pub const fn time_limit(self, limit: Duration) -> Self {
        Self { time_limit: limit, ..self }
    }

    /// How long a failed job waits.
    #[must_use]
    pub const fn backoff(self, first: Duration, most: Duration) -> Self {
        Self { backoff: Backoff { first, most }, ..self }
    }

    /// The kind's name.
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<P> Clone for JobKind<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for JobKind<P> {}

impl<P> fmt::Debug for JobKind<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<P: Serialize> JobKind<P> {
    /// A job of this kind, to be enqueued.
    pub fn job(&self, payload: &P) -> NewJob {
        NewJob::stored(self.name.to_owned(), Json::of(payload), self.max_attempts, None)
    }
}

impl<P: DeserializeOwned + Send + 'static> JobKind<P> {
    /// Who does such jobs. A job may be done more than once (the node dies between doing and saying so); what it does
    /// in the database together with [`JobContext::complete_with`] is done exactly once.
    pub fn handled_by<F, Fut>(&self, handler: F) -> Handler
    where
        F: Fn(JobContext, P) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, JobError>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let run: Run = Arc::new(move |context, payload| {
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let payload = payload.read().map_err(|cause| {
                    JobError::Fail(kernel::Error::internal(cause).reason("unreadable_payload"))
                })?;
                handler(context, payload).await
            })
        });
        Handler { kind: self.name, time_limit: self.time_limit, backoff: self.backoff, run }
    }
}

type Run = Arc<
    dyn Fn(JobContext, Json) -> Pin<Box<dyn Future<Output = Result<Value, JobError>> + Send>> + Send + Sync,
>;

/// What does jobs of one kind. Made by [`JobKind::handled_by`].
#[derive(Clone)]
pub struct Handler {
    pub(super) kind: &'static str,
    pub(super) time_limit: Duration,
    pub(super) backoff: Backoff,
    pub(super) run: Run,
}

impl Handler {
    /// The kind that it handles.
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

/// A job to be enqueued.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub(crate) kind: String,
    pub(crate) payload: Json,
    pub(crate) max_attempts: u32,
    pub(crate) start: Start,
    pub(crate) unique: Option<String>,
    pub(crate) place: Option<InLine>,
    pub(crate) by: Option<Id<User>>,
}

/// A place in a line: jobs of one line run one after another, in the order of the numbers.
#[derive(Debug, Clone)]
pub(crate) struct InLine {
    pub(crate) line: String,
    pub(crate) number: i64,
}

/// When a job may run.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    Now,
    After(TimeDelta),
    At(Timestamp),
}

impl NewJob {
    /// A job as a row of another table describes it.
    pub(crate) fn stored(kind: String, payload: Json, max_attempts: u32, by: Option<Id<User>>) -> Self {
        Self { kind, payload, max_attempts, start: Start::Now, unique: None, place: None, by }
    }

    /// Not before then.
    #[must_use]
    pub fn at(self, time: Timestamp) -> Self {
        Self { start: Start::At(time), ..self }
    }

    /// Not before that long from now.
    #[must_use]
    pub fn after(self, delay: TimeDelta) -> Self {
        Self { start: Start::After(delay), ..self }
    }

    /// Only if no job of the kind with that key waits or runs in the organization.
    #[must_use]
    pub fn unique(self, key: impl Into<String>) -> Self {
        Self { unique: Some(key.into()), ..self }
    }

    /// Behind the jobs of that line that have not ended, and before those that come with a higher number. One that dies
    /// lets the next one pass.
    #[must_use]
    pub fn in_line(self, line: impl Into<String>, number: i64) -> Self {
        Self { place: Some(InLine { line: line.into(), number }), ..self }
    }

    /// Started by that user, who may follow it.
    #[must_use]
    pub fn by(self, user: Id<User>) -> Self {
        Self { by: Some(user), ..self }
    }
}
