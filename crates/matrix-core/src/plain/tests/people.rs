//! People on a real homeserver, each with a matrix-sdk client of their own.

use std::time::Duration;

use matrix_sdk::{
    Client, Room, RoomState, config::SyncSettings, encryption::EncryptionSettings, reqwest,
    ruma::api::client::room::create_room,
};
use ruma::{
    OwnedEventId, OwnedRoomId,
    events::{
        InitialStateEvent,
        room::encryption::{InitialRoomEncryptionEvent, RoomEncryptionEventContent},
    },
};
use serde_json::{Value, json};

/// How long anything may take.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A newly registered user's client with encryption.
pub struct Person {
    pub client: Client,
    pub homeserver: String,
}

impl Person {
    pub async fn new(homeserver: &str, name: &str) -> Self {
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

    pub async fn sync(&self) {
        let settings = SyncSettings::new().timeout(Duration::from_millis(200));
        Box::pin(self.client.sync_once(settings)).await.unwrap();
    }

    /// Syncs until `found` finds something.
    pub async fn until<T>(&self, what: &str, found: impl AsyncFn() -> Option<T>) -> T {
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

    pub async fn invite(&self, other: &Person, encrypted: bool) -> Room {
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
    pub async fn text(&self, room_id: &OwnedRoomId, event_id: &OwnedEventId) -> Option<String> {
        let room = self.client.get_room(room_id)?;
        let event = room.event(event_id, None).await.ok()?;
        let event: Value = serde_json::from_str(event.raw().json().get()).unwrap();
        Some(event["content"]["body"].as_str()?.to_owned())
    }

    pub async fn call(&self, method: reqwest::Method, at: &str, body: Value) -> Value {
        let request = http()
            .request(method, format!("{}{at}", self.homeserver))
            .bearer_auth(self.client.access_token().unwrap())
            .body(body.to_string());
        let text = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// What the homeserver publishes of this device, and how many one-time keys it holds.
    pub async fn published(&self) -> (Value, Value) {
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

pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}
