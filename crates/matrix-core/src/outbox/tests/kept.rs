//! What was not sent is kept, shown, and a person's to try again or to drop.

use super::*;

async fn item(outbox: &Outbox) -> OutboxItem {
    let mut items = outbox.items().await.unwrap();
    assert_eq!(items.len(), 1, "{items:?}");
    items.remove(0)
}

async fn failed(outbox: &Outbox, key: &str) -> OutboxEntry {
    let entry = outbox.wait(key, SOON).await.unwrap();
    assert_eq!(entry.state, OutboxState::Failed, "{entry:?}");
    entry
}

#[tokio::test]
async fn out_7_a_failed_send_is_tried_again_by_hand_with_the_same_transaction_ids() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(
        ROOM,
        [
            Answer::After(Duration::ZERO),
            error(ErrorCode::Forbidden, Some(403)),
        ],
    );
    outbox.start(Arc::clone(&engine) as _);
    let parts = ["one", "two", "three"];
    outbox.enqueue(send(ROOM, "k", &parts)).await.unwrap();
    failed(&outbox, "k").await;
    let kept = item(&outbox).await;
    assert_eq!(kept.room_id.as_deref(), Some(ROOM));
    assert!(kept.failed && !kept.in_doubt);
    assert_eq!((kept.parts, kept.sent), (3, 1));
    assert_eq!(kept.error.as_deref(), Some("refused: forbidden"));
    // Another process knows it too.
    outbox.close(SOON).await;
    let outbox = home.open().await;
    outbox.start(Arc::clone(&engine) as _);
    assert_eq!(outbox.retry(&[kept.id, 99]).await.unwrap(), [kept.id]);
    assert_eq!(sent(&outbox, "k").await.event_ids.len(), 3);
    assert_eq!(engine.bodies(), parts);
    {
        let requests = engine.requests.lock().unwrap();
        assert_eq!(requests[1].txn, requests[2].txn);
    }
    assert!(outbox.items().await.unwrap().is_empty());
    assert!(outbox.retry(&[kept.id]).await.unwrap().is_empty());
}

#[tokio::test]
async fn out_7_a_send_that_waits_is_tried_at_once_by_hand() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let mut limited = Error::new(ErrorCode::RateLimited, "slow down");
    limited.status = Some(429);
    limited.retry_after = Some(Duration::from_secs(300));
    engine.script(ROOM, [Answer::Error(limited)]);
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    let waiting = loop {
        let item = item(&outbox).await;
        if item.waiting_until.is_some() {
            break item;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    assert_eq!((waiting.failed, waiting.attempts), (false, 1));
    assert_eq!(outbox.retry(&[waiting.id]).await.unwrap(), [waiting.id]);
    sent(&outbox, "k").await;
}

#[tokio::test]
async fn out_7_a_dropped_send_ends_for_its_waiter_and_stays_dropped() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(ROOM, [error(ErrorCode::AuthExpired, Some(401))]);
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    outbox.enqueue(send(ROOM, "next", &["two"])).await.unwrap();
    engine.requested(1).await;
    let waiter = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.wait("k", SOON).await.unwrap() }
    });
    tokio::task::yield_now().await;
    let id = outbox.items().await.unwrap()[0].id;
    assert_eq!(outbox.drop_sends(&[id]).await.unwrap(), [id]);
    let entry = waiter.await.unwrap();
    assert_eq!(entry.error.unwrap().code, ErrorCode::Cancelled);
    // The room goes on at once.
    sent(&outbox, "next").await;
    assert!(outbox.drop_sends(&[id]).await.unwrap().is_empty());
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    failed(&outbox, "k").await;
    assert_eq!(engine.bodies(), ["two"]);
    assert_eq!(outbox.health().await.unwrap().failed, 0);
}

#[tokio::test]
async fn out_7_a_refused_send_that_comes_again_is_tried_again_and_one_in_doubt_is_not() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(ROOM, [error(ErrorCode::Forbidden, Some(403))]);
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    failed(&outbox, "k").await;
    // The turn ran anew, and wrote something else.
    outbox
        .enqueue(send(ROOM, "k", &["uno", "due"]))
        .await
        .unwrap();
    assert_eq!(sent(&outbox, "k").await.event_ids.len(), 2);
    assert_eq!(engine.bodies(), ["uno", "due"]);

    engine.script(OTHER, [error(ErrorCode::Timeout, None)]);
    engine.script(
        OTHER,
        (0..200).map(|_| error(ErrorCode::AuthExpired, Some(401))),
    );
    outbox.enqueue(send(OTHER, "d", &["x"])).await.unwrap();
    engine.requested(5).await;
    outbox.inner.file.clock.advance(DAY + SOON);
    outbox.retry(&[item(&outbox).await.id]).await.unwrap();
    assert!(failed(&outbox, "d").await.in_doubt);
    let requests = engine.requests.lock().unwrap().len();
    outbox.enqueue(send(OTHER, "d", &["x"])).await.unwrap();
    assert!(failed(&outbox, "d").await.in_doubt);
    assert_eq!(engine.requests.lock().unwrap().len(), requests);
}

#[tokio::test]
async fn out_8_what_may_have_left_is_given_up_after_a_day_and_what_did_not_after_a_week() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let mut unreachable = Error::new(ErrorCode::Network, "connection refused");
    unreachable.never_left = true;
    engine.script(
        ROOM,
        (0..10_000).map(|_| Answer::Error(unreachable.clone())),
    );
    engine.script(
        OTHER,
        (0..10_000).map(|_| error(ErrorCode::Network, Some(502))),
    );
    let clock = &outbox.inner.file.clock;
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "away", &["one"])).await.unwrap();
    outbox.enqueue(send(OTHER, "odd", &["two"])).await.unwrap();
    engine.requested(6).await;
    clock.advance(DAY + SOON);
    assert!(failed(&outbox, "odd").await.in_doubt);
    assert_eq!(
        outbox.entry("away").await.unwrap().state,
        OutboxState::Queued
    );
    clock.advance(DAY * 6);
    let entry = failed(&outbox, "away").await;
    assert!(!entry.in_doubt && entry.error.unwrap().message.contains("time was over"));
    let kept = outbox.items().await.unwrap();
    assert!(kept.iter().all(|item| item.failed) && kept.len() == 2);
}
