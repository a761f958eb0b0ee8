//! Files as the server keeps them: named by the hash of their content, written once, never changed. In a folder, or
//! in a bucket of an S3-compatible store, under the same names.
//!
//! The row in the database is the truth: the blob is written first, then the row; copying and moving touch rows
//! only. A blob without a row is garbage for a sweep, once it is old: [`Objects::list`] tells when a blob was written
//! or renewed, and keeping what is there already renews it.

mod address;
mod bucket;
mod folder;
mod sweep;

use std::{
    fmt,
    io::{ErrorKind, Read, Write},
    ops::Range,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use kernel::{Error, Id, Kind, Timestamp, id::kind::Organization};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::{sync::Mutex, task::spawn_blocking};

pub use address::{OpenError, Settings};
pub(crate) use sweep::INDEX;
pub use sweep::{SWEEP, sweep};

use crate::db::{Bind, Cell, Column, DbError, Everywhere, Migration, Unit, Value};
use bucket::Bucket;
use folder::Folder;

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

/// Which thing of an organization has which object, where it gives it back when the thing is gone.
pub(crate) const CLAIMS: Migration = Migration::new(
    "m20261129_40_platform_object_claims",
    "CREATE TABLE object_claims (
        org_id uuid NOT NULL,
        owner_id uuid NOT NULL,
        hash bytea NOT NULL,
        size bigint NOT NULL,
        created_at bigint NOT NULL,
        PRIMARY KEY (org_id, owner_id, hash)
    );
    CREATE INDEX object_claims_by_hash ON object_claims (hash);",
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
    /// Less is there than was asked for.
    #[error("the content has {size} bytes")]
    OutOfRange {
        /// The bytes of the whole.
        size: u64,
    },
    /// The folder failed.
    #[error("the object store failed: {0}")]
    Io(#[from] std::io::Error),
    /// The bucket failed.
    #[error("the object store failed: {0}")]
    Bucket(#[from] object_store::Error),
}

fn gone(hash: &ObjectHash) -> Error {
    Error::internal(format!("the object {hash} is gone"))
}

impl From<ObjectError> for Error {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::TooLarge(limit) => {
                Self::new(Kind::PayloadTooLarge, format!("The content is larger than {limit} bytes."))
                    .detail("limit", limit)
            }
            ObjectError::Source(error) => error,
            ObjectError::OutOfRange { size } => {
                Self::bad_request(format!("The content has only {size} bytes.")).detail("size", size)
            }
            ObjectError::Io(cause) if cause.kind() == ErrorKind::StorageFull => {
                Self::new(Kind::InsufficientStorage, "The server's disk is full.").caused_by(cause)
            }
            ObjectError::Io(cause) => {
                Self::unavailable("storage", "The object store is not available right now.").caused_by(cause)
            }
            ObjectError::Bucket(cause) => {
                Self::unavailable("storage", "The object store is not available right now.").caused_by(cause)
            }
        }
    }
}

/// The object store. A cheap handle.
#[derive(Debug, Clone)]
pub struct Objects(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    engine: Engine,
    /// Where contents lie while they arrive.
    incoming: PathBuf,
    /// When it was last seen that the store takes objects, or not.
    checked: Mutex<Option<(Instant, bool)>>,
}

#[derive(Debug)]
enum Engine {
    Folder(Folder),
    Bucket(Arc<Bucket>),
}

/// An object that is being read.
pub struct Content {
    /// Bytes of the whole object.
    pub size: u64,
    /// Which of them come.
    pub range: Range<u64>,
    pieces: BoxStream<'static, std::io::Result<Bytes>>,
}

impl Content {
    /// The bytes as they are read. Memory doesn't grow with the size.
    pub fn stream(self) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
        self.pieces
    }
}

/// An object as a sweep sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub hash: ObjectHash,
    /// Its bytes.
    pub size: u64,
    /// When it was last written or renewed. Whoever keeps a content that is there already relies on it, and may not
    /// have written their row yet: a sweep spares what is younger than a day.
    pub modified: Timestamp,
}

/// Bytes that are read or written at once.
const CHUNK: usize = 64 << 10;
/// How long it is believed that the store takes objects, or doesn't.
const CHECKED: Duration = Duration::from_secs(1);

impl Objects {
    /// The objects as the settings say: in a bucket if they name one, else in `data/objects`. What an earlier
    /// process left unfinished is removed. A bucket that does not answer is taken for away for the moment; one that
    /// refuses the key, or isn't there, is an error.
    pub async fn connect(settings: &Settings, data: &Path) -> Result<Self, OpenError> {
        let Some(bucket) = Bucket::of(settings)? else {
            return Ok(Self::local(&data.join("objects"))?);
        };
        let incoming = data.join("incoming");
        empty(&incoming)?;
        let bucket = Arc::new(bucket);
        bucket.try_out().await?;
        Ok(Self::with(Engine::Bucket(bucket), incoming))
    }

    /// Objects in a folder, made if it isn't there.
    pub fn local(path: &Path) -> Result<Self, ObjectError> {
        let incoming = path.join("incoming");
        empty(&incoming)?;
        Ok(Self::with(Engine::Folder(Folder::open(path)?), incoming))
    }

    fn with(engine: Engine, incoming: PathBuf) -> Self {
        Self(Arc::new(Inner { engine, incoming, checked: Mutex::default() }))
    }

    /// Keeps what arrives, hashing while it is written. Memory doesn't grow with the size.
    pub async fn put(
        &self,
        content: impl Stream<Item = Result<Bytes, Error>> + Send,
        limit: u64,
    ) -> Result<Stored, ObjectError> {
        let inner = Arc::clone(&self.0);
        let mut arriving = blocking(move || Arriving::new(&inner.incoming, limit)).await?;
        let mut content = std::pin::pin!(content);
        while let Some(chunk) = content.next().await {
            let chunk = chunk.map_err(ObjectError::Source)?;
            arriving = blocking(move || arriving.with(&chunk)).await?;
        }
        let (file, stored) = arriving.whole();
        match &self.0.engine {
            Engine::Folder(_) => {
                let inner = Arc::clone(&self.0);
                blocking(move || inner.folder_keeps(file, stored.hash)).await?;
            }
            Engine::Bucket(bucket) => Arc::clone(bucket).keep(file, stored).await?,
        }
        Ok(stored)
    }

    /// Keeps what is in memory already.
    pub async fn put_bytes(&self, content: Bytes) -> Result<Stored, ObjectError> {
        match &self.0.engine {
            Engine::Folder(_) => {
                let this = self.clone();
                blocking(move || this.put_reader(content.as_ref(), u64::MAX)).await
            }
            Engine::Bucket(bucket) => bucket.put(content).await,
        }
    }

    /// Keeps what a reader gives, for code that runs off the async threads already: it blocks, and must be called
    /// within a Tokio runtime where objects lie in a bucket.
    pub fn put_reader(&self, content: impl Read, limit: u64) -> Result<Stored, ObjectError> {
        let (file, stored) = receive(Arriving::new(&self.0.incoming, limit)?, content)?;
        match &self.0.engine {
            Engine::Folder(folder) => folder.keep(file, stored.hash)?,
            Engine::Bucket(bucket) => {
                tokio::runtime::Handle::current().block_on(Arc::clone(bucket).keep(file, stored))?;
            }
        }
        Ok(stored)
    }

    /// The whole content. None if there is no such object.
    pub async fn read(&self, hash: &ObjectHash) -> Result<Option<Bytes>, ObjectError> {
        match &self.0.engine {
            Engine::Folder(folder) => {
                let path = folder.path_of(*hash);
                blocking(move || Ok(found(std::fs::read(path))?.map(Bytes::from))).await
            }
            Engine::Bucket(bucket) => bucket.read(*hash).await,
        }
    }

    /// Opens the content for reading piece by piece. None if there is no such object.
    pub async fn open(&self, hash: &ObjectHash) -> Result<Option<Content>, ObjectError> {
        self.open_range(hash, 0..u64::MAX).await
    }

    /// Opens a part of the content, which ends where the content does. None if there is no such object; an error if
    /// the part begins past the end, or is empty.
    pub async fn open_range(
        &self,
        hash: &ObjectHash,
        range: Range<u64>,
    ) -> Result<Option<Content>, ObjectError> {
        match &self.0.engine {
            Engine::Folder(folder) => folder.open_range(*hash, range).await,
            Engine::Bucket(bucket) => bucket.open_range(*hash, range).await,
        }
    }

    /// Opens the content of something that has it, or a part of it. That it is not there is a failure of the server.
    pub async fn content(&self, hash: &ObjectHash, part: Option<Range<u64>>) -> Result<Content, Error> {
        self.open_range(hash, part.unwrap_or(0..u64::MAX)).await?.ok_or_else(|| gone(hash))
    }

    /// The same whole, as bytes.
    pub async fn bytes(&self, hash: &ObjectHash) -> Result<Bytes, Error> {
        self.read(hash).await?.ok_or_else(|| gone(hash))
    }

    /// Removes an object. It need not be there.
    pub async fn delete(&self, hash: &ObjectHash) -> Result<(), ObjectError> {
        match &self.0.engine {
            Engine::Folder(folder) => {
                let path = folder.path_of(*hash);
                blocking(move || Ok(found(std::fs::remove_file(path)).map(drop)?)).await
            }
            Engine::Bucket(bucket) => bucket.delete(*hash).await,
        }
    }

    /// How an object is at the moment. None if there is no such object.
    pub async fn look(&self, hash: &ObjectHash) -> Result<Option<Listed>, ObjectError> {
        match &self.0.engine {
            Engine::Folder(folder) => folder.look(*hash).await,
            Engine::Bucket(bucket) => bucket.look(*hash).await,
        }
    }

    /// Every object in the order of their names, from the one after `after`.
    pub fn list(&self, after: Option<ObjectHash>) -> BoxStream<'static, Result<Listed, ObjectError>> {
        match &self.0.engine {
            Engine::Folder(folder) => folder.list(after),
            Engine::Bucket(bucket) => bucket.list(after),
        }
    }

    /// Does the store take objects? Looked at once a second at most, however often this is asked.
    pub async fn is_writable(&self) -> bool {
        // Whoever comes while it is being asked waits for that answer.
        let mut checked = self.0.checked.lock().await;
        if let Some((at, writable)) = *checked
            && at.elapsed() < CHECKED
        {
            return writable;
        }
        let tried = match &self.0.engine {
            Engine::Folder(_) => {
                let inner = Arc::clone(&self.0);
                blocking(move || {
                    let mut file = NamedTempFile::new_in(&inner.incoming)?;
                    Ok(file.write_all(&[0; 512])?)
                })
                .await
                .map_err(|cause| cause.to_string())
            }
            Engine::Bucket(bucket) => bucket.probe().await.map_err(|cause| cause.to_string()),
        };
        if let Err(cause) = &tried {
            tracing::error!(cause, "the object store takes no objects");
        }
        let writable = tried.is_ok();
        metrics::gauge!("storage_writable").set(f64::from(u8::from(writable)));
        *checked = Some((Instant::now(), writable));
        writable
    }
}

impl Inner {
    fn folder_keeps(&self, file: NamedTempFile, hash: ObjectHash) -> Result<(), ObjectError> {
        match &self.engine {
            Engine::Folder(folder) => folder.keep(file, hash),
            Engine::Bucket(_) => Ok(()),
        }
    }
}

/// A content of which some has come. Writing and hashing block.
struct Arriving {
    file: NamedTempFile,
    hasher: Sha256,
    size: u64,
    limit: u64,
}

impl Arriving {
    fn new(incoming: &Path, limit: u64) -> Result<Self, ObjectError> {
        Ok(Self { file: NamedTempFile::new_in(incoming)?, hasher: Sha256::new(), size: 0, limit })
    }

    /// The same with the next piece.
    fn with(mut self, piece: &[u8]) -> Result<Self, ObjectError> {
        self.size += piece.len() as u64;
        if self.size > self.limit {
            return Err(ObjectError::TooLarge(self.limit));
        }
        self.hasher.update(piece);
        self.file.write_all(piece)?;
        Ok(self)
    }

    /// All has come.
    fn whole(self) -> (NamedTempFile, Stored) {
        (self.file, Stored { hash: ObjectHash(self.hasher.finalize().into()), size: self.size })
    }
}

/// Takes what a reader gives.
fn receive(mut arriving: Arriving, content: impl Read) -> Result<(NamedTempFile, Stored), ObjectError> {
    let mut content = content.take(arriving.limit.saturating_add(1));
    let mut buffer = vec![0; CHUNK];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(arriving.whole()),
            Ok(read) => arriving = arriving.with(&buffer[..read])?,
            Err(cause) if cause.kind() == ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause.into()),
        }
    }
}

/// Makes the folder for what arrives, and removes what an earlier process left in it.
fn empty(incoming: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(incoming)?;
    for leftover in std::fs::read_dir(incoming)? {
        std::fs::remove_file(leftover?.path())?;
    }
    Ok(())
}

/// The range cut to the content, if anything is left of it.
fn within(range: Range<u64>, size: u64) -> Result<Range<u64>, ObjectError> {
    let cut = range.start..range.end.min(size);
    // All of nothing is nothing.
    if cut.is_empty() && !(range.start == 0 && size == 0) {
        return Err(ObjectError::OutOfRange { size });
    }
    Ok(cut)
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

    /// Notes that a thing of the organization has the object, until it gives it back. A job has it until it is forgotten,
    /// however it ended: one that failed may be run again.
    pub fn claim_object(&self, stored: Stored, owner: &[u8; 16]) -> Result<(), DbError> {
        let now = self.surroundings().now();
        let size = i64::try_from(stored.size).unwrap_or(i64::MAX);
        self.execute(
            "INSERT INTO object_claims (org_id, owner_id, hash, size, created_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (org_id, owner_id, hash) DO NOTHING",
            &[owner, &stored.hash, &size, &now],
        )?;
        Ok(())
    }

    /// The thing is gone: what nobody else has of its objects is swept.
    pub fn release_objects(&self, owner: &[u8; 16]) -> Result<(), DbError> {
        self.execute("DELETE FROM object_claims WHERE org_id = $1 AND owner_id = $2", &[owner])?;
        Ok(())
    }
}

/// A thing of that organization is gone, with all that it had.
pub(crate) fn release(
    everywhere: &Everywhere<'_>,
    org: Id<Organization>,
    owner: &[u8; 16],
) -> Result<(), DbError> {
    everywhere.execute("DELETE FROM object_claims WHERE org_id = $1 AND owner_id = $2", &[&org, owner])?;
    Ok(())
}

#[cfg(test)]
mod tests;
