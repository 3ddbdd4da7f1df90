//! What is known of people's devices and identities at this moment.
//!
//! The SDK remembers the first identity it sees of a person and counts another one as
//! changed until somebody accepts it (`pin`). It tells so room by room only; here it is
//! asked for one person, and all that are changed are kept in the health.

use futures_util::StreamExt;
use matrix_sdk::{Client, SqliteCryptoStore};
use matrix_sdk_crypto::{OtherUserIdentityData, UserIdentityData, store::CryptoStore};
use ruma::{OwnedUserId, RoomId, UserId};
use serde_json::Value;

use super::SdkEngine;
use crate::{
    error::{self, Error, ErrorCode, Result},
    event::{Proof, SenderTrust},
    health::HealthCell,
    trust::SenderCheck,
};

impl SdkEngine {
    /// See [`crate::engine::Engine::check_sender`].
    pub(super) async fn sender(
        &self,
        room_id: &RoomId,
        user_id: &UserId,
        session_id: Option<&str>,
    ) -> Result<SenderCheck> {
        let parts = self.crypto().await?;
        let room = Self::room(&parts.client, room_id)?;
        let trust = async || match session_id {
            Some(session_id) => room
                .get_encryption_info(session_id, user_id)
                .await
                .and_then(|info| Proof::of(&info))
                .map(|proof| proof.trust),
            None => None,
        };
        let mut known = trust().await;
        // A device that is new, or signed just now, writes before the homeserver has told of it.
        // Asked each time: an older answer may be one from before that.
        if known.is_some_and(|trust| trust > SenderTrust::CrossSigned) {
            let encryption = parts.client.encryption();
            Box::pin(encryption.request_user_identity(user_id)).await?;
            known = trust().await;
        }
        let changed = changed(&parts.client, &parts.store, user_id).await?;
        self.params.health.identity(user_id, changed);
        Ok(SenderCheck {
            trust: known,
            identity_changed: changed.is_some(),
        })
    }

    /// See [`crate::engine::Engine::acknowledge_identity`].
    pub(super) async fn acknowledge(&self, user_id: &UserId) -> Result<bool> {
        let parts = self.crypto().await?;
        let encryption = parts.client.encryption();
        let asked = Box::pin(encryption.request_user_identity(user_id)).await?;
        let identity = asked.ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                format!("{user_id} has no identity (cross-signing) that could be accepted"),
            )
        })?;
        let before = changed(&parts.client, &parts.store, user_id).await?;
        if before.is_some() {
            // Accepts the identity as well.
            if identity.was_previously_verified() {
                identity.withdraw_verification().await
            } else {
                identity.pin().await
            }
            .map_err(|e| error::store("encryption", &e))?;
        }
        self.params.health.identity(
            user_id,
            changed(&parts.client, &parts.store, user_id).await?,
        );
        Ok(before.is_some())
    }
}

/// Whether the person's identity is another one than the one that was accepted, and if so
/// whether the former one was verified; `None` if all is well.
async fn changed(
    client: &Client,
    store: &SqliteCryptoStore,
    user_id: &UserId,
) -> Result<Option<bool>> {
    let stored = store
        .get_user_identity(user_id)
        .await
        .map_err(|e| error::store("encryption", &e))?;
    let Some(UserIdentityData::Other(stored)) = stored else {
        return Ok(None);
    };
    let verified = stored.was_previously_verified();
    if !verified && !is_another(&stored) {
        return Ok(None);
    }
    let identity = client.encryption().get_user_identity(user_id).await;
    let identity = identity.map_err(|e| error::store("encryption", &e))?;
    Ok(identity
        .filter(|identity| !identity.is_verified())
        .map(|_| verified))
}

/// The SDK says this of a room's members only; what it stores says it of anybody.
fn is_another(identity: &OtherUserIdentityData) -> bool {
    let Ok(stored) = serde_json::to_value(identity) else {
        return false;
    };
    let keys = |which: &str| stored.get(which).and_then(|key| key.get("keys")).cloned();
    match (keys("pinned_master_key"), keys("master_key")) {
        (Some(Value::Object(pinned)), Some(Value::Object(now))) => pinned != now,
        _ => false,
    }
}

/// Keeps the health's list of changed identities: all at first, then those that change.
/// Runs until dropped.
pub(super) async fn watch(client: Client, store: SqliteCryptoStore, health: HealthCell) {
    let Ok(updates) = client.encryption().user_identities_stream().await else {
        return;
    };
    let mut updates = std::pin::pin!(updates);
    let mut users: Vec<OwnedUserId> = match client.encryption().tracked_users().await {
        Ok(users) => users.into_iter().collect(),
        Err(error) => {
            tracing::warn!(%error, "whose identity changed cannot be looked up");
            Vec::new()
        }
    };
    loop {
        for user_id in users {
            match changed(&client, &store, &user_id).await {
                Ok(changed) => health.identity(&user_id, changed),
                Err(error) => tracing::warn!(%error, "whether an identity changed is not known"),
            }
        }
        let Some(update) = updates.next().await else {
            return;
        };
        users = (update.new.into_keys())
            .chain(update.changed.into_keys())
            .collect();
    }
}
