//! Everything at once, from whatever half-state: identity, our device signed by it, secret
//! storage, backup (ENC-2, VER-2). What other devices rely on is replaced only when asked.

use fail::fail_point;
use matrix_sdk_crypto::secret_storage::SecretStorageKey;

use super::{Crypto, storage::Storage};
use crate::{
    config::Secret,
    error::{Error, ErrorCode, Result},
};

/// How [`Crypto::bootstrap`] goes about it.
#[derive(Debug, Clone, Default)]
pub struct Bootstrap {
    /// Opens the account's secret storage; otherwise the kept one is tried.
    pub recovery_key: Option<Secret>,
    /// Make a new identity even though there is one: every other device of the user, and
    /// everyone who verified them, has to verify again.
    pub force_reset_cross_signing: bool,
}

/// What [`Crypto::bootstrap`] changed; nothing, when all was there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bootstrapped {
    /// The account had no identity and has one now.
    pub identity_created: bool,
    /// The account's identity was replaced.
    pub identity_replaced: bool,
    /// Our device was not signed and is now.
    pub device_signed: bool,
    /// There is a new secret storage, and with it a new recovery key.
    pub recovery_key_created: bool,
    /// There is a new backup.
    pub backup_created: bool,
}

impl Crypto<'_> {
    /// Makes what is missing, and takes over what is there. Can be run again at any time.
    ///
    /// # Errors
    /// `recovery_key_invalid` if the given key does not open secret storage, or one is
    /// needed; `not_verified` if the identity is another device's and nothing here proves
    /// us; `backup_unusable` if only the backup cannot be used; `auth_failed` and
    /// `approval_required` if the homeserver wants more; what it answered otherwise. What
    /// was done before stays done.
    pub async fn bootstrap(&self, options: &Bootstrap) -> Result<Bootstrapped> {
        let _turn = self.parts.turn.lock().await;
        self.settled().await;
        self.refresh().await?;
        let mut done = Bootstrapped::default();
        let storage = self.storage().await?;
        let mut key = match &options.recovery_key {
            Some(given) => match self.unlock(given).await? {
                Ok(key) => {
                    self.keep(&key, storage.key_id())?;
                    Some(key)
                }
                Err(refusal) => return Err(refusal.error()),
            },
            None => self.unlock_with_kept(&storage).await?,
        };
        let force = options.force_reset_cross_signing;
        let signed_before = self.own_device().await?.is_cross_signed_by_owner();
        self.ensure_identity(&storage, key.as_ref(), force, &mut done)
            .await?;
        fail_point!("crypto::identity::published");
        self.sign_own_device().await?;
        fail_point!("crypto::device::signed");
        done.device_signed = !signed_before || done.identity_replaced;

        // The identity's keys go into secret storage before anything else may fail.
        match (&storage, &key) {
            (Storage::Present(_), Some(key)) => self.fill(key).await?,
            (Storage::Present(content), None) if !force => {
                self.check_foreign_storage(&content.key_id).await?;
            }
            (Storage::Broken { why, .. }, _) => {
                tracing::warn!(why, "secret storage is damaged; making a new one");
                key = Some(self.new_storage(&storage, &mut done).await?);
            }
            _ => key = Some(self.new_storage(&storage, &mut done).await?),
        }
        done.backup_created = self.ensure_backup(key.as_ref(), force).await?;
        fail_point!("crypto::backup::made");
        match &key {
            Some(key) => self.fill(key).await?,
            None if done.backup_created => return Err(needs_recovery_key()),
            None => {}
        }
        // An answer of before that comes late shows the former identity: the SDK takes the new
        // one's private keys for another's then, and forgets them.
        if let Some(key) = &key
            && !self.private_keys().await?.is_complete()
        {
            tracing::warn!("the private cross-signing keys were lost on the way; loading them");
            self.refresh().await?;
            self.take_secrets(key).await?;
        }
        self.upload_room_keys().await;
        tracing::info!(?done, "encryption is set up");
        Ok(done)
    }

    async fn new_storage(
        &self,
        before: &Storage,
        done: &mut Bootstrapped,
    ) -> Result<SecretStorageKey> {
        let key = self.create_storage(before, false).await?;
        done.recovery_key_created = true;
        Ok(key)
    }

    /// The account has an identity and its private keys are here.
    async fn ensure_identity(
        &self,
        storage: &Storage,
        key: Option<&SecretStorageKey>,
        force: bool,
        done: &mut Bootstrapped,
    ) -> Result<()> {
        let published = self.published().await?;
        if !published.any() {
            if matches!(storage, Storage::Present(_)) && key.is_none() && !force {
                return Err(needs_recovery_key());
            }
            self.publish_identity().await?;
            done.identity_created = true;
            return Ok(());
        }
        if force {
            self.replace_identity().await?;
            done.identity_replaced = true;
            return Ok(());
        }
        if published.all() && self.private_keys().await?.is_complete() {
            return Ok(());
        }
        let Some(key) = key else {
            return Err(Error::new(
                ErrorCode::NotVerified,
                match storage {
                    Storage::Present(_) => {
                        "this account's encryption was set up by another client; give its \
                         recovery key with --recovery-key-stdin, or verify this device from that \
                         client with `openclaw matrix verify self`. --force-reset-cross-signing \
                         makes a new identity instead: all other devices have to verify again"
                    }
                    _ => {
                        "this account's identity is another client's, and there is no secret \
                         storage to get it from; verify this device from that client with \
                         `openclaw matrix verify self`. --force-reset-cross-signing makes a new \
                         identity instead: all other devices have to verify again"
                    }
                },
            ));
        };
        let refusals = self.take_secrets(key).await?;
        if self.verified().await? && self.private_keys().await?.has_self_signing {
            return Ok(());
        }
        Err(refusals
            .first()
            .map_or_else(needs_recovery_key, |refusal| refusal.error()))
    }

    /// A storage that we cannot open is left alone, if it holds everything already: its
    /// owner's recovery key serves this account.
    async fn check_foreign_storage(&self, key_id: &str) -> Result<()> {
        if self.holds_all(key_id).await? {
            return Ok(());
        }
        Err(needs_recovery_key())
    }
}

fn needs_recovery_key() -> Error {
    Error::new(
        ErrorCode::RecoveryKeyInvalid,
        "this account has a secret storage already, and what is missing there can only be put in \
         with its recovery key; give it with --recovery-key-stdin. --force-reset-cross-signing \
         makes a new one instead: all other devices have to verify again",
    )
}
