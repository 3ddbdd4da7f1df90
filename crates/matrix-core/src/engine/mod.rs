//! What feeds the inbox and carries the outbox: the SDK with encryption
//! ([`sdk`]), or, for a device that belongs to another client (AUT-11), plain
//! requests that leave its keys and its to-device messages alone
//! ([`crate::plain`]).

use async_trait::async_trait;
use ruma::{
    EventId, OwnedEventId, OwnedRoomId, OwnedServerName, OwnedUserId, RoomId, RoomOrAliasId,
    TransactionId, UserId,
};

use crate::{
    crypto::{Crypto, EncryptionStatus, Verifications},
    error::Result,
    event::{NewEvent, Undecryptable},
    room::{FetchedMessage, MemberInfo, PendingInvite, RoomInfo},
    trust::SenderCheck,
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

/// What is read of a room's past for somebody who asks.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// One event; an empty page if there is none that we may see.
    Event(&'a EventId),
    /// The timeline, from a token on, else from its end back.
    Timeline {
        /// A token of the homeserver.
        from: Option<&'a str>,
        /// Newer events instead of older ones.
        forward: bool,
    },
    /// The roots of the room's threads, those with the newest answer first asked for.
    Threads {
        /// A token of the homeserver.
        from: Option<&'a str>,
    },
    /// What relates to an event.
    Relations {
        /// The event.
        event_id: &'a EventId,
        /// `m.annotation`, `m.reference`, `m.thread`.
        rel_type: &'a str,
        /// A token of the homeserver, else the newest.
        from: Option<&'a str>,
        /// Newer events instead of older ones.
        forward: bool,
    },
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

    /// Events before `from` (a `prev_batch`; the newest without one), back to `to` where given.
    async fn history(
        &self,
        room_id: &RoomId,
        from: Option<&str>,
        to: Option<&str>,
        limit: u32,
    ) -> Result<HistoryPage>;

    /// Up to `limit` events of a room's past, oldest first; `next` goes on in the direction asked
    /// for. Nothing of it goes into the inbox.
    async fn read(&self, room_id: &RoomId, ask: Ask<'_>, limit: u32) -> Result<HistoryPage>;

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

    /// The invites that wait for an answer.
    async fn invites(&self) -> Result<Vec<PendingInvite>>;

    /// Whether the account's user ignores this one (`m.ignored_user_list`).
    async fn ignores(&self, user_id: &UserId) -> Result<bool>;

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

    /// What is known of a sender now: their identity, and the device that made this session.
    /// Asks the homeserver where that device is not known as theirs.
    async fn check_sender(
        &self,
        room_id: &RoomId,
        user_id: &UserId,
        session_id: Option<&str>,
    ) -> Result<SenderCheck> {
        let _ = (room_id, user_id, session_id);
        Ok(SenderCheck {
            trust: None,
            identity_changed: false,
        })
    }

    /// Accepts the identity a person has now; false if there was nothing to accept.
    async fn acknowledge_identity(&self, user_id: &UserId) -> Result<bool> {
        let _ = user_id;
        Ok(false)
    }

    /// Joins by itself where that brings more than a plain request does: the keys of what
    /// was said before (MSC4268). `None`: it does not.
    async fn join(
        &self,
        target: &RoomOrAliasId,
        via: &[OwnedServerName],
    ) -> Result<Option<OwnedRoomId>> {
        let _ = (target, via);
        Ok(None)
    }

    /// Invites by itself where that gives more than a plain request does, as [`Self::join`].
    async fn invite(&self, room_id: &RoomId, user_id: &UserId) -> Result<bool> {
        let _ = (room_id, user_id);
        Ok(false)
    }

    /// The verifications; `None` where the device is another client's.
    fn verifications(&self) -> Option<Verifications> {
        None
    }

    /// Frees everything inside two seconds; idempotent.
    async fn close(&self);
}
