//! OUT-6: in order within a room, rooms on their own.

use super::*;

#[tokio::test]
async fn out_6_a_room_sends_in_order_and_rooms_do_not_wait_for_each_other() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    // The first room is slow.
    engine.script(
        ROOM,
        (0..3).map(|_| Answer::After(Duration::from_millis(60))),
    );
    // One is there before the start.
    outbox
        .enqueue(send(ROOM, "k1", &["a1", "a2"]))
        .await
        .unwrap();
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k2", &["a3"])).await.unwrap();
    outbox.enqueue(send(OTHER, "k3", &["b1"])).await.unwrap();
    sent(&outbox, "k3").await;
    let entry = sent(&outbox, "k2").await;
    assert_eq!(entry.event_ids.len(), 1);
    assert_eq!(sent(&outbox, "k1").await.event_ids.len(), 2);
    assert_eq!(engine.bodies(), ["b1", "a1", "a2", "a3"]);
    let health = outbox.health().await.unwrap();
    assert_eq!(
        (health.queued, health.failed, health.oldest_at),
        (0, 0, None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_6_many_senders_at_once_lose_nothing() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    outbox.start(Arc::clone(&engine) as _);
    let mut tasks = JoinSet::new();
    for at in 0..40 {
        let outbox = outbox.clone();
        tasks.spawn(async move {
            let room = [ROOM, OTHER][at % 2];
            let (key, body) = (format!("k{at}"), format!("m{at}"));
            outbox.enqueue(send(room, &key, &[&body])).await.unwrap();
            sent(&outbox, &key).await;
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let mut bodies = engine.bodies();
    bodies.sort();
    let mut all: Vec<String> = (0..40).map(|at| format!("m{at}")).collect();
    all.sort();
    assert_eq!(bodies, all);
    // Lanes end when nothing is left.
    let ended = async {
        while !locked(&outbox.inner.lanes).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(SOON, ended).await.unwrap();
}

#[tokio::test]
async fn out_7_a_key_is_sent_once_however_often_it_is_stored() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    let first = sent(&outbox, "k").await;
    outbox.enqueue(send(ROOM, "k", &["two"])).await.unwrap();
    assert_eq!(sent(&outbox, "k").await.event_ids, first.event_ids);
    assert_eq!(engine.bodies(), ["one"]);
}

#[tokio::test]
async fn out_7_wait_ends_with_its_time_and_for_unknown_keys_at_once() {
    let home = Home::new();
    let outbox = home.open().await;
    let entry = outbox.wait("nobody", SOON).await.unwrap();
    assert_eq!(entry.state, OutboxState::Unknown);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    let entry = outbox.wait("k", Duration::from_millis(30)).await.unwrap();
    assert_eq!(entry.state, OutboxState::Queued);
    assert_eq!(outbox.health().await.unwrap().queued, 1);
    assert!(outbox.health().await.unwrap().oldest_at.is_some());
}

#[tokio::test]
async fn out_6_what_comes_while_a_lane_ends_is_not_forgotten() {
    let home = Home::new();
    let outbox = home.open().await;
    outbox.start(Arc::new(FakeEngine::new()));
    let room = [7; 32];
    // A lane that has just found nothing to send, and is about to say so.
    locked(&outbox.inner.lanes).insert(room, lane::Running::default());
    outbox.ensure_lane(room);
    assert!(!outbox.retire(&room), "it has to look again");
    assert!(outbox.retire(&room));
    assert!(locked(&outbox.inner.lanes).is_empty());
}
