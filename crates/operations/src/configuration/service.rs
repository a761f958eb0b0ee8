//! What may be seen and changed of the configuration, by whom.

use std::{collections::BTreeMap, sync::Arc};

use identity::Identity;
use kernel::{Actor, Error, Expected, FieldErrors, Revision, Versioned};
use platform::{
    config::{Key, Values},
    settings::{ChangeError, Changed, InForce, Runtime},
};

use super::model::{Config, ConfigChanged, Setting, SettingDetails};

/// The configuration of the server. A cheap handle.
#[derive(Clone)]
pub struct Configuration {
    runtime: Runtime,
    identity: Identity,
}

impl Configuration {
    /// The configuration that `runtime` keeps, for administrators of the first organization that `identity` knows.
    pub fn new(runtime: Runtime, identity: Identity) -> Self {
        Self { runtime, identity }
    }

    /// What is known of every key.
    pub(super) fn keys(&self) -> &[Arc<Key>] {
        self.runtime.keys()
    }

    /// Is it the caller's to know of?
    async fn belongs_to(&self, who: &Actor) -> Result<bool, Error> {
        Ok(self.identity.first_organization().await? == who.org)
    }

    /// What is in force; nothing for another organization.
    pub(super) async fn all(&self, who: &Actor) -> Result<Versioned<Config>, Error> {
        if !self.belongs_to(who).await? {
            let nothing = Config { values: BTreeMap::new(), items: Vec::new() };
            return Ok(Versioned::new(Revision(0), nothing));
        }
        let in_force = self.runtime.in_force();
        let values = in_force.items.iter().map(|item| (item.key.name.clone(), item.value.clone()));
        let items = in_force.items.iter().map(Setting::from).collect();
        Ok(Versioned::new(in_force.revision, Config { values: values.collect(), items }))
    }

    /// One key with its history.
    pub(super) async fn one(&self, who: &Actor, key: &str) -> Result<Versioned<SettingDetails>, Error> {
        let in_force = self.known(who, key).await?;
        let setting = in_force.item(key).map(Setting::from).ok_or_else(no_such_key)?;
        let history = self.runtime.history(key).await?.into_iter().map(Into::into).collect();
        Ok(Versioned::new(in_force.revision, SettingDetails { setting, history }))
    }

    /// Changes keys, all or none.
    pub(super) async fn change(
        &self,
        who: &Actor,
        expected: Expected,
        wanted: Values,
    ) -> Result<Versioned<ConfigChanged>, Error> {
        if !self.belongs_to(who).await? {
            let unknown = wanted.into_keys().map(|key| (key, None)).collect();
            return Err(refused(ChangeError::Invalid { unknown, problems: BTreeMap::new() }));
        }
        let Changed { applied, in_force } =
            self.runtime.change(who, expected, wanted).await.map_err(refused)?;
        let status = if applied.is_empty() { "unchanged" } else { "applied" };
        let changed = ConfigChanged { status, applied, restart_required: Vec::new() };
        Ok(Versioned::new(in_force.revision, changed))
    }

    /// Takes a change back.
    pub(super) async fn reset(&self, who: &Actor, expected: Expected, key: &str) -> Result<(), Error> {
        let in_force = self.known(who, key).await?;
        if in_force.item(key).is_some_and(|item| !item.key.runtime) {
            return Err(refused(ChangeError::NotChangeable(vec![key.to_owned()])));
        }
        let back = Values::from([(key.to_owned(), serde_json::Value::Null)]);
        self.runtime.change(who, expected, back).await.map_err(refused)?;
        Ok(())
    }

    async fn known(&self, who: &Actor, key: &str) -> Result<Arc<InForce>, Error> {
        let in_force = self.runtime.in_force();
        if in_force.item(key).is_some() && self.belongs_to(who).await? {
            Ok(in_force)
        } else {
            Err(no_such_key())
        }
    }
}

fn no_such_key() -> Error {
    Error::not_found("key of the configuration")
}

fn refused(error: ChangeError) -> Error {
    match error {
        ChangeError::Invalid { unknown, problems } => {
            let reason = if unknown.is_empty() { "invalid_value" } else { "unknown_key" };
            let mut wrong = FieldErrors::default();
            for (key, nearest) in unknown {
                wrong.add(
                    &key,
                    match nearest {
                        Some(nearest) => format!("does not exist; did you mean {nearest}?"),
                        None => "does not exist".to_owned(),
                    },
                );
            }
            for (key, problem) in problems {
                wrong.add(&key, problem);
            }
            Error::from(wrong).reason(reason)
        }
        ChangeError::NotChangeable(keys) => Error::conflict(
            format!(
                "This can only be changed in the configuration file, and by a restart: {}.",
                keys.join(", ")
            ),
            "not_changeable",
        )
        .detail("keys", keys),
        ChangeError::Unexpected(error) => error,
        ChangeError::Nothing => Error::internal(ChangeError::Nothing),
        ChangeError::Db(error) => error.into(),
    }
}
