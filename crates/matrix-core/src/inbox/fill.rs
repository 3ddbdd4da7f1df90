//! Fills gaps from `/messages`: page by page, newest page first, each page
//! stored before the next one is asked for, so that a restart goes on where it
//! stopped. Nothing of a gap goes out before it is filled or given up, then
//! all of it, oldest first.

use std::{sync::Arc, time::Duration};

use super::{Gap, Inbox, Inner, gaps};
use crate::{
    config::CatchUp,
    engine::{Engine, HistoryPage},
    error::{Error, ErrorCode, Result},
    queue_file::Hash,
};

/// Events asked for with one request.
const PAGE: u32 = 100;

/// Refusals of a reachable homeserver, one after another, before a gap is given up.
const MAX_REFUSALS: u32 = 10;

/// Runs until dropped.
pub(super) async fn run(inbox: Inbox, engine: Arc<dyn Engine>, bounds: CatchUp) {
    loop {
        let work = inbox.inner.gap_work.notified();
        tokio::pin!(work);
        work.as_mut().enable();
        match inbox.claim_gap().await {
            Ok(Ok(claim)) => {
                if let Err(error) = fill(&inbox, &*engine, bounds, claim.gap.clone()).await {
                    if error.code == ErrorCode::Closed {
                        return;
                    }
                    tracing::warn!(%error, "filling a gap stopped, trying again");
                    tokio::time::sleep(Duration::from_secs(5)).await;
                }
            }
            Ok(Err(None)) => work.await,
            Ok(Err(Some(again))) => {
                let wait = (again - inbox.inner.file.clock.now()).clamp(10, 30_000);
                let _ = tokio::time::timeout(Duration::from_millis(wait as u64), work).await;
            }
            Err(error) if error.code == ErrorCode::Closed => return,
            Err(error) => {
                tracing::error!(%error, "gaps cannot be looked up, trying again");
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        }
    }
}

/// Reads pages until the gap is closed, given up or postponed.
async fn fill(inbox: &Inbox, engine: &dyn Engine, bounds: CatchUp, mut gap: Gap) -> Result<()> {
    // Pages may be empty (state events, filtered): they are bounded too.
    let max_pages = bounds.max_events / 10 + 10;
    loop {
        let answer = engine
            .history(&gap.room_id, &gap.from, gap.to.as_deref(), PAGE)
            .await;
        let mut page = match answer {
            Ok(page) => page,
            Err(error) => return refused(inbox, &gap, error).await,
        };
        let oldest = inbox.inner.file.clock.now() as u64;
        let oldest = oldest.saturating_sub(bounds.max_age.as_millis() as u64);
        let cut = trim(
            &mut page,
            oldest,
            bounds.max_events - gap.found.min(bounds.max_events),
        );
        for event in &mut page.events {
            event.late = true;
        }
        let count = (page.events.len() + page.undecryptable.len()) as u32;
        let next = page.next.clone();
        let known = inbox.add_page(gap.clone(), page).await?;
        gap.found += count;
        gap.pages += 1;
        gap.failures = 0;
        match (cut, next) {
            (Some(cut), _) => {
                tracing::warn!(room_id = %gap.room_id, read = gap.found, "{cut} was skipped");
                return inbox.finish_gap(gap.id).await;
            }
            // Here we have been: the end, whether the homeserver knows it or not.
            (None, Some(_)) if known => return inbox.finish_gap(gap.id).await,
            (None, Some(next)) if next != gap.from && gap.pages < max_pages => gap.from = next,
            (None, Some(next)) => {
                let why = if next == gap.from {
                    "the homeserver repeats the same page"
                } else {
                    "too many pages hold no message"
                };
                tracing::warn!(
                    room_id = %gap.room_id, read = gap.found,
                    "{why}: what was said before is skipped"
                );
                return inbox.finish_gap(gap.id).await;
            }
            (None, None) => return inbox.finish_gap(gap.id).await,
        }
    }
}

/// Removes what lies outside the bounds; says what that was.
fn trim(page: &mut HistoryPage, oldest: u64, room_for: u32) -> Option<&'static str> {
    let mut cut = None;
    let before = page.events.len() + page.undecryptable.len();
    page.events.retain(|e| e.origin_server_ts >= oldest);
    page.undecryptable.retain(|e| e.origin_server_ts >= oldest);
    let left = page.events.len() + page.undecryptable.len();
    // A single wrong clock does not end the search: only a page of old events does.
    if before > 0 && left == 0 {
        cut = Some("what was said while away and is older than catchUp.maxHours");
    }
    let room_for = room_for as usize;
    if left > room_for {
        // The newest are kept: both lists are oldest first.
        let keep_events = page.events.len().min(room_for);
        page.events.drain(..page.events.len() - keep_events);
        let keep = room_for - keep_events;
        page.undecryptable
            .drain(..page.undecryptable.len().saturating_sub(keep));
        cut = Some("what was said while away beyond catchUp.maxEvents");
    }
    cut
}

/// Waits and tries again, or gives the gap up and says so.
async fn refused(inbox: &Inbox, gap: &Gap, error: Error) -> Result<()> {
    // Somebody has to log in again first; the gap waits for that.
    let blocked = matches!(
        error.code,
        ErrorCode::AuthFailed
            | ErrorCode::AuthExpired
            | ErrorCode::DeviceInUse
            | ErrorCode::AddressBlocked
    );
    if error.code == ErrorCode::Closed || error.code == ErrorCode::Cancelled {
        return Err(Error::closed());
    }
    if !blocked && !error.is_transient() && error.status.is_none_or(|s| s < 500) {
        tracing::warn!(
            room_id = %gap.room_id, read = gap.found, %error,
            "what was said while away cannot be read and is skipped"
        );
        return inbox.finish_gap(gap.id).await;
    }
    // An unreachable homeserver is no reason to give up, an unwilling one is.
    let counted = error.status.is_some() && error.code != ErrorCode::RateLimited && !blocked;
    if counted && gap.failures + 1 >= MAX_REFUSALS {
        tracing::warn!(
            room_id = %gap.room_id, read = gap.found, %error,
            "what was said while away cannot be read after {MAX_REFUSALS} tries and is skipped"
        );
        return inbox.finish_gap(gap.id).await;
    }
    let backed_off = Duration::from_secs(1 << gap.failures.min(6));
    let wait = match error.retry_after {
        Some(wait) => wait,
        None if blocked => Duration::from_secs(60),
        None => backed_off.max(Duration::from_secs(2)),
    };
    tracing::debug!(room_id = %gap.room_id, %error, ?wait, "history is not available yet");
    inbox.postpone_gap(gap.id, wait, counted).await
}

impl Inbox {
    /// Claims the oldest due gap of a room nobody fills; else when to look
    /// again, milliseconds since the epoch.
    async fn claim_gap(&self) -> Result<std::result::Result<GapClaim, Option<i64>>> {
        let now = self.inner.file.clock.now();
        let inner = Arc::clone(&self.inner);
        self.inner
            .file
            .run(move |tx, seal| {
                // Claims are taken while the connection is ours: no two see the same gap.
                let busy: Vec<Hash> = inner.filling().iter().copied().collect();
                Ok(match gaps::next(tx, seal, now, &busy)? {
                    gaps::NextGap::Gap(gap, room) => {
                        inner.filling().insert(room);
                        Ok(GapClaim { gap, room, inner })
                    }
                    gaps::NextGap::None { again } => Err(again),
                })
            })
            .await
    }

    async fn add_page(&self, gap: Gap, page: HistoryPage) -> Result<bool> {
        let now = self.inner.file.clock.now();
        let keys = !page.undecryptable.is_empty();
        let known = self
            .inner
            .file
            .run(move |tx, seal| gaps::add_page(tx, seal, now, &gap, &page))
            .await?;
        if keys {
            self.inner.key_work.notify_one();
        }
        Ok(known)
    }

    async fn finish_gap(&self, id: i64) -> Result<()> {
        self.inner
            .file
            .run(move |tx, _| gaps::finish(tx, id))
            .await?;
        self.inner.deliverable.notify_waiters();
        Ok(())
    }

    async fn postpone_gap(&self, id: i64, wait: Duration, counted: bool) -> Result<()> {
        let now = self.inner.file.clock.now();
        self.inner
            .file
            .run(move |tx, _| gaps::postpone(tx, now, id, wait, counted))
            .await
    }
}

/// A gap that is being filled; its room is free again when this is dropped.
struct GapClaim {
    gap: Gap,
    room: Hash,
    inner: Arc<Inner>,
}

impl Drop for GapClaim {
    fn drop(&mut self) {
        self.inner.filling().remove(&self.room);
        self.inner.gap_work.notify_waiters();
    }
}
