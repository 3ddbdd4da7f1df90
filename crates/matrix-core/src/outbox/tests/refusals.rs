//! OUT-8: what is tried again, how soon, and what is given up.

use std::time::Instant;

use super::*;

#[tokio::test]
async fn out_8_a_rate_limit_waits_as_told_and_holds_up_no_other_room() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let wait = Duration::from_millis(400);
    let mut limited = Error::new(ErrorCode::RateLimited, "slow down");
    limited.status = Some(429);
    limited.retry_after = Some(wait);
    engine.script(ROOM, [Answer::Error(limited)]);
    outbox.start(Arc::clone(&engine) as _);
    let began = Instant::now();
    outbox.enqueue(send(ROOM, "k1", &["one"])).await.unwrap();
    engine.requested(1).await;
    outbox.enqueue(send(OTHER, "k2", &["two"])).await.unwrap();
    sent(&outbox, "k2").await;
    assert!(began.elapsed() < wait);
    // No hint shortens what the homeserver asked for.
    outbox.wake();
    sent(&outbox, "k1").await;
    assert!(began.elapsed() >= wait);
    assert_eq!(engine.requests.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn out_8_network_trouble_is_sat_out_and_shown() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let trouble = (0..8).map(|at| match at % 4 {
        0 => error(ErrorCode::Network, None),
        1 => error(ErrorCode::Timeout, None),
        2 => error(ErrorCode::Network, Some(502)),
        _ => error(ErrorCode::Internal, Some(500)),
    });
    engine.script(ROOM, trouble);
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    engine.requested(3).await;
    let shown = outbox.health().await.unwrap().error.unwrap();
    assert!(shown.starts_with("refused: "), "{shown}");
    sent(&outbox, "k").await;
    assert_eq!(engine.requests.lock().unwrap().len(), 9);
    assert_eq!(outbox.health().await.unwrap().error, None);
}

#[tokio::test]
async fn out_8_a_hint_that_the_network_is_back_ends_the_wait() {
    let home = Home::new();
    let pace = Pace {
        first: Duration::from_secs(300),
        ..Pace::default()
    };
    let outbox = home.open_with(pace).await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(ROOM, [error(ErrorCode::Network, None)]);
    engine.script(OTHER, [error(ErrorCode::AuthExpired, Some(401))]);
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k1", &["one"])).await.unwrap();
    outbox.enqueue(send(OTHER, "k2", &["two"])).await.unwrap();
    engine.requested(2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // An ended session keeps what waits.
    assert_eq!(outbox.entry("k2").await.unwrap().state, OutboxState::Queued);
    outbox.wake();
    sent(&outbox, "k1").await;
    sent(&outbox, "k2").await;
}

#[tokio::test]
async fn out_8_a_refused_send_ends_with_its_cause_and_blocks_nobody() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let mut too_large = Error::new(ErrorCode::Internal, "event too large");
    too_large.errcode = Some("M_TOO_LARGE".to_owned());
    too_large.status = Some(413);
    engine.script(
        ROOM,
        [
            error(ErrorCode::Forbidden, Some(403)),
            Answer::After(Duration::ZERO),
            Answer::Error(too_large),
        ],
    );
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k1", &["a", "b"])).await.unwrap();
    outbox
        .enqueue(send(ROOM, "k2", &["c", "d", "e"]))
        .await
        .unwrap();
    outbox.enqueue(send(ROOM, "k3", &["f"])).await.unwrap();
    sent(&outbox, "k3").await;
    let entry = outbox.entry("k1").await.unwrap();
    assert_eq!(
        (entry.state, entry.event_ids.len()),
        (OutboxState::Failed, 0)
    );
    let cause = entry.error.unwrap();
    assert_eq!(
        (cause.code, cause.status),
        (ErrorCode::Forbidden, Some(403))
    );
    let entry = outbox.entry("k2").await.unwrap();
    assert_eq!(
        (entry.state, entry.event_ids.len()),
        (OutboxState::Failed, 1)
    );
    let cause = entry.error.unwrap();
    assert_eq!(cause.errcode.as_deref(), Some("M_TOO_LARGE"));
    assert_eq!(cause.message, "event too large");
    // Later parts of a failed send are not sent.
    assert_eq!(engine.bodies(), ["c", "f"]);
    assert_eq!(outbox.health().await.unwrap().failed, 4);
}

#[tokio::test]
async fn out_8_a_defect_is_tried_five_times() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let defects = (0..4).map(|_| error(ErrorCode::Internal, None));
    engine.script(ROOM, defects.chain([Answer::Panic]));
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k1", &["one"])).await.unwrap();
    outbox.enqueue(send(ROOM, "k2", &["two"])).await.unwrap();
    let entry = outbox.wait("k1", SOON).await.unwrap();
    assert_eq!(entry.state, OutboxState::Failed);
    assert_eq!(entry.error.unwrap().code, ErrorCode::Internal);
    sent(&outbox, "k2").await;
    assert_eq!(engine.bodies(), ["two"]);
}

#[tokio::test]
async fn out_8_a_request_without_an_end_is_cut_and_repeated() {
    let home = Home::new();
    let pace = Pace {
        first: Duration::from_millis(5),
        request: Duration::from_millis(50),
        ..Pace::default()
    };
    let outbox = home.open_with(pace).await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(ROOM, [Answer::Hang]);
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k", &["one"])).await.unwrap();
    sent(&outbox, "k").await;
    let requests = engine.requests.lock().unwrap();
    assert_eq!(requests[0].txn, requests[1].txn);
}

#[tokio::test]
async fn out_8_after_a_week_a_send_that_never_left_is_given_up_with_the_last_cause() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let refused = || error(ErrorCode::AuthExpired, Some(401));
    engine.script(ROOM, [refused(), refused()]);
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(send(ROOM, "k1", &["one"])).await.unwrap();
    engine.requested(1).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let clock = &outbox.inner.file.clock;
    clock.advance(DAY * 2);
    outbox.wake();
    engine.requested(2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(outbox.entry("k1").await.unwrap().state, OutboxState::Queued);
    clock.advance(DAY * 5);
    outbox.enqueue(send(ROOM, "k2", &["two"])).await.unwrap();
    outbox.wake();
    sent(&outbox, "k2").await;
    let entry = outbox.entry("k1").await.unwrap();
    assert_eq!(entry.state, OutboxState::Failed);
    let cause = entry.error.unwrap();
    assert_eq!(cause.code, ErrorCode::AuthExpired);
    assert!(cause.message.contains("time was over"), "{cause}");
    assert!(!entry.in_doubt);
    assert_eq!(engine.bodies(), ["two"]);
}

#[test]
fn out_8_every_code_has_its_verdict() {
    use verdict::{Verdict, judge};
    let of = |code, status| {
        let mut error = Error::new(code, "");
        error.status = status;
        judge(&error)
    };
    assert_eq!(of(ErrorCode::NotFound, Some(404)), Verdict::Permanent);
    assert_eq!(of(ErrorCode::NotVerified, None), Verdict::Permanent);
    assert_eq!(of(ErrorCode::Internal, Some(400)), Verdict::Permanent);
    assert_eq!(of(ErrorCode::Internal, Some(503)), Verdict::BackOff);
    assert_eq!(of(ErrorCode::RateLimited, Some(429)), Verdict::BackOff);
    assert_eq!(of(ErrorCode::DeviceInUse, None), Verdict::Paused);
    assert_eq!(of(ErrorCode::Closed, None), Verdict::Closing);
    assert_eq!(of(ErrorCode::Internal, None), Verdict::Doubtful);
}
