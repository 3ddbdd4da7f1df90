//! One SQLite file of a durable queue: opened with mode 0600, WAL and
//! `synchronous=FULL`, migrated by `user_version`, used through one connection
//! and one transaction a call, on the blocking pool.
//!
//! Nothing that names a person, a room or an event stands in it in clear:
//! what has to be compared is hashed with the store key, everything else is
//! sealed with it, as the SDK's own stores do. A stolen file tells how many
//! rows there are and when they came, and nothing more.

use std::{
    fs::OpenOptions,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use matrix_sdk_store_encryption::{EncryptedValueBase64, StoreCipher};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Mutex;

use crate::error::{self, Error, ErrorCode, Result};

/// A keyed hash that stands for a room, an event or a send.
pub(crate) type Hash = [u8; 32];

/// How long keys of finished rows are kept against duplicates, milliseconds.
pub(crate) const KEEP_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// What a file is for, in the words of its error messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Role {
    /// `inbox` or `outbox`.
    pub name: &'static str,
    /// What is gone when the file is moved away.
    pub loss: &'static str,
}

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(crate) enum Fault {
    /// SQLite said so.
    Sql(rusqlite::Error),
    /// A sealed value does not open.
    Seal(String),
    /// Something that already has its sentence.
    Plain(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Plain(error)
    }
}

/// Hashes and seals with the store key.
pub(crate) struct Seal(Arc<StoreCipher>);

impl Seal {
    /// The hash of `value` among the values of `kind`.
    pub fn hash(&self, kind: &str, value: &str) -> Hash {
        self.0.hash_key(kind, value.as_bytes())
    }

    /// Encrypts a value.
    pub fn close(&self, value: &impl Serialize) -> Result<Vec<u8>, Fault> {
        let plain = serde_json::to_vec(value).map_err(|e| Fault::Seal(e.to_string()))?;
        let sealed = self
            .0
            .encrypt_value_base64_data(plain)
            .map_err(|e| Fault::Seal(e.to_string()))?;
        serde_json::to_vec(&sealed).map_err(|e| Fault::Seal(e.to_string()))
    }

    /// Decrypts what [`Self::close`] made.
    pub fn open<T: DeserializeOwned>(&self, sealed: &[u8]) -> Result<T, Fault> {
        let sealed: EncryptedValueBase64 =
            serde_json::from_slice(sealed).map_err(|e| Fault::Seal(e.to_string()))?;
        let plain = self
            .0
            .decrypt_value_base64_data(sealed)
            .map_err(|e| Fault::Seal(e.to_string()))?;
        // serde_json quotes nothing of the text in its syntax errors, but may
        // quote values in data errors: say only where.
        serde_json::from_slice(&plain).map_err(|e| {
            Fault::Seal(format!(
                "not understood at line {} column {}",
                e.line(),
                e.column()
            ))
        })
    }
}

/// Milliseconds since the epoch; tests move it forward.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: AtomicI64,
}

impl Clock {
    /// Now.
    pub fn now(&self) -> i64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_millis() as i64);
        now + self.offset.load(Ordering::Relaxed)
    }

    /// Lets time pass.
    #[cfg(test)]
    pub fn advance(&self, by: Duration) {
        self.offset
            .fetch_add(by.as_millis() as i64, Ordering::Relaxed);
    }
}

/// The open file. Cheap to clone; all clones share the connection.
#[derive(Clone)]
pub(crate) struct QueueFile {
    connection: Arc<Mutex<Option<Connection>>>,
    seal: Arc<Seal>,
    role: Role,
    path: Arc<PathBuf>,
    pub clock: Arc<Clock>,
}

impl QueueFile {
    /// Opens or creates the file and brings its schema up to date.
    /// `migrations[n]` leads from schema `n` to `n + 1`; the first one makes
    /// the table `meta(name, value)`.
    pub async fn open(
        path: &Path,
        cipher: Arc<StoreCipher>,
        role: Role,
        migrations: &'static [&'static str],
    ) -> Result<Self> {
        let file = Self {
            connection: Arc::default(),
            seal: Arc::new(Seal(cipher)),
            role,
            path: Arc::new(path.to_owned()),
            clock: Arc::default(),
        };
        let opening = file.clone();
        let connection = tokio::task::spawn_blocking(move || {
            connect(&opening.path)
                .and_then(|mut c| {
                    migrate(&mut c, migrations, &opening)?;
                    check_key(&c, &opening)?;
                    Ok(c)
                })
                .map_err(|fault| opening.explain(fault))
        })
        .await
        .map_err(|_| Error::internal(format!("opening the {} failed", role.name)))??;
        *file.connection.lock().await = Some(connection);
        Ok(file)
    }

    /// Runs `work` in one transaction and commits it, unless `work` fails.
    ///
    /// Dropping the future before the connection is free does nothing at all;
    /// later the transaction runs to its end and its result is dropped.
    pub async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>, &Seal) -> Result<T, Fault> + Send + 'static,
    {
        let mut guard = Arc::clone(&self.connection).lock_owned().await;
        let seal = Arc::clone(&self.seal);
        let outcome = tokio::task::spawn_blocking(move || {
            let connection = guard
                .as_mut()
                .ok_or_else(|| Fault::Plain(Error::closed()))?;
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction, &seal)?;
            transaction.commit()?;
            Ok(value)
        })
        .await;
        match outcome {
            Ok(result) => result.map_err(|fault| self.explain(fault)),
            Err(join) if join.is_cancelled() => Err(Error::closed()),
            Err(_) => Err(Error::internal(format!(
                "a defect in the {}: its transaction panicked and was rolled back",
                self.role.name
            ))),
        }
    }

    /// Closes the connection, after what runs on it; later calls fail with `closed`.
    pub async fn release(&self) {
        let connection = self.connection.lock().await.take();
        if let Some(connection) = connection {
            // Closing checkpoints the write-ahead log.
            let _ = tokio::task::spawn_blocking(move || drop(connection)).await;
        }
    }

    /// The sentence for a person.
    fn explain(&self, fault: Fault) -> Error {
        let Role { name, loss } = self.role;
        let path = self.path.display();
        let aside = format!("stop the gateway, move {path} aside and start again ({loss})");
        match fault {
            Fault::Plain(error) => error,
            Fault::Seal(why) => Error::new(
                ErrorCode::StoreCorrupt,
                format!(
                    "the store key does not open what the {name} file {path} holds ({why}): \
                     put the store.key back that belongs to it, or {aside}"
                ),
            ),
            Fault::Sql(error) => match error::disk(&error, &format!("the {name} file {path}")) {
                Some(error) => error,
                None => self.explain_sql(&error, &aside),
            },
        }
    }

    fn explain_sql(&self, error: &rusqlite::Error, aside: &str) -> Error {
        use rusqlite::ErrorCode as Sql;
        let (name, path) = (self.role.name, self.path.display());
        match error {
            rusqlite::Error::SqliteFailure(error, _) => match error.code {
                Sql::DatabaseCorrupt | Sql::NotADatabase => Error::new(
                    ErrorCode::StoreCorrupt,
                    format!("the {name} file {path} is damaged: {aside}"),
                ),
                Sql::DatabaseBusy | Sql::DatabaseLocked => Error::new(
                    ErrorCode::StoreLocked,
                    format!(
                        "another program holds the {name} file {path}: close it (a backup? an \
                         SQLite browser?)"
                    ),
                ),
                other => Error::internal(format!("the {name} file {path} failed: {other:?}")),
            },
            // Further texts of rusqlite may quote values: only their kind is said.
            rusqlite::Error::QueryReturnedNoRows => {
                Error::internal(format!("the {name} misses a row it should have"))
            }
            _ => Error::new(
                ErrorCode::StoreCorrupt,
                format!("the {name} file {path} holds something unforeseen: {aside}"),
            ),
        }
    }
}

fn connect(path: &Path) -> Result<Connection, Fault> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // SQLite gives its side files the mode of the main one. Its own error says
    // more than this one's would.
    drop(options.open(path));
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "journal_size_limit", 4 << 20)?;
    // A file that was cut opens all the same, and fails when it is too late.
    let check: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
    if check != "ok" {
        return Err(Fault::Sql(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT),
            None,
        )));
    }
    Ok(connection)
}

fn migrate(
    connection: &mut Connection,
    migrations: &[&str],
    file: &QueueFile,
) -> Result<(), Fault> {
    let version: usize = connection.query_row("PRAGMA user_version", [], |r| r.get(0))?;
    if version > migrations.len() {
        let Role { name, loss } = file.role;
        return Err(Fault::Plain(Error::new(
            ErrorCode::StoreNewer,
            format!(
                "the {name} file {path} was written by a newer version (schema {version}, this \
                 one knows {known}): update the plugin again, or move {path} aside ({loss})",
                path = file.path.display(),
                known = migrations.len(),
            ),
        )));
    }
    for (at, migration) in migrations.iter().enumerate().skip(version) {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(migration)?;
        step.pragma_update(None, "user_version", at + 1)?;
        step.commit()?;
    }
    Ok(())
}

/// Refuses a file that was sealed with another store key, before its hashes
/// are compared with ours and nothing is ever found.
fn check_key(connection: &Connection, file: &QueueFile) -> Result<(), Fault> {
    let stored: Option<Vec<u8>> = connection
        .query_row("SELECT value FROM meta WHERE name = 'key'", [], |r| {
            r.get(0)
        })
        .optional()?;
    match stored {
        Some(sealed) => file.seal.open::<String>(&sealed).map(drop),
        None => {
            connection.execute(
                "INSERT INTO meta (name, value) VALUES ('key', ?1)",
                [file.seal.close(&file.role.name)?],
            )?;
            Ok(())
        }
    }
}
