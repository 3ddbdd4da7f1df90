//! Sending, into unencrypted rooms alone.

use std::time::Duration;

use ruma::{
    EventId, OwnedEventId, RoomId, TransactionId,
    api::client::{
        message::send_message_event, redact::redact_event, state::get_state_event_for_key,
    },
    events::StateEventType,
    serde::Raw,
};
use serde_json::Value;

use super::{PlainEngine, REQUEST_TIMEOUT, status::is_missing};
use crate::error::{Error, ErrorCode, Result};

/// While answers come in at least this often, a room they called unencrypted is so.
const TRUST: Duration = Duration::from_secs(60);

impl PlainEngine {
    /// See [`crate::engine::Engine::send_event`].
    pub(super) async fn send(
        &self,
        room_id: &RoomId,
        event_type: &str,
        content: Value,
        txn_id: &TransactionId,
    ) -> Result<OwnedEventId> {
        if event_type == "m.room.redaction" {
            return self.redact(room_id, &content, txn_id).await;
        }
        self.must_be_clear(room_id).await?;
        let body = Raw::new(&content)
            .map_err(|error| Error::internal(format!("event content: {error}")))?
            .cast_unchecked();
        let request = send_message_event::v3::Request::new_raw(
            room_id.to_owned(),
            txn_id.to_owned(),
            event_type.into(),
            body,
        );
        Ok(self.rest.send(request, REQUEST_TIMEOUT).await?.event_id)
    }

    /// Refuses encrypted rooms.
    pub(super) async fn must_be_clear(&self, room_id: &RoomId) -> Result<()> {
        if self.is_encrypted(room_id).await? {
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!(
                    "room {room_id} is encrypted: nothing is sent into it in plain text. Set \
                     `encryption: true`, and log in with `userId` and `password` instead of \
                     another client's access token, so that the account gets a device of its own"
                ),
            ));
        }
        Ok(())
    }

    /// A redaction says nothing of what it removes, so it may go anywhere.
    async fn redact(
        &self,
        room_id: &RoomId,
        content: &Value,
        txn_id: &TransactionId,
    ) -> Result<OwnedEventId> {
        let target = content
            .get("redacts")
            .and_then(Value::as_str)
            .and_then(|id| EventId::parse(id).ok())
            .ok_or_else(|| Error::internal("a redaction without `redacts`"))?;
        let mut request =
            redact_event::v3::Request::new(room_id.to_owned(), target, txn_id.to_owned());
        request.reason = content
            .get("reason")
            .and_then(Value::as_str)
            .map(str::to_owned);
        Ok(self.rest.send(request, REQUEST_TIMEOUT).await?.event_id)
    }

    /// Whether the room is encrypted. Once it is, it stays so; that it is not is believed
    /// only while the sync runs, else the server is asked.
    pub(super) async fn is_encrypted(&self, room_id: &RoomId) -> Result<bool> {
        {
            let shared = self.shared();
            let mark = shared
                .position
                .as_ref()
                .and_then(|position| position.rooms.get(room_id));
            match mark {
                Some(mark) if mark.encrypted => return Ok(true),
                Some(mark) if !mark.left && shared.facts.fresh(TRUST) => return Ok(false),
                _ => {}
            }
        }
        let request = get_state_event_for_key::v3::Request::new(
            room_id.to_owned(),
            StateEventType::RoomEncryption,
            String::new(),
        );
        match self.rest.send(request, REQUEST_TIMEOUT).await {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
