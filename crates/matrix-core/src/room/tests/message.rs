//! Single messages.

use std::collections::HashMap;

use matrix_sdk::Room;
use ruma::{event_id, room_id};
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path, path_regex},
};

use super::*;

async fn one_room(server: &MatrixMockServer, client: &Client) -> Room {
    let builder = room_with(room_id!("!room:hs.test"), 2, [joined(OWN), joined(ALICE)]);
    sync(server, client, vec![builder], &[]).await;
    client
        .get_room(room_id!("!room:hs.test"))
        .expect("the room")
}

async fn event(server: &MatrixMockServer, event: Value) {
    let id = event["event_id"].as_str().expect("an id").to_owned();
    Mock::given(method("GET"))
        .and(path(format!("/_matrix/client/v3/rooms/{ROOM}/event/{id}")))
        .respond_with(ResponseTemplate::new(200).set_body_json(event))
        .mount(server.server())
        .await;
}

#[tokio::test]
async fn thr_6_messages_are_looked_up_in_their_room() {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    let room = one_room(&server, &client).await;
    let message = |id: &str, content: Value, unsigned: Value| {
        json!({
            "type": "m.room.message", "event_id": id, "room_id": ROOM, "sender": ALICE,
            "origin_server_ts": 77, "content": content, "unsigned": unsigned,
        })
    };
    let edit = json!({ "m.relations": { "m.replace": message("$edit", json!({
        "msgtype": "m.text", "body": "* new", "m.new_content": {
            "msgtype": "m.text", "body": "new", "m.mentions": { "user_ids": ["@new:hs.test"] },
        },
        "m.relates_to": { "rel_type": "m.replace", "event_id": "$said" },
    }), json!({})) } });
    let content = json!({
        "msgtype": "m.text", "body": "old", "m.mentions": { "user_ids": ["@old:hs.test"] },
        "m.relates_to": { "rel_type": "m.thread", "event_id": "$root" },
    });
    event(&server, message("$said", content, edit)).await;
    let said = fetched(&room, event_id!("$said"))
        .await
        .expect("asked")
        .expect("there");
    assert_eq!((said.text.as_str(), said.kind), ("new", MessageKind::Text));
    assert_eq!(
        (said.sender.as_str(), said.sender_name.as_deref()),
        (ALICE, Some("Name"))
    );
    assert_eq!(
        (said.origin_server_ts, said.thread_root_id.as_deref()),
        (77, Some("$root"))
    );
    assert_eq!(said.unavailable, None);
    let whom = mentioned(&room, event_id!("$said")).await.expect("asked");
    assert_eq!(whom, Some(vec!["@new:hs.test".to_owned()]));

    let because = json!({ "redacted_because": { "type": "m.room.redaction", "event_id": "$r" } });
    event(&server, message("$gone", json!({}), because)).await;
    let mut secret = message(
        "$secret",
        json!({
            "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AwgAEnAC", "sender_key": "k",
            "device_id": "D", "session_id": "s",
        }),
        json!({}),
    );
    secret["type"] = json!("m.room.encrypted");
    event(&server, secret).await;
    let mut vote = message("$vote", json!({ "m.relates_to": {} }), json!({}));
    vote["type"] = json!("m.poll.response");
    event(&server, vote).await;
    for (id, why) in [
        (event_id!("$gone"), Unavailable::Redacted),
        (event_id!("$secret"), Unavailable::Undecryptable),
        (event_id!("$vote"), Unavailable::NotAMessage),
    ] {
        assert_eq!(mentioned(&room, id).await.expect("asked"), None);
        let found = fetched(&room, id).await.expect("asked").expect("there");
        assert_eq!(
            (found.unavailable, found.text.as_str()),
            (Some(why), ""),
            "{id}"
        );
    }

    let mut elsewhere = message(
        "$else",
        json!({ "msgtype": "m.text", "body": "x" }),
        json!({}),
    );
    elsewhere["room_id"] = json!("!other:hs.test");
    event(&server, elsewhere).await;
    assert!(
        fetched(&room, event_id!("$else"))
            .await
            .expect("asked")
            .is_none()
    );
    Mock::given(path_regex("/event/.none$"))
        .respond_with(
            ResponseTemplate::new(404)
                .set_body_json(json!({ "errcode": "M_NOT_FOUND", "error": "x" })),
        )
        .mount(server.server())
        .await;
    assert!(
        fetched(&room, event_id!("$none"))
            .await
            .expect("asked")
            .is_none()
    );
}

#[test]
fn inv_6_a_page_of_history_is_read_in_its_newest_wording() {
    let event = |id: &str, sender: &str, content: Value| crate::event::NewEvent {
        key: id.to_owned(),
        room_id: room_id!("!room:hs.test").to_owned(),
        sender: ruma::UserId::parse(sender).expect("a user id"),
        origin_server_ts: 1,
        json: json!({
            "type": "m.room.message", "event_id": id, "sender": sender, "room_id": ROOM,
            "origin_server_ts": 1, "content": content,
        })
        .to_string(),
        encrypted: false,
        trust: None,
        late: true,
    };
    let text = |body: &str| json!({ "msgtype": "m.text", "body": body });
    let edit = |target: &str, body: &str| {
        json!({
            "msgtype": "m.text", "body": format!("* {body}"), "m.new_content": text(body),
            "m.relates_to": { "rel_type": "m.replace", "event_id": target },
        })
    };
    let own = ruma::user_id!("@example:localhost");
    let mut edits = HashMap::new();
    // The newer page: an edit of something older, one that was edited again, one by a stranger.
    let newer = vec![
        event("$late", ALICE, text("late")),
        event("$e1", ALICE, edit("$old", "old, corrected")),
        event("$e2", ALICE, edit("$late", "late, once")),
        event("$e3", ALICE, edit("$late", "late, twice")),
        event("$e4", "@mallory:hs.test", edit("$late", "forged")),
    ];
    let newer = of_history(newer, own, &mut edits);
    let older = of_history(vec![event("$old", ALICE, text("old"))], own, &mut edits);
    let texts: Vec<&str> = older
        .iter()
        .chain(&newer)
        .map(|one| one.text.as_str())
        .collect();
    assert_eq!(texts, ["old, corrected", "late, twice"]);
}
