//! Room keys out of the backup into the store (BKP-2).

use std::collections::BTreeMap;

use matrix_sdk_crypto::store::CryptoStore;
use ruma::{OwnedRoomId, RoomId, api::client::backup::get_backup_keys};

use super::{Crypto, Refusal, unreadable};
use crate::{
    config::Secret,
    error::{Error, Result},
};

/// The whole backup in one answer takes its time.
const DOWNLOAD: std::time::Duration = std::time::Duration::from_secs(300);

/// What [`Crypto::restore_backup`] brought.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The backup's version.
    pub version: String,
    /// Room keys of the backup that are in the store now.
    pub imported: u32,
    /// Room keys in the backup.
    pub total: u32,
    /// The backup's key was loaded from secret storage for this.
    pub loaded_from_secret_storage: bool,
}

impl Crypto<'_> {
    /// Downloads all room keys of the backup. `key`: the recovery key; without it the
    /// backup's key that is here, or the kept recovery key.
    ///
    /// # Errors
    /// `backup_unusable` if there is no backup, or its key cannot be found;
    /// `recovery_key_invalid`; what the homeserver answered.
    pub async fn restore_backup(&self, key: Option<&Secret>) -> Result<Restored> {
        let _turn = self.parts.turn.lock().await;
        self.settled().await;
        self.refresh().await?;
        let Some(latest) = self.latest_backup().await? else {
            return Err(Refusal::NoBackup.error());
        };
        let mut loaded_from_secret_storage = false;
        if key.is_some() || !self.backup_usable().await? {
            let opened = match key {
                Some(key) => Some(self.unlock(key).await?.map_err(Refusal::error)?),
                None => self.unlock_with_kept(&self.storage().await?).await?,
            };
            let Some(opened) = opened else {
                return Err(Error::new(
                    crate::ErrorCode::BackupUnusable,
                    "the key of the room-key backup is not here; give the recovery key with \
                     --recovery-key-stdin",
                ));
            };
            self.keep(&opened, Some(opened.key_id()))?;
            let usable_before = self.backup_usable().await?;
            let refusals = self.take_secrets(&opened).await?;
            if !self.backup_usable().await? {
                return Err(refusals
                    .last()
                    .copied()
                    .unwrap_or(Refusal::MissingBackupKey)
                    .error());
            }
            loaded_from_secret_storage = !usable_before;
        }
        let sessions = self.sessions_in_backup(&latest.version).await?;
        let total: u32 = sessions.values().map(|ids| ids.len() as u32).sum();
        let mut imported: u32 = 0;
        for (room_id, sessions) in &sessions {
            Box::pin(
                self.client()
                    .encryption()
                    .backups()
                    .download_room_keys_for_room(room_id),
            )
            .await?;
            imported += self.present(room_id, sessions).await?;
        }
        tracing::info!(imported, total, "restored room keys from the backup");
        Ok(Restored {
            version: latest.version,
            imported,
            total,
            loaded_from_secret_storage,
        })
    }

    /// Which room keys the backup holds.
    async fn sessions_in_backup(
        &self,
        version: &str,
    ) -> Result<BTreeMap<OwnedRoomId, Vec<String>>> {
        let request = get_backup_keys::v3::Request::new(version.to_owned());
        let answer = self.session.rest.send(request, DOWNLOAD).await?;
        Ok(answer
            .rooms
            .into_iter()
            .map(|(room_id, keys)| (room_id, keys.sessions.into_keys().collect()))
            .collect())
    }

    /// How many of these room keys are here.
    async fn present(&self, room_id: &RoomId, sessions: &[String]) -> Result<u32> {
        let mut present = 0;
        for session in sessions {
            let found = self
                .parts
                .store
                .get_inbound_group_session(room_id, session)
                .await
                .map_err(|e| unreadable(&e))?;
            present += u32::from(found.is_some());
        }
        Ok(present)
    }
}
