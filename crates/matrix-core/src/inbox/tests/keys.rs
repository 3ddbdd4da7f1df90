//! ENC-5: events whose key comes late are handed out once.

use super::*;
use crate::{config::CatchUp, fake_engine::FakeEngine};

const ROOM: &str = "!a:example.org";
const HOUR: Duration = Duration::from_secs(3600);

fn settings() -> WorkerSettings {
    WorkerSettings {
        own_user: UserId::parse("@bot:example.org").unwrap(),
        catch_up: CatchUp {
            max_age: HOUR,
            max_events: 10,
        },
        undecryptable_retry: HOUR * 72,
    }
}

async fn with_locked(inbox: &Inbox, keys: &[&str]) {
    let mut locked = step("t1", vec![]);
    locked.undecryptable = keys
        .iter()
        .map(|key| locked_event(ROOM, key, "missing-session"))
        .collect();
    inbox.commit(locked).await.unwrap();
}

#[tokio::test]
async fn enc_5_a_late_key_makes_one_event_of_it() {
    let home = Home::new();
    let inbox = home.open().await;
    with_locked(&inbox, &["$1", "$2"]).await;
    let engine = Arc::new(FakeEngine::new());
    let _workers = spawn_workers(inbox.clone(), Arc::clone(&engine) as _, settings());
    assert!(ready(&inbox).await.is_empty());
    {
        let mut readable = engine.readable.lock().unwrap();
        readable.insert("$1".into(), event(ROOM, "$1"));
    }
    engine.keys_arrived(Some(vec![RoomId::parse("!other:example.org").unwrap()]));
    assert!(ready(&inbox).await.is_empty(), "another room's key");
    engine.keys_arrived(Some(vec![RoomId::parse(ROOM).unwrap()]));
    let rows = inbox.next_batch(10).await.unwrap().unwrap();
    assert_eq!(keys(&rows), ["$1"]);
    assert!(rows[0].event.late);
    inbox.settle(&[rows[0].seq]).await.unwrap();
    // The same step again, and the same keys again: nothing more of it.
    with_locked(&inbox, &["$1", "$2"]).await;
    engine.keys_arrived(None);
    assert!(ready(&inbox).await.is_empty());
    let waiting = inbox.undecryptable(None).await.unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].event_id, "$2");
}

#[tokio::test]
async fn enc_5_what_waits_is_tried_again_at_start_and_when_more_comes() {
    let home = Home::new();
    let inbox = home.open().await;
    with_locked(&inbox, &["$1"]).await;
    let inbox = home.crash(inbox).await;
    let engine = Arc::new(FakeEngine::new());
    for key in ["$1", "$2"] {
        let mut readable = engine.readable.lock().unwrap();
        readable.insert(key.into(), event(ROOM, key));
    }
    let _workers = spawn_workers(inbox.clone(), engine, settings());
    assert_eq!(drain(&inbox, 1).await, ["$1"]);
    with_locked(&inbox, &["$2"]).await;
    assert_eq!(drain(&inbox, 1).await, ["$2"]);
}

#[tokio::test]
async fn enc_5_read_by_another_way_it_waits_no_more() {
    let home = Home::new();
    let inbox = home.open().await;
    with_locked(&inbox, &["$1"]).await;
    inbox
        .commit(step("t2", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    assert!(inbox.undecryptable(None).await.unwrap().is_empty());
    assert_eq!(drain(&inbox, 1).await, ["$1"]);
    let waiting = locked_event(ROOM, "$1", "missing-session");
    assert!(!inbox.readable(waiting, event(ROOM, "$1")).await.unwrap());
    assert!(ready(&inbox).await.is_empty());
}

#[tokio::test]
async fn enc_5_a_sender_who_floods_a_room_displaces_only_their_own() {
    let home = Home::new();
    let inbox = home.open().await;
    with_locked(&inbox, &["$mine"]).await;
    let most = crate::inbox::missing_keys::MOST as usize;
    let mut flood = step("t2", vec![]);
    flood.undecryptable = (0..most + 20)
        .map(|number| Undecryptable {
            sender: UserId::parse("@mallory:example.org").unwrap(),
            ..locked_event(ROOM, &format!("$flood{number}"), "missing-session")
        })
        .collect();
    inbox.commit(flood).await.unwrap();
    let waiting = inbox.undecryptable(None).await.unwrap();
    assert_eq!(waiting.len(), most + 1);
    assert_eq!(waiting[0].event_id, "$mine");
    assert_eq!(waiting[1].event_id, "$flood20", "the newest stay");
    // Every page of them is tried, and what is behind them, too.
    let engine = Arc::new(FakeEngine::new());
    for key in ["$mine", "$flood20", &format!("$flood{}", most + 19)] {
        let mut readable = engine.readable.lock().unwrap();
        readable.insert(key.into(), event(ROOM, key));
    }
    let _workers = spawn_workers(inbox.clone(), engine, settings());
    assert_eq!(drain(&inbox, 3).await.len(), 3);
}

#[tokio::test]
async fn enc_5_causes_are_counted_grow_precise_and_end_with_the_age_limit() {
    let home = Home::new();
    let inbox = home.open().await;
    with_locked(&inbox, &["$1", "$2", "$3"]).await;
    let engine = Arc::new(FakeEngine::new());
    {
        let mut causes = engine.causes.lock().unwrap();
        causes.insert("$3".into(), "withheld:m.unverified".into());
    }
    let workers = spawn_workers(inbox.clone(), Arc::clone(&engine) as _, settings());
    let health = loop {
        let health = inbox.undecryptable_health().await.unwrap();
        if health.causes.len() == 2 {
            break health;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!(health.waiting, 3);
    assert!(health.oldest_at.unwrap().abs_diff(now()) < 10_000);
    let causes: Vec<_> = health.causes.iter().map(|c| (&*c.cause, c.count)).collect();
    assert_eq!(
        causes,
        [("missing-session", 2), ("withheld:m.unverified", 1)]
    );
    let clock = Arc::clone(&inbox.inner.file.clock);
    clock.advance(HOUR * 71);
    engine.keys_arrived(None);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(inbox.undecryptable(None).await.unwrap().len(), 3);
    clock.advance(HOUR * 2);
    engine.keys_arrived(None);
    while !inbox.undecryptable(None).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(workers);
    assert_eq!(inbox.undecryptable_health().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn enc_6_many_at_once_or_one_for_long_is_no_passing_delay() {
    let home = Home::new();
    let inbox = home.open().await;
    with_locked(&inbox, &["$1", "$2"]).await;
    let sustained = async || inbox.undecryptable_health().await.unwrap().sustained;
    assert!(!sustained().await, "keys may still be on their way");
    inbox.inner.file.clock.advance(Duration::from_secs(301));
    assert!(sustained().await, "one has waited for long");
    for waiting in inbox.undecryptable(None).await.unwrap() {
        inbox.readable(waiting, event(ROOM, "$1")).await.unwrap();
    }
    assert!(!sustained().await, "all were read");
    with_locked(&inbox, &["$3", "$4", "$5"]).await;
    assert!(sustained().await, "three at once");
    inbox.inner.file.clock.advance(HOUR * 25);
    let health = inbox.undecryptable_health().await.unwrap();
    assert_eq!(
        (health.waiting, health.sustained),
        (3, false),
        "old trouble"
    );
}
