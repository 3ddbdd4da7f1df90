//! Setting up encryption.

use std::time::Duration;

use super::{Account, ids};
use crate::{
    crypto::Crypto,
    error::{Error, ErrorCode, Result},
    health::SyncState,
    trust::SenderCheck,
};

/// For the first answer of a homeserver; a first sync of a large account takes long.
const FIRST_ANSWER: Duration = Duration::from_secs(60);

impl Account {
    /// The encryption of this account, for looking only.
    ///
    /// # Errors
    /// `device_in_use` if the device is another client's.
    pub async fn encryption(&self) -> Result<Crypto<'_>> {
        self.is_open()?;
        self.inner.engine.encryption().await
    }

    /// The encryption of this account, for changing it. Starts the account: a device whose
    /// keys nobody has seen cannot be signed, and what the sync brings meanwhile waits in
    /// the inbox.
    ///
    /// # Errors
    /// `device_in_use` if the device is another client's; why the sync does not begin.
    pub async fn encryption_to_change(&self) -> Result<Crypto<'_>> {
        self.is_open()?;
        // Before anything starts: the other engine has nothing to wait for.
        drop(self.inner.engine.encryption().await?);
        self.start();
        self.synced().await?;
        self.inner.engine.encryption().await
    }

    /// What is known of a sender now, see [`SenderCheck`]. Asks the homeserver for their
    /// devices where `session_id` came from one that is not known as theirs, because a new
    /// device may write before the homeserver has told of it.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; what the homeserver answered.
    pub async fn check_sender(
        &self,
        room_id: &str,
        user_id: &str,
        session_id: Option<&str>,
    ) -> Result<SenderCheck> {
        self.is_open()?;
        let (room_id, user_id) = (ids::room(room_id)?, ids::user(user_id)?);
        let engine = &self.inner.engine;
        engine.check_sender(&room_id, &user_id, session_id).await
    }

    /// Accepts the identity that a person has now, as if it had been the first. False if it
    /// is the accepted one already.
    ///
    /// # Errors
    /// `config_invalid` if it is no user id, or our own; `not_found` if the person has no
    /// identity; what the homeserver answered.
    pub async fn acknowledge_identity(&self, user_id: &str) -> Result<bool> {
        self.is_open()?;
        let user_id = ids::user(user_id)?;
        if user_id == self.inner.own_user {
            return Err(Error::new(
                ErrorCode::ConfigInvalid,
                "that is the account's own identity; see `openclaw matrix verify status`",
            ));
        }
        self.inner.engine.acknowledge_identity(&user_id).await
    }

    /// Waits until the homeserver has answered.
    async fn synced(&self) -> Result<()> {
        let answered = async {
            let mut version = 0;
            loop {
                let pulse = self.inner.health.now();
                match (pulse.sync.state, pulse.sync.error) {
                    (SyncState::Running, _) => return Ok(()),
                    (SyncState::Blocked | SyncState::Retrying, Some((code, message))) => {
                        return Err(Error::new(code, message));
                    }
                    (SyncState::Stopped, _) if self.is_open().is_err() => {
                        return Err(Error::closed());
                    }
                    _ => {}
                }
                self.inner.health.after(version).await;
                version = pulse.version.max(version);
            }
        };
        tokio::time::timeout(FIRST_ANSWER, answered)
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorCode::Timeout,
                    "the homeserver has not answered the first sync yet; try again in a moment",
                ))
            })
    }
}
