//! The tasks beside the queue: gaps are filled, undecryptable events retried.

use std::{sync::Arc, time::Duration};

use ruma::OwnedUserId;
use tokio::task::JoinSet;
use tracing::Instrument;

use super::{Inbox, fill, retry};
use crate::{config::CatchUp, engine::Engine};

/// Gaps filled at the same time, each in another room.
const FILLERS: usize = 3;

/// Whom the workers work for, and their bounds.
#[derive(Debug, Clone)]
pub(crate) struct WorkerSettings {
    /// The account's user, who says what is skipped.
    pub own_user: OwnedUserId,
    /// Bounds of the gap filler.
    pub catch_up: CatchUp,
    /// How long an undecryptable event waits for its key.
    pub undecryptable_retry: Duration,
}

/// Starts the workers; they end when the set is dropped or aborted, at any
/// moment without loss.
pub(crate) fn spawn_workers(
    inbox: Inbox,
    engine: Arc<dyn Engine>,
    settings: WorkerSettings,
) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    let own = fill::Own {
        user: settings.own_user,
        catch_up: settings.catch_up,
    };
    for _ in 0..FILLERS {
        tasks.spawn(fill::run(inbox.clone(), Arc::clone(&engine), own.clone()).in_current_span());
    }
    tasks.spawn(retry::run(inbox, engine, settings.undecryptable_retry).in_current_span());
    tasks
}
