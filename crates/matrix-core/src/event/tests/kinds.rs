//! What kinds of events become.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::health::now_ms;

#[test]
fn thr_4_the_thread_fallback_is_no_reply() {
    let read = |falling_back: Value| {
        message(json!({
            "msgtype": "m.text", "body": "x",
            "m.relates_to": {
                "rel_type": "m.thread", "event_id": "$root", "is_falling_back": falling_back,
                "m.in_reply_to": { "event_id": "$other" },
            },
        }))
    };
    let fallback = read(json!(true));
    assert_eq!(fallback.thread.as_deref(), Some("$root"));
    assert_eq!(fallback.reply, None);
    assert_eq!(read(json!(false)).reply.as_deref(), Some("$other"));
    assert_eq!(read(Value::Null).reply.as_deref(), Some("$other"));
    let odd = message(json!({
        "msgtype": "m.text", "body": "x",
        "m.relates_to": { "rel_type": "m.thread", "event_id": "no id" },
    }));
    assert_eq!(odd.thread, None);
}

#[test]
fn med_1_files_have_names_and_captions() {
    let read = |content: Value| match read(&event(content)) {
        Some(InboundEvent::Message {
            kind,
            body,
            text,
            mut media,
            ..
        }) if media.len() == 1 => (kind, body, text, media.remove(0)),
        other => panic!("no file: {other:?}"),
    };
    let (kind, body, text, media) = read(json!({
        "msgtype": "m.image", "body": "cat.png", "url": "mxc://hs/x", "format": "org.matrix.custom.html",
        "formatted_body": "cat.png",
        "info": { "mimetype": "image/png", "size": 12, "w": 3.0, "h": -1, "duration": 1e300 },
    }));
    assert_eq!(
        (kind, body.as_str(), text.as_str()),
        (MessageKind::Image, "", "")
    );
    assert_eq!(
        media,
        MediaInfo {
            kind: MediaKind::Image,
            source: Some(r#"{"url":"mxc://hs/x"}"#.to_owned()),
            filename: "cat.png".to_owned(),
            mimetype: Some("image/png".to_owned()),
            size: Some(12),
            width: Some(3),
            ..MediaInfo::default()
        }
    );
    let (kind, body, text, media) = read(json!({
        "msgtype": "m.audio", "body": "**listen**", "filename": "voice\u{202E}ggo.exe",
        "format": "org.matrix.custom.html", "formatted_body": "<b>listen</b>",
        "org.matrix.msc3245.voice": {}, "info": { "duration": 1500 },
    }));
    assert_eq!(kind, MessageKind::Audio);
    assert_eq!((body.as_str(), text.as_str()), ("**listen**", "listen"));
    assert_eq!(media.filename, "voiceggo.exe");
    assert_eq!((media.voice, media.duration_ms), (true, Some(1500)));
}

/// The files of a message, and its text.
fn files(event: &Value) -> (MessageKind, String, Vec<MediaInfo>) {
    match read(event) {
        Some(InboundEvent::Message {
            kind, text, media, ..
        }) => (kind, text, media),
        other => panic!("no message: {other:?}"),
    }
}

fn encrypted_file() -> Value {
    json!({
        "v": "v2", "url": "mxc://hs/sealed", "iv": "i0DovxYdJEcAAAAAAAAAAA", "extra": "x",
        "key": {
            "kty": "oct", "alg": "A256CTR", "ext": true, "key_ops": ["decrypt", "encrypt"],
            "k": "Voq2nkPme_x8no5-Tjq_laDAdxE6iDbxnlQXxwFPgE4",
        },
        "hashes": { "sha256": "ANdt819a8bZl4jKy3Z+jcqtiNICa2y0AW4BBJ/iQRAU" },
    })
}

#[test]
fn med_3_an_encrypted_file_keeps_its_key_and_shows_it_nowhere() {
    let (_, _, media) = files(&event(json!({
        "msgtype": "m.file", "body": "a.pdf", "url": "mxc://hs/clear", "file": encrypted_file(),
    })));
    let source: Value = serde_json::from_str(media[0].source.as_deref().unwrap()).unwrap();
    let mut expected = encrypted_file();
    expected.as_object_mut().unwrap().remove("extra");
    assert_eq!(source, expected);
    assert!(!format!("{media:?}").contains("Voq2nk"));
    for (key, wrong) in [
        ("url", json!("https://hs/x")),
        ("url", json!("mxc://hs")),
        ("url", json!(7)),
        ("key", json!({ "k": "x".repeat(4000) })),
    ] {
        let mut file = encrypted_file();
        file[key] = wrong;
        let (_, _, media) = files(&event(
            json!({ "msgtype": "m.file", "body": "a", "url": "mxc://hs/clear", "file": file }),
        ));
        assert_eq!(media[0].source, None, "{key}");
    }
}

#[test]
fn med_12_a_sticker_is_a_picture_with_a_description() {
    let sticker = json!({
        "type": "m.sticker", "event_id": "$event", "content": {
            "body": "a waving cat", "url": "mxc://hs/cat",
            "info": { "mimetype": "image/webp", "w": 256, "h": 256 },
            "m.relates_to": { "rel_type": "m.thread", "event_id": "$root" },
        },
    });
    let (kind, text, media) = files(&sticker);
    assert_eq!((kind, text.as_str()), (MessageKind::Sticker, ""));
    assert_eq!(media[0].kind, MediaKind::Sticker);
    assert_eq!(media[0].filename, "a waving cat");
    assert_eq!(media[0].mimetype.as_deref(), Some("image/webp"));
    assert_eq!(message_of(&sticker).thread.as_deref(), Some("$root"));
}

#[test]
fn med_12_a_gallery_has_a_caption_and_files() {
    let item = |kind: &str, name: &str| json!({ "itemtype": kind, "body": name, "filename": name, "url": "mxc://hs/x" });
    for msgtype in ["m.gallery", "dm.filament.gallery"] {
        let (kind, text, media) = files(&event(json!({
            "msgtype": msgtype, "body": "holiday",
            "itemtypes": [item("m.image", "a.jpg"), item("m.video", "b.mp4"), item("m.poll", "c"), 7],
        })));
        assert_eq!((kind, text.as_str()), (MessageKind::Gallery, "holiday"));
        let names: Vec<_> = media
            .iter()
            .map(|m| (m.kind, m.filename.as_str()))
            .collect();
        assert_eq!(
            names,
            [(MediaKind::Image, "a.jpg"), (MediaKind::Video, "b.mp4")]
        );
    }
    let many: Vec<_> = (0..500).map(|_| item("m.image", "a.jpg")).collect();
    let (_, _, media) = files(&event(
        json!({ "msgtype": "m.gallery", "body": "", "itemtypes": many }),
    ));
    assert_eq!(media.len(), 20);
}

#[test]
fn med_1_an_edited_caption_keeps_the_file() {
    let mut image = event(json!({
        "msgtype": "m.image", "body": "old", "filename": "a.png", "url": "mxc://hs/x",
    }));
    image["unsigned"] = json!({ "m.relations": { "m.replace": {
        "event_id": "$edit", "sender": "@alice:hs.test", "type": "m.room.message", "content": {
            "msgtype": "m.image", "body": "* new",
            "m.new_content": { "msgtype": "m.image", "body": "new", "filename": "a.png" },
            "m.relates_to": { "rel_type": "m.replace", "event_id": "$event" },
        },
    } } });
    let (_, text, media) = files(&image);
    assert_eq!(text, "new");
    assert_eq!(media[0].source.as_deref(), Some(r#"{"url":"mxc://hs/x"}"#));
}

#[test]
fn loc_1_locations_carry_their_uri() {
    match read(&event(
        json!({ "msgtype": "m.location", "body": "Home", "geo_uri": "geo:1,2;u=3" }),
    )) {
        Some(InboundEvent::Message {
            kind,
            geo_uri,
            text,
            ..
        }) => {
            assert_eq!(kind, MessageKind::Location);
            assert_eq!(geo_uri.as_deref(), Some("geo:1,2;u=3"));
            assert_eq!(text, "Home");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn str_2_the_live_marker_is_seen() {
    let content = json!({ "msgtype": "m.text", "body": "x", "org.matrix.msc4357.live": {} });
    assert!(message(content).live);
    assert!(!message(json!({ "msgtype": "m.text", "body": "x" })).live);
}

#[test]
fn rea_4_reactions_name_their_target() {
    let reaction = |content: Value| {
        read(&json!({ "type": "m.reaction", "event_id": "$event", "content": content }))
    };
    match reaction(json!({
        "m.relates_to": { "rel_type": "m.annotation", "event_id": "$t", "key": "👍️" },
    })) {
        Some(InboundEvent::Reaction { target_id, key, .. }) => {
            assert_eq!((target_id.as_str(), key.as_str()), ("$t", "👍️"));
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(
        reaction(json!({})),
        Some(InboundEvent::Other { .. })
    ));
}

#[test]
fn rea_5_redactions_name_their_target_in_either_place() {
    let target = |event: Value| match read(&event) {
        Some(InboundEvent::Redaction {
            target_id, reason, ..
        }) => (target_id, reason),
        other => panic!("{other:?}"),
    };
    let kind = "m.room.redaction";
    assert_eq!(
        target(json!({ "type": kind, "redacts": "$old", "content": { "reason": "spam" } })),
        ("$old".to_owned(), Some("spam".to_owned()))
    );
    assert_eq!(
        target(json!({ "type": kind, "content": { "redacts": "$new" } })).0,
        "$new"
    );
    assert_eq!(
        target(json!({ "type": kind, "redacts": "$old", "content": { "redacts": "$forged" } })).0,
        "$old"
    );
    let mut encrypted = stored(&json!({ "type": kind, "content": { "redacts": "$x" } }));
    encrypted.event.encrypted = true;
    let parsed = parse(&encrypted, user_id!("@bot:hs.test"));
    assert!(matches!(parsed, Some(InboundEvent::Other { .. })));
}

#[test]
fn ses_12_what_its_sender_wanted_gone_by_now_is_nothing() {
    for key in ["m.self_destruct_after", "org.matrix.self_destruct_after"] {
        let at = |at: Value| read(&event(json!({"msgtype": "m.text", "body": "hi", key: at})));
        assert!(at(json!(1)).is_none(), "{key}");
        assert!(at(json!(now_ms() + 3_600_000)).is_some(), "{key}");
        assert!(at(json!("soon")).is_some(), "{key}");
    }
}

#[test]
fn ses_12_what_was_redacted_before_it_was_seen_is_nothing() {
    let mut redacted = event(json!({}));
    redacted["unsigned"] = json!({ "redacted_because": { "type": "m.room.redaction" } });
    assert!(read(&redacted).is_none());
    redacted["type"] = json!("m.reaction");
    assert!(read(&redacted).is_none());
}

#[test]
fn inv_1_invites_come_from_the_engine_alone() {
    let invite = json!({
        "type": "invite", "sender": "@alice:hs.test", "room_id": "!room:hs.test", "is_direct": true,
        "room_name": "Lobby", "canonical_alias": "#lobby:hs.test", "room_encrypted": true,
    });
    let mut event = stored(&invite);
    event.event.key = "invite:@alice:hs.test:s1".to_owned();
    match parse(&event, user_id!("@bot:hs.test")) {
        Some(InboundEvent::Invite {
            base,
            is_direct,
            room_name,
            canonical_alias,
            room_encrypted,
        }) => {
            assert_eq!(base.event_id, None);
            assert_eq!(base.sender, "@alice:hs.test");
            assert!(is_direct && room_encrypted);
            assert_eq!(room_name.as_deref(), Some("Lobby"));
            assert_eq!(canonical_alias.as_deref(), Some("#lobby:hs.test"));
        }
        other => panic!("{other:?}"),
    }
    // The same as an event of a room is anybody's invention.
    assert!(matches!(read(&invite), Some(InboundEvent::Other { .. })));
}

#[test]
fn inv_2_memberships_tell_who_and_from_what() {
    let member = |user: &str, now: &str, before: Option<&str>| {
        let mut event = json!({
            "type": "m.room.member", "state_key": user, "content": { "membership": now },
        });
        if let Some(before) = before {
            event["unsigned"] = json!({ "prev_content": { "membership": before } });
        }
        read(&event)
    };
    match member("@bot:hs.test", "ban", Some("join")) {
        Some(InboundEvent::Membership {
            own,
            membership,
            previous,
            user_id,
            ..
        }) => {
            assert!(own);
            assert_eq!(user_id, "@bot:hs.test");
            assert_eq!(
                (membership, previous),
                (Membership::Ban, Some(Membership::Join))
            );
        }
        other => panic!("{other:?}"),
    }
    match member("@carol:hs.test", "join", None) {
        Some(InboundEvent::Membership { own, previous, .. }) => {
            assert!(!own);
            assert_eq!(previous, None);
        }
        other => panic!("{other:?}"),
    }
    assert!(
        member("@carol:hs.test", "join", Some("join")).is_none(),
        "a new name only"
    );
    assert!(matches!(
        member("@c:hs.test", "dance", None),
        Some(InboundEvent::Other { .. })
    ));
}

#[test]
fn pol_3_other_events_keep_their_content() {
    let other = |event: Value| match read(&event) {
        Some(InboundEvent::Other {
            event_type,
            content,
            ..
        }) => (event_type, content),
        other => panic!("{other:?}"),
    };
    let (kind, content) = other(
        json!({ "type": "org.example.thing", "content": { "body": "hi", "url": "mxc://a/b" } }),
    );
    assert_eq!(kind, "org.example.thing");
    assert_eq!(
        serde_json::from_str::<Value>(&content).expect("JSON")["body"],
        "hi"
    );
    let (kind, _) = other(event(
        json!({ "msgtype": "m.key.verification.request", "body": "x" }),
    ));
    assert_eq!(kind, "m.key.verification.request");
    let (_, content) = other(json!({ "type": "x", "content": { "big": "y".repeat(70_000) } }));
    assert_eq!(content, "{}");
    let deep = "[".repeat(10_000);
    let parsed = parse(&stored_json(deep), user_id!("@bot:hs.test"));
    assert!(matches!(parsed, Some(InboundEvent::Other { .. })));
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("type"),
        Just("content"),
        Just("msgtype"),
        Just("body"),
        Just("formatted_body"),
        Just("format"),
        Just("m.relates_to"),
        Just("rel_type"),
        Just("event_id"),
        Just("unsigned"),
        Just("m.relations"),
        Just("m.replace"),
        Just("m.new_content"),
        Just("m.mentions"),
        Just("user_ids"),
        Just("info"),
        Just("size"),
        Just("membership"),
        Just("state_key"),
        Just("redacts"),
        Just("key"),
        Just("m.in_reply_to"),
        Just("filename"),
        Just("sender"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
        prop_oneof![
            Just("m.room.message"),
            Just("m.text"),
            Just("m.image"),
            Just("m.reaction"),
            Just("m.room.member"),
            Just("m.room.redaction"),
            Just("m.thread"),
            Just("m.replace"),
            Just("m.annotation"),
            Just("$id"),
            Just("@alice:hs.test"),
            Just("org.matrix.custom.html"),
            Just("join"),
            Just("> <@x:y> z"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(key.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn ses_12_no_json_makes_the_parser_panic(value in any_json(), content in any_json(), encrypted: bool) {
        let own = user_id!("@bot:hs.test");
        let mut events = vec![value.clone(), event(content.clone())];
        for kind in ["m.room.member", "m.reaction", "m.room.redaction"] {
            events.push(json!({ "type": kind, "state_key": "@a:b", "content": content, "unsigned": value }));
        }
        for event in events {
            let mut stored = stored(&event);
            stored.event.encrypted = encrypted;
            parse(&stored, own);
            stored.event.key = "invite:x".to_owned();
            prop_assert!(parse(&stored, own).is_some());
        }
    }
}

proptest! {
    #[test]
    fn ses_12_no_bytes_make_the_parser_panic(json in "\\PC*") {
        prop_assert!(parse(&stored_json(json), user_id!("@bot:hs.test")).is_some());
    }
}
