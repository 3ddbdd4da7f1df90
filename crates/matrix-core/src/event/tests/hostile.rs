//! Whatever arrives: no panic, nothing active in the HTML, nothing that grows far beyond
//! what was sent. `PROPTEST_CASES` asks for more cases.

use proptest::{prelude::*, sample::select};

use super::hostile_html::{MAX_HTML, MAX_TEXT, assert_inert, markup};
use super::*;
use crate::property::cases;

/// Fields and values that mean something, so that arbitrary JSON gets past the first check.
const WORDS: [&str; 44] = [
    "type",
    "content",
    "sender",
    "event_id",
    "state_key",
    "unsigned",
    "redacts",
    "m.relations",
    "m.replace",
    "m.thread",
    "m.annotation",
    "m.relates_to",
    "m.in_reply_to",
    "rel_type",
    "key",
    "m.new_content",
    "m.mentions",
    "user_ids",
    "room",
    "msgtype",
    "body",
    "format",
    "formatted_body",
    "org.matrix.custom.html",
    "filename",
    "info",
    "size",
    "w",
    "geo_uri",
    "membership",
    "prev_content",
    "is_direct",
    "redacted_because",
    "org.matrix.msc4357.live",
    "m.room.message",
    "m.room.member",
    "m.reaction",
    "m.room.redaction",
    "m.text",
    "m.image",
    "m.location",
    "join",
    "$event",
    "@alice:hs.test",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(WORDS.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => markup(),
        1 => select(vec![
            "$", "@", "!", "#", "@:", "$:", "@a", "!room", "$\u{0}", "@a:b:c:d", "@\u{202e}:hs.test",
            "$event:hs.test", "geo:", "mxc://", "1e999",
        ]).prop_map(str::to_owned),
        1 => (0..200usize).prop_map(|length| "@".repeat(length)),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 8, |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            4 => prop::collection::vec((word(), inner), 0..8)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Events as homeservers send them, one of every kind that is told apart.
fn valid() -> Vec<Value> {
    let member = |content: Value| {
        json!({
            "type": "m.room.member", "event_id": "$event", "sender": "@alice:hs.test",
            "state_key": "@bot:hs.test", "origin_server_ts": 1000, "content": content,
            "unsigned": {"prev_content": {"membership": "invite"}},
        })
    };
    let mut edited = event(json!({"msgtype": "m.text", "body": "first"}));
    edited["unsigned"] = json!({"m.relations": {"m.replace": {
        "type": "m.room.message", "event_id": "$edit", "sender": "@alice:hs.test",
        "content": {
            "msgtype": "m.text", "body": "* second",
            "m.new_content": {"msgtype": "m.text", "body": "second"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": "$event"},
        },
    }}});
    let mut reaction = event(json!({
        "m.relates_to": {"rel_type": "m.annotation", "event_id": "$target", "key": "👍"},
    }));
    reaction["type"] = "m.reaction".into();
    let mut redaction = event(json!({"redacts": "$target", "reason": "spam"}));
    redaction["type"] = "m.room.redaction".into();
    vec![
        edited,
        reaction,
        redaction,
        member(json!({"membership": "join", "displayname": "Alice"})),
        event(json!({
            "msgtype": "m.text", "body": "> <@bob:hs.test> said\n\nanswer",
            "format": "org.matrix.custom.html",
            "formatted_body": "<mx-reply>quote</mx-reply><p>an <a href=\"https://matrix.to/#/@bot:hs.test\">answer</a></p>",
            "m.mentions": {"user_ids": ["@bot:hs.test"], "room": true},
            "m.relates_to": {
                "rel_type": "m.thread", "event_id": "$root", "is_falling_back": true,
                "m.in_reply_to": {"event_id": "$before"},
            },
        })),
        event(json!({
            "msgtype": "m.audio", "body": "a caption", "filename": "voice.ogg",
            "url": "mxc://hs.test/media", "org.matrix.msc3245.voice": {},
            "info": {"mimetype": "audio/ogg", "size": 1234, "duration": 5000, "w": 1.0},
        })),
        event(json!({"msgtype": "m.location", "body": "here", "geo_uri": "geo:1,2"})),
        event(json!({
            "msgtype": "m.text", "body": "* new",
            "m.new_content": {"msgtype": "m.text", "body": "new"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": "$event"},
        })),
    ]
}

/// Puts `junk` in the place of the `at`-th value, counted through the whole tree; or takes
/// that value away.
fn damage(value: &mut Value, at: &mut usize, junk: &Option<Value>) -> bool {
    let children: Vec<&mut Value> = match value {
        Value::Object(fields) => {
            if *at < fields.len() && junk.is_none() {
                let key = fields.keys().nth(*at).unwrap().clone();
                fields.remove(&key);
                return true;
            }
            fields.values_mut().collect()
        }
        Value::Array(items) => items.iter_mut().collect(),
        _ => return false,
    };
    for child in children {
        if *at == 0 {
            if let Some(junk) = junk {
                *child = junk.clone();
            }
            return true;
        }
        *at -= 1;
        if damage(child, at, junk) {
            return true;
        }
    }
    false
}

fn assert_bounded(event: &InboundEvent) {
    match event {
        InboundEvent::Message {
            body,
            formatted_body,
            text,
            pills,
            mentions,
            ..
        } => {
            assert!(body.len() <= 64 * 1024 && text.len() <= MAX_TEXT);
            assert!(pills.len() <= 100);
            assert!(
                mentions
                    .as_ref()
                    .is_none_or(|mentions| mentions.user_ids.len() <= 100)
            );
            if let Some(html) = formatted_body {
                assert!(html.len() <= MAX_HTML);
                assert_inert(html);
            }
        }
        InboundEvent::Edit {
            body,
            formatted_body,
            text,
            ..
        } => {
            assert!(body.len() <= 64 * 1024 && text.len() <= MAX_TEXT);
            if let Some(html) = formatted_body {
                assert_inert(html);
            }
        }
        InboundEvent::Reaction { key, .. } => assert!(key.len() <= 1024),
        InboundEvent::Redaction { reason, .. } => {
            assert!(reason.as_ref().is_none_or(|reason| reason.len() <= 1024));
        }
        InboundEvent::Invite { room_name, .. } => {
            assert!(room_name.as_ref().is_none_or(|name| name.len() <= 1024));
        }
        InboundEvent::Other {
            event_type,
            content,
            ..
        } => {
            assert!(event_type.len() <= 255 && content.len() <= 64 * 1024);
            serde_json::from_str::<Object>(content).unwrap();
        }
        InboundEvent::Membership { .. } | InboundEvent::Skipped { .. } => {}
    }
}

type Object = serde_json::Map<String, Value>;

/// Reads it as an event, in clear and encrypted, and as an invite.
pub(super) fn survive(json: &str) {
    for (encrypted, key) in [
        (false, "$event"),
        (true, "$event"),
        (false, "invite:@a:b:s1"),
    ] {
        let mut stored = stored_json(json.to_owned());
        stored.event.encrypted = encrypted;
        stored.event.key = key.to_owned();
        if let Some(event) = parse(&stored, user_id!("@bot:hs.test")) {
            assert_bounded(&event);
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn ins_11_arbitrary_json_is_read_without_a_panic(value in json_value()) {
        survive(&value.to_string());
    }

    #[test]
    fn ins_11_arbitrary_text_is_no_event_and_no_panic(text in any::<String>()) {
        survive(&text);
    }

    #[test]
    fn ins_11_a_damaged_event_is_read_without_a_panic(
        which in 0..8usize,
        damages in prop::collection::vec((0..24usize, prop::option::of(json_value())), 1..4),
    ) {
        let mut event = valid().swap_remove(which);
        for (mut at, junk) in damages {
            damage(&mut event, &mut at, &junk);
        }
        survive(&event.to_string());
    }
}

#[test]
fn ses_11_valid_events_mean_something() {
    for event in valid() {
        let read = read(&event);
        assert!(
            !matches!(read, None | Some(InboundEvent::Other { .. })),
            "{read:?} of {event}"
        );
    }
}

#[test]
fn ins_11_json_deeper_than_any_reader_goes_is_no_event() {
    for (open, close) in [("[", "]"), ("{\"content\":", "}")] {
        for depth in [100, 127, 128, 10_000] {
            let content = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            survive(&content);
            survive(&format!(
                r#"{{"type":"m.room.message","content":{content}}}"#
            ));
        }
    }
}
