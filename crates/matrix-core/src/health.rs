//! Sync, queues and decryption at a glance.

mod notice;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

pub use notice::{Notice, NoticeKind};
use ruma::UserId;
use tokio::sync::watch;

use crate::{Error, ErrorCode, inbox::InboxCounts, trust::ChangedIdentity};

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
    /// It is no passing delay: of what came within the last day, three events wait, or
    /// one has waited for five minutes.
    pub sustained: bool,
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
    /// What was set aside, oldest first.
    pub notices: Vec<Notice>,
    /// People whose identity changed and was not accepted yet, by user id.
    pub changed_identities: Vec<ChangedIdentity>,
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
    /// See [`Health::notices`].
    pub notices: Vec<Notice>,
    /// See [`Health::changed_identities`].
    pub changed_identities: Vec<ChangedIdentity>,
}

/// A request of the sync loop that has not been answered.
#[derive(Debug, Clone, Copy)]
struct Asked {
    at: Instant,
    /// Milliseconds since the epoch.
    at_ms: u64,
    /// After this, silence is worth telling.
    patience: Duration,
}

/// Where the engines write how they are. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub(crate) struct HealthCell {
    pulse: Arc<watch::Sender<Pulse>>,
    asked: Arc<Mutex<Option<Asked>>>,
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
            notices: Vec::new(),
            changed_identities: Vec::new(),
        };
        Self {
            pulse: Arc::new(watch::Sender::new(pulse)),
            asked: Arc::default(),
        }
    }

    /// The engine begins; nothing has been answered yet.
    pub fn starting(&self) {
        self.sync(|sync| sync.state = SyncState::Starting);
    }

    /// A step of the sync begins, whose answer the homeserver may hold back for `poll`.
    /// See [`Self::note_silence`].
    pub fn asking(&self, poll: Duration) {
        *self.asked() = Some(Asked {
            at: Instant::now(),
            at_ms: now_ms(),
            patience: poll.min(LONGEST_POLL) + GRACE,
        });
    }

    /// Says so if a step has been without an answer for too long. The step itself goes on:
    /// its time-outs are long, because giving up early on a slow homeserver only makes it
    /// slower.
    pub fn note_silence(&self) {
        self.note_silence_at(Instant::now());
    }

    fn note_silence_at(&self, now: Instant) {
        let silent = self
            .asked()
            .filter(|asked| now.saturating_duration_since(asked.at) > asked.patience);
        let Some(asked) = silent else { return };
        self.pulse.send_if_modified(|pulse| {
            let state = pulse.sync.state;
            if !matches!(state, SyncState::Running | SyncState::Starting) {
                return false;
            }
            pulse.sync.state = SyncState::Retrying;
            pulse.sync.error = Some((
                ErrorCode::Timeout,
                format!(
                    "the homeserver has not answered since {}; the request still waits",
                    clock(asked.at_ms)
                ),
            ));
            pulse.version += 1;
            true
        });
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Option<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A sync succeeded and is committed. Counts as a change only if the loop was not
    /// running before.
    pub fn succeeded(&self) {
        *self.asked() = None;
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
        *self.asked() = None;
        self.sync(|sync| {
            sync.state = SyncState::Retrying;
            sync.consecutive_failures = sync.consecutive_failures.saturating_add(1);
            sync.error = Some((error.code, error.message.clone()));
            sync.retry_at = Some(now_ms() + u64::try_from(delay.as_millis()).unwrap_or(0));
        });
    }

    /// It stopped for good; a person has to do something.
    pub fn blocked(&self, error: &Error) {
        *self.asked() = None;
        self.sync(|sync| {
            sync.state = SyncState::Blocked;
            sync.error = Some((error.code, error.message.clone()));
            sync.retry_at = None;
        });
    }

    /// Closed.
    pub fn stopped(&self) {
        *self.asked() = None;
        self.sync(|sync| {
            sync.state = SyncState::Stopped;
            sync.retry_at = None;
        });
    }

    /// The homeserver refused a one-time key because its id was used before.
    pub fn duplicate_one_time_keys(&self) {
        self.change(|pulse| pulse.duplicate_one_time_keys = true);
    }

    /// Something was set aside. A newer notice of a repeated kind takes the older one's
    /// place: see [`crate::dir::Dir::note_sync_step`].
    pub fn notice(&self, notice: Notice) {
        self.change(|pulse| {
            if notice.kind == NoticeKind::SyncStep {
                pulse.notices.retain(|known| known.kind != notice.kind);
            }
            pulse.notices.push(notice);
        });
    }

    /// Whether the person's identity changed; `Some(true)` if the former one was verified.
    pub fn identity(&self, user_id: &UserId, changed: Option<bool>) {
        self.pulse.send_if_modified(|pulse| {
            let all = &mut pulse.changed_identities;
            let place = all.binary_search_by(|known| known.user_id.as_str().cmp(user_id.as_str()));
            match (place, changed) {
                (Ok(at), Some(was_verified)) if all[at].was_verified == was_verified => false,
                (Ok(at), Some(was_verified)) => {
                    all[at].was_verified = was_verified;
                    true
                }
                (Ok(at), None) => {
                    all.remove(at);
                    true
                }
                (Err(at), Some(was_verified)) => {
                    let user_id = user_id.to_string();
                    all.insert(
                        at,
                        ChangedIdentity {
                            user_id,
                            was_verified,
                        },
                    );
                    true
                }
                (Err(_), None) => false,
            }
            .then(|| pulse.version += 1)
            .is_some()
        });
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

/// A homeserver holds a request for this long at most without being silent; a first sync
/// may take longer, and then that is said.
const LONGEST_POLL: Duration = Duration::from_secs(30);
/// What the way there and back may take beyond it. Both together stay under a minute.
const GRACE: Duration = Duration::from_secs(15);

/// The time of day, UTC.
fn clock(at_ms: u64) -> String {
    let seconds = at_ms / 1000 % 86_400;
    format!(
        "{:02}:{:02}:{:02} UTC",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn later(seconds: u64) -> Instant {
        Instant::now() + Duration::from_secs(seconds)
    }

    #[test]
    fn sta_2_silence_is_told_within_a_minute_and_an_answer_ends_it() {
        let health = HealthCell::new();
        health.starting();
        health.succeeded();
        health.asking(Duration::from_secs(30));
        health.note_silence_at(later(40));
        assert_eq!(health.now().sync.state, SyncState::Running);
        health.note_silence_at(later(50));
        let silent = health.now();
        assert_eq!(silent.sync.state, SyncState::Retrying);
        let (code, message) = silent.sync.error.unwrap();
        assert_eq!(code, ErrorCode::Timeout);
        assert!(message.contains("not answered since"), "{message}");
        assert_eq!(silent.sync.consecutive_failures, 0);
        health.note_silence_at(later(55));
        assert_eq!(health.now().version, silent.version, "said once");
        health.succeeded();
        assert_eq!(health.now().sync.state, SyncState::Running);
        health.note_silence_at(later(500));
        assert_eq!(health.now().sync.state, SyncState::Running);
    }

    #[test]
    fn sta_2_a_first_sync_that_takes_long_is_told_too() {
        let health = HealthCell::new();
        health.starting();
        health.asking(Duration::from_secs(300));
        health.note_silence_at(later(50));
        assert_eq!(health.now().sync.state, SyncState::Retrying);
    }

    #[test]
    fn enc_12_changed_identities_are_listed_until_they_are_accepted() {
        let health = HealthCell::new();
        let [zoe, al] = ["@zoe:test", "@al:test"].map(|id| <&UserId>::try_from(id).unwrap());
        for (user, changed) in [(zoe, Some(true)), (al, Some(false)), (al, Some(false))] {
            health.identity(user, changed);
        }
        let listed = |now: &Pulse| -> Vec<(String, bool)> {
            let all = now.changed_identities.iter();
            all.map(|one| (one.user_id.clone(), one.was_verified))
                .collect()
        };
        let now = health.now();
        assert_eq!(now.version, 3, "the same again is no change");
        let expected = [
            ("@al:test".to_owned(), false),
            ("@zoe:test".to_owned(), true),
        ];
        assert_eq!(listed(&now), expected);
        health.identity(zoe, None);
        health.identity(zoe, None);
        assert_eq!(listed(&health.now()), expected[..1]);
        assert_eq!(health.now().version, 4);
    }

    #[test]
    fn sta_2_the_time_of_day() {
        assert_eq!(clock(1_764_000_061_999), "16:01:01 UTC");
    }
}
