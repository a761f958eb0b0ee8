//! The package as a turn sees and changes it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use gateway::{
    BoxFuture,
    command::{Draft, NotWritten, Run, Unperformed},
};
use kernel::{Error, Timestamp, id::UserId};
use platform::{db::Unit, objects::Stored};

use super::{
    Sheet,
    size::{TURN_BYTES, TooLarge},
};
use crate::{
    bots::store::BotRow,
    packages::{FileEntry, PackageError, Packages, state::State},
};

/// The state of the package that the turn has seen.
#[derive(Clone)]
pub(super) struct Base {
    pub(super) packages: Packages,
    pub(super) bot: BotRow,
    pub(super) state: Arc<State>,
    pub(super) user: UserId,
}

impl Base {
    /// The package as it stood when the turn first asked. Data is not code: it is the present one, whatever version the
    /// run began with.
    pub(super) async fn of(run: &Run, packages: &Packages) -> Result<Self, Unperformed> {
        if let Some(base) = run.drafts.with(|cabinet: &mut Cabinet| cabinet.base.clone()) {
            return Ok(base);
        }
        let (bot, state) = packages.present(run.org, run.bot).await.map_err(Error::from)?;
        let base = Self { packages: packages.clone(), bot, state, user: run.user };
        run.drafts.with(|cabinet: &mut Cabinet| cabinet.base = Some(base.clone()));
        Ok(base)
    }
}

/// A file as the turn sees it.
pub(super) struct Held {
    pub(super) sheet: Sheet,
    pub(super) changed: bool,
    /// The object that its content was kept as, before the unit of work.
    kept: Arc<Mutex<Option<Stored>>>,
}

impl Held {
    pub(super) fn new(sheet: Sheet) -> Self {
        Self { sheet, changed: false, kept: Arc::default() }
    }
}

/// The files that a turn has looked at or changed, by their paths in the package.
#[derive(Default)]
pub(super) struct Cabinet {
    pub(super) base: Option<Base>,
    /// Data files.
    pub(super) files: BTreeMap<String, Held>,
    /// What was written into the drive, and nothing where a file was deleted.
    pub(super) drive: BTreeMap<String, Option<Stored>>,
    /// Bytes of new content that the turn has kept, whether it is still there or not.
    kept: usize,
}

impl Cabinet {
    /// Bytes of memory that are left for one more table, or for that of a file that was taken out.
    pub(super) fn room(&self) -> usize {
        let held: usize = self.files.values().map(|held| held.sheet.held()).sum();
        TURN_BYTES.saturating_sub(held)
    }

    /// Has the turn room for so many bytes of new content? Then they are counted.
    pub(super) fn charge(&mut self, bytes: usize) -> Result<(), TooLarge> {
        let kept = self.kept.saturating_add(bytes);
        if kept > TURN_BYTES {
            return Err(TooLarge::Kept);
        }
        self.kept = kept;
        Ok(())
    }

    fn changed(&self) -> impl Iterator<Item = (&String, &Held)> {
        self.files.iter().filter(|(_, held)| held.changed)
    }

    fn write_over(&self, base: &Base, unit: &Unit<'_>, present: &BotRow) -> Result<(), PackageError> {
        let mut state = State::clone(&base.state);
        let mut written = Vec::new();
        for (path, held) in self.changed() {
            let stored = *held.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let stored = stored.ok_or_else(|| Error::internal("a data file was not kept before its turn"))?;
            written.push((path, stored));
        }
        for (path, stored) in &self.drive {
            match *stored {
                Some(stored) => written.push((path, stored)),
                None => _ = state.files.remove(path),
            }
        }
        let objects = written.iter().map(|(_, stored)| *stored).collect();
        for (path, stored) in written {
            let file = FileEntry { path: path.clone(), checksum: stored.hash.to_string(), size: stored.size };
            state.files.insert(path.clone(), file);
        }
        base.packages.write_data(unit, present, state, objects, base.user)
    }
}

impl Draft for Cabinet {
    fn prepare(&self) -> Option<BoxFuture<'static, Result<(), Error>>> {
        let base = self.base.as_ref()?;
        let contents: Vec<_> = self
            .changed()
            .map(|(_, held)| (Bytes::from(held.sheet.write()), Arc::clone(&held.kept)))
            .collect();
        let packages = base.packages.clone();
        Some(Box::pin(async move {
            for (content, kept) in contents {
                let stored = packages.keep(content).await?;
                *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(stored);
            }
            Ok(())
        }))
    }

    fn write(&self, unit: &Unit<'_>, _: Timestamp) -> Result<(), NotWritten> {
        let has_changed = self.changed().next().is_some() || !self.drive.is_empty();
        let Some(base) = self.base.as_ref().filter(|_| has_changed) else {
            return Ok(());
        };
        crate::bots::store::lock(unit, base.bot.id)?;
        let present = crate::bots::store::by_id(unit, base.bot.id)?;
        let Some(present) = present.filter(|present| present.version == base.bot.version) else {
            return Err(NotWritten::Overtaken);
        };
        self.write_over(base, unit, &present).map_err(|error| match error {
            PackageError::Other(error) => NotWritten::Server(error),
            refused => NotWritten::Refused(refused.to_string()),
        })
    }
}
