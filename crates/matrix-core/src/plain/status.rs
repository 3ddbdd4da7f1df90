//! What can be said of the device without its keys.

use ruma::api::client::{backup::get_latest_backup_info, device::get_device, keys::get_keys};

use super::{PlainEngine, REQUEST_TIMEOUT};
use crate::{
    crypto::{BackupStatus, EncryptionStatus},
    error::{Error, ErrorCode, Result},
};

impl PlainEngine {
    /// See [`crate::engine::Engine::encryption_status`]. Only reads.
    pub(super) async fn status(&self) -> Result<EncryptionStatus> {
        let device = get_device::v3::Request::new(self.own_device.as_str().into());
        let mut keys = get_keys::v3::Request::new();
        keys.device_keys
            .insert(self.own_user.clone(), vec![self.own_device.as_str().into()]);
        let backup = get_latest_backup_info::v3::Request::new();
        let (device, keys, backup) = tokio::join!(
            self.rest.send(device, REQUEST_TIMEOUT),
            self.rest.send(keys, REQUEST_TIMEOUT),
            self.rest.send(backup, REQUEST_TIMEOUT),
        );
        let keys = keys.ok();
        let published = |of: fn(&get_keys::v3::Response) -> Vec<&ruma::OwnedUserId>| {
            keys.as_ref()
                .is_some_and(|keys| of(keys).contains(&&self.own_user))
        };
        Ok(EncryptionStatus {
            encryption_enabled: false,
            user_id: self.own_user.to_string(),
            device_id: self.own_device.clone(),
            server_device_known: match device {
                Ok(_) => Some(true),
                Err(error) if is_missing(&error) || error.is_logged_out() => Some(false),
                Err(_) => None,
            },
            backup: BackupStatus {
                server_answered: match &backup {
                    Ok(_) => true,
                    Err(error) => is_missing(error),
                },
                server_version: backup.ok().map(|backup| backup.version),
                ..BackupStatus::default()
            },
            master_key_published: published(|keys| keys.master_keys.keys().collect()),
            self_signing_key_published: published(|keys| keys.self_signing_keys.keys().collect()),
            user_signing_key_published: published(|keys| keys.user_signing_keys.keys().collect()),
            ..EncryptionStatus::default()
        })
    }
}

/// Nothing of the other client's encryption is touched (AUT-11).
pub(super) fn not_ours(device: &str) -> Error {
    Error::new(
        ErrorCode::DeviceInUse,
        format!(
            "`accessToken` belongs to device {device}, which another client encrypts with; its \
             encryption is left alone. To have encryption here, give the account a device of its \
             own with `openclaw matrix devices renew --password-stdin`, or use the token of a \
             login made for this account alone"
        ),
    )
}

/// Only the homeserver's own word counts, not some proxy's 404.
pub(super) fn is_missing(error: &Error) -> bool {
    error.errcode.as_deref() == Some("M_NOT_FOUND")
}
