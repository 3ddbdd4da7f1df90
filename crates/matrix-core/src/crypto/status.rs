//! [`EncryptionStatus`] of a device of our own.

use std::{future::Future, time::Duration};

use ruma::api::client::device::get_device;
use tokio::time::timeout;

use super::{BackupStatus, Crypto, REQUEST};
use crate::error::{Error, ErrorCode, Result};

/// For each look at the homeserver: a status is wanted most when something hangs.
const LOOK: Duration = Duration::from_secs(8);

/// Cross-signing, backup and device state; fields are documented in `ts/native/account.ts`.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct EncryptionStatus {
    pub encryption_enabled: bool,
    pub user_id: String,
    pub device_id: String,
    pub local_verified: bool,
    /// The only signal that makes a device verified.
    pub cross_signing_verified: bool,
    pub signed_by_owner: bool,
    /// The recovery key of the account's secret storage is kept in the account's folder.
    pub recovery_key_stored: bool,
    pub recovery_key_created_at: Option<u64>,
    /// The secret storage's default key.
    pub recovery_key_id: Option<String>,
    pub backup: BackupStatus,
    pub server_device_known: Option<bool>,
    pub pending_verifications: u32,
    pub master_key_published: bool,
    pub self_signing_key_published: bool,
    pub user_signing_key_published: bool,
    /// All private cross-signing keys are here.
    pub private_keys_here: bool,
}

impl Crypto<'_> {
    /// Reads the stores and asks the homeserver; what it does not answer stays unknown.
    ///
    /// # Errors
    /// `store_corrupt` if the encryption store cannot be read.
    pub async fn status(&self) -> Result<EncryptionStatus> {
        let _ = timeout(LOOK, self.settled()).await;
        let known = get_device::v3::Request::new(self.session.device_id.clone());
        let (refreshed, known, published, storage) = tokio::join!(
            // With the signatures that others made since the last sync.
            look(self.refresh()),
            look(self.session.rest.send(known, REQUEST)),
            look(self.published()),
            look(self.storage()),
        );
        if let Err(error) = refreshed {
            tracing::debug!(%error, "our own keys could not be fetched");
        }
        let device = self.own_device().await?;
        let published = published.unwrap_or_default();
        let storage = storage.ok();
        let key_id = storage.as_ref().and_then(|storage| storage.key_id());
        let kept = self.stored_key(key_id).unwrap_or_else(|error| {
            tracing::warn!(%error, "the kept recovery key");
            None
        });
        Ok(EncryptionStatus {
            encryption_enabled: self.encryption,
            user_id: self.user_id.to_string(),
            device_id: self.session.device_id.to_string(),
            local_verified: device.is_locally_trusted(),
            cross_signing_verified: device.is_verified_with_cross_signing(),
            signed_by_owner: device.is_cross_signed_by_owner(),
            recovery_key_stored: kept.is_some(),
            recovery_key_created_at: kept.map(|kept| kept.created_at),
            recovery_key_id: key_id.map(ToOwned::to_owned),
            backup: Box::pin(look(self.backup_status(storage.as_ref())))
                .await
                .unwrap_or_else(|error| BackupStatus {
                    key_load_error: Some(error.message),
                    ..BackupStatus::default()
                }),
            server_device_known: match known {
                Ok(_) => Some(true),
                // Only the homeserver's own word counts, not some proxy's 404.
                Err(e) if e.errcode.as_deref() == Some("M_NOT_FOUND") => Some(false),
                // The device goes with its last token, and without one nobody can ask.
                Err(e) if e.is_logged_out() => Some(false),
                Err(_) => None,
            },
            pending_verifications: self.verifications.pending(),
            master_key_published: published.master,
            self_signing_key_published: published.self_signing,
            user_signing_key_published: published.user_signing,
            private_keys_here: self.private_keys().await?.is_complete(),
        })
    }
}

async fn look<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(LOOK, work).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorCode::Timeout,
            "the homeserver did not answer in time",
        ))
    })
}
