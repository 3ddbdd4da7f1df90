//! HIS-4: what was said behind a limited timeline, in order, within bounds.

use super::*;
use crate::{
    config::CatchUp,
    engine::HistoryPage,
    error::{Error, ErrorCode},
    fake_engine::FakeEngine,
};

const ROOM: &str = "!a:example.org";
const OTHER: &str = "!b:example.org";
const HOUR: Duration = Duration::from_secs(3600);

fn settings() -> WorkerSettings {
    WorkerSettings {
        own_user: UserId::parse("@bot:example.org").unwrap(),
        catch_up: CatchUp {
            max_age: HOUR * 168,
            max_events: 1000,
        },
        undecryptable_retry: HOUR * 72,
    }
}

fn gap(room: &str, from: &str, to: Option<&str>) -> NewGap {
    NewGap {
        room_id: RoomId::parse(room).unwrap(),
        from: from.to_owned(),
        to: to.map(str::to_owned),
    }
}

fn page(events: Vec<NewEvent>, next: Option<&str>) -> HistoryPage {
    HistoryPage {
        events,
        undecryptable: vec![],
        next: next.map(str::to_owned),
    }
}

/// `$1` before the gap, `$8` and `$9` after it, and a word in another room.
async fn with_gap(inbox: &Inbox, to: Option<&str>) {
    inbox
        .commit(step("t1", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    let mut after = step(
        "t2",
        vec![event(ROOM, "$8"), event(OTHER, "$x"), event(ROOM, "$9")],
    );
    after.gaps = vec![gap(ROOM, "p1", to)];
    inbox.commit(after).await.unwrap();
}

#[tokio::test]
async fn his_4_what_a_gap_hid_comes_before_what_came_after_it() {
    let home = Home::new();
    let inbox = home.open().await;
    with_gap(&inbox, Some("t1")).await;
    assert_eq!(keys(&ready(&inbox).await), ["$1", "$x"]);
    assert_eq!(inbox.counts().await.unwrap().gaps, 1);

    let engine = Arc::new(FakeEngine::new());
    {
        let mut pages = engine.pages.lock().unwrap();
        let newest = ["$5", "$6", "$7"].map(|key| event(ROOM, key)).into();
        pages.insert("p1".into(), page(newest, Some("p2")));
        let mut oldest = page(["$2", "$3"].map(|key| event(ROOM, key)).into(), None);
        oldest.undecryptable = vec![locked_event(ROOM, "$4", "missing-session")];
        pages.insert("p2".into(), oldest);
    }
    let _workers = spawn_workers(inbox.clone(), engine, settings());
    let rows = loop {
        let rows = ready(&inbox).await;
        if !rows.is_empty() {
            break rows;
        }
    };
    assert_eq!(keys(&rows), ["$2", "$3", "$5", "$6", "$7", "$8", "$9"]);
    let late: Vec<bool> = rows.iter().map(|row| row.event.late).collect();
    assert_eq!(late, [true, true, true, true, true, false, false]);
    assert_eq!(inbox.counts().await.unwrap().gaps, 0);
    assert_eq!(inbox.undecryptable(None).await.unwrap()[0].event_id, "$4");
}

#[tokio::test]
async fn his_4_a_crash_in_mid_gap_goes_on_with_the_next_page() {
    let home = Home::new();
    let inbox = home.open().await;
    with_gap(&inbox, Some("t1")).await;
    assert_eq!(drain(&inbox, 2).await, ["$1", "$x"]);
    let engine = Arc::new(FakeEngine::new());
    let newest = vec![event(ROOM, "$6"), event(ROOM, "$7")];
    let first = page(newest, Some("p2"));
    engine.pages.lock().unwrap().insert("p1".into(), first);
    let workers = spawn_workers(inbox.clone(), Arc::clone(&engine) as _, settings());
    // The second page never comes.
    while engine.asked_pages.lock().unwrap().len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(workers);
    assert!(
        ready(&inbox).await.is_empty(),
        "half a gap is not handed out"
    );
    let inbox = home.crash(inbox).await;
    assert!(ready(&inbox).await.is_empty());
    // When the room has waited long enough, the half gap still waits: its
    // oldest page would come last.
    inbox.inner.file.clock.advance(Duration::from_secs(61));
    assert_eq!(drain(&inbox, 2).await, ["$8", "$9"]);
    assert!(ready(&inbox).await.is_empty());
    let last = page(vec![event(ROOM, "$5")], None);
    engine.pages.lock().unwrap().insert("p2".into(), last);
    engine.pages.lock().unwrap().remove("p1");
    let _workers = spawn_workers(inbox.clone(), engine, settings());
    assert_eq!(drain(&inbox, 3).await, ["$5", "$6", "$7"]);
}

#[tokio::test]
async fn his_4_nobody_waits_longer_than_a_minute_for_a_gap() {
    let home = Home::new();
    let inbox = home.open().await;
    with_gap(&inbox, Some("t1")).await;
    assert_eq!(drain(&inbox, 2).await, ["$1", "$x"]);
    inbox.inner.file.clock.advance(Duration::from_secs(61));
    assert_eq!(drain(&inbox, 2).await, ["$8", "$9"]);
    // It is filled all the same, later.
    let engine = Arc::new(FakeEngine::new());
    let only = page(vec![event(ROOM, "$5")], None);
    engine.pages.lock().unwrap().insert("p1".into(), only);
    let _workers = spawn_workers(inbox.clone(), engine, settings());
    assert_eq!(drain(&inbox, 1).await, ["$5"]);
}

#[tokio::test]
async fn his_4_a_forbidden_gap_is_given_up_at_once_and_a_failing_one_tried_again() {
    let home = Home::new();
    let inbox = home.open().await;
    with_gap(&inbox, Some("t1")).await;
    let engine = Arc::new(FakeEngine::new());
    let forbidden = Error::new(ErrorCode::Forbidden, "you are not in the room");
    engine.page_errors.lock().unwrap().push_back(forbidden);
    let _workers = spawn_workers(inbox.clone(), Arc::clone(&engine) as _, settings());
    let all = drain(&inbox, 5).await;
    assert_eq!(all, ["$1", "$x", "skipped:1", "$8", "$9"]);
    assert_eq!(engine.asked_pages.lock().unwrap().len(), 1);

    let unreachable = Error::new(ErrorCode::Network, "connection refused");
    engine.page_errors.lock().unwrap().push_back(unreachable);
    let only = page(vec![event(ROOM, "$20")], None);
    engine.pages.lock().unwrap().insert("p9".into(), only);
    let mut after = step("t3", vec![event(ROOM, "$21")]);
    after.gaps = vec![gap(ROOM, "p9", Some("t2"))];
    inbox.commit(after).await.unwrap();
    assert_eq!(drain(&inbox, 2).await, ["$20", "$21"]);
}

#[tokio::test]
async fn his_4_an_unwilling_homeserver_is_asked_ten_times_an_unreachable_one_for_ever() {
    let home = Home::new();
    let inbox = home.open().await;
    with_gap(&inbox, Some("t1")).await;
    let clock = Arc::clone(&inbox.inner.file.clock);
    let engine = Arc::new(FakeEngine::new());
    {
        let mut errors = engine.page_errors.lock().unwrap();
        errors.extend((0..12).map(|_| Error::new(ErrorCode::Network, "no route")));
        errors.extend((0..20).map(|_| {
            let mut error = Error::new(ErrorCode::Network, "502");
            error.status = Some(502);
            error
        }));
    }
    let workers = spawn_workers(inbox.clone(), Arc::clone(&engine) as _, settings());
    while inbox.counts().await.unwrap().gaps == 1 {
        clock.advance(Duration::from_secs(120));
        // The workers look again when something happens.
        inbox.inner.gap_work.notify_waiters();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    drop(workers);
    assert_eq!(engine.asked_pages.lock().unwrap().len(), 22);
}

#[tokio::test]
async fn his_4_the_bounds_of_age_and_number_hold() {
    let home = Home::new();
    let inbox = home.open().await;
    let mut settings = settings();
    settings.catch_up.max_events = 3;
    let mut first = step("t1", vec![]);
    first.gaps = vec![gap(ROOM, "p1", None), gap(OTHER, "q1", None)];
    inbox.commit(first).await.unwrap();
    let engine = Arc::new(FakeEngine::new());
    {
        let mut pages = engine.pages.lock().unwrap();
        let newest = ["$3", "$4"].map(|key| event(ROOM, key)).into();
        pages.insert("p1".into(), page(newest, Some("p2")));
        let older = ["$1", "$2"].map(|key| event(ROOM, key)).into();
        pages.insert("p2".into(), page(older, Some("p3")));
        let mut old = event(OTHER, "$old");
        old.origin_server_ts -= (HOUR * 169).as_millis() as u64;
        pages.insert(
            "q1".into(),
            page(vec![old.clone(), event(OTHER, "$new")], Some("q2")),
        );
        pages.insert("q2".into(), page(vec![old], Some("q3")));
    }
    let workers = spawn_workers(inbox.clone(), Arc::clone(&engine) as _, settings);
    while inbox.counts().await.unwrap().gaps > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(workers);
    let mut rows = ready(&inbox).await;
    rows.sort_by_key(|row| row.event.room_id.clone());
    assert_eq!(
        keys(&rows),
        ["skipped:1", "$2", "$3", "$4", "skipped:2", "$new"]
    );
    let notice = |at: usize| -> crate::event::Skipped {
        serde_json::from_str(&rows[at].event.json).unwrap()
    };
    let (number, age) = (notice(0), notice(4));
    assert_eq!(number.bound, crate::event::SkippedBound::MaxEvents);
    assert_eq!(number.at_least, 1);
    assert_eq!(number.until, Some(rows[1].event.origin_server_ts));
    assert_eq!(age.bound, crate::event::SkippedBound::MaxHours);
    assert_eq!((age.at_least, age.since), (2, None));
    let asked = engine.asked_pages.lock().unwrap();
    assert!(!asked.iter().any(|from| from == "p3" || from == "q3"));
}

#[tokio::test]
async fn his_4_a_gap_stops_where_we_have_been_even_if_the_homeserver_does_not() {
    for to in [None, Some("t1")] {
        let home = Home::new();
        let inbox = home.open().await;
        with_gap(&inbox, to).await;
        let engine = Arc::new(FakeEngine::new());
        let met = ["$0", "$1", "$2", "$8"].map(|key| event(ROOM, key));
        let only = page(met.into(), Some("further"));
        engine.pages.lock().unwrap().insert("p1".into(), only);
        let _workers = spawn_workers(inbox.clone(), Arc::clone(&engine) as _, settings());
        let mut all = drain(&inbox, 5).await;
        all.retain(|key| key != "$x");
        // Nothing from before, and what came after the gap is no end of it.
        assert_eq!(all, ["$1", "$2", "$8", "$9"]);
        assert!(ready(&inbox).await.is_empty());
        assert_eq!(*engine.asked_pages.lock().unwrap(), ["p1"]);
    }
}
