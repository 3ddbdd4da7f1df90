//! Verifications of the account with other devices and users.

use std::time::Duration;

use super::{Account, ids};
use crate::{crypto::VerificationsNow, error::Result};

impl Account {
    /// The first state of the verifications above a version; `None` once closed, and where
    /// the device is another client's.
    pub async fn verifications_after(&self, since: u64) -> Option<VerificationsNow> {
        let verifications = self.inner.engine.verifications()?;
        verifications.after(since).await
    }

    /// Lets anybody verify for a while, until when is the answer; `None` ends it.
    ///
    /// # Errors
    /// `closed`; `device_in_use` if the device is another client's.
    pub async fn arm_verification(&self, span: Option<Duration>) -> Result<Option<u64>> {
        self.is_open()?;
        drop(self.inner.engine.encryption().await?);
        let verifications = self.inner.engine.verifications();
        Ok(verifications.and_then(|verifications| verifications.arm(span)))
    }

    /// A room that serves as a direct message with this person; none is made.
    ///
    /// # Errors
    /// `config_invalid` for what is no user id; `internal` if the store cannot be read.
    pub async fn find_dm(&self, user_id: &str) -> Result<Option<String>> {
        self.is_open()?;
        let user_id = ids::user(user_id)?;
        let rooms = self.inner.engine.direct_candidates(&user_id).await?;
        Ok(rooms.first().map(|room_id| room_id.to_string()))
    }
}
