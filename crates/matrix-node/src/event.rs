//! What the inbox yields, as a union discriminated by `type`.

use matrix_core::event as core;

use crate::mirror::{Cross, mirror_name, mirror_object};

mirror_name! {
    /// Trust in the device that encrypted an event.
    SenderTrust from core::SenderTrust as "kebab-case" { Verified, CrossSigned, Unsigned, Unknown }
}

mirror_name! {
    /// Kinds of `m.room.message`.
    MessageKind from core::MessageKind as "lowercase" {
        Text, Emote, Notice, Image, File, Audio, Video, Location, Sticker, Gallery, Poll, Unknown,
    }
}

mirror_name! {
    /// States of `m.room.member`.
    Membership from core::Membership as "lowercase" { Join, Leave, Ban, Invite, Knock }
}

mirror_name! {
    /// What kept a part of a room's history from being read.
    SkippedBound from core::SkippedBound as "camelCase" { MaxHours, MaxEvents, Pages, Refused }
}

mirror_object! {
    /// `m.mentions` (MSC3952) as sent.
    MentionsContent from core::Mentions {
        user_ids: [Vec<String>],
        room: [bool],
    }
}

mirror_object! {
    /// A link to a user in the formatted body.
    Pill from core::Pill {
        user_id: [String],
        label: [String],
    }
}

mirror_name! {
    /// What a file is to be shown as.
    MediaKind from core::MediaKind as "lowercase" { Image, File, Audio, Video, Sticker }
}

mirror_object! {
    /// A file behind an mxc URI, encrypted or not.
    MediaInfo from core::MediaInfo {
        kind: [MediaKind],
        /// For `downloadMedia`; may hold a key.
        source: [Option<String>],
        filename: [String],
        mimetype: [Option<String>],
        /// Bytes, as claimed.
        size: [Option<i64>],
        width: [Option<i64>],
        height: [Option<i64>],
        duration_ms: [Option<i64>],
        /// Has MSC3245's marker.
        voice: [bool],
    }
}

/// Writes the union and its conversion; every variant repeats the fields of
/// [`core::EventBase`], which JavaScript reads beside the variant's own.
macro_rules! inbound_event {
    (
        $(#[$($meta:tt)*])*
        $name:ident { $( $variant:ident { $( $field:ident: [$($type:tt)+], )* } )* }
    ) => {
        $(#[$($meta)*])*
        #[napi_derive::napi(
            discriminant = "type",
            discriminant_case = "lowercase",
            object_from_js = false
        )]
        // Nearly all of them are messages, the largest; they live for one conversion.
        #[allow(clippy::large_enum_variant, missing_docs)]
        pub enum $name {
            $( $variant {
                seq: i64,
                room_id: String,
                event_id: Option<String>,
                sender: String,
                origin_server_ts: i64,
                received_at: i64,
                encrypted: bool,
                sender_trust: Option<SenderTrust>,
                session_id: Option<String>,
                attempts: u32,
                late: bool,
                $( $field: $($type)+, )*
            }, )*
        }

        impl Cross for core::InboundEvent {
            type Js = $name;
            fn cross(self) -> $name {
                match self {
                    $( Self::$variant { base, $($field),* } => {
                        let core::EventBase {
                            seq,
                            room_id,
                            event_id,
                            sender,
                            origin_server_ts,
                            received_at,
                            encrypted,
                            sender_trust,
                            session_id,
                            attempts,
                            late,
                        } = base;
                        $name::$variant {
                            seq,
                            room_id,
                            event_id,
                            sender,
                            origin_server_ts: origin_server_ts.cross(),
                            received_at: received_at.cross(),
                            encrypted,
                            sender_trust: sender_trust.cross(),
                            session_id,
                            attempts,
                            late,
                            $( $field: $field.cross(), )*
                        }
                    } )*
                }
            }
        }
    };
}

inbound_event! {
    /// An item of the inbox; documented at `InboundEvent` in account.ts.
    InboundEvent {
        Message {
            kind: [MessageKind],
            body: [String],
            formatted_body: [Option<String>],
            text: [String],
            thread_root_id: [Option<String>],
            reply_to_id: [Option<String>],
            mentions: [Option<MentionsContent>],
            pills: [Vec<Pill>],
            media: [Vec<MediaInfo>],
            geo_uri: [Option<String>],
            edited_by: [Option<String>],
            live: [bool],
        }
        Edit {
            target_id: [String],
            body: [String],
            formatted_body: [Option<String>],
            text: [String],
            live: [bool],
        }
        Reaction {
            target_id: [String],
            key: [String],
        }
        Redaction {
            target_id: [String],
            reason: [Option<String>],
        }
        Invite {
            is_direct: [bool],
            room_name: [Option<String>],
            canonical_alias: [Option<String>],
            room_encrypted: [bool],
        }
        Membership {
            user_id: [String],
            membership: [Membership],
            previous: [Option<Membership>],
            own: [bool],
        }
        Skipped {
            bound: [SkippedBound],
            at_least: [u32],
            since: [Option<i64>],
            until: [Option<i64>],
            detail: [Option<String>],
        }
        Other {
            event_type: [String],
            content: [String],
        }
    }
}
