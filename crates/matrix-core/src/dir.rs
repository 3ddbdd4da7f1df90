//! The account's folder: paths, the exclusive lock, the store key, atomic 0600 writes.
//!
//! ```text
//! lock              flock; who holds it is written inside
//! account.json      whose folder it is; no secret
//! session.json      the access token of a login of ours, encrypted with the store key
//! store.key         the store key, wrapped with `storePassphrase` where set
//! recovery.json     the recovery key, encrypted with the store key
//! avatar.json       the picture that was uploaded, and where it came from
//! keys-refused.json the device whose one-time keys the homeserver refused last
//! verification.json when other devices were asked to verify; verifications under way
//! store/            the SDK's SQLite files
//! inbox.sqlite3     outbox.sqlite3
//! aside/            what could not be used, a folder a case
//! ```

mod account_file;
mod aside;
mod avatar;
mod crypto_store;
mod files;
mod key;
mod lock;
mod recovery;
mod refused;
mod session;
#[cfg(test)]
mod tests;
mod verification;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

pub(crate) use account_file::AccountFile;
pub(crate) use avatar::Avatar;
pub(crate) use crypto_store::CryptoStore;
use files::Owner;
pub(crate) use key::StoreKeys;
pub use lock::LockHolder;
pub(crate) use recovery::StoredRecoveryKey;
use serde::{Serialize, de::DeserializeOwned};
pub(crate) use session::{OAuthTokens, stored_token};

use crate::{
    account::Identity,
    config::Secret,
    error::{Error, ErrorCode, Result},
    health::{Notice, NoticeKind},
};

/// Grows when the folder's layout changes.
const SCHEMA: u32 = 1;
/// The SDK's name for its cache of rooms.
const STATE_STORE: &str = "matrix-sdk-state.sqlite3";

/// An account's folder, locked until it is released or dropped.
#[derive(Debug)]
pub(crate) struct Dir {
    path: PathBuf,
    owner: Owner,
    lock: Mutex<Option<lock::Lock>>,
}

impl Dir {
    /// Creates the folder (0700) where needed, checks it, and takes its lock.
    ///
    /// # Errors
    /// `store_locked` with the holder if another account, in this or another process,
    /// has it; `config_invalid` if the folder or a file in it is a symbolic link or
    /// belongs to another user; `internal` if the disk refuses.
    pub fn open(path: &Path) -> Result<Self> {
        let owner = files::folder(path)?;
        let lock = lock::Lock::take(path, &owner)?;
        files::sweep(path);
        Ok(Self {
            path: path.to_owned(),
            owner,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// Frees the lock, whoever else still holds this. Idempotent.
    pub fn release(&self) {
        self.lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of the SDK's SQLite files, created 0700, each file in it checked.
    pub fn store(&self) -> Result<PathBuf> {
        let path = self.path.join("store");
        files::folder(&path)?;
        let entries = std::fs::read_dir(&path).map_err(|e| files::failed("read", &path, &e))?;
        for entry in entries.flatten() {
            files::check(&entry.path(), &self.owner)?;
        }
        // SQLite makes a database as the process' umask says, and its log and index like it.
        for name in [crypto_store::NAME, STATE_STORE] {
            files::open(&path.join(name), &self.owner)?;
        }
        Ok(path)
    }

    /// What the SDK's crypto store is; to be asked before the SDK opens it.
    ///
    /// # Errors
    /// `store_newer` and `storage_failed`: it is not known what it is.
    pub fn crypto_store(&self) -> Result<CryptoStore> {
        crypto_store::inspect(&self.path, &self.owner)
    }

    /// Where the crypto store's number is kept outside the folder.
    pub fn generation_file(&self) -> PathBuf {
        crypto_store::outside_name(&self.path)
            .map_or_else(|| self.path.clone(), |(folder, name)| folder.join(name))
    }

    /// Counts the crypto store's generation on, so that an older copy of it can be told
    /// from it later. Does nothing without a crypto store.
    pub fn count_generation(&self) -> Result<()> {
        crypto_store::count_on(&self.path, &self.owner)
    }

    /// Deletes the SDK's state store if it is damaged: a cache, which the next sync fills
    /// again. True if it was.
    pub fn drop_damaged_state_store(&self) -> Result<bool> {
        let main = self.path.join("store").join(STATE_STORE);
        if !crypto_store::state_store_is_damaged(&main, &self.owner)? {
            return Ok(false);
        }
        // The database first: SQLite ignores a log without it.
        for suffix in ["", "-wal", "-shm"] {
            let path = self
                .path
                .join("store")
                .join(format!("{STATE_STORE}{suffix}"));
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(files::failed("remove", &path, &e));
                }
                _ => {}
            }
        }
        Ok(true)
    }

    /// Moves the SDK's stores aside, both: what the state store knows goes with the device.
    pub fn set_stores_aside(&self, message: &str) -> Result<Notice> {
        aside::set_aside(&self.path, NoticeKind::CryptoStore, &["store"], message)
    }

    /// Moves the SDK's stores out of the way of a new device, without a notice: somebody
    /// asked for it. Where they are now; `None` if there were none.
    pub fn put_stores_away(&self) -> Result<Option<PathBuf>> {
        aside::put_away(&self.path, "store")
    }

    /// Moves an older copy of the stores aside, and the queues that came with it.
    pub fn set_rolled_back_aside(&self, message: &str) -> Result<Notice> {
        aside::set_aside(
            &self.path,
            NoticeKind::CryptoStore,
            &[
                "inbox.sqlite3",
                "inbox.sqlite3-wal",
                "inbox.sqlite3-shm",
                "outbox.sqlite3",
                "outbox.sqlite3-wal",
                "outbox.sqlite3-shm",
                // Last: while it is there the case is not closed.
                "store",
            ],
            message,
        )
    }

    /// Whether the folder has had a login, readable or not.
    pub fn has_account(&self) -> bool {
        self.path.join("account.json").exists()
    }

    /// Moves everything aside that only a lost store key opens, and the key with it.
    pub fn set_everything_aside(&self, message: &str) -> Result<Notice> {
        aside::set_aside(
            &self.path,
            NoticeKind::StoreKey,
            &[
                "store",
                "session.json",
                "recovery.json",
                "inbox.sqlite3",
                "inbox.sqlite3-wal",
                "inbox.sqlite3-shm",
                "outbox.sqlite3",
                "outbox.sqlite3-wal",
                "outbox.sqlite3-shm",
                // Last: while it is there the case is not closed.
                "store.key",
            ],
            message,
        )
    }

    /// Moves a damaged `account.json` aside, so that it is written anew.
    pub fn set_account_aside(&self) -> Result<()> {
        aside::keep_copy(&self.path, "account.json")
    }

    /// The inbound queue.
    pub fn inbox(&self) -> Result<PathBuf> {
        self.database("inbox.sqlite3")
    }

    /// The outbound queue.
    pub fn outbox(&self) -> Result<PathBuf> {
        self.database("outbox.sqlite3")
    }

    fn database(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        files::check(&path, &self.owner)?;
        Ok(path)
    }

    /// What was set aside and not deleted yet, oldest first.
    pub fn notices(&self) -> Vec<Notice> {
        aside::notices(&self.path, &self.owner)
    }

    /// Moves a damaged queue aside, with its log. `message` says what may be lost.
    pub fn set_queue_aside(&self, kind: NoticeKind, message: &str) -> Result<Notice> {
        let name = kind.as_str();
        aside::set_aside(
            &self.path,
            kind,
            &[
                &format!("{name}.sqlite3"),
                &format!("{name}.sqlite3-wal"),
                &format!("{name}.sqlite3-shm"),
            ],
            message,
        )
    }

    /// Notes that a step of the sync was given up; replaces the last such note.
    pub fn note_sync_step(&self, message: &str) -> Result<Notice> {
        aside::note_once(&self.path, NoticeKind::SyncStep, message)
    }

    /// Whose folder it is; `None` before its first login.
    pub fn account(&self) -> Result<Option<AccountFile>> {
        read_account(&self.path, &self.owner)
    }

    /// Writes `account.json`.
    pub fn save_account(&self, account: &AccountFile) -> Result<()> {
        self.write_json("account.json", account)
    }

    /// The keys that everything at rest is encrypted with; made at the first call.
    /// `account_id` is for the error's sentence.
    ///
    /// # Errors
    /// `config_invalid` naming `storePassphrase` if it is missing or wrong.
    pub fn keys(&self, passphrase: Option<&Secret>, account_id: &str) -> Result<StoreKeys> {
        key::load(&self.path, &self.owner, passphrase, account_id)
    }

    fn write_json(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let json = serde_json::to_vec_pretty(value)
            .map_err(|e| Error::internal(format!("{name} cannot be written: {e}")))?;
        files::write(&self.path, name, &json)
    }
}

/// Who holds the folder's lock, if anybody does.
///
/// # Errors
/// `internal` if the folder cannot be read. A folder that is not there has no holder.
pub fn lock_holder(state_dir: &Path) -> Result<Option<LockHolder>> {
    lock::holder(state_dir)
}

/// Who the session stored in the folder belongs to; reads no secret.
///
/// # Errors
/// `store_corrupt` if `account.json` is there and cannot be understood.
pub fn stored_identity(state_dir: &Path) -> Result<Option<Identity>> {
    if !state_dir.join("account.json").exists() {
        return Ok(None);
    }
    let owner = files::folder(state_dir)?;
    Ok(read_account(state_dir, &owner)?.map(|account| Identity {
        user_id: account.user_id,
        device_id: account.device_id,
        homeserver: account.homeserver,
    }))
}

fn read_account(dir: &Path, owner: &Owner) -> Result<Option<AccountFile>> {
    let path = dir.join("account.json");
    let account: Option<AccountFile> = read_json(&path, owner)?;
    match account {
        Some(account) if account.schema > SCHEMA => Err(newer(&path)),
        account => Ok(account),
    }
}

fn read_json<T: DeserializeOwned>(path: &Path, owner: &Owner) -> Result<Option<T>> {
    let Some(bytes) = files::read(path, owner)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|e| corrupt(path, &format!("it is not valid: {e}")))
}

fn newer(path: &Path) -> Error {
    Error::new(
        ErrorCode::StoreNewer,
        format!(
            "{} cannot be used: a newer version of the plugin wrote it; update the plugin",
            path.display()
        ),
    )
}

fn corrupt(path: &Path, why: &str) -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        format!("{} cannot be used: {why}", path.display()),
    )
}
