//! The state of encryption, and what sets it up.

use matrix_core::{Secret, crypto as core};
use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use crate::{
    account::Account,
    mirror::{Cross, mirror_object},
};

/// The room-key backup; documented at `BackupStatus` in encryption.ts.
#[napi(object, object_from_js = false)]
#[allow(missing_docs)]
pub struct BackupStatus {
    pub server_version: Option<String>,
    pub active_version: Option<String>,
    pub trusted: Option<bool>,
    pub matches_decryption_key: Option<bool>,
    pub decryption_key_cached: Option<bool>,
    pub key_load_attempted: bool,
    pub key_load_error: Option<String>,
    /// What a person has to do about it.
    #[napi(
        ts_type = "'ok' | 'missing-server-backup' | 'key-load-failed' | 'key-not-loaded' | 'key-mismatch' | 'untrusted-signature' | 'inactive' | 'indeterminate'"
    )]
    pub issue: String,
}

impl Cross for core::BackupStatus {
    type Js = BackupStatus;
    fn cross(self) -> BackupStatus {
        let issue = self.issue().as_str().to_owned();
        let Self {
            server_version,
            // `issue` says what it means.
            server_answered: _,
            active_version,
            trusted,
            matches_decryption_key,
            decryption_key_cached,
            key_load_attempted,
            key_load_error,
        } = self;
        BackupStatus {
            server_version,
            active_version,
            trusted,
            matches_decryption_key,
            decryption_key_cached,
            key_load_attempted,
            key_load_error,
            issue,
        }
    }
}

mirror_object! {
    /// What setting up changed; nothing, when all was there.
    Bootstrapped from core::Bootstrapped {
        /// The account had no identity and has one now.
        identity_created: [bool],
        /// The account's identity was replaced.
        identity_replaced: [bool],
        /// Our device was not signed and is now.
        device_signed: [bool],
        /// There is a new secret storage, and with it a new recovery key.
        recovery_key_created: [bool],
        /// There is a new backup.
        backup_created: [bool],
    }
}

mirror_object! {
    /// Room keys out of the backup.
    Restored from core::Restored {
        /// The backup's version.
        version: [String],
        /// Room keys of the backup that are in the store now.
        imported: [u32],
        /// Room keys in the backup.
        total: [u32],
        /// The backup's key was loaded from secret storage for this.
        loaded_from_secret_storage: [bool],
    }
}

mirror_object! {
    /// A backup begun anew.
    BackupReset from core::BackupReset {
        /// What was on the homeserver.
        previous_version: [Option<String>],
        /// What was taken off it.
        deleted_version: [Option<String>],
        /// What is there now.
        created_version: [String],
        /// There is a new recovery key; the former one opens nothing any more.
        recovery_key_created: [bool],
    }
}

/// What a recovery key achieved.
#[napi(object, object_from_js = false)]
pub struct Recovered {
    /// It opens the account's secret storage.
    pub recovery_key_accepted: bool,
    /// The key of the backup on the homeserver is here.
    pub backup_usable: bool,
    /// Our device is signed by the account's identity, whose keys are here.
    pub device_owner_verified: bool,
    /// What is missing, most important first.
    #[napi(
        ts_type = "Array<'malformed-key' | 'former-key' | 'backup-key' | 'other-account' | 'no-secret-storage' | 'broken-secret-storage' | 'stale-identity' | 'missing-identity' | 'stale-backup' | 'missing-backup-key' | 'no-backup'>"
    )]
    pub refusals: Vec<String>,
    /// The sentence about it, with the way out.
    pub error: Option<String>,
}

impl Cross for core::Recovered {
    type Js = Recovered;
    fn cross(self) -> Recovered {
        Recovered {
            error: self.error().map(|error| error.message),
            recovery_key_accepted: self.recovery_key_accepted,
            backup_usable: self.backup_usable,
            device_owner_verified: self.device_owner_verified,
            refusals: self
                .refusals
                .iter()
                .map(|refusal| refusal.as_str().to_owned())
                .collect(),
        }
    }
}

/// How to set encryption up.
#[napi(object, object_to_js = false)]
pub struct BootstrapOptions {
    /// Opens the account's secret storage; otherwise the kept one is tried.
    pub recovery_key: Option<String>,
    /// Make a new identity even though there is one.
    pub force_reset_cross_signing: bool,
}

#[napi]
impl Account {
    /// The recovery key that the account's folder keeps; `null` without one.
    #[napi(catch_unwind)]
    pub fn recovery_key<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        self.call(env, |account| async move {
            let encryption = account.encryption().await?;
            let key = Box::pin(encryption.recovery_key()).await?;
            Ok(key.map(|key| key.expose().to_owned()))
        })
    }

    /// Makes what is missing of the account's encryption, and takes over what is there.
    #[napi(catch_unwind)]
    pub fn bootstrap_encryption<'env>(
        &self,
        env: &'env Env,
        options: BootstrapOptions,
    ) -> napi::Result<PromiseRaw<'env, Bootstrapped>> {
        let options = core::Bootstrap {
            recovery_key: options.recovery_key.map(Secret::new),
            force_reset_cross_signing: options.force_reset_cross_signing,
        };
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            Ok(Box::pin(encryption.bootstrap(&options)).await?.cross())
        })
    }

    /// Verifies this device with the recovery key, or the one that the account's folder
    /// keeps, and connects it to the backup.
    #[napi(catch_unwind)]
    pub fn recover<'env>(
        &self,
        env: &'env Env,
        recovery_key: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, Recovered>> {
        let key = recovery_key.map(Secret::new);
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            let recovered = match &key {
                Some(key) => Box::pin(encryption.recover(key)).await?,
                None => Box::pin(encryption.recover_with_kept_key()).await?,
            };
            Ok(recovered.cross())
        })
    }

    /// Downloads all room keys of the backup.
    #[napi(catch_unwind)]
    pub fn restore_backup<'env>(
        &self,
        env: &'env Env,
        recovery_key: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, Restored>> {
        let key = recovery_key.map(Secret::new);
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            Ok(Box::pin(encryption.restore_backup(key.as_ref()))
                .await?
                .cross())
        })
    }

    /// Begins a new backup and takes the former one off the homeserver.
    #[napi(catch_unwind)]
    pub fn reset_backup<'env>(
        &self,
        env: &'env Env,
        rotate_recovery_key: bool,
    ) -> napi::Result<PromiseRaw<'env, BackupReset>> {
        self.call(env, move |account| async move {
            let encryption = account.encryption_to_change().await?;
            Ok(Box::pin(encryption.reset_backup(rotate_recovery_key))
                .await?
                .cross())
        })
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
    /// All private cross-signing keys are here.
    pub private_keys_here: bool,
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
            private_keys_here,
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
            private_keys_here,
        }
    }
}
