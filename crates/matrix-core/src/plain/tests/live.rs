//! Against a real homeserver (`MATRIX_TEST_HOMESERVER`), with matrix-sdk in the part of
//! the client whose access token was copied.

use std::{sync::Arc, time::Duration};

use matrix_sdk::{
    Client, Room, RoomState, config::SyncSettings, encryption::EncryptionSettings, reqwest,
    ruma::api::client::room::create_room,
};
use matrix_sdk_store_encryption::StoreCipher;
use ruma::{
    OwnedEventId, OwnedRoomId, TransactionId,
    events::{
        InitialStateEvent,
        room::{
            encryption::{InitialRoomEncryptionEvent, RoomEncryptionEventContent},
            message::RoomMessageEventContent,
        },
    },
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    super::{PlainEngine, PlainParams},
    rig::{keys, received},
};
use crate::{
    Identity, config::Secret, engine::Engine, health::HealthCell, inbox::Inbox, rest::Rest,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn homeserver() -> Option<String> {
    let homeserver = std::env::var("MATRIX_TEST_HOMESERVER").ok();
    if homeserver.is_none() {
        println!("skipped: MATRIX_TEST_HOMESERVER is not set");
    }
    homeserver
}

/// A newly registered user's client with encryption.
struct Person {
    client: Client,
    homeserver: String,
}

impl Person {
    async fn new(homeserver: &str, name: &str) -> Self {
        let username = format!("{name}-{:08x}", rand::random::<u32>());
        let body = json!({
            "username": username, "password": "secret", "inhibit_login": true,
            "auth": { "type": "m.login.dummy" },
        });
        let url = format!("{homeserver}/_matrix/client/v3/register");
        let answer = http()
            .post(url)
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{}",
            answer.text().await.unwrap()
        );
        let client = Client::builder()
            .homeserver_url(homeserver)
            .with_encryption_settings(EncryptionSettings {
                auto_enable_cross_signing: true,
                ..EncryptionSettings::default()
            })
            .build()
            .await
            .unwrap();
        let login = client.matrix_auth().login_username(&username, "secret");
        login.send().await.unwrap();
        client
            .encryption()
            .wait_for_e2ee_initialization_tasks()
            .await;
        let person = Self {
            client,
            homeserver: homeserver.to_owned(),
        };
        person.sync().await;
        person.sync().await;
        person
    }

    async fn sync(&self) {
        let settings = SyncSettings::new().timeout(Duration::from_millis(200));
        Box::pin(self.client.sync_once(settings)).await.unwrap();
    }

    /// Syncs until `found` finds something.
    async fn until<T>(&self, what: &str, found: impl AsyncFn() -> Option<T>) -> T {
        let search = async {
            loop {
                self.sync().await;
                if let Some(found) = found().await {
                    return found;
                }
            }
        };
        let found = tokio::time::timeout(PATIENCE, Box::pin(search)).await;
        found.unwrap_or_else(|_| panic!("never came: {what}"))
    }

    async fn invite(&self, other: &Person, encrypted: bool) -> Room {
        let mut request = create_room::v3::Request::new();
        request.invite = vec![other.client.user_id().unwrap().to_owned()];
        if encrypted {
            let content = RoomEncryptionEventContent::with_recommended_defaults();
            let event = InitialRoomEncryptionEvent::with_empty_state_key(content);
            request.initial_state = vec![InitialStateEvent::to_raw_any(&event)];
        }
        let room = self.client.create_room(request).await.unwrap();
        let room_id = room.room_id().to_owned();
        other.client.join_room_by_id(&room_id).await.unwrap();
        other
            .until("the join", async || joined(&other.client, &room_id))
            .await;
        self.until("their join", async || {
            let members = room.members(matrix_sdk::RoomMemberships::JOIN).await;
            (members.unwrap().len() == 2).then_some(())
        })
        .await;
        room
    }

    /// The text of an event, as this client can read it.
    async fn text(&self, room_id: &OwnedRoomId, event_id: &OwnedEventId) -> Option<String> {
        let room = self.client.get_room(room_id)?;
        let event = room.event(event_id, None).await.ok()?;
        let event: Value = serde_json::from_str(event.raw().json().get()).unwrap();
        Some(event["content"]["body"].as_str()?.to_owned())
    }

    async fn call(&self, method: reqwest::Method, at: &str, body: Value) -> Value {
        let request = http()
            .request(method, format!("{}{at}", self.homeserver))
            .bearer_auth(self.client.access_token().unwrap())
            .body(body.to_string());
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// What the homeserver publishes of this device, and how many one-time keys it holds.
    async fn published(&self) -> (Value, Value) {
        let (user, device) = (
            self.client.user_id().unwrap(),
            self.client.device_id().unwrap(),
        );
        let query = json!({ "device_keys": { user: [device] } });
        let post = reqwest::Method::POST;
        let at = "/_matrix/client/v3/keys";
        let keys = self.call(post.clone(), &format!("{at}/query"), query).await;
        // An empty upload changes nothing and counts.
        let counts = self.call(post, &format!("{at}/upload"), json!({})).await;
        assert!(
            keys["device_keys"][user.as_str()][device.as_str()].is_object(),
            "{keys}"
        );
        (keys, counts)
    }
}

fn joined(client: &Client, room_id: &OwnedRoomId) -> Option<()> {
    let room = client.get_room(room_id)?;
    (room.state() == RoomState::Joined).then_some(())
}

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The engine on a person's own token, with its inbox.
async fn engine(dir: &TempDir, person: &Person) -> (Arc<PlainEngine>, Inbox) {
    let cipher = Arc::new(StoreCipher::new().unwrap());
    let inbox = Inbox::open(&dir.path().join("inbox.sqlite3"), cipher)
        .await
        .unwrap();
    let token = Secret::new(person.client.access_token().unwrap());
    let homeserver: url::Url = person.homeserver.parse().unwrap();
    let engine = PlainEngine::new(PlainParams {
        rest: Rest::new(http(), homeserver, Some(token)),
        identity: Identity {
            user_id: person.client.user_id().unwrap().to_string(),
            device_id: person.client.device_id().unwrap().to_string(),
            homeserver: person.homeserver.clone(),
        },
        inbox: inbox.clone(),
        health: HealthCell::new(),
        initial_sync_limit: None,
    });
    (Arc::new(engine.unwrap()), inbox)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aut_11_the_other_client_keeps_its_identity_its_one_time_keys_and_its_room_keys() {
    let Some(homeserver) = homeserver() else {
        return;
    };
    let element = Person::new(&homeserver, "element").await;
    let alice = Person::new(&homeserver, "alice").await;
    let secret_room = alice.invite(&element, true).await;
    let secret_id = secret_room.room_id().to_owned();
    let plain_room = alice.invite(&element, false).await;
    let plain_id = plain_room.room_id().to_owned();
    let say = |text: &str| RoomMessageEventContent::text_plain(text);

    // The clients know each other: later room keys need no one-time key.
    let first = secret_room.send(say("first")).await.unwrap();
    let id = first.response.event_id;
    element
        .until("the first secret", async || {
            let text = element.text(&secret_id, &id).await?;
            (text == "first").then_some(())
        })
        .await;
    let before = element.published().await;

    let dir = TempDir::new().unwrap();
    let (engine, inbox) = engine(&dir, &element).await;
    let running = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.run().await }
    });
    let started = async {
        while engine.position().pos.is_none() || !engine.position().complete {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, started).await.unwrap();

    // A new room key, for a client that is not looking, while the engine is.
    secret_room.discard_room_key().await.unwrap();
    let secret = secret_room.send(say("secret")).await.unwrap();
    let secret = secret.response.event_id;
    let question = plain_room.send(say("question")).await.unwrap();
    let question = question.response.event_id;

    let events = received(&inbox).await;
    assert_eq!(keys(&events), [question.as_str()]);
    let txn = TransactionId::new();
    let content = json!({ "msgtype": "m.text", "body": "answer" });
    let send = || engine.send_event(&plain_id, "m.room.message", content.clone(), &txn);
    let answer = send().await.unwrap();
    assert_eq!(send().await.unwrap(), answer, "one transaction, one event");
    let read = async || alice.text(&plain_id, &answer).await;
    assert_eq!(alice.until("the answer", read).await, "answer");
    let refused = engine
        .send_event(
            &secret_id,
            "m.room.message",
            content.clone(),
            &TransactionId::new(),
        )
        .await
        .unwrap_err();
    assert_eq!(refused.code, crate::ErrorCode::DeviceInUse);

    // Our own answer comes back too; by then several requests have passed.
    assert_eq!(keys(&received(&inbox).await), [answer.as_str()]);
    assert_eq!(element.published().await, before);
    let status = engine.encryption_status().await.unwrap();
    assert_eq!(status.server_device_known, Some(true));
    running.abort();

    let text = element
        .until("the secret", async || {
            element.text(&secret_id, &secret).await
        })
        .await;
    assert_eq!(text, "secret");
    assert_eq!(element.published().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aut_11_invites_floods_and_kicks_come_through() {
    let Some(homeserver) = homeserver() else {
        return;
    };
    let bot = Person::new(&homeserver, "bot").await;
    let alice = Person::new(&homeserver, "alice").await;
    let dir = TempDir::new().unwrap();
    let (engine, inbox) = engine(&dir, &bot).await;
    let run = || {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { engine.run().await })
    };
    let running = run();

    let mut request = create_room::v3::Request::new();
    request.invite = vec![bot.client.user_id().unwrap().to_owned()];
    request.is_direct = true;
    request.name = Some("Tea".to_owned());
    let room = alice.client.create_room(request).await.unwrap();
    let room_id = room.room_id().to_owned();
    let events = received(&inbox).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let invite: Value = serde_json::from_str(&events[0].json).unwrap();
    assert_eq!(invite["type"], "invite");
    assert_eq!(invite["room_name"], "Tea");
    assert_eq!(invite["is_direct"], true);
    let info = engine.room_info(&room_id).await.unwrap();
    assert_eq!(info.membership, crate::event::Membership::Invite);

    // Said before we are in; and our own join.
    let say = |text: &str| RoomMessageEventContent::text_plain(text);
    let early = room.send(say("early")).await.unwrap();
    let early = early.response.event_id;
    bot.client.join_room_by_id(&room_id).await.unwrap();
    let events = received(&inbox).await;
    assert_eq!(events[0].key, early.as_str());
    assert_eq!(events.len(), 2, "{events:?}");
    let info = engine.room_info(&room_id).await.unwrap();
    assert!(info.member_is_direct, "{info:?}");
    assert_eq!(
        info.other_members,
        [alice.client.user_id().unwrap().as_str()]
    );

    // More than one answer holds, while nobody runs.
    running.abort();
    let mut sent = Vec::new();
    for n in 0..60 {
        let message = room
            .send(RoomMessageEventContent::text_plain(format!("flood {n}")))
            .await
            .unwrap();
        sent.push(message.response.event_id.to_string());
    }
    let running = run();
    let _workers = crate::inbox::spawn_workers(
        inbox.clone(),
        Arc::clone(&engine) as Arc<dyn Engine>,
        crate::inbox::WorkerSettings {
            catch_up: crate::CatchUp {
                max_age: Duration::from_secs(3600),
                max_events: 500,
            },
            undecryptable_retry: Duration::from_secs(3600),
        },
    );
    let mut events = Vec::new();
    while events.len() < sent.len() {
        events.extend(received(&inbox).await);
    }
    assert_eq!(keys(&events), sent);

    room.kick_user(bot.client.user_id().unwrap(), None)
        .await
        .unwrap();
    let events = received(&inbox).await;
    let kick: Value = serde_json::from_str(&events[0].json).unwrap();
    assert_eq!(kick["content"]["membership"], "leave");
    running.abort();
}
