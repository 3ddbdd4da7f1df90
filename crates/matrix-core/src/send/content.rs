//! The contents of what we send: message, relation, mentions, edit, reaction,
//! redaction.

use std::collections::HashMap;

use ruma::{EventId, OwnedUserId};
use serde_json::{Map, Value, json};

use super::{
    EditText, Extra, SendTarget, SendText, TextKind, chunk,
    render::{Rendered, render},
    tables,
};
use crate::outbox::Part;

/// Bytes of a content as JSON. An event has at most 65 536 bytes with everything around its
/// content, and encryption makes four bytes of three (Client-Server API, size limits).
const MAX_CONTENT: usize = 42_000;

/// Bytes of it that further keys may take; more is left out, so that the words find their place.
const MAX_EXTRA: usize = 20_000;

/// OpenClaw's mark on the edit that makes a preview the answer.
const FINALIZED: &str = "com.openclaw.finalized_preview";

/// The events of a text, in order; none for a text without anything to see.
pub(crate) fn text_parts(request: &SendText) -> Vec<Part> {
    let markdown = tables::rewrite(&request.markdown, request.tables);
    let emoticons = &request.extra.emoticons;
    let message = |text: &str, first: bool| {
        let rendered = render(text, request.tables != super::Tables::Off, emoticons);
        let mentions = mentions(&rendered.mentions);
        let mut content = body(request.kind, text, rendered, request.live);
        if first {
            extend(&mut content, &request.extra);
        }
        content.insert("m.mentions".to_owned(), mentions);
        if let Some(relation) = relation(&request.target, first) {
            content.insert("m.relates_to".to_owned(), relation);
        }
        content
    };
    let fits = |text: &str| size(&message(text, true)) <= MAX_CONTENT;
    chunk::split(&markdown, request.chunk_limit, request.chunk_mode, fits)
        .iter()
        .enumerate()
        .map(|(index, text)| part("m.room.message", message(text, index == 0)))
        .collect()
}

/// The one event of an edit (`m.replace`) that notifies nobody; text beyond one event's size is
/// cut with an ellipsis.
pub(crate) fn edit_part(request: &EditText) -> Part {
    edit(request, &[])
}

/// Like [`edit_part`], for a message whose mentions are known: users whom only the edit names are
/// notified, those `already` mentioned are not again (Client-Server API §11.22.4, «editing
/// mentions»).
pub(crate) fn edit_part_naming(request: &EditText, already: &[String]) -> Part {
    let added: Vec<OwnedUserId> = edit_mentions(request)
        .into_iter()
        .filter(|user_id| !already.iter().any(|known| known == user_id))
        .collect();
    edit(request, &added)
}

/// Whom an edit's new text names.
pub(crate) fn edit_mentions(request: &EditText) -> Vec<OwnedUserId> {
    let markdown = tables::rewrite(&request.markdown, request.tables);
    let tables = request.tables != super::Tables::Off;
    render(&markdown, tables, &HashMap::new()).mentions
}

fn edit(request: &EditText, added: &[OwnedUserId]) -> Part {
    let markdown = tables::rewrite(&request.markdown, request.tables);
    let content = |text: &str| {
        let tables = request.tables != super::Tables::Off;
        let rendered = render(text, tables, &request.extra.emoticons);
        let all = mentions(&rendered.mentions);
        let mut new = body(request.kind, text, rendered, request.live);
        extend(&mut new, &request.extra);
        // The same, for clients that know no edits.
        let mut content = new.clone();
        for key in ["body", "formatted_body"] {
            if let Some(Value::String(text)) = content.get_mut(key) {
                text.insert_str(0, "* ");
            }
        }
        new.insert("m.mentions".to_owned(), all);
        content.insert("m.mentions".to_owned(), mentions(added));
        if request.finalized {
            // For push rules: this edit is the answer, the ones before it were drafts.
            for content in [&mut new, &mut content] {
                content.insert(FINALIZED.to_owned(), true.into());
            }
        }
        content.insert("m.new_content".to_owned(), Value::Object(new));
        content.insert(
            "m.relates_to".to_owned(),
            json!({ "rel_type": "m.replace", "event_id": request.event_id }),
        );
        content
    };
    let fits = |text: &str| size(&content(text)) <= MAX_CONTENT;
    part("m.room.message", content(&chunk::cut(&markdown, fits)))
}

/// An `m.reaction`.
pub(crate) fn reaction_part(event_id: &EventId, key: &str) -> Part {
    Part {
        event_type: "m.reaction".to_owned(),
        content: json!({
            "m.relates_to": { "rel_type": "m.annotation", "event_id": event_id, "key": key },
        }),
    }
}

/// An `m.room.redaction`, its target in `content.redacts`.
pub(crate) fn redaction_part(event_id: &EventId, reason: Option<&str>) -> Part {
    let mut content = json!({ "redacts": event_id });
    if let Some(reason) = reason {
        content["reason"] = reason.into();
    }
    Part {
        event_type: "m.room.redaction".to_owned(),
        content,
    }
}

fn part(event_type: &str, content: Map<String, Value>) -> Part {
    Part {
        event_type: event_type.to_owned(),
        content: Value::Object(content),
    }
}

fn body(kind: TextKind, markdown: &str, rendered: Rendered, live: bool) -> Map<String, Value> {
    let mut content = Map::new();
    let msgtype = match kind {
        TextKind::Text => "m.text",
        TextKind::Notice => "m.notice",
        TextKind::Emote => "m.emote",
    };
    content.insert("msgtype".to_owned(), msgtype.into());
    content.insert("body".to_owned(), markdown.into());
    if let Some(html) = rendered.html {
        content.insert("format".to_owned(), "org.matrix.custom.html".into());
        content.insert("formatted_body".to_owned(), html.into());
    }
    if live {
        // MSC4357
        content.insert("org.matrix.msc4357.live".to_owned(), json!({}));
    }
    content
}

/// Puts the further keys in; none of them replaces one of the message's own.
fn extend(content: &mut Map<String, Value>, extra: &Extra) {
    if size(&extra.content) > MAX_EXTRA {
        tracing::warn!("further content of a message was too large and is left out");
        return;
    }
    for (key, value) in &extra.content {
        if !content.contains_key(key) && !key.starts_with("m.") {
            content.insert(key.clone(), value.clone());
        }
    }
}

/// `m.mentions` is there even when empty: without it a homeserver looks for names in the body,
/// and a reply pings whom it answers (§11.2.1.8).
fn mentions(user_ids: &[OwnedUserId]) -> Value {
    if user_ids.is_empty() {
        json!({})
    } else {
        json!({ "user_ids": user_ids })
    }
}

/// `m.relates_to` of a message; only the first part of a text quotes what it answers.
pub(super) fn relation(target: &SendTarget, first: bool) -> Option<Value> {
    let reply_to = target.reply_to_id.as_ref().filter(|_| first);
    match (&target.thread_root_id, reply_to) {
        (Some(root), reply_to) => Some(json!({
            "rel_type": "m.thread",
            "event_id": root,
            // Clients without threads show a reply: a real one, or one to the thread's root.
            "is_falling_back": reply_to.is_none(),
            "m.in_reply_to": { "event_id": reply_to.unwrap_or(root) },
        })),
        (None, Some(reply_to)) => Some(json!({ "m.in_reply_to": { "event_id": reply_to } })),
        (None, None) => None,
    }
}

fn size(content: &Map<String, Value>) -> usize {
    serde_json::to_vec(content).map_or(usize::MAX, |json| json.len())
}
