//! What crashes, refusals and hurry must not do to the outbox.

mod crash;
mod drafts;
mod files;
mod kept;
mod model;
mod order;
mod refusals;

use std::path::PathBuf;

use ruma::{EventId, RoomId};
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::{
    error::ErrorCode,
    fake_engine::{Answer, FakeEngine},
};

const ROOM: &str = "!a:example.org";
const OTHER: &str = "!b:example.org";
const SOON: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A folder that outlives the outboxes opened in it.
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
        self.dir.path().join("outbox.sqlite3")
    }

    /// With waits of milliseconds.
    async fn open(&self) -> Outbox {
        let pace = Pace {
            first: Duration::from_millis(5),
            longest: Duration::from_millis(50),
            paused: Duration::from_secs(60),
            request: Duration::from_secs(5),
            ..Pace::default()
        };
        self.open_with(pace).await
    }

    async fn open_with(&self, pace: Pace) -> Outbox {
        Outbox::open_with(&self.path(), Arc::clone(&self.cipher), pace)
            .await
            .unwrap()
    }
}

fn text(body: &str) -> Part {
    Part {
        event_type: "m.room.message".to_owned(),
        content: json!({ "msgtype": "m.text", "body": body }),
    }
}

fn send(room: &str, key: &str, bodies: &[&str]) -> NewSend {
    NewSend {
        key: key.to_owned(),
        room_id: RoomId::parse(room).unwrap(),
        parts: bodies.iter().map(|body| text(body)).collect(),
        draft_of: None,
        files: Vec::new(),
    }
}

fn edit(key: &str, body: &str, draft: bool) -> NewSend {
    let mut edit = send(ROOM, key, &[body]);
    edit.parts[0].content["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": "$x" });
    edit.draft_of = draft.then(|| EventId::parse("$x").unwrap());
    edit
}

fn error(code: ErrorCode, status: Option<u16>) -> Answer {
    let mut error = Error::new(code, format!("refused: {}", code.as_str()));
    error.status = status;
    Answer::Error(error)
}

async fn sent(outbox: &Outbox, key: &str) -> OutboxEntry {
    let entry = outbox.wait(key, SOON).await.unwrap();
    assert_eq!(entry.state, OutboxState::Sent, "{entry:?}");
    entry
}
