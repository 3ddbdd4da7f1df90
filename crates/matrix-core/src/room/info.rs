//! A room as the SDK knows it.

use matrix_sdk::deserialized_responses::MemberEvent;
use matrix_sdk::{
    Room, RoomMemberships, RoomState, room::RoomMember, ruma::events::room::member as ruma_member,
};
use ruma::{OwnedUserId, UserId, events::SyncStateEvent};

use super::RoomInfo;
use crate::{
    error::Result,
    event::{self, Membership},
};

/// Up to this many members the list is fetched; a larger room is no DM.
const SMALL_ROOM: u64 = 12;
/// As many as [`RoomInfo::other_members`] holds.
const OTHER_MEMBERS: usize = 5;

/// What is known of a room. Asks the homeserver for the members of a small room, and for the
/// encryption of one the sync showed none of, each once.
///
/// # Errors
/// If the store cannot be read, or the encryption state cannot be asked for.
pub(crate) async fn info(room: &Room) -> Result<RoomInfo> {
    let others = others(room).await?;
    let own = room.get_member_no_sync(room.own_user_id()).await?;
    let encryption = room.encryption_state();
    let encrypted = if encryption.is_unknown() && room.state() == RoomState::Joined {
        Box::pin(room.latest_encryption_state())
            .await?
            .is_encrypted()
    } else {
        encryption.is_encrypted()
    };
    let joined: Vec<&RoomMember> = others
        .iter()
        .filter(|member| membership(member) == Membership::Join)
        .collect();
    let mut other_members: Vec<String> = joined
        .iter()
        .take(OTHER_MEMBERS)
        .map(|member| member.user_id().to_string())
        .collect();
    if other_members.is_empty() && !room.are_members_synced() {
        let heroes = room.heroes().into_iter().map(|hero| hero.user_id);
        other_members = heroes
            .filter(|user_id| user_id != room.own_user_id())
            .take(OTHER_MEMBERS)
            .map(|user_id| user_id.to_string())
            .collect();
    }
    let mut direct_targets: Vec<String> = room
        .direct_targets()
        .into_iter()
        .filter_map(|target| OwnedUserId::try_from(target).ok())
        .map(|user_id| user_id.to_string())
        .collect();
    direct_targets.sort();
    Ok(RoomInfo {
        room_id: room.room_id().to_string(),
        name: room.name().as_deref().and_then(event::name),
        topic: room.topic().as_deref().and_then(event::topic),
        canonical_alias: room.canonical_alias().map(|alias| alias.to_string()),
        alt_aliases: room.alt_aliases().iter().map(ToString::to_string).collect(),
        encrypted,
        // Not every homeserver sends the summary of rooms that never changed.
        joined_member_count: room
            .joined_members_count()
            .max(joined.len() as u64 + u64::from(room.state() == RoomState::Joined)),
        invited_member_count: room.invited_members_count(),
        membership: state(room.state()),
        direct_targets,
        member_is_direct: own.iter().chain(&others).any(is_direct),
        other_members,
        service_members: room
            .service_members()
            .into_iter()
            .flatten()
            .map(|user_id| user_id.to_string())
            .collect(),
        replacement_room_id: room
            .successor_room()
            .map(|successor| successor.room_id.to_string()),
        space: room.is_space(),
    })
}

/// The active members other than us: all of a small room, those known of a larger one.
pub(super) async fn others(room: &Room) -> Result<Vec<RoomMember>> {
    let small = room.active_members_count() <= SMALL_ROOM;
    if small && room.state() == RoomState::Joined && !room.are_members_synced() {
        // Without them the room is described by what is known.
        if let Err(error) = Box::pin(room.sync_members()).await {
            tracing::debug!(room_id = %room.room_id(), %error, "members not fetched");
        }
    }
    let mut members = room.members_no_sync(RoomMemberships::ACTIVE).await?;
    members.retain(|member| member.user_id() != room.own_user_id());
    Ok(members)
}

/// Whether everybody in the room but us, invited ones included, is this one user, service
/// members (MSC4171) aside.
pub(super) fn is_alone_with(room: &Room, others: &[RoomMember], user_id: &UserId) -> bool {
    let service = room.service_members().unwrap_or_default();
    let mut people = others
        .iter()
        .map(|member| member.user_id())
        .filter(|member| *member == user_id || !service.contains(*member));
    people.next() == Some(user_id) && people.next().is_none()
}

/// The invite that made the member, or the member event itself, says it is a DM.
fn is_direct(member: &RoomMember) -> bool {
    let flag = match member.event().as_ref() {
        MemberEvent::Sync(SyncStateEvent::Original(event)) => event.content.is_direct.or(event
            .unsigned
            .prev_content
            .as_ref()
            .and_then(|content| content.is_direct)),
        MemberEvent::Sync(SyncStateEvent::Redacted(_)) => None,
        MemberEvent::Stripped(event) => event.content.is_direct,
    };
    flag.unwrap_or(false)
}

pub(super) fn membership(member: &RoomMember) -> Membership {
    use ruma_member::MembershipState;
    match member.membership() {
        MembershipState::Join => Membership::Join,
        MembershipState::Invite => Membership::Invite,
        MembershipState::Ban => Membership::Ban,
        MembershipState::Knock => Membership::Knock,
        _ => Membership::Leave,
    }
}

fn state(state: RoomState) -> Membership {
    match state {
        RoomState::Joined => Membership::Join,
        RoomState::Invited => Membership::Invite,
        RoomState::Left => Membership::Leave,
        RoomState::Knocked => Membership::Knock,
        RoomState::Banned => Membership::Ban,
    }
}
