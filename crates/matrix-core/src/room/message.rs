//! One message of a room, looked up for a quote, a thread's root or a reaction.

use std::collections::HashMap;

use matrix_sdk::{
    Room,
    deserialized_responses::{TimelineEvent, TimelineEventKind},
};
use ruma::{EventId, OwnedUserId, UserId};
use serde::Deserialize;

use super::{FetchedMessage, Unavailable};
use crate::{
    error::{Error, ErrorCode, Result},
    event::{InboundEvent, MessageKind, NewEvent, StoredEvent, name, parse, trusted_json},
};

/// What is read of every event.
#[derive(Deserialize)]
struct Head {
    event_id: String,
    sender: OwnedUserId,
    #[serde(default)]
    origin_server_ts: u64,
    room_id: Option<String>,
}

/// Looks up one message of this room, decrypted if its key is here, in its newest wording. `None`
/// if the room has no such event that we may see.
///
/// # Errors
/// If the homeserver cannot be asked.
pub(crate) async fn fetched(room: &Room, event_id: &EventId) -> Result<Option<FetchedMessage>> {
    let Some((head, event)) = look_up(room, event_id).await? else {
        return Ok(None);
    };
    let member = room.get_member_no_sync(&head.sender).await?;
    let mut message = FetchedMessage {
        event_id: event_id.to_string(),
        sender: head.sender.to_string(),
        sender_name: member.and_then(|member| name(member.display_name()?)),
        origin_server_ts: head.origin_server_ts,
        kind: MessageKind::Unknown,
        text: String::new(),
        media: Vec::new(),
        thread_root_id: None,
        unavailable: None,
    };
    if event.kind.is_utd() {
        message.unavailable = Some(Unavailable::Undecryptable);
        return Ok(Some(message));
    }
    match read(room, head, &event) {
        Some(InboundEvent::Message {
            kind,
            text,
            media,
            thread_root_id,
            ..
        }) => {
            message.kind = kind;
            message.text = text;
            message.media = media;
            message.thread_root_id = thread_root_id;
        }
        Some(InboundEvent::Edit { text, .. }) => {
            message.kind = MessageKind::Text;
            message.text = text;
        }
        Some(_) => message.unavailable = Some(Unavailable::NotAMessage),
        None => message.unavailable = Some(Unavailable::Redacted),
    }
    Ok(Some(message))
}

/// Messages out of a page of history, oldest first, each in its newest wording. Names are left
/// to the caller.
///
/// `edits`: what newer pages said of messages that lie further back; what this page says is added.
pub(crate) fn of_history(
    events: Vec<NewEvent>,
    own_user: &UserId,
    edits: &mut HashMap<String, String>,
) -> Vec<FetchedMessage> {
    let mut messages = Vec::new();
    for event in events.into_iter().rev() {
        let stored = StoredEvent {
            seq: 0,
            event,
            received_at: 0,
            attempts: 0,
        };
        match parse(&stored, own_user) {
            Some(InboundEvent::Message {
                base,
                kind,
                text,
                media,
                thread_root_id,
                ..
            }) => {
                let Some(event_id) = base.event_id else {
                    continue;
                };
                let key = edit_key(&event_id, &base.sender);
                messages.push(FetchedMessage {
                    text: edits.remove(&key).unwrap_or(text),
                    event_id,
                    sender: base.sender,
                    sender_name: None,
                    origin_server_ts: base.origin_server_ts,
                    kind,
                    media,
                    thread_root_id,
                    unavailable: None,
                });
            }
            // The newest one is met first.
            Some(InboundEvent::Edit {
                base,
                target_id,
                text,
                ..
            }) => {
                edits
                    .entry(edit_key(&target_id, &base.sender))
                    .or_insert(text);
            }
            _ => {}
        }
    }
    messages.reverse();
    messages
}

/// Only its sender edits a message.
fn edit_key(event_id: &str, sender: &str) -> String {
    format!("{event_id} {sender}")
}

/// Whom the newest wording of a message mentions (`m.mentions.user_ids`); `None` if it is no
/// message we can read.
///
/// # Errors
/// If the homeserver cannot be asked.
pub(crate) async fn mentioned(room: &Room, event_id: &EventId) -> Result<Option<Vec<String>>> {
    Ok(match look_up(room, event_id).await? {
        Some((head, event)) if !event.kind.is_utd() => match read(room, head, &event) {
            Some(InboundEvent::Message { mentions, .. }) => {
                Some(mentions.unwrap_or_default().user_ids)
            }
            _ => None,
        },
        _ => None,
    })
}

async fn look_up(room: &Room, event_id: &EventId) -> Result<Option<(Head, TimelineEvent)>> {
    let event = match Box::pin(room.event(event_id, None)).await {
        Ok(event) => event,
        Err(error) => {
            let error = Error::from(error);
            return match error.code {
                ErrorCode::NotFound => Ok(None),
                _ => Err(error),
            };
        }
    };
    let head: Head = serde_json::from_str(event.raw().json().get())
        .map_err(|error| Error::internal(format!("event {event_id}: {error}")))?;
    // The homeserver is asked within the room; it answers for another one only if it is broken.
    let foreign = head.event_id != event_id.as_str()
        || head
            .room_id
            .as_ref()
            .is_some_and(|id| id != room.room_id().as_str());
    Ok((!foreign).then_some((head, event)))
}

/// Reads it like an event of the inbox.
fn read(room: &Room, head: Head, event: &TimelineEvent) -> Option<InboundEvent> {
    let stored = StoredEvent {
        seq: 0,
        event: NewEvent {
            key: head.event_id,
            room_id: room.room_id().to_owned(),
            sender: head.sender,
            origin_server_ts: head.origin_server_ts,
            json: trusted_json(event),
            encrypted: matches!(event.kind, TimelineEventKind::Decrypted(_)),
            trust: None,
            late: false,
        },
        received_at: 0,
        attempts: 0,
    };
    parse(&stored, room.own_user_id())
}
