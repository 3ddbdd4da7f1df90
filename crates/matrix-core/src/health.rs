//! Sync, queues and decryption at a glance.

use crate::{ErrorCode, inbox::InboxCounts};

/// Where the sync loop stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// Before the first answer.
    Starting,
    /// The last request succeeded.
    Running,
    /// The last request failed; another one follows.
    Retrying,
    /// It stopped for a cause that a person has to remove.
    Blocked,
    /// Closed, or not started.
    Stopped,
}

/// The sync loop.
#[derive(Debug, Clone)]
pub struct SyncHealth {
    /// Where it stands.
    pub state: SyncState,
    /// Milliseconds since the epoch.
    pub last_success_at: Option<u64>,
    /// Since the last success.
    pub consecutive_failures: u32,
    /// While retrying or blocked.
    pub error: Option<(ErrorCode, String)>,
    /// Milliseconds since the epoch, while retrying.
    pub retry_at: Option<u64>,
}

/// How many events wait for the same cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndecryptableCause {
    /// See the `undecryptable` table.
    pub cause: String,
    /// Events.
    pub count: u32,
}

/// What waits for a key.
#[derive(Debug, Clone, Default)]
pub struct UndecryptableHealth {
    /// Events.
    pub waiting: u32,
    /// Milliseconds since the epoch.
    pub oldest_at: Option<u64>,
    /// Grouped.
    pub causes: Vec<UndecryptableCause>,
}

/// What waits to be sent.
#[derive(Debug, Clone, Default)]
pub struct OutboxHealth {
    /// Events.
    pub queued: u32,
    /// Events given up.
    pub failed: u32,
    /// Milliseconds since the epoch.
    pub oldest_at: Option<u64>,
    /// The newest trouble.
    pub error: Option<String>,
}

/// Everything together.
#[derive(Debug, Clone)]
pub struct Health {
    /// Grows with every change.
    pub version: u64,
    /// The sync loop.
    pub sync: SyncHealth,
    /// The inbound queue.
    pub inbox: InboxCounts,
    /// What waits for a key.
    pub undecryptable: UndecryptableHealth,
    /// The outbound queue.
    pub outbox: OutboxHealth,
    /// The homeserver refused a one-time key because its id was used before (#5200 of the SDK).
    pub duplicate_one_time_keys: bool,
}
