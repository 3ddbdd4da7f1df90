//! Sending and looking up.

use ruma::{RoomId, TransactionId, event_id, room_id, user_id};
use serde_json::{Value, json};
use wiremock::{
    Mock,
    matchers::{method, path_regex},
};

use super::rig::{ME, Rig, answer, message, news, ok, own_join, refusal, silence, whole_room};
use crate::{
    ErrorCode,
    engine::Engine,
    event::Membership,
    room::{CREATOR_POWER, Unavailable},
};

const STATE: &str = "/_matrix/client/v3/rooms/!room:example.org/state";
const ENCRYPTION: &str = "/_matrix/client/v3/rooms/!room:example.org/state/m.room.encryption/";

fn room() -> &'static RoomId {
    room_id!("!room:example.org")
}

/// Takes whatever is sent.
async fn take(rig: &Rig) {
    Mock::given(method("PUT"))
        .and(path_regex("^/_matrix/client/v3/rooms/[^/]+/(send|redact)/"))
        .respond_with(ok(json!({ "event_id": "$sent" })))
        .mount(&rig.server)
        .await;
}

async fn puts(rig: &Rig) -> Vec<(String, Value)> {
    let requests = rig.server.received_requests().await.unwrap();
    requests
        .iter()
        .filter(|request| request.method.as_str() == "PUT")
        .map(|request| (request.url.path().to_owned(), request.body_json().unwrap()))
        .collect()
}

async fn send(rig: &Rig) -> crate::Result<ruma::OwnedEventId> {
    let inbox = rig.inbox().await;
    let txn: &TransactionId = "txn-1".into();
    rig.engine(&inbox)
        .send_event(room(), "m.room.message", json!({ "body": "hi" }), txn)
        .await
}

#[tokio::test]
async fn out_9_an_unknown_room_is_asked_before_plain_text_goes_out() {
    let rig = Rig::new().await;
    take(&rig).await;
    rig.get(ENCRYPTION, refusal(404, "M_NOT_FOUND")).await;
    assert_eq!(send(&rig).await.unwrap(), "$sent");
    let puts = puts(&rig).await;
    assert_eq!(puts.len(), 1);
    assert!(
        puts[0].0.ends_with("/send/m.room.message/txn-1"),
        "{}",
        puts[0].0
    );
}

#[tokio::test]
async fn out_9_an_encrypted_room_gets_no_plain_text() {
    let rig = Rig::new().await;
    take(&rig).await;
    rig.get(
        ENCRYPTION,
        ok(json!({ "algorithm": "m.megolm.v1.aes-sha2" })),
    )
    .await;
    let error = send(&rig).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert!(
        error.message.contains("`encryption: true`"),
        "{}",
        error.message
    );
    assert_eq!(puts(&rig).await, []);
}

#[tokio::test]
async fn out_9_without_a_word_of_the_homeserver_nothing_is_sent() {
    for answer in [
        refusal(403, "M_FORBIDDEN"),
        wiremock::ResponseTemplate::new(404),
    ] {
        let rig = Rig::new().await;
        take(&rig).await;
        rig.get(ENCRYPTION, answer).await;
        send(&rig).await.unwrap_err();
        assert_eq!(puts(&rig).await, []);
    }
}

#[tokio::test]
async fn out_9_a_room_that_becomes_encrypted_is_closed_at_once() {
    let rig = Rig::new().await;
    take(&rig).await;
    let inbox = rig.inbox().await;
    let engine = rig.engine(&inbox);
    let switch = json!({
        "type": "m.room.encryption", "event_id": "$on", "sender": "@alice:example.org",
        "state_key": "", "origin_server_ts": 1, "content": {},
    });
    rig.says(None, answer("1", whole_room(&["$old"])), 1).await;
    rig.says(
        Some("1"),
        answer(
            "2",
            json!({ "!room:example.org": { "timeline": [switch] } }),
        ),
        1,
    )
    .await;
    rig.says(Some("2"), silence("2"), 1).await;
    let _running = rig.run(&engine);
    rig.asked(3).await;
    let txn: &TransactionId = "txn".into();
    let error = engine
        .send_event(room(), "m.room.message", json!({}), txn)
        .await
        .unwrap_err();
    assert_eq!(error.code, ErrorCode::Forbidden);
    assert_eq!(puts(&rig).await, []);
}

#[tokio::test]
async fn a_redaction_goes_through_its_own_endpoint() {
    let rig = Rig::new().await;
    take(&rig).await;
    let inbox = rig.inbox().await;
    let txn: &TransactionId = "txn".into();
    let content = json!({ "redacts": "$target", "reason": "typo" });
    rig.engine(&inbox)
        .send_event(room(), "m.room.redaction", content, txn)
        .await
        .unwrap();
    let puts = puts(&rig).await;
    assert!(puts[0].0.ends_with("/redact/$target/txn"), "{}", puts[0].0);
    assert_eq!(puts[0].1, json!({ "reason": "typo" }));
}

#[tokio::test]
async fn a_room_is_described_by_its_state() {
    let rig = Rig::new().await;
    let state = |event_type: &str, state_key: &str, content: Value| {
        json!({
            "type": event_type, "state_key": state_key, "content": content,
            "sender": "@alice:example.org", "event_id": "$s", "origin_server_ts": 1,
        })
    };
    rig.get(
        STATE,
        ok(json!([
            state("m.room.create", "", json!({ "room_version": "12" })),
            state("m.room.name", "", json!({ "name": "Tea" })),
            state("m.room.topic", "", json!({ "topic": "" })),
            state(
                "m.room.canonical_alias",
                "",
                json!({
                "alias": "#tea:example.org", "alt_aliases": ["#t:example.org", 7] })
            ),
            state("m.room.power_levels", "", json!({ "users": { ME: 50 } })),
            state(
                "io.element.functional_members",
                "",
                json!({ "service_members": ["@b:x"] })
            ),
            state(
                "m.room.member",
                "@alice:example.org",
                json!({ "membership": "join" })
            ),
            state(
                "m.room.member",
                "@gone:example.org",
                json!({ "membership": "leave" })
            ),
            state(
                "m.room.member",
                ME,
                json!({ "membership": "join", "is_direct": true })
            ),
        ])),
    )
    .await;
    rig.get(
        "/_matrix/client/v3/user/@bot:example.org/account_data/m.direct",
        ok(json!({ "@alice:example.org": ["!room:example.org"], "nonsense": 5 })),
    )
    .await;
    rig.get(
        &format!("{STATE}/m.room.member/@alice:example.org"),
        ok(json!({ "membership": "join", "displayname": "Alice" })),
    )
    .await;
    rig.get(
        &format!("{STATE}/m.room.member/{ME}"),
        ok(json!({ "membership": "join" })),
    )
    .await;
    rig.get(
        &format!("{STATE}/m.room.member/@nobody:example.org"),
        refusal(404, "M_NOT_FOUND"),
    )
    .await;

    let inbox = rig.inbox().await;
    let engine = rig.engine(&inbox);
    let info = engine.room_info(room()).await.unwrap();
    assert_eq!(info.name.as_deref(), Some("Tea"));
    assert_eq!(info.topic, None);
    assert_eq!(info.canonical_alias.as_deref(), Some("#tea:example.org"));
    assert_eq!(info.alt_aliases, ["#t:example.org"]);
    assert_eq!(info.membership, Membership::Join);
    assert_eq!(info.other_members, ["@alice:example.org"]);
    assert_eq!(info.service_members, ["@b:x"]);
    assert_eq!(info.direct_targets, ["@alice:example.org"]);
    assert_eq!(
        (info.joined_member_count, info.invited_member_count),
        (2, 0)
    );
    assert!(info.member_is_direct && !info.encrypted);

    let direct = engine
        .direct_candidates(user_id!("@alice:example.org"))
        .await;
    assert_eq!(direct.unwrap(), [room()]);

    let alice = engine.member(room(), user_id!("@alice:example.org")).await;
    let alice = alice.unwrap().unwrap();
    assert_eq!(alice.display_name.as_deref(), Some("Alice"));
    assert_eq!(
        alice.power_level, CREATOR_POWER,
        "a creator of a version 12 room"
    );
    let me = engine.member(room(), user_id!("@bot:example.org")).await;
    assert_eq!(me.unwrap().unwrap().power_level, 50);
    let nobody = engine.member(room(), user_id!("@nobody:example.org")).await;
    assert!(nobody.unwrap().is_none());
}

#[tokio::test]
async fn rooms_that_cannot_serve_as_a_dm_are_no_candidates() {
    let rig = Rig::new().await;
    let member = |id: &str, membership: &str| {
        json!({ "type": "m.room.member", "state_key": id, "sender": id,
            "content": { "membership": membership } })
    };
    let state = |event_type: &str, content: Value| json!({ "type": event_type, "state_key": "", "sender": ME, "content": content });
    let (alice, bob) = ("@alice:example.org", "@bob:example.org");
    let (me, joined) = (member(ME, "join"), member(alice, "join"));
    let algorithm = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
    let service = json!({ "service_members": [bob] });
    for (room, state) in [
        ("!asked:x", json!([me, member(alice, "invite")])),
        ("!third:x", json!([me, joined, member(bob, "invite")])),
        (
            "!secret:x",
            json!([me, joined, state("m.room.encryption", algorithm)]),
        ),
        (
            "!old:x",
            json!([me, joined, state("m.room.tombstone", json!({}))]),
        ),
        ("!out:x", json!([member(ME, "leave"), joined])),
        (
            "!bridge:x",
            json!([
                me,
                joined,
                member(bob, "join"),
                state("io.element.functional_members", service),
            ]),
        ),
    ] {
        rig.get(&format!("/_matrix/client/v3/rooms/{room}/state"), ok(state))
            .await;
    }
    rig.get(
        "/_matrix/client/v3/rooms/!gone:x/state",
        refusal(403, "M_FORBIDDEN"),
    )
    .await;
    rig.get(
        "/_matrix/client/v3/user/@bot:example.org/account_data/m.direct",
        ok(json!({ alice: [
            "!asked:x", "!third:x", "!secret:x", "!old:x", "!out:x", "!gone:x", "!bridge:x",
        ]})),
    )
    .await;
    let inbox = rig.inbox().await;
    let found = rig
        .engine(&inbox)
        .direct_candidates(user_id!("@alice:example.org"))
        .await;
    assert_eq!(found.unwrap(), ["!bridge:x", "!asked:x"]);
}

#[tokio::test]
async fn what_the_sync_tells_is_used_and_kept_up_to_date() {
    let rig = Rig::new().await;
    let inbox = rig.inbox().await;
    let engine = rig.engine(&inbox);
    let name = |name: &str| {
        json!({
            "type": "m.room.name", "event_id": "$n", "sender": "@alice:example.org",
            "state_key": "", "origin_server_ts": 1, "content": { "name": name },
        })
    };
    let mut rooms = whole_room(&["$old"]);
    rooms["!room:example.org"]["required_state"] = json!([own_join(), name("Tea")]);
    rooms["!room:example.org"]["joined_count"] = json!(300);
    rig.says(None, answer("1", rooms), 1).await;
    let mut rooms = news(&["$new"]);
    rooms["!room:example.org"]["required_state"] = json!([name("Coffee")]);
    rig.says(Some("1"), answer("2", rooms), 1).await;
    rig.says(Some("2"), silence("2"), 1).await;
    rig.get(
        "/_matrix/client/v3/user/@bot:example.org/account_data/m.direct",
        refusal(404, "M_NOT_FOUND"),
    )
    .await;
    let _running = rig.run(&engine);
    rig.asked(3).await;
    let info = engine.room_info(room()).await.unwrap();
    assert_eq!(info.name.as_deref(), Some("Coffee"));
    assert_eq!(info.joined_member_count, 300);
    assert_eq!(info.membership, Membership::Join);
}

#[tokio::test]
async fn messages_are_looked_up() {
    let rig = Rig::new().await;
    let event = |id: &str| format!("/_matrix/client/v3/rooms/!room:example.org/event/{id}");
    rig.get(&event("$m"), ok(message("$m"))).await;
    let mut redacted = message("$r");
    redacted["unsigned"] = json!({ "redacted_because": { "type": "m.room.redaction" } });
    redacted["content"] = json!({});
    rig.get(&event("$r"), ok(redacted)).await;
    let mut secret = message("$e");
    secret["type"] = "m.room.encrypted".into();
    rig.get(&event("$e"), ok(secret)).await;
    rig.get(&event("$none"), refusal(404, "M_NOT_FOUND")).await;
    rig.get(
        &format!("{STATE}/m.room.member/@alice:example.org"),
        ok(json!({ "membership": "join", "displayname": "Alice" })),
    )
    .await;
    let inbox = rig.inbox().await;
    let engine = rig.engine(&inbox);
    let found = engine
        .fetch_message(room(), event_id!("$m"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.text, "$m");
    assert_eq!(found.sender_name.as_deref(), Some("Alice"));
    let found = engine
        .fetch_message(room(), event_id!("$r"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.unavailable, Some(Unavailable::Redacted));
    let found = engine
        .fetch_message(room(), event_id!("$e"))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.unavailable, Some(Unavailable::Undecryptable));
    assert!(
        engine
            .fetch_message(room(), event_id!("$none"))
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn the_status_says_that_encryption_is_off_and_reads_only() {
    let rig = Rig::new().await;
    rig.get(
        "/_matrix/client/v3/devices/ELEMENT",
        ok(json!({ "device_id": "ELEMENT" })),
    )
    .await;
    let inbox = rig.inbox().await;
    let status = rig.engine(&inbox).encryption_status().await.unwrap();
    assert!(!status.encryption_enabled && !status.master_key_published);
    assert_eq!(status.server_device_known, Some(true));
    assert_eq!(status.device_id, "ELEMENT");
    rig.positions().await;
}
