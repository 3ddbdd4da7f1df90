//! People and accounts on the test homeserver.

use std::{future::Future, path::Path, time::Duration};

use matrix_core::{
    Account, AccountConfig, Auth, CatchUp, ErrorCode, KeyRecipients, NetworkConfig, OutboxEntry,
    OutboxState, Secret, SyncState,
    event::{EventBase, InboundEvent},
    send::{ChunkMode, SendTarget, SendText, Tables, TextKind},
};
use matrix_sdk::reqwest;
use serde_json::{Value, json};
use url::Url;

/// For everything that takes a few requests.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test as the addon does: on its own runtime, with stacks for large futures.
/// Skips it, visibly, without a homeserver.
pub fn live<F>(test: impl FnOnce(Homeserver) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let Ok(base) = std::env::var("MATRIX_TEST_HOMESERVER") else {
        eprintln!("SKIPPED: set MATRIX_TEST_HOMESERVER");
        return;
    };
    if let Ok(directives) = std::env::var("MATRIX_TEST_LOG") {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(directives)
            .with_writer(std::io::stderr)
            .try_init();
    }
    let homeserver = Homeserver {
        base: Url::parse(&base).unwrap(),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(runtime.spawn(test(homeserver))).unwrap();
}

#[derive(Clone)]
pub struct Homeserver {
    pub base: Url,
    http: reqwest::Client,
}

/// A registered user with the login that registration gave.
#[derive(Clone)]
pub struct Person {
    pub user_id: String,
    pub password: String,
    pub token: String,
    pub device_id: String,
}

impl Homeserver {
    pub async fn ask(
        &self,
        method: reqwest::Method,
        path: &str,
        token: Option<&str>,
        body: Value,
    ) -> Value {
        let url = self
            .base
            .join(&format!("/_matrix/client/v3/{path}"))
            .unwrap();
        let mut request = self.http.request(method, url);
        if !body.is_null() {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// A new user. `login`: with a device.
    async fn register_with(&self, name: &str, login: bool) -> Person {
        let name = format!("{name}-{:016x}", rand::random::<u64>());
        let password = "correct horse battery staple".to_owned();
        let answer = self
            .ask(
                reqwest::Method::POST,
                "register",
                None,
                json!({
                    "username": name,
                    "password": password,
                    "inhibit_login": !login,
                    "auth": {"type": "m.login.dummy"},
                }),
            )
            .await;
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        Person {
            user_id: text("user_id"),
            password,
            token: text("access_token"),
            device_id: text("device_id"),
        }
    }

    pub async fn register(&self, name: &str) -> Person {
        self.register_with(name, true).await
    }

    /// A new user without any device.
    pub async fn register_without_device(&self, name: &str) -> Person {
        self.register_with(name, false).await
    }

    /// Ids of a user's devices.
    pub async fn devices(&self, token: &str) -> Vec<String> {
        let answer = self
            .ask(reqwest::Method::GET, "devices", Some(token), Value::Null)
            .await;
        answer["devices"]
            .as_array()
            .unwrap()
            .iter()
            .map(|device| device["device_id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Logs in once more, for a look from outside.
    pub async fn log_in(&self, person: &Person) -> Person {
        self.log_in_as(person, None).await
    }

    /// Logs in on a new device of that name.
    pub async fn log_in_as(&self, person: &Person, device_name: Option<&str>) -> Person {
        let answer = self
            .ask(
                reqwest::Method::POST,
                "login",
                None,
                json!({
                    "type": "m.login.password",
                    "identifier": {"type": "m.id.user", "user": person.user_id},
                    "password": person.password,
                    "initial_device_display_name": device_name,
                }),
            )
            .await;
        Person {
            token: answer["access_token"].as_str().unwrap().to_owned(),
            device_id: answer["device_id"].as_str().unwrap().to_owned(),
            ..person.clone()
        }
    }

    /// The device keys that others see.
    pub async fn device_keys(&self, person: &Person) -> Value {
        let mut answer = self
            .ask(
                reqwest::Method::POST,
                "keys/query",
                Some(&person.token),
                json!({"device_keys": {&person.user_id: []}}),
            )
            .await;
        answer["device_keys"][&person.user_id][&person.device_id].take()
    }

    pub fn config(&self, dir: &Path, auth: Auth) -> AccountConfig {
        AccountConfig {
            account_id: "test".to_owned(),
            state_dir: dir.to_owned(),
            homeserver: self.base.clone(),
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

    /// Opens and starts an account, and waits for its first sync.
    pub async fn run(&self, dir: &Path, auth: Auth) -> Account {
        let account = self.open(dir, auth).await;
        account.start();
        running(&account).await;
        account
    }

    /// Opens an account; waits while an account that was dropped still lets go.
    pub async fn open(&self, dir: &Path, auth: Auth) -> Account {
        for _ in 0..100 {
            match Account::open(self.config(dir, auth.clone())).await {
                Err(error) if error.code == ErrorCode::StoreLocked => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                opened => return opened.unwrap(),
            }
        }
        panic!("the folder stays locked");
    }
}

impl Person {
    pub fn by_token(&self) -> Auth {
        Auth::AccessToken {
            token: Secret::new(self.token.clone()),
            user_id: None,
            device_id: None,
        }
    }

    pub fn by_password(&self) -> Auth {
        Auth::Password {
            user_id: self.user_id.clone(),
            password: Secret::new(self.password.clone()),
            device_id: None,
        }
    }
}

/// Waits until the sync loop runs.
pub async fn running(account: &Account) {
    let begun = async {
        let mut version = 0;
        loop {
            let health = account.health_after(version).await.unwrap().unwrap();
            match health.sync.state {
                SyncState::Running => return,
                SyncState::Blocked => panic!("blocked: {:?}", health.sync.error),
                _ => version = health.version,
            }
        }
    };
    tokio::time::timeout(PATIENCE, begun)
        .await
        .expect("no sync");
}

/// The next event that `wanted` takes; everything before it is settled.
pub async fn next<T>(account: &Account, mut wanted: impl FnMut(&InboundEvent) -> Option<T>) -> T {
    let found = async {
        loop {
            let batch = account.next_batch(1).await.unwrap().expect("closed");
            for event in batch {
                account.settle(&[base(&event).seq]).await.unwrap();
                if let Some(found) = wanted(&event) {
                    return found;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("the event did not come")
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

/// The next message that is not our own: its text and what carries it.
pub async fn next_message(account: &Account) -> (String, EventBase) {
    let own = account.identity().user_id;
    next(account, |event| match event {
        InboundEvent::Message { base, text, .. } if base.sender != own => {
            Some((text.clone(), base.clone()))
        }
        _ => None,
    })
    .await
}

/// The room of the next invite.
pub async fn next_invite(account: &Account) -> String {
    next(account, |event| match event {
        InboundEvent::Invite { base, .. } => Some(base.room_id.clone()),
        _ => None,
    })
    .await
}

/// Sends a text and expects it to arrive.
pub async fn say(account: &Account, room_id: &str, text: &str) -> OutboxEntry {
    let sent = account
        .send_text(SendText {
            target: SendTarget {
                room_id: room_id.try_into().unwrap(),
                thread_root_id: None,
                reply_to_id: None,
            },
            markdown: text.to_owned(),
            kind: TextKind::Text,
            key: None,
            chunk_limit: 4000,
            chunk_mode: ChunkMode::Length,
            live: false,
            tables: Tables::Block,
            extra: Default::default(),
            wait_ms: Some(60_000),
        })
        .await
        .unwrap();
    assert_eq!(sent.state, OutboxState::Sent, "{:?}", sent.error);
    sent
}
