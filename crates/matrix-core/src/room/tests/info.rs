//! Rooms and members.

use ruma::{room_id, user_id};
use serde_json::json;
use wiremock::{
    Mock, ResponseTemplate,
    matchers::{method, path},
};

use super::*;

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
