//! Making, changing and moderating rooms; threads; presence.

use matrix_core::{self as core, Presence};
use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use super::Account;
use crate::{
    mirror::{Cross, mirror_object},
    open::Presence as PresenceName,
    past::ReadMessage,
    room::RoomInfo,
};

/// A room to be made; documented at `NewRoom` in manage.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct NewRoom {
    pub name: Option<String>,
    pub topic: Option<String>,
    pub invite: Vec<String>,
    pub encrypted: bool,
    pub space: bool,
    pub public: bool,
    pub parent: Option<String>,
}

/// What a room shall say of itself.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct RoomEdit {
    pub name: Option<String>,
    pub topic: Option<String>,
    pub avatar_url: Option<String>,
}

/// How somebody is kept out of a room, or let in again.
#[napi(string_enum = "lowercase")]
#[allow(missing_docs)]
pub enum Removal {
    Kick,
    Ban,
    Unban,
}

mirror_object! {
    /// Somebody's power in a room.
    UserPower from core::UserPower {
        user_id: [String],
        power_level: [i64],
    }
}

mirror_object! {
    /// Who may do what in a room; documented at `RoomPowers` in manage.ts.
    RoomPowers from core::RoomPowers {
        users: [Vec<UserPower>],
        users_default: [i64],
        events_default: [i64],
        state_default: [i64],
        invite: [i64],
        kick: [i64],
        ban: [i64],
        redact: [i64],
    }
}

mirror_object! {
    /// A thread, known by its first message.
    Thread from core::Thread {
        root: [ReadMessage],
        replies: [Option<i64>],
        latest_at: [Option<i64>],
    }
}

mirror_object! {
    /// A page of a room's threads.
    ThreadPage from core::ThreadPage {
        threads: [Vec<Thread>],
        next: [Option<String>],
    }
}

#[napi]
impl Account {
    /// The rooms the account is in.
    #[napi(catch_unwind)]
    pub fn joined_rooms<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, Vec<RoomInfo>>> {
        self.call(env, |account| async move {
            Ok(Box::pin(account.joined_rooms()).await?.cross())
        })
    }

    /// Makes a room, or a space; its id.
    #[napi(catch_unwind)]
    pub fn create_room<'env>(
        &self,
        env: &'env Env,
        request: NewRoom,
    ) -> napi::Result<PromiseRaw<'env, String>> {
        let NewRoom {
            name,
            topic,
            invite,
            encrypted,
            space,
            public,
            parent,
        } = request;
        let new = core::NewRoom {
            name,
            topic,
            invite,
            encrypted,
            space,
            public,
            parent,
        };
        self.call(env, |account| async move {
            Box::pin(account.create_room(new)).await
        })
    }

    /// Changes what a room says of itself.
    #[napi(catch_unwind)]
    pub fn edit_room<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        edit: RoomEdit,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let RoomEdit {
            name,
            topic,
            avatar_url,
        } = edit;
        let edit = core::RoomEdit {
            name,
            topic,
            avatar_url,
        };
        self.call(env, |account| async move {
            Box::pin(account.edit_room(&room_id, edit)).await
        })
    }

    /// Puts a room into a space, or takes it out.
    #[napi(catch_unwind)]
    pub fn set_space_child<'env>(
        &self,
        env: &'env Env,
        space_id: String,
        room_id: String,
        child: bool,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, move |account| async move {
            account.set_space_child(&space_id, &room_id, child).await
        })
    }

    /// Invites somebody.
    #[napi(catch_unwind)]
    pub fn invite<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        user_id: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, |account| async move {
            Box::pin(account.invite(&room_id, &user_id)).await
        })
    }

    /// Removes somebody from a room, bans them, or lifts the ban.
    #[napi(catch_unwind)]
    pub fn remove_member<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        user_id: String,
        how: Removal,
        reason: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let how = match how {
            Removal::Kick => core::Removal::Kick,
            Removal::Ban => core::Removal::Ban,
            Removal::Unban => core::Removal::Unban,
        };
        self.call(env, move |account| async move {
            account.remove_member(&room_id, &user_id, how, reason).await
        })
    }

    /// Who may do what in a room.
    #[napi(catch_unwind)]
    pub fn room_powers<'env>(
        &self,
        env: &'env Env,
        room_id: String,
    ) -> napi::Result<PromiseRaw<'env, RoomPowers>> {
        self.call(env, |account| async move {
            Ok(account.room_powers(&room_id).await?.cross())
        })
    }

    /// Gives somebody a power level; without one they have what all others have.
    #[napi(catch_unwind)]
    pub fn set_power_level<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        user_id: String,
        level: Option<i64>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, move |account| async move {
            account.set_power_level(&room_id, &user_id, level).await
        })
    }

    /// Lets the homeserver forget a room that was left.
    #[napi(catch_unwind)]
    pub fn forget_room<'env>(
        &self,
        env: &'env Env,
        room_id: String,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(
            env,
            |account| async move { account.forget_room(&room_id).await },
        )
    }

    /// A page of a room's threads, those with the newest answer first.
    #[napi(catch_unwind)]
    pub fn threads<'env>(
        &self,
        env: &'env Env,
        room_id: String,
        limit: u32,
        from: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, ThreadPage>> {
        self.call(env, move |account| async move {
            let page = Box::pin(account.threads(&room_id, limit, from.as_deref()));
            Ok(page.await?.cross())
        })
    }

    /// What others see of us from now on, and a line with it.
    #[napi(catch_unwind)]
    pub fn set_presence<'env>(
        &self,
        env: &'env Env,
        presence: PresenceName,
        status: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let presence: Presence = presence.into();
        self.call(env, move |account| async move {
            account.set_presence(presence, status).await
        })
    }
}
