//! Fills gaps from `/messages`: page by page, newest page first, each page
//! stored before the next one is asked for, so that a restart goes on where it
//! stopped. Nothing of a gap goes out before it is filled or given up, then
//! all of it, oldest first.

use std::{sync::Arc, time::Duration};

use fail::fail_point;
use ruma::OwnedUserId;

use super::{Gap, Inbox, Inner, gaps};
use crate::{
    config::CatchUp,
    engine::{Engine, HistoryPage},
    error::{Error, ErrorCode, Result},
    event::{Skipped, SkippedBound as Bound},
    queue_file::Hash,
};

/// Events asked for with one request.
const PAGE: u32 = 100;

/// Refusals of a reachable homeserver, one after another, before a gap is given up.
const MAX_REFUSALS: u32 = 10;

/// Whose gaps they are and how far back they are filled.
#[derive(Clone)]
pub(super) struct Own {
    pub user: OwnedUserId,
    pub catch_up: CatchUp,
}

/// Runs until dropped.
pub(super) async fn run(inbox: Inbox, engine: Arc<dyn Engine>, own: Own) {
    loop {
        let work = inbox.inner.gap_work.notified();
        tokio::pin!(work);
        work.as_mut().enable();
        match inbox.claim_gap().await {
            Ok(Ok(claim)) => {
                if let Err(error) = fill(&inbox, &*engine, &own, claim.gap.clone()).await {
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
async fn fill(inbox: &Inbox, engine: &dyn Engine, own: &Own, mut gap: Gap) -> Result<()> {
    let bounds = own.catch_up;
    // Pages may be empty (state events, filtered): they are bounded too.
    let max_pages = bounds.max_events / 10 + 10;
    let mut left_out = 0u32;
    let mut oldest_read = None;
    loop {
        let answer = engine
            .history(&gap.room_id, Some(&gap.from), gap.to.as_deref(), PAGE)
            .await;
        let page = match answer {
            Ok(page) => page,
            Err(error) => return refused(inbox, &gap, own, left_out, oldest_read, error).await,
        };
        // Here we have been: the end, whether the homeserver knows it or not.
        let (known, mut page) = inbox.reach(gap.clone(), page).await?;
        let oldest = inbox.inner.file.clock.now() as u64;
        let oldest = oldest.saturating_sub(bounds.max_age.as_millis() as u64);
        let room_for = bounds.max_events - gap.found.min(bounds.max_events);
        let trimmed = trim(&mut page, oldest, room_for);
        left_out += trimmed.count;
        for event in &mut page.events {
            event.late = true;
        }
        let read = page.events.iter().map(|e| e.origin_server_ts);
        let waiting = page.undecryptable.iter().map(|e| e.origin_server_ts);
        oldest_read = read.chain(waiting).min().or(oldest_read);
        gap.found += (page.events.len() + page.undecryptable.len()) as u32;
        gap.pages += 1;
        gap.failures = 0;
        let skips = |bound| skipped(bound, left_out, oldest_read);
        let next = page.next.clone().filter(|_| !known);
        let end = match (trimmed.end, &next) {
            (Some(bound), _) => Some(Some(skips(bound))),
            (None, Some(next)) if *next == gap.from => Some(Some(Skipped {
                detail: Some("it repeats the same page".to_owned()),
                ..skips(Bound::Refused)
            })),
            (None, Some(_)) if gap.pages >= max_pages => Some(Some(skips(Bound::Pages))),
            (None, Some(_)) => None,
            // The whole hole was read; some of it may have been too old.
            (None, None) => Some((left_out > 0).then(|| skips(Bound::MaxHours))),
        };
        let (Some(next), None) = (next, &end) else {
            return inbox.add_page(gap, own, page, end).await;
        };
        inbox.add_page(gap.clone(), own, page, None).await?;
        gap.from = next;
    }
}

fn skipped(bound: Bound, at_least: u32, until: Option<u64>) -> Skipped {
    Skipped {
        bound,
        at_least,
        since: None,
        until,
        detail: None,
    }
}

/// What [`trim`] did.
struct Trimmed {
    /// Events left out.
    count: u32,
    /// Set if nothing older is to be asked for.
    end: Option<Bound>,
}

/// Removes what lies outside the bounds.
fn trim(page: &mut HistoryPage, oldest: u64, room_for: u32) -> Trimmed {
    let mut end = None;
    let before = page.events.len() + page.undecryptable.len();
    page.events.retain(|e| e.origin_server_ts >= oldest);
    page.undecryptable.retain(|e| e.origin_server_ts >= oldest);
    let left = page.events.len() + page.undecryptable.len();
    // A single wrong clock does not end the search: only a page of old events does.
    if before > 0 && left == 0 {
        end = Some(Bound::MaxHours);
    }
    let room_for = room_for as usize;
    if left > room_for {
        // The newest are kept: both lists are oldest first.
        let keep_events = page.events.len().min(room_for);
        page.events.drain(..page.events.len() - keep_events);
        let keep = room_for - keep_events;
        page.undecryptable
            .drain(..page.undecryptable.len().saturating_sub(keep));
        end = Some(Bound::MaxEvents);
    }
    let kept = page.events.len() + page.undecryptable.len();
    Trimmed {
        count: (before - kept) as u32,
        end,
    }
}

/// Waits and tries again, or gives the gap up and says so.
async fn refused(
    inbox: &Inbox,
    gap: &Gap,
    own: &Own,
    left_out: u32,
    oldest_read: Option<u64>,
    error: Error,
) -> Result<()> {
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
    let hopeless = !blocked && !error.is_transient() && error.status.is_none_or(|s| s < 500);
    // An unreachable homeserver is no reason to give up, an unwilling one is.
    let counted = error.status.is_some() && error.code != ErrorCode::RateLimited && !blocked;
    if hopeless || (counted && gap.failures + 1 >= MAX_REFUSALS) {
        let skipped = Skipped {
            detail: Some(error.message),
            ..skipped(Bound::Refused, left_out, oldest_read)
        };
        return inbox.finish_gap(gap.clone(), own, Some(skipped)).await;
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

    async fn reach(&self, gap: Gap, mut page: HistoryPage) -> Result<(bool, HistoryPage)> {
        self.inner
            .file
            .run(move |tx, seal| Ok((gaps::reach(tx, seal, &gap, &mut page)?, page)))
            .await
    }

    /// Stores a page and, where it is the last one (`end`), closes the gap with it: a
    /// restart in between would ask for a page that is not.
    async fn add_page(
        &self,
        gap: Gap,
        own: &Own,
        page: HistoryPage,
        end: Option<Option<Skipped>>,
    ) -> Result<()> {
        let now = self.inner.file.clock.now();
        let own_user = own.user.clone();
        let (keys, ended) = (!page.undecryptable.is_empty(), end.is_some());
        self.inner
            .file
            .run(move |tx, seal| {
                gaps::add_page(tx, seal, now, &gap, &page)?;
                if let Some(skipped) = end {
                    let skipped = skipped.as_ref().map(|skipped| (&*own_user, skipped));
                    gaps::finish(tx, seal, now, &gap, skipped)?;
                    fail_point!("inbox::filled::before");
                }
                fail_point!("inbox::page::before");
                Ok(())
            })
            .await?;
        fail_point!("inbox::page::after");
        if keys {
            self.inner.key_work.notify_one();
        }
        if ended {
            fail_point!("inbox::filled::after");
            self.inner.deliverable.notify_waiters();
        }
        Ok(())
    }

    async fn finish_gap(&self, gap: Gap, own: &Own, skipped: Option<Skipped>) -> Result<()> {
        let now = self.inner.file.clock.now();
        let own_user = own.user.clone();
        self.inner
            .file
            .run(move |tx, seal| {
                let skipped = skipped.as_ref().map(|skipped| (&*own_user, skipped));
                gaps::finish(tx, seal, now, &gap, skipped)
            })
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
