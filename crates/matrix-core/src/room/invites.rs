//! Invites that wait for an answer.

use matrix_sdk::Client;

use super::PendingInvite;
use crate::error::Result;

/// The invites the sync has told of, in the order of their rooms' ids.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn invites(client: &Client) -> Result<Vec<PendingInvite>> {
    let mut invites = Vec::new();
    for room in client.invited_rooms() {
        let inviter = room
            .invite_details()
            .await
            .ok()
            .map(|details| details.inviter_id);
        invites.push(PendingInvite {
            room_id: room.room_id().to_string(),
            inviter: inviter.map(|user_id| user_id.to_string()),
            room_name: room.name().filter(|name| !name.is_empty()),
            canonical_alias: room.canonical_alias().map(|alias| alias.to_string()),
            is_direct: room.is_direct().await.map_err(matrix_sdk::Error::from)?,
        });
    }
    invites.sort_by(|one, other| one.room_id.cmp(&other.room_id));
    Ok(invites)
}
