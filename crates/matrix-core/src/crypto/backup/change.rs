//! Connecting to the backup on the homeserver, making one, beginning anew (BKP-3).

use std::time::Duration;

use fail::fail_point;
use matrix_sdk::encryption::recovery::RecoveryError;
use matrix_sdk_crypto::secret_storage::SecretStorageKey;
use ruma::{api::client::backup::delete_backup_version, events::GlobalAccountDataEventType};
use serde_json::json;

use super::super::{
    Crypto, REQUEST,
    recovery::{Refusal, sdk_error},
    storage::Storage,
};
use crate::error::{Error, ErrorCode, Result};

/// How long a new backup's first upload is waited for; it goes on behind that.
const UPLOAD: Duration = Duration::from_secs(30);

/// What [`Crypto::reset_backup`] did.
#[derive(Debug, Clone)]
pub struct BackupReset {
    /// What was on the homeserver.
    pub previous_version: Option<String>,
    /// What was taken off it.
    pub deleted_version: Option<String>,
    /// What is there now.
    pub created_version: String,
    /// There is a new recovery key; the former one opens nothing any more.
    pub recovery_key_created: bool,
}

impl Crypto<'_> {
    /// Connects to the backup on the homeserver, or makes one where there is none. Whether
    /// one was made. `replace`: a backup that nobody here can open is followed by a new one.
    ///
    /// # Errors
    /// `backup_unusable` if there is a backup whose key cannot be found.
    pub(in crate::crypto) async fn ensure_backup(
        &self,
        storage_key: Option<&SecretStorageKey>,
        replace: bool,
    ) -> Result<bool> {
        let backups = self.client().encryption().backups();
        let Some(latest) = self.latest_backup().await? else {
            if backups.are_enabled().await {
                tracing::warn!("the room-key backup was deleted on the homeserver; making another");
                Box::pin(backups.disable_and_delete()).await?;
            }
            Box::pin(self.client().encryption().recovery().enable_backup())
                .await
                .map_err(recovery_error)?;
            tracing::info!("made a room-key backup");
            return Ok(true);
        };
        if self.has_key_of(&latest).await? {
            return Ok(false);
        }
        let mut refusal = Refusal::MissingBackupKey;
        if let Some(key) = storage_key {
            let refusals = self.take_secrets(key).await?;
            if self.backup_usable().await? {
                return Ok(false);
            }
            refusal = refusals.last().copied().unwrap_or(refusal);
        }
        if !replace {
            return Err(refusal.error());
        }
        tracing::warn!(
            version = latest.version,
            "nobody here has the key of the room-key backup; beginning a new one"
        );
        self.begin_backup().await?;
        Ok(true)
    }

    /// Makes a new backup version; what was there stays on the homeserver.
    async fn begin_backup(&self) -> Result<()> {
        // Other clients make no backup of their own accord where it was switched off (MSC4287).
        for (kind, content) in [
            ("m.key_backup", json!({ "enabled": true })),
            (
                "m.org.matrix.custom.backup_disabled",
                json!({ "disabled": false }),
            ),
        ] {
            self.set_account_data(GlobalAccountDataEventType::from(kind), content)
                .await?;
        }
        Box::pin(self.client().encryption().backups().create()).await?;
        Ok(())
    }

    /// Uploads what is not in the backup yet; waits a while for it.
    pub(in crate::crypto) async fn upload_room_keys(&self) {
        let backups = self.client().encryption().backups();
        let upload = Box::pin(std::future::IntoFuture::into_future(
            backups.wait_for_steady_state(),
        ));
        match tokio::time::timeout(UPLOAD, upload).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(?error, "not all room keys are in the backup yet");
            }
            Err(_) => tracing::info!("room keys are still going to the backup"),
        }
    }

    /// Begins a new backup with this device's room keys and takes the former one off the
    /// homeserver: what only that one held is lost. `rotate`: a new recovery key, too; the
    /// former one opens nothing any more.
    ///
    /// # Errors
    /// `recovery_key_invalid` if the new backup's key could not be put into secret storage;
    /// `not_verified` if `rotate` would lose the account's identity; what the homeserver
    /// answered.
    pub async fn reset_backup(&self, rotate: bool) -> Result<BackupReset> {
        let _turn = self.parts.turn.lock().await;
        self.settled().await;
        self.refresh().await?;
        let storage = self.storage().await?;
        let key = self.unlock_with_kept(&storage).await?;
        let published = self.published().await?;
        if rotate && published.any() && !self.private_keys().await?.is_complete() {
            return Err(Error::new(
                ErrorCode::NotVerified,
                "a new recovery key would lock the account's cross-signing keys away, because \
                 they are not here; verify this device first, with `openclaw matrix verify device \
                 --recovery-key-stdin` or `openclaw matrix verify self`",
            ));
        }
        if !rotate && key.is_none() && matches!(storage, Storage::Present(_)) {
            return Err(Error::new(
                ErrorCode::RecoveryKeyInvalid,
                "the new backup's key belongs into secret storage, which cannot be opened from \
                 here; give its recovery key with `openclaw matrix verify device \
                 --recovery-key-stdin`, or add --rotate-recovery-key for a new one",
            ));
        }
        let previous = match self.latest_backup().await {
            Ok(latest) => latest.map(|latest| latest.version),
            Err(error) if error.code == ErrorCode::BackupUnusable => None,
            Err(error) => return Err(error),
        };
        self.begin_backup().await?;
        fail_point!("crypto::backup::begun");
        let recovery_key_created = match (&storage, &key) {
            (Storage::Present(_), Some(key)) if !rotate => {
                self.fill(key).await?;
                false
            }
            _ => {
                self.create_storage(&storage, rotate).await?;
                true
            }
        };
        let created_version = self.backup_keys().await?.backup_version.ok_or_else(|| {
            Error::internal("a room-key backup was made and its version is not here")
        })?;
        fail_point!("crypto::backup::entrusted");
        // The new one stands: only now the former may go.
        let mut deleted_version = None;
        if let Some(version) = previous.clone() {
            let request = delete_backup_version::v3::Request::new(version.clone());
            match self.session.rest.send(request, REQUEST).await {
                Ok(_) => deleted_version = Some(version),
                Err(error) => {
                    tracing::warn!(version, %error, "the former backup could not be deleted");
                }
            }
        }
        self.upload_room_keys().await;
        tracing::info!(version = created_version, "began a new room-key backup");
        Ok(BackupReset {
            previous_version: previous,
            deleted_version,
            created_version,
            recovery_key_created,
        })
    }
}

fn recovery_error(error: RecoveryError) -> Error {
    match error {
        RecoveryError::Sdk(error) => error.into(),
        RecoveryError::SecretStorage(error) => sdk_error(error),
        RecoveryError::BackupExistsOnServer => Error::new(
            ErrorCode::BackupUnusable,
            "another client made a room-key backup at the same moment; run this again",
        ),
    }
}
