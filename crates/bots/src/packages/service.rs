//! Installing and reading packages.

use std::sync::{Arc, OnceLock};

use futures_util::Stream;
use gateway::{Upload, command::Commands};
use kernel::{
    Actor, Expected, Id, Surroundings, Versioned,
    id::kind::{Bot as BotKind, Organization, User},
};
use platform::{
    audit::{Audit, Category},
    db::{Db, Unit},
    objects::Objects,
    secrets::Secrets,
    settings::Live,
};

use super::{
    Installation, PackageError,
    archive::Unpacked,
    compile::COMPILED_AT_ONCE,
    export,
    install::Wanted,
    places::Places,
    state::{State, difference, refuse_errors, reports},
    states::States,
    unwatched,
    upload::Unpacking,
};
use crate::{
    Settings,
    bots::{BotService, store::BotRow},
};

/// How a package is installed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Keep files that the package doesn't have?
    pub(super) merge: bool,
    /// Only tell what would happen?
    pub(super) dry_run: bool,
    /// Refuse scripts with errors?
    pub(super) strict: bool,
}

/// The service of packages. A cheap handle.
#[derive(Clone)]
pub struct Packages {
    pub(super) db: Db,
    pub(crate) objects: Objects,
    pub(super) bots: BotService,
    pub(super) surroundings: Surroundings,
    pub(super) settings: Live<Settings>,
    pub(super) states: States,
    pub(super) unpacking: Unpacking,
    /// Where scripts are compiled.
    pub(crate) compiling: Places,
    pub(super) secrets: Secrets,
    /// What the modules of the server perform for scripts; what they don't is worth a warning.
    pub(super) performed: Arc<OnceLock<Arc<[&'static str]>>>,
}

impl Packages {
    /// The service over the given adapters.
    pub fn new(
        db: Db,
        objects: Objects,
        bots: BotService,
        surroundings: Surroundings,
        settings: Live<Settings>,
        secrets: Secrets,
    ) -> Self {
        let unpacking = Unpacking::new(objects.clone(), settings.clone());
        let compiling = Places::new(COMPILED_AT_ONCE);
        let states = States::new();
        let performed = Arc::default();
        Self { db, objects, bots, surroundings, settings, states, unpacking, compiling, secrets, performed }
    }

    /// Says what scripts can ask for. It is said once, when all modules are known.
    pub(crate) fn perform(&self, commands: &Commands) {
        let _ = self.performed.set(commands.phrases().collect());
    }

    /// What scripts can ask for, where it was said.
    pub(crate) fn performed(&self) -> Option<Arc<[&'static str]>> {
        self.performed.get().cloned()
    }

    /// Installs an uploaded package.
    pub(super) async fn install(
        &self,
        who: Actor,
        named: String,
        expected: Expected,
        upload: Upload,
        manner: Manner,
    ) -> Result<Installation, PackageError> {
        // Whoever may not change the bot doesn't get anything unpacked. Writing makes sure that the version is still
        // the one that was looked at.
        let bot = self.bot(&who, &named).await?;
        expected.check(bot.version)?;
        let unpacked = self.unpacking.upload(upload).await?;
        let audit = Audit::by(&who, "bot_package_installed", Category::DataModification);
        self.install_unpacked(who.org, bot, unpacked, manner, Some(who.user), audit).await
    }

    /// The bot of that name, if the caller may use it.
    pub(crate) async fn bot(&self, who: &Actor, named: &str) -> Result<BotRow, PackageError> {
        let (who, named, now) = (who.clone(), named.to_owned(), self.surroundings.now());
        Ok(self.db.read(who.org, move |tx| crate::bots::service::usable(tx, &who, Some(&named), now)).await?)
    }

    /// The bot of that name, if the caller may use it, with the present state of its package.
    pub(crate) async fn bot_and_state(
        &self,
        who: &Actor,
        named: &str,
    ) -> Result<(BotRow, Arc<State>), PackageError> {
        let (who, named, now) = (who.clone(), named.to_owned(), self.surroundings.now());
        let states = self.states.clone();
        let read = self.db.read(who.org, move |tx| {
            let bot = crate::bots::service::usable(tx, &who, Some(&named), now)?;
            let state = states.of(tx, bot.id, bot.version)?;
            Ok::<_, PackageError>((bot, state))
        });
        read.await
    }

    pub(super) async fn install_unpacked(
        &self,
        org: Id<Organization>,
        bot: BotRow,
        unpacked: Unpacked,
        manner: Manner,
        by: Option<Id<User>>,
        audit: Audit,
    ) -> Result<Installation, PackageError> {
        let old = self.state(org, bot.id, bot.version).await?;
        let mut warnings = unpacked.warnings.clone();
        let wanted = Wanted::from(unpacked);
        let wanted = if manner.merge { wanted.over(&old) } else { wanted };
        let change = self.prepare(org, bot.id, &old, wanted).await?;
        warnings.extend(change.warnings.iter().cloned());
        let installed = difference(&old, &change.state);
        let diagnostics = reports(&change.state);
        refuse_errors(manner.strict, &diagnostics)?;
        let mut version = bot.version.unsigned_abs();
        if !manner.dry_run {
            version = self.write(org, &bot, change, by, audit).await?;
        }
        Ok(Installation { installed, diagnostics, warnings, version })
    }

    /// The present state of a bot's package.
    pub(crate) async fn state(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
        version: i64,
    ) -> Result<Arc<State>, PackageError> {
        let states = self.states.clone();
        self.db.read(org, move |tx| states.of(tx, bot, version)).await
    }

    pub(super) async fn in_unit<T: Send + 'static, E: From<platform::db::DbError> + Send + 'static>(
        &self,
        org: Id<Organization>,
        work: impl FnOnce(&Unit<'_>) -> Result<T, E> + Clone + Send + 'static,
    ) -> Result<T, E> {
        self.db.write(org, work).await
    }

    /// The whole package as a zip that is made while it is sent, with the bot's slug; at the revision of the package.
    pub(super) async fn export(
        &self,
        who: &Actor,
        named: &str,
    ) -> Result<
        Versioned<(String, impl Stream<Item = std::io::Result<bytes::Bytes>> + Send + use<>)>,
        PackageError,
    > {
        let (bot, state) = self.bot_and_state(who, named).await?;
        let zip = export::zip(self.objects.clone(), &bot.slug, &state, unwatched());
        Ok(Versioned::new(bot.version, (bot.slug, zip)))
    }
}
