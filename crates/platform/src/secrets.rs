//! Secrets at rest: envelope encryption with XChaCha20-Poly1305.
//!
//! Values are sealed with a data key; data keys are kept in the database, wrapped by the master key, which is in the
//! configuration or in a file of the data folder that only its owner may read. A sealed value names its data key, so
//! that keys can be replaced later without touching what is sealed.

use std::{
    collections::HashMap,
    fs::File,
    io::{ErrorKind, Read, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305,
    aead::{Aead, Payload},
};
use kernel::{Secret, Surroundings};
use uuid::Uuid;

use crate::db::{Db, DbError, Migration};

/// Data keys, wrapped by the master key.
pub(crate) const TABLE: Migration = Migration::new(
    "m20261123_03_platform_secrets",
    "CREATE TABLE server_data_keys (
        id uuid PRIMARY KEY,
        wrapped bytea NOT NULL,
        created_at bigint NOT NULL
    );",
);

const FILE: &str = "secret.key";
const VERSION: u8 = 1;
const NONCE: usize = 24;
/// Version, id of the data key, nonce.
const HEADER: usize = 1 + 16 + NONCE;

/// Why secrets can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    /// The configured key has another shape.
    #[error("secret_key must be 32 bytes in base64 (make one with: head -c 32 /dev/urandom | base64)")]
    InvalidKey,
    /// The key's file can't be used.
    #[error("the key file {path} can't be used: {1}", path = .0.display())]
    File(PathBuf, String),
    /// The database was sealed with another key.
    #[error(
        "the secrets of this database were sealed with another key: restore secret.key or secret_key; nodes that share \
         a database share the key (BOTSERVER_SECRET_KEY)"
    )]
    WrongKey,
    /// The database was sealed with a key that this node was not given.
    #[error(
        "the secrets of this database were sealed with a key that is not here: put the other node's secret.key into \
         the data folder, or its content into BOTSERVER_SECRET_KEY"
    )]
    NoKey,
    /// The bytes are no value that was sealed here in this context.
    #[error("a sealed value was changed or belongs elsewhere")]
    Corrupt,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

impl From<SecretsError> for kernel::Error {
    fn from(error: SecretsError) -> Self {
        match error {
            SecretsError::Database(error) => error.into(),
            other => Self::internal(other),
        }
    }
}

/// Seals and opens. A cheap handle.
#[derive(Clone)]
pub struct Secrets(Arc<Inner>);

struct Inner {
    keys: HashMap<[u8; 16], XChaCha20Poly1305>,
    current: [u8; 16],
    surroundings: Surroundings,
}

impl Secrets {
    /// Takes the master key from the configuration, or from the file in the folder, made at the first start. Nodes that
    /// share a database need the same one.
    pub async fn open(
        folder: &Path,
        configured: Option<&Secret>,
        db: &Db,
        surroundings: &Surroundings,
    ) -> Result<Self, SecretsError> {
        let master = if let Some(key) = configured {
            decode(key.reveal())?
        } else {
            let path = folder.join(FILE);
            // A key made now could not open what others have sealed.
            if !path.exists() && has_keys(db).await? {
                return Err(SecretsError::NoKey);
            }
            file_key(&path, surroundings)?
        };
        let master = XChaCha20Poly1305::new(&master.into());
        let (id, at) = (*surroundings.uuid().as_bytes(), surroundings.now());
        let fresh = seal(&master, &id, surroundings, b"data key", &surroundings.bytes::<32>())?;
        let rows = db
            .write_server(move |unit| {
                // Two nodes may start at once: the first one's key wins, and the other has to have the same master key.
                unit.lock("server_data_keys")?;
                unit.execute(
                    "INSERT INTO server_data_keys (id, wrapped, created_at)
                     SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM server_data_keys)",
                    &[&id, &fresh, &at],
                )?;
                unit.all::<([u8; 16], Vec<u8>)>(
                    "SELECT id, wrapped FROM server_data_keys ORDER BY created_at, id",
                    &[],
                )
            })
            .await?;
        let mut keys = HashMap::new();
        let mut current = id;
        for (id, wrapped) in rows {
            let key = open(&master, b"data key", &wrapped).map_err(|_| SecretsError::WrongKey)?;
            let key: [u8; 32] = key.try_into().map_err(|_| SecretsError::WrongKey)?;
            keys.insert(id, XChaCha20Poly1305::new(&key.into()));
            current = id;
        }
        Ok(Self(Arc::new(Inner { keys, current, surroundings: surroundings.clone() })))
    }

    /// Seals a value for one context, such as a table, column and row; it opens in that context only.
    pub fn seal(&self, context: &[u8], value: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let key = self.0.keys.get(&self.0.current).ok_or(SecretsError::Corrupt)?;
        seal(key, &self.0.current, &self.0.surroundings, context, value)
    }

    /// Opens a value that was sealed for that context.
    pub fn unseal(&self, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SecretsError> {
        let id =
            sealed.get(1..17).and_then(|id| <[u8; 16]>::try_from(id).ok()).ok_or(SecretsError::Corrupt)?;
        open(self.0.keys.get(&id).ok_or(SecretsError::Corrupt)?, context, sealed)
    }
}

async fn has_keys(db: &Db) -> Result<bool, DbError> {
    let any = db.read_server(|tx| tx.one::<(i64,)>("SELECT 1 FROM server_data_keys LIMIT 1", &[])).await?;
    Ok(any.is_some())
}

fn seal(
    key: &XChaCha20Poly1305,
    id: &[u8; 16],
    surroundings: &Surroundings,
    context: &[u8],
    value: &[u8],
) -> Result<Vec<u8>, SecretsError> {
    let nonce = surroundings.bytes::<NONCE>();
    let payload = Payload { msg: value, aad: context };
    let text = key.encrypt(&nonce.into(), payload).map_err(|_| SecretsError::Corrupt)?;
    Ok([[VERSION].as_slice(), id, &nonce, &text].concat())
}

fn open(key: &XChaCha20Poly1305, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SecretsError> {
    if sealed.len() < HEADER || sealed[0] != VERSION {
        return Err(SecretsError::Corrupt);
    }
    let (header, text) = sealed.split_at(HEADER);
    let nonce: [u8; NONCE] = header[17..].try_into().map_err(|_| SecretsError::Corrupt)?;
    key.decrypt(&nonce.into(), Payload { msg: text, aad: context }).map_err(|_| SecretsError::Corrupt)
}

fn decode(text: &str) -> Result<[u8; 32], SecretsError> {
    let bytes = STANDARD.decode(text.trim()).map_err(|_| SecretsError::InvalidKey)?;
    bytes.try_into().map_err(|_| SecretsError::InvalidKey)
}

/// The key of the file, made at the first start.
fn file_key(path: &Path, surroundings: &Surroundings) -> Result<[u8; 32], SecretsError> {
    let io = |cause: std::io::Error| SecretsError::File(path.to_owned(), cause.to_string());
    match File::open(path) {
        Ok(file) => read_key(path, file),
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            if let Some(key) = make_key(path, surroundings).map_err(io)? {
                return Ok(key);
            }
            // Another process was first: its key is the key.
            read_key(path, File::open(path).map_err(io)?)
        }
        Err(cause) => Err(io(cause)),
    }
}

/// A file that others may read is refused: the key would be no secret.
fn read_key(path: &Path, mut file: File) -> Result<[u8; 32], SecretsError> {
    let failed = |problem: String| SecretsError::File(path.to_owned(), problem);
    let mode = file.metadata().map_err(|cause| failed(cause.to_string()))?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(failed(format!("others may read it (mode {:o}); make it 600", mode & 0o777)));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|cause| failed(cause.to_string()))?;
    decode(&text).map_err(|_| failed("it does not hold 32 bytes in base64".to_owned()))
}

/// Writes a new key under another name, which its owner alone may read, and gives it its name when it is on the disk:
/// the file is whole or not there, whenever the process ends. None if the name was taken meanwhile.
fn make_key(path: &Path, surroundings: &Surroundings) -> std::io::Result<Option<[u8; 32]>> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let key = surroundings.bytes::<32>();
    let mut file = tempfile::Builder::new()
        .prefix("secret.key.")
        .permissions(std::fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    writeln!(file, "{}", STANDARD.encode(key))?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Ok(_) => {}
        Err(failed) if failed.error.kind() == ErrorKind::AlreadyExists => return Ok(None),
        Err(failed) => return Err(failed.error),
    }
    // The name is on the disk only once the folder is.
    File::open(folder)?.sync_all()?;
    Ok(Some(key))
}

/// A key's id, for messages.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secrets(key {})", Uuid::from_bytes(self.0.current))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use proptest::prelude::*;
    use test_database::{TestDatabase, each_database};

    use super::*;

    async fn house() -> (Db, Surroundings, TestDatabase) {
        let (db, database) = crate::testing::database().await;
        (db, Surroundings::system(), database)
    }

    #[each_database]
    async fn what_is_sealed_opens_after_a_restart_and_in_its_context_only() {
        let folder = tempfile::tempdir().unwrap();
        let (db, world, _database) = house().await;
        let secrets = Secrets::open(folder.path(), None, &db, &world).await.unwrap();
        let sealed = secrets.seal(b"hooks/1", b"hush").unwrap();

        let again = Secrets::open(folder.path(), None, &db, &world).await.unwrap();

        assert_eq!(again.unseal(b"hooks/1", &sealed).unwrap(), b"hush");
        assert!(matches!(again.unseal(b"hooks/2", &sealed), Err(SecretsError::Corrupt)));
        let mode = std::fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[each_database]
    async fn another_master_key_is_told_at_start() {
        let folder = tempfile::tempdir().unwrap();
        let (db, world, _database) = house().await;
        Secrets::open(folder.path(), None, &db, &world).await.unwrap();
        let other = Secret::new(STANDARD.encode([9; 32]));

        let refused = Secrets::open(folder.path(), Some(&other), &db, &world).await;

        assert!(matches!(refused, Err(SecretsError::WrongKey)));
    }

    #[each_database]
    async fn nodes_on_one_database_need_the_same_key_and_are_told_so() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (db, world, _database) = house().await;
        let secrets = Secrets::open(first.path(), None, &db, &world).await.unwrap();
        let sealed = secrets.seal(b"hooks/1", b"hush").unwrap();

        let keyless = Secrets::open(second.path(), None, &db, &world).await;

        assert!(matches!(keyless, Err(SecretsError::NoKey)));
        assert!(!second.path().join(FILE).exists(), "no key is made that opens nothing");
        std::fs::copy(first.path().join(FILE), second.path().join(FILE)).unwrap();
        let other = Secrets::open(second.path(), None, &db, &world).await.unwrap();
        assert_eq!(other.unseal(b"hooks/1", &sealed).unwrap(), b"hush");
    }

    #[each_database]
    async fn nodes_that_start_together_agree_on_one_data_key() {
        let (folder, key) = (tempfile::tempdir().unwrap(), Secret::new(STANDARD.encode([9; 32])));
        let (db, world, _database) = house().await;

        let opened = join_all((0..4).map(|_| Secrets::open(folder.path(), Some(&key), &db, &world))).await;

        let current: Vec<_> = opened.into_iter().map(|secrets| secrets.unwrap().0.current).collect();
        assert!(current.iter().all(|id| *id == current[0]), "{current:?}");
    }

    #[test]
    fn of_two_first_starts_one_makes_the_key_and_both_use_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, world) = (folder.path().join(FILE), Surroundings::system());

        let first = make_key(&path, &world).unwrap();
        let second = make_key(&path, &world).unwrap();

        assert_eq!((file_key(&path, &world).ok(), second), (first, None));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no other file is left");
    }

    #[test]
    fn a_key_file_that_holds_something_else_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "no key").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();

        let refused = file_key(&path, &Surroundings::system());

        assert!(matches!(refused, Err(SecretsError::File(_, problem)) if problem.contains("32 bytes")));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "no key");
    }

    #[each_database]
    async fn a_key_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (db, world, _database) = house().await;
        Secrets::open(folder.path(), None, &db, &world).await.unwrap();
        let key = folder.path().join(FILE);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();

        let refused = Secrets::open(folder.path(), None, &db, &world).await;

        assert!(matches!(refused, Err(SecretsError::File(..))));
    }

    proptest! {
        #[test]
        fn changed_bytes_never_open(value: Vec<u8>, at: prop::sample::Index, flip in 1_u8..) {
            let key = XChaCha20Poly1305::new(&[3; 32].into());
            let mut sealed = seal(&key, &[1; 16], &Surroundings::system(), b"c", &value).unwrap();
            prop_assert_eq!(open(&key, b"c", &sealed).unwrap(), value);
            let at = at.index(sealed.len());
            // The key's id is not under the seal: it only says which key to try.
            prop_assume!(!(1..17).contains(&at));
            sealed[at] ^= flip;
            prop_assert!(open(&key, b"c", &sealed).is_err());
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = open(&XChaCha20Poly1305::new(&[3; 32].into()), b"c", &bytes);
        }
    }
}
