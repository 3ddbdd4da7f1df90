//! `m.room.message`: body, formatted body, caption, mentions, relation.

use ruma::UserId;
use serde_json::Value;

use super::{
    MediaInfo, Mentions, MessageKind, Pill, html,
    media::{caption, media_of, sticker},
    parse::{Object, event_id, flag, is_live, object, string},
    text::{clip, visible},
};

/// Bytes of `body` and of `formatted_body`: no more fits in an event.
const MAX_BODY: usize = 64 * 1024;
/// Entries of `m.mentions.user_ids`.
const MAX_MENTIONS: usize = 100;
/// Bytes of a `geo:` URI.
const MAX_URI: usize = 255;

/// `m.relates_to` of a message.
#[derive(Debug, Default)]
pub(super) struct Relation {
    /// Root of the thread it is in (§11.22.10).
    pub thread_root: Option<String>,
    /// What it answers; the fallback for clients without threads is none.
    pub reply_to: Option<String>,
    /// It names a message it answers, be it as a fallback: its body may quote that message.
    pub is_reply: bool,
    /// The message it is an edit of (§11.22.4).
    pub replaces: Option<String>,
}

impl Relation {
    pub fn read(content: &Object) -> Self {
        let Some(relation) = object(content, "m.relates_to") else {
            return Self::default();
        };
        let target = event_id(relation, "event_id");
        let reply_to =
            object(relation, "m.in_reply_to").and_then(|reply| event_id(reply, "event_id"));
        let is_reply = reply_to.is_some();
        match string(relation, "rel_type") {
            Some("m.replace") => Self {
                replaces: target,
                ..Self::default()
            },
            Some("m.thread") if target.is_some() => Self {
                thread_root: target,
                reply_to: reply_to.filter(|_| !flag(relation, "is_falling_back")),
                is_reply,
                replaces: None,
            },
            _ => Self {
                reply_to,
                is_reply,
                ..Self::default()
            },
        }
    }
}

/// What a message says.
#[derive(Debug)]
pub(super) struct Content {
    pub kind: MessageKind,
    pub body: String,
    pub formatted_body: Option<String>,
    pub text: String,
    pub mentions: Option<Mentions>,
    pub pills: Vec<Pill>,
    pub media: Vec<MediaInfo>,
    pub geo_uri: Option<String>,
    pub live: bool,
}

impl Content {
    /// Reads a message's content; `None` if it is no message for people (no `msgtype`, no
    /// `body`, a verification request).
    pub fn read(content: &Object, is_reply: bool) -> Option<Self> {
        let kind = kind(string(content, "msgtype")?)?;
        let media = media_of(kind, content);
        let body = match kind {
            // Without a caption the body is the file's name (MSC2530).
            MessageKind::Image | MessageKind::File | MessageKind::Audio | MessageKind::Video => {
                caption(content).unwrap_or_default()
            }
            // MSC4274: all the body is caption.
            MessageKind::Gallery => string(content, "body").unwrap_or_default(),
            _ => string(content, "body")?,
        };
        let body = clip(body, MAX_BODY);
        let body = if is_reply {
            without_reply_fallback(body)
        } else {
            body
        };
        let formatted = string(content, "formatted_body")
            .filter(|_| string(content, "format") == Some("org.matrix.custom.html"))
            // What formats a file's name is no caption.
            .filter(|_| media.is_empty() || !body.is_empty())
            .map(|formatted| html::read(clip(formatted, MAX_BODY)));
        let (formatted_body, text, pills) = match formatted {
            Some(formatted) => (Some(formatted.html), formatted.text, formatted.pills),
            None => (None, visible(body).trim_end().to_owned(), Vec::new()),
        };
        Some(Self {
            kind,
            body: body.to_owned(),
            formatted_body,
            text,
            mentions: mentions(content),
            pills,
            media,
            geo_uri: geo_uri(kind, content),
            live: is_live(content),
        })
    }

    /// Reads an `m.sticker`; its body describes the picture and is no caption.
    pub fn read_sticker(content: &Object) -> Self {
        Self {
            kind: MessageKind::Sticker,
            body: String::new(),
            formatted_body: None,
            text: String::new(),
            mentions: mentions(content),
            pills: Vec::new(),
            media: vec![sticker(content)],
            geo_uri: None,
            live: false,
        }
    }
}

fn kind(msgtype: &str) -> Option<MessageKind> {
    Some(match msgtype {
        "m.text" => MessageKind::Text,
        "m.emote" => MessageKind::Emote,
        "m.notice" => MessageKind::Notice,
        "m.image" => MessageKind::Image,
        "m.file" => MessageKind::File,
        "m.audio" => MessageKind::Audio,
        "m.video" => MessageKind::Video,
        "m.location" => MessageKind::Location,
        "m.gallery" | "dm.filament.gallery" => MessageKind::Gallery,
        "m.key.verification.request" => return None,
        _ => MessageKind::Unknown,
    })
}

fn geo_uri(kind: MessageKind, content: &Object) -> Option<String> {
    (kind == MessageKind::Location)
        .then_some(())
        .and_then(|()| {
            string(content, "geo_uri").or_else(|| {
                ["m.location", "org.matrix.msc3488.location"]
                    .iter()
                    .find_map(|key| object(content, key))
                    .and_then(|location| string(location, "uri"))
            })
        })
        .filter(|uri| uri.starts_with("geo:") && uri.len() <= MAX_URI)
        .map(str::to_owned)
}

pub(super) fn mentions(content: &Object) -> Option<Mentions> {
    let mentions = object(content, "m.mentions")?;
    let mut user_ids: Vec<String> = Vec::new();
    for id in mentions
        .get("user_ids")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(MAX_MENTIONS)
        .filter_map(Value::as_str)
    {
        if UserId::parse(id).is_ok() && !user_ids.iter().any(|known| known == id) {
            user_ids.push(id.to_owned());
        }
    }
    Some(Mentions {
        user_ids,
        room: flag(mentions, "room"),
    })
}

/// The body of a reply without the quote that old clients put before it (`> <@user:server> …`).
fn without_reply_fallback(body: &str) -> &str {
    if !body.starts_with("> <@") && !body.starts_with("> * <@") {
        return body;
    }
    let mut rest = body;
    while rest.starts_with("> ") || rest == ">" || rest.starts_with(">\n") {
        match rest.split_once('\n') {
            Some((_, after)) => rest = after,
            None => return "",
        }
    }
    rest.strip_prefix('\n').unwrap_or(rest)
}
