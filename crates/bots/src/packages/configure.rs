//! Changing settings: the package's `config.csv` is written anew.

use std::collections::BTreeMap;

use bytes::Bytes;
use kernel::{Actor, Expected, Secret};
use platform::audit::{Audit, Category};

use super::{PackageError, Packages, install::Wanted, layout, settings_csv};
use crate::config::known::{HIDDEN, Secrets, is_secret};

impl Packages {
    /// Writes settings, or takes them away; gives the new version and all settings with it.
    pub(crate) async fn change_settings(
        &self,
        who: &Actor,
        named: &str,
        expected: &Expected,
        mut changes: BTreeMap<String, Option<String>>,
    ) -> Result<(i64, BTreeMap<String, String>), PackageError> {
        let (bot, old) = self.bot_and_state(who, named).await?;
        expected.check(bot.version)?;
        // What is hidden already stays as it is.
        changes.retain(|_, value| value.as_deref() != Some(HIDDEN));
        let mut secrets = Secrets::default();
        for (key, value) in &mut changes {
            if let Some(value) = value.as_mut().filter(|value| is_secret(key) && !value.is_empty()) {
                secrets.insert(key.clone(), Secret::new(std::mem::replace(value, HIDDEN.to_owned())));
            }
        }
        let path = layout::settings_of(old.files.keys().map(String::as_str)).first().map(ToString::to_string);
        let (path, text) = match path {
            Some(path) => {
                let text = self.text(old.file(&path)?).await?;
                (path, text)
            }
            None => (format!("{}.gbot/config.csv", bot.slug), String::new()),
        };
        let text = settings_csv::change(&text, &changes);
        let limit = self.settings.get().script_bytes;
        if text.len() as u64 > limit {
            return Err(PackageError::TooLarge(format!("{limit} bytes for {path}")));
        }
        let stored = self.objects.put_bytes(Bytes::from(text.clone())).await?;
        let mut wanted = Wanted::file(path.clone(), stored, Some(text)).over(&old);
        wanted.secrets.insert(path, secrets);
        let change = self.prepare(who.org, bot.id, &old, wanted).await?;
        let settings = change.state.settings.clone();
        let keys: Vec<_> = changes.into_keys().collect();
        let audit = Audit::by(who, "bot_config_changed", Category::DataModification).detail("settings", keys);
        let version = self.write(who.org, &bot, change, Some(who.user), audit).await?;
        Ok((version.cast_signed(), settings))
    }
}
