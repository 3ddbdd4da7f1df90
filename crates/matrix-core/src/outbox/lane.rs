//! A lane: sends what a room has, in order, until nothing is left.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use ruma::OwnedEventId;
use tokio::sync::watch;
use tracing::Instrument;

use super::{
    Outbox, locked,
    rows::{self, Work},
    verdict::{Verdict, judge},
};
use crate::{
    engine::Engine,
    error::{Error, ErrorCode, Result},
    queue_file::Hash,
};

/// Tries of a part after failures that may be defects.
const DOUBTFUL_TRIES: u32 = 5;

impl Outbox {
    /// Starts the room's lane, or tells the running one that more came.
    pub(super) fn ensure_lane(&self, room: Hash) {
        let Some(engine) = locked(&self.inner.engine).clone() else {
            // Not started yet: `start` finds the row.
            return;
        };
        let mut tasks = locked(&self.inner.tasks);
        // Under the lock that `close` takes the tasks with: none starts after it.
        if *self.inner.closing.borrow() {
            return;
        }
        let mut lanes = locked(&self.inner.lanes);
        if let Some(more) = lanes.get_mut(&room) {
            *more = true;
            return;
        }
        lanes.insert(room, false);
        drop(lanes);
        // Ended lanes are cleared away here.
        while tasks.try_join_next().is_some() {}
        let outbox = self.clone();
        tasks.spawn(async move { outbox.run_lane(engine, room).await }.in_current_span());
    }

    /// True if the lane may end: nothing came since it last looked.
    pub(super) fn retire(&self, room: &Hash) -> bool {
        let mut lanes = locked(&self.inner.lanes);
        match lanes.get_mut(room) {
            Some(more) if *more => {
                *more = false;
                false
            }
            _ => {
                lanes.remove(room);
                true
            }
        }
    }

    async fn run_lane(self, engine: Arc<dyn Engine>, room: Hash) {
        loop {
            if *self.inner.closing.borrow() {
                return;
            }
            let step = self.step(&*engine, room).await;
            match step {
                Ok(true) => {}
                Ok(false) => {
                    if self.retire(&room) {
                        return;
                    }
                }
                Err(error) if error.code == ErrorCode::Closed => return,
                // Stored nothing: what was sent is sent again with the same
                // transaction id, and the homeserver makes no second event.
                Err(error) => {
                    tracing::error!(%error, "the outbox cannot be read or written, trying again");
                    self.note(&error);
                    self.pause(Duration::from_secs(5)).await;
                }
            }
        }
    }

    /// Tries one part. False if the room has none.
    async fn step(&self, engine: &dyn Engine, room: Hash) -> Result<bool> {
        let now = self.inner.file.clock.now();
        let work = self
            .inner
            .file
            .run(move |tx, seal| rows::next(tx, seal, now, &room))
            .await?;
        // Sends past their deadline failed on the way.
        self.inner.ended.notify_waiters();
        let Some(mut work) = work else {
            return Ok(false);
        };
        let (send, part, attempts) = (work.send, work.part, work.attempts);
        // A hint that comes during the request counts for the wait after it.
        let hint = self.inner.hint.subscribe();
        match self.request(engine, &mut work).await {
            Ok(event_id) => {
                locked(&self.inner.trouble).take();
                let now = self.inner.file.clock.now();
                self.inner
                    .file
                    .run(move |tx, seal| rows::sent(tx, seal, now, (send, part), &event_id))
                    .await?;
                self.inner.ended.notify_waiters();
            }
            Err(error) => {
                let verdict = match judge(&error) {
                    Verdict::Doubtful if attempts + 1 >= DOUBTFUL_TRIES => Verdict::Permanent,
                    verdict => verdict,
                };
                if verdict == Verdict::Closing {
                    // Not ours to retry: whoever closes the engine closes us.
                    self.pause(self.inner.pace.paused).await;
                    return Ok(true);
                }
                self.note(&error);
                if verdict == Verdict::Permanent {
                    tracing::warn!(room_id = %work.room_id, %error, "a message was given up");
                    self.give_up(send, error).await?;
                } else {
                    tracing::debug!(room_id = %work.room_id, %error, attempts, "not sent yet");
                    self.inner
                        .file
                        .run(move |tx, seal| rows::retry(tx, seal, part, &error))
                        .await?;
                    self.rest(verdict, attempts, hint).await;
                }
            }
        }
        Ok(true)
    }

    /// The request itself: bounded, and a panic in it is an error like others.
    async fn request(&self, engine: &dyn Engine, work: &mut Work) -> Result<OwnedEventId> {
        let content = work.content.take();
        let request = engine.send_event(&work.room_id, &work.event_type, content, &work.txn_id);
        let request = AssertUnwindSafe(request).catch_unwind();
        match tokio::time::timeout(self.inner.pace.request, request).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(Error::internal("a defect: sending the message panicked")),
            Err(_) => Err(Error::new(
                ErrorCode::Timeout,
                "the homeserver did not take the message in time",
            )),
        }
    }

    async fn give_up(&self, send: i64, error: Error) -> Result<()> {
        let now = self.inner.file.clock.now();
        self.inner
            .file
            .run(move |tx, seal| rows::fail(tx, seal, now, send, &error))
            .await?;
        self.inner.ended.notify_waiters();
        Ok(())
    }

    /// Waits as the verdict says; closing ends it.
    async fn rest(&self, verdict: Verdict, attempts: u32, mut hint: watch::Receiver<u64>) {
        let pace = &self.inner.pace;
        match verdict {
            Verdict::WaitAsTold(wait) => self.pause(wait).await,
            Verdict::Paused => {
                tokio::select! {
                    () = self.pause(pace.paused) => {}
                    _ = hint.changed() => {}
                }
            }
            _ => {
                let doubled = pace.first.saturating_mul(1 << attempts.min(16));
                // Jitter, so that not all rooms come back at the same moment.
                let wait = doubled
                    .min(pace.longest)
                    .mul_f64(0.75 + 0.5 * rand::random::<f64>());
                tokio::select! {
                    () = self.pause(wait) => {}
                    _ = hint.changed() => {}
                }
            }
        }
    }

    fn note(&self, error: &Error) {
        *locked(&self.inner.trouble) = Some(error.message.clone());
    }
}
