//! What the scripts of a package declare: which hooks there are, and which script answers which.

use std::collections::BTreeMap;

use kernel::{Id, Timestamp, id::kind::Bot, text};
use platform::{
    db::{DbError, Unit},
    secrets::{Secrets, SecretsError},
};

use super::store;
use crate::packages::state::State;

/// Characters of a hook's name; longer ones are none.
const NAME: usize = 64;
/// Bytes of a secret.
const SECRET: usize = 32;

/// A hook as a script declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Declared {
    /// Its name in the address.
    pub(crate) name: String,
    /// The script that answers.
    pub(crate) script: String,
    /// May it be called with GET?
    pub(crate) takes_get: bool,
}

/// The hooks of a package by their folded names. `WEBHOOK "GET name"` says that GET is taken, too. Of two scripts that
/// declare the same one, the first by its path answers.
pub(crate) fn declared(state: &State) -> BTreeMap<String, Declared> {
    let mut all: BTreeMap<String, Declared> = BTreeMap::new();
    for script in state.scripts.values() {
        for written in script.webhooks.iter().filter(|written| written.chars().count() <= NAME) {
            let (takes_get, name) = match written.trim().split_once(char::is_whitespace) {
                Some((method, name)) if method.eq_ignore_ascii_case("GET") => (true, name.trim()),
                _ => (false, written.trim()),
            };
            let hook = Declared { name: name.to_owned(), script: script.name.clone(), takes_get };
            all.entry(text::key(name)).or_insert(hook);
        }
    }
    all
}

/// What is sealed for a hook opens for that one only.
pub(super) fn context(bot: Id<Bot>, key: &str) -> Vec<u8> {
    format!("bot_hooks/{bot}/{key}").into_bytes()
}

/// Makes the secrets of new hooks, and forgets those of hooks that no script declares any more.
pub(crate) fn declare(
    unit: &Unit<'_>,
    secrets: &Secrets,
    bot: Id<Bot>,
    state: &State,
    now: Timestamp,
) -> Result<(), DeclareError> {
    let wanted = declared(state);
    let present = store::names(unit, bot)?;
    for key in wanted.keys().filter(|key| !present.contains(*key)) {
        let secret = unit.surroundings().bytes::<SECRET>();
        let sealed = secrets.seal(&context(bot, key), &secret)?;
        store::insert(unit, bot, key, &sealed, now)?;
    }
    for key in present.iter().filter(|key| !wanted.contains_key(*key)) {
        store::delete(unit, bot, key)?;
    }
    Ok(())
}

/// Why the hooks of a package can't be put up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeclareError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A secret can't be sealed.
    #[error(transparent)]
    Secrets(#[from] SecretsError),
}

impl From<DeclareError> for kernel::Error {
    fn from(error: DeclareError) -> Self {
        match error {
            DeclareError::Database(error) => error.into(),
            DeclareError::Secrets(error) => error.into(),
        }
    }
}
