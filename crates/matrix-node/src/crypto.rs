//! The state of encryption.

use matrix_core::crypto as core;
use napi_derive::napi;

use crate::mirror::{Cross, mirror_object};

mirror_object! {
    /// The room-key backup.
    BackupStatus from core::BackupStatus {
        server_version: [Option<String>],
        active_version: [Option<String>],
        trusted: [Option<bool>],
        matches_decryption_key: [Option<bool>],
        decryption_key_cached: [Option<bool>],
        key_load_attempted: [bool],
        key_load_error: [Option<String>],
    }
}

/// Which cross-signing keys the homeserver has.
#[napi(object, object_from_js = false)]
pub struct CrossSigningKeys {
    /// The identity itself.
    pub master_key_published: bool,
    /// Signs our devices.
    pub self_signing_key_published: bool,
    /// Signs other users.
    pub user_signing_key_published: bool,
}

/// Device trust, cross-signing and backup; documented at `EncryptionStatus` in account.ts.
#[napi(object, object_from_js = false)]
#[allow(missing_docs)]
pub struct EncryptionStatus {
    pub encryption_enabled: bool,
    pub user_id: String,
    pub device_id: String,
    /// Cross-signing alone decides.
    pub verified: bool,
    pub local_verified: bool,
    pub cross_signing_verified: bool,
    pub signed_by_owner: bool,
    pub recovery_key_stored: bool,
    pub recovery_key_created_at: Option<i64>,
    pub recovery_key_id: Option<String>,
    pub backup_version: Option<String>,
    pub backup: BackupStatus,
    pub server_device_known: Option<bool>,
    pub pending_verifications: u32,
    pub cross_signing: CrossSigningKeys,
}

impl Cross for core::EncryptionStatus {
    type Js = EncryptionStatus;
    fn cross(self) -> EncryptionStatus {
        let Self {
            encryption_enabled,
            user_id,
            device_id,
            local_verified,
            cross_signing_verified,
            signed_by_owner,
            recovery_key_stored,
            recovery_key_created_at,
            recovery_key_id,
            backup,
            server_device_known,
            pending_verifications,
            master_key_published,
            self_signing_key_published,
            user_signing_key_published,
        } = self;
        EncryptionStatus {
            encryption_enabled,
            user_id,
            device_id,
            verified: cross_signing_verified,
            local_verified,
            cross_signing_verified,
            signed_by_owner,
            recovery_key_stored,
            recovery_key_created_at: recovery_key_created_at.cross(),
            recovery_key_id,
            backup_version: backup
                .active_version
                .clone()
                .or_else(|| backup.server_version.clone()),
            backup: backup.cross(),
            server_device_known,
            pending_verifications,
            cross_signing: CrossSigningKeys {
                master_key_published,
                self_signing_key_published,
                user_signing_key_published,
            },
        }
    }
}
