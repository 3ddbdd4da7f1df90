mod edits;
mod hostile;
mod hostile_html;
mod kinds;
mod mentions;
mod polls;
mod proof;
mod text;

use ruma::{owned_room_id, owned_user_id, user_id};
use serde_json::{Value, json};

use super::*;

fn stored(event: &Value) -> StoredEvent {
    stored_json(event.to_string())
}

fn stored_json(json: String) -> StoredEvent {
    StoredEvent {
        seq: 7,
        event: NewEvent {
            key: "$event".to_owned(),
            room_id: owned_room_id!("!room:hs.test"),
            sender: owned_user_id!("@alice:hs.test"),
            origin_server_ts: 1000,
            json,
            encrypted: false,
            trust: None,
            late: false,
        },
        received_at: 2000,
        attempts: 0,
    }
}

fn read(event: &Value) -> Option<InboundEvent> {
    parse(&stored(event), user_id!("@bot:hs.test"))
}

fn event(content: Value) -> Value {
    json!({
        "type": "m.room.message", "event_id": "$event", "sender": "@alice:hs.test",
        "origin_server_ts": 1000, "content": content,
    })
}

/// The fields of a message that tests look at.
#[derive(Debug, Default, PartialEq)]
struct Message {
    body: String,
    text: String,
    formatted: Option<String>,
    pills: Vec<(String, String)>,
    thread: Option<String>,
    reply: Option<String>,
    edited_by: Option<String>,
    live: bool,
}

fn message(content: Value) -> Message {
    message_of(&event(content))
}

fn message_of(event: &Value) -> Message {
    match read(event) {
        Some(InboundEvent::Message {
            body,
            text,
            formatted_body,
            pills,
            thread_root_id,
            reply_to_id,
            edited_by,
            live,
            ..
        }) => Message {
            body,
            text,
            formatted: formatted_body,
            pills: pills.into_iter().map(|p| (p.user_id, p.label)).collect(),
            thread: thread_root_id,
            reply: reply_to_id,
            edited_by,
            live,
        },
        other => panic!("no message: {other:?}"),
    }
}

fn html(formatted: &str) -> Message {
    message(json!({
        "msgtype": "m.text", "body": "body",
        "format": "org.matrix.custom.html", "formatted_body": formatted,
    }))
}
