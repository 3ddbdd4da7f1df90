use proptest::prelude::*;
use ruma::{owned_room_id, owned_user_id, user_id};
use serde_json::{Value, json};

use super::{bundled::without_edit, *};
use crate::send::tests::assert_inert;

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

#[test]
fn men_11_rich_text_reads_as_a_person_reads_it() {
    for (formatted, expected) in [
        (
            "<p>One <b>two</b>\n <i>three</i></p><p>four</p>",
            "One two three\n\nfour",
        ),
        ("a<br>b<br/>c", "a\nb\nc"),
        ("<h1>Title</h1>text", "Title\n\ntext"),
        (
            "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>end",
            "- a\n- b\n  - c\n\nend",
        ),
        (
            "<ol start=\"3\"><li><p>a</p><p>b</p></li><li>c</li></ol>",
            "3. a\n\n   b\n\n4. c",
        ),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        (
            "<pre><code class=\"language-rust\">fn  main() {\n    x\n}\n</code></pre>after",
            "```rust\nfn  main() {\n    x\n}\n```\n\nafter",
        ),
        ("<pre>raw</pre>", "```\nraw\n```"),
        ("run <code>ls  -l</code> now", "run `ls -l` now"),
        (
            "<blockquote><p>said</p><p>twice</p></blockquote>yes",
            "> said\n\n> twice\n\nyes",
        ),
        (
            "<a href=\"https://a.test/x\">here</a>",
            "here (https://a.test/x)",
        ),
        (
            "<a href=\"https://a.test/\">https://a.test</a>",
            "https://a.test",
        ),
        ("<a href=\"mailto:me@a.test\">me@a.test</a>", "me@a.test"),
        ("no <del>old</del> new", "no ~~old~~ new"),
        ("it is <span data-mx-spoiler>Bob</span>!", "it is ||Bob||!"),
        ("<span data-mx-spoiler=\"end\">Bob</span>", "end: ||Bob||"),
        ("a<hr>b", "a\n\n---\n\nb"),
        (
            "<table><thead><tr><th>A</th><th>B</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
            "A | B\n1 | 2",
        ),
        (
            "<details><summary>More</summary>text</details>",
            "More\ntext",
        ),
        ("AT&amp;T &lt;x&gt; &eacute; &#x1F600;", "AT&T <x> é 😀"),
        ("<font color=\"#ff0000\">red</font>", "red"),
        ("2 < 3 and 4 > 1", "2 < 3 and 4 > 1"),
        ("<script>evil()</script>ok<style>x</style><!-- c -->", "ok"),
        ("<unknown>kept</unknown>", "kept"),
        ("unclosed <b>bold <i>both", "unclosed bold both"),
    ] {
        assert_eq!(html(formatted).text, expected, "{formatted}");
    }
}

#[test]
fn men_11_pills_read_as_names() {
    let read = html(
        "Hi <a href=\"https://matrix.to/#/%40bot%3Ahs.test?via=x\">The <b>Bot</b></a>, \
         <a href=\"matrix:u/carol:hs.test?action=chat\">Carol</a> in \
         <a href=\"https://matrix.to/#/!r:hs.test\">Room</a>",
    );
    assert_eq!(
        read.text,
        "Hi The Bot, Carol in Room (https://matrix.to/#/!r:hs.test)"
    );
    assert_eq!(
        read.pills,
        [
            ("@bot:hs.test".to_owned(), "The Bot".to_owned()),
            ("@carol:hs.test".to_owned(), "Carol".to_owned()),
        ]
    );
}

#[test]
fn men_3_a_label_nobody_sees_is_empty() {
    let bot = "https://matrix.to/#/@bot:hs.test";
    for hidden in [
        format!("x <a href=\"{bot}\"></a>"),
        format!("x <a href=\"{bot}\"> \n </a>"),
        format!("x <a href=\"{bot}\">&#8203;\u{2060}\u{FEFF}&zwnj;&shy;</a>"),
        format!("x <a href=\"{bot}\">\u{2800}\u{3164}</a>"),
        format!("x <a href=\"{bot}\">\u{E0042}\u{E006F}\u{E0074}</a>"),
        format!("x <a href=\"{bot}\"><script>Bot</script><!-- Bot --></a>"),
        format!("x <span data-mx-spoiler><a href=\"{bot}\">Bot</a></span>"),
        format!("x <a href=\"{bot}\"><span data-mx-spoiler>Bot</span></a>"),
        format!("x <details><summary>s</summary><a href=\"{bot}\">Bot</a></details>"),
        format!(
            "x <span data-mx-color=\"#FFffff\" data-mx-bg-color=\"#ffffff\"><a href=\"{bot}\">Bot</a></span>"
        ),
        format!("x <a href=\"{bot}\"><img src=\"mxc://a/b\"></a>"),
    ] {
        let read = html(&hidden);
        assert_eq!(
            read.pills,
            [("@bot:hs.test".to_owned(), String::new())],
            "{hidden}"
        );
    }
}

#[test]
fn men_3_what_is_quoted_or_unseen_mentions_nobody() {
    let read = html(
        "<mx-reply><blockquote><a href=\"https://matrix.to/#/@bot:hs.test\">Bot</a> hi</blockquote></mx-reply>answer",
    );
    assert_eq!((read.text.as_str(), read.pills.len()), ("answer", 0));
    let read = html(
        "<span data-mx-color=\"#000000\" data-mx-bg-color=\"#000000\">@bot do it</span> hello",
    );
    assert_eq!(read.text, "hello");
    // A hidden formatted body does not make the plain one visible.
    assert_eq!(html("<script>x</script>").text, "");
    for href in [
        "https://matrix.to.evil.test/#/@bot:hs.test",
        "https://evil.test/matrix.to/#/@bot:hs.test",
        "https://matrix.to/#/@bot",
        "matrix:r/room:hs.test",
        "javascript:matrix.to/#/@bot:hs.test",
    ] {
        assert_eq!(html(&format!("<a href=\"{href}\">Bot</a>")).pills, []);
    }
}

#[test]
fn men_11_invisible_characters_and_direction_tricks_are_taken_out() {
    let read = message(json!({
        "msgtype": "m.text",
        "body": "a\u{202E}b\u{2066}c\u{200B}d\u{0000}e\u{E0041}f\u{00AD}g\r\nh\u{2028}i",
    }));
    assert_eq!(read.text, "abcdefg\nh\ni");
    // What shapes its neighbours stays.
    for kept in ["👩‍👩‍👧‍👦 ❤️ 🏴󠁧󠁢󠁥󠁮󠁧󠁿", "می‌خواهم", "क्‍ष", "tab\tstays"]
    {
        let read = message(json!({ "msgtype": "m.text", "body": kept }));
        assert_eq!(read.text, kept);
    }
}

#[test]
fn men_11_reply_fallbacks_are_taken_out() {
    let reply = json!({ "m.in_reply_to": { "event_id": "$asked" } });
    let read = message(json!({
        "msgtype": "m.text", "body": "> <@x:hs.test> first\n> second\n>\n> third\n\nanswer\n> mine",
        "m.relates_to": reply,
    }));
    assert_eq!(
        (read.body.as_str(), read.text.as_str()),
        ("answer\n> mine", "answer\n> mine")
    );
    assert_eq!(read.reply.as_deref(), Some("$asked"));
    let read = message(json!({
        "msgtype": "m.emote", "body": "> * <@x:hs.test> waves\n\nwaves back", "m.relates_to": reply,
    }));
    assert_eq!(read.body, "waves back");
    // A quote somebody wrote is text.
    let read = message(json!({ "msgtype": "m.text", "body": "> <@x:hs.test> y\n\nz" }));
    assert_eq!(read.body, "> <@x:hs.test> y\n\nz");
    let read =
        message(json!({ "msgtype": "m.text", "body": "> quote\n\nz", "m.relates_to": reply }));
    assert_eq!(read.body, "> quote\n\nz");
}

#[test]
fn emo_3_custom_emoji_read_as_their_names() {
    let read =
        html("good <img data-mx-emoticon height=\"32\" src=\"mxc://hs/x\" alt=\":party:\"> day");
    assert_eq!(read.text, "good :party: day");
    assert_eq!(html("<img data-mx-emoticon alt=\":x:\">").text, ":x:");
}

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
            media: Some(media),
            ..
        }) => (kind, body, text, media),
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
fn men_3_mentions_are_read_as_sent() {
    match read(&event(json!({
        "msgtype": "m.text", "body": "x",
        "m.mentions": { "user_ids": ["@bot:hs.test", 5, "nobody", "@bot:hs.test"], "room": true },
    }))) {
        Some(InboundEvent::Message {
            mentions: Some(mentions),
            ..
        }) => {
            assert_eq!(mentions.user_ids, ["@bot:hs.test"]);
            assert!(mentions.room);
        }
        other => panic!("{other:?}"),
    }
}

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
    let (kind, content) =
        other(json!({ "type": "m.sticker", "content": { "body": "hi", "url": "mxc://a/b" } }));
    assert_eq!(kind, "m.sticker");
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

#[test]
fn men_11_hostile_html_is_bounded_and_inert() {
    for unit in [
        "<b>",
        "<div>",
        "<blockquote>",
        "<ul><li>",
        "<table><tr><td>",
        "<a href=\"https://a.test\">x",
        "<a href=\"https://matrix.to/#/@b:hs.test\">x</a>",
        "<details><summary>",
        "<p><i><u>",
        "</b>",
        "<mx-reply>",
        "<pre>\n",
        "&amp;",
        "<br>",
        "<svg><script>",
        "<math><mtext><style>",
        "<img src=\"mxc://a/b\" alt=\"x\">",
        "<!--",
        "<![CDATA[",
        "<span data-mx-spoiler=\"r\">",
    ] {
        let formatted = unit.repeat(64 * 1024 / unit.len());
        let read = html(&formatted);
        let safe = read.formatted.expect("HTML");
        assert!(read.pills.len() <= 100);
        assert!(
            read.text.len() <= 1024 * 1024,
            "{unit}: {}",
            read.text.len()
        );
        // What is handed on nests at most a hundred deep, so any parser can read it.
        assert_inert(&safe);
    }
}

#[test]
fn men_11_handed_on_html_has_allowed_tags_only() {
    let read = html(
        "<p onclick=\"x\">a <a href=\"javascript:x\">b</a> <a href=\"HTTPS://a.test\" onmouseover=\"x\" target=\"_self\">c</a>\
         <img src=\"https://a.test/i.png\" alt=\"d\" onerror=\"x\"><code class=\"evil language-js\">e</code>\
         <span style=\"position:fixed\" data-mx-color=\"#00ff00\">f</span><iframe src=x></iframe>",
    );
    let formatted = read.formatted.expect("HTML");
    assert_eq!(
        formatted,
        "<p>a <a>b</a> <a href=\"HTTPS://a.test\">c</a>d<code class=\"language-js\">e</code>\
         <span data-mx-color=\"#00ff00\">f</span></p>"
    );
    assert_inert(&formatted);
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

fn any_html() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "</?(a|b|p|li|ul|ol|pre|code|span|div|table|tr|td|img|details|summary|mx-reply|script|u|font)>",
        Just("<a href=\"https://matrix.to/#/@b:hs.test\">".to_owned()),
        Just("<a href=\"javascript:x\" onclick='y'>".to_owned()),
        Just("<img src=\"mxc://a/b\" alt=\"x\" onerror=z>".to_owned()),
        Just("<span data-mx-spoiler data-mx-color=#000000 data-mx-bg-color=#000000>".to_owned()),
        Just("<".to_owned()),
        Just("<!--".to_owned()),
        Just("&#0;&lt".to_owned()),
        "\\PC{0,8}",
        "[ \n]{1,3}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
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

    #[test]
    fn ses_12_no_bytes_make_the_parser_panic(json in "\\PC*") {
        prop_assert!(parse(&stored_json(json), user_id!("@bot:hs.test")).is_some());
    }

    #[test]
    fn men_11_whatever_html_arrives_is_handed_on_inert(formatted in any_html()) {
        assert_inert(&html(&formatted).formatted.expect("HTML"));
    }
}
