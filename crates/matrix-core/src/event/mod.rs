//! What the inbox stores and what it yields.

mod bundled;
mod change;
mod html;
mod inbound;
mod media;
mod message;
mod parse;
mod poll;
mod proof;
mod skipped;
#[cfg(test)]
mod tests;
mod text;
mod user_link;

pub(crate) use bundled::{edit_proof, trusted_json};
pub(crate) use change::{Change, change, with_edit};
pub(crate) use html::{escape_attribute, escape_text};
pub use inbound::{
    EventBase, InboundEvent, MediaInfo, MediaKind, Membership, Mentions, MessageKind, Pill,
    SenderTrust,
};
pub(crate) use parse::{membership as membership_named, parse};
pub(crate) use poll::{PollStart, is_poll_end, is_poll_response, is_poll_start, poll_response};
pub(crate) use proof::Proof;
use ruma::{OwnedRoomId, OwnedUserId};
pub use skipped::SkippedBound;
pub(crate) use skipped::{SKIPPED_KEY, Skipped};
pub(crate) use text::{is_blank, name, topic};
pub(crate) use user_link::linked_user;

/// A readable event on its way into the inbox.
#[derive(Debug, Clone)]
pub(crate) struct NewEvent {
    /// Unique in the room for ever: the event id, `invite:<sender>:<token>` for an invite, or
    /// `skipped:<gap>` for a notice of the inbox.
    pub key: String,
    /// The room.
    pub room_id: OwnedRoomId,
    /// `sender` of the event.
    pub sender: OwnedUserId,
    /// `origin_server_ts`, milliseconds.
    pub origin_server_ts: u64,
    /// The whole event as JSON, decrypted; for an invite `{"type":"invite", …}` made by the engine
    /// (see `parse.rs`), for a notice of the inbox a [`Skipped`].
    pub json: String,
    /// It arrived encrypted.
    pub encrypted: bool,
    /// What is known of the sending device, for encrypted events.
    pub trust: Option<Proof>,
    /// It waited for its key or came out of a gap.
    pub late: bool,
}

/// An encrypted event whose key is missing.
#[derive(Debug, Clone)]
pub(crate) struct Undecryptable {
    /// The room.
    pub room_id: OwnedRoomId,
    /// The event id.
    pub event_id: String,
    /// `sender` of the event.
    pub sender: OwnedUserId,
    /// `origin_server_ts`, milliseconds.
    pub origin_server_ts: u64,
    /// The encrypted event as JSON.
    pub json: String,
    /// The Megolm session, where the event names one.
    pub session_id: Option<String>,
    /// Why: `missing-session`, `withheld:<code>`, `unknown-index`, `sent-before-join`,
    /// `unsigned-sender`, `malformed`, …
    pub cause: String,
}

/// A row handed out by the inbox.
#[derive(Debug, Clone)]
pub(crate) struct StoredEvent {
    /// The row.
    pub seq: i64,
    /// What was stored.
    pub event: NewEvent,
    /// When it was stored, milliseconds.
    pub received_at: u64,
    /// How often it was handed out before.
    pub attempts: u32,
}
