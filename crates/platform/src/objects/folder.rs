//! Objects in a folder, in drawers named by the first two digits of their hashes.

use std::{
    io::SeekFrom,
    ops::Range,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use futures_util::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use tempfile::NamedTempFile;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::{CHUNK, Content, Listed, ObjectError, ObjectHash, blocking, found, within};

#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held while a drawer is made: nobody may rely on one whose name isn't on the disk yet.
    making: Mutex<()>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, ObjectError> {
        // An earlier process may have ended between the making of a drawer and the sync of its name.
        sync_folder(path)?;
        Ok(Self { path: path.to_owned(), making: Mutex::default() })
    }

    pub(super) fn path_of(&self, hash: ObjectHash) -> PathBuf {
        let name = hash.to_string();
        self.path.join(&name[..2]).join(&name[2..])
    }

    /// Gives a finished file its name, and waits until the disk knows content and name.
    pub(super) fn keep(&self, file: NamedTempFile, hash: ObjectHash) -> Result<(), ObjectError> {
        let path = self.path_of(hash);
        let drawer = path.parent().unwrap_or(&self.path);
        // The same content has the same name: whoever was first is as good, and had its content synced before.
        if let Some(there) = found(std::fs::File::open(&path))? {
            there.set_modified(SystemTime::now())?;
        } else {
            self.make(drawer)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|failed| failed.error)?;
        }
        // Also for a name that was there: whoever gave it may not have come to this yet.
        sync_folder(drawer)?;
        Ok(())
    }

    fn make(&self, drawer: &Path) -> std::io::Result<()> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if !drawer.exists() {
            std::fs::create_dir(drawer)?;
            sync_folder(&self.path)?;
        }
        Ok(())
    }

    pub(super) async fn open_range(
        &self,
        hash: ObjectHash,
        range: Range<u64>,
    ) -> Result<Option<Content>, ObjectError> {
        let Some(mut file) = found(tokio::fs::File::open(self.path_of(hash)).await)? else {
            return Ok(None);
        };
        let size = file.metadata().await?.len();
        let range = within(range, size)?;
        if range.start > 0 {
            file.seek(SeekFrom::Start(range.start)).await?;
        }
        let part = file.take(range.end - range.start);
        Ok(Some(Content { size, range, pieces: ReaderStream::with_capacity(part, CHUNK).boxed() }))
    }

    pub(super) async fn look(&self, hash: ObjectHash) -> Result<Option<Listed>, ObjectError> {
        let path = self.path_of(hash);
        blocking(move || match found(std::fs::metadata(path))? {
            Some(metadata) => Ok(Some(listed_as(hash, &metadata)?)),
            None => Ok(None),
        })
        .await
    }

    /// One drawer after the other.
    pub(super) fn list(&self, after: Option<ObjectHash>) -> BoxStream<'static, Result<Listed, ObjectError>> {
        let first = after.map_or(0, |after| after.0[0]);
        let root = self.path.clone();
        let drawers = stream::iter(first..=u8::MAX).then(move |drawer| {
            let root = root.clone();
            blocking(move || drawer_of(&root, drawer, after))
        });
        drawers.map_ok(|listed| stream::iter(listed.into_iter().map(Ok))).try_flatten().boxed()
    }
}

/// What lies in one drawer, in the order of names. What has no hash for a name is none of ours.
fn drawer_of(root: &Path, drawer: u8, after: Option<ObjectHash>) -> Result<Vec<Listed>, ObjectError> {
    let name = format!("{drawer:02x}");
    let Some(entries) = found(std::fs::read_dir(root.join(&name)))? else { return Ok(Vec::new()) };
    let mut listed = Vec::new();
    for entry in entries {
        let entry = entry?;
        let hash = entry.file_name().to_str().and_then(|rest| format!("{name}{rest}").parse().ok());
        let Some(hash) = hash.filter(|hash| after.is_none_or(|after| *hash > after)) else { continue };
        // It may have been removed this moment.
        let Some(metadata) = found(entry.metadata())? else { continue };
        listed.push(listed_as(hash, &metadata)?);
    }
    listed.sort_unstable_by_key(|listed| listed.hash);
    Ok(listed)
}

fn listed_as(hash: ObjectHash, metadata: &std::fs::Metadata) -> std::io::Result<Listed> {
    Ok(Listed { hash, size: metadata.len(), modified: metadata.modified()?.into() })
}

/// A new name in a folder is on the disk only once the folder is (fsync(2)).
fn sync_folder(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}
