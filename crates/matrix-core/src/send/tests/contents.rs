//! Relations, edits, reactions, redactions.

use ruma::{event_id, room_id};
use serde_json::json;

use super::*;

pub(super) fn edit(markdown: &str) -> EditText {
    EditText {
        room_id: room_id!("!room:hs.test").to_owned(),
        event_id: event_id!("$original").to_owned(),
        markdown: markdown.to_owned(),
        kind: TextKind::Text,
        key: None,
        live: false,
        tables: Tables::Block,
        draft: false,
        finalized: false,
        extra: Default::default(),
        wait_ms: None,
    }
}

#[test]
fn thr_4_threads_and_replies() {
    let mut request = text("a\n\nb");
    request.chunk_mode = ChunkMode::Newline;
    request.target.thread_root_id = Some(event_id!("$root").to_owned());
    let falling_back = json!({
        "rel_type": "m.thread", "event_id": "$root", "is_falling_back": true,
        "m.in_reply_to": { "event_id": "$root" },
    });
    for part in text_parts(&request) {
        assert_eq!(part.content["m.relates_to"], falling_back);
    }
    request.target.reply_to_id = Some(event_id!("$quoted").to_owned());
    let parts = text_parts(&request);
    assert_eq!(
        parts[0].content["m.relates_to"],
        json!({
            "rel_type": "m.thread", "event_id": "$root", "is_falling_back": false,
            "m.in_reply_to": { "event_id": "$quoted" },
        })
    );
    assert_eq!(parts[1].content["m.relates_to"], falling_back);
    request.target.thread_root_id = None;
    let parts = text_parts(&request);
    assert_eq!(
        parts[0].content["m.relates_to"],
        json!({ "m.in_reply_to": { "event_id": "$quoted" } })
    );
    assert_eq!(parts[1].content.get("m.relates_to"), None);
}

#[test]
fn men_9_edits_notify_only_whom_they_add() {
    let request = edit("@a:hs.test and @b:hs.test");
    let part = edit_part_naming(&request, &["@a:hs.test".to_owned()]);
    assert_eq!(
        part.content["m.mentions"],
        json!({ "user_ids": ["@b:hs.test"] })
    );
    assert_eq!(
        part.content["m.new_content"]["m.mentions"],
        json!({ "user_ids": ["@a:hs.test", "@b:hs.test"] })
    );
    assert_eq!(edit_part(&request).content["m.mentions"], json!({}));
}

#[test]
fn str_2_edits_carry_new_content_fallback_and_live_marker() {
    let mut request = edit("**done**");
    request.live = true;
    assert_eq!(
        edit_part(&request).content,
        json!({
            "msgtype": "m.text", "body": "* **done**", "format": "org.matrix.custom.html",
            "formatted_body": "* <strong>done</strong>", "m.mentions": {},
            "org.matrix.msc4357.live": {},
            "m.new_content": {
                "msgtype": "m.text", "body": "**done**", "format": "org.matrix.custom.html",
                "formatted_body": "<strong>done</strong>", "m.mentions": {},
                "org.matrix.msc4357.live": {},
            },
            "m.relates_to": { "rel_type": "m.replace", "event_id": "$original" },
        })
    );
    let mut request = text("draft");
    request.live = true;
    assert_eq!(content(&request)["org.matrix.msc4357.live"], json!({}));
}

#[test]
fn rea_1_reactions_and_redactions() {
    let part = reaction_part(event_id!("$e"), "👍");
    assert_eq!(part.event_type, "m.reaction");
    assert_eq!(
        part.content,
        json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$e", "key": "👍" } })
    );
    let part = redaction_part(event_id!("$e"), Some("why"));
    assert_eq!(part.event_type, "m.room.redaction");
    assert_eq!(part.content, json!({ "redacts": "$e", "reason": "why" }));
    assert_eq!(
        redaction_part(event_id!("$e"), None).content,
        json!({ "redacts": "$e" })
    );
}

#[test]
fn apr_8_further_content_is_in_the_first_event_and_in_both_halves_of_an_edit() {
    let extra = Extra::from_json(Some(
        r#"{"com.openclaw.approval":{"id":"a1"},"body":"forged","m.relates_to":{}}"#,
    ))
    .unwrap();
    let mut request = text("first\n\nsecond");
    request.chunk_mode = ChunkMode::Newline;
    request.extra = extra.clone();
    let parts = text_parts(&request);
    assert_eq!(parts.len(), 2);
    assert_eq!(
        parts[0].content["com.openclaw.approval"],
        json!({ "id": "a1" })
    );
    assert_eq!(parts[0].content["body"], "first");
    assert_eq!(parts[0].content.get("m.relates_to"), None);
    assert_eq!(parts[1].content.get("com.openclaw.approval"), None);

    let mut request = edit("done");
    request.extra = extra;
    let content = edit_part(&request).content;
    for half in [&content, &content["m.new_content"]] {
        assert_eq!(half["com.openclaw.approval"], json!({ "id": "a1" }));
    }
    assert_eq!(content["m.relates_to"]["rel_type"], "m.replace");
    assert_eq!(content["m.new_content"]["body"], "done");

    let refused = Extra::from_json(Some("[1]")).unwrap_err();
    assert_eq!(refused.code, ErrorCode::ConfigInvalid);
}

#[test]
fn pre_1_further_content_that_is_too_large_leaves_the_words_alone() {
    let mut request = text("words");
    let large = "x".repeat(30_000);
    request
        .extra
        .content
        .insert("com.openclaw.presentation".to_owned(), large.into());
    let content = content(&request);
    assert_eq!(content["body"], "words");
    assert_eq!(content.get("com.openclaw.presentation"), None);
}
