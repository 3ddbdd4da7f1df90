//! One member of a room, and how much power somebody has there.

use matrix_sdk::Room;
use ruma::{
    RoomVersionId, UserId,
    api::client::state::get_state_event_for_key,
    events::{
        StateEventType,
        room::{member::RoomMemberEventContent, power_levels::UserPowerLevel},
    },
};

use serde_json::Value;

use super::{MemberInfo, info};
use crate::{
    error::{Error, ErrorCode, Result},
    event::{membership_named, name},
};

/// The power of a room's creators, who stand above all numbers from room version 12 on: the
/// largest number there is in Matrix, and one that JavaScript has exactly.
pub const CREATOR_POWER: i64 = (1 << 53) - 1;

/// Whom the version of a room puts above all power levels, given its `m.room.create` event.
pub(crate) fn privileged_creators(create: &Value) -> Vec<String> {
    let content = create.get("content");
    let privileged = content
        .and_then(|content| content.get("room_version")?.as_str())
        .and_then(|version| RoomVersionId::try_from(version).ok()?.rules())
        .is_some_and(|rules| rules.authorization.explicitly_privilege_room_creators);
    if !privileged {
        return Vec::new();
    }
    let more = content.and_then(|content| content.get("additional_creators")?.as_array());
    create
        .get("sender")
        .into_iter()
        .chain(more.into_iter().flatten())
        .filter_map(|user| user.as_str().map(str::to_owned))
        .collect()
}

/// A member of a room; `None` if they never were one. Asks the homeserver only for a member the
/// sync has not told of, and for this one alone.
///
/// # Errors
/// If the store cannot be read or the homeserver cannot be asked.
pub(crate) async fn member(room: &Room, user_id: &UserId) -> Result<Option<MemberInfo>> {
    let power_level = match room.power_levels_or_default().await.for_user(user_id) {
        UserPowerLevel::Int(level) => level.into(),
        _ => CREATOR_POWER,
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
