//! The account's folder: paths, the exclusive lock, the store key, atomic 0600 writes.
//!
//! ```text
//! lock              flock; who holds it is written inside
//! account.json      whose folder it is; no secret
//! session.json      the access token of a login of ours, encrypted with the store key
//! store.key         the store key, wrapped with `storePassphrase` where set
//! recovery.json     the recovery key, encrypted with the store key
//! store/            the SDK's SQLite files
//! inbox.sqlite3     outbox.sqlite3
//! ```

mod files;
mod key;
mod lock;
mod recovery;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use files::Owner;
pub(crate) use key::StoreKeys;
pub use lock::LockHolder;
pub(crate) use recovery::StoredRecoveryKey;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    account::Identity,
    config::Secret,
    error::{Error, ErrorCode, Result},
};

/// Grows when the folder's layout changes.
const SCHEMA: u32 = 1;

/// `account.json`: whose folder it is. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountFile {
    schema: u32,
    /// Base URL.
    pub homeserver: String,
    /// Full user id.
    pub user_id: String,
    /// Device id.
    pub device_id: String,
    /// The device's encryption keys come from this folder's crypto store. Set before
    /// they can be uploaded for the first time, so that a later start does not take
    /// our own keys for another client's (AUT-11).
    #[serde(default)]
    pub own_keys: bool,
    /// The device's keys are another client's (AUT-11): the folder holds nothing of the
    /// device's encryption, so that it may serve another device of the user later.
    #[serde(default)]
    pub foreign_device: bool,
    /// The device that the configuration asked for, if it turned out to be another
    /// client's and a login made a device of our own instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

impl AccountFile {
    /// A folder that has just been taken into use.
    pub fn new(homeserver: &str, user_id: &str, device_id: &str) -> Self {
        Self {
            schema: SCHEMA,
            homeserver: homeserver.to_owned(),
            user_id: user_id.to_owned(),
            device_id: device_id.to_owned(),
            own_keys: false,
            foreign_device: false,
            instead_of: None,
        }
    }
}

#[derive(Serialize, Deserialize)]
struct SessionFile {
    schema: u32,
    user_id: String,
    device_id: String,
    /// Encrypted with the store key.
    access_token: Vec<u8>,
}

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

    /// The SDK's SQLite files; created 0700.
    pub fn store(&self) -> Result<PathBuf> {
        let path = self.path.join("store");
        files::folder(&path)?;
        Ok(path)
    }

    /// Whether the SDK's crypto store has been made.
    pub fn has_crypto_store(&self) -> bool {
        self.path
            .join("store")
            .join("matrix-sdk-crypto.sqlite3")
            .exists()
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

    /// Whose folder it is; `None` before its first login.
    pub fn account(&self) -> Result<Option<AccountFile>> {
        read_account(&self.path, &self.owner)
    }

    /// Writes `account.json`.
    pub fn save_account(&self, account: &AccountFile) -> Result<()> {
        self.write_json("account.json", account)
    }

    /// The access token of the stored session of this device, if there is one.
    pub fn session_token(&self, keys: &StoreKeys, account: &AccountFile) -> Result<Option<Secret>> {
        let path = self.path.join("session.json");
        let Some(file) = read_json::<SessionFile>(&path, &self.owner)? else {
            return Ok(None);
        };
        if file.user_id != account.user_id || file.device_id != account.device_id {
            return Ok(None);
        }
        let token = keys
            .cipher
            .decrypt_value::<String>(&file.access_token)
            .map_err(|_| {
                corrupt(
                    &path,
                    "its token cannot be decrypted; delete it to log in again",
                )
            })?;
        Ok(Some(Secret::new(token)))
    }

    /// Writes `session.json`.
    pub fn save_session(
        &self,
        keys: &StoreKeys,
        account: &AccountFile,
        token: &Secret,
    ) -> Result<()> {
        let access_token = keys
            .cipher
            .encrypt_value(&token.expose())
            .map_err(|e| Error::internal(format!("the session cannot be encrypted: {e}")))?;
        self.write_json(
            "session.json",
            &SessionFile {
                schema: SCHEMA,
                user_id: account.user_id.clone(),
                device_id: account.device_id.clone(),
                access_token,
            },
        )
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
        Some(account) if account.schema > SCHEMA => Err(corrupt(
            &path,
            "a newer version of the plugin wrote it; update the plugin",
        )),
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

fn corrupt(path: &Path, why: &str) -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        format!("{} cannot be used: {why}", path.display()),
    )
}
