//! What can be done with policies.

use std::sync::Arc;

use kernel::{Actor, Error, Expected, FieldErrors, Surroundings, Versioned};
use platform::{
    audit::{Audit, Category},
    db::{Db, DbError},
};

use super::{Policies, SecuritySettings, model::SecuritySettingsPatch, store};
use crate::{Settings, organizations, roles};

/// Why it can't be done.
#[derive(Debug, thiserror::Error)]
pub enum SecurityError {
    /// Bad fields, or a failure further down.
    #[error(transparent)]
    Other(#[from] Error),
}

impl From<DbError> for SecurityError {
    fn from(error: DbError) -> Self {
        Self::Other(error.into())
    }
}

impl From<FieldErrors> for SecurityError {
    fn from(fields: FieldErrors) -> Self {
        Self::Other(fields.into())
    }
}

impl From<SecurityError> for Error {
    fn from(error: SecurityError) -> Self {
        match error {
            SecurityError::Other(error) => error,
        }
    }
}

type Result<T> = std::result::Result<T, SecurityError>;

/// The policies of organizations. A cheap handle.
#[derive(Clone)]
pub struct Security {
    db: Db,
    world: Surroundings,
    settings: Arc<Settings>,
}

impl Security {
    pub(crate) fn new(db: Db, world: Surroundings, settings: Arc<Settings>) -> Self {
        Self { db, world, settings }
    }

    /// The policies of the caller's organization.
    pub async fn get(&self, who: &Actor) -> Result<Versioned<SecuritySettings>> {
        let (org, settings) = (who.org, Arc::clone(&self.settings));
        self.db
            .read_server(move |tx| {
                let (decided, rev) = store::decided(tx, org)?;
                Ok(Versioned::new(rev, Policies::of(&settings, &decided).shown()))
            })
            .await
    }

    /// Changes them, if they are as expected.
    pub async fn change(
        &self,
        who: &Actor,
        expected: Expected,
        patch: SecuritySettingsPatch,
    ) -> Result<Versioned<SecuritySettings>> {
        let (now, who, settings) = (self.world.now(), who.clone(), Arc::clone(&self.settings));
        self.db
            .write(who.org, move |unit| {
                // Of two changes at once the second merges into what the first left.
                organizations::store::lock(unit.server(), who.org)?;
                let (present, rev) = store::decided(unit.server(), who.org)?;
                expected.check(rev)?;
                let before = Policies::of(&settings, &present).shown();
                let changed = present.clone().patched(patch, &roles::store::catalogue(unit)?)?;
                let after = Policies::of(&settings, &changed).shown();
                if !after.two_factor.enabled && !after.two_factor.required_for_roles.is_empty() {
                    let problem = "must be empty while the second factor is not offered";
                    return Err(Error::invalid("two_factor.required_for_roles", problem).into());
                }
                if changed != present {
                    store::save(unit.server(), who.org, &changed, now)?;
                    let entry = Audit::by(&who, "config_changed", Category::Security);
                    let entry = entry.on("security_settings", who.org);
                    let differences = before.differences(&after).into_iter();
                    let entry =
                        differences.fold(entry, |entry, (field, old, new)| entry.change(field, old, new));
                    unit.audit(entry)?;
                }
                let (_, rev) = store::decided(unit.server(), who.org)?;
                Ok(Versioned::new(rev, after))
            })
            .await
    }
}
