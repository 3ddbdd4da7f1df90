//! Encryption: what can be said of our device, and what sets it up once.
//!
//! [`Crypto`] is the one handle. Its operations are idempotent and run one at a time: each
//! looks at what the homeserver and the stores have now, does the next missing step, and
//! can be run again after any of them failed. The order of the steps keeps a crash in
//! between harmless: a secret is on our disk before the homeserver knows its public half.

mod backup;
mod bootstrap;
mod identity;
mod recovery;
mod restore;
mod status;
mod storage;
mod verification;

use std::time::Duration;

use matrix_sdk::{Client, SqliteCryptoStore, encryption::identities::Device};
use matrix_sdk_crypto::{
    OlmMachine,
    store::{CryptoStore, types::BackupKeys},
};
use ruma::{OwnedUserId, UserId};
use tokio::sync::{Mutex, OnceCell, RwLockReadGuard};

pub(crate) use self::verification::{StoredNotes, Verifications, Worker};
pub use self::{
    backup::{BackupIssue, BackupReset, BackupStatus},
    bootstrap::{Bootstrap, Bootstrapped},
    recovery::{Recovered, Refusal},
    restore::Restored,
    status::EncryptionStatus,
    verification::{
        Cancellation, NewVerification, QrCode, ShortAuthString, StartupAsked, Verification,
        VerificationPhase, VerificationRef, VerificationTarget, VerificationsNow,
    },
};
use crate::{
    dir::StoredRecoveryKey,
    error::{Error, ErrorCode, Result},
    session::Session,
};

/// For each request.
const REQUEST: Duration = Duration::from_secs(30);
/// What the SDK looks up after a start: secret storage and backup.
const SETTLING: Duration = Duration::from_secs(30);

/// What [`Crypto`] needs of an engine that encrypts; made with its client.
#[derive(Debug)]
pub(crate) struct CryptoParts {
    pub client: Client,
    /// The client's own store, for reading what the SDK does not tell: the backup's key
    /// and version, and the private cross-signing keys.
    pub store: SqliteCryptoStore,
    /// The client's own, for what it does not offer: verifications.
    pub machine: OlmMachine,
    /// The SDK's first look at secret storage and backup is over.
    settled: OnceCell<()>,
    /// One operation at a time.
    turn: Mutex<()>,
}

impl CryptoParts {
    pub fn new(client: Client, store: SqliteCryptoStore, machine: OlmMachine) -> Self {
        Self {
            client,
            store,
            machine,
            settled: OnceCell::new(),
            turn: Mutex::new(()),
        }
    }
}

/// The encryption of an open account. Holds the account's client: let go of it soon.
pub struct Crypto<'a> {
    parts: RwLockReadGuard<'a, CryptoParts>,
    session: &'a Session,
    verifications: &'a Verifications,
    encryption: bool,
    user_id: OwnedUserId,
}

impl<'a> Crypto<'a> {
    pub(crate) fn new(
        parts: RwLockReadGuard<'a, CryptoParts>,
        session: &'a Session,
        verifications: &'a Verifications,
        encryption: bool,
    ) -> Self {
        Self {
            user_id: session.user_id.clone(),
            parts,
            session,
            verifications,
            encryption,
        }
    }

    /// The recovery key of the account's secret storage, if this account's folder keeps it
    /// (BKP-4), in the form people know.
    ///
    /// # Errors
    /// `store_corrupt` if it is there and cannot be read; what the homeserver answered.
    pub async fn recovery_key(&self) -> Result<Option<crate::Secret>> {
        let storage = self.storage().await?;
        let stored = self.stored_key(storage.key_id())?;
        Ok(stored.map(|stored| stored.key))
    }

    fn client(&self) -> &Client {
        &self.parts.client
    }

    fn user(&self) -> &UserId {
        &self.user_id
    }

    /// The kept key of the secret storage with this id.
    fn stored_key(&self, key_id: Option<&str>) -> Result<Option<StoredRecoveryKey>> {
        let kept = self
            .session
            .dir
            .recovery_keys(&self.session.keys, self.user_id.as_str())?;
        Ok(kept
            .into_iter()
            .find(|kept| Some(kept.key_id.as_str()) == key_id))
    }

    /// Waits for what the SDK does by itself after a start; until then backups look
    /// disabled.
    async fn settled(&self) {
        let wait = self.parts.settled.get_or_init(|| async {
            self.client()
                .encryption()
                .wait_for_e2ee_initialization_tasks()
                .await;
        });
        if tokio::time::timeout(SETTLING, wait).await.is_err() {
            tracing::warn!("the homeserver does not answer what encryption asks first");
        }
    }

    /// Fetches our own identity and devices anew: keys that another client replaced are
    /// dropped here, and signatures that are new are seen.
    async fn refresh(&self) -> Result<()> {
        Box::pin(
            self.client()
                .encryption()
                .request_user_identity(&self.user_id),
        )
        .await?;
        Ok(())
    }

    async fn own_device(&self) -> Result<Device> {
        self.client()
            .encryption()
            .get_own_device()
            .await
            .map_err(|e| unreadable(&e))?
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::StoreCorrupt,
                    "the encryption store does not know its own device",
                )
            })
    }

    async fn backup_keys(&self) -> Result<BackupKeys> {
        self.parts
            .store
            .load_backup_keys()
            .await
            .map_err(|e| unreadable(&e))
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        format!("the encryption store cannot be read: {error}"),
    )
}
