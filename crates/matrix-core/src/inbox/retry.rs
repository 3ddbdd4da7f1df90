//! Tries again to decrypt what waits for its key: at start, when keys arrive,
//! when something new waits, and on a timer with growing intervals.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ruma::OwnedRoomId;
use tokio::sync::Notify;

use super::{Inbox, missing_keys};
use crate::{
    engine::{Decrypted, Engine},
    error::{ErrorCode, Result},
    event::Undecryptable,
    health::UndecryptableCause,
};

/// Keys come in bursts: a pass begins this long after the first one.
const GATHER: Duration = Duration::from_millis(50);

/// Seconds between passes without a cause; the last one repeats.
const INTERVALS: [u64; 7] = [5, 15, 30, 60, 120, 300, 900];

/// Events in memory at a time.
const PAGE: usize = 50;

/// Which rooms' keys arrived since the last pass.
#[derive(Default)]
struct Arrived {
    rooms: Mutex<Option<Scope>>,
    changed: Notify,
}

enum Scope {
    Rooms(HashSet<OwnedRoomId>),
    All,
}

impl Arrived {
    fn add(&self, rooms: Option<Vec<OwnedRoomId>>) {
        let mut known = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some(match (known.take(), rooms) {
            (Some(Scope::All), _) | (_, None) => Scope::All,
            (None, Some(new)) => Scope::Rooms(new.into_iter().collect()),
            (Some(Scope::Rooms(mut old)), Some(new)) => {
                old.extend(new);
                Scope::Rooms(old)
            }
        });
        self.changed.notify_one();
    }

    fn take(&self) -> Option<Scope> {
        self.rooms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

/// Runs until dropped.
pub(super) async fn run(inbox: Inbox, engine: Arc<dyn Engine>, limit: Duration) {
    let arrived = Arrived::default();
    // Listens without a pause, so that no key arrives unheard during a pass.
    let listen = async {
        loop {
            arrived.add(engine.room_keys_received().await);
            tokio::time::sleep(GATHER).await;
        }
    };
    tokio::select! {
        () = listen => {}
        () = passes(&inbox, &*engine, &arrived, limit) => {}
    }
}

async fn passes(inbox: &Inbox, engine: &dyn Engine, arrived: &Arrived, limit: Duration) {
    let mut at = 0;
    let mut scope = Some(Scope::All);
    loop {
        let rooms: Option<Vec<OwnedRoomId>> = match scope.take() {
            Some(Scope::Rooms(rooms)) => Some(rooms.into_iter().collect()),
            Some(Scope::All) | None => None,
        };
        if let Err(error) = pass(inbox, engine, rooms.as_deref(), limit).await {
            if error.code == ErrorCode::Closed {
                return;
            }
            tracing::warn!(%error, "retrying undecryptable events stopped, trying again later");
        }
        let interval = Duration::from_secs(INTERVALS[at]);
        tokio::select! {
            () = arrived.changed.notified() => {
                tokio::time::sleep(GATHER).await;
                scope = arrived.take();
            }
            () = inbox.inner.key_work.notified() => at = 0,
            () = tokio::time::sleep(interval) => at = (at + 1).min(INTERVALS.len() - 1),
        }
    }
}

/// One try for everything that waits in these rooms.
async fn pass(
    inbox: &Inbox,
    engine: &dyn Engine,
    rooms: Option<&[OwnedRoomId]>,
    limit: Duration,
) -> Result<()> {
    for expired in inbox.expire_undecryptable(limit).await? {
        tracing::warn!(
            count = expired.count,
            cause = expired.cause,
            "messages stayed unreadable for longer than undecryptable.retryHours and are given up"
        );
    }
    let mut after = 0;
    loop {
        let page = inbox.undecryptable_page(rooms, after, PAGE).await?;
        let Some((last, _)) = page.last() else {
            return Ok(());
        };
        after = *last;
        for (_, waiting) in page {
            again(inbox, engine, waiting).await?;
        }
    }
}

/// One try for one event.
async fn again(inbox: &Inbox, engine: &dyn Engine, waiting: Undecryptable) -> Result<()> {
    match engine.decrypt(&waiting).await {
        Ok(Decrypted::Event(mut event)) => {
            event.late = true;
            inbox.readable(waiting, *event).await?;
        }
        Ok(Decrypted::StillMissing { cause }) => {
            if cause != waiting.cause {
                inbox.set_cause(waiting, cause).await?;
            }
        }
        Err(error) if error.code == ErrorCode::Closed || error.is_transient() => {
            return Err(error);
        }
        // Its own trouble, not that of the others.
        Err(error) => tracing::debug!(%error, "an event cannot be retried now"),
    }
    Ok(())
}

impl Inbox {
    async fn set_cause(&self, event: Undecryptable, cause: String) -> Result<()> {
        self.inner
            .file
            .run(move |tx, seal| missing_keys::set_cause(tx, seal, &event, &cause))
            .await
    }

    /// Gives up what has waited for its key longer than `limit`.
    async fn expire_undecryptable(&self, limit: Duration) -> Result<Vec<UndecryptableCause>> {
        let before = self.inner.file.clock.now() - limit.as_millis() as i64;
        self.inner
            .file
            .run(move |tx, _| missing_keys::expire(tx, before))
            .await
    }
}
