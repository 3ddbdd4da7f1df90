//! Edits, bundled and by themselves.

use serde_json::{Value, json};

use super::{super::bundled::without_edit, *};

fn replacement(sender: &str, target: &str) -> Value {
    json!({
        "type": "m.room.message", "event_id": "$edit", "sender": sender, "origin_server_ts": 5,
        "content": {
            "msgtype": "m.text", "body": "* new",
            "m.new_content": { "msgtype": "m.text", "body": "new", "org.matrix.msc4357.live": {} },
            "m.relates_to": { "rel_type": "m.replace", "event_id": target },
        },
    })
}

#[test]
fn ses_12_an_event_edited_before_it_was_seen_has_its_newest_text() {
    let with = |edit: Value| {
        let mut event = event(json!({
            "msgtype": "m.text", "body": "old",
            "m.relates_to": { "rel_type": "m.thread", "event_id": "$root" },
        }));
        event["unsigned"] = json!({ "m.relations": { "m.replace": edit } });
        message_of(&event)
    };
    let edited = with(replacement("@alice:hs.test", "$event"));
    assert_eq!(edited.text, "new");
    assert_eq!(edited.edited_by.as_deref(), Some("$edit"));
    assert_eq!(
        edited.thread.as_deref(),
        Some("$root"),
        "the original's relation stays"
    );
    assert!(edited.live);

    let mut without_content = replacement("@alice:hs.test", "$event");
    without_content["content"]["m.new_content"] = Value::Null;
    let mut other_kind = replacement("@alice:hs.test", "$event");
    other_kind["content"]["m.new_content"]["msgtype"] = json!("m.notice");
    let mut encrypted = replacement("@alice:hs.test", "$event");
    encrypted["type"] = json!("m.room.encrypted");
    let mut state = replacement("@alice:hs.test", "$event");
    state["state_key"] = json!("");
    for invalid in [
        replacement("@mallory:hs.test", "$event"),
        replacement("@alice:hs.test", "$another"),
        without_content,
        other_kind,
        encrypted,
        state,
        json!("no event"),
    ] {
        let read = with(invalid.clone());
        assert_eq!(
            (read.text.as_str(), read.edited_by),
            ("old", None),
            "{invalid}"
        );
    }
}

#[test]
fn ses_12_later_edits_are_edits_if_they_are_valid() {
    match read(&replacement("@alice:hs.test", "$target")) {
        Some(InboundEvent::Edit {
            target_id,
            text,
            live,
            ..
        }) => {
            assert_eq!(
                (target_id.as_str(), text.as_str(), live),
                ("$target", "new", true)
            );
        }
        other => panic!("{other:?}"),
    }
    let mut invalid = replacement("@alice:hs.test", "$target");
    invalid["content"]["m.new_content"] = json!(5);
    assert!(matches!(read(&invalid), Some(InboundEvent::Other { .. })));
}

#[test]
fn enc_1_an_encrypted_message_is_not_edited_in_the_clear() {
    let mut event = event(json!({ "msgtype": "m.text", "body": "old" }));
    event["unsigned"] = json!({
        "age": 1, "m.relations": { "m.replace": replacement("@alice:hs.test", "$event") },
    });
    let cleaned = without_edit(&event.to_string()).expect("changed");
    let cleaned: Value = serde_json::from_str(&cleaned).expect("JSON");
    assert_eq!(message_of(&cleaned).text, "old");
    assert_eq!(cleaned["unsigned"]["age"], 1);
    assert_eq!(without_edit(&cleaned.to_string()), None);
    assert_eq!(without_edit("no JSON m.replace"), None);
}
