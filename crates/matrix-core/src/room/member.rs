//! One member of a room.

use matrix_sdk::Room;
use ruma::{
    UserId,
    api::client::state::get_state_event_for_key,
    events::{
        StateEventType,
        room::{member::RoomMemberEventContent, power_levels::UserPowerLevel},
    },
};

use super::{MemberInfo, info};
use crate::{
    error::{Error, ErrorCode, Result},
    event::{membership_named, name},
};

/// A member of a room; `None` if they never were one. Asks the homeserver only for a member the
/// sync has not told of, and for this one alone.
///
/// # Errors
/// If the store cannot be read or the homeserver cannot be asked.
pub(crate) async fn member(room: &Room, user_id: &UserId) -> Result<Option<MemberInfo>> {
    let power_level = match room.power_levels_or_default().await.for_user(user_id) {
        UserPowerLevel::Int(level) => level.into(),
        // Creators stand above all numbers from room version 12 on.
        _ => i64::MAX,
    };
    if let Some(member) = room.get_member_no_sync(user_id).await? {
        return Ok(Some(MemberInfo {
            user_id: user_id.to_string(),
            display_name: member.display_name().and_then(name),
            avatar_url: member.avatar_url().map(ToString::to_string),
            membership: info::membership(&member),
            power_level,
        }));
    }
    if room.are_members_synced() {
        return Ok(None);
    }
    let request = get_state_event_for_key::v3::Request::new(
        room.room_id().to_owned(),
        StateEventType::RoomMember,
        user_id.to_string(),
    );
    let answer = match Box::pin(async { room.client().send(request).await }).await {
        Ok(answer) => answer,
        Err(error) => {
            let error = Error::from(error);
            return match error.code {
                ErrorCode::NotFound => Ok(None),
                _ => Err(error),
            };
        }
    };
    let content: RoomMemberEventContent = serde_json::from_str(answer.event_or_content.get())
        .map_err(|error| Error::internal(format!("member event of {user_id}: {error}")))?;
    let membership = membership_named(content.membership.as_str());
    Ok(membership.map(|membership| MemberInfo {
        user_id: user_id.to_string(),
        display_name: content.displayname.as_deref().and_then(name),
        avatar_url: content.avatar_url.map(|url| url.to_string()),
        membership,
        power_level,
    }))
}
