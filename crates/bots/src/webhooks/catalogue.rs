//! Which types of events there are to subscribe to.

use std::collections::{BTreeMap, BTreeSet};

use kernel::EventType;

/// All types of events that modules declare, by name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue(BTreeMap<&'static str, EventType>);

impl Catalogue {
    /// The catalogue of these types.
    pub(crate) fn of(types: impl IntoIterator<Item = EventType>) -> Self {
        Self(types.into_iter().map(|kind| (kind.name, kind)).collect())
    }

    /// The type of that name.
    pub(super) fn get(&self, name: &str) -> Option<&EventType> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> impl Iterator<Item = &EventType> {
        self.0.values()
    }

    /// Every name that can be subscribed to: all, those of each resource, each.
    pub(super) fn names(&self) -> Vec<String> {
        let resources = self.0.keys().filter_map(|name| name.split_once('.'));
        let resources: BTreeSet<_> = resources.map(|(resource, _)| format!("{resource}.*")).collect();
        let each = self.0.keys().map(ToString::to_string);
        ["*".to_owned()].into_iter().chain(resources).chain(each).collect()
    }

    /// Does a subscription of that name hear anything at all?
    pub(super) fn knows(&self, wanted: &str) -> bool {
        is_pattern(wanted) && self.0.keys().any(|name| hears(wanted, name)) || self.0.contains_key(wanted)
    }
}

/// `*`, or all of one resource: `task.*`.
fn is_pattern(wanted: &str) -> bool {
    wanted == "*" || wanted.strip_suffix(".*").is_some_and(|resource| !resource.contains(['*', '.']))
}

/// Does a subscription of that name hear of events of this one?
pub(super) fn hears(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => wanted == name,
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Event, Hearer, PublicEvent};
    use serde::Serialize;
    use serde_json::Value;

    use super::*;

    #[derive(Serialize)]
    struct Done;

    impl Event for Done {
        const NAME: &'static str = "task.done";

        fn subject(&self) -> String {
            String::new()
        }
    }

    impl PublicEvent for Done {
        const ABOUT: &'static str = "A task was done.";

        fn example() -> Self {
            Self
        }

        fn may_hear(_: &Hearer, _: &Value) -> bool {
            true
        }
    }

    #[test]
    fn a_subscription_names_an_event_or_a_resource_or_everything() {
        let catalogue = Catalogue::of([EventType::of::<Done>()]);

        for known in ["task.done", "task.*", "*"] {
            assert!(catalogue.knows(known) && hears(known, "task.done"), "{known}");
        }
        for unknown in ["task.don", "task", "task*", "ta*", "bot.*", "**", "task.done.*", "*.done", "", ".*"]
        {
            assert!(!catalogue.knows(unknown), "{unknown}");
        }
        assert_eq!(catalogue.names(), ["*", "task.*", "task.done"]);
        assert!(!hears("task.*", "tasks.done") && !hears("task.done", "task.done.twice"));
    }
}
