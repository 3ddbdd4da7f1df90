//! Rooms, members, and the signals that may be lost.

use std::time::Duration;

use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use super::{Account, find};
use crate::{
    mirror::Cross,
    room::{
        FetchedMessage, FoundUser, JoinedRoom, MemberInfo, OpenedDm, PendingInvite, ResolvedAlias,
        RoomInfo,
    },
    runtime::promise,
    send::{Receipt, ReceiptKind},
};

#[napi]
impl Account {
    /// Shows or hides that we are writing. Losable: an error is logged, never thrown.
    #[napi(catch_unwind)]
    pub fn set_typing<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        typing: bool,
        timeout_ms: Option<u32>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let timeout = Duration::from_millis(timeout_ms.unwrap_or(30_000).into());
        let handle = self.handle;
        promise(env, &self.account_id, async move {
            let set = async { find(handle)?.set_typing(&room_id, typing, timeout).await };
            if let Err(error) = set.await {
                tracing::debug!(room_id, "typing notice lost: {error}");
            }
            Ok(())
        })
    }

    /// Marks as read up to an event.
    #[napi(catch_unwind)]
    pub fn send_receipt<'env>(
        &self,
        env: &'env Env,
        request: Receipt,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, |account| async move {
            let Receipt {
                room_id,
                event_id,
                thread_root_id,
                kind,
            } = request;
            let public = match kind {
                ReceiptKind::Public => true,
                ReceiptKind::Private => false,
            };
            account
                .send_receipt(&room_id, &event_id, thread_root_id.as_deref(), public)
                .await
        })
    }

    /// Joins a room, also by alias.
    #[napi(catch_unwind)]
    pub fn join_room<'env>(
        &self,
        env: &'env Env,
        room_id_or_alias: String,
        via: Option<Vec<String>>,
    ) -> napi::Result<PromiseRaw<'env, JoinedRoom>> {
        self.call(env, |account| async move {
            let via = via.unwrap_or_default();
            let room_id = account.join_room(&room_id_or_alias, &via).await?;
            Ok(JoinedRoom { room_id })
        })
    }

    /// Leaves a room, or rejects its invite.
    #[napi(catch_unwind)]
    pub fn leave_room<'env>(
        &self,
        env: &'env Env,
        room_id: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(
            env,
            |account| async move { account.leave_room(&room_id).await },
        )
    }

    /// What is known of a room.
    #[napi(catch_unwind)]
    pub fn room_info<'env>(
        &self,
        env: &'env Env,
        room_id: String,
    ) -> napi::Result<PromiseRaw<'env, RoomInfo>> {
        self.call(env, |account| async move {
            Ok(account.room_info(&room_id).await?.cross())
        })
    }

    /// A member of a room; `null` if there is none.
    #[napi(catch_unwind)]
    pub fn member<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        user_id: String,
    ) -> napi::Result<PromiseRaw<'env, Option<MemberInfo>>> {
        self.call(env, |account| async move {
            Ok(account.member(&room_id, &user_id).await?.cross())
        })
    }

    /// Where an alias points to; `null` if there is none.
    #[napi(catch_unwind)]
    pub fn resolve_alias<'env>(
        &self,
        env: &'env Env,
        alias: String,
    ) -> napi::Result<PromiseRaw<'env, Option<ResolvedAlias>>> {
        self.call(env, |account| async move {
            let found = account.resolve_alias(&alias).await?;
            Ok(found.map(|(room_id, via)| ResolvedAlias { room_id, via }))
        })
    }

    /// A healthy DM with this person, made when there is none.
    #[napi(catch_unwind)]
    pub fn open_dm<'env>(
        &self,
        env: &'env Env,
        user_id: String,
    ) -> napi::Result<PromiseRaw<'env, OpenedDm>> {
        self.call(env, |account| async move {
            let (room_id, created) = account.open_dm(&user_id).await?;
            Ok(OpenedDm { room_id, created })
        })
    }

    /// Looks a message up; `null` if there is none.
    #[napi(catch_unwind)]
    pub fn fetch_message<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        event_id: String,
    ) -> napi::Result<PromiseRaw<'env, Option<FetchedMessage>>> {
        self.call(env, |account| async move {
            Ok(account.fetch_message(&room_id, &event_id).await?.cross())
        })
    }

    /// The newest messages of a room, oldest first.
    #[napi(catch_unwind)]
    pub fn recent_messages<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        limit: u32,
    ) -> napi::Result<PromiseRaw<'env, Vec<FetchedMessage>>> {
        self.call(env, move |account| async move {
            Ok(account.recent_messages(&room_id, limit).await?.cross())
        })
    }

    /// The invites that wait for an answer.
    #[napi(catch_unwind)]
    pub fn invites<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, Vec<PendingInvite>>> {
        self.call(env, |account| async move {
            Ok(account.invites().await?.cross())
        })
    }

    /// Whether our user ignores this one.
    #[napi(catch_unwind)]
    pub fn ignores<'env>(
        &self,
        env: &'env Env,
        user_id: String,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(
            env,
            |account| async move { account.ignores(&user_id).await },
        )
    }

    /// Users the homeserver's directory finds by a term.
    #[napi(catch_unwind)]
    pub fn search_users<'env>(
        &self,
        env: &'env Env,
        term: String,
        limit: u32,
    ) -> napi::Result<PromiseRaw<'env, Vec<FoundUser>>> {
        self.call(env, move |account| async move {
            Ok(account.search_users(&term, limit).await?.cross())
        })
    }
}
