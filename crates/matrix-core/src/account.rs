//! An account: open → `start` → `next_batch`/`settle`, send → `close`; supervises
//! the tasks.

use std::{sync::Arc, time::Duration};

use crate::{
    config::AccountConfig,
    crypto::EncryptionStatus,
    error::Result,
    event::InboundEvent,
    health::Health,
    outbox::OutboxEntry,
    room::{FetchedMessage, MemberInfo, RoomInfo},
    send::{EditText, SendText},
};

/// Who the homeserver says we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Our user id.
    pub user_id: String,
    /// Our device id.
    pub device_id: String,
    /// Base URL of the homeserver.
    pub homeserver: String,
}

/// An open account. Cheap to clone; all clones close together.
#[derive(Clone)]
pub struct Account {}

#[allow(unused_variables, missing_docs)]
impl Account {
    /// Lock → HTTP client → stores → token check → restore or log in. Does not sync.
    pub async fn open(config: AccountConfig) -> Result<Self> {
        todo!()
    }
    pub fn identity(&self) -> Identity {
        todo!()
    }
    /// Starts the sync and the workers; a second call does nothing.
    pub fn start(&self) {
        todo!()
    }
    /// The next items of the inbox, at least one; `None` once closed.
    pub async fn next_batch(&self, max: usize) -> Result<Option<Vec<InboundEvent>>> {
        todo!()
    }
    pub async fn adopt(&self, seqs: &[i64]) -> Result<()> {
        todo!()
    }
    pub async fn settle(&self, seqs: &[i64]) -> Result<()> {
        todo!()
    }
    pub async fn fail(&self, seq: i64, reason: &str) -> Result<bool> {
        todo!()
    }
    pub async fn send_text(&self, request: SendText) -> Result<OutboxEntry> {
        todo!()
    }
    pub async fn edit_text(&self, request: EditText) -> Result<OutboxEntry> {
        todo!()
    }
    pub async fn react(
        &self,
        room_id: &str,
        event_id: &str,
        emoji: &str,
        key: Option<String>,
    ) -> Result<OutboxEntry> {
        todo!()
    }
    pub async fn redact(
        &self,
        room_id: &str,
        event_id: &str,
        reason: Option<String>,
        key: Option<String>,
    ) -> Result<OutboxEntry> {
        todo!()
    }
    pub async fn outbox_entry(&self, key: &str) -> Result<OutboxEntry> {
        todo!()
    }
    pub async fn set_typing(&self, room_id: &str, typing: bool, timeout: Duration) -> Result<()> {
        todo!()
    }
    pub async fn send_receipt(
        &self,
        room_id: &str,
        event_id: &str,
        thread_root_id: Option<&str>,
        public: bool,
    ) -> Result<()> {
        todo!()
    }
    /// Returns the room id.
    pub async fn join_room(&self, room_id_or_alias: &str, via: &[String]) -> Result<String> {
        todo!()
    }
    pub async fn leave_room(&self, room_id: &str) -> Result<()> {
        todo!()
    }
    pub async fn room_info(&self, room_id: &str) -> Result<RoomInfo> {
        todo!()
    }
    pub async fn member(&self, room_id: &str, user_id: &str) -> Result<Option<MemberInfo>> {
        todo!()
    }
    /// Room id and servers; `None` if there is no such alias.
    pub async fn resolve_alias(&self, alias: &str) -> Result<Option<(String, Vec<String>)>> {
        todo!()
    }
    /// Room id, and whether it was made now.
    pub async fn open_dm(&self, user_id: &str) -> Result<(String, bool)> {
        todo!()
    }
    pub async fn fetch_message(
        &self,
        room_id: &str,
        event_id: &str,
    ) -> Result<Option<FetchedMessage>> {
        todo!()
    }
    pub async fn encryption_status(&self) -> Result<EncryptionStatus> {
        todo!()
    }
    pub async fn health(&self) -> Result<Health> {
        todo!()
    }
    /// The first health above `since`; `None` once closed.
    pub async fn health_after(&self, since: u64) -> Result<Option<Health>> {
        todo!()
    }
    /// Idempotent; within five seconds.
    pub async fn close(&self) {
        todo!()
    }
}

const _: fn() = || {
    fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<Account>();
    let _: Option<Arc<()>> = None;
};
