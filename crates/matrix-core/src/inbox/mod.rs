//! The durable inbound queue: events, gaps, undecryptable events and the token
//! they were read up to, in one SQLite file with encrypted payloads.
//!
//! A row's way: waiting → leased (handed out) → adopted (the host has the turn)
//! → settled (its payload is deleted, its key kept for 30 days against
//! duplicates). Leased and adopted rows wait again after a restart. A row that
//! failed three times, or was out ten times when the process ended, becomes a dead
//! letter.
//!
//! Rows go out in the order of their room's timeline. What came after a gap
//! waits for it, for a minute at most.

use std::{
    collections::HashSet,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::Duration,
};

use fail::fail_point;
use matrix_sdk_store_encryption::StoreCipher;
use ruma::OwnedRoomId;
use tokio::sync::Notify;

use crate::{
    error::Result,
    event::{NewEvent, StoredEvent, Undecryptable},
    health::UndecryptableHealth,
    queue_file::{Hash, QueueFile},
};

mod changes;
mod dead;
mod events;
mod fill;
mod gaps;
mod lease;
mod missing_keys;
mod record;
mod retry;
mod schema;
mod skipped;
#[cfg(test)]
mod tests;
mod workers;

pub(crate) use dead::DeadLetter;
use lease::Lease;
pub(crate) use workers::{WorkerSettings, spawn_workers};

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
    /// The token we had before: the hole ends there. With or without it, it
    /// ends at the first event that was here before the hole.
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
    /// Pages read so far.
    pub pages: u32,
    /// Refusals of the homeserver since the last page.
    pub failures: u32,
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
    /// Holes; each lies before this step's events of its room.
    pub gaps: Vec<NewGap>,
}

/// How often old keys are forgotten, milliseconds.
const PRUNE_EVERY_MS: i64 = 60 * 60 * 1000;

/// The queue. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {
    inner: Arc<Inner>,
}

struct Inner {
    file: QueueFile,
    closed: AtomicBool,
    /// Rows may have become deliverable, or the inbox was closed.
    deliverable: Arc<Notify>,
    /// Leased rows whose `next_batch` was dropped before it gave them away.
    stranded: Arc<lease::Stranded>,
    /// A gap came, or a room became free for the next one.
    gap_work: Notify,
    /// Rooms a filler is busy with.
    filling: Mutex<HashSet<Hash>>,
    /// Something undecryptable came.
    key_work: Notify,
    pruned_at: AtomicI64,
}

impl Inbox {
    /// Opens or creates the file; what was leased or adopted waits again.
    pub async fn open(path: &Path, cipher: Arc<StoreCipher>) -> Result<Self> {
        let file = QueueFile::open(path, cipher, schema::ROLE, schema::MIGRATIONS).await?;
        let now = file.clock.now();
        file.run(move |tx, seal| events::reopen(tx, seal, now))
            .await?;
        let deliverable = Arc::new(Notify::new());
        Ok(Self {
            inner: Arc::new(Inner {
                file,
                closed: AtomicBool::new(false),
                stranded: Arc::new(lease::Stranded::new(Arc::clone(&deliverable))),
                deliverable,
                gap_work: Notify::new(),
                filling: Mutex::default(),
                key_work: Notify::new(),
                pruned_at: AtomicI64::new(now),
            }),
        })
    }

    /// Whether an edit changes the message while it waits. The file keeps it, so that all
    /// who store events go by it.
    pub async fn apply_edits(&self, apply: bool) -> Result<()> {
        self.inner
            .file
            .run(move |tx, _| changes::apply_edits(tx, apply))
            .await
    }

    /// The token of the last committed step.
    pub async fn token(&self) -> Result<Option<String>> {
        self.inner.file.run(events::token).await
    }

    /// Rows, undecryptable events, gaps and the token in one transaction; idempotent on (room, key).
    pub async fn commit(&self, step: SyncStep) -> Result<()> {
        let now = self.inner.file.clock.now();
        let (gaps, keys) = (!step.gaps.is_empty(), !step.undecryptable.is_empty());
        let prune = now - self.inner.pruned_at.load(Ordering::Relaxed) > PRUNE_EVERY_MS;
        self.inner
            .file
            .run(move |tx, seal| {
                events::commit(tx, seal, now, &step)?;
                if prune {
                    events::prune(tx, now)?;
                }
                fail_point!("inbox::commit::before");
                Ok(())
            })
            .await?;
        fail_point!("inbox::commit::after");
        if prune {
            self.inner.pruned_at.store(now, Ordering::Relaxed);
        }
        self.inner.deliverable.notify_waiters();
        if gaps {
            self.inner.gap_work.notify_waiters();
        }
        if keys {
            self.inner.key_work.notify_one();
        }
        Ok(())
    }

    /// Forgets the token, so that the next sync is a first one again (invalid token).
    pub async fn forget_token(&self) -> Result<()> {
        self.inner
            .file
            .run(|tx, _| {
                tx.execute("DELETE FROM meta WHERE name = 'token'", [])?;
                Ok(())
            })
            .await
    }

    /// Leases up to `max` (at least one) waiting rows in order, waiting for
    /// some; `None` once closed.
    ///
    /// Safe to drop at any moment: rows it had leased by then are handed out
    /// again by the next call, at their old place.
    pub async fn next_batch(&self, max: usize) -> Result<Option<Vec<StoredEvent>>> {
        loop {
            let deliverable = self.inner.deliverable.notified();
            tokio::pin!(deliverable);
            deliverable.as_mut().enable();
            if self.inner.closed.load(Ordering::Acquire) {
                return Ok(None);
            }
            let (lease, due) = self.lease(max.max(1)).await?;
            if !lease.is_empty() && !self.inner.closed.load(Ordering::Acquire) {
                fail_point!("inbox::lease::after");
                return Ok(Some(lease.deliver()));
            }
            match due {
                None => deliverable.await,
                Some(due) => {
                    // Looked at again now and then, because the clock may be set.
                    let wait = (due - self.inner.file.clock.now()).clamp(10, 30_000);
                    let wait = Duration::from_millis(wait as u64);
                    let _ = tokio::time::timeout(wait, deliverable).await;
                }
            }
        }
    }

    async fn lease(&self, max: usize) -> Result<(Lease, Option<i64>)> {
        let now = self.inner.file.clock.now();
        let stranded = Arc::clone(&self.inner.stranded);
        self.inner
            .file
            .run(move |tx, seal| {
                stranded.take_back(|seqs| events::take_back(tx, seqs))?;
                let rows = events::lease(tx, seal, now, max)?;
                let due = events::next_due(tx, now)?;
                Ok((Lease::new(rows, stranded), due))
            })
            .await
    }

    /// The host has taken the turn.
    pub async fn adopt(&self, seqs: &[i64]) -> Result<()> {
        let seqs = seqs.to_vec();
        self.inner
            .file
            .run(move |tx, _| events::adopt(tx, &seqs))
            .await?;
        fail_point!("inbox::adopt::after");
        Ok(())
    }

    /// Finished, whatever state the rows are in; again is no error.
    pub async fn settle(&self, seqs: &[i64]) -> Result<()> {
        let (now, seqs) = (self.inner.file.clock.now(), seqs.to_vec());
        self.inner
            .file
            .run(move |tx, _| {
                events::settle(tx, now, &seqs)?;
                fail_point!("inbox::settle::before");
                Ok(())
            })
            .await?;
        fail_point!("inbox::settle::after");
        self.inner.deliverable.notify_waiters();
        Ok(())
    }

    /// Gives a row back, to be handed out again after 5, then 30 seconds; the
    /// third time it becomes a dead letter (true).
    pub async fn fail(&self, seq: i64, reason: &str) -> Result<bool> {
        let (now, reason) = (self.inner.file.clock.now(), reason.to_owned());
        let dead = self
            .inner
            .file
            .run(move |tx, seal| events::fail(tx, seal, now, seq, &reason))
            .await?;
        self.inner.deliverable.notify_waiters();
        Ok(dead)
    }

    /// What was given up, oldest first.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>> {
        self.inner.file.run(dead::list).await
    }

    /// Dead letters wait again; returns which of `seqs` were some.
    pub async fn resubmit(&self, seqs: &[i64]) -> Result<Vec<i64>> {
        let seqs = seqs.to_vec();
        let resubmitted = self
            .inner
            .file
            .run(move |tx, _| dead::resubmit(tx, &seqs))
            .await?;
        self.inner.deliverable.notify_waiters();
        Ok(resubmitted)
    }

    /// Dead letters are settled unanswered; returns which of `seqs` were some.
    pub async fn drop_dead_letters(&self, seqs: &[i64]) -> Result<Vec<i64>> {
        let (now, seqs) = (self.inner.file.clock.now(), seqs.to_vec());
        self.inner
            .file
            .run(move |tx, _| dead::forget(tx, now, &seqs))
            .await
    }

    /// What waits for a key, oldest first, a page of at most `max` behind the row `after`;
    /// `room_ids` limits it.
    pub async fn undecryptable_page(
        &self,
        room_ids: Option<&[OwnedRoomId]>,
        after: i64,
        max: usize,
    ) -> Result<Vec<(i64, Undecryptable)>> {
        let room_ids = room_ids.map(<[_]>::to_vec);
        self.inner
            .file
            .run(move |tx, seal| {
                let rooms: Option<Vec<Hash>> = room_ids.map(|rooms| {
                    rooms
                        .iter()
                        .map(|room| events::room_hash(seal, room))
                        .collect()
                });
                missing_keys::list(tx, seal, rooms.as_deref(), after, max)
            })
            .await
    }

    /// The key of a waiting event came: it goes into the queue, exactly once,
    /// and waits for its key no more. True if it is new.
    pub async fn readable(&self, waiting: Undecryptable, event: NewEvent) -> Result<bool> {
        let now = self.inner.file.clock.now();
        let new = self
            .inner
            .file
            .run(move |tx, seal| {
                let new = missing_keys::readable(tx, seal, now, &waiting, &event)?;
                fail_point!("inbox::readable::before");
                Ok(new)
            })
            .await?;
        fail_point!("inbox::readable::after");
        self.inner.deliverable.notify_waiters();
        Ok(new)
    }

    /// Rows by state.
    pub async fn counts(&self) -> Result<InboxCounts> {
        self.inner.file.run(|tx, _| events::counts(tx)).await
    }

    /// What waits for a key, grouped by cause.
    pub async fn undecryptable_health(&self) -> Result<UndecryptableHealth> {
        let now = self.inner.file.clock.now();
        self.inner
            .file
            .run(move |tx, _| missing_keys::health(tx, now))
            .await
    }

    /// Ends pending and later `next_batch` calls with `None`; everything else
    /// still works, so that turns can end.
    pub fn close(&self) {
        self.inner.closed.store(true, Ordering::Release);
        self.inner.deliverable.notify_waiters();
    }

    /// Closes, and lets go of the file once running calls have ended; later
    /// calls fail with `closed`. Before the folder's lock is freed.
    pub async fn release(&self) {
        self.close();
        // Not a crash: what is out is not to blame that it ends here.
        let given_back = self.inner.file.run(|tx, _| events::give_back(tx)).await;
        if let Err(error) = given_back
            && error.code != crate::ErrorCode::Closed
        {
            tracing::warn!(%error, "what was handed out counts as interrupted by a crash");
        }
        self.inner.file.release().await;
    }
}

impl Inner {
    fn filling(&self) -> std::sync::MutexGuard<'_, HashSet<Hash>> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
