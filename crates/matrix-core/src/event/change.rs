//! Edits and redactions of other events, as the inbox has to know them: what they change may still
//! wait to be handed out.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{NewEvent, parse};

/// What an event does to another one of its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// A newer text (`m.replace`).
    Edit,
    /// It is taken back.
    Redaction,
}

/// The little that is needed of most events to see that they change nothing.
#[derive(Deserialize)]
struct Header {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    state_key: Option<Value>,
}

/// What the event changes, and the id of the event it changes.
pub(crate) fn change(event: &NewEvent) -> Option<(Change, String)> {
    let edit = event.json.contains("m.replace");
    if !edit && !event.json.contains("m.room.redaction") {
        return None;
    }
    let header: Header = serde_json::from_str(&event.json).ok()?;
    if header.state_key.is_some() {
        return None;
    }
    let Ok(Value::Object(whole)) = serde_json::from_str::<Value>(&event.json) else {
        return None;
    };
    let content = parse::object(&whole, "content")?;
    match header.kind.as_str() {
        // Redactions are never encrypted: inside an encrypted event it is none.
        "m.room.redaction" if !event.encrypted => Some((
            Change::Redaction,
            parse::event_id(&whole, "redacts").or_else(|| parse::event_id(content, "redacts"))?,
        )),
        "m.room.message" if edit => {
            let relation = parse::object(content, "m.relates_to")?;
            (parse::string(relation, "rel_type") == Some("m.replace"))
                .then(|| parse::event_id(relation, "event_id"))?
                .map(|target| (Change::Edit, target))
        }
        _ => None,
    }
}

/// The message with this edit bundled, as a homeserver bundles it (Client-Server API
/// §11.22.4.3); as its words come from both, it proves of its sender what the lesser of them
/// proves. `None` if it changes nothing: of another sender, an unencrypted one of an
/// encrypted message, or older than the edit that is there.
pub(crate) fn with_edit(message: &NewEvent, edit: &NewEvent) -> Option<NewEvent> {
    if message.sender != edit.sender || (message.encrypted && !edit.encrypted) {
        return None;
    }
    let Ok(Value::Object(mut whole)) = serde_json::from_str::<Value>(&message.json) else {
        return None;
    };
    let Ok(Value::Object(newer)) = serde_json::from_str::<Value>(&edit.json) else {
        return None;
    };
    if parse::is_redacted(&newer) || parse::is_redacted(&whole) {
        return None;
    }
    let there = parse::object(&whole, "unsigned")
        .and_then(|unsigned| parse::object(unsigned, "m.relations"))
        .and_then(|relations| parse::object(relations, "m.replace"));
    if let Some(there) = there {
        let age = there.get("origin_server_ts").and_then(Value::as_u64);
        let id = parse::string(there, "event_id").unwrap_or_default();
        // The newest counts, and of two at the same time that with the greater id.
        if (age.unwrap_or_default(), id) >= (edit.origin_server_ts, edit.key.as_str()) {
            return None;
        }
    }
    let bundled = json!({
        "event_id": edit.key,
        "sender": edit.sender,
        "origin_server_ts": edit.origin_server_ts,
        "type": newer.get("type"),
        "content": newer.get("content"),
    });
    let relations = entry(entry(&mut whole, "unsigned")?, "m.relations")?;
    relations.insert("m.replace".to_owned(), bundled);
    Some(NewEvent {
        json: Value::Object(whole).to_string(),
        trust: match (message.trust.clone(), edit.trust.clone()) {
            (Some(of_message), Some(of_edit)) => Some(of_message.weaker(of_edit)),
            (of_message, _) => of_message,
        },
        ..message.clone()
    })
}

/// The object under `key`, made if there is none.
fn entry<'a>(of: &'a mut Map<String, Value>, key: &str) -> Option<&'a mut Map<String, Value>> {
    let value = of.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut()
}
