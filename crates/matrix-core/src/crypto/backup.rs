//! The room-key backup: what is known of it; [`change`] connects to it and begins anew.

mod change;

use matrix_sdk_crypto::{
    store::types::BackupDecryptionKey,
    types::RoomKeyBackupInfo,
    vodozemac::{Ed25519PublicKey, Ed25519Signature},
};
use ruma::{
    CanonicalJsonValue, DeviceKeyAlgorithm, api::client::backup::get_latest_backup_info,
    events::secret::request::SecretName,
};
use serde_json::Value;

pub use self::change::BackupReset;
use super::{Crypto, REQUEST, storage::Storage};
use crate::error::{Error, ErrorCode, Result};

/// The room-key backup.
#[derive(Debug, Clone, Default)]
pub struct BackupStatus {
    /// The version on the homeserver; `None` if there is none or it did not answer.
    pub server_version: Option<String>,
    /// The homeserver answered.
    pub server_answered: bool,
    /// The version that keys go to.
    pub active_version: Option<String>,
    /// Signed by our device, by the identity if that is ours, or by a verified device; or a
    /// verified device of ours has its key.
    pub trusted: Option<bool>,
    /// The key that is here opens the backup on the homeserver.
    pub matches_decryption_key: Option<bool>,
    /// A backup key is here.
    pub decryption_key_cached: Option<bool>,
    /// The key was looked for in secret storage, with the kept recovery key.
    pub key_load_attempted: bool,
    /// Why it was not found there.
    pub key_load_error: Option<String>,
}

/// What a person has to do about the backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupIssue {
    /// Nothing.
    Ok,
    /// There is no backup on the homeserver.
    MissingServerBackup,
    /// Its key could not be loaded from secret storage.
    KeyLoadFailed,
    /// Its key has not been loaded.
    KeyNotLoaded,
    /// The key that is here is another backup's.
    KeyMismatch,
    /// Nobody we trust has signed it.
    UntrustedSignature,
    /// No keys go to it.
    Inactive,
    /// It cannot be told now.
    Indeterminate,
}

impl BackupIssue {
    /// As it crosses the border.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::MissingServerBackup => "missing-server-backup",
            Self::KeyLoadFailed => "key-load-failed",
            Self::KeyNotLoaded => "key-not-loaded",
            Self::KeyMismatch => "key-mismatch",
            Self::UntrustedSignature => "untrusted-signature",
            Self::Inactive => "inactive",
            Self::Indeterminate => "indeterminate",
        }
    }
}

impl BackupStatus {
    /// The first thing that is wrong.
    pub fn issue(&self) -> BackupIssue {
        if !self.server_answered {
            return BackupIssue::Indeterminate;
        }
        if self.server_version.is_none() {
            return BackupIssue::MissingServerBackup;
        }
        if self.decryption_key_cached == Some(false) {
            return if self.key_load_error.is_some() {
                BackupIssue::KeyLoadFailed
            } else {
                BackupIssue::KeyNotLoaded
            };
        }
        match (self.matches_decryption_key, self.trusted) {
            (Some(false), _) => BackupIssue::KeyMismatch,
            (_, Some(false)) => BackupIssue::UntrustedSignature,
            (None, _) | (_, None) => BackupIssue::Indeterminate,
            _ if self.active_version.is_none() => BackupIssue::Inactive,
            _ => BackupIssue::Ok,
        }
    }
}

/// The newest backup on the homeserver.
pub(super) struct Latest {
    pub version: String,
    pub info: RoomKeyBackupInfo,
    auth_data: Value,
}

impl Crypto<'_> {
    /// The newest backup; `None` if there is none.
    pub(super) async fn latest_backup(&self) -> Result<Option<Latest>> {
        let request = get_latest_backup_info::v3::Request::new();
        let answer = match self.session.rest.send(request, REQUEST).await {
            Ok(answer) => answer,
            // Only the homeserver's own word counts, not some proxy's 404.
            Err(error) if error.errcode.as_deref() == Some("M_NOT_FOUND") => return Ok(None),
            Err(error) => return Err(error),
        };
        let invalid = |error: &dyn std::fmt::Display| {
            Error::new(
                ErrorCode::BackupUnusable,
                format!("the room-key backup on the homeserver is not valid: {error}"),
            )
        };
        let mut json: Value = answer
            .algorithm
            .deserialize_as_unchecked()
            .map_err(|e| invalid(&e))?;
        Ok(Some(Latest {
            version: answer.version,
            info: serde_json::from_value(json.clone()).map_err(|e| invalid(&e))?,
            auth_data: json["auth_data"].take(),
        }))
    }

    /// The key of the backup on the homeserver is here.
    pub(super) async fn backup_usable(&self) -> Result<bool> {
        let Some(latest) = self.latest_backup().await? else {
            return Ok(false);
        };
        self.has_key_of(&latest).await
    }

    async fn has_key_of(&self, latest: &Latest) -> Result<bool> {
        let keys = self.backup_keys().await?;
        Ok(keys.backup_version.as_ref() == Some(&latest.version)
            && keys
                .decryption_key
                .is_some_and(|key| key.backup_key_matches(&latest.info))
            && self.client().encryption().backups().are_enabled().await)
    }

    /// See [`BackupStatus`].
    pub(super) async fn backup_status(&self, storage: Option<&Storage>) -> Result<BackupStatus> {
        let keys = self.backup_keys().await?;
        let active = self.client().encryption().backups().are_enabled().await;
        let mut status = BackupStatus {
            active_version: keys.backup_version.filter(|_| active),
            decryption_key_cached: Some(keys.decryption_key.is_some()),
            ..BackupStatus::default()
        };
        let latest = match self.latest_backup().await {
            Ok(latest) => latest,
            Err(error) if error.code == ErrorCode::BackupUnusable => {
                status.key_load_error = Some(error.message);
                return Ok(status);
            }
            Err(_) => return Ok(status),
        };
        status.server_answered = true;
        let Some(latest) = latest else {
            return Ok(status);
        };
        status.matches_decryption_key = keys
            .decryption_key
            .map(|key| key.backup_key_matches(&latest.info));
        // A verified device's key for it came from a trusted place: that is as good as a
        // signature (client-server API, server-side key backups).
        let proven = status.matches_decryption_key == Some(true) && self.verified().await?;
        status.trusted = Some(proven || self.trusts(&latest).await?);
        status.server_version = Some(latest.version);
        if status.matches_decryption_key != Some(true)
            && let Some(storage) = storage
            && let Some(key) = self.unlock_with_kept(storage).await?
        {
            status.key_load_attempted = true;
            let stored = self.read_secret(&key, &SecretName::RecoveryKey).await?;
            let stored = stored.and_then(|text| BackupDecryptionKey::from_base64(&text).ok());
            status.key_load_error = match stored {
                None => Some("secret storage does not hold the backup's key".to_owned()),
                Some(stored) if !stored.backup_key_matches(&latest.info) => {
                    Some("secret storage holds the key of another backup".to_owned())
                }
                Some(_) => None,
            };
        }
        Ok(status)
    }

    /// Somebody we trust has signed the backup's public key.
    async fn trusts(&self, latest: &Latest) -> Result<bool> {
        let Value::Object(auth_data) = &latest.auth_data else {
            return Ok(false);
        };
        let signatures = auth_data
            .get("signatures")
            .and_then(|signatures| signatures.get(self.user_id.as_str()));
        let Some(signatures) = signatures.and_then(Value::as_object) else {
            return Ok(false);
        };
        let mut signed = auth_data.clone();
        signed.remove("signatures");
        signed.remove("unsigned");
        let Ok(signed) = CanonicalJsonValue::try_from(Value::Object(signed)) else {
            return Ok(false);
        };
        let signed = signed.to_string();
        let encryption = self.client().encryption();
        let mut trusted: Vec<(String, Ed25519PublicKey)> = Vec::new();
        let identity = encryption
            .get_user_identity(&self.user_id)
            .await
            .map_err(|e| super::unreadable(&e))?;
        if let Some(key) = identity
            .filter(|identity| identity.is_verified())
            .and_then(|identity| identity.master_key().get_first_key())
        {
            trusted.push((key.to_base64(), key));
        }
        let own = &self.session.device_id;
        let devices = Box::pin(encryption.get_user_devices(&self.user_id)).await?;
        for device in devices.devices() {
            if let Some(key) = device.ed25519_key()
                && (device.device_id().as_str() == own.as_str()
                    || device.is_verified_with_cross_signing())
            {
                trusted.push((device.device_id().to_string(), key));
            }
        }
        Ok(trusted.iter().any(|(id, key)| {
            signatures
                .get(&format!("{}:{id}", DeviceKeyAlgorithm::Ed25519))
                .and_then(Value::as_str)
                .and_then(|text| Ed25519Signature::from_base64(text).ok())
                .is_some_and(|signature| key.verify(signed.as_bytes(), &signature).is_ok())
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn healthy() -> BackupStatus {
        BackupStatus {
            server_version: Some("3".to_owned()),
            server_answered: true,
            active_version: Some("3".to_owned()),
            trusted: Some(true),
            matches_decryption_key: Some(true),
            decryption_key_cached: Some(true),
            key_load_attempted: false,
            key_load_error: None,
        }
    }

    #[test]
    fn bkp_1_every_issue_has_its_state() {
        let with = |change: fn(&mut BackupStatus)| {
            let mut status = healthy();
            change(&mut status);
            status.issue()
        };
        assert_eq!(with(|_| {}), BackupIssue::Ok);
        assert_eq!(
            with(|status| status.server_version = None),
            BackupIssue::MissingServerBackup
        );
        assert_eq!(
            with(|status| status.server_answered = false),
            BackupIssue::Indeterminate
        );
        assert_eq!(
            with(|status| status.decryption_key_cached = Some(false)),
            BackupIssue::KeyNotLoaded
        );
        assert_eq!(
            with(|status| {
                status.decryption_key_cached = Some(false);
                status.key_load_error = Some("no".to_owned());
            }),
            BackupIssue::KeyLoadFailed
        );
        assert_eq!(
            with(|status| status.matches_decryption_key = Some(false)),
            BackupIssue::KeyMismatch
        );
        assert_eq!(
            with(|status| status.trusted = Some(false)),
            BackupIssue::UntrustedSignature
        );
        assert_eq!(
            with(|status| status.active_version = None),
            BackupIssue::Inactive
        );
        assert_eq!(
            with(|status| status.trusted = None),
            BackupIssue::Indeterminate
        );
    }
}
