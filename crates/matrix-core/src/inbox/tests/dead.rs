//! HST-3: what ends the process each time it is worked on is given up in the end, and
//! nothing else with it.

use super::*;

const ROOM: &str = "!a:example.org";
const OTHER: &str = "!b:example.org";

#[tokio::test]
async fn hst_3_what_ends_the_process_every_time_becomes_a_dead_letter_and_takes_nobody_along() {
    let home = Home::new();
    let mut inbox = home.open().await;
    let events = ["$1", "$2", "$killer", "$4", "$5"];
    let rooms = [ROOM, OTHER, ROOM, OTHER, ROOM];
    let step_one = events.iter().zip(rooms).map(|(key, room)| event(room, key));
    inbox.commit(step("t", step_one.collect())).await.unwrap();
    let mut answered = Vec::new();
    let mut crashes = 0;
    // Everything is begun; the process ends as soon as the killer is among it.
    loop {
        let rows = ready(&inbox).await;
        if rows.is_empty() {
            break;
        }
        if rows.iter().any(|row| row.event.key == "$killer") {
            crashes += 1;
            assert!(crashes <= 10, "it is never given up");
            inbox = home.crash(inbox).await;
            continue;
        }
        for row in rows {
            inbox.settle(&[row.seq]).await.unwrap();
            answered.push(row.event.key);
        }
    }
    assert_eq!(crashes, 10);
    answered.sort();
    assert_eq!(answered, ["$1", "$2", "$4", "$5"]);
    let dead = inbox.dead_letters().await.unwrap();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].event.as_ref().unwrap().event.key, "$killer");
    assert_eq!((dead[0].crashes, dead[0].failures), (10, 0));
    assert!(dead[0].reason.contains("process ended 10 times"));
    // Resubmitted, it has all its tries again.
    let seq = dead[0].seq;
    assert_eq!(inbox.resubmit(&[seq]).await.unwrap(), [seq]);
    for _ in 0..9 {
        assert_eq!(keys(&ready(&inbox).await), ["$killer"]);
        inbox = home.crash(inbox).await;
    }
    assert_eq!(inbox.counts().await.unwrap().dead_letters, 0);
}

#[tokio::test]
async fn hst_3_an_orderly_end_is_no_crash() {
    let home = Home::new();
    let mut inbox = home.open().await;
    inbox
        .commit(step("t", vec![event(ROOM, "$1")]))
        .await
        .unwrap();
    for _ in 0..12 {
        let rows = ready(&inbox).await;
        assert_eq!(keys(&rows), ["$1"]);
        inbox.adopt(&[rows[0].seq]).await.unwrap();
        inbox.release().await;
        inbox = home.open().await;
    }
    assert_eq!(inbox.counts().await.unwrap().dead_letters, 0);
}
