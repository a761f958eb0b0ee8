//! One process at a time in a data folder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

/// Holds the data folder until dropped, or until the process ends, however it ends.
#[derive(Debug)]
pub struct DataLock(#[allow(dead_code)] File);

/// The folder can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process has it.
    #[error("another BotServer is running on the data folder {}: stop it first, or use its API", .0.display())]
    Taken(PathBuf),
    /// The lock file can't be made.
    #[error("the data folder {path} can't be locked: {1}", path = .0.display())]
    Failed(PathBuf, std::io::Error),
}

impl DataLock {
    /// Takes the folder.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let failed = |cause| LockError::Failed(folder.to_owned(), cause);
        let path = folder.join("botserver.lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken(folder.to_owned())),
            Err(TryLockError::Error(cause)) => Err(failed(cause)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let lock = DataLock::acquire(folder.path()).unwrap();

        assert!(matches!(DataLock::acquire(folder.path()), Err(LockError::Taken(_))));

        drop(lock);
        DataLock::acquire(folder.path()).unwrap();
    }
}
