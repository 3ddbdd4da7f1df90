//! What is read of a room's past.

use matrix_core::room as core;
use napi_derive::napi;

use crate::{event::MessageKind, mirror::mirror_object, room::Unavailable};

/// A page of messages; documented at `ReadMessages` in account.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct ReadMessages {
    pub room_id: String,
    pub limit: u32,
    pub before: Option<String>,
    pub after: Option<String>,
    pub thread_root_id: Option<String>,
}

impl ReadMessages {
    /// As the core takes it.
    pub(crate) fn into_core(self) -> core::ReadMessages {
        let Self {
            room_id,
            limit,
            before,
            after,
            thread_root_id,
        } = self;
        core::ReadMessages {
            room_id,
            limit,
            before,
            after,
            thread_root_id,
        }
    }
}

mirror_object! {
    /// A page of a room's messages, oldest first.
    ReadPage from core::ReadPage {
        messages: [Vec<ReadMessage>],
        more: [bool],
    }
}

mirror_object! {
    /// A message of a page; documented at `ReadMessage` in account.ts.
    ReadMessage from core::ReadMessage {
        event_id: [String],
        sender: [String],
        sender_name: [Option<String>],
        origin_server_ts: [i64],
        kind: [MessageKind],
        text: [String],
        thread_root_id: [Option<String>],
        reply_to_id: [Option<String>],
        edited: [bool],
        encrypted: [bool],
        filename: [Option<String>],
        unavailable: [Option<Unavailable>],
    }
}

mirror_object! {
    /// A reaction to a message.
    Reaction from core::Reaction {
        event_id: [String],
        sender: [String],
        key: [String],
        origin_server_ts: [i64],
    }
}

mirror_object! {
    /// A poll as it stands; documented at `Poll` in account.ts.
    Poll from core::Poll {
        event_id: [String],
        sender: [String],
        question: [String],
        answers: [Vec<PollAnswer>],
        max_selections: [u32],
        disclosed: [bool],
        ended: [bool],
        voters: [u32],
        own: [Vec<String>],
    }
}

mirror_object! {
    /// An answer of a poll, and who gave it.
    PollAnswer from core::PollAnswer {
        id: [String],
        text: [String],
        votes: [u32],
        voters: [Vec<String>],
    }
}

mirror_object! {
    /// A custom emoji.
    Emoji from core::Emoji {
        shortcode: [String],
        url: [String],
    }
}
