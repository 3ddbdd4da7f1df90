//! How far the rooms were read: what the inbox keeps as this engine's token.

use std::collections::BTreeMap;

use ruma::{OwnedRoomId, RoomId};
use serde::{Deserialize, Serialize};

/// Marks a token of this engine, so that neither engine takes the other's for its own.
const PREFIX: &str = "plain:";

/// Whether a token of the inbox is this engine's; a homeserver's `next_batch` never begins so.
pub(crate) fn is_position(token: &str) -> bool {
    token.starts_with(PREFIX)
}

/// How far one room was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// The newest event that was read.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The room is encrypted.
    #[serde(rename = "x", default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// We are not in it any more.
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// The position of the whole engine. It is stored with the events of each answer, in
/// one transaction, and only then used for the next request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Our connection's name. Made once per folder: two connections of the same name
    /// and device would throw each other out.
    pub conn_id: String,
    /// The server's `pos`; `None` asks for a new connection.
    pub pos: Option<String>,
    /// The first sync is over: rooms that appear from now on are new to us.
    pub complete: bool,
    /// When the last answer was read, milliseconds since the epoch.
    pub at: u64,
    /// Every room we know.
    pub rooms: BTreeMap<OwnedRoomId, Mark>,
}

impl Position {
    /// Before the first sync ever.
    pub fn first(now: u64) -> Self {
        Self {
            // The proposal allows 16 characters.
            conn_id: format!("mx-{:08x}", rand::random::<u32>()),
            pos: None,
            complete: false,
            at: now,
            rooms: BTreeMap::new(),
        }
    }

    /// Reads a token of the inbox; `None` if it is not this engine's.
    pub fn decode(token: &str) -> Option<Self> {
        serde_json::from_str(token.strip_prefix(PREFIX)?).ok()
    }

    /// The token for the inbox.
    pub fn encode(&self) -> crate::Result<String> {
        let json = serde_json::to_string(self)
            .map_err(|error| crate::Error::internal(format!("position: {error}")))?;
        Ok(format!("{PREFIX}{json}"))
    }

    /// Where a hole in this room ends: at what we read last.
    pub fn end_of_hole(&self, room_id: &RoomId) -> HoleEnd {
        HoleEnd {
            at: self.at,
            events: self
                .rooms
                .get(room_id)
                .and_then(|mark| mark.event.clone())
                .into_iter()
                .collect(),
        }
    }
}

/// Where a hole ends, as it travels through the inbox in `NewGap::to`. `/messages`
/// cannot end at an event and `pos` is no token for it, so [`super::history`] looks
/// for the event itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HoleEnd {
    /// What lies in the hole was received after this; milliseconds since the epoch.
    pub at: u64,
    /// The hole ends at whichever of these comes first.
    pub events: Vec<String>,
}

impl HoleEnd {
    /// Reads `NewGap::to`.
    pub fn decode(to: &str) -> Option<Self> {
        serde_json::from_str(to.strip_prefix(PREFIX)?).ok()
    }

    /// For `NewGap::to`.
    pub fn encode(&self) -> String {
        format!("{PREFIX}{}", serde_json::json!(self))
    }
}
