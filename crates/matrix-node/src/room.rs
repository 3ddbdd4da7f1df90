//! Rooms, members and looked-up messages.

use matrix_core::room as core;
use napi_derive::napi;

use crate::{
    event::{Membership, MessageKind},
    mirror::{mirror_name, mirror_object},
};

mirror_object! {
    /// What is known of a room; documented at `RoomInfo` in account.ts.
    RoomInfo from core::RoomInfo {
        room_id: [String],
        name: [Option<String>],
        topic: [Option<String>],
        canonical_alias: [Option<String>],
        alt_aliases: [Vec<String>],
        encrypted: [bool],
        joined_member_count: [i64],
        invited_member_count: [i64],
        membership: [Membership],
        direct_targets: [Vec<String>],
        member_is_direct: [bool],
        other_members: [Vec<String>],
        service_members: [Vec<String>],
        replacement_room_id: [Option<String>],
        space: [bool],
    }
}

mirror_object! {
    /// A member of a room.
    MemberInfo from core::MemberInfo {
        user_id: [String],
        display_name: [Option<String>],
        avatar_url: [Option<String>],
        membership: [Membership],
        power_level: [i64],
    }
}

mirror_name! {
    /// Why a looked-up event has no text.
    Unavailable from core::Unavailable as "kebab-case" { Undecryptable, Redacted, NotAMessage }
}

mirror_object! {
    /// A message looked up for quotes, thread roots and reactions.
    FetchedMessage from core::FetchedMessage {
        event_id: [String],
        sender: [String],
        sender_name: [Option<String>],
        origin_server_ts: [i64],
        kind: [MessageKind],
        text: [String],
        thread_root_id: [Option<String>],
        unavailable: [Option<Unavailable>],
    }
}

/// A room that was joined.
#[napi(object, object_from_js = false)]
pub struct JoinedRoom {
    /// The room.
    pub room_id: String,
}

/// What an alias points to.
#[napi(object, object_from_js = false)]
pub struct ResolvedAlias {
    /// The room.
    pub room_id: String,
    /// Servers that know it.
    pub via: Vec<String>,
}

/// A DM that was found or made.
#[napi(object, object_from_js = false)]
pub struct OpenedDm {
    /// The room.
    pub room_id: String,
    /// It was made now.
    pub created: bool,
}

mirror_object! {
    /// An invite that waits for an answer.
    PendingInvite from core::PendingInvite {
        room_id: [String],
        inviter: [Option<String>],
        room_name: [Option<String>],
        canonical_alias: [Option<String>],
        is_direct: [bool],
    }
}

mirror_object! {
    /// Somebody the homeserver's user directory knows.
    FoundUser from core::FoundUser {
        user_id: [String],
        display_name: [Option<String>],
    }
}
