//! Encrypted messages to an account that reads none (`encryption: false`).

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use matrix_sdk::{deserialized_responses::TimelineEventKind, sync::RoomUpdates};
use ruma::OwnedRoomId;

/// The rooms it was said of.
#[derive(Debug, Default)]
pub(super) struct Unheard(Mutex<HashSet<OwnedRoomId>>);

impl Unheard {
    /// Says once a room that what is written there encrypted is not read: to its people
    /// the account is silent, and nothing else tells why.
    pub fn tell(&self, rooms: &RoomUpdates) {
        for room_id in self.new_in(rooms) {
            tracing::warn!(
                "encrypted messages in {room_id} are not read, because this account has \
                 `encryption: false`; set `encryption: true` to have them answered"
            );
        }
    }

    fn new_in(&self, rooms: &RoomUpdates) -> Vec<OwnedRoomId> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let encrypted = rooms.joined.iter().filter(|(_, update)| {
            let mut events = update.timeline.events.iter();
            events.any(|event| !matches!(event.kind, TimelineEventKind::PlainText { .. }))
        });
        encrypted
            .filter(|(room_id, _)| told.insert((*room_id).clone()))
            .map(|(room_id, _)| room_id.clone())
            .collect()
    }
}
