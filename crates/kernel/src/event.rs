//! Facts that other rooms may want to know.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::{Permission, PermissionSet, id::UserId};

/// Something that happened to a resource, told to whoever subscribed: `bot.created`, `message.sent`.
///
/// The value is the `data` of the event.
pub trait Event: Serialize {
    /// `resource.what_happened`, in the past tense.
    const NAME: &'static str;

    /// The id of the resource it happened to. Events of one resource keep their order.
    fn subject(&self) -> String;
}

/// An event that may be told outside the server, to who may know of it. Its name is stable and part of the API:
/// webhooks subscribe to it.
///
/// An event that is not declared so stays inside: nobody has said who may know of it.
pub trait PublicEvent: Event {
    /// A sentence on what happened.
    const ABOUT: &'static str;

    /// One as it might be, for documents.
    fn example() -> Self
    where
        Self: Sized;

    /// May they read what this one is about? `data` is the event as it was written.
    fn may_hear(who: &Hearer, data: &Value) -> bool;
}

/// Somebody who would hear of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hearer {
    /// Who.
    pub user: UserId,
    /// What they may do at the moment.
    pub permissions: PermissionSet,
}

impl Hearer {
    /// Do the permissions contain this one?
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(permission)
    }

    /// Does this field of an event name them?
    pub fn is(&self, field: &Value) -> bool {
        field.as_str().is_some_and(|id| id.parse() == Ok(self.user))
    }
}

/// A type of event that may be told outside, as a module declares it.
#[derive(Clone, Copy)]
pub struct EventType {
    /// Its name.
    pub name: &'static str,
    /// A sentence on what happened.
    pub about: &'static str,
    example: fn() -> Value,
    may_hear: fn(&Hearer, &Value) -> bool,
}

impl EventType {
    /// The type of those events.
    pub fn of<E: PublicEvent>() -> Self {
        Self {
            name: E::NAME,
            about: E::ABOUT,
            example: || serde_json::to_value(E::example()).unwrap_or_default(),
            may_hear: E::may_hear,
        }
    }

    /// The data of one as it might be.
    pub fn example(&self) -> Value {
        (self.example)()
    }

    /// May they read what an event with this data is about?
    pub fn may_hear(&self, who: &Hearer, data: &Value) -> bool {
        (self.may_hear)(who, data)
    }
}

impl fmt::Debug for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
