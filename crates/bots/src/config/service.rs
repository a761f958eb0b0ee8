//! Reading and changing settings.

use kernel::{Actor, Expected, Versioned};

use super::model::{Config, ConfigPatch};
use crate::packages::{PackageError, Packages};

impl Packages {
    pub(super) async fn config(&self, who: &Actor, named: &str) -> Result<Versioned<Config>, PackageError> {
        let (bot, state) = self.bot_and_state(who, named).await?;
        Ok(Versioned::new(bot.version, Config::of(&state.settings)))
    }

    pub(super) async fn change_config(
        &self,
        who: &Actor,
        named: &str,
        expected: &Expected,
        patch: ConfigPatch,
    ) -> Result<Versioned<Config>, PackageError> {
        let changes = patch.check()?;
        let (version, settings) = self.change_settings(who, named, expected, changes).await?;
        Ok(Versioned::new(version, Config::of(&settings)))
    }
}
