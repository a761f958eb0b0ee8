//! Files as the server keeps them: named by the hash of their content, written once, never changed.
//!
//! The row in the database is the truth: the blob is written first, then the row; copying and moving touch rows
//! only. A blob without a row is garbage for a sweep.

use std::{
    fmt,
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use kernel::{Error, Kind};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::{io::AsyncWriteExt, task::spawn_blocking};
use tokio_util::io::ReaderStream;

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
        // `from_str_radix` would take a sign, too.
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
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
            ObjectError::Io(cause) if cause.kind() == ErrorKind::StorageFull => {
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

/// An object that is being read.
#[derive(Debug)]
pub struct Content {
    /// Its bytes.
    pub size: u64,
    file: tokio::fs::File,
}

impl Content {
    /// The bytes as they are read. Memory doesn't grow with the size.
    pub fn stream(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
        ReaderStream::with_capacity(self.file, CHUNK)
    }
}

/// Bytes that are read or written at once.
const CHUNK: usize = 64 << 10;

/// Objects lie in drawers named by the first two digits of their hashes.
#[derive(Debug)]
struct Folder {
    path: PathBuf,
    incoming: PathBuf,
    /// Held while a drawer is made: nobody may rely on one whose name isn't on the disk yet.
    making: Mutex<()>,
}

impl Objects {
    /// Objects in a folder, made if it isn't there. What an earlier process left unfinished is removed.
    pub fn local(path: &Path) -> Result<Self, ObjectError> {
        let incoming = path.join("incoming");
        std::fs::create_dir_all(&incoming)?;
        for leftover in std::fs::read_dir(&incoming)? {
            std::fs::remove_file(leftover?.path())?;
        }
        // An earlier process may have ended between the making of a drawer and the sync of its name.
        sync_folder(path)?;
        Ok(Self(Arc::new(Folder { path: path.to_owned(), incoming, making: Mutex::default() })))
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
    pub fn put_reader(&self, content: impl Read, limit: u64) -> Result<Stored, ObjectError> {
        self.0.put_reader(content, limit)
    }

    /// The whole content. None if there is no such object.
    pub async fn read(&self, hash: &ObjectHash) -> Result<Option<Bytes>, ObjectError> {
        let path = self.0.path_of(*hash);
        blocking(move || Ok(found(std::fs::read(path))?.map(Bytes::from))).await
    }

    /// Opens the content for reading piece by piece. None if there is no such object.
    pub async fn open(&self, hash: &ObjectHash) -> Result<Option<Content>, ObjectError> {
        let Some(file) = found(tokio::fs::File::open(self.0.path_of(*hash)).await)? else {
            return Ok(None);
        };
        let size = file.metadata().await?.len();
        Ok(Some(Content { size, file }))
    }
}

fn found<T>(read: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match read {
        Ok(content) => Ok(Some(content)),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(cause),
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

    fn put_reader(&self, content: impl Read, limit: u64) -> Result<Stored, ObjectError> {
        let mut file = NamedTempFile::new_in(&self.incoming)?;
        let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
        let mut content = content.take(limit.saturating_add(1));
        loop {
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(cause) if cause.kind() == ErrorKind::Interrupted => continue,
                Err(cause) => return Err(cause.into()),
            };
            size += read as u64;
            if size > limit {
                return Err(ObjectError::TooLarge(limit));
            }
            hasher.update(&buffer[..read]);
            file.write_all(&buffer[..read])?;
        }
        let stored = Stored { hash: ObjectHash(hasher.finalize().into()), size };
        self.keep(file, stored.hash)?;
        Ok(stored)
    }

    /// Gives a finished file its name, and waits until the disk knows content and name.
    fn keep(&self, file: NamedTempFile, hash: ObjectHash) -> Result<(), ObjectError> {
        let path = self.path_of(hash);
        let drawer = path.parent().unwrap_or(&self.path);
        // The same content has the same name: whoever was first is as good, and had its content synced before.
        if !path.exists() {
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
mod tests;
