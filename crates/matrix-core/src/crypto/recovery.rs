//! Getting in with the recovery key: the account's identity and its backup out of secret
//! storage, and our device verified by it (VER-3).

use matrix_sdk::encryption::secret_storage::{ImportError, SecretStorageError};
use matrix_sdk_crypto::{
    secret_storage::SecretStorageKey, store::types::BackupDecryptionKey, types::RoomKeyBackupInfo,
};
use ruma::events::secret::request::SecretName;

use super::{
    Crypto,
    storage::{NoKey, Storage, open},
};
use crate::{
    config::Secret,
    error::{Error, ErrorCode, Result},
};

/// Why a recovery key did not do everything; each has its own sentence and way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The text is no recovery key: mistyped or cut off.
    Malformed,
    /// A recovery key that this account had before; it was replaced.
    FormerKey,
    /// The key of the room-key backup itself, not of the secret storage.
    BackupKey,
    /// A recovery key that was never this account's.
    OtherAccount,
    /// The account has no secret storage that a key could open.
    NoSecretStorage,
    /// The account's secret storage is damaged: no key opens it.
    BrokenSecretStorage,
    /// Secret storage holds the keys of an identity that was replaced since.
    StaleIdentity,
    /// Secret storage does not hold the identity's keys.
    MissingIdentity,
    /// Secret storage holds the key of a backup that was replaced since.
    StaleBackup,
    /// Secret storage does not hold the backup's key.
    MissingBackupKey,
    /// There is no backup on the homeserver.
    NoBackup,
}

impl Refusal {
    /// As it crosses the border.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed-key",
            Self::FormerKey => "former-key",
            Self::BackupKey => "backup-key",
            Self::OtherAccount => "other-account",
            Self::NoSecretStorage => "no-secret-storage",
            Self::BrokenSecretStorage => "broken-secret-storage",
            Self::StaleIdentity => "stale-identity",
            Self::MissingIdentity => "missing-identity",
            Self::StaleBackup => "stale-backup",
            Self::MissingBackupKey => "missing-backup-key",
            Self::NoBackup => "no-backup",
        }
    }

    /// The error it is where nothing less than everything will do.
    pub(super) fn error(self) -> Error {
        let (code, message) = match self {
            Self::Malformed => (
                ErrorCode::RecoveryKeyInvalid,
                "this is no recovery key: characters are missing or mistyped; copy it whole, all \
                 twelve groups",
            ),
            Self::FormerKey => (
                ErrorCode::RecoveryKeyInvalid,
                "this recovery key was this account's and has been replaced; use the newer one",
            ),
            Self::BackupKey => (
                ErrorCode::RecoveryKeyInvalid,
                "this is the key of the room-key backup, not the recovery key of the account's \
                 secret storage; use that one",
            ),
            Self::OtherAccount => (
                ErrorCode::RecoveryKeyInvalid,
                "this recovery key does not open this account's secret storage; it is another \
                 account's, or from before the storage was made anew",
            ),
            Self::NoSecretStorage => (
                ErrorCode::RecoveryKeyInvalid,
                "this account has no secret storage that a recovery key could open; run `openclaw \
                 matrix encryption setup` to make one",
            ),
            Self::BrokenSecretStorage => (
                ErrorCode::RecoveryKeyInvalid,
                "this account's secret storage is damaged and no recovery key opens it; verify \
                 this device from another client with `openclaw matrix verify self`, then run \
                 `openclaw matrix verify bootstrap` to make a new one",
            ),
            Self::StaleIdentity => (
                ErrorCode::NotVerified,
                "the recovery key opens secret storage, but that holds the keys of a former \
                 identity of this account; verify this device from another client with `openclaw \
                 matrix verify self`, or make a new identity with `openclaw matrix verify \
                 bootstrap --force-reset-cross-signing`",
            ),
            Self::MissingIdentity => (
                ErrorCode::NotVerified,
                "the recovery key opens secret storage, but that does not hold the account's \
                 cross-signing keys; verify this device from another client with `openclaw matrix \
                 verify self`, or make a new identity with `openclaw matrix verify bootstrap \
                 --force-reset-cross-signing`",
            ),
            Self::StaleBackup => (
                ErrorCode::BackupUnusable,
                "secret storage holds the key of a former room-key backup, not of the one on the \
                 homeserver; get its key from another client with `openclaw matrix verify self`, \
                 or begin a new backup with `openclaw matrix verify backup reset --yes`",
            ),
            Self::MissingBackupKey => (
                ErrorCode::BackupUnusable,
                "secret storage does not hold the key of the room-key backup; get it from another \
                 client with `openclaw matrix verify self`, or begin a new backup with `openclaw \
                 matrix verify backup reset --yes`",
            ),
            Self::NoBackup => (
                ErrorCode::BackupUnusable,
                "there is no room-key backup on the homeserver; make one with `openclaw matrix \
                 verify bootstrap`",
            ),
        };
        Error::new(code, message)
    }
}

/// What a recovery key achieved.
#[derive(Debug, Clone)]
pub struct Recovered {
    /// It opens the account's secret storage.
    pub recovery_key_accepted: bool,
    /// The backup's key is here, and it is the key of the backup on the homeserver.
    pub backup_usable: bool,
    /// Our device is signed by the account's identity, whose keys are here.
    pub device_owner_verified: bool,
    /// What is missing, most important first.
    pub refusals: Vec<Refusal>,
}

impl Recovered {
    /// The sentence about what is missing.
    pub fn error(&self) -> Option<Error> {
        self.refusals.first().map(|refusal| refusal.error())
    }
}

impl Crypto<'_> {
    /// Opens secret storage with the recovery key (or its passphrase), takes the account's
    /// identity and the backup's key out of it, signs our device, and keeps the key (BKP-4).
    /// A key that does less is no error: see [`Recovered::refusals`].
    ///
    /// # Errors
    /// What the homeserver answered; `store_corrupt`.
    pub async fn recover(&self, key: &Secret) -> Result<Recovered> {
        let _turn = self.parts.turn.lock().await;
        self.settled().await;
        self.refresh().await?;
        match self.unlock(key).await? {
            Ok(key) => self.take_over(&key).await,
            Err(refusal) => Ok(Recovered {
                recovery_key_accepted: false,
                backup_usable: self.backup_usable().await?,
                device_owner_verified: self.verified().await?,
                refusals: vec![refusal],
            }),
        }
    }

    /// [`Self::recover`] with the recovery key that the folder keeps: a device that took the
    /// place of a lost one comes back verified, with its backup, without a person.
    ///
    /// # Errors
    /// `recovery_key_invalid` if none is kept, or none that opens secret storage now; as
    /// [`Self::recover`] otherwise.
    pub async fn recover_with_kept_key(&self) -> Result<Recovered> {
        let _turn = self.parts.turn.lock().await;
        self.settled().await;
        self.refresh().await?;
        let key = self.unlock_with_kept(&self.storage().await?).await?;
        let key = key.ok_or_else(|| {
            Error::new(
                ErrorCode::RecoveryKeyInvalid,
                "this account's folder keeps no recovery key that opens its secret storage; give \
                 it with `openclaw matrix verify device --recovery-key-stdin`",
            )
        })?;
        self.take_over(&key).await
    }

    async fn take_over(&self, key: &SecretStorageKey) -> Result<Recovered> {
        self.keep(key, Some(key.key_id()))?;
        let refusals = self.take_secrets(key).await?;
        let recovered = Recovered {
            recovery_key_accepted: true,
            backup_usable: self.backup_usable().await?,
            device_owner_verified: self.verified().await?,
            refusals,
        };
        tracing::info!(
            backup_usable = recovered.backup_usable,
            device_owner_verified = recovered.device_owner_verified,
            "the recovery key was accepted"
        );
        Ok(recovered)
    }

    /// Our device is verified: signed by an identity that is ours.
    pub(super) async fn verified(&self) -> Result<bool> {
        Ok(self.own_device().await?.is_verified_with_cross_signing())
    }

    /// Opens secret storage, or says why the key does not.
    pub(super) async fn unlock(
        &self,
        key: &Secret,
    ) -> Result<std::result::Result<SecretStorageKey, Refusal>> {
        let content = match self.storage().await? {
            Storage::Absent => return Ok(Err(Refusal::NoSecretStorage)),
            Storage::Broken { why, .. } => {
                tracing::warn!(why, "secret storage is damaged");
                return Ok(Err(Refusal::BrokenSecretStorage));
            }
            Storage::Present(content) => content,
        };
        let refusal = match open(&content, key) {
            Ok(key) => return Ok(Ok(key)),
            Err(NoKey::Malformed) => Refusal::Malformed,
            Err(NoKey::Storage(why)) => {
                tracing::warn!(why, "secret storage is damaged");
                Refusal::BrokenSecretStorage
            }
            Err(NoKey::Other) => {
                if self.is_former(key, &content.key_id).await? {
                    Refusal::FormerKey
                } else if self.is_backup_key(key).await? {
                    Refusal::BackupKey
                } else {
                    Refusal::OtherAccount
                }
            }
        };
        Ok(Err(refusal))
    }

    /// The kept key, if it opens the storage.
    pub(super) async fn unlock_with_kept(
        &self,
        storage: &Storage,
    ) -> Result<Option<SecretStorageKey>> {
        let Storage::Present(content) = storage else {
            return Ok(None);
        };
        let kept = self.stored_key(Some(&content.key_id))?;
        Ok(kept.and_then(|kept| open(content, &kept.key).ok()))
    }

    async fn is_former(&self, key: &Secret, current: &str) -> Result<bool> {
        for id in self.former_key_ids().await? {
            if id != current
                && let Ok(content) = self.described(&id).await?
                && open(&content, key).is_ok()
            {
                return Ok(true);
            }
        }
        // Rotating takes the description away; what we kept ourselves still tells.
        let kept = self
            .session
            .dir
            .recovery_keys(&self.session.keys, self.user_id.as_str())
            .unwrap_or_default();
        let bare = |text: &str| text.split_whitespace().collect::<String>();
        Ok(kept
            .iter()
            .any(|kept| kept.key_id != current && bare(kept.key.expose()) == bare(key.expose())))
    }

    async fn is_backup_key(&self, key: &Secret) -> Result<bool> {
        let Ok(key) = BackupDecryptionKey::from_base58(key.expose()) else {
            return Ok(false);
        };
        let latest = self.latest_backup().await?;
        Ok(latest.is_some_and(|latest| key.backup_key_matches(&latest.info)))
    }

    /// Imports what secret storage holds: the identity's keys, with which our device is
    /// signed, and the backup's.
    pub(super) async fn take_secrets(&self, key: &SecretStorageKey) -> Result<Vec<Refusal>> {
        let mut refusals = Vec::new();
        let store = Box::pin(
            self.client()
                .encryption()
                .secret_storage()
                .open_secret_store(&key.to_base58()),
        )
        .await
        .map_err(sdk_error)?;
        match Box::pin(store.import_secrets()).await {
            Ok(()) => {}
            Err(error) => refusals.push(refusal_of(error)?),
        }
        let here = self.private_keys().await?;
        if here.has_self_signing {
            self.sign_own_device().await?;
        } else if !refusals.contains(&Refusal::StaleIdentity) {
            refusals.push(Refusal::MissingIdentity);
        }
        if !self.backup_usable().await?
            && !refusals.contains(&Refusal::StaleBackup)
            && !refusals.contains(&Refusal::MissingBackupKey)
        {
            refusals.push(match self.latest_backup().await? {
                None => Refusal::NoBackup,
                Some(latest) => self.backup_refusal(key, &latest.info).await?,
            });
        }
        // What keeps the device unverified comes first.
        refusals.sort_by_key(|refusal| {
            !matches!(refusal, Refusal::StaleIdentity | Refusal::MissingIdentity)
        });
        Ok(refusals)
    }

    /// Why the storage's backup key is not of use.
    async fn backup_refusal(
        &self,
        key: &SecretStorageKey,
        info: &RoomKeyBackupInfo,
    ) -> Result<Refusal> {
        let stored = self.read_secret(key, &SecretName::RecoveryKey).await?;
        Ok(
            match stored.and_then(|text| BackupDecryptionKey::from_base64(&text).ok()) {
                Some(stored) if !stored.backup_key_matches(info) => Refusal::StaleBackup,
                // It is right, but the identity's keys before it were not.
                Some(_) => Refusal::StaleIdentity,
                None => Refusal::MissingBackupKey,
            },
        )
    }
}

/// What an import that stopped half-way means; the rest is trouble that may pass.
fn refusal_of(error: SecretStorageError) -> Result<Refusal> {
    match error {
        SecretStorageError::InconsistentBackupDecryptionKey => Ok(Refusal::StaleBackup),
        SecretStorageError::MissingOrInvalidBackupDecryptionKey => Ok(Refusal::MissingBackupKey),
        SecretStorageError::ImportError { error, name } => match error {
            ImportError::MismatchedPublicKeys => Ok(Refusal::StaleIdentity),
            ImportError::Sdk(error) => Err(error.into()),
            _ if name == SecretName::RecoveryKey => Ok(Refusal::MissingBackupKey),
            _ => Ok(Refusal::MissingIdentity),
        },
        other => Err(sdk_error(other)),
    }
}

pub(super) fn sdk_error(error: SecretStorageError) -> Error {
    match error {
        SecretStorageError::Sdk(error) => error.into(),
        other => Error::internal(format!("secret storage: {other}")),
    }
}
