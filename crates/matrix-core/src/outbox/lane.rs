//! A lane: sends what a room has, in order, until nothing is left.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use fail::fail_point;
use futures_util::FutureExt;
use ruma::OwnedEventId;
use tokio::sync::{Notify, watch};
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

/// A lane that runs.
#[derive(Default)]
pub(super) struct Running {
    /// More came while it was busy.
    more: bool,
    /// Ends its wait, whatever it waits for.
    urged: Arc<Notify>,
}

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
        if let Some(lane) = lanes.get_mut(&room) {
            lane.more = true;
            return;
        }
        let lane = Running::default();
        let urged = Arc::clone(&lane.urged);
        lanes.insert(room, lane);
        drop(lanes);
        // Ended lanes are cleared away here.
        while tasks.try_join_next().is_some() {}
        let outbox = self.clone();
        tasks.spawn(async move { outbox.run_lane(engine, room, urged).await }.in_current_span());
    }

    /// The room's lane tries at once what it waits to try.
    pub(super) fn urge(&self, room: &Hash) {
        if let Some(lane) = locked(&self.inner.lanes).get(room) {
            lane.urged.notify_one();
        }
    }

    /// True if the lane may end: nothing came since it last looked.
    pub(super) fn retire(&self, room: &Hash) -> bool {
        let mut lanes = locked(&self.inner.lanes);
        match lanes.get_mut(room) {
            Some(lane) if lane.more => {
                lane.more = false;
                false
            }
            _ => {
                lanes.remove(room);
                true
            }
        }
    }

    async fn run_lane(self, engine: Arc<dyn Engine>, room: Hash, urged: Arc<Notify>) {
        loop {
            if *self.inner.closing.borrow() {
                return;
            }
            let step = self.step(&*engine, room, &urged).await;
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
    async fn step(&self, engine: &dyn Engine, room: Hash, urged: &Notify) -> Result<bool> {
        let now = self.inner.file.clock.now();
        let in_doubt = self.inner.pace.in_doubt;
        let work = self
            .inner
            .file
            .run(move |tx, seal| rows::next(tx, seal, now, &room, in_doubt))
            .await?;
        // Sends past their deadline failed on the way.
        self.inner.ended.notify_waiters();
        let Some(mut work) = work else {
            return Ok(false);
        };
        let (send, part, attempts, first) = (work.send, work.part, work.attempts, work.first);
        // A hint that comes during the request counts for the wait after it.
        let hint = self.inner.hint.subscribe();
        fail_point!("outbox::request::before");
        match self.request(engine, &mut work).await {
            Ok(event_id) => {
                let had_files = !work.record.files.is_empty();
                fail_point!("outbox::request::after");
                locked(&self.inner.trouble).take();
                let now = self.inner.file.clock.now();
                self.inner
                    .file
                    .run(move |tx, seal| {
                        let complete = rows::sent(tx, seal, now, (send, part), &event_id)?;
                        fail_point!("outbox::sent::before");
                        Ok(complete)
                    })
                    .await?;
                fail_point!("outbox::sent::after");
                let swept = if had_files {
                    self.sweep().await
                } else {
                    Ok(())
                };
                self.inner.ended.notify_waiters();
                swept?;
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
                    tracing::warn!(
                        room_id = %work.room_id, %error,
                        "a message was given up; see `openclaw matrix outbox list`"
                    );
                    self.give_up((send, first), error).await?;
                } else {
                    tracing::debug!(room_id = %work.room_id, %error, attempts, "not sent yet");
                    let wait = self.patience(verdict, attempts);
                    let next_at = self.inner.file.clock.now() + wait.as_millis() as i64;
                    self.inner
                        .file
                        .run(move |tx, seal| {
                            if !may_have_arrived(&error) {
                                rows::certain(tx, (send, first))?;
                            }
                            rows::retry(tx, seal, (send, part), next_at, &error)
                        })
                        .await?;
                    self.rest(verdict, wait, hint, urged).await;
                }
            }
        }
        Ok(true)
    }

    /// The request itself: bounded, and a panic in it is an error like others.
    async fn request(&self, engine: &dyn Engine, work: &mut Work) -> Result<OwnedEventId> {
        let content = guarded(self.with_files(engine, work))
            .await
            // Whatever came of the files: there is no event yet.
            .map_err(|error| Error {
                never_left: true,
                ..error
            })?;
        let event_type = &work.record.event_type;
        let request = engine.send_event(&work.room_id, event_type, content, &work.txn_id);
        match tokio::time::timeout(self.inner.pace.request, guarded(request)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(
                ErrorCode::Timeout,
                "the homeserver did not take the message in time",
            )),
        }
    }

    async fn give_up(&self, work: (i64, bool), error: Error) -> Result<()> {
        let now = self.inner.file.clock.now();
        self.inner
            .file
            .run(move |tx, seal| {
                if !may_have_arrived(&error) {
                    rows::certain(tx, work)?;
                }
                rows::fail(tx, seal, now, work.0, &error)
            })
            .await?;
        self.inner.ended.notify_waiters();
        Ok(())
    }

    /// How long the lane waits before the next try.
    fn patience(&self, verdict: Verdict, attempts: u32) -> Duration {
        let pace = &self.inner.pace;
        match verdict {
            Verdict::WaitAsTold(wait) => wait,
            Verdict::Paused => pace.paused,
            // Jitter, so that not all rooms come back at the same moment.
            _ => pace
                .first
                .saturating_mul(1 << attempts.min(16))
                .min(pace.longest)
                .mul_f64(0.75 + 0.5 * rand::random::<f64>()),
        }
    }

    /// Waits; closing and a person's wish end it, and a hint ends what is not the
    /// homeserver's own wish.
    async fn rest(
        &self,
        verdict: Verdict,
        wait: Duration,
        mut hint: watch::Receiver<u64>,
        urged: &Notify,
    ) {
        let told = matches!(verdict, Verdict::WaitAsTold(_));
        tokio::select! {
            () = self.pause(wait) => {}
            () = urged.notified() => {}
            _ = hint.changed(), if !told => {}
        }
    }

    fn note(&self, error: &Error) {
        *locked(&self.inner.trouble) = Some(error.message.clone());
    }
}

/// A panic as an error.
async fn guarded<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or_else(|_| Err(Error::internal("a defect: sending the message panicked")))
}

/// Whether the homeserver may have made the event although it was not heard to. An answer
/// that refuses says it did not; a proxy's complaint says nothing.
fn may_have_arrived(error: &Error) -> bool {
    if error.never_left {
        return false;
    }
    match error.status {
        Some(408 | 500..) => true,
        Some(_) => false,
        None => matches!(
            error.code,
            ErrorCode::Network | ErrorCode::Timeout | ErrorCode::Internal
        ),
    }
}
