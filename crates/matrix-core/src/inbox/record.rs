//! What is sealed into the rows.

use ruma::{OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::event::{NewEvent, Proof, SenderTrust, Undecryptable};

/// A readable event.
#[derive(Serialize, Deserialize)]
pub(super) struct EventRecord {
    key: String,
    room_id: OwnedRoomId,
    sender: OwnedUserId,
    ts: u64,
    json: String,
    encrypted: bool,
    trust: Option<u8>,
    late: bool,
    /// See [`Proof::session_id`].
    #[serde(default)]
    session: Option<String>,
}

impl From<&NewEvent> for EventRecord {
    fn from(event: &NewEvent) -> Self {
        Self {
            key: event.key.clone(),
            room_id: event.room_id.clone(),
            sender: event.sender.clone(),
            ts: event.origin_server_ts,
            json: event.json.clone(),
            encrypted: event.encrypted,
            trust: event.trust.as_ref().map(|proof| match proof.trust {
                SenderTrust::Verified => 0,
                SenderTrust::CrossSigned => 1,
                SenderTrust::Unsigned => 2,
                SenderTrust::Unknown => 3,
            }),
            late: event.late,
            session: (event.trust.as_ref()).and_then(|proof| proof.session_id.clone()),
        }
    }
}

impl From<EventRecord> for NewEvent {
    fn from(record: EventRecord) -> Self {
        Self {
            key: record.key,
            room_id: record.room_id,
            sender: record.sender,
            origin_server_ts: record.ts,
            json: record.json,
            encrypted: record.encrypted,
            // A number we do not know is no trust.
            trust: record.trust.map(|trust| Proof {
                trust: match trust {
                    0 => SenderTrust::Verified,
                    1 => SenderTrust::CrossSigned,
                    2 => SenderTrust::Unsigned,
                    _ => SenderTrust::Unknown,
                },
                session_id: record.session,
            }),
            late: record.late,
        }
    }
}

/// An event without its key; its cause stands in a column of its own.
#[derive(Serialize, Deserialize)]
pub(super) struct UndecryptableRecord {
    room_id: OwnedRoomId,
    event_id: String,
    sender: OwnedUserId,
    ts: u64,
    json: String,
    session_id: Option<String>,
}

impl From<&Undecryptable> for UndecryptableRecord {
    fn from(event: &Undecryptable) -> Self {
        Self {
            room_id: event.room_id.clone(),
            event_id: event.event_id.clone(),
            sender: event.sender.clone(),
            ts: event.origin_server_ts,
            json: event.json.clone(),
            session_id: event.session_id.clone(),
        }
    }
}

impl UndecryptableRecord {
    pub(super) fn with_cause(self, cause: String) -> Undecryptable {
        Undecryptable {
            room_id: self.room_id,
            event_id: self.event_id,
            sender: self.sender,
            origin_server_ts: self.ts,
            json: self.json,
            session_id: self.session_id,
            cause,
        }
    }
}

/// Where a gap lies.
#[derive(Serialize, Deserialize)]
pub(super) struct GapRecord {
    pub room_id: OwnedRoomId,
    pub from: String,
    pub to: Option<String>,
}
