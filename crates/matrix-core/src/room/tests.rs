use matrix_sdk::{Client, Room, test_utils::mocks::MatrixMockServer};
use matrix_sdk_test::JoinedRoomBuilder;
use ruma::{
    OwnedRoomId, RoomId, event_id,
    events::{AnySyncStateEvent, direct::DirectEventContent},
    owned_room_id, owned_user_id, room_id,
    serde::Raw,
    user_id,
};
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_partial_json, method, path, path_regex},
};

use super::*;
use crate::{
    config::{NetworkConfig, Secret},
    error::ErrorCode,
    http,
    rest::Rest,
};

/// The mock's logged-in user.
const OWN: &str = "@example:localhost";
const ALICE: &str = "@alice:hs.test";
const ROOM: &str = "!room:hs.test";

fn state(kind: &str, key: &str, content: Value) -> Raw<AnySyncStateEvent> {
    state_with(kind, key, content, json!({}))
}

fn state_with(kind: &str, key: &str, content: Value, unsigned: Value) -> Raw<AnySyncStateEvent> {
    let event = json!({
        "type": kind, "state_key": key, "content": content, "unsigned": unsigned,
        "event_id": format!("${}", kind.len() * 31 + key.len()),
        "sender": if kind == "m.room.member" { key } else { OWN }, "origin_server_ts": 1,
    });
    Raw::new(&event).expect("JSON").cast_unchecked()
}

fn joined(user_id: &str) -> Raw<AnySyncStateEvent> {
    state(
        "m.room.member",
        user_id,
        json!({ "membership": "join", "displayname": "Name" }),
    )
}

fn invited(user_id: &str) -> Raw<AnySyncStateEvent> {
    state("m.room.member", user_id, json!({ "membership": "invite" }))
}

fn encryption() -> Raw<AnySyncStateEvent> {
    state(
        "m.room.encryption",
        "",
        json!({ "algorithm": "m.megolm.v1.aes-sha2" }),
    )
}

fn create() -> Raw<AnySyncStateEvent> {
    state("m.room.create", "", json!({ "room_version": "11" }))
}

fn room_with(
    room_id: &RoomId,
    people: u64,
    state: impl IntoIterator<Item = Raw<AnySyncStateEvent>>,
) -> JoinedRoomBuilder {
    let mut builder = JoinedRoomBuilder::new(room_id)
        .set_room_summary(json!({ "m.joined_member_count": people, "m.invited_member_count": 0 }))
        .add_state_event(create());
    for event in state {
        builder = builder.add_state_event(event);
    }
    builder
}

async fn sync(
    server: &MatrixMockServer,
    client: &Client,
    rooms: Vec<JoinedRoomBuilder>,
    direct: &[(&str, &RoomId)],
) {
    let mut content = DirectEventContent::default();
    for (user_id, room_id) in direct {
        let user_id = ruma::UserId::parse(*user_id).expect("a user id");
        content
            .0
            .entry(user_id.into())
            .or_default()
            .push((*room_id).to_owned());
    }
    server
        .mock_sync()
        .ok_and_run(client, |builder| {
            for room in rooms {
                builder.add_joined_room(room);
            }
            builder
                .add_custom_global_account_data(json!({ "type": "m.direct", "content": content }));
        })
        .await;
}

async fn members(server: &MatrixMockServer, room_id: &str, members: &[Raw<AnySyncStateEvent>]) {
    let chunk: Vec<Value> = members
        .iter()
        .map(|raw| {
            let mut event: Value = serde_json::from_str(raw.json().get()).expect("JSON");
            event["room_id"] = room_id.into();
            event
        })
        .collect();
    Mock::given(method("GET"))
        .and(path(format!("/_matrix/client/v3/rooms/{room_id}/members")))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({ "chunk": chunk })))
        .expect(1)
        .mount(server.server())
        .await;
}

async fn one_room(server: &MatrixMockServer, client: &Client) -> Room {
    let builder = room_with(room_id!("!room:hs.test"), 2, [joined(OWN), joined(ALICE)]);
    sync(server, client, vec![builder], &[]).await;
    client
        .get_room(room_id!("!room:hs.test"))
        .expect("the room")
}

#[tokio::test]
async fn ses_5_a_room_is_described_for_the_dm_decision() {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    let room_id = room_id!("!room:hs.test");
    let own = state_with(
        "m.room.member",
        OWN,
        json!({ "membership": "join" }),
        json!({ "prev_content": { "membership": "invite", "is_direct": true } }),
    );
    let builder = room_with(
        room_id,
        3,
        [
            own.clone(),
            encryption(),
            state("m.room.name", "", json!({ "name": "Lobby" })),
            state("m.room.topic", "", json!({ "topic": "" })),
            state(
                "m.room.canonical_alias",
                "",
                json!({ "alias": "#a:hs.test", "alt_aliases": ["#b:hs.test"] }),
            ),
            state(
                "io.element.functional_members",
                "",
                json!({ "service_members": ["@bridge:hs.test"] }),
            ),
            state(
                "m.room.tombstone",
                "",
                json!({ "body": "moved", "replacement_room": "!next:hs.test" }),
            ),
        ],
    );
    sync(&server, &client, vec![builder], &[(ALICE, room_id)]).await;
    members(
        &server,
        ROOM,
        &[own, joined(ALICE), joined("@bridge:hs.test")],
    )
    .await;
    let room = client.get_room(room_id).expect("the room");
    for _ in 0..2 {
        // The second time without a request.
        let info = info(&room).await.expect("described");
        assert_eq!(info.room_id, ROOM);
        assert_eq!(info.name.as_deref(), Some("Lobby"));
        assert_eq!(info.topic, None);
        assert_eq!(info.canonical_alias.as_deref(), Some("#a:hs.test"));
        assert_eq!(info.alt_aliases, ["#b:hs.test"]);
        assert!(info.encrypted && info.member_is_direct);
        assert_eq!(
            (info.joined_member_count, info.invited_member_count),
            (3, 0)
        );
        assert_eq!(info.membership, Membership::Join);
        assert_eq!(info.direct_targets, [ALICE]);
        let mut others = info.other_members;
        others.sort();
        assert_eq!(others, [ALICE, "@bridge:hs.test"]);
        assert_eq!(info.service_members, ["@bridge:hs.test"]);
        assert_eq!(info.replacement_room_id.as_deref(), Some("!next:hs.test"));
    }
}

#[tokio::test]
async fn ses_5_a_large_room_is_described_without_its_members() {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    let room_id = room_id!("!room:hs.test");
    let builder = room_with(room_id, 4000, [joined(OWN), joined(ALICE)]);
    sync(&server, &client, vec![builder], &[]).await;
    let room = client.get_room(room_id).expect("the room");
    // Nothing answers `/members` here; that there is no encryption is asked for once.
    server
        .mock_room_state_encryption()
        .plain()
        .mock_once()
        .mount()
        .await;
    info(&room).await.expect("described");
    let info = info(&room).await.expect("described");
    assert_eq!(info.joined_member_count, 4000);
    assert_eq!(info.other_members, [ALICE]);
    assert!(!info.encrypted && !info.member_is_direct);
    assert!(info.direct_targets.is_empty());
}

#[tokio::test]
async fn act_9_members_are_told_by_the_sync_or_asked_for_one_by_one() {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    let room_id = room_id!("!room:hs.test");
    let levels = json!({ "users": { ALICE: 50 }, "users_default": 7 });
    let builder = room_with(
        room_id,
        4000,
        [
            joined(OWN),
            joined(ALICE),
            state("m.room.power_levels", "", levels),
        ],
    );
    sync(&server, &client, vec![builder], &[]).await;
    let room = client.get_room(room_id).expect("the room");
    let alice = member(&room, user_id!("@alice:hs.test"))
        .await
        .expect("known")
        .expect("a member");
    assert_eq!(alice.display_name.as_deref(), Some("Name"));
    assert_eq!(
        (alice.membership, alice.power_level),
        (Membership::Join, 50)
    );

    let state = |user: &str| format!("/_matrix/client/v3/rooms/{ROOM}/state/m.room.member/{user}");
    Mock::given(method("GET"))
        .and(path(state("@gone:hs.test")))
        .respond_with(ResponseTemplate::new(200).set_body_json(
            json!({ "membership": "leave", "displayname": "", "avatar_url": "mxc://hs/a" }),
        ))
        .mount(server.server())
        .await;
    let gone = member(&room, user_id!("@gone:hs.test"))
        .await
        .expect("asked")
        .expect("a member");
    assert_eq!(
        (gone.display_name, gone.membership),
        (None, Membership::Leave)
    );
    assert_eq!(
        (gone.avatar_url.as_deref(), gone.power_level),
        (Some("mxc://hs/a"), 7)
    );

    Mock::given(method("GET"))
        .and(path(state("@never:hs.test")))
        .respond_with(
            ResponseTemplate::new(404)
                .set_body_json(json!({ "errcode": "M_NOT_FOUND", "error": "x" })),
        )
        .mount(server.server())
        .await;
    assert!(
        member(&room, user_id!("@never:hs.test"))
            .await
            .expect("asked")
            .is_none()
    );
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
        "msgtype": "m.text", "body": "* new", "m.new_content": { "msgtype": "m.text", "body": "new" },
        "m.relates_to": { "rel_type": "m.replace", "event_id": "$said" },
    }), json!({})) } });
    let content = json!({
        "msgtype": "m.text", "body": "old",
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

#[tokio::test]
async fn ses_10_the_healthiest_direct_room_comes_first() {
    let server = MatrixMockServer::new().await;
    let client = server.client_builder().build().await;
    let tombstone = || {
        state(
            "m.room.tombstone",
            "",
            json!({ "body": "", "replacement_room": "!n:hs.test" }),
        )
    };
    let bridge = || {
        let content = json!({ "service_members": ["@bridge:hs.test"] });
        state("io.element.functional_members", "", content)
    };
    let stranger = "@stranger:hs.test";
    // Name, people by the summary, members, other state; the first two are in m.direct too.
    let shapes = [
        (
            "!asked:hs.test",
            2,
            vec![joined(OWN), invited(ALICE)],
            vec![encryption()],
        ),
        (
            "!plain:hs.test",
            2,
            vec![joined(OWN), joined(ALICE)],
            vec![],
        ),
        (
            "!sealed:hs.test",
            2,
            vec![joined(OWN), joined(ALICE)],
            vec![encryption()],
        ),
        (
            "!bridged:hs.test",
            3,
            vec![joined(OWN), joined(ALICE), joined("@bridge:hs.test")],
            vec![encryption(), bridge()],
        ),
        ("!solo:hs.test", 1, vec![joined(OWN)], vec![]),
        (
            "!old:hs.test",
            2,
            vec![joined(OWN), joined(ALICE)],
            vec![tombstone()],
        ),
        (
            "!group:hs.test",
            3,
            vec![joined(OWN), joined(ALICE), joined(stranger)],
            vec![],
        ),
        (
            "!loose:hs.test",
            2,
            vec![joined(OWN), joined(ALICE)],
            vec![encryption()],
        ),
        (
            "!loose-asked:hs.test",
            2,
            vec![joined(OWN), invited(ALICE)],
            vec![],
        ),
        (
            "!stranger:hs.test",
            2,
            vec![joined(OWN), joined(stranger)],
            vec![],
        ),
    ];
    let mut rooms = Vec::new();
    let mut direct = Vec::new();
    for (id, people, who, other) in &shapes {
        let id = <&RoomId>::try_from(*id).expect("a room id");
        rooms.push(room_with(id, *people, who.iter().chain(other).cloned()));
        if !id.as_str().starts_with("!loose") {
            direct.push((ALICE, id));
        }
        Mock::given(path(format!("/_matrix/client/v3/rooms/{id}/members")))
            .respond_with(ResponseTemplate::new(403))
            .mount(server.server())
            .await;
    }
    sync(&server, &client, rooms, &direct).await;
    let found = direct_candidates(&client, user_id!("@alice:hs.test"))
        .await
        .expect("looked up");
    let mut sealed: Vec<&str> = found[..2].iter().map(|id| id.as_str()).collect();
    sealed.sort_unstable();
    assert_eq!(sealed, ["!bridged:hs.test", "!sealed:hs.test"]);
    assert_eq!(
        found[2..],
        ["!plain:hs.test", "!loose:hs.test", "!asked:hs.test"]
    );
}

fn direct_rooms(server: &MatrixMockServer) -> DirectRooms {
    let network = NetworkConfig {
        allow_private: true,
        ..NetworkConfig::default()
    };
    let homeserver = server.uri().parse().expect("a URL");
    let client = http::client(&network, &homeserver).expect("a client");
    let rest = Rest::new(client, homeserver, Some(Secret::new("token")));
    DirectRooms::new(rest, owned_user_id!("@example:localhost"))
}

async fn m_direct(server: &MatrixMockServer, now: ResponseTemplate, then: Value) {
    let place = format!("/_matrix/client/v3/user/{OWN}/account_data/m.direct");
    Mock::given(method("GET"))
        .and(path(place.clone()))
        .respond_with(now)
        .mount(server.server())
        .await;
    Mock::given(method("PUT"))
        .and(path(place))
        .and(wiremock::matchers::body_json(then))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
        .expect(1)
        .mount(server.server())
        .await;
}

async fn candidates(rooms: &[OwnedRoomId]) -> crate::error::Result<Vec<OwnedRoomId>> {
    Ok(rooms.to_vec())
}

#[tokio::test]
async fn ses_10_an_existing_room_is_used_and_noted() {
    let server = MatrixMockServer::new().await;
    let now = json!({ ALICE: ["!dead:hs.test"], "@bob:hs.test": ["!bob:hs.test"] });
    let then = json!({ ALICE: ["!dm:hs.test", "!dead:hs.test"], "@bob:hs.test": ["!bob:hs.test"] });
    m_direct(&server, ResponseTemplate::new(200).set_body_json(now), then).await;
    let rooms = [
        owned_room_id!("!dm:hs.test"),
        owned_room_id!("!worse:hs.test"),
    ];
    let opened = direct_rooms(&server)
        .open(user_id!("@alice:hs.test"), candidates(&rooms), true)
        .await
        .expect("opened");
    assert_eq!(opened, (owned_room_id!("!dm:hs.test"), false));
}

#[tokio::test]
async fn ses_10_without_one_a_room_is_made_encrypted_if_the_account_is() {
    for encrypt in [true, false] {
        let server = MatrixMockServer::new().await;
        let missing = ResponseTemplate::new(404)
            .set_body_json(json!({ "errcode": "M_NOT_FOUND", "error": "x" }));
        m_direct(&server, missing, json!({ ALICE: ["!made:hs.test"] })).await;
        let mut wanted = json!({
            "preset": "trusted_private_chat", "is_direct": true, "invite": [ALICE],
        });
        if encrypt {
            wanted["initial_state"] = json!([{
                "type": "m.room.encryption", "state_key": "",
                "content": { "algorithm": "m.megolm.v1.aes-sha2" },
            }]);
        }
        Mock::given(method("POST"))
            .and(path("/_matrix/client/v3/createRoom"))
            .and(body_partial_json(&wanted))
            .and(move |request: &wiremock::Request| {
                let body: Value = request.body_json().expect("JSON");
                encrypt == body.get("initial_state").is_some()
            })
            .respond_with(
                ResponseTemplate::new(200).set_body_json(json!({ "room_id": "!made:hs.test" })),
            )
            .expect(1)
            .mount(server.server())
            .await;
        let opened = direct_rooms(&server)
            .open(user_id!("@alice:hs.test"), candidates(&[]), encrypt)
            .await
            .expect("opened");
        assert_eq!(opened, (owned_room_id!("!made:hs.test"), true));
    }
}

#[tokio::test]
async fn ses_10_nobody_opens_a_dm_with_themselves() {
    let server = MatrixMockServer::new().await;
    let error = direct_rooms(&server)
        .open(user_id!("@example:localhost"), candidates(&[]), true)
        .await
        .expect_err("refused");
    assert_eq!(error.code, ErrorCode::ConfigInvalid);
    assert!(error.message.contains(OWN));
}
