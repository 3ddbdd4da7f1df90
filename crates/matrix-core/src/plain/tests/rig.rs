//! A scripted homeserver and an engine with a real inbox.

use std::{sync::Arc, time::Duration};

use matrix_sdk::reqwest;
use matrix_sdk_store_encryption::StoreCipher;
use serde_json::{Value, json};
use tempfile::TempDir;
use wiremock::{
    Mock, MockServer, Request, ResponseTemplate,
    matchers::{method, path, query_param, query_param_is_missing},
};

use super::super::{PlainEngine, PlainParams};
use crate::{
    Identity, config::Secret, engine::Engine, error::Error, event::NewEvent, health::HealthCell,
    inbox::Inbox, rest::Rest,
};

pub const SYNC: &str = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
pub const ROOM: &str = "!room:example.org";
pub const ME: &str = "@bot:example.org";

pub struct Rig {
    pub server: MockServer,
    pub health: HealthCell,
    dir: TempDir,
    cipher: Arc<StoreCipher>,
}

impl Rig {
    pub async fn new() -> Self {
        Self {
            server: MockServer::start().await,
            health: HealthCell::new(),
            dir: TempDir::new().unwrap(),
            cipher: Arc::new(StoreCipher::new().unwrap()),
        }
    }

    pub fn inbox_file(&self) -> std::path::PathBuf {
        self.dir.path().join("inbox.sqlite3")
    }

    /// As a process finds it.
    pub async fn inbox(&self) -> Inbox {
        Inbox::open(&self.inbox_file(), Arc::clone(&self.cipher))
            .await
            .unwrap()
    }

    pub fn engine(&self, inbox: &Inbox) -> Arc<PlainEngine> {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let homeserver: url::Url = self.server.uri().parse().unwrap();
        Arc::new(
            PlainEngine::new(PlainParams {
                rest: Rest::new(http, homeserver.clone(), Some(Secret::new("token"))),
                identity: Identity {
                    user_id: ME.to_owned(),
                    device_id: "ELEMENT".to_owned(),
                    homeserver: homeserver.to_string(),
                },
                inbox: inbox.clone(),
                health: self.health.clone(),
                initial_sync_limit: None,
                presence: crate::config::Presence::Off.into(),
            })
            .unwrap(),
        )
    }

    /// Runs the engine's loop until the answer is dropped.
    pub fn run(&self, engine: &Arc<PlainEngine>) -> Running {
        let engine = Arc::clone(engine);
        Running(tokio::spawn(async move { engine.run().await }))
    }

    /// What the server says to `pos`, at most `times` times.
    pub async fn says(&self, pos: Option<&str>, answer: ResponseTemplate, times: u64) {
        let mock = Mock::given(method("POST")).and(path(SYNC));
        let mock = match pos {
            Some(pos) => mock.and(query_param("pos", pos)),
            None => mock.and(query_param_is_missing("pos")),
        };
        mock.respond_with(answer)
            .up_to_n_times(times)
            .mount(&self.server)
            .await;
    }

    /// An unauthenticated or plain GET.
    pub async fn get(&self, at: &str, answer: ResponseTemplate) {
        Mock::given(method("GET"))
            .and(path(at))
            .respond_with(answer)
            .mount(&self.server)
            .await;
    }

    /// The `pos` of every sync so far; no request may have gone anywhere near the
    /// device's keys or to-device messages.
    pub async fn positions(&self) -> Vec<Option<String>> {
        let requests = self.server.received_requests().await.unwrap();
        for request in &requests {
            let at = request.url.path();
            assert!(!at.ends_with("/v3/sync"), "{at}");
            assert!(
                !at.contains("/keys/upload") && !at.contains("/keys/claim"),
                "{at}"
            );
            assert!(!at.contains("sendToDevice"), "{at}");
            if at == SYNC {
                let body: Value = request.body_json().unwrap();
                assert!(body.get("extensions").is_none(), "{body}");
            }
        }
        requests
            .iter()
            .filter(|r| r.url.path() == SYNC)
            .map(pos)
            .collect()
    }

    /// Waits for the `n`th sync request.
    pub async fn asked(&self, n: usize) -> Vec<Option<String>> {
        for _ in 0..1000 {
            let positions = self.positions().await;
            if positions.len() >= n {
                return positions;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no {n}th sync request: {:?}", self.positions().await);
    }
}

fn pos(request: &Request) -> Option<String> {
    request
        .url
        .query_pairs()
        .find(|(key, _)| key == "pos")
        .map(|(_, pos)| pos.into_owned())
}

/// Aborted when dropped, as a killed process would be.
pub struct Running(tokio::task::JoinHandle<Error>);

impl Running {
    /// The error it is blocked with.
    pub async fn blocked(mut self) -> Error {
        tokio::time::timeout(Duration::from_secs(20), &mut self.0)
            .await
            .unwrap()
            .unwrap()
    }

    pub async fn kill(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

pub fn refusal(status: u16, errcode: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({ "errcode": errcode, "error": "no" }))
}

/// A long poll with nothing to say.
pub fn silence(pos: &str) -> ResponseTemplate {
    answer(pos, json!({})).set_delay(Duration::from_secs(25))
}

pub fn answer(pos: &str, rooms: Value) -> ResponseTemplate {
    ok(json!({ "pos": pos, "lists": { "all": { "count": 1 } }, "rooms": rooms }))
}

pub fn message(id: &str) -> Value {
    json!({
        "type": "m.room.message", "event_id": id, "sender": "@alice:example.org",
        "origin_server_ts": crate::health::now_ms(), "content": { "msgtype": "m.text", "body": id },
    })
}

pub fn own_join() -> Value {
    json!({
        "type": "m.room.member", "event_id": "$join", "sender": ME, "state_key": ME,
        "origin_server_ts": 1, "content": { "membership": "join" },
    })
}

/// The room as a new connection gives it.
pub fn whole_room(timeline: &[&str]) -> Value {
    let timeline: Vec<Value> = timeline.iter().map(|id| message(id)).collect();
    json!({ ROOM: {
        "initial": true, "limited": true, "prev_batch": "before", "num_live": 0,
        "joined_count": 2, "timeline": timeline, "required_state": [own_join()],
    }})
}

/// What a living connection gives.
pub fn news(timeline: &[&str]) -> Value {
    let timeline: Vec<Value> = timeline.iter().map(|id| message(id)).collect();
    json!({ ROOM: { "timeline": timeline, "num_live": timeline.len() } })
}

pub async fn received(inbox: &Inbox) -> Vec<NewEvent> {
    tokio::time::timeout(Duration::from_secs(20), inbox.next_batch(100))
        .await
        .expect("no event came")
        .unwrap()
        .unwrap()
        .into_iter()
        .map(|stored| stored.event)
        .collect()
}

pub fn keys(events: &[NewEvent]) -> Vec<&str> {
    events.iter().map(|event| event.key.as_str()).collect()
}
