//! Rooms: what the sync told of them, and for the rest plain requests.

use std::collections::BTreeMap;

use ruma::{
    OwnedRoomId, OwnedUserId, RoomAliasId, RoomId, UserId,
    api::client::{
        config::get_global_account_data, membership::get_member_events, state::get_state_events,
    },
    events::{GlobalAccountDataEventType, room::member::MembershipState},
};
use serde_json::Value;

use super::{
    PlainEngine, REQUEST_TIMEOUT,
    facts::{FUNCTIONAL_MEMBERS, RoomFacts, SMALL_ROOM, StateEvent, membership},
    status::is_missing,
};
use crate::{
    error::Result,
    event::{self, Membership},
    room::{PendingInvite, RoomInfo},
};

/// As many as [`RoomInfo::other_members`] holds.
const OTHER_MEMBERS: usize = 5;

impl PlainEngine {
    /// See [`crate::engine::Engine::room_info`].
    pub(super) async fn describe(&self, room_id: &RoomId) -> Result<RoomInfo> {
        let facts = self.facts_of(room_id).await?;
        let direct = self.direct_map().await?;
        let own = facts.member(self.own_user.as_str());
        let count = |wanted| {
            let members = facts.members();
            members
                .filter(|event| membership(&event.content) == Some(wanted))
                .count() as u64
        };
        let others = || {
            facts
                .members()
                .filter(|event| event.state_key != self.own_user.as_str())
        };
        let mut other_members: Vec<String> = others()
            .filter(|event| membership(&event.content) == Some(Membership::Join))
            .map(|event| event.state_key.clone())
            .take(OTHER_MEMBERS)
            .collect();
        if other_members.is_empty() && !facts.all_members {
            other_members = facts.heroes.iter().take(OTHER_MEMBERS).cloned().collect();
        }
        let strings = |event_type, key| {
            let content = facts.content(event_type);
            let list = content
                .and_then(|content| content.get(key))
                .and_then(Value::as_array);
            list.into_iter()
                .flatten()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect()
        };
        Ok(RoomInfo {
            room_id: room_id.to_string(),
            name: facts.text("m.room.name", "name").and_then(event::name),
            topic: facts.text("m.room.topic", "topic").and_then(event::topic),
            canonical_alias: facts
                .text("m.room.canonical_alias", "alias")
                .filter(|alias| RoomAliasId::parse(*alias).is_ok())
                .map(str::to_owned),
            alt_aliases: strings("m.room.canonical_alias", "alt_aliases"),
            encrypted: facts.encrypted(),
            joined_member_count: facts.joined.unwrap_or_else(|| count(Membership::Join)),
            invited_member_count: facts.invited.unwrap_or_else(|| count(Membership::Invite)),
            membership: own
                .and_then(|event| membership(&event.content))
                .unwrap_or(Membership::Leave),
            direct_targets: direct
                .into_iter()
                .filter(|(_, rooms)| rooms.iter().any(|room| room == room_id))
                .map(|(user_id, _)| user_id.to_string())
                .collect(),
            member_is_direct: own.is_some_and(is_direct) || others().any(is_direct),
            other_members,
            service_members: strings(FUNCTIONAL_MEMBERS, "service_members"),
            replacement_room_id: facts
                .text("m.room.tombstone", "replacement_room")
                .map(str::to_owned),
            space: facts.text("m.room.create", "type") == Some("m.space"),
        })
    }

    /// See [`crate::engine::Engine::invites`].
    pub(super) fn pending_invites(&self) -> Vec<PendingInvite> {
        let shared = self.shared();
        let mut invites: Vec<PendingInvite> = shared
            .facts
            .inviting(&self.own_user)
            .map(|(room_id, facts)| {
                let own = facts.member(self.own_user.as_str());
                PendingInvite {
                    room_id: room_id.to_string(),
                    inviter: own.map(|event| event.sender.clone()),
                    room_name: facts.text("m.room.name", "name").and_then(event::name),
                    canonical_alias: facts
                        .text("m.room.canonical_alias", "alias")
                        .map(str::to_owned),
                    is_direct: own.is_some_and(is_direct),
                }
            })
            .collect();
        invites.sort_by(|one, other| one.room_id.cmp(&other.room_id));
        invites
    }

    /// See [`crate::engine::Engine::ignores`].
    pub(super) async fn is_ignored(&self, user_id: &UserId) -> Result<bool> {
        let request = get_global_account_data::v3::Request::new(
            self.own_user.clone(),
            GlobalAccountDataEventType::IgnoredUserList,
        );
        match self.rest.send(request, REQUEST_TIMEOUT).await {
            Ok(answer) => Ok(
                serde_json::from_str::<Value>(answer.account_data.json().get()).is_ok_and(
                    |content| {
                        content
                            .pointer("/ignored_users")
                            .and_then(|users| users.get(user_id.as_str()))
                            .is_some()
                    },
                ),
            ),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// What the sync told of the room, with all members if it is small; else its state
    /// from the server.
    pub(super) async fn facts_of(&self, room_id: &RoomId) -> Result<RoomFacts> {
        let (known, generation) = {
            let shared = self.shared();
            (
                shared.facts.get(room_id).cloned(),
                shared.facts.generation(),
            )
        };
        let facts = match known {
            Some(facts) if facts.all_members || facts.joined.is_none_or(|n| n > SMALL_ROOM) => {
                return Ok(facts);
            }
            Some(mut facts) => {
                let mut request = get_member_events::v3::Request::new(room_id.to_owned());
                request.not_membership = Some(MembershipState::Leave);
                let answer = self.rest.send(request, REQUEST_TIMEOUT).await?;
                let members = answer.chunk.iter().map(|raw| raw.json());
                members
                    .filter_map(StateEvent::read)
                    .for_each(|event| facts.apply(event));
                facts
            }
            None => {
                let mut facts = RoomFacts::default();
                let request = get_state_events::v3::Request::new(room_id.to_owned());
                let answer = self.rest.send(request, REQUEST_TIMEOUT).await?;
                let state = answer.room_state.iter().map(|raw| raw.json());
                state
                    .filter_map(StateEvent::read)
                    .for_each(|event| facts.apply(event));
                facts
            }
        };
        let mut facts = facts;
        facts.all_members = true;
        self.shared()
            .facts
            .learn(room_id, facts.clone(), generation);
        Ok(facts)
    }

    /// `m.direct` of the account.
    pub(super) async fn direct_map(&self) -> Result<BTreeMap<OwnedUserId, Vec<OwnedRoomId>>> {
        let request = get_global_account_data::v3::Request::new(
            self.own_user.clone(),
            GlobalAccountDataEventType::Direct,
        );
        let content: BTreeMap<String, Value> = match self.rest.send(request, REQUEST_TIMEOUT).await
        {
            Ok(answer) => {
                serde_json::from_str(answer.account_data.json().get()).unwrap_or_default()
            }
            Err(error) if is_missing(&error) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error),
        };
        // Entry by entry: other clients' mistakes must not hide the rest.
        Ok(content
            .into_iter()
            .filter_map(|(user_id, rooms)| {
                let rooms = rooms.as_array()?.iter();
                let rooms = rooms.filter_map(|room| RoomId::parse(room.as_str()?).ok());
                Some((UserId::parse(user_id).ok()?, rooms.collect()))
            })
            .collect())
    }
}

/// The invite that made the member, or the member event itself, says it is a DM.
fn is_direct(event: &StateEvent) -> bool {
    [
        event.content.get("is_direct"),
        event.unsigned.pointer("/prev_content/is_direct"),
    ]
    .into_iter()
    .flatten()
    .any(|flag| flag == &Value::Bool(true))
}
