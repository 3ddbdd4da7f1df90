mod direct;
mod info;
mod message;

use matrix_sdk::{Client, test_utils::mocks::MatrixMockServer};
use matrix_sdk_test::JoinedRoomBuilder;
use ruma::{
    RoomId,
    events::{AnySyncStateEvent, direct::DirectEventContent},
    serde::Raw,
};
use serde_json::{Value, json};
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path},
};

use super::*;

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
