//! The threads of a room.

use serde_json::Value;

use super::{Account, ids};
use crate::{
    engine::Ask,
    error::Result,
    room::{ReadMessage, messages},
};

/// Threads of one page.
const MAX_THREADS: u32 = 100;

/// A thread, known by its first message.
#[derive(Debug, Clone)]
pub struct Thread {
    /// The message that the others answer.
    pub root: ReadMessage,
    /// How many answers there are; `None` where the homeserver does not say.
    pub replies: Option<u64>,
    /// When the newest answer was sent, milliseconds.
    pub latest_at: Option<u64>,
}

/// A page of a room's threads.
#[derive(Debug, Clone, Default)]
pub struct ThreadPage {
    /// Those with the newest answer first.
    pub threads: Vec<Thread>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<String>,
}

impl Account {
    /// A page of the threads of a room, at most `limit`, from where an earlier page ended.
    ///
    /// # Errors
    /// `config_invalid` if `room_id` is none; what the homeserver answered.
    pub async fn threads(
        &self,
        room_id: &str,
        limit: u32,
        from: Option<&str>,
    ) -> Result<ThreadPage> {
        self.is_open()?;
        let limit = limit.clamp(1, MAX_THREADS);
        let ask = Ask::Threads { from };
        let mut page = self
            .inner
            .engine
            .read(&ids::room(room_id)?, ask, limit)
            .await?;
        let next = page.next.take();
        let mut roots = messages(&page, &self.inner.own_user);
        self.name_senders(room_id, &mut roots).await;
        let mut threads: Vec<Thread> = roots
            .into_iter()
            .map(|root| {
                let summary = page
                    .events
                    .iter()
                    .find(|event| event.key == root.event_id)
                    .and_then(|event| summary(&event.json));
                let number = |pointer| summary.as_ref()?.pointer(pointer)?.as_u64();
                Thread {
                    replies: number("/count"),
                    latest_at: number("/latest_event/origin_server_ts"),
                    root,
                }
            })
            .collect();
        threads.sort_by_key(|thread| {
            let at = thread.latest_at.unwrap_or(thread.root.origin_server_ts);
            std::cmp::Reverse(at)
        });
        Ok(ThreadPage { threads, next })
    }
}

/// What the homeserver bundles with a root.
fn summary(event: &str) -> Option<Value> {
    let event: Value = serde_json::from_str(event).ok()?;
    event.pointer("/unsigned/m.relations/m.thread").cloned()
}
