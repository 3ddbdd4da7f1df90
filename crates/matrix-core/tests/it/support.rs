//! A homeserver that answers `/sync` from a script and remembers what it was asked.

use std::{
    collections::{BTreeMap, VecDeque},
    future::Future,
    path::Path,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use matrix_core::{
    Account, AccountConfig, Auth, CatchUp, Health, KeyRecipients, NetworkConfig, Secret, SyncState,
    event::{EventBase, InboundEvent},
};
use serde_json::{Value, json};
use url::Url;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

pub const USER: &str = "@bot:test";
pub const ROOM: &str = "!room:test";
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a test as the addon does: on its own runtime, with stacks for large futures.
pub fn run<F>(test: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(runtime.spawn(test)).unwrap();
}

/// Makes the body of an answer out of the `since` that is asked for.
type MakeAnswer = fn(&str) -> Option<Vec<u8>>;

#[derive(Default)]
pub struct State {
    /// Token → device.
    pub tokens: BTreeMap<String, String>,
    /// Tokens that are answered with `M_UNKNOWN_TOKEN`, and whether softly.
    pub ended: BTreeMap<String, bool>,
    /// Devices that have encryption keys.
    pub keys: Vec<String>,
    /// Keys that were uploaded, by device.
    pub uploaded: BTreeMap<String, Value>,
    /// Uploads are refused with this.
    pub refuse_upload: Option<String>,
    /// `since` → answers, each given once.
    pub syncs: BTreeMap<String, VecDeque<(u16, Value)>>,
    /// `from` → answer of `/messages`.
    pub messages: BTreeMap<String, Value>,
    /// Answers of `/sync` that are made when they are asked for, by `since`; they need not
    /// be JSON.
    pub made: Option<MakeAnswer>,
    /// Bodies of `/keys/upload`.
    pub uploads: Vec<Value>,
    pub logins: Vec<Value>,
    /// Answers of paths that nothing else here knows.
    pub answers: BTreeMap<String, (u16, Value)>,
    /// The same for requests without a token.
    pub open_answers: BTreeMap<String, (u16, Value)>,
    /// Every `/sync` so far: its `since`, or nothing.
    pub asked: Vec<String>,
    /// What was sent, each transaction once.
    pub sent: Vec<Value>,
    /// Paths that are never answered.
    pub hanging: Vec<String>,
    /// Transaction id → event id.
    pub transactions: BTreeMap<String, String>,
    /// Requests to send, repeated ones too.
    pub send_requests: usize,
    /// How long the answer to a request to send takes.
    pub send_delay: Duration,
}

pub struct Homeserver {
    server: MockServer,
    state: Arc<Mutex<State>>,
}

struct Script(Arc<Mutex<State>>);

impl Homeserver {
    pub async fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let server = MockServer::start().await;
        Mock::given(any())
            .respond_with(Script(Arc::clone(&state)))
            .mount(&server)
            .await;
        Self { server, state }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn url(&self) -> Url {
        Url::parse(&self.server.uri()).unwrap()
    }

    /// A token that works, on this device.
    pub fn token(&self, token: &str, device: &str) -> Auth {
        self.state().tokens.insert(token.into(), device.into());
        Auth::AccessToken {
            token: Secret::new(token),
            user_id: None,
            device_id: None,
        }
    }

    /// The answer to the next `/sync` from `since` (empty: the first one).
    pub fn sync(&self, since: &str, answer: Value) {
        self.sync_status(since, 200, answer);
    }

    pub fn sync_status(&self, since: &str, status: u16, answer: Value) {
        self.state()
            .syncs
            .entry(since.to_owned())
            .or_default()
            .push_back((status, answer));
    }

    pub fn config(&self, dir: &Path, auth: Auth) -> AccountConfig {
        AccountConfig {
            account_id: "test".to_owned(),
            state_dir: dir.to_owned(),
            homeserver: self.url(),
            auth,
            device_name: "OpenClaw Gateway".to_owned(),
            encryption: true,
            network: NetworkConfig {
                allow_private: true,
                ..NetworkConfig::default()
            },
            store_passphrase: None,
            initial_sync_limit: None,
            undecryptable_retry: Duration::from_secs(3600),
            catch_up: CatchUp {
                max_age: Duration::from_secs(3600),
                max_events: 100,
            },
            edits: true,
            share_history_on_invite: false,
            key_recipients: KeyRecipients::All,
            presence: matrix_core::Presence::Off,
        }
    }

    pub async fn open(&self, dir: &Path, auth: Auth) -> Account {
        Account::open(self.config(dir, auth)).await.unwrap()
    }
}

pub fn by_password() -> Auth {
    Auth::Password {
        user_id: USER.to_owned(),
        password: Secret::new("secret"),
        device_id: None,
    }
}

impl Respond for Script {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut state = self.0.lock().unwrap();
        let path = request.url.path();
        let path = path
            .strip_prefix("/_matrix/client/")
            .unwrap_or(path)
            .trim_start_matches("v3/");
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let token = request
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .unwrap_or_default()
            .to_owned();
        if path == "versions" {
            return ok(json!({"versions": ["v1.11"], "unstable_features": {}}));
        }
        if path == "login" {
            if body["password"] != "secret" {
                return error(403, "M_FORBIDDEN", json!({}));
            }
            let number = state.logins.len() + 1;
            let token = format!("login{number}");
            let device = body["device_id"]
                .as_str()
                .map_or(format!("MADE{number}"), ToOwned::to_owned);
            state.logins.push(body);
            state.tokens.insert(token.clone(), device.clone());
            return ok(json!({"user_id": USER, "access_token": token, "device_id": device}));
        }
        if let Some((status, answer)) = state.open_answers.get(path) {
            return ResponseTemplate::new(*status).set_body_json(answer);
        }
        if let Some(soft) = state.ended.get(&token) {
            return error(401, "M_UNKNOWN_TOKEN", json!({"soft_logout": soft}));
        }
        let Some(device) = state.tokens.get(&token).cloned() else {
            return error(401, "M_UNKNOWN_TOKEN", json!({}));
        };
        if state.hanging.iter().any(|hanging| hanging == path) {
            return ok(json!({})).set_delay(Duration::from_secs(3600));
        }
        match path {
            "account/whoami" => ok(json!({"user_id": USER, "device_id": device})),
            "keys/query" => {
                let mut keys: BTreeMap<_, _> = state
                    .keys
                    .iter()
                    .map(|device| {
                        let keys = json!({
                            "user_id": USER, "device_id": device,
                            "algorithms": [], "keys": {}, "signatures": {},
                        });
                        (device.clone(), keys)
                    })
                    .collect();
                keys.extend(state.uploaded.clone());
                ok(json!({"device_keys": {USER: keys}}))
            }
            "keys/upload" => {
                state.uploads.push(body.clone());
                if let Some(refusal) = &state.refuse_upload {
                    let body = json!({"errcode": "M_UNKNOWN", "error": refusal});
                    return ResponseTemplate::new(400).set_body_json(body);
                }
                if body["device_keys"].is_object() {
                    state.uploaded.insert(device, body["device_keys"].clone());
                }
                ok(json!({"one_time_key_counts": {"signed_curve25519": 50}}))
            }
            "joined_rooms" => ok(json!({"joined_rooms": [ROOM]})),
            "sync" => {
                let since = query(request, "since");
                state.asked.push(since.clone());
                if let Some(made) = state.made.and_then(|made| made(&since)) {
                    return ResponseTemplate::new(200).set_body_raw(made, "application/json");
                }
                let next = state.syncs.get_mut(&since).and_then(VecDeque::pop_front);
                match next {
                    Some((status, answer)) => ResponseTemplate::new(status).set_body_json(answer),
                    // A long poll without news.
                    None => ok(json!({"next_batch": since})).set_delay(Duration::from_millis(500)),
                }
            }
            path if path.ends_with("/messages") => {
                match state.messages.get(&query(request, "from")) {
                    Some(answer) => ok(answer.clone()),
                    None => error(502, "M_UNKNOWN", json!({})),
                }
            }
            path if path.contains("/send/") => {
                state.send_requests += 1;
                let transaction = path.rsplit('/').next().unwrap_or_default().to_owned();
                let event_id = match state.transactions.get(&transaction) {
                    Some(known) => known.clone(),
                    None => {
                        state.sent.push(body);
                        let new = format!("$sent{}", state.sent.len());
                        state.transactions.insert(transaction, new.clone());
                        new
                    }
                };
                ok(json!({"event_id": event_id})).set_delay(state.send_delay)
            }
            path => match state.answers.get(path) {
                Some((status, answer)) => ResponseTemplate::new(*status).set_body_json(answer),
                None => error(404, "M_NOT_FOUND", json!({})),
            },
        }
    }
}

fn query(request: &Request, name: &str) -> String {
    request
        .url
        .query_pairs()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

fn ok(body: Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn error(status: u16, errcode: &str, more: Value) -> ResponseTemplate {
    let mut body = json!({"errcode": errcode, "error": "as scripted"});
    body.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    ResponseTemplate::new(status).set_body_json(body)
}

/// An answer of `/sync` with a timeline in [`ROOM`].
pub fn joined(next_batch: &str, limited: bool, events: &[Value]) -> Value {
    json!({
        "next_batch": next_batch,
        "rooms": {"join": {ROOM: {"timeline": {
            "events": events, "limited": limited, "prev_batch": format!("before-{next_batch}"),
        }}}},
        "device_one_time_keys_count": {"signed_curve25519": 50},
    })
}

/// A text of somebody else.
pub fn text(id: &str, body: &str) -> Value {
    json!({
        "type": "m.room.message", "event_id": id, "sender": "@human:test",
        "origin_server_ts": now(), "content": {"msgtype": "m.text", "body": body},
    })
}

/// Our own membership.
pub fn own_member(id: &str, membership: &str, before: Option<&str>) -> Value {
    let mut event = json!({
        "type": "m.room.member", "event_id": id, "sender": "@human:test", "state_key": USER,
        "origin_server_ts": now(), "content": {"membership": membership},
    });
    if let Some(before) = before {
        event["unsigned"] = json!({"prev_content": {"membership": before}});
    }
    event
}

fn now() -> u64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis() as u64
}

/// Waits for a health.
pub async fn health(account: &Account, mut wanted: impl FnMut(&Health) -> bool) -> Health {
    let found = async {
        let mut version = 0;
        loop {
            let health = account.health_after(version).await.unwrap().unwrap();
            if wanted(&health) {
                return health;
            }
            version = health.version;
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("no such health")
}

pub async fn running(account: &Account) {
    health(account, |health| health.sync.state == SyncState::Running).await;
}

/// Texts of the next messages, as many as asked for; other events are left out.
pub async fn texts(account: &Account, count: usize) -> Vec<String> {
    let found = async {
        let mut texts = Vec::new();
        while texts.len() < count {
            for event in account.next_batch(1).await.unwrap().expect("closed") {
                account.settle(&[base(&event).seq]).await.unwrap();
                if let InboundEvent::Message { text, .. } = event {
                    texts.push(text);
                }
            }
        }
        texts
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("messages are missing")
}

pub fn base(event: &InboundEvent) -> &EventBase {
    match event {
        InboundEvent::Message { base, .. }
        | InboundEvent::Edit { base, .. }
        | InboundEvent::Reaction { base, .. }
        | InboundEvent::Redaction { base, .. }
        | InboundEvent::Invite { base, .. }
        | InboundEvent::Membership { base, .. }
        | InboundEvent::Skipped { base, .. }
        | InboundEvent::Other { base, .. } => base,
    }
}
