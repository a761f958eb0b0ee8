//! All that a node knows to do: who handles which kind of job, who hears which events, what happens when.

use std::collections::HashMap;

use super::Handler;
use crate::{
    outbox::Subscription,
    schedules::{Schedule, TimesError},
};

/// The work of a node, collected from its modules.
#[derive(Clone, Default)]
pub struct Work {
    handlers: HashMap<&'static str, Handler>,
    subscriptions: Vec<Subscription>,
    schedules: Vec<Schedule>,
}

/// Modules that contradict each other.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// Two handlers for one kind.
    #[error("two handlers do jobs of the kind {0}")]
    HandledTwice(&'static str),
    /// Two schedules of one name.
    #[error("two schedules are named {0}")]
    ScheduledTwice(String),
    /// A schedule whose jobs nobody does.
    #[error("nobody does jobs of the kind {kind}, which the schedule {name} wants")]
    Unhandled {
        /// The schedule.
        name: String,
        /// The kind.
        kind: String,
    },
    /// A schedule that can't be read.
    #[error("the schedule {0} can't be read: {1}")]
    Times(String, TimesError),
}

impl Work {
    /// The work of these handlers, subscriptions and schedules.
    pub fn new(
        handlers: impl IntoIterator<Item = Handler>,
        subscriptions: impl IntoIterator<Item = Subscription>,
        schedules: impl IntoIterator<Item = Schedule>,
    ) -> Result<Self, WorkError> {
        let mut work = Self::default();
        work.subscriptions.extend(subscriptions);
        let subscribers = work.subscriptions.iter().map(|subscription| subscription.handler().clone());
        for handler in handlers.into_iter().chain(subscribers.collect::<Vec<_>>()) {
            if let Some(other) = work.handlers.insert(handler.kind(), handler) {
                return Err(WorkError::HandledTwice(other.kind()));
            }
        }
        for schedule in schedules {
            schedule.times().map_err(|error| WorkError::Times(schedule.name().to_owned(), error))?;
            if work.handler(schedule.kind()).is_none() {
                let (name, kind) = (schedule.name().to_owned(), schedule.kind().to_owned());
                return Err(WorkError::Unhandled { name, kind });
            }
            if work.schedules.iter().any(|other| other.name() == schedule.name()) {
                return Err(WorkError::ScheduledTwice(schedule.name().to_owned()));
            }
            work.schedules.push(schedule);
        }
        Ok(work)
    }

    pub(crate) fn handler(&self, kind: &str) -> Option<&Handler> {
        self.handlers.get(kind)
    }

    pub(crate) fn schedules(&self) -> &[Schedule] {
        &self.schedules
    }

    /// Whoever wants to hear of events of that name.
    pub(crate) fn subscribers<'a>(&'a self, event: &'a str) -> impl Iterator<Item = &'a Subscription> {
        self.subscriptions.iter().filter(move |subscription| subscription.hears(event))
    }
}
