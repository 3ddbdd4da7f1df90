//! Somebody else's device without a client around it: what it encrypts and the key to that
//! are handed over one by one, so that a test may send them apart.

use matrix_sdk_crypto::{EncryptionSettings, OlmMachine, types::requests::AnyOutgoingRequest};
use ruma::{
    RoomId, UserId,
    api::client::{
        keys::{claim_keys, get_keys, upload_keys},
        to_device::send_event_to_device,
    },
    device_id,
    serde::Raw,
    user_id,
};
use serde_json::{Value, json};

use crate::support::{ROOM, USER, text};

/// A device of the human's that has a session with ours.
pub struct OlmPeer {
    machine: OlmMachine,
}

impl OlmPeer {
    /// `uploads`: what our `device` has sent to `/keys/upload`.
    pub async fn new(device: &str, uploads: &[Value]) -> Self {
        let machine = OlmMachine::new(user_id!("@human:test"), device_id!("HUMAN")).await;
        let bot: &UserId = USER.try_into().unwrap();
        machine.update_tracked_users([bot]).await.unwrap();
        let mut device_keys = uploads.iter().map(|upload| &upload["device_keys"]);
        let device_keys = device_keys.find(|keys| keys.is_object()).unwrap();
        for request in machine.outgoing_requests().await.unwrap() {
            let id = request.request_id();
            match request.request() {
                AnyOutgoingRequest::KeysUpload(_) => {
                    let counts = from(json!({"signed_curve25519": 50}));
                    let answer = upload_keys::v3::Response::new(counts);
                    machine.mark_request_as_sent(id, &answer).await.unwrap();
                }
                AnyOutgoingRequest::KeysQuery(_) => {
                    let mut answer = get_keys::v3::Response::new();
                    answer.device_keys = from(json!({USER: {device: device_keys}}));
                    machine.mark_request_as_sent(id, &answer).await.unwrap();
                }
                other => panic!("{other:?}"),
            }
        }
        let (name, key) = uploads
            .iter()
            .find_map(|upload| upload["one_time_keys"].as_object()?.iter().next())
            .unwrap();
        let (id, _) = machine
            .get_missing_sessions([bot].into_iter())
            .await
            .unwrap()
            .unwrap();
        let claimed = from(json!({USER: {device: {name: key}}}));
        let answer = claim_keys::v3::Response::new(claimed);
        machine.mark_request_as_sent(&id, &answer).await.unwrap();
        Self { machine }
    }

    /// An encrypted text, and the to-device event with its key.
    pub async fn say(&self, id: &str, body: &str) -> (Value, Value) {
        let room: &RoomId = ROOM.try_into().unwrap();
        let bot: &UserId = USER.try_into().unwrap();
        let requests = self
            .machine
            .share_room_key(room, [bot].into_iter(), EncryptionSettings::default())
            .await
            .unwrap();
        let [request] = &requests[..] else {
            panic!("{requests:?}");
        };
        let content = request.messages[bot].values().next().unwrap();
        let key = json!({
            "type": request.event_type.to_string(), "sender": "@human:test", "content": content,
        });
        self.machine
            .mark_request_as_sent(&request.txn_id, &send_event_to_device::v3::Response::new())
            .await
            .unwrap();
        let content = json!({"msgtype": "m.text", "body": body});
        let content = Raw::from_json(serde_json::value::to_raw_value(&content).unwrap());
        let encrypted = self
            .machine
            .encrypt_room_event_raw(room, "m.room.message", &content)
            .await
            .unwrap();
        let mut event = text(id, "");
        event["type"] = "m.room.encrypted".into();
        event["content"] = serde_json::to_value(&encrypted.content).unwrap();
        (event, key)
    }
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
