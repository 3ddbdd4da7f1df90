//! What we send: Markdown to safe Matrix HTML, chunks, relations, edits.

use ruma::{OwnedEventId, OwnedRoomId};
use serde_json::Value;

use crate::outbox::Part;

/// `msgtype` of outgoing text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextKind {
    /// `m.text`
    Text,
    /// `m.notice`
    Notice,
    /// `m.emote`
    Emote,
}

/// Where long text is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkMode {
    /// At the limit, at the best place before it.
    Length,
    /// At every blank line.
    Newline,
}

/// How Markdown tables are rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// A native `<table>`.
    Block,
    /// Bullet lists.
    Bullets,
    /// A code block.
    Code,
    /// As written.
    Off,
}

/// Where a message goes.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct SendTarget {
    pub room_id: OwnedRoomId,
    pub thread_root_id: Option<OwnedEventId>,
    pub reply_to_id: Option<OwnedEventId>,
}

/// A text to send; fields are documented in `ts/native/account.ts`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct SendText {
    pub target: SendTarget,
    pub markdown: String,
    pub kind: TextKind,
    pub key: Option<String>,
    pub chunk_limit: usize,
    pub chunk_mode: ChunkMode,
    pub live: bool,
    pub tables: Tables,
    pub wait_ms: Option<u64>,
}

/// An edit; fields are documented in `ts/native/account.ts`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct EditText {
    pub room_id: OwnedRoomId,
    pub event_id: OwnedEventId,
    pub markdown: String,
    pub kind: TextKind,
    pub key: Option<String>,
    pub live: bool,
    pub tables: Tables,
    pub draft: bool,
    pub wait_ms: Option<u64>,
}

/// The events of a text, in order.
pub(crate) fn text_parts(_request: &SendText) -> Vec<Part> {
    todo!()
}

/// The one event of an edit (`m.replace`); text beyond one event's size is cut with an ellipsis.
pub(crate) fn edit_part(_request: &EditText) -> Part {
    todo!()
}

/// An `m.reaction`.
pub(crate) fn reaction_part(_event_id: &ruma::EventId, _key: &str) -> Part {
    todo!()
}

/// An `m.room.redaction`, its target in `content.redacts`.
pub(crate) fn redaction_part(_event_id: &ruma::EventId, _reason: Option<&str>) -> Part {
    let _: Option<Value> = None;
    todo!()
}
