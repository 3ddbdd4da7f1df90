//! OUT-7: the next process goes on with the same transaction ids.

use super::*;

#[tokio::test]
async fn out_7_a_lost_answer_makes_no_second_event() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(ROOM, [Answer::Lost]);
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    assert_eq!(sent(&outbox, "k").await.event_ids, ["$e0"]);
    assert_eq!(engine.bodies(), ["one"]);
    let requests = engine.requests.lock().unwrap();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].txn, requests[1].txn);
}

#[tokio::test]
async fn out_7_a_crash_at_any_request_repeats_it_with_the_same_id() {
    let home = Home::new();
    let engine = Arc::new(FakeEngine::new());
    let parts = ["p0", "p1", "p2"];
    let outbox = home.open().await;
    outbox.enqueue(send(ROOM, "k", &parts)).await.unwrap();
    outbox.close(Duration::ZERO).await;
    // Each process gets one part through, and dies in the next one's request.
    for done in 0..3 {
        let outbox = home.open().await;
        let entry = outbox.entry("k").await.unwrap();
        assert_eq!(entry.event_ids.len(), done);
        let before = engine.requests.lock().unwrap().len();
        let answers = [Answer::After(Duration::ZERO), Answer::Hang];
        engine.script(ROOM, answers.into_iter().take(3 - done));
        outbox.start(Arc::clone(&engine) as _);
        engine
            .requested(before + if done < 2 { 2 } else { 1 })
            .await;
        if done == 2 {
            sent(&outbox, "k").await;
        }
        outbox.close(Duration::ZERO).await;
    }
    assert_eq!(engine.bodies(), parts);
    let requests = engine.requests.lock().unwrap();
    let ids: Vec<_> = requests
        .iter()
        .map(|r| (r.body.clone(), r.txn.clone()))
        .collect();
    assert_eq!(ids.len(), 5);
    assert_eq!((&ids[1], &ids[3]), (&ids[2], &ids[4]));
    assert!(ids[0].1 != ids[1].1 && ids[1].1 != ids[3].1);
}

#[tokio::test]
async fn out_7_a_new_outbox_gives_a_key_the_same_transaction_id() {
    let home = Home::new();
    let engine = Arc::new(FakeEngine::new());
    for _ in 0..2 {
        let outbox = home.open().await;
        outbox.start(Arc::clone(&engine) as _);
        outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
        assert_eq!(sent(&outbox, "k").await.event_ids, ["$e0"]);
        outbox.close(SOON).await;
        std::fs::remove_file(home.path()).unwrap();
    }
    assert_eq!(engine.bodies(), ["one"]);
}

#[tokio::test]
async fn out_7_close_lets_a_running_request_end_and_keeps_the_rest() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(ROOM, [Answer::After(Duration::from_millis(100))]);
    outbox.start(Arc::clone(&engine) as _);
    outbox
        .enqueue(send(ROOM, "k", &["one", "two"]))
        .await
        .unwrap();
    engine.requested(1).await;
    let waiting = tokio::spawn({
        let outbox = outbox.clone();
        async move { outbox.wait("k", SOON).await }
    });
    tokio::task::yield_now().await;
    outbox.close(SOON).await;
    outbox.close(SOON).await;
    // The one who waits learns how it stands, or that it is closed.
    match waiting.await.unwrap() {
        Ok(entry) => assert_eq!(entry.state, OutboxState::Queued),
        Err(error) => assert_eq!(error.code, ErrorCode::Closed),
    }
    assert_eq!(engine.requests.lock().unwrap().len(), 1);
    let refused = outbox.enqueue(send(ROOM, "k2", &["x"])).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::Closed);
    let outbox = home.open().await;
    let entry = outbox.entry("k").await.unwrap();
    assert_eq!(
        (entry.state, entry.event_ids.len()),
        (OutboxState::Queued, 1)
    );
    outbox.start(Arc::clone(&engine) as _);
    sent(&outbox, "k").await;
    assert_eq!(engine.bodies(), ["one", "two"]);
}

#[tokio::test]
async fn out_7_what_became_of_a_key_is_known_for_thirty_days() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    outbox.start(engine);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    sent(&outbox, "k").await;
    let day = Duration::from_secs(24 * 60 * 60);
    outbox.inner.file.clock.advance(day * 29);
    outbox.enqueue(send(ROOM, "k2", &["two"])).await.unwrap();
    let entry = outbox.entry("k").await.unwrap();
    assert_eq!((entry.state, entry.event_ids.len()), (OutboxState::Sent, 1));
    outbox.inner.file.clock.advance(day * 2);
    outbox.enqueue(send(ROOM, "k3", &["three"])).await.unwrap();
    let entry = outbox.entry("k").await.unwrap();
    assert_eq!(entry.state, OutboxState::Unknown);
    sent(&outbox, "k3").await;
    let parts: i64 = outbox
        .inner
        .file
        .run(|tx, _| Ok(tx.query_row("SELECT count(*) FROM parts", [], |r| r.get(0))?))
        .await
        .unwrap();
    assert_eq!(parts, 2, "parts go with their send");
}

#[tokio::test]
async fn enc_11_no_text_and_no_room_stands_in_the_files_and_sent_payloads_go() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(ROOM, [error(ErrorCode::Forbidden, Some(403))]);
    outbox
        .enqueue(send(ROOM, "delivery-1", &["secret one"]))
        .await
        .unwrap();
    outbox
        .enqueue(send(OTHER, "delivery-2", &["secret two"]))
        .await
        .unwrap();
    let look = || {
        for entry in std::fs::read_dir(home.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            for secret in [
                "secret",
                "example.org",
                "m.room.message",
                "delivery",
                "refused",
            ] {
                let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
                assert!(!found, "{secret:?} stands in {}", path.display());
            }
        }
    };
    look();
    outbox.start(engine);
    sent(&outbox, "delivery-2").await;
    outbox.wait("delivery-1", SOON).await.unwrap();
    look();
    let kept: i64 = outbox
        .inner
        .file
        .run(|tx, _| {
            let sql = "SELECT count(*) FROM parts WHERE payload IS NOT NULL";
            Ok(tx.query_row(sql, [], |r| r.get(0))?)
        })
        .await
        .unwrap();
    assert_eq!(
        kept, 1,
        "what failed is kept, sealed, and can be tried again"
    );
}
