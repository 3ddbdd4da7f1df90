//! SES-12: what is edited or taken back before it is handed out.

use serde_json::{Value, json};

use super::*;
use crate::event::Proof;

const ROOM: &str = "!a:example.org";

fn message(key: &str, body: &str) -> NewEvent {
    NewEvent {
        json: json!({
            "type": "m.room.message", "event_id": key, "sender": "@alice:example.org",
            "content": {"msgtype": "m.text", "body": body},
        })
        .to_string(),
        ..event(ROOM, key)
    }
}

fn edit(key: &str, target: &str, body: &str) -> NewEvent {
    NewEvent {
        json: json!({
            "type": "m.room.message", "event_id": key, "sender": "@alice:example.org",
            "content": {
                "msgtype": "m.text", "body": format!("* {body}"),
                "m.new_content": {"msgtype": "m.text", "body": body},
                "m.relates_to": {"rel_type": "m.replace", "event_id": target},
            },
        })
        .to_string(),
        ..event(ROOM, key)
    }
}

fn redaction(key: &str, target: &str) -> NewEvent {
    NewEvent {
        json: json!({
            "type": "m.room.redaction", "event_id": key, "sender": "@alice:example.org",
            "redacts": target, "content": {},
        })
        .to_string(),
        encrypted: false,
        ..event(ROOM, key)
    }
}

/// The text the agent gets, as it is read out of the row.
fn text(row: &StoredEvent) -> String {
    match crate::event::parse(row, ruma::user_id!("@bot:example.org")) {
        Some(crate::event::InboundEvent::Message { text, .. }) => text,
        other => panic!("no message: {other:?}"),
    }
}

#[tokio::test]
async fn ses_12_edits_that_are_ignored_change_nothing_until_they_count_again() {
    let home = Home::new();
    let inbox = home.open().await;
    inbox.apply_edits(false).await.unwrap();
    inbox
        .commit(step(
            "t1",
            vec![message("$1", "first"), message("$2", "one")],
        ))
        .await
        .unwrap();
    inbox
        .commit(step("t2", vec![edit("$e1", "$1", "second")]))
        .await
        .unwrap();
    inbox.apply_edits(true).await.unwrap();
    inbox
        .commit(step("t3", vec![edit("$e2", "$2", "two")]))
        .await
        .unwrap();
    let rows = inbox.next_batch(10).await.unwrap().unwrap();
    assert_eq!([text(&rows[0]), text(&rows[1])], ["first", "two"]);
}

#[tokio::test]
async fn ses_12_a_waiting_message_is_handed_out_with_its_newest_text() {
    let home = Home::new();
    let inbox = home.open().await;
    inbox
        .commit(step("t1", vec![message("$1", "first")]))
        .await
        .unwrap();
    let mut newest = edit("$3", "$1", "third");
    newest.origin_server_ts += 10;
    inbox
        .commit(step("t2", vec![newest, edit("$2", "$1", "second")]))
        .await
        .unwrap();
    let inbox = home.crash(inbox).await;
    let rows = inbox.next_batch(10).await.unwrap().unwrap();
    assert_eq!(keys(&rows), ["$1", "$3", "$2"]);
    assert_eq!(text(&rows[0]), "third");
}

#[tokio::test]
async fn ses_12_only_the_sender_edits_and_nobody_in_the_clear_what_was_encrypted() {
    let home = Home::new();
    let inbox = home.open().await;
    let foreign = NewEvent {
        sender: UserId::parse("@mallory:example.org").unwrap(),
        ..edit("$2", "$1", "not mine")
    };
    let clear = NewEvent {
        encrypted: false,
        ..edit("$3", "$1", "the homeserver's")
    };
    let elsewhere = NewEvent {
        room_id: RoomId::parse("!b:example.org").unwrap(),
        ..edit("$4", "$1", "of another room")
    };
    inbox
        .commit(step(
            "t1",
            vec![message("$1", "as written"), foreign, clear, elsewhere],
        ))
        .await
        .unwrap();
    let rows = inbox.next_batch(10).await.unwrap().unwrap();
    assert_eq!(text(&rows[0]), "as written");
}

#[tokio::test]
async fn ses_12_what_was_handed_out_keeps_its_text() {
    let home = Home::new();
    let inbox = home.open().await;
    inbox
        .commit(step("t1", vec![message("$1", "first")]))
        .await
        .unwrap();
    let first = inbox.next_batch(10).await.unwrap().unwrap();
    inbox
        .commit(step("t2", vec![edit("$2", "$1", "second")]))
        .await
        .unwrap();
    assert_eq!(keys(&ready(&inbox).await), ["$2"]);
    assert_eq!(text(&first[0]), "first");
}

#[tokio::test]
async fn ses_12_an_edit_waits_for_the_late_key_of_its_message() {
    let home = Home::new();
    let inbox = home.open().await;
    let mut locked = step(
        "t1",
        vec![edit("$2", "$1", "second"), message("$3", "another")],
    );
    locked.undecryptable = vec![locked_event(ROOM, "$1", "missing-session")];
    inbox.commit(locked).await.unwrap();
    let inbox = home.crash(inbox).await;
    let rows = ready(&inbox).await;
    assert_eq!(keys(&rows), ["$3"], "nobody waits for the edit");
    let waiting = inbox.undecryptable(None).await.unwrap().remove(0);
    assert!(
        inbox
            .readable(waiting, message("$1", "first"))
            .await
            .unwrap()
    );
    let rows = inbox.next_batch(10).await.unwrap().unwrap();
    let answered = rows.iter().find(|row| row.event.key == "$1").unwrap();
    assert_eq!(text(answered), "second");
}

#[tokio::test]
async fn ses_12_what_is_taken_back_while_it_waits_is_never_handed_out() {
    let home = Home::new();
    let inbox = home.open().await;
    let mut first = step("t1", vec![message("$1", "waits"), message("$2", "stays")]);
    first.undecryptable = vec![locked_event(ROOM, "$3", "missing-session")];
    inbox.commit(first).await.unwrap();
    let waiting = inbox.undecryptable(None).await.unwrap().remove(0);
    inbox
        .commit(step(
            "t2",
            vec![redaction("$4", "$1"), redaction("$5", "$3")],
        ))
        .await
        .unwrap();
    let inbox = home.crash(inbox).await;
    assert!(inbox.undecryptable(None).await.unwrap().is_empty());
    // Its key comes after all, and the step a second time.
    assert!(!inbox.readable(waiting, message("$3", "x")).await.unwrap());
    let mut again = step("t2", vec![message("$1", "waits")]);
    again.undecryptable = vec![locked_event(ROOM, "$3", "missing-session")];
    inbox.commit(again).await.unwrap();
    assert!(inbox.undecryptable(None).await.unwrap().is_empty());
    assert_eq!(keys(&ready(&inbox).await), ["$2", "$4", "$5"]);
}

#[tokio::test]
async fn ses_12_a_redaction_inside_an_encrypted_event_takes_nothing_back() {
    let home = Home::new();
    let inbox = home.open().await;
    let forged = NewEvent {
        encrypted: true,
        ..redaction("$2", "$1")
    };
    inbox
        .commit(step("t1", vec![message("$1", "stays"), forged]))
        .await
        .unwrap();
    assert_eq!(keys(&ready(&inbox).await), ["$1", "$2"]);
}

#[tokio::test]
async fn ses_12_a_dead_letter_that_is_taken_back_is_none_any_more() {
    let home = Home::new();
    let inbox = home.open().await;
    inbox
        .commit(step("t1", vec![message("$1", "fails")]))
        .await
        .unwrap();
    for _ in 0..3 {
        inbox.inner.file.clock.advance(Duration::from_secs(60));
        let rows = inbox.next_batch(1).await.unwrap().unwrap();
        inbox.fail(rows[0].seq, "no model").await.unwrap();
    }
    assert_eq!(inbox.counts().await.unwrap().dead_letters, 1);
    inbox
        .commit(step("t2", vec![redaction("$2", "$1")]))
        .await
        .unwrap();
    assert_eq!(inbox.counts().await.unwrap().dead_letters, 0);
}

#[tokio::test]
async fn enc_12_an_edit_from_a_lesser_device_makes_the_message_no_better_than_that() {
    use crate::event::SenderTrust::{CrossSigned, Unsigned};
    let home = Home::new();
    let inbox = home.open().await;
    let by = |mut event: NewEvent, trust, session: &str| {
        event.encrypted = true;
        event.trust = Some(Proof {
            trust,
            session_id: Some(session.to_owned()),
        });
        event
    };
    let signed = by(message("$1", "first"), CrossSigned, "phone");
    let unsigned = by(edit("$2", "$1", "second"), Unsigned, "stolen");
    inbox
        .commit(step("t1", vec![signed.clone(), unsigned.clone()]))
        .await
        .unwrap();
    let rows = inbox.next_batch(1).await.unwrap().unwrap();
    assert!(rows[0].event.json.contains("second"));
    assert_eq!(rows[0].event.trust, unsigned.trust);
    // The other way round it is no better either.
    let edited = crate::event::with_edit(
        &by(message("$3", "first"), Unsigned, "stolen"),
        &by(edit("$4", "$3", "second"), CrossSigned, "phone"),
    );
    assert_eq!(edited.unwrap().trust, unsigned.trust);
}

#[test]
fn ses_12_a_bundled_edit_replaces_an_older_one_alone() {
    let mut message = message("$1", "first");
    let mut old = edit("$2", "$1", "second");
    old.origin_server_ts = 5;
    message = crate::event::with_edit(&message, &old).unwrap();
    let mut older = edit("$0", "$1", "zeroth");
    older.origin_server_ts = 4;
    assert!(crate::event::with_edit(&message, &older).is_none());
    assert!(crate::event::with_edit(&message, &old).is_none());
    let json: Value = serde_json::from_str(&message.json).unwrap();
    assert_eq!(
        json["unsigned"]["m.relations"]["m.replace"]["event_id"],
        "$2"
    );
}
