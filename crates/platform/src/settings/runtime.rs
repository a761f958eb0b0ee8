//! The configuration in force, and how it is changed.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use bytes::Bytes;
use kernel::{Actor, Expected, Surroundings};
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::store::{self, Past};
use crate::{
    audit::{Audit, Category},
    bus::Bus,
    config::{self, ConfigError, Configuration, Item, Key, Layers, Values},
    db::{Db, DbError},
};

/// The topic on which nodes tell each other to look at the settings again.
const TOPIC: &str = "settings";
/// How often a node looks by itself, in case a hint was lost. The bus is never the truth.
const LOOK: Duration = Duration::from_secs(10);

/// The configuration of the server while it runs. A cheap handle.
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    db: Db,
    bus: Bus,
    world: Surroundings,
    keys: Arc<[Arc<Key>]>,
    read: Box<Read>,
    in_force: ArcSwap<InForce>,
    /// Held from the look to the change: of two looks at once, the later one must win.
    looking: tokio::sync::Mutex<()>,
}

/// The configuration as it would be with these changes.
type Read = dyn Fn(&Values) -> Result<Reading, ConfigError> + Send + Sync;

struct Reading {
    items: Vec<Item>,
    install: Box<dyn FnOnce() + Send>,
}

/// What is in force on this node.
#[derive(Debug, Clone)]
pub struct InForce {
    /// How often something was changed.
    pub revision: i64,
    /// Every key, in alphabetical order.
    pub items: Vec<Item>,
}

impl InForce {
    /// The item of that key.
    pub fn item(&self, key: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.key.name == key)
    }
}

/// What a change did.
#[derive(Debug, Clone)]
pub struct Changed {
    /// The keys that have another value, or another source, now.
    pub applied: Vec<String>,
    /// The configuration after it.
    pub in_force: Arc<InForce>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// Keys that don't exist, each with those that look like it, and values that can't be, each with what is wrong.
    #[error("there are unknown keys or bad values")]
    Invalid {
        /// The known key nearest to each unknown one.
        unknown: BTreeMap<String, Option<String>>,
        /// What is wrong with the value of each known one.
        problems: BTreeMap<String, String>,
    },
    /// Keys that need the file and a restart.
    #[error("{} can only be changed in the file, and by a restart", .0.join(", "))]
    NotChangeable(Vec<String>),
    /// The caller expected another revision.
    #[error(transparent)]
    Unexpected(kernel::Error),
    /// Everything was like this already.
    #[error("there is nothing to change")]
    Nothing,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Runtime {
    /// Reads what was changed earlier, and gives the configuration that results to `install`; so again after each
    /// change. Fails if the tables can't be read.
    pub async fn open<T: Configuration>(
        layers: Layers<T>,
        db: Db,
        bus: Bus,
        world: Surroundings,
        install: impl Fn(&T) + Send + Sync + 'static,
    ) -> Result<Self, DbError> {
        let keys = Arc::clone(layers.keys());
        let install = Arc::new(install);
        let read = move |changes: &Values| {
            let loaded = layers.load(changes)?;
            let install = Arc::clone(&install);
            Ok(Reading { items: loaded.items, install: Box::new(move || install(&loaded.value)) })
        };
        let in_force = ArcSwap::from_pointee(InForce { revision: -1, items: Vec::new() });
        let looking = tokio::sync::Mutex::default();
        let runtime = Self(Arc::new(Inner { db, bus, world, keys, read: Box::new(read), in_force, looking }));
        runtime.look().await?;
        Ok(runtime)
    }

    /// What is known of every key, in alphabetical order.
    pub fn keys(&self) -> &[Arc<Key>] {
        &self.0.keys
    }

    /// What is in force on this node.
    pub fn in_force(&self) -> Arc<InForce> {
        self.0.in_force.load_full()
    }

    /// The latest changes of a key, newest first.
    pub async fn history(&self, key: &str) -> Result<Vec<Past>, DbError> {
        let key = key.to_owned();
        self.0.db.read_server(move |tx| store::history(tx, &key)).await
    }

    /// Changes keys, all of them or none; a null takes a change back. In force here when this returns, and on other
    /// nodes within a second.
    pub async fn change(
        &self,
        who: &Actor,
        expected: Expected,
        wanted: Values,
    ) -> Result<Changed, ChangeError> {
        let wanted = self.changeable(wanted)?;
        let (this, actor) = (self.clone(), who.clone());
        let unit = self.0.db.write(who.org, move |unit| {
            let server = unit.server();
            let revision = store::next_revision(server)?;
            expected.check(revision - 1).map_err(ChangeError::Unexpected)?;
            let before = this.usable(&store::changes(server)?);
            let (old, mut after) = (this.items(&before)?, before);
            for (name, value) in &wanted {
                if value.is_null() {
                    after.remove(name);
                } else if old.iter().any(|item| item.key.name == *name && item.value != *value) {
                    after.insert(name.clone(), value.clone());
                }
            }
            let new = this.items(&after)?;
            let changed: Vec<_> = old
                .iter()
                .zip(&new)
                .filter(|(old, new)| (&old.value, &old.origin) != (&new.value, &new.origin))
                .collect();
            if changed.is_empty() {
                return Err(ChangeError::Nothing);
            }
            let mut audited = Vec::new();
            for (old, new) in &changed {
                let name = &new.key.name;
                store::put(server, name, after.get(name))?;
                let past = Past {
                    old_value: old.value.clone(),
                    new_value: new.value.clone(),
                    changed_by: actor.user,
                    changed_at: this.0.world.now(),
                };
                store::note(server, name, revision, &past)?;
                audited.push(json!({ "field": name, "old_value": old.value, "new_value": new.value }));
            }
            let entry = Audit::by(&actor, "config.updated", Category::Administrative);
            unit.audit(entry.on("config", "server").detail("changes", audited))?;
            Ok(changed.iter().map(|(_, new)| new.key.name.clone()).collect())
        });
        let applied = match unit.await {
            Ok(applied) => applied,
            Err(ChangeError::Nothing) => Vec::new(),
            Err(error) => return Err(error),
        };
        if !applied.is_empty() {
            // The change stands. If this look fails, the next one sees it.
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "changed settings could not be read; they are in force a little later");
            }
            self.0.bus.publish(TOPIC, Bytes::new());
        }
        Ok(Changed { applied, in_force: self.in_force() })
    }

    /// Looks at the settings whenever another node says that they changed, until told to stop.
    pub async fn watch(self, stop: CancellationToken) {
        let mut hints = self.0.bus.subscribe(TOPIC);
        let mut beat = tokio::time::interval(LOOK);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                heard = hints.next() => if heard.is_none() { return },
                _ = beat.tick() => {}
            }
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "the settings could not be looked at");
            }
        }
    }

    /// Reads what is changed and puts it in force, unless it is already.
    async fn look(&self) -> Result<(), DbError> {
        let _looking = self.0.looking.lock().await;
        let (revision, changes) =
            self.0.db.read_server(|tx| Ok::<_, DbError>((store::revision(tx)?, store::changes(tx)?))).await?;
        if self.0.in_force.load().revision == revision {
            return Ok(());
        }
        let reading = (self.0.read)(&self.usable(&changes)).map_err(|error| unreadable(&error))?;
        (reading.install)();
        self.0.in_force.store(Arc::new(InForce { revision, items: reading.items }));
        Ok(())
    }

    /// What of the stored changes this version can use. An older or newer one may have known other keys or ranges.
    fn usable(&self, changes: &Values) -> Values {
        let usable = changes.iter().filter(|(name, value)| match self.problem(name, value) {
            None => true,
            Some(problem) => {
                tracing::warn!(key = name, problem, "a changed setting can't be used, and is left out");
                false
            }
        });
        usable.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    fn problem(&self, name: &str, value: &Value) -> Option<String> {
        match self.key(name) {
            None => Some("there is no such key".to_owned()),
            Some(key) if !key.runtime => Some("it can't be changed while the server runs".to_owned()),
            Some(_) => match (self.0.read)(&Values::from([(name.to_owned(), value.clone())])) {
                Ok(_) => None,
                Err(ConfigError::BadValue { problem, .. }) => Some(problem),
                Err(other) => Some(other.to_string()),
            },
        }
    }

    fn key(&self, name: &str) -> Option<&Arc<Key>> {
        self.0.keys.iter().find(|key| key.name == name)
    }

    fn items(&self, changes: &Values) -> Result<Vec<Item>, DbError> {
        (self.0.read)(changes).map(|reading| reading.items).map_err(|error| unreadable(&error))
    }

    /// What of the wanted changes is left to be made; an error names all that can't be.
    fn changeable(&self, wanted: Values) -> Result<Values, ChangeError> {
        let (mut unknown, mut problems, mut fixed) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let in_force = self.in_force();
        let mut changes = Values::new();
        for (name, value) in wanted {
            let Some(item) = in_force.item(&name) else {
                let nearest = config::nearest(&name, self.0.keys.iter().map(|key| key.name.clone()));
                unknown.insert(name, nearest);
                continue;
            };
            if !item.key.runtime {
                // What a client read and sends back unchanged is no change; so is a secret's `***`.
                if item.value != value {
                    fixed.push(name);
                }
                continue;
            }
            match if value.is_null() { None } else { self.problem(&name, &value) } {
                Some(problem) => drop(problems.insert(name, problem)),
                None => drop(changes.insert(name, value)),
            }
        }
        if !unknown.is_empty() || !problems.is_empty() {
            return Err(ChangeError::Invalid { unknown, problems });
        }
        if fixed.is_empty() { Ok(changes) } else { Err(ChangeError::NotChangeable(fixed)) }
    }
}

/// Values that are fine one by one are fine together: no key's range depends on another.
fn unreadable(error: &ConfigError) -> DbError {
    DbError::Decode(error.to_string())
}
