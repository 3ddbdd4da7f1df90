//! The tasks of a running account.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::Inner;
use crate::{
    dir::Dir,
    engine::Engine,
    error::{Error, ErrorCode},
    health::{HealthCell, SyncState},
    inbox::{self, Inbox},
    outbox::Outbox,
};

/// How often the queues' counts and the homeserver's silence are looked at for those who
/// wait for a change.
const COUNTS: Duration = Duration::from_secs(5);
/// How old a copy of the crypto store may be at most without being told from the store.
const GENERATION: Duration = Duration::from_secs(600);
/// Before a loop that panicked begins again.
const AFTER_PANIC: Duration = Duration::from_secs(5);

/// Runs from `start` to `stop`, once.
#[derive(Default)]
pub(super) struct Tasks(Mutex<State>);

#[derive(Default)]
enum State {
    #[default]
    Idle,
    Running(Vec<JoinSet<()>>),
    Stopped,
}

impl Tasks {
    pub fn start(&self, account: &Inner) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*state, State::Idle) {
            return;
        }
        let _runtime = account.runtime.enter();
        let mut own = JoinSet::new();
        // In the caller's span, which names the account in the log; so every task below.
        own.spawn(sync(Arc::clone(&account.engine), account.health.clone()).in_current_span());
        own.spawn(
            watch(
                account.inbox.clone(),
                account.outbox.clone(),
                account.health.clone(),
            )
            .in_current_span(),
        );
        own.spawn(count_generations(Arc::clone(&account.dir)).in_current_span());
        let workers = inbox::spawn_workers(
            account.inbox.clone(),
            Arc::clone(&account.engine),
            account.workers.clone(),
        );
        account.outbox.start(Arc::clone(&account.engine));
        *state = State::Running(vec![own, workers]);
    }

    /// Ends them and waits until they have.
    pub async fn stop(&self) {
        let running = {
            let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *state, State::Stopped)
        };
        if let State::Running(sets) = running {
            for mut set in sets {
                set.shutdown().await;
            }
        }
    }

    /// Ends them; does not wait.
    pub fn abort(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::Stopped;
    }
}

/// The engine's loop. It returns only when a person has to do something; a panic is an
/// error like others.
async fn sync(engine: Arc<dyn Engine>, health: HealthCell) {
    loop {
        match AssertUnwindSafe(engine.run()).catch_unwind().await {
            Ok(error) if error.code == ErrorCode::Closed => return,
            Ok(error) => {
                tracing::error!(code = error.code.as_str(), %error, "the account is blocked");
                health.blocked(&error);
                return;
            }
            Err(_) => {
                let error = Error::internal("the sync loop panicked; see the log");
                tracing::error!(%error, "starting it again");
                health.retrying(&error, AFTER_PANIC);
                tokio::time::sleep(AFTER_PANIC).await;
            }
        }
    }
}

/// Counts the crypto store's generation on now and then.
async fn count_generations(dir: Arc<Dir>) {
    loop {
        tokio::time::sleep(GENERATION).await;
        let dir = Arc::clone(&dir);
        if let Err(error) = super::blocking(move || dir.count_generation()).await {
            tracing::warn!(%error, "an older copy of this store could not be told from it later");
        }
    }
}

/// Tells those who wait when the queues changed, and the outbox when the homeserver
/// answers again.
async fn watch(inbox: Inbox, outbox: Outbox, health: HealthCell) {
    let mut seen = None;
    let mut running = false;
    let mut version = 0;
    loop {
        let _ = tokio::time::timeout(COUNTS, health.after(version)).await;
        health.note_silence();
        let pulse = health.now();
        version = pulse.version;
        let now_running = pulse.sync.state == SyncState::Running;
        if now_running && !running {
            outbox.wake();
        }
        running = now_running;
        let counts = async {
            let waiting = inbox.undecryptable_health().await?;
            let out = outbox.health().await?;
            Ok::<_, Error>((
                inbox.counts().await?,
                (waiting.waiting, waiting.sustained),
                (out.queued, out.failed, out.error),
            ))
        };
        match counts.await {
            Ok(counts) => {
                if seen.as_ref().is_some_and(|seen| *seen != counts) {
                    health.touch();
                    version += 1;
                }
                seen = Some(counts);
            }
            Err(error) => tracing::warn!(%error, "the queues cannot be counted"),
        }
    }
}
