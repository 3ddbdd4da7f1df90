//! Encryption: what can be said of our device.

mod status;

pub(crate) use status::status;

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
    pub recovery_key_stored: bool,
    pub recovery_key_created_at: Option<u64>,
    pub recovery_key_id: Option<String>,
    pub backup: BackupStatus,
    pub server_device_known: Option<bool>,
    pub pending_verifications: u32,
    pub master_key_published: bool,
    pub self_signing_key_published: bool,
    pub user_signing_key_published: bool,
}

/// The room-key backup.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct BackupStatus {
    pub server_version: Option<String>,
    pub active_version: Option<String>,
    pub trusted: Option<bool>,
    pub matches_decryption_key: Option<bool>,
    pub decryption_key_cached: Option<bool>,
    pub key_load_attempted: bool,
    pub key_load_error: Option<String>,
}
