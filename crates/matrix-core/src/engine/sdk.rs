//! The SDK behind [`super::Engine`].
//!
//! The SDK stores its sync token before anyone has seen the events, so that a crash in
//! between loses them (matrix-sdk 0.18, `BaseClient::receive_sync_response`). Here the
//! inbox's token decides: it is written with the events, no request leaves before that,
//! and a client that starts with another token is put back to the inbox's ([`client`]).
//! Whatever makes the two differ ends in a new client, never in going on ([`sync`]).

mod client;
mod history;
mod keys;
mod membership;
mod read;
mod recipients;
mod send;
mod step;
mod sync;
mod timeline;
mod trouble;
mod trust;
mod unheard;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use matrix_sdk::{Client, Room, RoomState, sync::RoomUpdates};
use ruma::{
    EventId, OwnedEventId, OwnedRoomId, OwnedServerName, OwnedUserId, RoomId, RoomOrAliasId,
    TransactionId, UserId,
};
use tokio::sync::{RwLock, RwLockReadGuard};

use self::{
    client::{Built, Start},
    keys::KeysArrived,
    unheard::Unheard,
};
use super::{Ask, Decrypted, Engine, HistoryPage};
use crate::{
    config::PresenceCell,
    crypto::{Crypto, CryptoParts, EncryptionStatus, Verifications},
    error::{Error, ErrorCode, Result},
    event::Undecryptable,
    health::HealthCell,
    inbox::{Inbox, SyncStep},
    room::{self, FetchedMessage, MemberInfo, PendingInvite, RoomInfo},
    session::Session,
    trust::{KeyRecipients, SenderCheck},
};

/// How long [`Engine::close`] waits for calls in flight before it closes the stores
/// under them.
const CLOSE_GRACE: Duration = Duration::from_millis(500);

/// What an [`SdkEngine`] works with.
pub(crate) struct SdkParams {
    /// Who we are.
    pub session: Arc<Session>,
    /// Where the events go, and whose token counts.
    pub inbox: Inbox,
    /// The inbox was lost and is a new one: its token is nobody's any more.
    pub inbox_lost: bool,
    /// Where the loop says how it is.
    pub health: HealthCell,
    /// Whether encrypted rooms are read and written.
    pub encryption: bool,
    /// MSC4268, both ways.
    pub share_history_on_invite: bool,
    /// Which devices get the keys of what we send.
    pub key_recipients: KeyRecipients,
    /// Timeline limit of the first sync.
    pub initial_sync_limit: Option<u32>,
    /// What others see of us while we sync.
    pub presence: PresenceCell,
}

/// The engine; see the module.
pub(crate) struct SdkEngine {
    params: SdkParams,
    /// Readers use the client; whoever replaces it waits for them, because two clients
    /// on one crypto store would overwrite each other's ratchets. `None` once closed.
    current: RwLock<Option<Built>>,
    keys: Arc<KeysArrived>,
    unheard: Unheard,
    verifications: Verifications,
}

impl SdkEngine {
    /// Opens the stores and restores the session; asks the homeserver nothing that
    /// changes anything.
    ///
    /// # Errors
    /// `store_corrupt` for stores that cannot be opened, `account_mismatch` for stores
    /// of another device.
    pub async fn open(params: SdkParams) -> Result<Self> {
        let keys = Arc::new(KeysArrived::default());
        let verifications = Verifications::new(
            Arc::clone(&params.session.dir),
            params.session.device_id.as_str(),
        );
        let token = client::usable(params.inbox.token().await?);
        let start = match token.as_deref() {
            // At most one step ahead of what the inbox held: the best there is.
            None if params.inbox_lost => Start::AsStored,
            token => Start::At(token),
        };
        let built = Box::pin(Built::new(&params, &keys, &verifications, start)).await?;
        if start == Start::AsStored
            && let Some(token) = client::stored_token(&built.crypto.client).await?
        {
            tracing::warn!("the inbox is new: going on where the SDK stood");
            params
                .inbox
                .commit(SyncStep {
                    token,
                    ..SyncStep::default()
                })
                .await?;
        }
        if client::refused_keys(&built.crypto.client).await? {
            params.health.duplicate_one_time_keys();
        }
        Ok(Self {
            params,
            current: RwLock::new(Some(built)),
            keys,
            unheard: Unheard::default(),
            verifications,
        })
    }

    /// The client, for as long as the guard is held.
    async fn client(&self) -> Result<RwLockReadGuard<'_, Client>> {
        let crypto = self.crypto().await?;
        Ok(RwLockReadGuard::map(crypto, |crypto| &crypto.client))
    }

    /// The client with what reads its encryption, likewise.
    async fn crypto(&self) -> Result<RwLockReadGuard<'_, CryptoParts>> {
        RwLockReadGuard::try_map(self.current.read().await, |current| {
            current.as_ref().map(|built| &built.crypto)
        })
        .map_err(|_| Error::closed())
    }

    /// Requests to verify that a sync brought into the rooms.
    fn look_for_verifications(&self, rooms: &RoomUpdates) {
        if self.params.encryption {
            self.verifications
                .look_through(rooms, &self.params.session.user_id);
        }
    }

    /// A room the SDK knows.
    fn room(client: &Client, room_id: &RoomId) -> Result<Room> {
        client.get_room(room_id).ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                format!("{room_id} is not a room of this account; invite it first"),
            )
        })
    }
}

#[async_trait]
impl Engine for SdkEngine {
    async fn run(&self) -> Error {
        Box::pin(self.sync_until_blocked()).await
    }

    async fn send_event(
        &self,
        room_id: &RoomId,
        event_type: &str,
        content: serde_json::Value,
        txn_id: &TransactionId,
    ) -> Result<OwnedEventId> {
        Box::pin(self.send(room_id, event_type, content, txn_id)).await
    }

    async fn history(
        &self,
        room_id: &RoomId,
        from: Option<&str>,
        to: Option<&str>,
        limit: u32,
    ) -> Result<HistoryPage> {
        Box::pin(self.page(room_id, from, to, limit)).await
    }

    async fn read(&self, room_id: &RoomId, ask: Ask<'_>, limit: u32) -> Result<HistoryPage> {
        Box::pin(self.read_past(room_id, ask, limit)).await
    }

    async fn decrypt(&self, event: &Undecryptable) -> Result<Decrypted> {
        Box::pin(self.try_again(event)).await
    }

    async fn room_keys_received(&self) -> Option<Vec<OwnedRoomId>> {
        self.keys.next().await
    }

    async fn room_info(&self, room_id: &RoomId) -> Result<RoomInfo> {
        let client = self.client().await?;
        Box::pin(room::info(&Self::room(&client, room_id)?)).await
    }

    async fn member(&self, room_id: &RoomId, user_id: &UserId) -> Result<Option<MemberInfo>> {
        let client = self.client().await?;
        Box::pin(room::member(&Self::room(&client, room_id)?, user_id)).await
    }

    async fn fetch_message(
        &self,
        room_id: &RoomId,
        event_id: &EventId,
    ) -> Result<Option<FetchedMessage>> {
        let client = self.client().await?;
        Box::pin(room::fetched(&Self::room(&client, room_id)?, event_id)).await
    }

    async fn direct_inviter(&self, room_id: &RoomId) -> Result<Option<OwnedUserId>> {
        let client = self.client().await?;
        let Some(room) = client
            .get_room(room_id)
            .filter(|room| room.state() == RoomState::Invited)
        else {
            return Ok(None);
        };
        if !room.is_direct().await.map_err(matrix_sdk::Error::from)? {
            return Ok(None);
        }
        Ok(Some(Box::pin(room.invite_details()).await?.inviter_id))
    }

    async fn invites(&self) -> Result<Vec<PendingInvite>> {
        let client = self.client().await?;
        Box::pin(room::invites(&client)).await
    }

    async fn ignores(&self, user_id: &UserId) -> Result<bool> {
        Ok(self.client().await?.is_user_ignored(user_id).await)
    }

    async fn mentioned(&self, room_id: &RoomId, event_id: &EventId) -> Result<Option<Vec<String>>> {
        let client = self.client().await?;
        Box::pin(room::mentioned(&Self::room(&client, room_id)?, event_id)).await
    }

    async fn direct_candidates(&self, user_id: &UserId) -> Result<Vec<OwnedRoomId>> {
        let client = self.client().await?;
        Box::pin(room::direct_candidates(&client, user_id)).await
    }

    async fn encryption_status(&self) -> Result<EncryptionStatus> {
        Box::pin(self.encryption().await?.status()).await
    }

    async fn encryption(&self) -> Result<Crypto<'_>> {
        Ok(Crypto::new(
            self.crypto().await?,
            &self.params.session,
            &self.verifications,
            self.params.encryption,
        ))
    }

    async fn check_sender(
        &self,
        room_id: &RoomId,
        user_id: &UserId,
        session_id: Option<&str>,
    ) -> Result<SenderCheck> {
        Box::pin(self.sender(room_id, user_id, session_id)).await
    }

    async fn acknowledge_identity(&self, user_id: &UserId) -> Result<bool> {
        Box::pin(self.acknowledge(user_id)).await
    }

    async fn join(
        &self,
        target: &RoomOrAliasId,
        via: &[OwnedServerName],
    ) -> Result<Option<OwnedRoomId>> {
        Box::pin(self.join_with_history(target, via)).await
    }

    async fn invite(&self, room_id: &RoomId, user_id: &UserId) -> Result<bool> {
        Box::pin(self.invite_with_history(room_id, user_id)).await
    }

    fn verifications(&self) -> Option<Verifications> {
        Some(self.verifications.clone())
    }

    async fn close(&self) {
        self.verifications.close();
        let built = match tokio::time::timeout(CLOSE_GRACE, self.current.write()).await {
            Ok(mut current) => current.take(),
            Err(_) => None,
        };
        match built {
            Some(built) => built.close().await,
            // Calls still hold the client: their next access to a store fails, and the
            // last of them drops it.
            None => {
                if let Ok(client) = self.client().await.map(|client| client.clone()) {
                    client::pause(&client).await;
                }
            }
        }
    }
}
