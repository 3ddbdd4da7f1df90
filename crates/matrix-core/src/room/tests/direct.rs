//! Finding and opening direct messages.

use ruma::{OwnedRoomId, RoomId, owned_room_id, owned_user_id, user_id};
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{body_partial_json, method, path},
};

use super::*;
use crate::{
    config::{NetworkConfig, Secret},
    error::ErrorCode,
    http,
    rest::Rest,
};

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
