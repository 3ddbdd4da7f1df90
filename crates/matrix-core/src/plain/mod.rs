//! For a device that another client encrypts with (AUT-11) and `encryption: false`:
//! simplified sliding sync (MSC4186) without its extensions, so that neither the keys
//! nor the to-device messages of that device are touched; unencrypted rooms only.
//!
//! Measured on Synapse 1.163, two clients on one access token:
//!
//! - Classic `/sync` is out of the question: a to-device message that this client's
//!   `since` has passed is deleted, and the other client's next `/sync` no longer has
//!   it. Room keys are such messages.
//! - Simplified sliding sync with a `conn_id` of its own and no extension leaves
//!   to-device messages and one-time keys alone. A message reaches a waiting request
//!   within 0.1 s.
//! - A `pos` may be used again: the answer holds the same events once more, and newer
//!   ones. A server that was killed and started again still knows it. So a crash between
//!   an answer and its commit loses nothing as long as the next request leaves only
//!   after the commit ([`sync`]).
//! - An unknown `pos` (Synapse forgets connections unused for seven days) is answered
//!   with 400 `M_UNKNOWN_POS`, an unreadable one with 400 `M_UNKNOWN`. The new
//!   connection describes every room afresh (`initial`, its newest events, `limited`),
//!   so what each room was read up to is kept with the position ([`position`]): events
//!   behind that mark are new, and what lies between mark and timeline is a hole that is
//!   filled from `/messages` ([`history`]).
//! - `prev_batch` is a token for `/messages`, `pos` is none: a hole's far end is named
//!   by the event that was read last.
//! - An invite is sent again with every event of its room and on every new connection;
//!   its `bump_stamp` stays the same and makes the row's key. Its stripped state has no
//!   event id and no time.
//! - A room joined since comes with history; `replaces_state` of our join names the
//!   invite, and what follows that invite is for us. Rooms we were kicked from stay in
//!   the list, rooms we left do not.
//! - A growing `timeline_limit` makes Synapse send history again, so it is constant.

mod direct;
mod facts;
mod history;
mod members;
mod position;
mod read;
mod request;
mod rooms;
mod send;
mod status;
mod step;
mod sync;
#[cfg(test)]
mod tests;
mod unread;

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, TransactionId, UserId};

pub(crate) use self::position::is_position;
use self::{facts::Facts, position::Position};
use crate::{
    account::Identity,
    config::PresenceCell,
    crypto::{Crypto, EncryptionStatus},
    engine::{Ask, Decrypted, Engine, HistoryPage},
    error::{Error, Result},
    event::Undecryptable,
    health::{HealthCell, now_ms},
    inbox::Inbox,
    rest::Rest,
    room::{FetchedMessage, MemberInfo, PendingInvite, RoomInfo},
};

/// For everything but the sync itself.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// What [`PlainEngine`] works with.
pub(crate) struct PlainParams {
    /// Requests with the access token.
    pub rest: Rest,
    /// Whose token it is.
    pub identity: Identity,
    /// Where the events go. Its token is this engine's position; another engine's token
    /// counts as none.
    pub inbox: Inbox,
    /// Where the loop says how it is.
    pub health: HealthCell,
    /// Timeline events per room and answer, 1 to 100; what does not fit becomes a gap.
    pub initial_sync_limit: Option<u32>,
    /// What others see of us while we sync.
    pub presence: PresenceCell,
}

/// The engine; see the module.
pub(crate) struct PlainEngine {
    rest: Rest,
    own_user: OwnedUserId,
    own_device: String,
    inbox: Inbox,
    health: HealthCell,
    initial_sync_limit: Option<u32>,
    presence: PresenceCell,
    shared: Mutex<Shared>,
}

/// What the loop writes and the look-ups read.
#[derive(Default)]
struct Shared {
    /// As committed; `None` before [`Engine::run`].
    position: Option<Position>,
    facts: Facts,
}

impl PlainEngine {
    /// Asks the homeserver nothing yet.
    ///
    /// # Errors
    /// `internal` if the identity holds no user id.
    pub fn new(params: PlainParams) -> Result<Self> {
        let own_user = UserId::parse(&params.identity.user_id)
            .map_err(|error| Error::internal(format!("own user id: {error}")))?;
        Ok(Self {
            rest: params.rest,
            own_user,
            own_device: params.identity.device_id,
            inbox: params.inbox,
            health: params.health,
            initial_sync_limit: params.initial_sync_limit,
            presence: params.presence,
            shared: Mutex::default(),
        })
    }

    /// Never held across an await.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn position(&self) -> Position {
        self.shared()
            .position
            .clone()
            .unwrap_or_else(|| Position::first(now_ms()))
    }
}

#[async_trait]
impl Engine for PlainEngine {
    async fn run(&self) -> Error {
        self.sync().await
    }

    async fn send_event(
        &self,
        room_id: &RoomId,
        event_type: &str,
        content: serde_json::Value,
        txn_id: &TransactionId,
    ) -> Result<OwnedEventId> {
        self.send(room_id, event_type, content, txn_id).await
    }

    async fn history(
        &self,
        room_id: &RoomId,
        from: Option<&str>,
        to: Option<&str>,
        limit: u32,
    ) -> Result<HistoryPage> {
        self.page(room_id, from, to, limit).await
    }

    async fn read(&self, room_id: &RoomId, ask: Ask<'_>, limit: u32) -> Result<HistoryPage> {
        self.read_past(room_id, ask, limit).await
    }

    async fn decrypt(&self, event: &Undecryptable) -> Result<Decrypted> {
        Ok(Decrypted::StillMissing {
            cause: event.cause.clone(),
        })
    }

    async fn room_keys_received(&self) -> Option<Vec<OwnedRoomId>> {
        std::future::pending().await
    }

    async fn room_info(&self, room_id: &RoomId) -> Result<RoomInfo> {
        self.describe(room_id).await
    }

    async fn member(&self, room_id: &RoomId, user_id: &UserId) -> Result<Option<MemberInfo>> {
        self.member_info(room_id, user_id).await
    }

    async fn fetch_message(
        &self,
        room_id: &RoomId,
        event_id: &EventId,
    ) -> Result<Option<FetchedMessage>> {
        self.message(room_id, event_id).await
    }

    async fn invites(&self) -> Result<Vec<PendingInvite>> {
        Ok(self.pending_invites())
    }

    async fn ignores(&self, user_id: &UserId) -> Result<bool> {
        self.is_ignored(user_id).await
    }

    async fn direct_candidates(&self, user_id: &UserId) -> Result<Vec<OwnedRoomId>> {
        self.direct_rooms(user_id).await
    }

    async fn encryption_status(&self) -> Result<EncryptionStatus> {
        self.status().await
    }

    async fn encryption(&self) -> Result<Crypto<'_>> {
        Err(status::not_ours(&self.own_device))
    }

    async fn acknowledge_identity(&self, _user_id: &UserId) -> Result<bool> {
        Err(status::not_ours(&self.own_device))
    }

    /// Nothing is held open: the connection is the server's, the sync ends with its
    /// future.
    async fn close(&self) {}
}
