//! Rooms and members as the caller sees them; fields are documented in `ts/native/account.ts`.

mod direct;
mod info;
mod invites;
mod member;
mod message;
mod past;
#[cfg(test)]
mod tests;

use crate::event::{Membership, MessageKind};

pub(crate) use direct::{DirectMap, DirectRooms, direct_candidates};
pub(crate) use info::info;
pub(crate) use invites::invites;
pub use member::CREATOR_POWER;
pub(crate) use member::{member, privileged_creators};
pub(crate) use message::{fetched, mentioned, of_history};
pub use past::{Poll, PollAnswer, Reaction, ReadMessage, ReadMessages, ReadPage};
pub(crate) use past::{messages, read_event};

/// What is known of a room.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct RoomInfo {
    pub room_id: String,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub canonical_alias: Option<String>,
    pub alt_aliases: Vec<String>,
    pub encrypted: bool,
    pub joined_member_count: u64,
    pub invited_member_count: u64,
    pub membership: Membership,
    pub direct_targets: Vec<String>,
    pub member_is_direct: bool,
    pub other_members: Vec<String>,
    pub service_members: Vec<String>,
    pub replacement_room_id: Option<String>,
    pub space: bool,
}

/// A member of a room.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct MemberInfo {
    pub user_id: String,
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
    pub membership: Membership,
    pub power_level: i64,
}

/// Why a looked-up event has no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// Its key is missing.
    Undecryptable,
    /// It was redacted.
    Redacted,
    /// It is no message.
    NotAMessage,
}

/// A message looked up for quotes, thread roots and reactions.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct FetchedMessage {
    pub event_id: String,
    pub sender: String,
    pub sender_name: Option<String>,
    pub origin_server_ts: u64,
    pub kind: MessageKind,
    pub text: String,
    pub thread_root_id: Option<String>,
    pub unavailable: Option<Unavailable>,
}

/// An invite that waits for an answer.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct PendingInvite {
    pub room_id: String,
    /// Who invites; `None` if the invite does not say.
    pub inviter: Option<String>,
    pub room_name: Option<String>,
    pub canonical_alias: Option<String>,
    pub is_direct: bool,
}

/// Somebody the homeserver's user directory knows.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct FoundUser {
    pub user_id: String,
    pub display_name: Option<String>,
}
