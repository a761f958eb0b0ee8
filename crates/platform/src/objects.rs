//! Files as the server keeps them: named by the hash of their content, written once, never changed.
//!
//! The row in the database is the truth: the blob is written first, then the row; copying and moving touch rows
//! only. A blob without a row is garbage for a sweep.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use kernel::{Error, Kind};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::{io::AsyncWriteExt, task::spawn_blocking};

use crate::db::{Bind, Cell, Column, DbError, Migration, Unit, Value};

/// Which organization has which object.
pub(crate) const TABLE: Migration = Migration::new(
    "m20261123_02_platform_objects",
    "CREATE TABLE objects (
        org_id uuid NOT NULL,
        hash bytea NOT NULL,
        size bigint NOT NULL,
        created_at bigint NOT NULL,
        PRIMARY KEY (org_id, hash)
    );",
);

/// The SHA-256 of an object's content, and its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectHash(pub [u8; 32]);

impl ObjectHash {
    /// The name of that content.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }
}

impl fmt::Display for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no hash of 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an object's hash has 64 hexadecimal digits")]
pub struct InvalidHash;

impl FromStr for ObjectHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        if text.len() != 64 || !text.is_ascii() {
            return Err(InvalidHash);
        }
        let mut hash = [0; 32];
        for (at, byte) in hash.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| InvalidHash)?;
        }
        Ok(Self(hash))
    }
}

impl Bind for ObjectHash {
    fn value(&self) -> Value<'_> {
        Value::Blob(&self.0)
    }
}

impl Column for ObjectHash {
    fn read(cell: Cell<'_>) -> Result<Self, DbError> {
        <[u8; 32]>::read(cell).map(Self)
    }
}

/// An object that stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its name.
    pub hash: ObjectHash,
    /// Its bytes.
    pub size: u64,
}

/// Why an object could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// More bytes came than are allowed.
    #[error("the content is larger than {0} bytes")]
    TooLarge(u64),
    /// Whoever sent the content failed.
    #[error("the content ended before it was complete")]
    Source(#[source] Error),
    /// The folder failed.
    #[error("the object store failed: {0}")]
    Io(#[from] std::io::Error),
}

impl From<ObjectError> for Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::TooLarge(limit) => {
                Self::new(Kind::PayloadTooLarge, format!("The content is larger than {limit} bytes."))
                    .detail("limit", limit)
            }
            ObjectError::Source(error) => error,
            ObjectError::Io(cause) if cause.kind() == std::io::ErrorKind::StorageFull => {
                Self::new(Kind::InsufficientStorage, "The server's disk is full.").caused_by(cause)
            }
            ObjectError::Io(cause) => {
                Self::unavailable("storage", "The object store is not available right now.").caused_by(cause)
            }
        }
    }
}

/// The object store. A cheap handle.
#[derive(Debug, Clone)]
pub struct Objects(Arc<Folder>);

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    incoming: PathBuf,
}

impl Objects {
    /// Objects in a folder, made if it isn't there. What an earlier process left unfinished is removed.
    pub fn local(path: &Path) -> Result<Self, ObjectError> {
        let incoming = path.join("incoming");
        std::fs::create_dir_all(&incoming)?;
        for leftover in std::fs::read_dir(&incoming)? {
            std::fs::remove_file(leftover?.path())?;
        }
        Ok(Self(Arc::new(Folder { path: path.to_owned(), incoming })))
    }

    /// Keeps what arrives, hashing while it is written. Memory doesn't grow with the size.
    pub async fn put(
        &self,
        content: impl Stream<Item = Result<Bytes, Error>> + Send,
        limit: u64,
    ) -> Result<Stored, ObjectError> {
        let folder = Arc::clone(&self.0);
        let file = blocking(move || Ok(NamedTempFile::new_in(&folder.incoming)?)).await?;
        let mut output = tokio::fs::File::from_std(file.reopen()?);
        let (mut hasher, mut size) = (Sha256::new(), 0_u64);
        let mut content = std::pin::pin!(content);
        while let Some(chunk) = content.next().await {
            let chunk = chunk.map_err(ObjectError::Source)?;
            size += chunk.len() as u64;
            if size > limit {
                return Err(ObjectError::TooLarge(limit));
            }
            hasher.update(&chunk);
            output.write_all(&chunk).await?;
        }
        output.flush().await?;
        output.sync_all().await?;
        let stored = Stored { hash: ObjectHash(hasher.finalize().into()), size };
        let folder = Arc::clone(&self.0);
        blocking(move || folder.keep(file, stored.hash)).await?;
        Ok(stored)
    }

    /// Keeps what is in memory already.
    pub async fn put_bytes(&self, content: Bytes) -> Result<Stored, ObjectError> {
        let folder = Arc::clone(&self.0);
        blocking(move || folder.put_reader(content.as_ref(), u64::MAX)).await
    }

    /// Keeps what a reader gives, for code that runs off the async threads already.
    pub fn put_reader(&self, content: impl std::io::Read, limit: u64) -> Result<Stored, ObjectError> {
        self.0.put_reader(content, limit)
    }

    /// The whole content. None if there is no such object.
    pub async fn read(&self, hash: &ObjectHash) -> Result<Option<Bytes>, ObjectError> {
        let path = self.0.path_of(*hash);
        blocking(move || match std::fs::read(path) {
            Ok(content) => Ok(Some(content.into())),
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(cause.into()),
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ObjectError> + Send + 'static,
) -> Result<T, ObjectError> {
    spawn_blocking(work).await.map_err(|cause| ObjectError::Io(std::io::Error::other(cause)))?
}

impl Folder {
    fn path_of(&self, hash: ObjectHash) -> PathBuf {
        let name = hash.to_string();
        self.path.join(&name[..2]).join(&name[2..])
    }

    fn put_reader(&self, content: impl std::io::Read, limit: u64) -> Result<Stored, ObjectError> {
        use std::io::{Read, Write};
        let mut file = NamedTempFile::new_in(&self.incoming)?;
        let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; 64 << 10]);
        let mut content = content.take(limit.saturating_add(1));
        loop {
            let read = content.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            size += read as u64;
            if size > limit {
                return Err(ObjectError::TooLarge(limit));
            }
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read])?;
        }
        let stored = Stored { hash: ObjectHash(hasher.finalize().into()), size };
        if !self.path_of(stored.hash).exists() {
            file.as_file().sync_all()?;
            self.keep(file, stored.hash)?;
        }
        Ok(stored)
    }

    /// Gives a finished file its name, and waits until the disk knows it.
    fn keep(&self, file: NamedTempFile, hash: ObjectHash) -> Result<(), ObjectError> {
        let path = self.path_of(hash);
        let drawer = path.parent().unwrap_or(&self.path);
        if !drawer.exists() {
            std::fs::create_dir_all(drawer)?;
            sync_folder(&self.path)?;
        }
        // The same content has the same name: whoever was first is as good.
        file.persist(&path).map_err(|failed| failed.error)?;
        sync_folder(drawer)?;
        Ok(())
    }
}

/// A new name in a folder is on the disk only once the folder is (fsync(2)).
fn sync_folder(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

impl Unit<'_> {
    /// Notes that the organization has the object.
    pub fn record_object(&self, stored: Stored) -> Result<(), DbError> {
        let now = self.surroundings().now();
        let size = i64::try_from(stored.size).unwrap_or(i64::MAX);
        self.execute(
            "INSERT INTO objects (org_id, hash, size, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (org_id, hash) DO NOTHING",
            &[&stored.hash, &size, &now],
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn chunks(parts: &[&'static [u8]]) -> impl Stream<Item = Result<Bytes, Error>> + Send + use<> {
        stream::iter(parts.iter().map(|part| Ok(Bytes::from_static(part))).collect::<Vec<_>>())
    }

    fn store() -> (tempfile::TempDir, Objects) {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path()).unwrap();
        (folder, objects)
    }

    #[tokio::test]
    async fn what_is_kept_is_named_by_its_content_and_read_back() {
        let (_folder, objects) = store();

        let streamed = objects.put(chunks(&[b"hello ", b"world"]), 100).await.unwrap();
        let whole = objects.put_bytes(Bytes::from_static(b"hello world")).await.unwrap();

        assert_eq!((streamed, streamed.size), (whole, 11));
        assert_eq!(streamed.hash.to_string().parse(), Ok(streamed.hash));
        assert_eq!(objects.read(&streamed.hash).await.unwrap().unwrap(), "hello world");
    }

    #[tokio::test]
    async fn what_is_too_large_or_breaks_off_leaves_nothing() {
        let (folder, objects) = store();

        let too_large = objects.put(chunks(&[b"hello ", b"world"]), 8).await;
        let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(Error::bad_request("gone"))]);
        let broken_off = objects.put(broken, 8).await;

        assert!(matches!(too_large, Err(ObjectError::TooLarge(8))));
        assert!(matches!(broken_off, Err(ObjectError::Source(_))));
        assert_eq!(std::fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_is_not_there_is_none() {
        let (_folder, objects) = store();

        assert_eq!(objects.read(&ObjectHash([7; 32])).await.unwrap(), None);
    }

    #[test]
    fn a_name_that_is_no_hash_is_refused() {
        for text in ["", "xyz", &"g".repeat(64), &"é".repeat(32)] {
            assert_eq!(text.parse::<ObjectHash>(), Err(InvalidHash));
        }
    }
}
