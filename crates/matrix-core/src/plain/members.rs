//! Members and single messages, asked for one by one.

use ruma::{
    EventId, OwnedUserId, RoomId, RoomVersionId, UserId,
    api::client::{room::get_room_event, state::get_state_event_for_key},
    events::{
        StateEventType,
        room::power_levels::{RoomPowerLevels, RoomPowerLevelsEventContent, UserPowerLevel},
    },
    room_version_rules::AuthorizationRules,
};
use serde_json::Value;

use super::{
    PlainEngine, REQUEST_TIMEOUT,
    facts::{RoomFacts, membership},
    status::is_missing,
    step::Head,
};
use crate::{
    error::{Error, Result},
    event::{InboundEvent, MessageKind, StoredEvent, name, parse},
    room::{CREATOR_POWER, FetchedMessage, MemberInfo, Unavailable},
};

impl PlainEngine {
    /// See [`crate::engine::Engine::member`].
    pub(super) async fn member_info(
        &self,
        room_id: &RoomId,
        user_id: &UserId,
    ) -> Result<Option<MemberInfo>> {
        let Some(content) = self.member_content(room_id, user_id).await? else {
            return Ok(None);
        };
        let Some(membership) = membership(&content) else {
            return Ok(None);
        };
        let power_level = power_level(&self.facts_of(room_id).await?, user_id);
        Ok(Some(MemberInfo {
            user_id: user_id.to_string(),
            display_name: text(&content, "displayname").and_then(name),
            avatar_url: text(&content, "avatar_url").map(str::to_owned),
            membership,
            power_level,
        }))
    }

    async fn member_content(&self, room_id: &RoomId, user_id: &UserId) -> Result<Option<Value>> {
        let request = get_state_event_for_key::v3::Request::new(
            room_id.to_owned(),
            StateEventType::RoomMember,
            user_id.to_string(),
        );
        match self.rest.send(request, REQUEST_TIMEOUT).await {
            Ok(answer) => serde_json::from_str(answer.event_or_content.get())
                .map(Some)
                .map_err(|error| Error::internal(format!("member event: {error}"))),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// See [`crate::engine::Engine::fetch_message`].
    pub(super) async fn message(
        &self,
        room_id: &RoomId,
        event_id: &EventId,
    ) -> Result<Option<FetchedMessage>> {
        let request = get_room_event::v3::Request::new(room_id.to_owned(), event_id.to_owned());
        let raw = match self.rest.send(request, REQUEST_TIMEOUT).await {
            Ok(answer) => answer.event.into_json(),
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        let head: Head = serde_json::from_str(raw.get())
            .map_err(|error| Error::internal(format!("event {event_id}: {error}")))?;
        // Within the room the homeserver answers with another event only if it is broken.
        if head.event_id != event_id.as_str() {
            return Ok(None);
        }
        let sender = head.sender.clone();
        let is_state = head.state_key.is_some();
        // A name is an ornament; a room that hides it still shows the message.
        let sender_name = match self.member_content(room_id, &sender).await {
            Ok(content) => content.and_then(|content| name(text(&content, "displayname")?)),
            Err(_) => None,
        };
        let mut message = FetchedMessage {
            event_id: event_id.to_string(),
            sender: sender.to_string(),
            sender_name,
            origin_server_ts: head.origin_server_ts,
            kind: MessageKind::Unknown,
            text: String::new(),
            thread_root_id: None,
            unavailable: None,
        };
        if head.event_type == "m.room.encrypted" {
            message.unavailable = Some(Unavailable::Undecryptable);
            return Ok(Some(message));
        }
        let stored = StoredEvent {
            seq: 0,
            event: head.into_event(room_id, &raw, false),
            received_at: 0,
            attempts: 0,
        };
        match parse(&stored, &self.own_user) {
            Some(InboundEvent::Message {
                kind,
                text,
                thread_root_id,
                ..
            }) => {
                message.kind = kind;
                message.text = text;
                message.thread_root_id = thread_root_id;
            }
            Some(InboundEvent::Edit { text, .. }) => {
                message.kind = MessageKind::Text;
                message.text = text;
            }
            None if !is_state => message.unavailable = Some(Unavailable::Redacted),
            _ => message.unavailable = Some(Unavailable::NotAMessage),
        }
        Ok(Some(message))
    }
}

fn text<'a>(content: &'a Value, key: &str) -> Option<&'a str> {
    let text = content.get(key)?.as_str()?;
    (!text.is_empty()).then_some(text)
}

/// By the room version's rules: creators stand above all numbers from version 12 on.
fn power_level(facts: &RoomFacts, user_id: &UserId) -> i64 {
    let create = facts.content("m.room.create");
    let rules = create
        .and_then(|create| create.get("room_version")?.as_str())
        .and_then(|version| RoomVersionId::try_from(version).ok()?.rules())
        .map_or(AuthorizationRules::V1, |rules| rules.authorization);
    let named = |key: &str| create.and_then(|create| create.get(key)).cloned();
    let creators: Vec<OwnedUserId> = if rules.explicitly_privilege_room_creators {
        let more = named("additional_creators").and_then(|list| match list {
            Value::Array(list) => Some(list),
            _ => None,
        });
        facts
            .sender("m.room.create")
            .map(str::to_owned)
            .into_iter()
            .chain(
                more.into_iter()
                    .flatten()
                    .filter_map(|id| id.as_str().map(str::to_owned)),
            )
            .filter_map(|id| UserId::parse(id).ok())
            .collect()
    } else {
        named("creator")
            .and_then(|id| id.as_str().map(str::to_owned))
            .or_else(|| facts.sender("m.room.create").map(str::to_owned))
            .and_then(|id| UserId::parse(id).ok())
            .into_iter()
            .collect()
    };
    let levels: Option<RoomPowerLevelsEventContent> = facts
        .content("m.room.power_levels")
        .and_then(|content| serde_json::from_value(content.clone()).ok());
    match RoomPowerLevels::new(levels.into(), &rules, creators).for_user(user_id) {
        UserPowerLevel::Int(level) => level.into(),
        _ => CREATOR_POWER,
    }
}
