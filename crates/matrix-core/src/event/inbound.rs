//! The typed union that crosses the border.

use super::SkippedBound;

/// Trust in the device that encrypted an event, the best first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SenderTrust {
    /// The sender is verified by us and signed the device.
    Verified,
    /// The device is signed by its owner.
    CrossSigned,
    /// The device is known but not signed by its owner.
    Unsigned,
    /// The device is not known (key from a backup, deleted device).
    Unknown,
}

/// `m.room.message` kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// `m.text`
    Text,
    /// `m.emote`
    Emote,
    /// `m.notice`
    Notice,
    /// `m.image`
    Image,
    /// `m.file`
    File,
    /// `m.audio`
    Audio,
    /// `m.video`
    Video,
    /// `m.location`
    Location,
    /// `m.sticker`, an event type of its own.
    Sticker,
    /// Several files in one message (MSC4274).
    Gallery,
    /// A poll's beginning (MSC3381); the text has the question and the numbered answers.
    Poll,
    /// Any other `msgtype`.
    Unknown,
}

/// `m.room.member` states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// In the room.
    Join,
    /// Left, kicked or rejected.
    Leave,
    /// Banned.
    Ban,
    /// Invited.
    Invite,
    /// Knocking.
    Knock,
}

/// `m.mentions` as sent (MSC3952).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mentions {
    /// User ids.
    pub user_ids: Vec<String>,
    /// `@room`.
    pub room: bool,
}

/// A link to a user in the formatted body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pill {
    /// Whom it links to.
    pub user_id: String,
    /// What a person sees of it.
    pub label: String,
}

/// What a file is to be shown as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture.
    Image,
    /// Anything.
    #[default]
    File,
    /// Sound.
    Audio,
    /// A film.
    Video,
    /// A sticker.
    Sticker,
}

/// A file behind an mxc URI.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct MediaInfo {
    /// What it is, by its event.
    pub kind: MediaKind,
    /// Where it lies, with its key if it is encrypted; for
    /// [`Account::download_media`](crate::Account::download_media). `None` if the event says
    /// nothing that could be followed.
    pub source: Option<String>,
    /// `filename`, else the body.
    pub filename: String,
    /// MIME type as claimed.
    pub mimetype: Option<String>,
    /// Bytes as claimed.
    pub size: Option<u64>,
    /// Pixels.
    pub width: Option<u64>,
    /// Pixels.
    pub height: Option<u64>,
    /// Milliseconds.
    pub duration_ms: Option<u64>,
    /// MSC3245's marker is there.
    pub voice: bool,
}

/// The source may hold a key, and is left out.
impl std::fmt::Debug for MediaInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MediaInfo")
            .field("kind", &self.kind)
            .field("has_source", &self.source.is_some())
            .field("filename", &self.filename)
            .field("mimetype", &self.mimetype)
            .field("size", &self.size)
            .field("width", &self.width)
            .field("height", &self.height)
            .field("duration_ms", &self.duration_ms)
            .field("voice", &self.voice)
            .finish()
    }
}

/// What every item of the inbox carries.
#[derive(Debug, Clone)]
pub struct EventBase {
    /// The row.
    pub seq: i64,
    /// The room.
    pub room_id: String,
    /// Absent for invites.
    pub event_id: Option<String>,
    /// The sender.
    pub sender: String,
    /// Milliseconds since the epoch.
    pub origin_server_ts: u64,
    /// Milliseconds since the epoch.
    pub received_at: u64,
    /// It arrived encrypted.
    pub encrypted: bool,
    /// For encrypted events; an edited one has the lesser of both.
    pub sender_trust: Option<SenderTrust>,
    /// For encrypted events: the Megolm session that `sender_trust` is about.
    pub session_id: Option<String>,
    /// How often it was handed out before.
    pub attempts: u32,
    /// It waited for its key or came out of a gap.
    pub late: bool,
}

/// An item of the inbox. The variants are documented in `ts/native/account.ts`.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
#[allow(clippy::large_enum_variant, reason = "nearly every item is a message")]
pub enum InboundEvent {
    Message {
        base: EventBase,
        kind: MessageKind,
        body: String,
        formatted_body: Option<String>,
        text: String,
        thread_root_id: Option<String>,
        reply_to_id: Option<String>,
        mentions: Option<Mentions>,
        pills: Vec<Pill>,
        media: Vec<MediaInfo>,
        geo_uri: Option<String>,
        edited_by: Option<String>,
        live: bool,
    },
    Edit {
        base: EventBase,
        target_id: String,
        body: String,
        formatted_body: Option<String>,
        text: String,
        live: bool,
    },
    Reaction {
        base: EventBase,
        target_id: String,
        key: String,
    },
    Redaction {
        base: EventBase,
        target_id: String,
        reason: Option<String>,
    },
    Invite {
        base: EventBase,
        is_direct: bool,
        room_name: Option<String>,
        canonical_alias: Option<String>,
        room_encrypted: bool,
    },
    Membership {
        base: EventBase,
        user_id: String,
        membership: Membership,
        previous: Option<Membership>,
        own: bool,
    },
    Skipped {
        base: EventBase,
        bound: SkippedBound,
        at_least: u32,
        since: Option<u64>,
        until: Option<u64>,
        detail: Option<String>,
    },
    Other {
        base: EventBase,
        event_type: String,
        content: String,
    },
}
