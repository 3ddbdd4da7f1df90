//! Polls in, in all the spellings that are sent (MSC3381).

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn poll(event_type: &str, content: Value) -> Option<InboundEvent> {
    let mut event = event(content);
    event["type"] = event_type.into();
    read(&event)
}

fn asked(event_type: &str, content: Value) -> (MessageKind, String, Option<String>) {
    match poll(event_type, content) {
        Some(InboundEvent::Message {
            kind,
            text,
            thread_root_id,
            ..
        }) => (kind, text, thread_root_id),
        other => panic!("no poll: {other:?}"),
    }
}

const TEXT: &str = "Which?\n1. Tea\n2. Coffee";

#[test]
fn pol_3_a_poll_is_its_question_and_numbered_answers() {
    let unstable = json!({
        "org.matrix.msc1767.text": "fallback",
        "org.matrix.msc3381.poll.start": {
            "question": { "org.matrix.msc1767.text": "Which?" },
            "kind": "org.matrix.msc3381.poll.disclosed", "max_selections": 1,
            "answers": [
                { "id": "a", "org.matrix.msc1767.text": "Tea" },
                { "id": "b", "org.matrix.msc1767.text": "Coffee" },
            ],
        },
        "m.relates_to": { "rel_type": "m.thread", "event_id": "$root" },
    });
    assert_eq!(
        asked("org.matrix.msc3381.poll.start", unstable),
        (MessageKind::Poll, TEXT.to_owned(), Some("$root".to_owned()))
    );
    let stable = json!({
        "m.poll": {
            "question": { "m.text": [{ "body": "Which?" }] },
            "answers": [
                { "m.id": "a", "m.text": [{ "body": "Tea" }] },
                { "m.id": "b", "m.text": [{ "mimetype": "text/plain", "body": "Coffee" }] },
            ],
        },
    });
    assert_eq!(asked("m.poll.start", stable).1, TEXT);
    // What another plugin sends: the stable type with strings.
    let odd = json!({
        "m.poll.start": {
            "question": { "m.text": "Which?" },
            "answers": [{ "id": "a", "m.text": "Tea" }, { "id": "b", "m.text": "Coffee" }],
        },
    });
    assert_eq!(asked("m.poll.start", odd).1, TEXT);
}

#[test]
fn pol_3_what_cannot_be_answered_is_no_poll() {
    for content in [
        json!({}),
        json!({ "org.matrix.msc3381.poll.start": { "question": { "body": "Which?" }, "answers": [] } }),
        json!({ "org.matrix.msc3381.poll.start": { "question": {}, "answers": [{ "id": "a", "body": "Tea" }] } }),
        json!({ "org.matrix.msc3381.poll.start": 3 }),
    ] {
        let read = poll("org.matrix.msc3381.poll.start", content.clone());
        assert!(
            matches!(&read, Some(InboundEvent::Other { .. })),
            "{content}: {read:?}"
        );
    }
}

#[test]
fn pol_4_votes_name_their_answers() {
    let response = |content: Value| poll_response(content.as_object().unwrap());
    let relation = json!({ "rel_type": "m.reference", "event_id": "$poll" });
    let expected = Some(("$poll".to_owned(), vec!["a".to_owned()]));
    assert_eq!(
        response(json!({
            "m.relates_to": relation, "org.matrix.msc3381.poll.response": { "answers": ["a", 3] },
        })),
        expected
    );
    assert_eq!(
        response(json!({ "m.relates_to": relation, "m.selections": ["a"] })),
        expected
    );
    assert_eq!(response(json!({ "m.selections": ["a"] })), None);
}

proptest! {
    #[test]
    fn pol_3_no_poll_breaks_the_reader(question in ".{0,50}", answers in prop::collection::vec(".{0,20}", 0..30)) {
        let answers: Vec<Value> = answers.iter().map(|text| json!({ "id": text, "m.text": text })).collect();
        let content = json!({ "m.poll.start": { "question": { "m.text": question }, "answers": answers, "max_selections": -3 } });
        let read = poll("m.poll.start", content);
        prop_assert!(read.is_some());
    }
}
