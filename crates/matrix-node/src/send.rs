//! What is sent, and what became of it.

use std::str::FromStr;

use matrix_core::{self as core, Error, ErrorCode, Result, send};
use napi_derive::napi;

use crate::mirror::{Cross, mirror_name, name_to_core};

name_to_core! {
    /// `msgtype` of outgoing text.
    TextKind to TextKind as "lowercase" { Text, Notice, Emote }
}

name_to_core! {
    /// Where long text is cut.
    ChunkMode to ChunkMode as "lowercase" { Length, Newline }
}

name_to_core! {
    /// How Markdown tables are rendered.
    Tables to Tables as "lowercase" { Block, Bullets, Code, Off }
}

/// A text to send; documented at `SendText` in account.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct SendText {
    pub room_id: String,
    pub thread_root_id: Option<String>,
    pub reply_to_id: Option<String>,
    pub markdown: String,
    pub kind: TextKind,
    pub key: Option<String>,
    pub chunk_limit: u32,
    pub chunk_mode: ChunkMode,
    pub live: Option<bool>,
    pub tables: Tables,
    pub extra: Option<String>,
    pub wait_ms: Option<u32>,
}

/// An edit; documented at `EditText` in account.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct EditText {
    pub room_id: String,
    pub event_id: String,
    pub markdown: String,
    pub kind: TextKind,
    pub key: Option<String>,
    pub live: Option<bool>,
    pub tables: Tables,
    pub draft: bool,
    pub finalized: Option<bool>,
    pub extra: Option<String>,
    pub wait_ms: Option<u32>,
}

/// A poll to send; documented at `SendPoll` in account.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct SendPoll {
    pub room_id: String,
    pub thread_root_id: Option<String>,
    pub reply_to_id: Option<String>,
    pub question: String,
    pub answers: Vec<String>,
    pub max_selections: u32,
    pub disclosed: bool,
    pub key: Option<String>,
}

/// A place to send; documented at `SendLocation` in account.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct SendLocation {
    pub room_id: String,
    pub thread_root_id: Option<String>,
    pub reply_to_id: Option<String>,
    pub latitude: f64,
    pub longitude: f64,
    pub altitude: Option<f64>,
    pub uncertainty: Option<f64>,
    pub description: Option<String>,
    pub key: Option<String>,
}

/// A vote, or the end of a poll.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct Vote {
    pub room_id: String,
    pub event_id: String,
    pub answers: Vec<String>,
    pub key: Option<String>,
}

/// A reaction to send.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct React {
    pub room_id: String,
    pub event_id: String,
    pub emoji: String,
    pub key: Option<String>,
}

/// A redaction to send.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct Redact {
    pub room_id: String,
    pub event_id: String,
    pub reason: Option<String>,
    pub key: Option<String>,
}

/// Who may see a receipt.
#[napi(string_enum = "lowercase")]
pub enum ReceiptKind {
    /// `m.read`.
    Public,
    /// `m.read.private`.
    Private,
}

/// A receipt to send.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct Receipt {
    pub room_id: String,
    pub event_id: String,
    pub thread_root_id: Option<String>,
    pub kind: ReceiptKind,
}

/// Where a send that did not fail stands.
#[napi(string_enum = "lowercase")]
pub enum SentState {
    /// The homeserver has all of it.
    Sent,
    /// Durably stored, not all of it sent.
    Queued,
    /// A draft edit that a newer edit made needless.
    Overtaken,
}

/// What became of a send.
#[napi(object, object_from_js = false)]
pub struct Sent {
    /// In order, as far as sent.
    pub event_ids: Vec<String>,
    /// Where it stands.
    pub state: SentState,
}

mirror_name! {
    /// Where a send stands.
    OutboxState from core::OutboxState as "lowercase" { Sent, Queued, Failed, Overtaken, Unknown }
}

/// What the outbox knows of a key.
#[napi(object, object_from_js = false)]
pub struct OutboxEntry {
    /// The send's key.
    pub key: String,
    /// Where it stands.
    pub state: OutboxState,
    /// In order, as far as sent.
    pub event_ids: Vec<String>,
    /// It failed, and the homeserver may have taken an event it never confirmed.
    pub in_doubt: bool,
    /// Why it failed.
    pub error: Option<String>,
}

impl Cross for core::OutboxEntry {
    type Js = OutboxEntry;
    fn cross(self) -> OutboxEntry {
        let Self {
            key,
            state,
            event_ids,
            in_doubt,
            error,
        } = self;
        OutboxEntry {
            key,
            state: state.cross(),
            event_ids,
            in_doubt,
            error: error.map(|error| error.message),
        }
    }
}

impl Sent {
    /// A send that failed is an error, with the homeserver's own where there is one.
    pub(crate) fn from_entry(entry: core::OutboxEntry) -> Result<Self> {
        let state = match entry.state {
            core::OutboxState::Sent => SentState::Sent,
            core::OutboxState::Queued => SentState::Queued,
            core::OutboxState::Overtaken => SentState::Overtaken,
            core::OutboxState::Failed | core::OutboxState::Unknown => {
                return Err(entry.error.unwrap_or_else(|| {
                    Error::internal("the send was given up without a recorded cause")
                }));
            }
        };
        Ok(Self {
            event_ids: entry.event_ids,
            state,
        })
    }
}

impl SendText {
    /// As the core takes it.
    pub(crate) fn into_core(self) -> Result<send::SendText> {
        let Self {
            room_id,
            thread_root_id,
            reply_to_id,
            markdown,
            kind,
            key,
            chunk_limit,
            chunk_mode,
            live,
            tables,
            extra,
            wait_ms,
        } = self;
        Ok(send::SendText {
            target: target(&room_id, thread_root_id, reply_to_id)?,
            markdown,
            kind: kind.into(),
            key,
            chunk_limit: usize::try_from(chunk_limit).unwrap_or(usize::MAX),
            chunk_mode: chunk_mode.into(),
            live: live.unwrap_or(false),
            tables: tables.into(),
            extra: send::Extra::from_json(extra.as_deref())?,
            wait_ms: wait_ms.map(Into::into),
        })
    }
}

impl EditText {
    /// As the core takes it.
    pub(crate) fn into_core(self) -> Result<send::EditText> {
        let Self {
            room_id,
            event_id,
            markdown,
            kind,
            key,
            live,
            tables,
            draft,
            finalized,
            extra,
            wait_ms,
        } = self;
        Ok(send::EditText {
            room_id: id("room", &room_id)?,
            event_id: id("event", &event_id)?,
            markdown,
            kind: kind.into(),
            key,
            live: live.unwrap_or(false),
            tables: tables.into(),
            draft,
            finalized: finalized.unwrap_or(false),
            extra: send::Extra::from_json(extra.as_deref())?,
            wait_ms: wait_ms.map(Into::into),
        })
    }
}

impl SendPoll {
    /// As the core takes it.
    pub(crate) fn into_core(self) -> Result<send::SendPoll> {
        let Self {
            room_id,
            thread_root_id,
            reply_to_id,
            question,
            answers,
            max_selections,
            disclosed,
            key,
        } = self;
        Ok(send::SendPoll {
            target: target(&room_id, thread_root_id, reply_to_id)?,
            question,
            answers,
            max_selections,
            disclosed,
            key,
        })
    }
}

impl SendLocation {
    /// As the core takes it.
    pub(crate) fn into_core(self) -> Result<send::SendLocation> {
        let Self {
            room_id,
            thread_root_id,
            reply_to_id,
            latitude,
            longitude,
            altitude,
            uncertainty,
            description,
            key,
        } = self;
        Ok(send::SendLocation {
            target: target(&room_id, thread_root_id, reply_to_id)?,
            latitude,
            longitude,
            altitude,
            uncertainty,
            description,
            key,
        })
    }
}

/// Where a message goes.
pub(crate) fn target(
    room_id: &str,
    thread_root_id: Option<String>,
    reply_to_id: Option<String>,
) -> Result<send::SendTarget> {
    Ok(send::SendTarget {
        room_id: id("room", room_id)?,
        thread_root_id: thread_root_id.map(|root| id("event", &root)).transpose()?,
        reply_to_id: reply_to_id.map(|event| id("event", &event)).transpose()?,
    })
}

/// An identifier of Matrix; one that is none cannot exist on any homeserver.
fn id<T: FromStr<Err: std::fmt::Display>>(what: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error| {
        Error::new(
            ErrorCode::NotFound,
            format!("{text:?} is no {what} id ({error})"),
        )
    })
}
