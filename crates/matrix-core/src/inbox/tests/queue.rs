//! In once, out in order, finished once.

use super::*;
use crate::error::ErrorCode;

const ROOM: &str = "!a:example.org";
const OTHER: &str = "!b:example.org";

#[tokio::test]
async fn ins_11_a_step_that_comes_again_is_handed_out_once() {
    let home = Home::new();
    let inbox = home.open().await;
    for _ in 0..2 {
        inbox
            .commit(step("t1", vec![event(ROOM, "$1"), event(ROOM, "$2")]))
            .await
            .unwrap();
    }
    let rows = ready(&inbox).await;
    assert_eq!(keys(&rows), ["$1", "$2"]);
    inbox.settle(&[rows[0].seq, rows[1].seq]).await.unwrap();
    // Settled is settled, even for another process that gets the step again.
    let inbox = home.crash(inbox).await;
    inbox
        .commit(step("t1", vec![event(ROOM, "$1"), event(OTHER, "$1")]))
        .await
        .unwrap();
    let rows = ready(&inbox).await;
    assert_eq!(
        rows.len(),
        1,
        "the same key in another room is another event"
    );
    assert_eq!(rows[0].event.room_id, OTHER);
    assert_eq!(inbox.token().await.unwrap().as_deref(), Some("t1"));
}

#[tokio::test]
async fn ins_11_a_crash_between_any_two_steps_loses_nothing() {
    let home = Home::new();
    let mut inbox = home.open().await;
    assert_eq!(inbox.token().await.unwrap(), None);
    inbox
        .commit(step(
            "t1",
            ["$1", "$2", "$3"].map(|key| event(ROOM, key)).into(),
        ))
        .await
        .unwrap();
    inbox = home.crash(inbox).await;
    assert_eq!(inbox.token().await.unwrap().as_deref(), Some("t1"));
    let rows = ready(&inbox).await;
    assert_eq!(keys(&rows), ["$1", "$2", "$3"]);
    assert!(rows.iter().all(|row| row.attempts == 0));
    // Leased.
    inbox = home.crash(inbox).await;
    let rows = ready(&inbox).await;
    assert_eq!(keys(&rows), ["$1", "$2", "$3"]);
    assert!(rows.iter().all(|row| row.attempts == 1));
    // One adopted, one settled.
    inbox.adopt(&[rows[0].seq]).await.unwrap();
    inbox.settle(&[rows[1].seq]).await.unwrap();
    let counts = inbox.counts().await.unwrap();
    assert_eq!((counts.leased, counts.adopted, counts.waiting), (1, 1, 0));
    inbox = home.crash(inbox).await;
    let rows = ready(&inbox).await;
    assert_eq!(keys(&rows), ["$1", "$3"]);
    assert!(rows.iter().all(|row| row.attempts == 2));
    let seqs: Vec<i64> = rows.iter().map(|row| row.seq).collect();
    inbox.settle(&seqs).await.unwrap();
    inbox = home.crash(inbox).await;
    assert!(ready(&inbox).await.is_empty());
    assert_eq!(inbox.counts().await.unwrap(), InboxCounts::default());
}

#[tokio::test]
async fn a_stored_event_comes_back_as_it_went_in() {
    let home = Home::new();
    let inbox = home.open().await;
    let mut sent = event(ROOM, "$1");
    sent.origin_server_ts = 42;
    inbox.commit(step("t", vec![sent.clone()])).await.unwrap();
    let rows = ready(&inbox).await;
    let got = &rows[0].event;
    assert_eq!(got.json, sent.json);
    assert_eq!(got.sender, sent.sender);
    assert_eq!(got.origin_server_ts, 42);
    assert_eq!(got.trust, sent.trust);
    assert!(got.encrypted && !got.late);
    assert!(rows[0].received_at.abs_diff(now()) < 10_000);
}

#[tokio::test]
async fn next_batch_waits_keeps_order_and_bounds_and_ends_with_close() {
    let home = Home::new();
    let inbox = home.open().await;
    let waiting = tokio::spawn({
        let inbox = inbox.clone();
        async move { inbox.next_batch(2).await.unwrap().unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    inbox
        .commit(step(
            "t",
            vec![event(ROOM, "$1"), event(OTHER, "$2"), event(ROOM, "$3")],
        ))
        .await
        .unwrap();
    assert_eq!(keys(&waiting.await.unwrap()), ["$1", "$2"]);
    assert_eq!(keys(&ready(&inbox).await), ["$3"]);
    let waiting = tokio::spawn({
        let inbox = inbox.clone();
        async move { inbox.next_batch(2).await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(30)).await;
    inbox.close();
    assert!(waiting.await.unwrap().is_none());
    assert!(inbox.next_batch(1).await.unwrap().is_none());
    inbox.settle(&[1]).await.unwrap();
    inbox.release().await;
    let error = inbox.settle(&[1]).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::Closed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_next_batch_strands_no_row() {
    let home = Home::new();
    let inbox = home.open().await;
    let names: Vec<String> = (0..40).map(|n| format!("${n:03}")).collect();
    let events = names.iter().map(|key| event(ROOM, key)).collect();
    inbox.commit(step("t", events)).await.unwrap();
    // Dropped at every stage: before it ran, while the file is read, just done.
    for micros in (0..3000).step_by(50) {
        let call = inbox.next_batch(7);
        let cut = tokio::time::timeout(Duration::from_micros(micros), call).await;
        if let Ok(batch) = cut {
            let seqs: Vec<i64> = batch.unwrap().unwrap().iter().map(|r| r.seq).collect();
            for seq in seqs {
                // Given back by hand, so that it is not this that keeps them.
                inbox
                    .inner
                    .file
                    .run(move |tx, _| events::take_back(tx, &[seq]))
                    .await
                    .unwrap();
            }
        }
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let rows = ready(&inbox).await;
    assert_eq!(keys(&rows), names);
    assert!(rows.iter().all(|row| row.attempts == 0));
}

#[tokio::test]
async fn hst_3_three_failures_make_a_dead_letter_that_can_be_sent_again_or_dropped() {
    let home = Home::new();
    let inbox = home.open().await;
    let clock = Arc::clone(&inbox.inner.file.clock);
    inbox
        .commit(step(
            "t",
            vec![event(ROOM, "$1"), event(ROOM, "$2"), event(OTHER, "$3")],
        ))
        .await
        .unwrap();
    let first = inbox.next_batch(1).await.unwrap().unwrap().remove(0);
    assert!(!inbox.fail(first.seq, "model: 500").await.unwrap());
    // What comes after it in its room waits with it, other rooms do not.
    assert_eq!(keys(&ready(&inbox).await), ["$3"]);
    clock.advance(Duration::from_secs(6));
    let rows = ready(&inbox).await;
    assert_eq!(keys(&rows), ["$1", "$2"]);
    assert_eq!(rows[0].attempts, 1);
    assert!(!inbox.fail(first.seq, "model: 500").await.unwrap());
    clock.advance(Duration::from_secs(6));
    assert!(ready(&inbox).await.is_empty(), "the second rest is longer");
    clock.advance(Duration::from_secs(30));
    assert_eq!(keys(&ready(&inbox).await), ["$1"]);
    assert!(inbox.fail(first.seq, "model: still 500").await.unwrap());
    assert!(
        inbox.fail(first.seq, "again").await.unwrap(),
        "it stays one"
    );
    assert_eq!(inbox.counts().await.unwrap().dead_letters, 1);

    let inbox = home.crash(inbox).await;
    let dead = inbox.dead_letters().await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].reason, "model: still 500");
    assert_eq!(dead[0].failures, 3);
    assert_eq!(dead[0].event.as_ref().unwrap().event.key, "$1");
    let seq = dead[0].seq;
    assert_eq!(inbox.resubmit(&[seq, 999]).await.unwrap(), [seq]);
    assert_eq!(keys(&ready(&inbox).await)[0], "$1", "at its old place");
    for _ in 0..3 {
        inbox.fail(first.seq, "no").await.unwrap();
        inbox.inner.file.clock.advance(Duration::from_secs(40));
        ready(&inbox).await;
    }
    assert_eq!(
        inbox.drop_dead_letters(&[first.seq]).await.unwrap(),
        [first.seq]
    );
    assert!(inbox.dead_letters().await.unwrap().is_empty());
    inbox
        .commit(step("t", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    assert!(ready(&inbox).await.is_empty(), "dropped is finished");
}

#[tokio::test]
async fn a_key_is_remembered_for_thirty_days() {
    let home = Home::new();
    let inbox = home.open().await;
    inbox
        .commit(step("t", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    assert_eq!(drain(&inbox, 1).await, ["$1"]);
    let day = Duration::from_secs(24 * 60 * 60);
    inbox.inner.file.clock.advance(day * 29);
    inbox
        .commit(step("t", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    assert!(ready(&inbox).await.is_empty());
    inbox.inner.file.clock.advance(day * 2);
    inbox.commit(step("t", vec![])).await.unwrap();
    inbox
        .commit(step("t", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    assert_eq!(keys(&ready(&inbox).await), ["$1"]);
}

#[tokio::test]
async fn enc_11_no_text_no_person_and_no_room_stands_in_the_files() {
    let home = Home::new();
    let inbox = home.open().await;
    let mut first = step(
        "token-of-t1",
        vec![event(ROOM, "$event-one"), event(ROOM, "$event-two")],
    );
    first.undecryptable = vec![locked_event(ROOM, "$locked-event", "missing-session")];
    first.gaps = vec![NewGap {
        room_id: RoomId::parse(OTHER).unwrap(),
        from: "from-token".to_owned(),
        to: Some("to-token".to_owned()),
    }];
    inbox.commit(first).await.unwrap();
    let rows = ready(&inbox).await;
    inbox.fail(rows[0].seq, "secret reason").await.unwrap();
    let mut looked_at = 0;
    for entry in std::fs::read_dir(home.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        looked_at += bytes.len();
        for secret in [
            "secret of",
            "secret reason",
            "alice",
            "example.org",
            "event-one",
            "locked-event",
            "token-of",
            "from-token",
            "to-token",
        ] {
            let found = bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
            assert!(!found, "{secret:?} stands in {}", path.display());
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
    }
    assert!(looked_at > 4096);
}

#[tokio::test]
async fn enc_11_a_file_of_another_key_a_newer_one_and_a_broken_one_are_refused() {
    let home = Home::new();
    home.open().await.release().await;
    let stranger = Arc::new(StoreCipher::new().unwrap());
    let error = Inbox::open(&home.path(), stranger).await.err().unwrap();
    assert_eq!(error.code, ErrorCode::StoreCorrupt);
    assert!(error.message.contains("store.key"), "{error}");

    let connection = rusqlite::Connection::open(home.path()).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    let opened = Inbox::open(&home.path(), Arc::clone(&home.cipher)).await;
    let error = opened.err().unwrap();
    assert_eq!(error.code, ErrorCode::StoreNewer);
    assert!(error.message.contains("newer version"), "{error}");

    std::fs::write(home.path(), vec![7u8; 8192]).unwrap();
    let opened = Inbox::open(&home.path(), Arc::clone(&home.cipher)).await;
    let error = opened.err().unwrap();
    assert_eq!(error.code, ErrorCode::StoreCorrupt);
    assert!(error.message.contains("move"), "{error}");
    assert!(error.message.contains("inbox.sqlite3"), "{error}");
}

#[tokio::test]
async fn one_damaged_row_makes_nobody_else_unheard() {
    let home = Home::new();
    let inbox = home.open().await;
    inbox
        .commit(step("t", vec![event(ROOM, "$1"), event(ROOM, "$2")]))
        .await
        .unwrap();
    inbox
        .inner
        .file
        .run(|tx, _| {
            tx.execute("UPDATE events SET payload = x'00' WHERE seq = 1", [])?;
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(keys(&ready(&inbox).await), ["$2"]);
    let dead = inbox.dead_letters().await.unwrap();
    assert!(dead.len() == 1 && dead[0].event.is_none());
}

#[tokio::test]
async fn a_forgotten_token_stays_forgotten_and_rows_stay() {
    let home = Home::new();
    let inbox = home.open().await;
    inbox
        .commit(step("t", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    inbox.forget_token().await.unwrap();
    let inbox = home.crash(inbox).await;
    assert_eq!(inbox.token().await.unwrap(), None);
    assert_eq!(keys(&ready(&inbox).await), ["$1"]);
}

#[tokio::test]
async fn a_full_disk_is_named_and_loses_nothing() {
    let home = Home::new();
    let inbox = home.open().await;
    inbox
        .commit(step("t1", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    inbox
        .inner
        .file
        .run(|tx, _| {
            let pages: i64 = tx.query_row("PRAGMA page_count", [], |r| r.get(0))?;
            tx.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))?;
            Ok(())
        })
        .await
        .unwrap();
    let many = (0..200)
        .map(|at| event(ROOM, &format!("$more{at}")))
        .collect();
    let error = inbox.commit(step("t2", many)).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::StorageFailed);
    assert!(error.message.contains("the disk is full"), "{error}");
    assert!(error.message.contains("inbox.sqlite3"), "{error}");
    assert_eq!(inbox.token().await.unwrap().as_deref(), Some("t1"));
    assert_eq!(keys(&ready(&inbox).await), ["$1"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_place_that_cannot_hold_the_file_is_named() {
    let home = Home::new();
    std::fs::create_dir(home.path()).unwrap();
    let opened = Inbox::open(&home.path(), Arc::clone(&home.cipher)).await;
    let error = opened.err().unwrap();
    assert_eq!(error.code, ErrorCode::StorageFailed);
    assert!(error.message.contains("writable"), "{error}");
}
