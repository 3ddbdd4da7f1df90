//! From stored JSON to the typed union.
//!
//! The JSON comes from other people, through homeservers that check little of it:
//! every field is read for itself and may be missing, of another type, or huge.

use ruma::{EventId, RoomAliasId, UserId};
use serde_json::{Map, Value};

use super::{
    EventBase, InboundEvent, Membership, SKIPPED_KEY, Skipped, StoredEvent,
    message::{Content, Relation},
    poll::{PollStart, is_poll_start},
    text::{clip, name},
};
use crate::health::now_ms;

/// Bytes of `content` that cross the border; events are at most 64 KiB (Client-Server API, size limits).
const MAX_CONTENT: usize = 64 * 1024;
/// Bytes of short strings: reasons, reaction keys, names.
const MAX_SHORT: usize = 1024;

pub(super) type Object = Map<String, Value>;

/// Never fails: what cannot be understood becomes [`InboundEvent::Other`].
/// `None` for events without meaning for anybody (redacted or expired before they were
/// seen, profile changes).
pub(crate) fn parse(stored: &StoredEvent, own_user: &UserId) -> Option<InboundEvent> {
    if stored.event.key.starts_with(SKIPPED_KEY) {
        let skipped: Skipped = serde_json::from_str(&stored.event.json).ok()?;
        return Some(InboundEvent::Skipped {
            base: base(stored),
            bound: skipped.bound,
            at_least: skipped.at_least,
            since: skipped.since,
            until: skipped.until,
            detail: skipped.detail,
        });
    }
    let Ok(Value::Object(event)) = serde_json::from_str::<Value>(&stored.event.json) else {
        return Some(InboundEvent::Other {
            base: base(stored),
            event_type: String::new(),
            content: "{}".to_owned(),
        });
    };
    // Only the engine makes such keys; event ids begin with `$`.
    if stored.event.key.starts_with("invite:") {
        return Some(invite(stored, &event));
    }
    let empty = Object::new();
    let content = object(&event, "content").unwrap_or(&empty);
    let event_type = string(&event, "type").unwrap_or_default();
    let state_key = string(&event, "state_key");
    let redacted = is_redacted(&event);

    let parsed = match (event_type, state_key) {
        ("m.room.member", Some(user)) => {
            return member(stored, &event, content, user, own_user);
        }
        _ if redacted || has_expired(content, now_ms()) => return None,
        ("m.room.message", None) => message(stored, &event, content),
        ("m.sticker", None) => sticker(stored, content),
        (kind, None) if is_poll_start(kind) => poll(stored, content),
        ("m.reaction", None) => reaction(stored, content),
        // Redactions are never encrypted: inside an encrypted event it is none.
        ("m.room.redaction", None) if !stored.event.encrypted => redaction(stored, &event, content),
        _ => None,
    };
    parsed.or_else(|| Some(other(stored, event_type, content)))
}

/// The homeserver redacted it before it was seen.
pub(crate) fn is_redacted(event: &Object) -> bool {
    object(event, "unsigned").is_some_and(|unsigned| {
        unsigned
            .get("redacted_because")
            .is_some_and(|because| !because.is_null())
    })
}

/// Its sender wanted it gone by now (MSC2228). A homeserver that knows the field empties the
/// event then, which makes it no message; with one that does not, or inside an encrypted
/// event, this field is all there is.
fn has_expired(content: &Object, now: u64) -> bool {
    ["m.self_destruct_after", "org.matrix.self_destruct_after"]
        .iter()
        .filter_map(|key| content.get(*key).and_then(Value::as_u64))
        .any(|at| at <= now)
}

fn base(stored: &StoredEvent) -> EventBase {
    let event = &stored.event;
    let proof = event.trust.as_ref().filter(|_| event.encrypted);
    EventBase {
        seq: stored.seq,
        room_id: event.room_id.to_string(),
        event_id: event.key.starts_with('$').then(|| event.key.clone()),
        sender: event.sender.to_string(),
        origin_server_ts: event.origin_server_ts,
        received_at: stored.received_at,
        encrypted: event.encrypted,
        sender_trust: proof.map(|proof| proof.trust),
        session_id: proof.and_then(|proof| proof.session_id.clone()),
        attempts: stored.attempts,
        late: event.late,
    }
}

fn poll(stored: &StoredEvent, content: &Object) -> Option<InboundEvent> {
    let relation = Relation::read(content);
    // An edited poll starts nothing anew.
    if relation.replaces.is_some() {
        return None;
    }
    let content = PollStart::read(content)?.message(content);
    Some(said(stored, content, relation, None))
}

fn sticker(stored: &StoredEvent, content: &Object) -> Option<InboundEvent> {
    let relation = Relation::read(content);
    if relation.replaces.is_some() {
        return None;
    }
    Some(said(stored, Content::read_sticker(content), relation, None))
}

fn message(stored: &StoredEvent, event: &Object, content: &Object) -> Option<InboundEvent> {
    let relation = Relation::read(content);
    if let Some(target_id) = relation.replaces {
        // An edit without its new content is invalid (§11.22.4.2) and shown by nobody.
        let new = Content::read(object(content, "m.new_content")?, false)?;
        return Some(InboundEvent::Edit {
            base: base(stored),
            target_id,
            body: new.body,
            formatted_body: new.formatted_body,
            text: new.text,
            live: new.live || is_live(content),
        });
    }
    let original = Content::read(content, relation.is_reply)?;
    let (content, edited_by) = match bundled_edit(event, stored.event.sender.as_str()) {
        // An edit changes words, not the kind of the message.
        Some((mut edit, id)) if edit.kind == original.kind => {
            // An edit of the caption alone may leave the file out.
            if !edit.media.iter().any(|media| media.source.is_some()) {
                edit.media = original.media;
            }
            (edit, Some(id))
        }
        _ => (original, None),
    };
    Some(said(stored, content, relation, edited_by))
}

fn said(
    stored: &StoredEvent,
    content: Content,
    relation: Relation,
    edited_by: Option<String>,
) -> InboundEvent {
    InboundEvent::Message {
        base: base(stored),
        kind: content.kind,
        body: content.body,
        formatted_body: content.formatted_body,
        text: content.text,
        thread_root_id: relation.thread_root,
        reply_to_id: relation.reply_to,
        mentions: content.mentions,
        pills: content.pills,
        media: content.media,
        geo_uri: content.geo_uri,
        edited_by,
        live: content.live,
    }
}

/// The newest edit, bundled by the homeserver (§11.22.4.3), if it is one by the rules: same
/// sender and type, no state, with its own content. That an encrypted message was edited by an
/// encrypted one is seen to before the event is stored, see [`super::trusted_json`].
pub(super) fn bundled_edit(event: &Object, sender: &str) -> Option<(Content, String)> {
    let edit = object(
        object(object(event, "unsigned")?, "m.relations")?,
        "m.replace",
    )?;
    if string(edit, "sender") != Some(sender)
        || string(edit, "type") != Some("m.room.message")
        || edit.contains_key("state_key")
        || is_redacted(edit)
    {
        return None;
    }
    let id = event_id(edit, "event_id")?;
    let content = object(edit, "content")?;
    let target = Relation::read(content).replaces?;
    if string(event, "event_id").is_some_and(|id| id != target) {
        return None;
    }
    let mut new = Content::read(object(content, "m.new_content")?, false)?;
    new.live |= is_live(content);
    Some((new, id))
}

fn reaction(stored: &StoredEvent, content: &Object) -> Option<InboundEvent> {
    let relation = object(content, "m.relates_to")?;
    if string(relation, "rel_type") != Some("m.annotation") {
        return None;
    }
    let key = string(relation, "key").filter(|key| !key.is_empty())?;
    Some(InboundEvent::Reaction {
        base: base(stored),
        target_id: event_id(relation, "event_id")?,
        key: clip(key, MAX_SHORT).to_owned(),
    })
}

fn redaction(stored: &StoredEvent, event: &Object, content: &Object) -> Option<InboundEvent> {
    // Before room version 11 the top-level field is the authority and `content.redacts`
    // anybody's word; from 11 on the homeserver copies it to the top.
    let target_id = event_id(event, "redacts").or_else(|| event_id(content, "redacts"))?;
    Some(InboundEvent::Redaction {
        base: base(stored),
        target_id,
        reason: short(content, "reason"),
    })
}

fn invite(stored: &StoredEvent, event: &Object) -> InboundEvent {
    InboundEvent::Invite {
        base: base(stored),
        is_direct: flag(event, "is_direct"),
        room_name: string(event, "room_name").and_then(name),
        canonical_alias: string(event, "canonical_alias")
            .filter(|alias| RoomAliasId::parse(*alias).is_ok())
            .map(str::to_owned),
        room_encrypted: flag(event, "room_encrypted"),
    }
}

fn member(
    stored: &StoredEvent,
    event: &Object,
    content: &Object,
    user: &str,
    own_user: &UserId,
) -> Option<InboundEvent> {
    let current = string(content, "membership").and_then(membership);
    let (Some(current), Ok(user), false) = (current, UserId::parse(user), stored.event.encrypted)
    else {
        return Some(other(stored, "m.room.member", content));
    };
    let previous = object(event, "unsigned")
        .and_then(|unsigned| object(unsigned, "prev_content"))
        .or_else(|| object(event, "prev_content"))
        .and_then(|content| string(content, "membership"))
        .and_then(membership);
    // A new name or avatar.
    if previous == Some(current) {
        return None;
    }
    Some(InboundEvent::Membership {
        base: base(stored),
        own: user == own_user,
        user_id: user.to_string(),
        membership: current,
        previous,
    })
}

fn other(stored: &StoredEvent, event_type: &str, content: &Object) -> InboundEvent {
    // Verification requests in rooms are messages by type (§11.12.2.2).
    let event_type = match string(content, "msgtype") {
        Some(kind @ "m.key.verification.request") if event_type == "m.room.message" => kind,
        _ => event_type,
    };
    let content = serde_json::to_string(content)
        .ok()
        .filter(|content| content.len() <= MAX_CONTENT)
        // No event of a homeserver that follows the specification is that large.
        .unwrap_or_else(|| "{}".to_owned());
    InboundEvent::Other {
        base: base(stored),
        event_type: clip(event_type, 255).to_owned(),
        content,
    }
}

pub(crate) fn membership(name: &str) -> Option<Membership> {
    Some(match name {
        "join" => Membership::Join,
        "leave" => Membership::Leave,
        "ban" => Membership::Ban,
        "invite" => Membership::Invite,
        "knock" => Membership::Knock,
        _ => return None,
    })
}

/// MSC4357: the sender is still writing.
pub(super) fn is_live(content: &Object) -> bool {
    content
        .get("org.matrix.msc4357.live")
        .is_some_and(|marker| !marker.is_null() && marker != &Value::Bool(false))
}

pub(super) fn object<'a>(of: &'a Object, key: &str) -> Option<&'a Object> {
    of.get(key)?.as_object()
}

pub(super) fn string<'a>(of: &'a Object, key: &str) -> Option<&'a str> {
    of.get(key)?.as_str()
}

pub(super) fn flag(of: &Object, key: &str) -> bool {
    of.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// A short string for people; empty ones count as missing.
pub(super) fn short(of: &Object, key: &str) -> Option<String> {
    string(of, key)
        .map(|text| clip(text, MAX_SHORT).to_owned())
        .filter(|text| !text.is_empty())
}

pub(super) fn event_id(of: &Object, key: &str) -> Option<String> {
    let id = string(of, key)?;
    EventId::parse(id).is_ok().then(|| id.to_owned())
}
