//! A homeserver that sends nonsense: no panic, no stop, nothing of the rest lost, and no
//! memory kept.

use std::process::Command;

use matrix_core::{SyncState, event::InboundEvent};
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::{
    nonsense::{malformed, state_nonsense, to_device_nonsense},
    support::{
        Homeserver, PATIENCE, ROOM, base, by_password, health, joined, run, running, text, texts,
    },
};

/// Malformed events in one answer, answers, and good events between them.
const EVENTS: usize = 1_000;
const ANSWERS: usize = 10;
const GOOD: usize = 5;

/// How much more memory the last 8,000 events may leave behind than the first 2,000.
const GROWTH: u64 = 32 << 20;

/// Set for the process that has nothing else to do, so that its memory is that of the test.
const ALONE: &str = "MATRIX_CORE_TEST_ALONE";

/// The answer after `since`: malformed events with good ones between them.
fn answer(since: usize) -> Vec<u8> {
    let mut events = Vec::new();
    for index in 0..EVENTS {
        if index % (EVENTS / GOOD) == 0 {
            let number = since * GOOD + index / (EVENTS / GOOD);
            events.push(text(&format!("$good{number}"), &format!("good {number}")).to_string());
        }
        events.push(malformed(since * EVENTS + index));
    }
    if since == 0 || since == ANSWERS - 1 {
        let huge = text("$huge", &"x".repeat(10 << 20)).to_string();
        events.push(huge);
    }
    format!(
        r#"{{"next_batch": "{}", "rooms": {{"join": {{"{ROOM}": {{
            "state": {{"events": [{}]}},
            "timeline": {{"events": [{}], "limited": false, "prev_batch": "before"}},
            "ephemeral": {{"events": [5]}}, "account_data": {{"events": ["x"]}}
        }}}}}},
        "to_device": {{"events": [{}]}},
        "device_one_time_keys_count": {{"signed_curve25519": 50}}}}"#,
        since + 1,
        state_nonsense().join(","),
        events.join(","),
        to_device_nonsense().join(","),
    )
    .into_bytes()
}

/// Resident memory, bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes << 10
}

#[test]
#[cfg(target_os = "linux")]
fn ins_11_sta_2_ten_thousand_malformed_events() {
    if std::env::var_os(ALONE).is_some() {
        return run(ten_thousand());
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "malformed::ins_11_sta_2_ten_thousand_malformed_events",
            "--nocapture",
        ])
        .env(ALONE, "1")
        // What is freed goes back to the system at once: what is resident is in use, not kept by glibc.
        .envs([
            ("MALLOC_ARENA_MAX", "1"),
            ("MALLOC_MMAP_THRESHOLD_", "131072"),
            ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ])
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    eprintln!("{}", text(&output.stderr));
    assert!(
        output.status.success(),
        "{}\n{}",
        output.status,
        text(&output.stdout)
    );
}

async fn ten_thousand() {
    let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
    homeserver.sync("", json!({"next_batch": "0"}));
    homeserver.state().made = Some(|since| {
        let since: usize = since.parse().ok()?;
        if since == ANSWERS {
            let last = text("$last", &format!("good {}", ANSWERS * GOOD));
            return Some(joined("end", false, &[last]).to_string().into_bytes());
        }
        (since < ANSWERS).then(|| answer(since))
    });
    let account = homeserver.open(dir.path(), by_password()).await;
    account.start();
    let (mut good, mut others, mut early) = (Vec::new(), 0, 0);
    let all = async {
        while good.len() <= ANSWERS * GOOD {
            let batch = account.next_batch(100).await.unwrap().expect("closed");
            let seqs: Vec<i64> = batch.iter().map(|event| base(event).seq).collect();
            account.settle(&seqs).await.unwrap();
            for event in batch {
                match event {
                    InboundEvent::Message { text, .. } if text.starts_with("good ") => {
                        good.push(text);
                    }
                    _ => others += 1,
                }
            }
            if early == 0 && good.len() > 2 * GOOD {
                early = memory();
            }
        }
    };
    tokio::time::timeout(10 * PATIENCE, all)
        .await
        .expect("it stopped");
    let expected: Vec<_> = (0..=ANSWERS * GOOD)
        .map(|number| format!("good {number}"))
        .collect();
    assert_eq!(good, expected);
    running(&account).await;
    let end = health(&account, |health| {
        health.inbox.waiting + health.inbox.leased == 0
    })
    .await;
    assert_eq!(end.inbox.dead_letters, 0);
    let (late, tries) = (memory(), homeserver.state().asked.len());
    eprintln!(
        "{others} other events, {} undecryptable, {tries} requests, {} MB after 2,000 and {} MB after 10,000",
        end.undecryptable.waiting,
        early >> 20,
        late >> 20,
    );
    assert!(late < early + GROWTH, "{early} bytes, then {late}");
    account.close().await;
}

/// To-device messages of somebody who sends more than anybody could mean.
const FLOOD: usize = 5_000;

#[test]
fn enc_4_a_flood_of_to_device_messages_holds_nothing_up() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        homeserver.sync("", json!({"next_batch": "0"}));
        homeserver.state().made = Some(|since| {
            if since != "0" {
                return None;
            }
            let kinds = to_device_nonsense();
            let flood: Vec<&str> = (0..FLOOD)
                .map(|n| kinds[n % kinds.len()].as_str())
                .collect();
            let mut answer = joined("1", false, &[text("$with", "with the flood")]);
            answer["to_device"] = json!({"events": ["FLOOD"]});
            let answer = answer.to_string().replace("\"FLOOD\"", &flood.join(","));
            Some(answer.into_bytes())
        });
        homeserver.sync("1", joined("2", false, &[text("$after", "after it")]));
        let account = homeserver.open(dir.path(), by_password()).await;
        let begun = std::time::Instant::now();
        account.start();
        let heard = texts(&account, 2).await;
        assert_eq!(heard, ["with the flood", "after it"]);
        eprintln!("{FLOOD} to-device messages: {:?}", begun.elapsed());
        running(&account).await;
        account.close().await;
    });
}

/// One event in two rooms, as a homeserver may name it in rooms of the first versions.
#[test]
fn ses_11_an_event_id_that_two_rooms_share_is_two_events() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        homeserver.sync("", json!({"next_batch": "0"}));
        let mut answer = joined("1", false, &[text("$same", "here")]);
        let mut other = answer["rooms"]["join"][ROOM].clone();
        other["timeline"]["events"] = json!([
            text("$same", "there"),
            // Somebody else's edit and redaction, by the id alone: of another room's event.
            {
                "type": "m.room.message", "event_id": "$edit", "sender": "@mallory:test",
                "origin_server_ts": 5, "content": {
                    "msgtype": "m.text", "body": "* forged",
                    "m.new_content": {"msgtype": "m.text", "body": "forged"},
                    "m.relates_to": {"rel_type": "m.replace", "event_id": "$same"},
                },
            },
            {
                "type": "m.room.redaction", "event_id": "$gone", "sender": "@human:test",
                "origin_server_ts": 6, "redacts": "$same", "content": {"redacts": "$same"},
            },
        ]);
        answer["rooms"]["join"]["!other:test"] = other;
        homeserver.sync("0", answer);
        let account = homeserver.open(dir.path(), by_password()).await;
        account.start();
        health(&account, |health| health.inbox.waiting > 0).await;
        let mut heard = Vec::new();
        for event in account.next_batch(10).await.unwrap().unwrap() {
            if let InboundEvent::Message { base, text, .. } = event {
                heard.push((base.room_id, text));
            }
        }
        assert_eq!(heard, [(ROOM.to_owned(), "here".to_owned())]);
        account.close().await;
    });
}

/// Parts of an answer that are no events, each wrong once.
#[test]
fn sta_2_an_answer_with_a_wrong_part_costs_a_retry_at_most() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        homeserver.sync("", joined("0", true, &[text("$old", "long ago")]));
        let wrong = [
            ("rooms", json!({"join": 5})),
            ("rooms", json!({"join": {"no room": {}}})),
            ("rooms", json!({"join": {ROOM: 5}})),
            (
                "rooms",
                json!({"join": {ROOM: {"timeline": {"events": {}}}}}),
            ),
            (
                "rooms",
                json!({"join": {ROOM: {"timeline": {"limited": "perhaps"}}}}),
            ),
            ("rooms", json!({"join": {ROOM: {"state": {"events": 5}}}})),
            ("rooms", json!({"leave": {ROOM: 5}})),
            (
                "rooms",
                json!({"invite": {ROOM: {"invite_state": {"events": [5, {}]}}}}),
            ),
            ("account_data", json!(5)),
            (
                "account_data",
                json!({"events": [5, {"type": "m.direct", "content": []}]}),
            ),
            ("to_device", json!("x")),
            ("to_device", json!({"events": [5, null, {"type": 5}]})),
            ("device_one_time_keys_count", json!("many")),
            (
                "device_one_time_keys_count",
                json!({"signed_curve25519": -1}),
            ),
            ("device_lists", json!({"changed": ["nobody"]})),
            ("next_batch", json!(5)),
        ];
        for (step, (part, value)) in wrong.iter().enumerate() {
            let event = text(&format!("${step}"), &format!("{step}"));
            let good = joined(&format!("{}", step + 1), false, &[event]);
            let mut bad = good.clone();
            merge(&mut bad[*part], value);
            let since = step.to_string();
            homeserver.sync(&since, bad);
            homeserver.sync(&since, good);
        }
        homeserver.sync(
            &wrong.len().to_string(),
            joined("end", false, &[text("$end", "end")]),
        );
        let account = homeserver.open(dir.path(), by_password()).await;
        account.start();
        for (step, (part, value)) in wrong.iter().enumerate() {
            eprintln!("{part}: {value}");
            assert_eq!(texts(&account, 1).await, [step.to_string()]);
        }
        assert_eq!(texts(&account, 1).await, ["end"]);
        health(&account, |health| health.sync.state == SyncState::Running).await;
        account.close().await;
    });
}

/// Puts what is wrong beside what is right, where there is a place for both.
fn merge(into: &mut Value, wrong: &Value) {
    match (into, wrong) {
        (Value::Object(into), Value::Object(wrong)) => {
            for (key, wrong) in wrong {
                merge(into.entry(key).or_insert(Value::Null), wrong);
            }
        }
        (into, wrong) => *into = wrong.clone(),
    }
}
