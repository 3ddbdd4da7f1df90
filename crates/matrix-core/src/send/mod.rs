//! What we send: Markdown to safe Matrix HTML, chunks, relations, edits.

use std::collections::HashMap;

use ruma::{OwnedEventId, OwnedRoomId};
use serde_json::{Map, Value};

use crate::error::{Error, ErrorCode, Result};

mod chunk;
mod content;
mod emoticon;
mod link;
mod location;
mod media;
mod mention;
mod poll;
mod render;
mod spoiler;
mod structure;
mod tables;
#[cfg(test)]
pub(crate) mod tests;

pub(crate) use content::{
    edit_mentions, edit_part, edit_part_naming, reaction_part, redaction_part, text_parts,
};
pub(crate) use emoticon::any as names_emoticons;
pub(crate) use location::location_part;
pub(crate) use media::{FileEvent, file_event, media_parts};
pub(crate) use poll::{poll_end_part, poll_part, poll_response_part};

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

/// What a text carries beside its words.
#[derive(Debug, Clone, Default)]
pub struct Extra {
    /// Further keys of the content, for clients that know OpenClaw; in the first event alone.
    pub content: Map<String, Value>,
    /// Custom emoji (MSC2545) the text may name as `:shortcode:`, with their mxc addresses.
    pub emoticons: HashMap<String, String>,
}

impl Extra {
    /// Further content as JSON text.
    ///
    /// # Errors
    /// `config_invalid` if it is no object.
    pub fn from_json(content: Option<&str>) -> Result<Self> {
        let content = content.map(serde_json::from_str).transpose();
        let content = content.map_err(|error| {
            let message = format!("further content is no JSON object: {error}");
            Error::new(ErrorCode::ConfigInvalid, message)
        })?;
        Ok(Self {
            content: content.unwrap_or_default(),
            emoticons: HashMap::new(),
        })
    }
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
    pub extra: Extra,
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
    pub finalized: bool,
    pub extra: Extra,
    pub wait_ms: Option<u64>,
}

/// A poll to send (MSC3381); fields are documented in `ts/native/account.ts`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct SendPoll {
    pub target: SendTarget,
    pub question: String,
    pub answers: Vec<String>,
    pub max_selections: u32,
    pub disclosed: bool,
    pub key: Option<String>,
}

/// A place to send; fields are documented in `ts/native/account.ts`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct SendLocation {
    pub target: SendTarget,
    pub latitude: f64,
    pub longitude: f64,
    pub altitude: Option<f64>,
    pub uncertainty: Option<f64>,
    pub description: Option<String>,
    pub key: Option<String>,
}

/// Files to send; fields are documented in `ts/native/account.ts`.
#[derive(Clone)]
#[allow(missing_docs)]
pub struct SendMedia {
    pub target: SendTarget,
    pub files: Vec<SendFile>,
    pub caption: Option<String>,
    pub key: Option<String>,
    pub chunk_limit: usize,
    pub chunk_mode: ChunkMode,
    pub tables: Tables,
    pub wait_ms: Option<u64>,
}

/// One file of [`SendMedia`].
#[derive(Clone)]
#[allow(missing_docs)]
pub struct SendFile {
    pub bytes: Vec<u8>,
    pub filename: String,
    pub mimetype: Option<String>,
    pub small: Option<Vec<u8>>,
    pub voice: bool,
    pub as_file: bool,
}
