//! Compiled programs, by their hash: in memory while they are used, in the database for as long as they are needed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use basic::{Data, LoadError, Program};
use kernel::{
    Error, Id,
    id::kind::{Bot as BotKind, Organization},
};
use moka::sync::Cache;
use platform::{db::Db, secrets::Secrets};

use crate::{
    config::known,
    hooks::{self, Declared},
    packages::{
        install::unseal,
        state::{State, hash_bytes},
        store,
    },
};

/// The programs of this node. A cheap handle.
#[derive(Clone)]
pub(crate) struct Programs {
    db: Db,
    // Another bot's script may be the same text; the same hash is the same program, whoever's it is.
    cache: Cache<[u8; 32], Arc<Program>>,
    names: Cache<(Id<BotKind>, i64), Arc<Names>>,
    hooks: Cache<(Id<BotKind>, i64), Hooks>,
    parameters: Cache<(Id<BotKind>, i64), Parameters>,
    secrets: Secrets,
}

/// The variables that a package's `param-…` settings become, with their values.
pub(crate) type Parameters = Arc<[(String, Data)]>;

/// The hooks of a version of a package, by their folded names.
type Hooks = Arc<BTreeMap<String, Declared>>;

/// The programs of a version of a package, by the folded names of their scripts.
type Names = HashMap<String, [u8; 32]>;

/// Bytes of the names of all versions in memory, and of their parameters, about.
const BYTES: u64 = 8 << 20;

/// Bytes of a name beside its text.
const ENTRY: usize = 64;

fn weight_of_names(_: &(Id<BotKind>, i64), names: &Arc<Names>) -> u32 {
    weight(names.keys().map(String::len))
}

fn weight_of_hooks(_: &(Id<BotKind>, i64), hooks: &Hooks) -> u32 {
    weight(hooks.iter().map(|(key, hook)| key.len() + hook.name.len() + hook.script.len()))
}

fn weight_of_parameters(_: &(Id<BotKind>, i64), parameters: &Parameters) -> u32 {
    let text = |value: &Data| if let Data::Text(text) = value { text.len() } else { 0 };
    weight(parameters.iter().map(|(name, value)| name.len() + text(value)))
}

fn weight(entries: impl Iterator<Item = usize>) -> u32 {
    // Also a version without any is one.
    let bytes = entries.map(|bytes| bytes + ENTRY).sum::<usize>() + ENTRY;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Programs {
    /// Programs of that database, with so many bytes of them in memory.
    pub(crate) fn new(db: Db, secrets: Secrets, cache_bytes: u64) -> Self {
        let weigh = |_: &[u8; 32], program: &Arc<Program>| {
            u32::try_from(program.to_bytes().len()).unwrap_or(u32::MAX)
        };
        let cache = Cache::builder().max_capacity(cache_bytes).weigher(weigh).build();
        let names = Cache::builder().max_capacity(BYTES).weigher(weight_of_names).build();
        let hooks = Cache::builder().max_capacity(BYTES).weigher(weight_of_hooks).build();
        let parameters = Cache::builder().max_capacity(BYTES).weigher(weight_of_parameters).build();
        Self { db, cache, names, hooks, parameters, secrets }
    }

    /// The program of that hash. It stands for as long as a bot or a run names it; the inner error is that of a program
    /// that another version of the language has written.
    pub(crate) async fn get(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
        hash: [u8; 32],
    ) -> Result<Result<Arc<Program>, LoadError>, Error> {
        if let Some(program) = self.cache.get(&hash) {
            return Ok(Ok(program));
        }
        let bytes = self.db.read(org, move |tx| store::program(tx, bot, &hash)).await?;
        let bytes = bytes.ok_or_else(|| Error::internal("a program that is needed is gone"))?;
        Ok(Program::from_bytes(&bytes).map(|program| {
            let program = Arc::new(program);
            self.cache.insert(hash, Arc::clone(&program));
            program
        }))
    }

    /// The program of a script of that version of the package, if there is one that can run. Versions never change.
    pub(crate) async fn named(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
        version: i64,
        name: &str,
    ) -> Result<Option<[u8; 32]>, Error> {
        let names = if let Some(names) = self.names.get(&(bot, version)) {
            names
        } else {
            let row = self.db.read(org, move |tx| store::version(tx, bot, version)).await?;
            let Some(row) = row else { return Ok(None) };
            let names = Arc::new(names(&State::read(&row)?)?);
            self.names.insert((bot, version), Arc::clone(&names));
            names
        };
        Ok(names.get(&kernel::text::key(name)).copied())
    }

    /// The hook of that folded name that the version of the package declares. Versions never change.
    pub(crate) async fn hook(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
        version: i64,
        key: &str,
    ) -> Result<Option<Declared>, Error> {
        let hooks = if let Some(hooks) = self.hooks.get(&(bot, version)) {
            hooks
        } else {
            let row = self.db.read(org, move |tx| store::version(tx, bot, version)).await?;
            let Some(row) = row else { return Ok(None) };
            let hooks = Arc::new(hooks::declared(&State::read(&row)?));
            self.hooks.insert((bot, version), Arc::clone(&hooks));
            hooks
        };
        Ok(hooks.get(key).cloned())
    }

    /// What the settings of that version of the package give all of its scripts.
    pub(crate) async fn parameters(
        &self,
        org: Id<Organization>,
        bot: Id<BotKind>,
        version: i64,
    ) -> Result<Parameters, Error> {
        if let Some(parameters) = self.parameters.get(&(bot, version)) {
            return Ok(parameters);
        }
        let row = self.db.read(org, move |tx| store::settings(tx, bot, version)).await?;
        let Some((settings, sealed)) = row else { return Ok(Parameters::default()) };
        let settings: BTreeMap<String, String> =
            settings.map(|settings| settings.read()).transpose()?.unwrap_or_default();
        let hidden = match sealed {
            Some(sealed) => unseal(&self.secrets, bot, &sealed)?,
            None => known::Secrets::default(),
        };
        let value = |(key, text): (&String, &String)| {
            let value = match hidden.get(key) {
                Some(secret) => Data::Text(secret.reveal().to_owned()),
                None => Data::from_json(known::typed(key, text)),
            };
            Some((known::variable(key)?, value))
        };
        let parameters: Parameters = settings.iter().filter_map(value).collect();
        self.parameters.insert((bot, version), Arc::clone(&parameters));
        Ok(parameters)
    }
}

fn names(state: &State) -> Result<Names, Error> {
    let running = state.scripts.values().filter_map(|script| Some((script, script.program.as_deref()?)));
    running.map(|(script, hash)| Ok((kernel::text::key(&script.name), hash_bytes(hash)?))).collect()
}
