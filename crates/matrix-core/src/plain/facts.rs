//! What the answers say about the rooms, kept in memory; [`super::rooms`] asks the
//! server for the rest.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use ruma::{OwnedRoomId, RoomId, UserId};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use crate::event::{Membership, membership_named};

/// MSC4171's service members as clients send them.
pub(super) const FUNCTIONAL_MEMBERS: &str = "io.element.functional_members";

/// Up to this many joined members the member list is fetched; a larger room is no DM.
pub(super) const SMALL_ROOM: u64 = 12;

/// A state event, as far as it is of use here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct StateEvent {
    #[serde(rename = "type")]
    pub event_type: String,
    pub state_key: String,
    #[serde(default)]
    pub sender: String,
    #[serde(default)]
    pub event_id: Option<String>,
    #[serde(default)]
    pub origin_server_ts: u64,
    #[serde(default)]
    pub content: Value,
    #[serde(default)]
    pub unsigned: Value,
}

impl StateEvent {
    /// `None` for message events and for what is malformed.
    pub fn read(json: &RawValue) -> Option<Self> {
        serde_json::from_str(json.get()).ok()
    }

    /// The membership, if this is the member event of `user_id`.
    pub fn membership_of(&self, user_id: &UserId) -> Option<Membership> {
        (self.event_type == "m.room.member" && self.state_key == user_id.as_str())
            .then(|| membership(&self.content))
            .flatten()
    }
}

/// `membership` of a member event's content.
pub(super) fn membership(content: &Value) -> Option<Membership> {
    membership_named(content.get("membership")?.as_str()?)
}

/// The state of one room, by type; member events by user.
#[derive(Debug, Clone, Default)]
pub(super) struct RoomFacts {
    state: BTreeMap<String, StateEvent>,
    members: BTreeMap<String, StateEvent>,
    /// `joined_count` of the last answer.
    pub joined: Option<u64>,
    /// `invited_count` of the last answer.
    pub invited: Option<u64>,
    /// Every member event is here, not only those that answers brought along.
    pub all_members: bool,
    /// Users the server names the room after.
    pub heroes: Vec<String>,
}

impl RoomFacts {
    /// Takes a state event over.
    pub fn apply(&mut self, event: StateEvent) {
        match (event.event_type.as_str(), event.state_key.as_str()) {
            ("m.room.member", user_id) => {
                self.members.insert(user_id.to_owned(), event);
            }
            (
                "m.room.create"
                | "m.room.name"
                | "m.room.topic"
                | "m.room.canonical_alias"
                | "m.room.encryption"
                | "m.room.tombstone"
                | "m.room.power_levels"
                | FUNCTIONAL_MEMBERS,
                "",
            ) => {
                self.state.insert(event.event_type.clone(), event);
            }
            _ => {}
        }
    }

    /// The content of a state event with an empty state key.
    pub fn content(&self, event_type: &str) -> Option<&Value> {
        self.state.get(event_type).map(|event| &event.content)
    }

    /// The sender of a state event with an empty state key.
    pub fn sender(&self, event_type: &str) -> Option<&str> {
        self.state
            .get(event_type)
            .map(|event| event.sender.as_str())
    }

    /// A string of such a content; an empty one counts as absent, as the
    /// specification wants for names, topics and aliases.
    pub fn text(&self, event_type: &str, key: &str) -> Option<&str> {
        let text = self.content(event_type)?.get(key)?.as_str()?;
        (!text.is_empty()).then_some(text)
    }

    /// The room has an encryption event.
    pub fn encrypted(&self) -> bool {
        self.state.contains_key("m.room.encryption")
    }

    /// A member event, if it was sent to us.
    pub fn member(&self, user_id: &str) -> Option<&StateEvent> {
        self.members.get(user_id)
    }

    /// All member events that were sent to us.
    pub fn members(&self) -> impl Iterator<Item = &StateEvent> {
        self.members.values()
    }
}

/// The facts of all rooms that an answer of this process described.
#[derive(Debug, Default)]
pub(super) struct Facts {
    rooms: HashMap<OwnedRoomId, RoomFacts>,
    /// Grows with every answer, so that a slow look-up does not overwrite what is newer.
    generation: u64,
    last_answer: Option<Instant>,
}

impl Facts {
    /// An answer came in.
    pub fn answered(&mut self) {
        self.generation += 1;
        self.last_answer = Some(Instant::now());
    }

    /// See [`Facts::learn`].
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether the last answer is young enough to trust what it said.
    pub fn fresh(&self, age: Duration) -> bool {
        self.last_answer.is_some_and(|at| at.elapsed() < age)
    }

    /// What is known of a room.
    pub fn get(&self, room_id: &RoomId) -> Option<&RoomFacts> {
        self.rooms.get(room_id)
    }

    /// Small rooms where this user was seen.
    pub fn rooms_with(&self, user_id: &str) -> Vec<OwnedRoomId> {
        let known = self.rooms.iter().filter(|(_, facts)| {
            facts.joined.is_some_and(|joined| joined <= SMALL_ROOM)
                && (facts.member(user_id).is_some() || facts.heroes.iter().any(|id| id == user_id))
        });
        known.map(|(room_id, _)| room_id.clone()).collect()
    }

    /// The rooms this user is invited to, with what the invites say of them.
    pub fn inviting(&self, user_id: &UserId) -> impl Iterator<Item = (&OwnedRoomId, &RoomFacts)> {
        self.rooms.iter().filter(move |(_, facts)| {
            facts
                .member(user_id.as_str())
                .and_then(|event| membership(&event.content))
                == Some(Membership::Invite)
        })
    }

    /// For changes: `initial` answers start afresh, later ones only change what is
    /// known already, for a change alone makes no whole.
    pub fn change(&mut self, room_id: &RoomId, initial: bool) -> Option<&mut RoomFacts> {
        if initial {
            self.rooms.insert(room_id.to_owned(), RoomFacts::default());
        }
        self.rooms.get_mut(room_id)
    }

    /// Keeps what was asked for at `generation`, unless an answer came in between.
    pub fn learn(&mut self, room_id: &RoomId, facts: RoomFacts, generation: u64) {
        if generation == self.generation {
            self.rooms.insert(room_id.to_owned(), facts);
        }
    }

    /// Forgets a room.
    pub fn forget(&mut self, room_id: &RoomId) {
        self.rooms.remove(room_id);
    }
}
