//! A client of another maker's, on a user of its own: matrix-sdk alone, without anything of
//! this crate. The plain engine's unit tests use it too.

use std::time::{Duration, Instant};

use matrix_sdk::{
    Client, Room, RoomMemberships, RoomState, config::SyncSettings, encryption::EncryptionSettings,
    reqwest, ruma::api::client::room::create_room,
};
use ruma::{
    EventId, RoomId,
    events::{
        InitialStateEvent,
        room::encryption::{InitialRoomEncryptionEvent, RoomEncryptionEventContent},
    },
};
use serde_json::{Value, json};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A newly registered user's client with encryption.
pub struct OtherClient {
    pub client: Client,
    pub homeserver: String,
}

impl OtherClient {
    pub async fn new(homeserver: &str, name: &str) -> Self {
        let homeserver = homeserver.trim_end_matches('/');
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

    /// A room of this client with `other` in it.
    pub async fn invite(&self, other: &OtherClient, encrypted: bool) -> Room {
        let mut request = create_room::v3::Request::new();
        request.invite = vec![other.client.user_id().unwrap().to_owned()];
        if encrypted {
            let content = RoomEncryptionEventContent::with_recommended_defaults();
            let event = InitialRoomEncryptionEvent::with_empty_state_key(content);
            request.initial_state = vec![InitialStateEvent::to_raw_any(&event)];
        }
        let room = self.client.create_room(request).await.unwrap();
        let room_id = room.room_id();
        other.client.join_room_by_id(room_id).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.sync().await;
            other.sync().await;
            let members = room.members(RoomMemberships::JOIN).await.unwrap().len();
            let joined = other.client.get_room(room_id);
            if members == 2 && joined.is_some_and(|room| room.state() == RoomState::Joined) {
                return room;
            }
            assert!(Instant::now() < deadline, "the join never came");
        }
    }

    /// The text of an event, once this client can read it.
    pub async fn reads(&self, room_id: &RoomId, event_id: &EventId) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.sync().await;
            if let Some(room) = self.client.get_room(room_id)
                && let Ok(event) = room.event(event_id, None).await
            {
                let event: Value = serde_json::from_str(event.raw().json().get()).unwrap();
                if let Some(text) = event["content"]["body"].as_str() {
                    return text.to_owned();
                }
            }
            assert!(
                Instant::now() < deadline,
                "{event_id} never became readable"
            );
        }
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

pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}
