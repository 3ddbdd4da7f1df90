//! Setting up encryption.

use std::time::Duration;

use super::Account;
use crate::{
    crypto::Crypto,
    error::{Error, ErrorCode, Result},
    health::SyncState,
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
