//! The store key. Beside the store it protects backups and stray copies of single
//! files, not a stolen disk; a passphrase kept elsewhere protects that too (ENC-11).

use std::{fmt, path::Path, sync::Arc};

use matrix_sdk_store_encryption::StoreCipher;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::{
    SCHEMA, corrupt,
    files::{self, Owner},
    newer,
};
use crate::{
    config::Secret,
    error::{Error, ErrorCode, Result},
};

const NAME: &str = "store.key";

/// What everything at rest is encrypted with.
#[derive(Clone)]
pub(crate) struct StoreKeys {
    /// For the SDK's stores.
    pub key: Zeroizing<[u8; 32]>,
    /// For the queues and the session.
    pub cipher: Arc<StoreCipher>,
}

impl fmt::Debug for StoreKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKeys(…)")
    }
}

#[derive(Serialize, Deserialize)]
struct KeyFile {
    schema: u32,
    key: KeyAtRest,
    /// The cipher of the queues, encrypted with the key.
    cipher: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeyAtRest {
    Plain(Vec<u8>),
    /// `wrapper` is a cipher encrypted with the passphrase (PBKDF2), `key` is
    /// encrypted with that cipher.
    Wrapped {
        wrapper: Vec<u8>,
        key: Vec<u8>,
    },
}

impl Drop for KeyAtRest {
    fn drop(&mut self) {
        if let Self::Plain(key) = self {
            key.zeroize();
        }
    }
}

pub(super) fn load(
    dir: &Path,
    owner: &Owner,
    passphrase: Option<&Secret>,
    account_id: &str,
) -> Result<StoreKeys> {
    let path = dir.join(NAME);
    let Some(bytes) = files::read(&path, owner)? else {
        if dir.join("session.json").exists() || dir.join("store").exists() {
            return Err(corrupt(
                &path,
                &format!(
                    "it is missing, and nothing else in the folder can be read without it; \
                     restore it from a backup, or move {} away to begin anew",
                    dir.display()
                ),
            ));
        }
        return make(dir, passphrase);
    };
    let bytes = Zeroizing::new(bytes);
    let file: KeyFile = serde_json::from_slice(&bytes)
        .map_err(|e| corrupt(&path, &format!("it is not valid: {e}")))?;
    if file.schema > SCHEMA {
        return Err(newer(&path));
    }
    let (key, wrapped) = match &file.key {
        KeyAtRest::Plain(key) => (Zeroizing::new(key.clone()), false),
        KeyAtRest::Wrapped { wrapper, key } => {
            let passphrase = passphrase.ok_or_else(|| {
                invalid(format!(
                    "the store of account {account_id} is protected by a passphrase; set \
                     `storePassphrase`. Without it nothing there can be read: to begin anew, move \
                     {} away",
                    dir.display()
                ))
            })?;
            let key = StoreCipher::import(passphrase.expose(), wrapper)
                .and_then(|cipher| cipher.decrypt_value::<Vec<u8>>(key))
                .map_err(|_| {
                    invalid(format!(
                        "`storePassphrase` is not the passphrase that protects the store of \
                         account {account_id}; put the former one back, or move {} away to begin \
                         anew",
                        dir.display()
                    ))
                })?;
            (Zeroizing::new(key), true)
        }
    };
    let key: [u8; 32] = key
        .as_slice()
        .try_into()
        .map_err(|_| corrupt(&path, "its key is not 32 bytes long"))?;
    let key = Zeroizing::new(key);
    let cipher = StoreCipher::import_with_key(&key, &file.cipher)
        .map_err(|_| corrupt(&path, "its key does not open its cipher"))?;
    if let (false, Some(passphrase)) = (wrapped, passphrase) {
        tracing::info!("storePassphrase is new: wrapping the store key with it");
        store(dir, &key, file.cipher, Some(passphrase))?;
    }
    Ok(StoreKeys {
        key,
        cipher: Arc::new(cipher),
    })
}

fn make(dir: &Path, passphrase: Option<&Secret>) -> Result<StoreKeys> {
    let key: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
    let cipher = StoreCipher::new().map_err(crypto)?;
    let export = cipher.export_with_key(&key).map_err(crypto)?;
    store(dir, &key, export, passphrase)?;
    Ok(StoreKeys {
        key,
        cipher: Arc::new(cipher),
    })
}

fn store(dir: &Path, key: &[u8; 32], cipher: Vec<u8>, passphrase: Option<&Secret>) -> Result<()> {
    let key = match passphrase {
        None => KeyAtRest::Plain(key.to_vec()),
        Some(passphrase) => {
            let wrapper = StoreCipher::new().map_err(crypto)?;
            KeyAtRest::Wrapped {
                key: wrapper
                    .encrypt_value(&Zeroizing::new(key.to_vec()).as_slice())
                    .map_err(crypto)?,
                wrapper: wrapper.export(passphrase.expose()).map_err(crypto)?,
            }
        }
    };
    let file = KeyFile {
        schema: SCHEMA,
        key,
        cipher,
    };
    let json = Zeroizing::new(
        serde_json::to_vec(&file)
            .map_err(|e| Error::internal(format!("{NAME} cannot be written: {e}")))?,
    );
    files::write(dir, NAME, &json)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::ConfigInvalid, message)
}

fn crypto(error: impl fmt::Display) -> Error {
    Error::internal(format!("the store key cannot be made: {error}"))
}
