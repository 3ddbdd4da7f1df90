//! The one request of this engine (MSC4186).

use std::time::Duration;

use ruma::{
    UInt,
    api::client::sync::sync_events::v5::{Request, request},
    events::StateEventType,
    uint,
};

use super::position::Position;

/// How long the server may hold a request that has nothing to say.
pub(super) const POLL: Duration = Duration::from_secs(30);
/// The first window; the rooms most recently active come first.
const FIRST_WINDOW: u64 = 100;
/// How much the window grows with each answer, until it covers every room.
const WINDOW_STEP: u64 = 400;
/// Once every room was sent: room for all that may come.
const WHOLE_WINDOW: u64 = 1_000_000;
/// Timeline events per room and answer. It must never grow on a living connection:
/// Synapse then sends history again.
const TIMELINE_LIMIT: u32 = 20;

/// Which rooms the list covers; it grows in steps, so that no single answer is huge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    size: u64,
}

impl Window {
    /// Of a new connection.
    pub fn first() -> Self {
        Self { size: FIRST_WINDOW }
    }

    /// Where to start from `position`: a connection that lives on covers everything.
    pub fn after(position: &Position) -> Self {
        let lives_on = position.complete && position.pos.is_some();
        Self {
            size: if lives_on { WHOLE_WINDOW } else { FIRST_WINDOW },
        }
    }

    /// Grows after an answer that counted `rooms`. True once it covers them all.
    pub fn grow(&mut self, rooms: u64) -> bool {
        let covered = self.size >= rooms;
        self.size = if covered {
            WHOLE_WINDOW
        } else {
            self.size + WINDOW_STEP
        };
        covered
    }

    /// Whether every room was asked for.
    pub fn is_whole(self) -> bool {
        self.size == WHOLE_WINDOW
    }
}

/// The request after `position`. No extension is asked for: the to-device and the
/// end-to-end extension belong to the device's owner.
pub(super) fn build(position: &Position, window: Window, timeline_limit: Option<u32>) -> Request {
    let mut list = request::List::default();
    list.ranges = vec![(uint!(0), UInt::new_saturating(window.size - 1))];
    list.room_details.timeline_limit = timeline_limit
        .unwrap_or(TIMELINE_LIMIT)
        .clamp(1, 100)
        .into();
    list.room_details.required_state = [
        (StateEventType::RoomCreate, ""),
        (StateEventType::RoomName, ""),
        (StateEventType::RoomTopic, ""),
        (StateEventType::RoomCanonicalAlias, ""),
        (StateEventType::RoomEncryption, ""),
        (StateEventType::RoomTombstone, ""),
        (StateEventType::RoomPowerLevels, ""),
        (StateEventType::from(super::facts::FUNCTIONAL_MEMBERS), ""),
        (StateEventType::RoomMember, "$ME"),
        (StateEventType::RoomMember, "$LAZY"),
    ]
    .map(|(event_type, state_key)| (event_type, state_key.to_owned()))
    .into();

    let mut request = Request::new();
    request.conn_id = Some(position.conn_id.clone());
    request.pos = position.pos.clone();
    // While the window grows there is something to send; no server has to wait for more.
    request.timeout = Some(if window.is_whole() {
        POLL
    } else {
        Duration::ZERO
    });
    request.lists.insert("all".to_owned(), list);
    request
}
