//! Against a real homeserver (`MATRIX_TEST_HOMESERVER`), with matrix-sdk in the part of
//! the client whose access token was copied.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use matrix_sdk::ruma::api::client::room::create_room;
use matrix_sdk_store_encryption::StoreCipher;
use ruma::{OwnedRoomId, TransactionId, events::room::message::RoomMessageEventContent};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    super::{PlainEngine, PlainParams},
    other_client::{OtherClient, http},
    rig::{keys, received},
};
use crate::{
    Identity,
    config::Secret,
    engine::Engine,
    health::HealthCell,
    inbox::{Inbox, SyncStep, WorkerSettings, spawn_workers},
    rest::Rest,
};

const PATIENCE: Duration = Duration::from_secs(30);

fn homeserver() -> Option<String> {
    let homeserver = std::env::var("MATRIX_TEST_HOMESERVER").ok();
    if homeserver.is_none() {
        eprintln!("SKIPPED: set MATRIX_TEST_HOMESERVER");
    }
    homeserver
}

/// The engine on the other client's own token, with its inbox.
async fn engine(dir: &TempDir, client: &OtherClient) -> (Arc<PlainEngine>, Inbox) {
    let cipher = Arc::new(StoreCipher::new().unwrap());
    let inbox = Inbox::open(&dir.path().join("inbox.sqlite3"), cipher)
        .await
        .unwrap();
    let token = Secret::new(client.client.access_token().unwrap());
    let homeserver: url::Url = client.homeserver.parse().unwrap();
    let engine = PlainEngine::new(PlainParams {
        rest: Rest::new(http(), homeserver, Some(token)),
        identity: Identity {
            user_id: client.client.user_id().unwrap().to_string(),
            device_id: client.client.device_id().unwrap().to_string(),
            homeserver: client.homeserver.clone(),
        },
        inbox: inbox.clone(),
        health: HealthCell::new(),
        initial_sync_limit: None,
        presence: crate::config::Presence::Off.into(),
    });
    (Arc::new(engine.unwrap()), inbox)
}

/// Until the first sync is over.
async fn started(engine: &PlainEngine) {
    let complete = async {
        while !engine.position().complete {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, complete).await.unwrap();
}

fn workers(inbox: &Inbox, engine: &Arc<PlainEngine>) -> tokio::task::JoinSet<()> {
    spawn_workers(
        inbox.clone(),
        Arc::clone(engine) as Arc<dyn Engine>,
        WorkerSettings {
            own_user: ruma::UserId::parse("@bot:example.org").unwrap(),
            catch_up: crate::CatchUp {
                max_age: Duration::from_secs(3600),
                max_events: 500,
            },
            undecryptable_retry: Duration::from_secs(3600),
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aut_11_the_other_client_keeps_its_identity_its_one_time_keys_and_its_room_keys() {
    let Some(homeserver) = homeserver() else {
        return;
    };
    let element = OtherClient::new(&homeserver, "element").await;
    let alice = OtherClient::new(&homeserver, "alice").await;
    let secret_room = alice.invite(&element, true).await;
    let secret_id = secret_room.room_id().to_owned();
    let plain_room = alice.invite(&element, false).await;
    let plain_id = plain_room.room_id().to_owned();
    let say = |text: &str| RoomMessageEventContent::text_plain(text);

    // The clients know each other: later room keys need no one-time key.
    let first = secret_room.send(say("first")).await.unwrap();
    let id = first.response.event_id;
    assert_eq!(element.reads(&secret_id, &id).await, "first");
    let before = element.published().await;

    let dir = TempDir::new().unwrap();
    let (engine, inbox) = engine(&dir, &element).await;
    let running = tokio::spawn({
        let engine = Arc::clone(&engine);
        async move { engine.run().await }
    });
    started(&engine).await;

    // A new room key, for a client that is not looking, while the engine is.
    secret_room.discard_room_key().await.unwrap();
    let secret = secret_room.send(say("secret")).await.unwrap();
    let secret = secret.response.event_id;
    let question = plain_room.send(say("question")).await.unwrap();
    let question = question.response.event_id;

    let events = received(&inbox).await;
    assert_eq!(keys(&events), [question.as_str()]);
    let txn = TransactionId::new();
    let content = json!({ "msgtype": "m.text", "body": "answer" });
    let send = || engine.send_event(&plain_id, "m.room.message", content.clone(), &txn);
    let answer = send().await.unwrap();
    assert_eq!(send().await.unwrap(), answer, "one transaction, one event");
    assert_eq!(alice.reads(&plain_id, &answer).await, "answer");
    let refused = engine
        .send_event(
            &secret_id,
            "m.room.message",
            content.clone(),
            &TransactionId::new(),
        )
        .await
        .unwrap_err();
    assert_eq!(refused.code, crate::ErrorCode::Forbidden);

    // Our own answer comes back too; by then several requests have passed.
    assert_eq!(keys(&received(&inbox).await), [answer.as_str()]);
    assert_eq!(element.published().await, before);
    let status = engine.encryption_status().await.unwrap();
    assert_eq!(status.server_device_known, Some(true));
    running.abort();

    assert_eq!(element.reads(&secret_id, &secret).await, "secret");
    assert_eq!(element.published().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aut_11_invites_floods_and_kicks_come_through() {
    let Some(homeserver) = homeserver() else {
        return;
    };
    let bot = OtherClient::new(&homeserver, "bot").await;
    let alice = OtherClient::new(&homeserver, "alice").await;
    let dir = TempDir::new().unwrap();
    let (engine, inbox) = engine(&dir, &bot).await;
    let run = || {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { engine.run().await })
    };
    let running = run();

    let mut request = create_room::v3::Request::new();
    request.invite = vec![bot.client.user_id().unwrap().to_owned()];
    request.is_direct = true;
    request.name = Some("Tea".to_owned());
    let room = alice.client.create_room(request).await.unwrap();
    let room_id = room.room_id().to_owned();
    let events = received(&inbox).await;
    assert_eq!(events.len(), 1, "{events:?}");
    let invite: Value = serde_json::from_str(&events[0].json).unwrap();
    assert_eq!(invite["type"], "invite");
    assert_eq!(invite["room_name"], "Tea");
    assert_eq!(invite["is_direct"], true);
    let info = engine.room_info(&room_id).await.unwrap();
    assert_eq!(info.membership, crate::event::Membership::Invite);

    // Said before we are in; and our own join.
    let say = |text: &str| RoomMessageEventContent::text_plain(text);
    let early = room.send(say("early")).await.unwrap();
    let early = early.response.event_id;
    bot.client.join_room_by_id(&room_id).await.unwrap();
    let events = received(&inbox).await;
    assert_eq!(events[0].key, early.as_str());
    assert_eq!(events.len(), 2, "{events:?}");
    let info = engine.room_info(&room_id).await.unwrap();
    assert!(info.member_is_direct, "{info:?}");
    assert_eq!(
        info.other_members,
        [alice.client.user_id().unwrap().as_str()]
    );

    // More than one answer holds, while nobody runs.
    running.abort();
    let mut sent = Vec::new();
    for n in 0..60 {
        let message = room
            .send(RoomMessageEventContent::text_plain(format!("flood {n}")))
            .await
            .unwrap();
        sent.push(message.response.event_id.to_string());
    }
    let running = run();
    let _workers = workers(&inbox, &engine);
    let mut events = Vec::new();
    while events.len() < sent.len() {
        events.extend(received(&inbox).await);
    }
    assert_eq!(keys(&events), sent);

    room.kick_user(bot.client.user_id().unwrap(), None)
        .await
        .unwrap();
    let events = received(&inbox).await;
    let kick: Value = serde_json::from_str(&events[0].json).unwrap();
    assert_eq!(kick["content"]["membership"], "leave");
    running.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aut_11_a_connection_the_homeserver_forgot_loses_and_repeats_nothing() {
    let Some(homeserver) = homeserver() else {
        return;
    };
    let bot = OtherClient::new(&homeserver, "bot").await;
    let alice = OtherClient::new(&homeserver, "alice").await;
    let mut rooms = Vec::new();
    for _ in 0..4 {
        rooms.push(alice.invite(&bot, false).await);
    }
    let say = |text: &str| RoomMessageEventContent::text_plain(text);
    for room in &rooms {
        room.send(say("history")).await.unwrap();
    }
    let dir = TempDir::new().unwrap();
    let (engine, inbox) = engine(&dir, &bot).await;
    let run = || {
        let engine = Arc::clone(&engine);
        tokio::spawn(async move { engine.run().await })
    };
    let running = run();
    started(&engine).await;
    let seen = rooms[0].send(say("seen")).await.unwrap();
    let events = received(&inbox).await;
    assert_eq!(keys(&events), [seen.response.event_id.as_str()]);
    running.abort();

    // Rooms with nothing new, with something, with more than an answer holds, and new.
    let mut sent = BTreeMap::<OwnedRoomId, Vec<String>>::new();
    rooms.push(alice.invite(&bot, false).await);
    for (room, count) in rooms.iter().zip([0, 3, 50, 1, 2]) {
        for n in 0..count {
            let text = RoomMessageEventContent::text_plain(format!("missed {n}"));
            let message = room.send(text).await.unwrap();
            let of_room = sent.entry(room.room_id().to_owned()).or_default();
            of_room.push(message.response.event_id.to_string());
        }
    }
    let mut position = engine.position();
    let (_, stream) = position.pos.as_deref().unwrap().split_once('/').unwrap();
    position.pos = Some(format!("999999/{stream}"));
    let token = position.encode().unwrap();
    inbox
        .commit(SyncStep {
            token,
            ..SyncStep::default()
        })
        .await
        .unwrap();

    let running = run();
    let _workers = workers(&inbox, &engine);
    let mut found = BTreeMap::<OwnedRoomId, Vec<String>>::new();
    while found.values().map(Vec::len).sum::<usize>() < 56 {
        for event in received(&inbox).await {
            if event.json.contains("m.room.message") {
                found.entry(event.room_id).or_default().push(event.key);
            }
        }
    }
    assert_eq!(found, sent);
    let rest = tokio::time::timeout(Duration::from_secs(1), inbox.next_batch(100)).await;
    let rest = rest.map(|batch| batch.unwrap().unwrap());
    assert!(
        rest.iter()
            .flatten()
            .all(|row| !row.event.json.contains("m.room.message")),
        "{rest:?}"
    );
    running.abort();
}
