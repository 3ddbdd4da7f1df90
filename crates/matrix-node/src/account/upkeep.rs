//! Devices, the direct-message map and the profile.

use matrix_core::{self as core, Secret};
use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use super::Account;
use crate::mirror::{Cross, mirror_object};

mirror_object! {
    /// A device of our user.
    OwnDevice from core::OwnDevice {
        device_id: [String],
        display_name: [Option<String>],
        last_seen_ip: [Option<String>],
        last_seen_ts: [Option<i64>],
        current: [bool],
    }
}

mirror_object! {
    /// A room that `m.direct` names for a person.
    MappedRoom from core::MappedRoom {
        room_id: [String],
        strict: [bool],
        joined_members: [Option<Vec<String>>],
    }
}

mirror_object! {
    /// What stands between us and a person; documented at `DirectInspection` in upkeep.ts.
    DirectInspection from core::DirectInspection {
        remote_user_id: [String],
        self_user_id: [String],
        mapped_rooms: [Vec<MappedRoom>],
        discovered_strict_room_ids: [Vec<String>],
        active_room_id: [Option<String>],
    }
}

/// What a repair of the direct-message map did; documented at `DirectRepair` in upkeep.ts.
#[napi(object, object_from_js = false)]
#[allow(missing_docs)]
pub struct DirectRepair {
    pub inspection: DirectInspection,
    pub encrypted: bool,
    pub created_room_id: Option<String>,
    pub changed: bool,
    /// JSON text.
    pub content_before: String,
    /// JSON text.
    pub content_after: String,
}

impl Cross for core::DirectRepair {
    type Js = DirectRepair;
    fn cross(self) -> DirectRepair {
        let Self {
            inspection,
            encrypted,
            created_room_id,
            changed,
            content_before,
            content_after,
        } = self;
        DirectRepair {
            inspection: inspection.cross(),
            encrypted,
            created_room_id,
            changed,
            content_before: content_before.to_string(),
            content_after: content_after.to_string(),
        }
    }
}

/// What the profile shall say.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct ProfileWish {
    pub display_name: Option<String>,
    pub avatar_url: Option<String>,
    pub refresh: bool,
}

mirror_object! {
    /// What was changed of the profile.
    ProfileOutcome from core::ProfileOutcome {
        display_name_updated: [bool],
        avatar_updated: [bool],
        resolved_avatar_url: [Option<String>],
        converted_avatar: [bool],
    }
}

#[napi]
impl Account {
    /// All devices of our user.
    #[napi(catch_unwind)]
    pub fn devices<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Vec<OwnDevice>>> {
        self.call(env, |account| async move {
            Ok(account.devices().await?.cross())
        })
    }

    /// Deletes devices of our user.
    #[napi(catch_unwind)]
    pub fn delete_devices<'env>(
        &self,
        env: &'env Env,
        ids: Vec<String>,
        password: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        let password = password.map(Secret::new);
        self.call(env, |account| async move {
            Box::pin(account.delete_devices(&ids, password.as_ref())).await
        })
    }

    /// Which rooms serve as a DM with this person.
    #[napi(catch_unwind)]
    pub fn inspect_direct<'env>(
        &self,
        env: &'env Env,
        user_id: String,
    ) -> napi::Result<PromiseRaw<'env, DirectInspection>> {
        self.call(env, |account| async move {
            Ok(Box::pin(account.inspect_direct(&user_id)).await?.cross())
        })
    }

    /// Puts the best of them at the head of `m.direct`, made when there is none.
    #[napi(catch_unwind)]
    pub fn repair_direct<'env>(
        &self,
        env: &'env Env,
        user_id: String,
    ) -> napi::Result<PromiseRaw<'env, DirectRepair>> {
        self.call(env, |account| async move {
            Ok(Box::pin(account.repair_direct(&user_id)).await?.cross())
        })
    }

    /// Makes the profile say what is wished.
    #[napi(catch_unwind)]
    pub fn set_profile<'env>(
        &self,
        env: &'env Env,
        wish: ProfileWish,
    ) -> napi::Result<PromiseRaw<'env, ProfileOutcome>> {
        let ProfileWish {
            display_name,
            avatar_url,
            refresh,
        } = wish;
        let wish = core::ProfileWish {
            display_name,
            avatar_url,
            refresh,
        };
        self.call(env, |account| async move {
            Ok(Box::pin(account.set_profile(&wish)).await?.cross())
        })
    }
}
