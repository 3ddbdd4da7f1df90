//! One event out.

use std::time::Duration;

use matrix_sdk::{Room, RoomState, config::RequestConfig};
use ruma::{
    EventId, OwnedEventId, RoomId, TransactionId,
    api::client::{membership::joined_rooms, redact::redact_event},
};

use super::SdkEngine;
use crate::error::{Error, ErrorCode, Result};

/// For one request; the outbox tries again.
const REQUEST: Duration = Duration::from_secs(30);
/// For a send as a whole: members, device keys and room keys may come first.
const SEND: Duration = Duration::from_secs(120);
/// A room that was joined by request is known after the next sync.
const SETTLE: Duration = Duration::from_secs(10);
const SETTLE_STEP: Duration = Duration::from_millis(250);

impl SdkEngine {
    /// See [`crate::engine::Engine::send_event`].
    pub(super) async fn send(
        &self,
        room_id: &RoomId,
        event_type: &str,
        content: serde_json::Value,
        txn_id: &TransactionId,
    ) -> Result<OwnedEventId> {
        if event_type == "m.room.redaction" {
            return self.redact(room_id, &content, txn_id).await;
        }
        self.wait_for_room(room_id).await?;
        let client = self.client().await?;
        let room = Self::room(&client, room_id)?;
        let sent = tokio::time::timeout(SEND, async {
            if self.may_write(&room).await? && event_type != "m.reaction" {
                self.somebody_can_read(&room).await?;
            }
            let sent = room
                .send_raw(event_type, content)
                .with_transaction_id(txn_id)
                .with_request_config(RequestConfig::new().disable_retry().timeout(REQUEST))
                .await?;
            Ok(sent.response.event_id)
        });
        sent.await.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorCode::Timeout,
                format!("sending to {room_id} took too long; it is tried again"),
            ))
        })
    }

    /// See [`crate::engine::Engine::encrypts`].
    pub(super) async fn will_encrypt(&self, room_id: &RoomId) -> Result<bool> {
        self.wait_for_room(room_id).await?;
        let client = self.client().await?;
        let room = Self::room(&client, room_id)?;
        self.may_write(&room).await
    }

    /// No plaintext into an encrypted room, no ciphertext without `encryption`; a room
    /// whose state cannot be learned gets neither (OUT-9). Whether the room is encrypted.
    async fn may_write(&self, room: &Room) -> Result<bool> {
        let state = room.latest_encryption_state().await?;
        if state.is_unknown() {
            return Err(Error {
                never_left: true,
                ..Error::new(
                    ErrorCode::Network,
                    format!(
                        "whether {} is encrypted cannot be learned; nothing is sent until it is",
                        room.room_id()
                    ),
                )
            });
        }
        if state.is_encrypted() && !self.params.encryption {
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!(
                    "{} is encrypted and this account has `encryption: false`; set \
                     `encryption: true` to write there",
                    room.room_id()
                ),
            ));
        }
        Ok(state.is_encrypted())
    }

    /// A redaction has a request of its own, and is never encrypted.
    async fn redact(
        &self,
        room_id: &RoomId,
        content: &serde_json::Value,
        txn_id: &TransactionId,
    ) -> Result<OwnedEventId> {
        let target = content
            .get("redacts")
            .and_then(|target| EventId::parse(target.as_str()?).ok())
            .ok_or_else(|| Error::internal("a redaction without `redacts`"))?;
        let mut request =
            redact_event::v3::Request::new(room_id.to_owned(), target, txn_id.to_owned());
        request.reason = content
            .get("reason")
            .and_then(|reason| reason.as_str())
            .map(ToOwned::to_owned);
        let answer = self.params.session.rest.send(request, REQUEST).await?;
        Ok(answer.event_id)
    }

    /// Waits until the SDK knows that we are in the room, if the homeserver says so.
    async fn wait_for_room(&self, room_id: &RoomId) -> Result<()> {
        if self.is_joined(room_id).await? {
            return Ok(());
        }
        let joined = self
            .params
            .session
            .rest
            .send(joined_rooms::v3::Request::new(), REQUEST)
            .await?;
        if !joined.joined_rooms.iter().any(|joined| joined == room_id) {
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!("the account is not in {room_id}; invite it first"),
            ));
        }
        let appears = async {
            while !self.is_joined(room_id).await? {
                tokio::time::sleep(SETTLE_STEP).await;
            }
            Ok(())
        };
        tokio::time::timeout(SETTLE, appears)
            .await
            .unwrap_or_else(|_| {
                Err(Error::new(
                    ErrorCode::Network,
                    format!("{room_id} was joined but has not been synced yet"),
                ))
            })
    }

    async fn is_joined(&self, room_id: &RoomId) -> Result<bool> {
        let client = self.client().await?;
        Ok(client
            .get_room(room_id)
            .is_some_and(|room| room.state() == RoomState::Joined))
    }
}
