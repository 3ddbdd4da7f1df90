//! A look at the SDK's crypto store before the SDK opens it: whether it is whole, not
//! newer than the SDK, and not an older copy of itself.
//!
//! An older copy must never be used: it would hand out one-time keys that are used and
//! encrypt with ratchet states that are spent, so that peers can no longer read, and
//! nobody could tell why (matrix-rust-sdk #1415, #5200). So the store carries a number
//! that grows at every open, at every close and in between, and the last number is kept
//! outside the account's folder too, because the folder is what people put back. A store
//! with a smaller number than the one outside is an older copy.
//!
//! The store's number is on disk before the one outside is written: a crash between the
//! two leaves the store ahead, never behind. A folder that is moved, or copied without
//! the number outside, counts as the real one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use serde::{Deserialize, Serialize};

use super::{
    SCHEMA,
    files::{self, Owner},
    newer,
};
use crate::error::{self, Error, ErrorCode, Result};

/// The SDK's name for it.
pub(super) const NAME: &str = "matrix-sdk-crypto.sqlite3";
/// The version the SDK's migrations lead to (matrix-sdk-sqlite 0.18, `run_migrations` in
/// `crypto_store.rs`); it has no guard of its own against newer ones.
const SDK_VERSION: u8 = 17;
/// Stores remembered outside: one for each device the folder has served.
const REMEMBERED: usize = 8;

/// What the crypto store is, as far as its file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CryptoStore {
    /// Not there, or without the keys of a device.
    Empty,
    /// It holds a device's keys.
    Whole,
    /// It cannot be read; holds what SQLite says.
    Damaged(String),
    /// An older copy of itself was put back.
    RolledBack,
}

/// The file outside: the last number of each store.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Outside {
    schema: u32,
    stores: Vec<Mark>,
}

/// A store's own name and its number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    id: String,
    generation: i64,
}

/// Looks at the store in `dir`/store.
///
/// # Errors
/// `store_newer`, `storage_failed`.
pub(super) fn inspect(dir: &Path, owner: &Owner) -> Result<CryptoStore> {
    let path = path(dir);
    if !files::check(&path, owner)? {
        return Ok(CryptoStore::Empty);
    }
    match look(&path) {
        Ok(Look { version, .. }) if version.is_some_and(|version| version > SDK_VERSION) => {
            Err(newer(&path))
        }
        Ok(Look { account: false, .. }) => Ok(CryptoStore::Empty),
        Ok(Look { mark, .. }) => Ok(match mark {
            Some(mark) if mark.generation < outside_generation(dir, owner, &mark.id) => {
                CryptoStore::RolledBack
            }
            _ => CryptoStore::Whole,
        }),
        Err(Trouble::Damaged(why)) => Ok(CryptoStore::Damaged(why)),
        Err(Trouble::Error(error)) => Err(error),
    }
}

/// Counts on: first in the store, then outside. Does nothing without a store.
///
/// # Errors
/// `storage_failed`, `store_corrupt`.
pub(super) fn count_on(dir: &Path, owner: &Owner) -> Result<()> {
    let path = path(dir);
    if !files::check(&path, owner)? {
        return Ok(());
    }
    let mark = count_on_inside(&path).map_err(|e| Trouble::of(&e, &path).into_error(&path))?;
    remember(dir, owner, mark)
}

struct Look {
    version: Option<u8>,
    account: bool,
    mark: Option<Mark>,
}

enum Trouble {
    Damaged(String),
    Error(Error),
}

impl Trouble {
    fn of(error: &rusqlite::Error, path: &Path) -> Self {
        match error::disk(error, &path.display().to_string()) {
            Some(error) => Self::Error(error),
            None => Self::Damaged(error.to_string()),
        }
    }

    fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Damaged(why) => super::corrupt(path, &why),
            Self::Error(error) => error,
        }
    }
}

fn look(path: &Path) -> std::result::Result<Look, Trouble> {
    let attempt = || -> rusqlite::Result<std::result::Result<Look, String>> {
        let connection = connect(path)?;
        let check: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
        if check != "ok" {
            return Ok(Err(check));
        }
        if !has_table(&connection, "kv")? {
            return Ok(Ok(Look {
                version: None,
                account: false,
                mark: None,
            }));
        }
        let version: Option<Vec<u8>> = connection
            .query_row("SELECT value FROM kv WHERE key = 'version'", [], |r| {
                r.get(0)
            })
            .optional()?;
        let account = connection
            .query_row("SELECT 1 FROM kv WHERE key = 'account'", [], |_| Ok(()))
            .optional()?
            .is_some();
        Ok(Ok(Look {
            version: version.and_then(|version| version.first().copied()),
            account,
            mark: read_mark(&connection)?,
        }))
    };
    match attempt() {
        Ok(Ok(look)) => Ok(look),
        Ok(Err(why)) => Err(Trouble::Damaged(why)),
        Err(error) => Err(Trouble::of(&error, path)),
    }
}

fn count_on_inside(path: &Path) -> rusqlite::Result<Mark> {
    let mut connection = connect(path)?;
    // On disk before the number outside is written.
    connection.pragma_update(None, "synchronous", "FULL")?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(
        "CREATE TABLE IF NOT EXISTS store_generation (id TEXT NOT NULL, generation INTEGER NOT NULL)",
    )?;
    let mark = match read_mark(&tx)? {
        Some(mark) => Mark {
            generation: mark.generation + 1,
            ..mark
        },
        None => Mark {
            id: format!("{:032x}", rand::random::<u128>()),
            generation: 1,
        },
    };
    tx.execute("DELETE FROM store_generation", [])?;
    tx.execute(
        "INSERT INTO store_generation (id, generation) VALUES (?1, ?2)",
        (&mark.id, mark.generation),
    )?;
    tx.commit()?;
    Ok(mark)
}

fn read_mark(connection: &Connection) -> rusqlite::Result<Option<Mark>> {
    if !has_table(connection, "store_generation")? {
        return Ok(None);
    }
    connection
        .query_row("SELECT id, generation FROM store_generation", [], |r| {
            Ok(Mark {
                id: r.get(0)?,
                generation: r.get(1)?,
            })
        })
        .optional()
}

fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1",
            [name],
            |_| Ok(()),
        )
        .optional()
        .map(|found| found.is_some())
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(connection)
}

fn path(dir: &Path) -> PathBuf {
    dir.join("store").join(NAME)
}

/// Beside the account's folder: `<account>.generation`.
pub(super) fn outside_name(dir: &Path) -> Option<(&Path, String)> {
    let name = dir.file_name()?.to_str()?;
    Some((dir.parent()?, format!("{name}.generation")))
}

fn read_outside(dir: &Path, owner: &Owner) -> Outside {
    let read = || {
        let (folder, name) = outside_name(dir)?;
        let bytes = files::read(&folder.join(name), owner).ok()??;
        serde_json::from_slice::<Outside>(&bytes).ok()
    };
    read().unwrap_or_default()
}

/// 0 for a store that is not known outside.
fn outside_generation(dir: &Path, owner: &Owner, id: &str) -> i64 {
    read_outside(dir, owner)
        .stores
        .iter()
        .find(|known| known.id == id)
        .map_or(0, |known| known.generation)
}

fn remember(dir: &Path, owner: &Owner, mark: Mark) -> Result<()> {
    let Some((folder, name)) = outside_name(dir) else {
        return Ok(());
    };
    let mut outside = read_outside(dir, owner);
    outside.schema = SCHEMA;
    outside.stores.retain(|known| known.id != mark.id);
    outside.stores.push(mark);
    let surplus = outside.stores.len().saturating_sub(REMEMBERED);
    outside.stores.drain(..surplus);
    let json = serde_json::to_vec(&outside)
        .map_err(|e| Error::internal(format!("{name} cannot be written: {e}")))?;
    files::write(folder, &name, &json)
}

/// The state store, a cache: whether it can be read.
///
/// # Errors
/// `storage_failed`.
pub(super) fn state_store_is_damaged(path: &Path, owner: &Owner) -> Result<bool> {
    if !files::check(path, owner)? {
        return Ok(false);
    }
    let attempt = || -> rusqlite::Result<bool> {
        let connection = connect(path)?;
        let check: String = connection.query_row("PRAGMA quick_check(1)", [], |r| r.get(0))?;
        Ok(check != "ok")
    };
    match attempt() {
        Ok(damaged) => Ok(damaged),
        Err(error) => match Trouble::of(&error, path) {
            Trouble::Damaged(_) => Ok(true),
            Trouble::Error(error) if error.code == ErrorCode::StorageFailed => Err(error),
            Trouble::Error(_) => Ok(true),
        },
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::SqliteCryptoStore;
    use tempfile::tempdir;

    use super::*;

    #[tokio::test]
    async fn enc_4_the_sdks_crypto_store_is_of_the_version_we_know() {
        let dir = tempdir().unwrap();
        let store = dir.path().join("store");
        drop(SqliteCryptoStore::open(&store, None).await.unwrap());
        let found = look(&store.join(NAME)).ok().unwrap();
        assert_eq!(found.version, Some(SDK_VERSION));
        assert!(!found.account);
    }
}
