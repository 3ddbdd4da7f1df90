//! Joining and inviting together with the keys of what was said before (MSC4268).
//!
//! The SDK imports keys that came with an invite only where it joins by itself: it has to
//! know who invited. With `shareHistoryOnInvite` off, both go their plain way, and the SDK
//! neither sends, nor fetches, nor imports any.

use std::time::Duration;

use matrix_sdk::RoomState;
use ruma::{OwnedRoomId, OwnedServerName, RoomId, RoomOrAliasId, UserId};

use super::SdkEngine;
use crate::error::{Error, Result};

/// The keys are a file of any size on the inviter's homeserver, and no join waits for ever.
const JOIN: Duration = Duration::from_secs(180);

impl SdkEngine {
    fn shares_history(&self) -> bool {
        self.params.encryption && self.params.share_history_on_invite
    }

    /// See [`crate::engine::Engine::join`].
    pub(super) async fn join_with_history(
        &self,
        target: &RoomOrAliasId,
        via: &[OwnedServerName],
    ) -> Result<Option<OwnedRoomId>> {
        // By an alias nobody invites.
        let Ok(room_id) = <&RoomId>::try_from(target) else {
            return Ok(None);
        };
        let client = self.client().await?;
        let invited = client
            .get_room(room_id)
            .is_some_and(|room| room.state() == RoomState::Invited);
        if !self.shares_history() || !invited {
            return Ok(None);
        }
        let joining = Box::pin(client.join_room_by_id_or_alias(target, via));
        let failed = match tokio::time::timeout(JOIN, joining).await {
            Ok(Ok(room)) => return Ok(Some(room.room_id().to_owned())),
            Ok(Err(error)) => Error::from(error),
            Err(_) => Error::new(
                crate::ErrorCode::Timeout,
                format!("joining {room_id} took too long"),
            ),
        };
        let joined = client
            .get_room(room_id)
            .is_some_and(|room| room.state() == RoomState::Joined);
        if joined {
            tracing::warn!(
                %room_id, error = %failed,
                "joined, but the keys of what was said before are not here; they are looked for \
                 again at the next start"
            );
            return Ok(Some(room_id.to_owned()));
        }
        Err(failed)
    }

    /// See [`crate::engine::Engine::invite`].
    pub(super) async fn invite_with_history(
        &self,
        room_id: &RoomId,
        user_id: &UserId,
    ) -> Result<bool> {
        if !self.shares_history() {
            return Ok(false);
        }
        let client = self.client().await?;
        let room = Self::room(&client, room_id)?;
        Box::pin(room.invite_user_by_id(user_id)).await?;
        Ok(true)
    }
}
