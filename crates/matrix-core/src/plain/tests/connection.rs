//! The connection's position, through crashes, failures and servers that forget it.

use std::time::Duration;

use serde_json::json;
use wiremock::ResponseTemplate;

use super::rig::{Rig, answer, keys, message, news, ok, received, refusal, silence, whole_room};
use crate::{ErrorCode, SyncState, inbox::SyncStep};

fn some(pos: &str) -> Option<String> {
    Some(pos.to_owned())
}

#[tokio::test]
async fn aut_11_a_crash_before_the_commit_brings_the_same_events_again() {
    let rig = Rig::new().await;
    rig.says(None, answer("1", whole_room(&["$old"])), 1).await;
    rig.says(
        Some("1"),
        answer("2", news(&["$new"])).set_delay(Duration::from_secs(2)),
        1,
    )
    .await;

    let inbox = rig.inbox().await;
    let running = rig.run(&rig.engine(&inbox));
    assert_eq!(rig.asked(2).await, [None, some("1")]);
    // The server has the request and answers; nobody is there to take it.
    running.kill().await;
    inbox.release().await;

    rig.says(Some("1"), answer("2", news(&["$new"])), 1).await;
    rig.says(Some("2"), silence("3"), 1).await;
    let inbox = rig.inbox().await;
    let _running = rig.run(&rig.engine(&inbox));
    assert_eq!(keys(&received(&inbox).await), ["$new"]);
    assert_eq!(
        rig.asked(4).await,
        [None, some("1"), some("1"), some("2")],
        "the position of before the crash is asked again"
    );
}

#[tokio::test]
async fn aut_11_no_request_leaves_before_the_answer_is_stored() {
    let rig = Rig::new().await;
    let inbox = rig.inbox().await;
    rig.says(None, answer("1", whole_room(&["$old"])), 1).await;
    rig.says(
        Some("1"),
        answer("2", news(&["$new"])).set_delay(Duration::from_secs(2)),
        1,
    )
    .await;
    rig.says(Some("1"), answer("2", news(&["$new"])), 9).await;
    rig.says(Some("2"), silence("3"), 1).await;
    let running = rig.run(&rig.engine(&inbox));
    rig.asked(2).await;

    // Nothing can be written while somebody else writes.
    let other = rusqlite::Connection::open(rig.inbox_file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let positions = rig.asked(3).await;
    assert_eq!(positions, [None, some("1"), some("1")]);
    assert_eq!(rig.health.now().sync.state, SyncState::Retrying);

    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(keys(&received(&inbox).await), ["$new"]);
    let positions = rig.asked(4).await;
    assert_eq!(positions.last(), Some(&some("2")));
    assert_eq!(rig.health.now().sync.state, SyncState::Running);
    running.kill().await;
}

#[tokio::test]
async fn aut_11_a_forgotten_position_loses_nothing() {
    for unknown in ["M_UNKNOWN_POS", "M_UNKNOWN"] {
        let rig = Rig::new().await;
        let inbox = rig.inbox().await;
        rig.says(None, answer("1", whole_room(&["$older", "$old"])), 1)
            .await;
        rig.says(Some("1"), refusal(400, unknown), 1).await;
        rig.says(None, answer("9", whole_room(&["$old", "$missed"])), 1)
            .await;
        rig.says(Some("9"), silence("9"), 1).await;
        let _running = rig.run(&rig.engine(&inbox));

        assert_eq!(keys(&received(&inbox).await), ["$missed"]);
        assert_eq!(rig.asked(4).await, [None, some("1"), None, some("9")]);
        assert_eq!(inbox.counts().await.unwrap().gaps, 0);
    }
}

#[tokio::test]
async fn aut_11_what_a_new_connection_leaves_out_is_fetched_from_the_history() {
    let rig = Rig::new().await;
    let inbox = rig.inbox().await;
    rig.says(None, answer("1", whole_room(&["$old"])), 1).await;
    rig.says(Some("1"), refusal(400, "M_UNKNOWN_POS"), 1).await;
    rig.says(None, answer("9", whole_room(&["$m3"])), 1).await;
    rig.says(Some("9"), silence("9"), 1).await;
    rig.get(
        "/_matrix/client/v3/rooms/!room:example.org/messages",
        ok(json!({ "start": "before", "end": "earlier", "chunk": [
            message("$m2"), message("$m1"), message("$old"), message("$history"),
        ]})),
    )
    .await;
    let engine = rig.engine(&inbox);
    let _running = rig.run(&engine);
    let _workers = crate::inbox::spawn_workers(
        inbox.clone(),
        engine,
        crate::inbox::WorkerSettings {
            own_user: ruma::UserId::parse("@bot:example.org").unwrap(),
            catch_up: crate::CatchUp {
                max_age: Duration::from_secs(3600),
                max_events: 100,
            },
            undecryptable_retry: Duration::from_secs(3600),
        },
    );

    let mut events = received(&inbox).await;
    while events.len() < 3 {
        events.extend(received(&inbox).await);
    }
    assert_eq!(keys(&events), ["$m1", "$m2", "$m3"]);
    assert_eq!(
        events.iter().map(|event| event.late).collect::<Vec<_>>(),
        [true, true, false]
    );
    assert_eq!(inbox.counts().await.unwrap().gaps, 0);
}

#[tokio::test]
async fn aut_11_a_token_of_the_other_engine_begins_a_first_sync() {
    let rig = Rig::new().await;
    let inbox = rig.inbox().await;
    inbox
        .commit(SyncStep {
            token: "s72594_4483_1934".to_owned(),
            ..SyncStep::default()
        })
        .await
        .unwrap();
    rig.says(None, answer("1", whole_room(&["$old"])), 1).await;
    rig.says(Some("1"), answer("2", news(&["$new"])), 1).await;
    rig.says(Some("2"), silence("3"), 1).await;
    let _running = rig.run(&rig.engine(&inbox));
    assert_eq!(keys(&received(&inbox).await), ["$new"]);
}

#[tokio::test]
async fn aut_11_an_ended_session_blocks() {
    let rig = Rig::new().await;
    let inbox = rig.inbox().await;
    rig.says(None, refusal(401, "M_UNKNOWN_TOKEN"), 9).await;
    let error = rig.run(&rig.engine(&inbox)).blocked().await;
    assert_eq!(error.code, ErrorCode::AuthExpired);
    assert!(error.message.contains("`accessToken`"), "{}", error.message);
    assert_eq!(rig.health.now().sync.state, SyncState::Blocked);
    assert_eq!(rig.positions().await.len(), 1);
}

#[tokio::test]
async fn aut_11_a_homeserver_without_sliding_sync_is_named_with_the_way_out() {
    let rig = Rig::new().await;
    let inbox = rig.inbox().await;
    rig.says(None, refusal(404, "M_UNRECOGNIZED"), 9).await;
    rig.get(
        "/_matrix/client/versions",
        ok(json!({ "versions": ["v1.11"], "unstable_features": {} })),
    )
    .await;
    let error = rig.run(&rig.engine(&inbox)).blocked().await;
    assert_eq!(error.code, ErrorCode::DeviceInUse);
    for word in ["MSC4186", "ELEMENT", "`password`"] {
        assert!(error.message.contains(word), "{}", error.message);
    }
}

#[tokio::test]
async fn aut_11_a_proxy_s_404_is_no_missing_endpoint() {
    let rig = Rig::new().await;
    let inbox = rig.inbox().await;
    rig.says(
        None,
        ResponseTemplate::new(404).set_body_string("<html>"),
        1,
    )
    .await;
    rig.get(
        "/_matrix/client/versions",
        ok(json!({
            "versions": ["v1.11"],
            "unstable_features": { "org.matrix.simplified_msc3575": true },
        })),
    )
    .await;
    rig.says(None, answer("1", json!({})), 1).await;
    rig.says(Some("1"), silence("1"), 1).await;
    let _running = rig.run(&rig.engine(&inbox));
    assert_eq!(rig.asked(3).await, [None, None, some("1")]);
}

#[tokio::test]
async fn aut_11_a_failing_server_is_asked_again_and_the_trouble_is_shown() {
    let rig = Rig::new().await;
    let inbox = rig.inbox().await;
    rig.says(None, ResponseTemplate::new(502), 1).await;
    rig.says(None, answer("1", json!({})), 1).await;
    rig.says(Some("1"), silence("1"), 1).await;
    let _running = rig.run(&rig.engine(&inbox));
    rig.health.after(2).await;
    let sync = rig.health.now().sync;
    assert_eq!(sync.state, SyncState::Retrying);
    assert_eq!(sync.consecutive_failures, 1);
    assert!(sync.retry_at.is_some());
    rig.asked(3).await;
    assert_eq!(rig.health.now().sync.state, SyncState::Running);
}
