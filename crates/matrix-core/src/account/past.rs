//! A room's past for somebody who asks: messages, reactions, pinned messages.

use std::{collections::HashMap, time::Duration};

use ruma::{
    EventId, OwnedEventId, OwnedRoomId, RoomId, UInt,
    api::client::{
        context::get_context,
        state::{get_state_event_for_key, send_state_event},
    },
    events::StateEventType,
    serde::Raw,
};
use serde_json::{Value, json};

use super::{Account, ids};
use crate::{
    engine::{Ask, HistoryPage},
    error::{Error, ErrorCode, Result},
    event::InboundEvent,
    room::{Reaction, ReadMessage, ReadMessages, ReadPage, messages, read_event},
};

const REQUEST: Duration = Duration::from_secs(30);
/// Messages of one page.
const MAX_MESSAGES: u32 = 200;
/// Pages of the homeserver that are looked through for one of ours: a room may have long
/// stretches without a message.
const MAX_PAGES: usize = 12;
/// Events of a page of the homeserver.
const PAGE: u32 = 100;

impl Account {
    /// A page of messages, decrypted where their keys are here, in their newest wording: the
    /// newest ones, or those before or after a message, of the room or of one thread.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none, `not_found` if `before` or `after` is no message
    /// of the room; what the homeserver answered.
    pub async fn read_messages(&self, request: ReadMessages) -> Result<ReadPage> {
        self.is_open()?;
        let room_id = ids::room(&request.room_id)?;
        let limit = request.limit.clamp(1, MAX_MESSAGES) as usize;
        let root = request
            .thread_root_id
            .as_deref()
            .map(ids::event)
            .transpose()?;
        let (mut from, forward) = match (&request.before, &request.after) {
            (_, Some(after)) => (Some(self.place(&room_id, after, true).await?), true),
            (Some(before), None) => (Some(self.place(&room_id, before, false).await?), false),
            (None, None) => (None, false),
        };
        let mut page = HistoryPage::default();
        let mut found = Vec::new();
        for _ in 0..MAX_PAGES {
            let ask = match &root {
                None => Ask::Timeline {
                    from: from.as_deref(),
                    forward,
                },
                Some(root) => Ask::Relations {
                    event_id: root,
                    rel_type: "m.thread",
                    from: from.as_deref(),
                    forward,
                },
            };
            let mut next = self.inner.engine.read(&room_id, ask, PAGE).await?;
            from = next.next.take();
            if from.is_none()
                && !forward
                && let Some(root) = &root
            {
                // A thread begins with its root, which is in no thread.
                let first = Ask::Event(root);
                let first = self.inner.engine.read(&room_id, first, 1).await?;
                next.events.splice(0..0, first.events);
                next.undecryptable.extend(first.undecryptable);
            }
            page = joined(page, next, forward);
            found = messages(&page, &self.inner.own_user);
            if found.len() >= limit || from.is_none() {
                break;
            }
        }
        let more = found.len() > limit || from.is_some();
        if found.len() > limit {
            if forward {
                found.truncate(limit);
            } else {
                found.drain(..found.len() - limit);
            }
        }
        self.name_senders(&request.room_id, &mut found).await;
        Ok(ReadPage {
            messages: found,
            more,
        })
    }

    pub(super) async fn name_senders(&self, room_id: &str, messages: &mut [ReadMessage]) {
        let mut names: HashMap<String, Option<String>> = HashMap::new();
        for message in messages {
            if !names.contains_key(&message.sender) {
                let member = self.member(room_id, &message.sender).await;
                // A name is an ornament.
                let name = member.ok().flatten().and_then(|member| member.display_name);
                names.insert(message.sender.clone(), name);
            }
            message.sender_name = names.get(&message.sender).cloned().flatten();
        }
    }

    /// The reactions to a message that were not taken back, oldest first; at most 1,200.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; what the homeserver answered.
    pub async fn reactions(&self, room_id: &str, event_id: &str) -> Result<Vec<Reaction>> {
        self.is_open()?;
        let (room_id, event_id) = (ids::room(room_id)?, ids::event(event_id)?);
        let page = self
            .related(&room_id, &event_id, "m.annotation", MAX_PAGES)
            .await?;
        let reactions = page.events.iter();
        Ok(reactions
            .filter_map(|event| match read_event(event, &self.inner.own_user)? {
                InboundEvent::Reaction {
                    base,
                    target_id,
                    key,
                } if event_id == target_id => Some(Reaction {
                    event_id: event.key.clone(),
                    sender: base.sender,
                    key,
                    origin_server_ts: base.origin_server_ts,
                }),
                _ => None,
            })
            .collect())
    }

    /// Ids of the room's pinned messages, the newest pin last.
    ///
    /// # Errors
    /// `config_invalid` if `room_id` is none; what the homeserver answered.
    pub async fn pinned(&self, room_id: &str) -> Result<Vec<String>> {
        self.is_open()?;
        self.read_pins(&ids::room(room_id)?).await
    }

    /// Pins a message, or takes the pin away; the pinned ones afterwards.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none, `forbidden` without the power to pin; what the
    /// homeserver answered.
    pub async fn set_pinned(
        &self,
        room_id: &str,
        event_id: &str,
        pinned: bool,
    ) -> Result<Vec<String>> {
        self.is_open()?;
        let (room_id, event_id) = (ids::room(room_id)?, ids::event(event_id)?.to_string());
        let mut pins = self.read_pins(&room_id).await?;
        if pins.contains(&event_id) == pinned {
            return Ok(pins);
        }
        pins.retain(|pin| *pin != event_id);
        if pinned {
            pins.push(event_id);
        }
        let content = json!({ "pinned": pins });
        self.write_state(&room_id, StateEventType::RoomPinnedEvents, "", &content)
            .await?;
        Ok(pins)
    }

    async fn read_pins(&self, room_id: &RoomId) -> Result<Vec<String>> {
        let content = self
            .state(room_id, StateEventType::RoomPinnedEvents, "")
            .await?
            .unwrap_or_default();
        let pins = content.get("pinned").and_then(Value::as_array);
        Ok(pins
            .into_iter()
            .flatten()
            .filter_map(|pin| pin.as_str().map(str::to_owned))
            .collect())
    }

    /// Puts a state event in the place of the one there is.
    pub(super) async fn write_state(
        &self,
        room_id: &RoomId,
        event_type: StateEventType,
        key: &str,
        content: &Value,
    ) -> Result<()> {
        let content = Raw::new(content)
            .map_err(|error| Error::internal(format!("{event_type}: {error}")))?;
        let request = send_state_event::v3::Request::new_raw(
            room_id.to_owned(),
            event_type,
            key.to_owned(),
            content.cast_unchecked(),
        );
        self.inner.rest.send(request, REQUEST).await.map(drop)
    }

    /// The content of a state event as it is now; `None` if there is none.
    pub(super) async fn state(
        &self,
        room_id: &RoomId,
        event_type: StateEventType,
        key: &str,
    ) -> Result<Option<Value>> {
        let request = get_state_event_for_key::v3::Request::new(
            room_id.to_owned(),
            event_type,
            key.to_owned(),
        );
        match self.inner.rest.send(request, REQUEST).await {
            Ok(answer) => Ok(serde_json::from_str(answer.event_or_content.get()).ok()),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Everything of one type that relates to an event, oldest first.
    pub(super) async fn related(
        &self,
        room_id: &OwnedRoomId,
        event_id: &OwnedEventId,
        rel_type: &str,
        pages: usize,
    ) -> Result<HistoryPage> {
        let mut all = HistoryPage::default();
        let mut from = None;
        for _ in 0..pages {
            let ask = Ask::Relations {
                event_id,
                rel_type,
                from: from.as_deref(),
                forward: false,
            };
            let mut page = self.inner.engine.read(room_id, ask, PAGE).await?;
            from = page.next.take();
            all = joined(all, page, false);
            if from.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// The homeserver's token for the place before or after an event.
    async fn place(&self, room_id: &RoomId, event_id: &str, after: bool) -> Result<String> {
        let event_id: OwnedEventId = ids::event(event_id)?;
        let mut request = get_context::v3::Request::new(room_id.to_owned(), event_id.clone());
        request.limit = UInt::from(0_u32);
        let answer = self
            .inner
            .rest
            .send(request, REQUEST)
            .await
            .map_err(|error| unknown(error, &event_id))?;
        if after { answer.end } else { answer.start }
            .ok_or_else(|| Error::internal("the homeserver gave no token for that message"))
    }
}

fn unknown(error: Error, event_id: &EventId) -> Error {
    match error.code {
        ErrorCode::NotFound => Error::new(
            ErrorCode::NotFound,
            format!("{event_id} is no message of this room that the account may see"),
        ),
        _ => error,
    }
}

/// Two pages as one, oldest first; `next` comes after `page` in the direction of reading.
fn joined(mut page: HistoryPage, mut next: HistoryPage, forward: bool) -> HistoryPage {
    if forward {
        page.events.append(&mut next.events);
    } else {
        next.events.append(&mut page.events);
        page.events = next.events;
    }
    page.undecryptable.append(&mut next.undecryptable);
    page
}
