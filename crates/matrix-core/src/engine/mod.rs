//! What feeds the inbox and carries the outbox: the SDK with encryption
//! ([`sdk`]), or, for a device that belongs to another client (AUT-11), plain
//! requests that leave its keys and its to-device messages alone
//! ([`crate::plain`]).

use async_trait::async_trait;
use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, TransactionId, UserId};

use crate::{
    crypto::{Crypto, EncryptionStatus, Verifications},
    error::Result,
    event::{NewEvent, Undecryptable},
    room::{FetchedMessage, MemberInfo, RoomInfo},
};

pub(crate) mod sdk;

/// One page of a room's history, oldest first.
#[derive(Debug, Default)]
pub(crate) struct HistoryPage {
    /// Readable events.
    pub events: Vec<NewEvent>,
    /// Those whose key is missing.
    pub undecryptable: Vec<Undecryptable>,
    /// Where the next older page starts; `None` at the start of the room.
    pub next: Option<String>,
}

/// What a retry of an undecryptable event gave.
#[derive(Debug)]
pub(crate) enum Decrypted {
    /// The key is here now.
    Event(Box<NewEvent>),
    /// Still not; the cause may have become more precise.
    StillMissing {
        /// See [`Undecryptable::cause`].
        cause: String,
    },
}

/// How an account talks to its homeserver.
#[async_trait]
pub(crate) trait Engine: Send + Sync + 'static {
    /// Syncs until cancelled by dropping the future: every step goes into the
    /// inbox, with its token, before the next request leaves. Returns only when
    /// it is blocked for good (authentication, mismatch).
    async fn run(&self) -> crate::Error;

    /// Sends one event. A retry with the same transaction id makes no second
    /// event. Never sends plaintext into an encrypted room (OUT-9).
    async fn send_event(
        &self,
        room_id: &RoomId,
        event_type: &str,
        content: serde_json::Value,
        txn_id: &TransactionId,
    ) -> Result<OwnedEventId>;

    /// Events before `from` (a `prev_batch`), back to `to` where given.
    async fn history(
        &self,
        room_id: &RoomId,
        from: &str,
        to: Option<&str>,
        limit: u32,
    ) -> Result<HistoryPage>;

    /// Tries again to decrypt what waits.
    async fn decrypt(&self, event: &Undecryptable) -> Result<Decrypted>;

    /// Resolves when new room keys arrived, with their rooms (`None`: any room).
    async fn room_keys_received(&self) -> Option<Vec<OwnedRoomId>>;

    /// What is known of a room.
    async fn room_info(&self, room_id: &RoomId) -> Result<RoomInfo>;

    /// A member of a room; `None` if they never were one.
    async fn member(&self, room_id: &RoomId, user_id: &UserId) -> Result<Option<MemberInfo>>;

    /// Looks up one message, decrypted if possible.
    async fn fetch_message(
        &self,
        room_id: &RoomId,
        event_id: &EventId,
    ) -> Result<Option<FetchedMessage>>;

    /// Who invites us to the room, if the invite says that it is a direct message.
    async fn direct_inviter(&self, room_id: &RoomId) -> Result<Option<OwnedUserId>> {
        let _ = room_id;
        Ok(None)
    }

    /// Whom a message mentions in its newest wording; `None` where that cannot be told.
    async fn mentioned(&self, room_id: &RoomId, event_id: &EventId) -> Result<Option<Vec<String>>> {
        let _ = (room_id, event_id);
        Ok(None)
    }

    /// Rooms that might serve as a DM with this user, joined by us, best first.
    async fn direct_candidates(&self, user_id: &UserId) -> Result<Vec<OwnedRoomId>>;

    /// Cross-signing, backup and device state.
    async fn encryption_status(&self) -> Result<EncryptionStatus>;

    /// What sets encryption up; refused where the device is another client's.
    async fn encryption(&self) -> Result<Crypto<'_>>;

    /// The verifications; `None` where the device is another client's.
    fn verifications(&self) -> Option<Verifications> {
        None
    }

    /// Frees everything inside two seconds; idempotent.
    async fn close(&self);
}
