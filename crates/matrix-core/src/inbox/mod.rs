//! The durable inbound queue: events, gaps, undecryptable events and the token
//! they were read up to, in one SQLite file with encrypted payloads.
//!
//! A row's way: waiting → leased (handed out) → adopted (the host has the turn)
//! → settled (its payload is deleted, its key kept for 30 days against
//! duplicates). Leased and adopted rows wait again after a restart. A row that
//! failed three times becomes a dead letter.

use std::{path::Path, sync::Arc};

use matrix_sdk_store_encryption::StoreCipher;
use ruma::OwnedRoomId;

use crate::{
    error::Result,
    event::{NewEvent, StoredEvent, Undecryptable},
    health::UndecryptableHealth,
};

/// Rows by state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InboxCounts {
    /// Not handed out yet.
    pub waiting: u32,
    /// Handed out.
    pub leased: u32,
    /// Taken by the host.
    pub adopted: u32,
    /// Given up after three failures.
    pub dead_letters: u32,
    /// Holes in timelines still to fill.
    pub gaps: u32,
}

/// A hole in a room's timeline (`limited`).
#[derive(Debug, Clone)]
pub(crate) struct NewGap {
    /// The room.
    pub room_id: OwnedRoomId,
    /// `prev_batch`: the hole lies before it.
    pub from: String,
    /// The token we had before: the hole ends there. `None` if we had none.
    pub to: Option<String>,
}

/// A stored gap, with how far it was filled.
#[derive(Debug, Clone)]
pub(crate) struct Gap {
    /// The row.
    pub id: i64,
    /// The room.
    pub room_id: OwnedRoomId,
    /// Where the next older page starts.
    pub from: String,
    /// Where the hole ends.
    pub to: Option<String>,
    /// Events found so far.
    pub found: u32,
}

/// Everything one `/sync` answer gave.
#[derive(Debug, Default)]
pub(crate) struct SyncStep {
    /// `next_batch` (or the engine's own position, opaque to the inbox).
    pub token: String,
    /// In timeline order within each room.
    pub events: Vec<NewEvent>,
    /// What could not be decrypted.
    pub undecryptable: Vec<Undecryptable>,
    /// Holes.
    pub gaps: Vec<NewGap>,
}

/// The queue. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {}

#[allow(unused_variables)]
impl Inbox {
    /// Opens or creates the file; what was leased or adopted waits again.
    pub async fn open(path: &Path, cipher: Arc<StoreCipher>) -> Result<Self> {
        todo!()
    }
    /// The token of the last committed step.
    pub async fn token(&self) -> Result<Option<String>> {
        todo!()
    }
    /// Rows, undecryptable events, gaps and the token in one transaction; idempotent on (room, key).
    pub async fn commit(&self, step: SyncStep) -> Result<()> {
        todo!()
    }
    /// Forgets the token, so that the next sync is a first one again (invalid token).
    pub async fn forget_token(&self) -> Result<()> {
        todo!()
    }
    /// Leases up to `max` waiting rows in order, waiting for some; `None` once closed.
    pub async fn next_batch(&self, max: usize) -> Result<Option<Vec<StoredEvent>>> {
        todo!()
    }
    /// The host has taken the turn.
    pub async fn adopt(&self, seqs: &[i64]) -> Result<()> {
        todo!()
    }
    /// Finished.
    pub async fn settle(&self, seqs: &[i64]) -> Result<()> {
        todo!()
    }
    /// Gives a row back; the third time it becomes a dead letter (true).
    pub async fn fail(&self, seq: i64, reason: &str) -> Result<bool> {
        todo!()
    }
    /// The oldest gap, if any.
    pub async fn next_gap(&self) -> Result<Option<Gap>> {
        todo!()
    }
    /// Stores what waits for a key, grouped by nothing, oldest first; `room_ids` limits it.
    pub async fn undecryptable(
        &self,
        room_ids: Option<&[OwnedRoomId]>,
    ) -> Result<Vec<Undecryptable>> {
        todo!()
    }
    /// Rows by state.
    pub async fn counts(&self) -> Result<InboxCounts> {
        todo!()
    }
    /// What waits for a key, grouped by cause.
    pub async fn undecryptable_health(&self) -> Result<UndecryptableHealth> {
        todo!()
    }
    /// Ends pending and later `next_batch` calls with `None`.
    pub fn close(&self) {
        todo!()
    }
}
