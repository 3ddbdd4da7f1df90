//! The durable outbound queue: a send is a row with its transaction id first,
//! then a request; a retry, by whatever process, uses the same id.

use std::{path::Path, sync::Arc, time::Duration};

use matrix_sdk_store_encryption::StoreCipher;
use ruma::{OwnedEventId, OwnedRoomId};

use crate::{engine::Engine, error::Result, health::OutboxHealth};

/// Where a send stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxState {
    /// All its events are on the homeserver.
    Sent,
    /// Stored, not all of it sent.
    Queued,
    /// Given up.
    Failed,
    /// The key was never seen, or forgotten after 30 days.
    Unknown,
}

/// What is known of a send.
#[derive(Debug, Clone)]
pub struct OutboxEntry {
    /// The send's key.
    pub key: String,
    /// Where it stands.
    pub state: OutboxState,
    /// In order, as far as sent.
    pub event_ids: Vec<String>,
    /// Why it failed.
    pub error: Option<crate::Error>,
}

/// One event of a send.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Event type; `m.room.redaction` has its target in `content.redacts`.
    pub event_type: String,
    /// Event content, before encryption.
    pub content: serde_json::Value,
}

/// A send before it is stored.
#[derive(Debug, Clone)]
pub(crate) struct NewSend {
    /// Its name for ever.
    pub key: String,
    /// The room.
    pub room_id: OwnedRoomId,
    /// Its events, in order.
    pub parts: Vec<Part>,
    /// Set for draft edits: dropped when a newer edit of the same event waits behind.
    pub draft_of: Option<OwnedEventId>,
}

/// The queue. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox {}

#[allow(unused_variables)]
impl Outbox {
    /// Opens or creates the file.
    pub async fn open(path: &Path, cipher: Arc<StoreCipher>) -> Result<Self> {
        todo!()
    }
    /// Starts a worker per room that has something to send; later enqueues start theirs.
    pub fn start(&self, engine: Arc<dyn Engine>) {
        todo!()
    }
    /// Stores a send; storing the same key again changes nothing.
    pub async fn enqueue(&self, send: NewSend) -> Result<()> {
        todo!()
    }
    /// Waits until it is sent or failed, at most `timeout`.
    pub async fn wait(&self, key: &str, timeout: Duration) -> Result<OutboxEntry> {
        todo!()
    }
    /// What is known now.
    pub async fn entry(&self, key: &str) -> Result<OutboxEntry> {
        todo!()
    }
    /// Counts.
    pub async fn health(&self) -> Result<OutboxHealth> {
        todo!()
    }
    /// Lets running requests end for up to `grace`, then stops; rows stay.
    pub async fn close(&self, grace: Duration) {
        todo!()
    }
}
