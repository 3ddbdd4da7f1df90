//! Events as no homeserver should send them.

use serde_json::{Value, json};

use crate::support::text;

/// Every kind of wrong, as JSON text: some of it no JSON library would write.
pub fn malformed(number: usize) -> String {
    let id = format!("$bad{number}");
    let event = |change: &dyn Fn(&mut Value)| {
        let mut event = text(&id, "malformed");
        change(&mut event);
        event.to_string()
    };
    let content = |content: Value| event(&|event| event["content"] = content.clone());
    let without = |key: &str| {
        event(&|event| {
            event.as_object_mut().unwrap().remove(key);
        })
    };
    let with = |key: &str, value: Value| event(&|event| event[key] = value.clone());
    let state = |kind: &str, content: Value| {
        event(&|event| {
            event["type"] = kind.into();
            event["state_key"] = "".into();
            event["content"] = content.clone();
        })
    };
    let of_type = |kind: &str, content: Value| {
        event(&|event| {
            event["type"] = kind.into();
            event["content"] = content.clone();
        })
    };
    let raw = |body: &str| with("content", json!("BODY")).replace("\"BODY\"", body);
    let deep =
        |open: &str, close: &str| format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
    let hostile =
        "<script>alert(1)</script><a href=javascript:alert(1)><img src=x onerror=alert(1)>";
    let relates = |relation: Value| {
        content(json!({"msgtype": "m.text", "body": "x", "m.relates_to": relation}))
    };
    let edit_of = |target: &str| {
        content(json!({
            "msgtype": "m.text", "body": "* x", "m.new_content": {"msgtype": "m.text", "body": "x"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": target},
        }))
    };
    let encrypted = |content: Value| of_type("m.room.encrypted", content);
    let megolm = |ciphertext: &str| {
        encrypted(json!({
            "algorithm": "m.megolm.v1.aes-sha2", "session_id": "session", "device_id": "DEVICE",
            "sender_key": "key", "ciphertext": ciphertext,
        }))
    };
    match number % 64 {
        0 => without("type"),
        1 => with("type", json!(5)),
        2 => with("type", json!("")),
        3 => without("sender"),
        4 => with("sender", json!("nobody")),
        5 => with("sender", json!(format!("@{}:test", "a".repeat(400)))),
        6 => with("sender", json!(["@human:test"])),
        7 => without("content"),
        8 => with("content", json!([1, 2])),
        9 => with("content", json!("text")),
        10 => with("content", Value::Null),
        11 => without("event_id"),
        12 => with("event_id", json!(7)),
        13 => with("event_id", json!("no dollar")),
        14 => with("event_id", json!("")),
        15 => with("event_id", json!(format!("${}", "x".repeat(10_000)))),
        16 => with("event_id", json!(format!("$\u{0}\u{202e}{number}"))),
        17 => without("origin_server_ts"),
        18 => with("origin_server_ts", json!(-1)),
        19 => with("origin_server_ts", json!(u64::MAX)),
        20 => with("origin_server_ts", json!(1e300)),
        21 => with("origin_server_ts", json!("yesterday")),
        22 => content(json!({"msgtype": "m.text", "body": 5})),
        23 => content(json!({"msgtype": {"m": "text"}, "body": "x"})),
        24 => content(json!({"msgtype": "m.text"})),
        25 => content(json!({"msgtype": "m.text", "body": "x".repeat(60_000)})),
        26 => content(json!({
            "msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html",
            "formatted_body": hostile.repeat(700),
        })),
        27 => content(json!({
            "msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html",
            "formatted_body": "<blockquote><ol><li>".repeat(3000),
        })),
        28 => raw(r#"{"msgtype": "m.text", "body": "\ud800"}"#),
        29 => raw(r#"{"msgtype": "m.text", "body": "x", "\udfff": "\udc00\ud83d"}"#),
        30 => raw(&format!(
            r#"{{"msgtype": "m.text", "body": "x", "more": {}}}"#,
            deep("[", "]")
        )),
        31 => raw(&deep("{\"body\":", "}")),
        32 => raw(r#"{"msgtype": "m.text", "body": "one", "body": "two", "msgtype": 5}"#),
        33 => raw(r#"{"msgtype": "m.text", "body": "x", "n": 1e999, "m": -0.0}"#),
        34 => relates(json!({"rel_type": "m.thread", "event_id": id})),
        35 => relates(json!({"m.in_reply_to": {"event_id": id}})),
        36 => relates(json!({"rel_type": "m.replace", "event_id": id})),
        37 => relates(json!({"rel_type": 5, "event_id": {}})),
        38 => relates(json!("m.thread")),
        39 => edit_of(&id),
        40 => edit_of(&format!("$bad{}", number + 1)),
        41 => edit_of(&format!("$bad{}", number - 1)),
        42 => of_type(
            "m.reaction",
            json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": 5}}),
        ),
        43 => of_type(
            "m.reaction",
            json!({"m.relates_to": {
                "rel_type": "m.annotation", "event_id": id, "key": "👍".repeat(5000),
            }}),
        ),
        44 => of_type("m.room.redaction", json!({"redacts": id})),
        45 => with("redacts", json!({})),
        46 => encrypted(json!({})),
        47 => encrypted(json!({"algorithm": "m.none", "ciphertext": {}})),
        48 => megolm("!!! no base64 !!!"),
        49 => megolm(&"A".repeat(40_000)),
        50 => megolm("AwgA"),
        51 => encrypted(json!({
            "algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": "x",
            "ciphertext": {"x": {"type": 0, "body": "x"}},
        })),
        52 => state("m.room.member", json!({"membership": 5})),
        53 => event(&|event| {
            event["type"] = "m.room.member".into();
            event["state_key"] = "nobody".into();
            event["content"] = json!({"membership": "join", "displayname": [1]});
        }),
        54 => state("m.room.create", json!({"room_version": 11, "creator": 5})),
        55 => state(
            "m.room.power_levels",
            json!({"users": {"nobody": "very"}, "ban": "x"}),
        ),
        56 => state("m.room.name", json!({"name": {"deep": ["er"]}})),
        57 => state("m.room.tombstone", json!({"replacement_room": "nowhere"})),
        58 => with("unsigned", json!(5)),
        59 => with(
            "unsigned",
            json!({"m.relations": {"m.replace": {"content": 5}}, "age": "old"}),
        ),
        60 => with("unsigned", json!({"redacted_because": 5})),
        61 => "null".to_owned(),
        62 => ["5", "\"text\"", "[]", "{}", "true", "[null]"][number / 64 % 6].to_owned(),
        _ => with("room_id", json!("!another:test")),
    }
}

/// State that contradicts its own kind.
pub fn state_nonsense() -> Vec<String> {
    let state = |kind: &str, key: Value, content: Value| {
        json!({
            "type": kind, "event_id": "$state", "sender": "@human:test", "state_key": key,
            "origin_server_ts": 1, "content": content,
        })
        .to_string()
    };
    vec![
        state("m.room.name", json!(""), json!({"name": 5})),
        state("m.room.topic", json!(5), json!({})),
        state(
            "m.room.member",
            json!("nobody"),
            json!({"membership": "join"}),
        ),
        state("m.room.member", json!("@a:test"), json!({"membership": {}})),
        state("m.room.power_levels", json!(""), json!({"users": []})),
        state(
            "m.room.canonical_alias",
            json!(""),
            json!({"alias": "no alias"}),
        ),
        state("m.room.join_rules", json!(""), json!({"join_rule": 5})),
    ]
}

/// To-device messages of every kind that is read, each wrong.
pub fn to_device_nonsense() -> Vec<String> {
    let event = |kind: Value, sender: Value, content: Value| {
        json!({"type": kind, "sender": sender, "content": content}).to_string()
    };
    let human = || json!("@human:test");
    vec![
        event(json!("m.room.encrypted"), human(), json!({})),
        event(
            json!("m.room.encrypted"),
            json!("nobody"),
            json!({"algorithm": 5}),
        ),
        event(
            json!("m.room.encrypted"),
            human(),
            json!({
                "algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": "x",
                "ciphertext": {"x": {"type": 9, "body": "%"}},
            }),
        ),
        event(
            json!("m.room_key"),
            human(),
            json!({"algorithm": "m.megolm.v1.aes-sha2"}),
        ),
        event(
            json!("m.room_key_request"),
            human(),
            json!({"action": "request", "body": 5}),
        ),
        event(json!("m.room_key.withheld"), human(), json!({"code": 5})),
        event(
            json!("m.secret.send"),
            human(),
            json!({"request_id": [], "secret": 5}),
        ),
        event(
            json!("m.key.verification.start"),
            human(),
            json!({"method": {}}),
        ),
        event(json!("m.dummy"), human(), json!([])),
    ]
}
