//! Sync, queues and decryption at a glance.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

use crate::{Error, ErrorCode, inbox::InboxCounts};

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

/// What changes without anybody asking, with the version that counts the changes.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    /// See [`Health::version`].
    pub version: u64,
    /// The sync loop.
    pub sync: SyncHealth,
    /// See [`Health::duplicate_one_time_keys`].
    pub duplicate_one_time_keys: bool,
}

/// Where the engines write how they are. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct HealthCell {
    pulse: Arc<watch::Sender<Pulse>>,
}

impl HealthCell {
    /// Stopped, version 1: a reader that knows nothing (0) gets it at once.
    pub fn new() -> Self {
        let pulse = Pulse {
            version: 1,
            sync: SyncHealth {
                state: SyncState::Stopped,
                last_success_at: None,
                consecutive_failures: 0,
                error: None,
                retry_at: None,
            },
            duplicate_one_time_keys: false,
        };
        Self {
            pulse: Arc::new(watch::Sender::new(pulse)),
        }
    }

    /// The engine begins; nothing has been answered yet.
    pub fn starting(&self) {
        self.sync(|sync| sync.state = SyncState::Starting);
    }

    /// A sync succeeded and is committed. Counts as a change only if the loop was not
    /// running before.
    pub fn succeeded(&self) {
        self.pulse.send_if_modified(|pulse| {
            let changed = pulse.sync.state != SyncState::Running;
            pulse.sync = SyncHealth {
                state: SyncState::Running,
                last_success_at: Some(now_ms()),
                consecutive_failures: 0,
                error: None,
                retry_at: None,
            };
            if changed {
                pulse.version += 1;
            }
            changed
        });
    }

    /// A sync failed; the next try starts after `delay`.
    pub fn retrying(&self, error: &Error, delay: Duration) {
        self.sync(|sync| {
            sync.state = SyncState::Retrying;
            sync.consecutive_failures = sync.consecutive_failures.saturating_add(1);
            sync.error = Some((error.code, error.message.clone()));
            sync.retry_at = Some(now_ms() + u64::try_from(delay.as_millis()).unwrap_or(0));
        });
    }

    /// It stopped for good; a person has to do something.
    pub fn blocked(&self, error: &Error) {
        self.sync(|sync| {
            sync.state = SyncState::Blocked;
            sync.error = Some((error.code, error.message.clone()));
            sync.retry_at = None;
        });
    }

    /// Closed.
    pub fn stopped(&self) {
        self.sync(|sync| {
            sync.state = SyncState::Stopped;
            sync.retry_at = None;
        });
    }

    /// The homeserver refused a one-time key because its id was used before.
    pub fn duplicate_one_time_keys(&self) {
        self.change(|pulse| pulse.duplicate_one_time_keys = true);
    }

    /// Something outside changed (a queue's count).
    pub fn touch(&self) {
        self.change(|_| ());
    }

    /// As it is now.
    pub fn now(&self) -> Pulse {
        self.pulse.borrow().clone()
    }

    /// The first version above `since`.
    pub async fn after(&self, since: u64) {
        let mut reader = self.pulse.subscribe();
        // The sender lives in `self`, so the wait cannot end for its absence.
        let _ = reader.wait_for(|pulse| pulse.version > since).await;
    }

    fn sync(&self, edit: impl FnOnce(&mut SyncHealth)) {
        self.change(|pulse| edit(&mut pulse.sync));
    }

    fn change(&self, edit: impl FnOnce(&mut Pulse)) {
        self.pulse.send_modify(|pulse| {
            edit(pulse);
            pulse.version += 1;
        });
    }
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}
