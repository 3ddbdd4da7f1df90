//! Verification messages on their way out.

use std::time::Duration;

use matrix_sdk::{Client, config::RequestConfig};
use matrix_sdk_crypto::types::requests::{OutgoingVerificationRequest, ToDeviceRequest};
use ruma::{
    OwnedDeviceId, OwnedEventId, OwnedRoomId, OwnedUserId, TransactionId,
    api::client::to_device::send_event_to_device,
    events::{AnyMessageLikeEventContent, AnyToDeviceEventContent},
    serde::Raw,
    to_device::DeviceIdOrAllDevices,
};
use serde_json::{Value, json};

use super::notes::OpenFlow;
use crate::error::{Error, ErrorCode, Result};

/// For one request.
const REQUEST: Duration = Duration::from_secs(15);
/// The SDK counts a message as sent once it has made it, so it is worth some tries.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Why a verification ends, in our words.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub code: String,
    pub reason: String,
}

/// Sends a message of a verification, under one transaction id however many tries it takes.
///
/// # Errors
/// What the homeserver answered last; `not_found` for a room that we are not in.
pub(super) async fn send(client: &Client, request: &OutgoingVerificationRequest) -> Result<()> {
    for pause in PAUSES {
        match try_to_send(client, request).await {
            Err(error) if error.is_transient() => {
                tracing::debug!(%error, "a verification message is sent again");
                tokio::time::sleep(pause.max(error.retry_after.unwrap_or_default().min(REQUEST)))
                    .await;
            }
            done => return done,
        }
    }
    try_to_send(client, request).await
}

async fn try_to_send(client: &Client, request: &OutgoingVerificationRequest) -> Result<()> {
    match request {
        OutgoingVerificationRequest::ToDevice(request) => send_to_device(client, request).await,
        OutgoingVerificationRequest::InRoom(request) => {
            let content = (*request.content).clone();
            let room = client
                .get_room(&request.room_id)
                .ok_or_else(|| no_room(&request.room_id))?;
            let send = room
                .send(content)
                .with_transaction_id(request.txn_id.clone())
                .with_request_config(RequestConfig::new().disable_retry().timeout(REQUEST));
            Box::pin(async move { send.await }).await?;
            Ok(())
        }
    }
}

async fn send_to_device(client: &Client, request: &ToDeviceRequest) -> Result<()> {
    let request = send_event_to_device::v3::Request::new_raw(
        request.event_type.clone(),
        request.txn_id.clone(),
        request.messages.clone(),
    );
    let config = RequestConfig::new().disable_retry().timeout(REQUEST);
    client.send(request).with_request_config(config).await?;
    Ok(())
}

fn no_room(room_id: &ruma::RoomId) -> Error {
    Error::new(
        ErrorCode::NotFound,
        format!("{room_id} is not a room of this account; invite it first"),
    )
}

/// The SDK's cancellation with our own code and reason in it.
pub(super) fn in_our_words(
    request: OutgoingVerificationRequest,
    words: &Words,
) -> OutgoingVerificationRequest {
    match request {
        OutgoingVerificationRequest::ToDevice(mut request) => {
            for content in request.messages.values_mut().flat_map(|d| d.values_mut()) {
                *content = reworded(content, words).unwrap_or_else(|| content.clone());
            }
            OutgoingVerificationRequest::ToDevice(request)
        }
        OutgoingVerificationRequest::InRoom(mut request) => {
            if let AnyMessageLikeEventContent::KeyVerificationCancel(content) =
                &mut *request.content
            {
                content.code = words.code.as_str().into();
                content.reason.clone_from(&words.reason);
            }
            OutgoingVerificationRequest::InRoom(request)
        }
    }
}

fn reworded(
    content: &Raw<AnyToDeviceEventContent>,
    words: &Words,
) -> Option<Raw<AnyToDeviceEventContent>> {
    let mut json: Value = serde_json::from_str(content.json().get()).ok()?;
    let fields = json.as_object_mut()?;
    fields.insert("code".to_owned(), words.code.as_str().into());
    fields.insert("reason".to_owned(), words.reason.as_str().into());
    Some(Raw::from_json(serde_json::value::to_raw_value(&json).ok()?))
}

/// The cancellation of a verification that another process, or another client of this one,
/// had under way. `None` if the note of it makes no sense.
pub(super) fn cancel_of(open: &OpenFlow, words: &Words) -> Option<Farewell> {
    let user_id = OwnedUserId::try_from(open.user_id.as_str()).ok()?;
    match &open.room_id {
        Some(room_id) => Some(Farewell::InRoom {
            room_id: OwnedRoomId::try_from(room_id.as_str()).ok()?,
            content: json!({
                "code": words.code,
                "reason": words.reason,
                "m.relates_to": {
                    "rel_type": "m.reference",
                    "event_id": OwnedEventId::try_from(open.flow_id.as_str()).ok()?,
                },
            }),
        }),
        None => {
            let device = match &open.device_id {
                Some(device) => {
                    DeviceIdOrAllDevices::DeviceId(OwnedDeviceId::from(device.as_str()))
                }
                None => DeviceIdOrAllDevices::AllDevices,
            };
            let content = json!({
                "transaction_id": open.flow_id,
                "code": words.code,
                "reason": words.reason,
            });
            let raw = Raw::from_json(serde_json::value::to_raw_value(&content).ok()?);
            Some(Farewell::ToDevice(ToDeviceRequest::new(
                &user_id,
                device,
                "m.key.verification.cancel",
                raw,
            )))
        }
    }
}

/// A cancellation that no object of the SDK stands behind.
#[derive(Debug)]
pub(super) enum Farewell {
    ToDevice(ToDeviceRequest),
    InRoom {
        room_id: OwnedRoomId,
        content: Value,
    },
}

impl Farewell {
    /// Sends it, once: the other side notices by itself after ten minutes.
    ///
    /// # Errors
    /// What the homeserver answered.
    pub async fn send(self, client: &Client) -> Result<()> {
        match self {
            Self::ToDevice(request) => send_to_device(client, &request).await,
            Self::InRoom { room_id, content } => {
                let room = client.get_room(&room_id).ok_or_else(|| no_room(&room_id))?;
                let send = room
                    .send_raw("m.key.verification.cancel", content)
                    .with_transaction_id(&TransactionId::new())
                    .with_request_config(RequestConfig::new().disable_retry().timeout(REQUEST));
                Box::pin(async move { send.await }).await?;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words {
            code: "m.user".to_owned(),
            reason: "restarted".to_owned(),
        }
    }

    #[test]
    fn ver_5_a_cancellation_carries_our_code_and_reason() {
        let content = json!({ "transaction_id": "t", "code": "m.user", "reason": "The user." });
        let raw = Raw::from_json(serde_json::value::to_raw_value(&content).unwrap());
        let user = ruma::owned_user_id!("@a:hs.test");
        let request = ToDeviceRequest::new(
            &user,
            OwnedDeviceId::from("D"),
            "m.key.verification.cancel",
            raw,
        );
        let own = Words {
            code: "org.example.busy".to_owned(),
            reason: "later".to_owned(),
        };
        let OutgoingVerificationRequest::ToDevice(sent) = in_our_words(request.into(), &own) else {
            panic!("it stays a to-device message");
        };
        let content = sent.messages[&user].values().next().unwrap();
        let json: Value = serde_json::from_str(content.json().get()).unwrap();
        assert_eq!(
            json,
            json!({ "transaction_id": "t", "code": "org.example.busy", "reason": "later" })
        );
    }

    #[test]
    fn ver_5_what_a_process_left_open_is_cancelled_where_it_was() {
        let open = OpenFlow {
            user_id: "@a:hs.test".to_owned(),
            device_id: None,
            room_id: Some("!r:hs.test".to_owned()),
            flow_id: "$request".to_owned(),
            created_at: 1,
        };
        let Some(Farewell::InRoom { room_id, content }) = cancel_of(&open, &words()) else {
            panic!("it goes into the room");
        };
        assert_eq!(room_id, "!r:hs.test");
        assert_eq!(content["m.relates_to"]["event_id"], "$request");
        let damaged = OpenFlow {
            user_id: "nobody".to_owned(),
            ..open
        };
        assert!(cancel_of(&damaged, &words()).is_none());
    }
}
