//! A room's past, pins, polls and places.

use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use super::Account;
use crate::{
    mirror::Cross,
    past::{Emoji, Poll, Reaction, ReadMessages, ReadPage},
    send::{SendLocation, SendPoll, Sent, Vote},
};

#[napi]
impl Account {
    /// A page of messages, decrypted and in their newest wording.
    #[napi(catch_unwind)]
    pub fn read_messages<'env>(
        &self,
        env: &'env Env,
        request: ReadMessages,
    ) -> napi::Result<PromiseRaw<'env, ReadPage>> {
        self.call(env, |account| async move {
            Ok(account.read_messages(request.into_core()).await?.cross())
        })
    }

    /// The reactions to a message, oldest first.
    #[napi(catch_unwind)]
    pub fn reactions<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        event_id: String,
    ) -> napi::Result<PromiseRaw<'env, Vec<Reaction>>> {
        self.call(env, |account| async move {
            Ok(account.reactions(&room_id, &event_id).await?.cross())
        })
    }

    /// Ids of the room's pinned messages, the newest pin last.
    #[napi(catch_unwind)]
    pub fn pinned<'env>(
        &self,
        env: &'env Env,
        room_id: String,
    ) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        self.call(env, |account| async move { account.pinned(&room_id).await })
    }

    /// Pins a message, or takes the pin away; the pinned ones afterwards.
    #[napi(catch_unwind)]
    pub fn set_pinned<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        event_id: String,
        pinned: bool,
    ) -> napi::Result<PromiseRaw<'env, Vec<String>>> {
        self.call(env, move |account| async move {
            account.set_pinned(&room_id, &event_id, pinned).await
        })
    }

    /// Asks a room something.
    #[napi(catch_unwind)]
    pub fn send_poll<'env>(
        &self,
        env: &'env Env,
        request: SendPoll,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        self.call(env, |account| async move {
            Sent::from_entry(account.send_poll(request.into_core()?).await?)
        })
    }

    /// Votes; an empty vote takes the former one back.
    #[napi(catch_unwind)]
    pub fn vote<'env>(
        &self,
        env: &'env Env,
        request: Vote,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        self.call(env, |account| async move {
            let Vote {
                room_id,
                event_id,
                answers,
                key,
            } = request;
            Sent::from_entry(account.vote(&room_id, &event_id, &answers, key).await?)
        })
    }

    /// Ends a poll and says its outcome.
    #[napi(catch_unwind)]
    pub fn end_poll<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        event_id: String,
        key: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        self.call(env, |account| async move {
            Sent::from_entry(account.end_poll(&room_id, &event_id, key).await?)
        })
    }

    /// A poll and its votes; `null` if the event is no poll.
    #[napi(catch_unwind)]
    pub fn poll<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        event_id: String,
    ) -> napi::Result<PromiseRaw<'env, Option<Poll>>> {
        self.call(env, |account| async move {
            Ok(account.poll(&room_id, &event_id).await?.cross())
        })
    }

    /// Sends a place on the map.
    #[napi(catch_unwind)]
    pub fn send_location<'env>(
        &self,
        env: &'env Env,
        request: SendLocation,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        self.call(env, |account| async move {
            Sent::from_entry(account.send_location(request.into_core()?).await?)
        })
    }

    /// The custom emoji that can be named in a room.
    #[napi(catch_unwind)]
    pub fn emojis<'env>(
        &self,
        env: &'env Env,
        room_id: String,
    ) -> napi::Result<PromiseRaw<'env, Vec<Emoji>>> {
        self.call(env, |account| async move {
            Ok(account.emojis(&room_id).await?.cross())
        })
    }
}
