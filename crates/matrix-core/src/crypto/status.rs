//! [`EncryptionStatus`] of a device of our own.

use std::time::Duration;

use matrix_sdk::Client;
use ruma::api::client::{backup::get_latest_backup_info, device::get_device, keys::get_keys};

use super::{BackupStatus, EncryptionStatus};
use crate::{
    error::{Error, ErrorCode, Result},
    rest::Rest,
};

const REQUEST: Duration = Duration::from_secs(15);

/// Reads the stores and asks the homeserver; what it does not answer stays unknown.
pub(crate) async fn status(
    client: &Client,
    rest: &Rest,
    encryption_enabled: bool,
) -> Result<EncryptionStatus> {
    let meta = client
        .session_meta()
        .ok_or_else(|| Error::internal("a client without a session"))?;
    let (user_id, device_id) = (meta.user_id.clone(), meta.device_id.clone());
    let encryption = client.encryption();
    let device = encryption.get_own_device().await.map_err(|e| {
        Error::new(
            ErrorCode::StoreCorrupt,
            format!("the encryption store cannot be read: {e}"),
        )
    })?;

    let mut keys = get_keys::v3::Request::new();
    keys.device_keys
        .insert(user_id.clone(), vec![device_id.clone()]);
    let storage = encryption.secret_storage();
    let (known, keys, backup, key_id) = tokio::join!(
        rest.send(get_device::v3::Request::new(device_id.clone()), REQUEST),
        rest.send(keys, REQUEST),
        rest.send(get_latest_backup_info::v3::Request::new(), REQUEST),
        tokio::time::timeout(REQUEST, Box::pin(storage.fetch_default_key_id())),
    );
    let keys = keys.ok();
    let server_version = backup.ok().map(|backup| backup.version);
    let active = encryption.backups().are_enabled().await;
    Ok(EncryptionStatus {
        encryption_enabled,
        user_id: user_id.to_string(),
        device_id: device_id.to_string(),
        local_verified: device.as_ref().is_some_and(|d| d.is_locally_trusted()),
        cross_signing_verified: device
            .as_ref()
            .is_some_and(|d| d.is_verified_with_cross_signing()),
        signed_by_owner: device
            .as_ref()
            .is_some_and(|d| d.is_cross_signed_by_owner()),
        recovery_key_stored: false,
        recovery_key_created_at: None,
        recovery_key_id: key_id
            .ok()
            .and_then(Result::ok)
            .flatten()
            .and_then(|raw| raw.deserialize().ok())
            .map(|content| content.key_id),
        backup: BackupStatus {
            active_version: active.then(|| server_version.clone()).flatten(),
            server_version,
            ..BackupStatus::default()
        },
        server_device_known: match known {
            Ok(_) => Some(true),
            // Only the homeserver's own word counts, not some proxy's 404.
            Err(e) if e.errcode.as_deref() == Some("M_NOT_FOUND") => Some(false),
            Err(_) => None,
        },
        pending_verifications: 0,
        master_key_published: keys
            .as_ref()
            .is_some_and(|keys| keys.master_keys.contains_key(&user_id)),
        self_signing_key_published: keys
            .as_ref()
            .is_some_and(|keys| keys.self_signing_keys.contains_key(&user_id)),
        user_signing_key_published: keys
            .as_ref()
            .is_some_and(|keys| keys.user_signing_keys.contains_key(&user_id)),
    })
}
