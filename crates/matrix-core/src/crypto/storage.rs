//! Secret storage (4S): the account data in which a user's clients keep the private
//! cross-signing keys and the backup's key, encrypted with the recovery key.

use std::collections::BTreeMap;

use fail::fail_point;
use matrix_sdk_crypto::{
    secret_storage::{AesHmacSha2EncryptedData, DecodeError, SecretStorageKey},
    store::CryptoStore,
};
use ruma::{
    events::{
        AnyGlobalAccountDataEventContent, EventContentFromType, GlobalAccountDataEventType,
        secret::request::SecretName,
        secret_storage::{
            default_key::SecretStorageDefaultKeyEventContent,
            key::{SecretStorageEncryptionAlgorithm, SecretStorageKeyEventContent},
        },
    },
    serde::Raw,
};
use serde::Deserialize;
use serde_json::{Value, json, value::to_raw_value};
use zeroize::Zeroizing;

use super::{Crypto, unreadable};
use crate::{
    config::Secret,
    dir::StoredRecoveryKey,
    error::{Error, ErrorCode, Result},
};

/// What a complete secret storage holds.
static SECRETS: [SecretName; 4] = [
    SecretName::CrossSigningMasterKey,
    SecretName::CrossSigningSelfSigningKey,
    SecretName::CrossSigningUserSigningKey,
    SecretName::RecoveryKey,
];

/// Secret storage as the homeserver has it.
#[derive(Debug)]
pub(super) enum Storage {
    /// None was ever made, or it was switched off.
    Absent,
    /// The default key is named but not described, or in a way nobody can use: no key
    /// opens it.
    Broken { key_id: String, why: String },
    /// It opens with a key.
    Present(Box<SecretStorageKeyEventContent>),
}

impl Storage {
    /// The default key's id, if one is named.
    pub fn key_id(&self) -> Option<&str> {
        match self {
            Self::Absent => None,
            Self::Broken { key_id, .. } => Some(key_id),
            Self::Present(content) => Some(&content.key_id),
        }
    }
}

/// Why a text does not open the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NoKey {
    /// No recovery key: characters, length or check digit are wrong.
    Malformed,
    /// A recovery key, but not of this storage.
    Other,
    /// The storage's own description cannot be used.
    Storage(String),
}

#[derive(Deserialize)]
struct EncryptedSecret {
    #[serde(default)]
    encrypted: BTreeMap<String, Value>,
}

/// Tries a key on a description of one.
pub(super) fn open(
    content: &SecretStorageKeyEventContent,
    key: &Secret,
) -> Result<SecretStorageKey, NoKey> {
    SecretStorageKey::from_account_data(key.expose().trim(), content.clone()).map_err(|error| {
        match error {
            DecodeError::Mac(_) => {
                // A passphrase that is wrong fails here, too; a recovery key has a check digit.
                if parses(key) || content.passphrase.is_some() {
                    NoKey::Other
                } else {
                    NoKey::Malformed
                }
            }
            DecodeError::Prefix(..)
            | DecodeError::Parity(..)
            | DecodeError::Base58(_)
            | DecodeError::KeyLength(..) => NoKey::Malformed,
            other => NoKey::Storage(other.to_string()),
        }
    })
}

/// Whether the text is a recovery key at all, of whatever account.
fn parses(key: &Secret) -> bool {
    matrix_sdk_crypto::store::types::BackupDecryptionKey::from_base58(key.expose()).is_ok()
}

impl Crypto<'_> {
    /// Looks secret storage up on the homeserver.
    pub(super) async fn storage(&self) -> Result<Storage> {
        let default = self
            .account_data(GlobalAccountDataEventType::SecretStorageDefaultKey)
            .await?;
        // Switched off is written as an empty content, because account data cannot be deleted.
        let Some(key_id) = default
            .and_then(|raw| {
                raw.deserialize_as_unchecked::<SecretStorageDefaultKeyEventContent>()
                    .ok()
            })
            .map(|content| content.key_id)
        else {
            return Ok(Storage::Absent);
        };
        let why = match self.described(&key_id).await? {
            Ok(content) => return Ok(Storage::Present(Box::new(content))),
            Err(why) => why,
        };
        Ok(Storage::Broken { key_id, why })
    }

    /// The description of a secret storage key, or why there is none.
    pub(super) async fn described(
        &self,
        key_id: &str,
    ) -> Result<Result<SecretStorageKeyEventContent, String>> {
        let kind = GlobalAccountDataEventType::SecretStorageKey(key_id.to_owned());
        let Some(raw) = self.account_data(kind.clone()).await? else {
            return Ok(Err(format!(
                "the homeserver has no description of its key {key_id}"
            )));
        };
        let content = SecretStorageKeyEventContent::from_parts(&kind.to_string(), raw.json());
        Ok(match content {
            Ok(content)
                if matches!(
                    content.algorithm,
                    SecretStorageEncryptionAlgorithm::V1AesHmacSha2(_)
                ) =>
            {
                Ok(content)
            }
            Ok(content) => Err(format!(
                "its key {key_id} has the unknown algorithm {}",
                content.algorithm.algorithm()
            )),
            Err(_) => Err(format!("the description of its key {key_id} is not valid")),
        })
    }

    /// Whether the storage holds a secret for its default key.
    pub(super) async fn holds(&self, key_id: &str, name: &SecretName) -> Result<bool> {
        let raw = self
            .account_data(GlobalAccountDataEventType::from(name.clone()))
            .await?;
        Ok(raw
            .and_then(|raw| raw.deserialize_as_unchecked::<EncryptedSecret>().ok())
            .is_some_and(|secret| secret.encrypted.contains_key(key_id)))
    }

    /// Whether the storage holds everything.
    pub(super) async fn holds_all(&self, key_id: &str) -> Result<bool> {
        for name in &SECRETS {
            if !self.holds(key_id, name).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Ids of all the keys that the master key was ever stored for: former recovery keys
    /// among them.
    pub(super) async fn former_key_ids(&self) -> Result<Vec<String>> {
        let raw = self
            .account_data(GlobalAccountDataEventType::from(
                SecretName::CrossSigningMasterKey,
            ))
            .await?;
        Ok(raw
            .and_then(|raw| raw.deserialize_as_unchecked::<EncryptedSecret>().ok())
            .map(|secret| secret.encrypted.into_keys().collect())
            .unwrap_or_default())
    }

    /// A secret of the storage; `None` if it holds none for this key, or one that the key
    /// does not decrypt.
    pub(super) async fn read_secret(
        &self,
        key: &SecretStorageKey,
        name: &SecretName,
    ) -> Result<Option<Zeroizing<String>>> {
        let raw = self
            .account_data(GlobalAccountDataEventType::from(name.clone()))
            .await?;
        let Some(sealed) = raw
            .and_then(|raw| raw.deserialize_as_unchecked::<EncryptedSecret>().ok())
            .and_then(|mut secret| secret.encrypted.remove(key.key_id()))
            .and_then(|value| serde_json::from_value::<AesHmacSha2EncryptedData>(value).ok())
        else {
            return Ok(None);
        };
        Ok(key
            .decrypt(&sealed, name)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .map(Zeroizing::new))
    }

    /// Puts what we have into the storage, where it is missing or different. What it holds
    /// for other keys stays.
    pub(super) async fn fill(&self, key: &SecretStorageKey) -> Result<()> {
        for (name, secret) in self.secrets().await? {
            let stored = self.read_secret(key, &name).await?;
            if stored.as_deref() != Some(&*secret) {
                tracing::info!(secret = %name, "putting it into secret storage");
                self.write_secret(key, &name, &secret, false).await?;
            }
        }
        Ok(())
    }

    /// Makes a new secret storage with a key of our own. The key is on our disk before the
    /// homeserver hears of it. `before`: the storage it takes the place of. `rotate`: former
    /// keys open nothing any more.
    pub(super) async fn create_storage(
        &self,
        before: &Storage,
        rotate: bool,
    ) -> Result<SecretStorageKey> {
        let key = SecretStorageKey::new();
        self.keep(&key, before.key_id())?;
        fail_point!("crypto::storage::kept");
        self.set_account_data(
            GlobalAccountDataEventType::SecretStorageKey(key.key_id().to_owned()),
            serde_json::to_value(key.event_content()).map_err(cannot_write)?,
        )
        .await?;
        fail_point!("crypto::storage::described");
        // With the secrets before the default key points there: who opens it finds them.
        let secrets = self.secrets().await?;
        for (name, secret) in &secrets {
            self.write_secret(&key, name, secret, false).await?;
        }
        fail_point!("crypto::storage::filled");
        self.set_account_data(
            GlobalAccountDataEventType::SecretStorageDefaultKey,
            json!({ "key": key.key_id() }),
        )
        .await?;
        fail_point!("crypto::storage::made");
        if rotate {
            // Only now: until the new key opens everything, the former one has to.
            let former = self.former_key_ids().await?;
            for (name, secret) in &secrets {
                self.write_secret(&key, name, secret, true).await?;
            }
            for former in former.iter().filter(|former| *former != key.key_id()) {
                self.set_account_data(
                    GlobalAccountDataEventType::SecretStorageKey(former.clone()),
                    json!({}),
                )
                .await?;
            }
        }
        tracing::info!(key = key.key_id(), "made a secret storage");
        Ok(key)
    }

    /// Keeps the key in the account's folder (BKP-4), if it is not there already.
    /// `in_use`: the id of the key that opens secret storage meanwhile.
    pub(super) fn keep(&self, key: &SecretStorageKey, in_use: Option<&str>) -> Result<()> {
        let text = Zeroizing::new(key.to_base58());
        // A file that cannot be read is what this call repairs.
        let known = self.stored_key(Some(key.key_id())).ok().flatten();
        if known.is_some_and(|known| known.key.expose() == text.as_str()) {
            return Ok(());
        }
        let created_at = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as u64);
        self.session.dir.add_recovery_key(
            &self.session.keys,
            self.user_id.as_str(),
            StoredRecoveryKey {
                key: Secret::new(text.as_str()),
                key_id: key.key_id().to_owned(),
                created_at,
            },
            in_use,
        )
    }

    /// The secrets that this device has.
    async fn secrets(&self) -> Result<Vec<(SecretName, Zeroizing<String>)>> {
        let mut secrets = Vec::new();
        if let Some(identity) = self
            .parts
            .store
            .load_identity()
            .await
            .map_err(|e| unreadable(&e))?
        {
            for name in &SECRETS[..3] {
                if let Some(seed) = identity.export_secret(name).await {
                    secrets.push((name.clone(), Zeroizing::new(seed)));
                }
            }
        }
        if let Some(key) = self.backup_keys().await?.decryption_key {
            secrets.push((SecretName::RecoveryKey, Zeroizing::new(key.to_base64())));
        }
        Ok(secrets)
    }

    async fn write_secret(
        &self,
        key: &SecretStorageKey,
        name: &SecretName,
        secret: &str,
        alone: bool,
    ) -> Result<()> {
        let kind = GlobalAccountDataEventType::from(name.clone());
        let mut encrypted = if alone {
            BTreeMap::new()
        } else {
            self.account_data(kind.clone())
                .await?
                .and_then(|raw| raw.deserialize_as_unchecked::<EncryptedSecret>().ok())
                .map(|secret| secret.encrypted)
                .unwrap_or_default()
        };
        let sealed = key.encrypt(secret.as_bytes().to_vec(), name);
        encrypted.insert(
            key.key_id().to_owned(),
            serde_json::to_value(sealed).map_err(cannot_write)?,
        );
        self.set_account_data(kind, json!({ "encrypted": encrypted }))
            .await
    }

    async fn account_data(
        &self,
        kind: GlobalAccountDataEventType,
    ) -> Result<Option<Raw<AnyGlobalAccountDataEventContent>>> {
        Ok(Box::pin(self.client().account().fetch_account_data(kind)).await?)
    }

    pub(super) async fn set_account_data(
        &self,
        kind: GlobalAccountDataEventType,
        content: Value,
    ) -> Result<()> {
        let content = Raw::from_json(to_raw_value(&content).map_err(cannot_write)?);
        Box::pin(self.client().account().set_account_data_raw(kind, content)).await?;
        Ok(())
    }
}

fn cannot_write(error: serde_json::Error) -> Error {
    Error::new(
        ErrorCode::Internal,
        format!("secret storage cannot be written: {error}"),
    )
}
