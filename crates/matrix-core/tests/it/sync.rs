//! What a sync becomes.

use std::time::{Duration, Instant};

use matrix_core::{ErrorCode, NoticeKind, SyncState, event::InboundEvent};
use serde_json::json;
use tempfile::tempdir;

use crate::support::{
    Homeserver, ROOM, USER, base, health, joined, own_member, run, running, text, texts,
};

fn first(homeserver: &Homeserver) {
    homeserver.sync("", joined("s1", true, &[text("$old", "long ago")]));
}

#[test]
fn inv_3_the_first_sync_gives_invites_and_no_history() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        let mut answer = joined("s1", true, &[text("$old", "long ago")]);
        answer["rooms"]["invite"] = json!({"!invite:test": {"invite_state": {"events": [
            {"type": "m.room.name", "sender": "@human:test", "state_key": "", "content": {"name": "A room"}},
            {"type": "m.room.encryption", "sender": "@human:test", "state_key": "",
             "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
            {"type": "m.room.member", "sender": "@human:test", "state_key": USER,
             "content": {"membership": "invite", "is_direct": true}},
        ]}}});
        homeserver.sync("", answer);
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        let batch = account.next_batch(10).await.unwrap().unwrap();
        let [
            InboundEvent::Invite {
                base,
                is_direct,
                room_name,
                room_encrypted,
                ..
            },
        ] = &batch[..]
        else {
            panic!("{batch:?}");
        };
        assert_eq!(base.room_id, "!invite:test");
        assert_eq!(base.sender, "@human:test");
        assert!(*is_direct && *room_encrypted);
        assert_eq!(room_name.as_deref(), Some("A room"));
        homeserver.sync("s1", joined("s2", false, &[text("$new", "now")]));
        assert_eq!(texts(&account, 1).await, ["now"]);
        account.close().await;
    });
}

#[test]
fn his_4_a_limited_timeline_is_filled_before_what_came_after_it() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        homeserver.state().messages.insert(
            "before-s2".into(),
            json!({"start": "before-s2", "chunk": [text("$b", "second"), text("$a", "first")]}),
        );
        homeserver.sync("s1", joined("s2", true, &[text("$c", "third")]));
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        assert_eq!(texts(&account, 3).await, ["first", "second", "third"]);
        account.close().await;
    });
}

#[test]
fn inv_3_a_joined_room_begins_with_the_invite() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        homeserver.sync("", json!({"next_batch": "s1"}));
        homeserver.sync(
            "s1",
            joined(
                "s2",
                true,
                &[
                    text("$a", "before we were asked"),
                    own_member("$b", "invite", None),
                    text("$c", "are you there?"),
                    own_member("$d", "join", Some("invite")),
                    text("$e", "good"),
                ],
            ),
        );
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        assert_eq!(texts(&account, 2).await, ["are you there?", "good"]);
        assert_eq!(account.health().await.unwrap().inbox.gaps, 0);
        account.close().await;
    });
}

#[test]
fn enc_5_what_cannot_be_read_waits() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        let mut encrypted = text("$secret", "");
        encrypted["type"] = "m.room.encrypted".into();
        encrypted["content"] = json!({
            "algorithm": "m.megolm.v1.aes-sha2", "session_id": "session", "device_id": "THEIRS",
            "sender_key": "nothing",
            "ciphertext": "AwgAEnACgAkLmt6qF84IK++J7UDH2Za1YVchHyprqTqsg2yyOwAtHaZTwyNg37afzg8f3r9IsN9rH4RNFg7MaZencUJe4qvELiDiopUjy5wYVDAtqdBzer5bWRD9ldxp1FLgbQvBcjkkywYjCsmsq6+hArELd9oAQZnGKn/qLsK+5uNX3PaWzDRC9wZPQvWYYPCTov3jCwXKTPsLKIiTrcCXDqMvnn8m+T3zF/I2zqxg158tnUwWWIw51UO",
        });
        homeserver.sync(
            "s1",
            joined("s2", false, &[encrypted, text("$clear", "in clear")]),
        );
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        assert_eq!(texts(&account, 1).await, ["in clear"]);
        let waiting = account.health().await.unwrap().undecryptable;
        assert_eq!(waiting.waiting, 1);
        assert_eq!(waiting.causes.len(), 1);
        account.close().await;
    });
}

#[test]
fn ins_11_a_step_that_was_not_committed_is_asked_for_again() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        let account = homeserver.open(dir.path(), auth.clone()).await;
        account.start();
        running(&account).await;
        account.close().await;
        // The inbox as a crash leaves it: the SDK has stored a step it never saw.
        let inbox = dir.path().join("inbox.sqlite3");
        let before = std::fs::read(&inbox).unwrap();
        homeserver.sync("s1", joined("s2", false, &[text("$lost", "not lost")]));
        let account = homeserver.open(dir.path(), auth.clone()).await;
        account.start();
        assert_eq!(texts(&account, 1).await, ["not lost"]);
        account.close().await;
        std::fs::write(&inbox, before).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(dir.path().join(format!("inbox.sqlite3{suffix}")));
        }

        homeserver.sync("s1", joined("s2", false, &[text("$lost", "not lost")]));
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        assert_eq!(texts(&account, 1).await, ["not lost"]);
        account.close().await;
        let asked = homeserver.state().asked.clone();
        assert!(
            asked.iter().filter(|since| *since == "s1").count() >= 2,
            "{asked:?}"
        );
    });
}

#[test]
fn his_4_a_token_the_homeserver_forgot_costs_no_message() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        homeserver.sync_status("s1", 400, json!({"errcode": "M_UNKNOWN_POS", "error": "?"}));
        homeserver.sync("", joined("t1", true, &[text("$b", "second")]));
        homeserver.state().messages.insert(
            "t1".into(),
            json!({"start": "t1", "chunk": [text("$b", "second"), text("$a", "first")]}),
        );
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        assert_eq!(texts(&account, 2).await, ["first", "second"]);
        account.close().await;
    });
}

#[test]
fn sta_2_a_homeserver_in_trouble_is_asked_again() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        let account = homeserver.open(dir.path(), auth).await;
        // More than the SDK tries by itself.
        for _ in 0..4 {
            homeserver.sync_status("s1", 502, json!({}));
        }
        homeserver.sync("s1", joined("s2", false, &[text("$a", "here again")]));
        account.start();
        let retrying = health(&account, |h| h.sync.state == SyncState::Retrying).await;
        assert_eq!(retrying.sync.error.unwrap().0, ErrorCode::Network);
        assert!(retrying.sync.retry_at.is_some());
        running(&account).await;
        assert_eq!(texts(&account, 1).await, ["here again"]);
        account.close().await;
    });
}

#[test]
fn sta_2_an_answer_that_always_breaks_is_set_aside() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        // An event without a type: the SDK stores its token, then fails.
        let broken = json!({"event_id": "$broken", "sender": "@human:test", "origin_server_ts": 1, "content": {}});
        for _ in 0..3 {
            homeserver.sync(
                "s1",
                joined(
                    "s2",
                    false,
                    &[text("$a", "before"), broken.clone(), text("$b", "after")],
                ),
            );
        }
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        assert_eq!(texts(&account, 2).await, ["before", "after"]);
        let asked = homeserver.state().asked.clone();
        let tries = asked.iter().filter(|since| *since == "s1").count();
        assert_eq!(
            tries, 3,
            "the step has to fail before it is set aside: {asked:?}"
        );
        homeserver.sync("s2", joined("s3", false, &[text("$c", "later")]));
        assert_eq!(texts(&account, 1).await, ["later"]);
        // The alarm stays in the status, over a restart too, until its folder is deleted.
        let notices = account.health().await.unwrap().notices;
        assert_eq!(notices.len(), 1, "{notices:?}");
        assert_eq!(notices[0].kind, NoticeKind::SyncStep);
        assert!(notices[0].message.contains("set aside"), "{notices:?}");
        account.close().await;
        let stored = homeserver.token("token", "DEVICE");
        let account = homeserver.open(dir.path(), stored.clone()).await;
        assert_eq!(account.health().await.unwrap().notices, notices);
        account.close().await;
        std::fs::remove_dir_all(dir.path().join("aside")).unwrap();
        let account = homeserver.open(dir.path(), stored).await;
        assert_eq!(account.health().await.unwrap().notices, []);
        account.close().await;
    });
}

#[test]
fn enc_4_a_one_time_key_that_was_used_before_is_named_and_hinders_nothing_else() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        homeserver.state().refuse_upload = Some(
            "One time key signed_curve25519:AAAAAAAAAA0 already exists. Old key: \
             {\"key\":\"a\"}; new key: {'key': 'b'}"
                .into(),
        );
        let account = homeserver.open(dir.path(), auth.clone()).await;
        account.start();
        health(&account, |h| h.duplicate_one_time_keys).await;
        for (since, next, body) in [("s1", "s2", "one"), ("s2", "s3", "two")] {
            homeserver.sync(
                since,
                joined(next, false, &[text(&format!("${body}"), body)]),
            );
        }
        assert_eq!(texts(&account, 2).await, ["one", "two"]);
        running(&account).await;
        {
            // Once before and once after each sync, never in a loop of its own.
            let state = homeserver.state();
            assert!(
                state.uploads.len() <= 2 * state.asked.len() + 2,
                "{} uploads for {} syncs",
                state.uploads.len(),
                state.asked.len()
            );
        }
        account.close().await;
        // The SDK says it once for each store; the trouble is still there after a restart.
        let account = homeserver.open(dir.path(), auth).await;
        assert!(account.health().await.unwrap().duplicate_one_time_keys);
        account.close().await;
    });
}

#[test]
fn aut_8_restrictions_of_the_user_are_told_apart_and_waited_out() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        running(&account).await;
        for (status, errcode, more, says) in [
            (
                403,
                "M_RESOURCE_LIMIT_EXCEEDED",
                json!({"limit_type": "monthly_active_user", "admin_contact": "mailto:admin@test"}),
                "mailto:admin@test",
            ),
            (401, "M_USER_LOCKED", json!({"soft_logout": true}), "unlock"),
            (
                403,
                "M_CONSENT_NOT_GIVEN",
                json!({"consent_uri": "https://test/terms"}),
                "terms",
            ),
        ] {
            let mut answer = json!({"errcode": errcode, "error": "as scripted"});
            answer
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            for _ in 0..2 {
                homeserver.sync_status("s1", status, answer.clone());
            }
            let told = health(&account, |h| h.sync.state == SyncState::Retrying).await;
            let (code, message) = told.sync.error.unwrap();
            assert_eq!(code, ErrorCode::AccountRestricted, "{message}");
            assert!(message.contains(says), "{message}");
            assert!(message.contains(errcode), "{message}");
            running(&account).await;
        }
        assert!(homeserver.state().logins.is_empty());
        account.close().await;
    });
}

#[test]
fn sta_2_no_message_waits_for_a_key_query_that_hangs() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        running(&account).await;
        homeserver.state().hanging.push("keys/query".into());
        // Somebody's devices have changed: they are asked for when the step is taken.
        let mut answer = joined("s2", false, &[text("$a", "meanwhile")]);
        answer["device_lists"] = json!({"changed": [USER]});
        homeserver.sync("s1", answer);
        let began = Instant::now();
        assert_eq!(texts(&account, 1).await, ["meanwhile"]);
        // A request of the SDK's may take 20 s.
        assert!(began.elapsed() < Duration::from_secs(10));
        assert!(health(&account, |_| true).await.sync.state == SyncState::Running);
        account.close().await;
    });
}

#[test]
fn ins_11_membership_of_a_left_room_is_told_and_nothing_else() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("token", "DEVICE");
        first(&homeserver);
        homeserver.sync(
            "s1",
            json!({
                "next_batch": "s2",
                "rooms": {"leave": {ROOM: {"timeline": {"limited": false, "prev_batch": "p", "events": [
                    text("$a", "good bye"), own_member("$b", "leave", Some("join")),
                ]}}}},
            }),
        );
        let account = homeserver.open(dir.path(), auth).await;
        account.start();
        let batch = account.next_batch(10).await.unwrap().unwrap();
        assert!(
            matches!(&batch[..], [InboundEvent::Membership { own: true, .. }]),
            "{batch:?}"
        );
        assert_eq!(base(&batch[0]).room_id, ROOM);
        account.close().await;
    });
}
