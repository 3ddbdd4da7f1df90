//! STR-2: overtaken draft edits are dropped, final ones never.

use super::*;

#[tokio::test]
async fn str_2_only_the_newest_draft_and_every_final_edit_is_sent() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    for at in 1..=3 {
        let draft = edit(&format!("d{at}"), &format!("draft {at}"), true);
        outbox.enqueue(draft).await.unwrap();
    }
    outbox
        .enqueue(send(ROOM, "other", &["another message"]))
        .await
        .unwrap();
    outbox.start(Arc::clone(&engine) as _);
    sent(&outbox, "other").await;
    assert_eq!(engine.bodies(), ["draft 3", "another message"]);
    let overtaken = outbox.wait("d1", SOON).await.unwrap();
    assert_eq!(overtaken.state, OutboxState::Overtaken);
    assert!(overtaken.event_ids.is_empty());
    assert_eq!(sent(&outbox, "d3").await.event_ids.len(), 1);
}

#[tokio::test]
async fn str_2_a_final_edit_overtakes_drafts_and_is_overtaken_by_none() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    let mut elsewhere = edit("e1", "draft of another", true);
    elsewhere.draft_of = Some(EventId::parse("$y").unwrap());
    outbox.enqueue(elsewhere).await.unwrap();
    outbox.enqueue(edit("d1", "draft", true)).await.unwrap();
    outbox.enqueue(edit("f1", "final", false)).await.unwrap();
    outbox
        .enqueue(edit("d2", "a stray draft", true))
        .await
        .unwrap();
    outbox
        .enqueue(edit("f2", "final again", false))
        .await
        .unwrap();
    outbox.start(Arc::clone(&engine) as _);
    sent(&outbox, "f2").await;
    let bodies = engine.bodies();
    assert_eq!(bodies, ["draft of another", "final", "final again"]);
}

#[tokio::test]
async fn str_2_a_draft_on_its_way_is_not_repeated_once_it_is_overtaken() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    engine.script(ROOM, (0..3).map(|_| error(ErrorCode::Network, None)));
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(edit("d1", "draft", true)).await.unwrap();
    engine.requested(1).await;
    outbox.enqueue(edit("f1", "final", false)).await.unwrap();
    // Whoever waits for the draft learns at once that it is done with.
    let overtaken = outbox.wait("d1", SOON).await.unwrap();
    assert_eq!(overtaken.state, OutboxState::Overtaken);
    sent(&outbox, "f1").await;
    assert_eq!(engine.bodies(), ["final"]);
}

#[tokio::test]
async fn str_2_a_draft_that_comes_late_does_not_replace_the_final_text() {
    let home = Home::new();
    let outbox = home.open().await;
    let engine = Arc::new(FakeEngine::new());
    outbox.start(Arc::clone(&engine) as _);
    outbox.enqueue(edit("f1", "final", false)).await.unwrap();
    sent(&outbox, "f1").await;
    outbox.enqueue(edit("d1", "draft", true)).await.unwrap();
    let late = outbox.wait("d1", SOON).await.unwrap();
    assert_eq!(late.state, OutboxState::Overtaken);
    assert_eq!(engine.bodies(), ["final"]);
}
