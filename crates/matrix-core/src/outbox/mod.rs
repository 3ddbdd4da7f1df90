//! The durable outbound queue: a send is a row with its transaction id first,
//! then a request; a retry, by whatever process, uses the same id.
//!
//! One lane a room sends in order; rooms do not wait for each other. A send
//! that fails for good does not block those behind it. Draft edits that a newer
//! edit of the same event overtook are dropped, a final edit never is.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use fail::fail_point;
use matrix_sdk_store_encryption::StoreCipher;
use ruma::{OwnedEventId, OwnedRoomId};
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::Instant,
};
use tracing::Instrument;

use crate::{
    engine::Engine,
    error::{Error, Result},
    health::OutboxHealth,
    media::Spool,
    queue_file::{Hash, QueueFile},
};

mod files;
mod kept;
mod lane;
mod record;
mod rows;
mod schema;
#[cfg(test)]
mod tests;
mod verdict;

pub(crate) use self::files::{NewFile, Place};

/// Where a send stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutboxState {
    /// All its events are on the homeserver.
    Sent,
    /// Stored, not all of it sent.
    Queued,
    /// Given up.
    Failed,
    /// A draft edit that a newer edit of the same event made needless.
    Overtaken,
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
    /// It failed, and the homeserver may have taken an event that it never confirmed.
    pub in_doubt: bool,
    /// Why it failed.
    pub error: Option<crate::Error>,
}

/// A send that is not sent, for people; it does not tell the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxItem {
    /// Its number, for the calls that act on it.
    pub id: i64,
    /// The room; `None` if it cannot be read any more.
    pub room_id: Option<String>,
    /// Given up; else queued.
    pub failed: bool,
    /// When it was stored, milliseconds since the epoch.
    pub created_at: u64,
    /// When it is given up, milliseconds since the epoch; `None` once it is.
    pub expires_at: Option<u64>,
    /// When it is tried again, milliseconds since the epoch, while it waits for that.
    pub waiting_until: Option<u64>,
    /// See [`OutboxEntry::in_doubt`].
    pub in_doubt: bool,
    /// Events it consists of.
    pub parts: u32,
    /// Events of it that are sent.
    pub sent: u32,
    /// Tries that failed.
    pub attempts: u32,
    /// The last failure.
    pub error: Option<String>,
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
    /// Set for draft edits: dropped when a newer edit of the same event waits
    /// behind. A final edit is known by the `m.replace` in its content.
    pub draft_of: Option<OwnedEventId>,
    /// Files that are uploaded before the events that name them are sent.
    pub files: Vec<NewFile>,
}

/// The lanes' patience.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// The first wait after network trouble; doubles with every try.
    pub first: Duration,
    /// The longest wait after network trouble.
    pub longest: Duration,
    /// Between tries while nobody is logged in.
    pub paused: Duration,
    /// For one request, with everything encryption needs before it.
    pub request: Duration,
    /// For uploading one file.
    pub upload: Duration,
    /// After this a send fails that no request left for.
    pub lifetime: Duration,
    /// After this a send fails whose request left and was never answered. Homeservers
    /// remember transaction ids for about a day, so that a later try could make a second
    /// event.
    pub in_doubt: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(300),
            paused: Duration::from_secs(60),
            request: Duration::from_secs(180),
            upload: Duration::from_secs(20 * 60),
            lifetime: Duration::from_secs(7 * 24 * 60 * 60),
            in_doubt: Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// How often old keys are forgotten, milliseconds.
const PRUNE_EVERY_MS: i64 = 60 * 60 * 1000;

/// The queue. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbox {
    inner: Arc<Inner>,
}

struct Inner {
    file: QueueFile,
    /// Beside the file, in `outgoing`.
    spool: Spool,
    pace: Pace,
    /// Set by `start`, taken by `close`.
    engine: Mutex<Option<Arc<dyn Engine>>>,
    /// Rooms with a running lane.
    lanes: Mutex<HashMap<Hash, lane::Running>>,
    tasks: Mutex<JoinSet<()>>,
    closing: watch::Sender<bool>,
    /// A send was sent or given up, or the outbox was closed.
    ended: Notify,
    /// Grows when the network may be back.
    hint: watch::Sender<u64>,
    /// The newest failure that no success followed.
    trouble: Mutex<Option<String>>,
    pruned_at: AtomicI64,
}

impl Outbox {
    /// Opens or creates the file.
    pub async fn open(path: &Path, cipher: Arc<StoreCipher>) -> Result<Self> {
        Self::open_with(path, cipher, Pace::default()).await
    }

    /// [`Self::open`] with another patience.
    pub(crate) async fn open_with(
        path: &Path,
        cipher: Arc<StoreCipher>,
        pace: Pace,
    ) -> Result<Self> {
        let file = QueueFile::open(path, cipher, schema::ROLE, schema::MIGRATIONS).await?;
        let now = file.clock.now();
        file.run(move |tx, _| {
            kept::reopen(tx)?;
            rows::prune(tx, now)
        })
        .await?;
        let spool = Spool::new(path.with_file_name("outgoing"));
        let outbox = Self {
            inner: Arc::new(Inner {
                file,
                spool,
                pace,
                engine: Mutex::default(),
                lanes: Mutex::default(),
                tasks: Mutex::default(),
                closing: watch::Sender::new(false),
                ended: Notify::new(),
                hint: watch::Sender::new(0),
                trouble: Mutex::default(),
                pruned_at: AtomicI64::new(now),
            }),
        };
        outbox.sweep().await?;
        Ok(outbox)
    }

    /// Starts a lane per room that has something to send; later enqueues start
    /// theirs. A second call does nothing.
    pub fn start(&self, engine: Arc<dyn Engine>) {
        if *self.inner.closing.borrow() {
            return;
        }
        {
            let mut slot = locked(&self.inner.engine);
            if slot.is_some() {
                return;
            }
            *slot = Some(engine);
        }
        let outbox = self.clone();
        let lanes = async move {
            loop {
                match outbox.inner.file.run(|tx, _| rows::rooms(tx)).await {
                    Ok(rooms) => {
                        for room in rooms {
                            outbox.ensure_lane(room);
                        }
                        return;
                    }
                    Err(error) if error.code == crate::ErrorCode::Closed => return,
                    Err(error) => {
                        tracing::error!(%error, "the outbox cannot be read, trying again");
                        outbox.pause(Duration::from_secs(5)).await;
                    }
                }
            }
        };
        locked(&self.inner.tasks).spawn(lanes.in_current_span());
    }

    /// Stores a send; storing the same key again changes nothing.
    pub async fn enqueue(&self, send: NewSend) -> Result<()> {
        if *self.inner.closing.borrow() {
            return Err(Error::closed());
        }
        let now = self.inner.file.clock.now();
        let lifetime = self.inner.pace.lifetime;
        let prune = now - self.inner.pruned_at.load(Ordering::Relaxed) > PRUNE_EVERY_MS;
        let names: Vec<String> = send.files.iter().map(NewFile::name).collect();
        let stored = self
            .inner
            .file
            .run(move |tx, seal| {
                if prune {
                    rows::prune(tx, now)?;
                }
                let room = rows::insert(tx, seal, now, lifetime, &send)?;
                fail_point!("outbox::stored::before");
                Ok(room)
            })
            .await;
        self.inner.spool.settled(names.iter().map(String::as_str));
        let room = stored?;
        fail_point!("outbox::stored::after");
        if prune {
            self.inner.pruned_at.store(now, Ordering::Relaxed);
        }
        if prune || (room.is_none() && !names.is_empty()) {
            self.sweep().await?;
        }
        if let Some(room) = room {
            self.ensure_lane(room);
            // It may have overtaken drafts that somebody waits for.
            self.inner.ended.notify_waiters();
        }
        Ok(())
    }

    /// Waits until it is sent or failed, at most `timeout`; then tells how it
    /// stands. Returns at once for an unknown key and when closing.
    pub async fn wait(&self, key: &str, timeout: Duration) -> Result<OutboxEntry> {
        let deadline = Instant::now() + timeout;
        loop {
            let ended = self.inner.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            let entry = self.entry(key).await?;
            if entry.state != OutboxState::Queued
                || *self.inner.closing.borrow()
                || tokio::time::timeout_at(deadline, ended).await.is_err()
            {
                return Ok(entry);
            }
        }
    }

    /// What is known now.
    pub async fn entry(&self, key: &str) -> Result<OutboxEntry> {
        let key = key.to_owned();
        self.inner
            .file
            .run(move |tx, seal| rows::entry(tx, seal, &key))
            .await
    }

    /// What is not sent.
    pub async fn items(&self) -> Result<Vec<OutboxItem>> {
        let now = self.inner.file.clock.now();
        let in_doubt = self.inner.pace.in_doubt.as_millis() as i64;
        self.inner
            .file
            .run(move |tx, seal| kept::list(tx, seal, now, in_doubt))
            .await
    }

    /// Sends that failed get new time and their old transaction ids, and those that wait
    /// are tried at once; returns which of `ids` there were.
    pub async fn retry(&self, ids: &[i64]) -> Result<Vec<i64>> {
        let deadline = self.inner.file.clock.now() + self.inner.pace.lifetime.as_millis() as i64;
        let ids = ids.to_vec();
        let found = self
            .inner
            .file
            .run(move |tx, _| kept::retry(tx, &ids, deadline))
            .await?;
        Ok(self.stir(found))
    }

    /// Ends sends that are not sent; who waits for one gets `cancelled`. Returns which of
    /// `ids` there were.
    pub async fn drop_sends(&self, ids: &[i64]) -> Result<Vec<i64>> {
        let (now, ids) = (self.inner.file.clock.now(), ids.to_vec());
        let found = self
            .inner
            .file
            .run(move |tx, seal| kept::forget(tx, seal, now, &ids))
            .await?;
        self.sweep().await?;
        Ok(self.stir(found))
    }

    /// Has the rooms' lanes look again at once.
    fn stir(&self, found: Vec<(i64, Hash)>) -> Vec<i64> {
        self.inner.ended.notify_waiters();
        found
            .into_iter()
            .map(|(id, room)| {
                self.ensure_lane(room);
                self.urge(&room);
                id
            })
            .collect()
    }

    /// Counts.
    pub async fn health(&self) -> Result<OutboxHealth> {
        let mut health = self.inner.file.run(|tx, _| rows::health(tx)).await?;
        health.error = locked(&self.inner.trouble).clone();
        Ok(health)
    }

    /// The homeserver answers again (or a new login works): what waits for
    /// that is tried at once. What a rate limit holds back waits on.
    pub fn wake(&self) {
        self.inner.hint.send_modify(|hints| *hints += 1);
    }

    /// Lets running requests end for up to `grace`, then stops; rows stay, and
    /// the file is let go of. Idempotent.
    pub async fn close(&self, grace: Duration) {
        self.inner.closing.send_replace(true);
        let mut tasks = std::mem::take(&mut *locked(&self.inner.tasks));
        let all_ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, all_ended).await.is_err() {
            // Sent again with the same transaction id by the next process.
            tasks.shutdown().await;
        }
        locked(&self.inner.engine).take();
        self.inner.ended.notify_waiters();
        self.inner.file.release().await;
    }

    /// Sleeps, unless closing begins.
    async fn pause(&self, wait: Duration) {
        let mut closing = self.inner.closing.subscribe();
        let _ = tokio::time::timeout(wait, closing.wait_for(|closing| *closing)).await;
    }
}

/// A panic while a lock was held leaves nothing half done here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
