//! What a crash, a slow reader and a broken homeserver must not do to the inbox.

mod changes;
mod dead;
mod gaps;
mod keys;
mod model;
mod queue;

use std::{path::PathBuf, sync::Arc, time::Duration};

use matrix_sdk_store_encryption::StoreCipher;
use ruma::{RoomId, UserId};
use tempfile::TempDir;

use super::*;

/// A folder that outlives the inboxes opened in it.
struct Home {
    dir: TempDir,
    cipher: Arc<StoreCipher>,
}

impl Home {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            cipher: Arc::new(StoreCipher::new().unwrap()),
        }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("inbox.sqlite3")
    }

    async fn open(&self) -> Inbox {
        Inbox::open(&self.path(), Arc::clone(&self.cipher))
            .await
            .unwrap()
    }

    /// As after `kill -9`: the file as it is on disk now, under a new process.
    async fn crash(&self, inbox: Inbox) -> Inbox {
        let copy = tempfile::tempdir().unwrap();
        let names = ["inbox.sqlite3", "inbox.sqlite3-wal"];
        for name in names {
            let _ = std::fs::copy(self.dir.path().join(name), copy.path().join(name));
        }
        inbox.release().await;
        for name in names {
            let _ = std::fs::remove_file(self.dir.path().join(name));
            let _ = std::fs::copy(copy.path().join(name), self.dir.path().join(name));
        }
        let _ = std::fs::remove_file(self.dir.path().join("inbox.sqlite3-shm"));
        self.open().await
    }
}

fn now() -> u64 {
    crate::queue_file::Clock::default().now() as u64
}

fn event(room: &str, key: &str) -> NewEvent {
    NewEvent {
        key: key.to_owned(),
        room_id: RoomId::parse(room).unwrap(),
        sender: UserId::parse("@alice:example.org").unwrap(),
        origin_server_ts: now(),
        json: format!(r#"{{"event_id":"{key}","content":{{"body":"secret of {key}"}}}}"#),
        encrypted: true,
        trust: Some(crate::event::Proof {
            trust: crate::event::SenderTrust::CrossSigned,
            session_id: Some("session".to_owned()),
        }),
        late: false,
    }
}

fn locked_event(room: &str, key: &str, cause: &str) -> Undecryptable {
    Undecryptable {
        room_id: RoomId::parse(room).unwrap(),
        event_id: key.to_owned(),
        sender: UserId::parse("@alice:example.org").unwrap(),
        origin_server_ts: now(),
        json: "{}".to_owned(),
        session_id: Some("session".to_owned()),
        cause: cause.to_owned(),
    }
}

fn step(token: &str, events: Vec<NewEvent>) -> SyncStep {
    SyncStep {
        token: token.to_owned(),
        events,
        ..SyncStep::default()
    }
}

fn keys(rows: &[StoredEvent]) -> Vec<&str> {
    rows.iter().map(|row| row.event.key.as_str()).collect()
}

impl Inbox {
    /// All that waits for its key.
    async fn undecryptable(&self, room_ids: Option<&[OwnedRoomId]>) -> Result<Vec<Undecryptable>> {
        let page = self.undecryptable_page(room_ids, 0, usize::MAX).await?;
        Ok(page.into_iter().map(|(_, waiting)| waiting).collect())
    }
}

/// What can be handed out now.
async fn ready(inbox: &Inbox) -> Vec<StoredEvent> {
    tokio::time::timeout(Duration::from_millis(150), inbox.next_batch(100))
        .await
        .map_or_else(|_| Vec::new(), |batch| batch.unwrap().unwrap_or_default())
}

/// Waits until `n` rows in all were handed out and settled; gives their keys.
async fn drain(inbox: &Inbox, n: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < n {
        let rows = tokio::time::timeout(Duration::from_secs(10), inbox.next_batch(100))
            .await
            .expect("rows in time")
            .unwrap()
            .unwrap();
        let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
        inbox.settle(&seqs).await.unwrap();
        all.extend(rows.into_iter().map(|row| row.event.key));
    }
    all
}
