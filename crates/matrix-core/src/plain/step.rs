//! From an answer to a step of the inbox: which events are new, where holes are, and
//! how far every room was read then. Pure: no request, no clock.

use std::collections::BTreeSet;

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::sync::sync_events::v5::{Response, response::Room},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tracing::{debug, info, warn};

use super::{
    facts::{Facts, RoomFacts, StateEvent},
    position::{Mark, Position},
    unread::RoomAnswer,
};
use crate::{
    event::{Membership, NewEvent},
    inbox::{NewGap, SyncStep},
};

/// When the event we read last is gone from the server (retention), what is older than
/// the last answer by more than this counts as read. Long enough for wrong clocks.
pub(super) const CLOCK_SLACK_MS: u64 = 60 * 60 * 1000;

/// What every event of a timeline needs to be stored.
#[derive(Deserialize)]
pub(super) struct Head {
    pub event_id: String,
    pub sender: OwnedUserId,
    #[serde(rename = "type")]
    pub event_type: String,
    #[serde(default)]
    pub origin_server_ts: u64,
    #[serde(default)]
    pub state_key: Option<String>,
}

impl Head {
    /// Whether it has a meaning for us: nothing that is encrypted, and of an encrypted
    /// room only its state, since we could not answer anything else there.
    pub fn is_readable(&self, room_encrypted: bool) -> bool {
        self.event_type != "m.room.encrypted" && !(room_encrypted && self.state_key.is_none())
    }

    /// The row for the inbox.
    pub fn into_event(self, room_id: &RoomId, json: &RawValue, late: bool) -> NewEvent {
        NewEvent {
            key: self.event_id,
            room_id: room_id.to_owned(),
            sender: self.sender,
            origin_server_ts: self.origin_server_ts,
            json: json.get().to_owned(),
            encrypted: false,
            trust: None,
            late,
        }
    }
}

/// Reads an answer to a request made from `position`, which moves on to where the
/// answer ends. The step's token is left for the caller to fill in.
pub(super) fn read(
    answer: Response,
    own_user: &UserId,
    position: &mut Position,
    facts: &mut Facts,
    now: u64,
) -> SyncStep {
    let mut step = SyncStep::default();
    let new_connection = position.pos.is_none();
    facts.answered();
    for (room_id, room) in answer.rooms {
        if let Some(stripped) = &room.invite_state {
            let stamp = room.bump_stamp.map(u64::from);
            let fallback = position.pos.as_deref().unwrap_or("first");
            let mut described = RoomFacts::default();
            for event in stripped
                .iter()
                .filter_map(|raw| StateEvent::read(raw.json()))
            {
                described.apply(event);
            }
            step.events
                .extend(invite(&room_id, &described, own_user, stamp, fallback, now));
            if let Some(facts) = facts.change(&room_id, true) {
                *facts = described;
            }
            continue;
        }
        RoomReader {
            room_id: &room_id,
            own_user,
            position,
            new_connection,
        }
        .read(room, facts, &mut step);
    }
    position.pos = Some(answer.pos);
    position.at = now;
    step
}

/// After every room of a new connection was sent: forgets those that were not among them.
pub(super) fn prune(position: &mut Position, facts: &mut Facts, seen: &BTreeSet<OwnedRoomId>) {
    position.rooms.retain(|room_id, _| {
        let keep = seen.contains(room_id);
        if !keep {
            facts.forget(room_id);
        }
        keep
    });
}

struct RoomReader<'a> {
    room_id: &'a RoomId,
    own_user: &'a UserId,
    position: &'a mut Position,
    new_connection: bool,
}

impl RoomReader<'_> {
    fn read(self, room: Room, facts: &mut Facts, step: &mut SyncStep) {
        let timeline: Vec<(Head, &RawValue)> = room
            .timeline
            .iter()
            .filter_map(|raw| match serde_json::from_str(raw.json().get()) {
                Ok(head) => Some((head, raw.json())),
                Err(error) => {
                    warn!(room_id = %self.room_id, %error, "left out a malformed event");
                    None
                }
            })
            .collect();
        // What the timeline changes comes after what the answer says of the state
        // before it, so the last word on each is right.
        let state: Vec<StateEvent> = room
            .required_state
            .iter()
            .map(|raw| raw.json())
            .chain(timeline.iter().map(|(_, json)| *json))
            .filter_map(StateEvent::read)
            .collect();
        let own: Vec<&StateEvent> = state
            .iter()
            .filter(|event| event.membership_of(self.own_user).is_some())
            .collect();
        let ids: Vec<&str> = timeline
            .iter()
            .map(|(head, _)| head.event_id.as_str())
            .collect();
        let initial = room.initial.unwrap_or(false) || self.new_connection;
        let answer = RoomAnswer {
            room_id: self.room_id,
            room: &room,
            position: self.position,
            own_user: self.own_user,
            own: &own,
            timeline: &ids,
            initial,
        };
        let (start, membership) = (answer.start(), answer.membership());
        let known = self.position.rooms.get(self.room_id).cloned();

        let encrypted_before = known.as_ref().is_some_and(|mark| mark.encrypted);
        let switches_on = timeline
            .iter()
            .position(|(head, _)| head.event_type == "m.room.encryption");
        let encrypted_now = encrypted_before
            || state
                .iter()
                .any(|event| event.event_type == "m.room.encryption");
        if encrypted_now && !encrypted_before {
            info!(
                room_id = %self.room_id,
                "the room is encrypted and the account's `encryption` is off: \
                 its messages are neither read nor answered"
            );
        }
        // Encrypted from the first event on, unless the switch is in this timeline.
        let encrypted_from = match switches_on {
            _ if encrypted_before => 0,
            Some(index) => index,
            None if encrypted_now => 0,
            None => usize::MAX,
        };

        let mark = Mark {
            event: timeline
                .last()
                .map(|(head, _)| head.event_id.clone())
                .or_else(|| known.as_ref().and_then(|mark| mark.event.clone())),
            encrypted: encrypted_now,
            left: match membership {
                Some(Membership::Leave | Membership::Ban) => true,
                Some(_) => false,
                None => known.is_some_and(|mark| mark.left),
            },
        };
        if let (Some(hole), Some(from)) = (start.hole, room.prev_batch.clone()) {
            step.gaps.push(NewGap {
                room_id: self.room_id.to_owned(),
                from,
                to: Some(hole.encode()),
            });
        }
        for (index, (head, json)) in timeline.into_iter().enumerate().skip(start.index) {
            if head.is_readable(index >= encrypted_from)
                && head.origin_server_ts >= start.not_before
            {
                step.events.push(head.into_event(self.room_id, json, false));
            }
        }
        self.position.rooms.insert(self.room_id.to_owned(), mark);
        if let Some(facts) = facts.change(self.room_id, initial) {
            update(facts, &room, state);
        }
    }
}

fn update(facts: &mut RoomFacts, room: &Room, state: Vec<StateEvent>) {
    // A limited answer leaves out members that did not speak.
    facts.all_members &= !room.limited;
    for event in state {
        facts.apply(event);
    }
    if let Some(count) = room.joined_count {
        facts.joined = Some(count.into());
    }
    if let Some(count) = room.invited_count {
        facts.invited = Some(count.into());
    }
    if let Some(heroes) = &room.heroes {
        facts.heroes = heroes.iter().map(|hero| hero.user_id.to_string()).collect();
    }
}

/// The row of an invite; `None` for a knock of our own. Its key is made of what stays
/// the same when the server sends the same invite again, as it does on every event of
/// the room and on every new connection.
fn invite(
    room_id: &RoomId,
    facts: &RoomFacts,
    own_user: &UserId,
    stamp: Option<u64>,
    fallback: &str,
    now: u64,
) -> Option<NewEvent> {
    let Some(own) = facts
        .member(own_user.as_str())
        .filter(|event| event.membership_of(own_user) == Some(Membership::Invite))
    else {
        debug!(%room_id, "no invite of ours in the stripped state");
        return None;
    };
    let sender = UserId::parse(&own.sender).ok()?;
    let at = match own.origin_server_ts {
        0 => now,
        at => at,
    };
    let stamp = own
        .event_id
        .clone()
        .or_else(|| stamp.map(|stamp| stamp.to_string()))
        .unwrap_or_else(|| fallback.to_owned());
    let json = serde_json::json!({
        "type": "invite",
        "sender": sender,
        "origin_server_ts": at,
        "is_direct": own.content.get("is_direct").and_then(|v| v.as_bool()).unwrap_or(false),
        "room_name": facts.text("m.room.name", "name"),
        "canonical_alias": facts.text("m.room.canonical_alias", "alias"),
        "room_encrypted": facts.encrypted(),
    });
    Some(NewEvent {
        key: format!("invite:{sender}:{stamp}"),
        room_id: room_id.to_owned(),
        sender,
        origin_server_ts: at,
        json: json.to_string(),
        encrypted: false,
        trust: None,
        late: false,
    })
}
