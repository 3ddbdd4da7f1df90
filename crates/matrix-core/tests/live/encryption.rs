//! Two accounts as each other's people.

use std::time::{Duration, Instant};

use matrix_core::{Account, ErrorCode, OutboxState, event::SenderTrust};
use tempfile::tempdir;

use crate::support::{Homeserver, live, next_invite, next_message, running, say};

/// An encrypted DM that both have joined.
async fn dm(alice: &Account, bob: &Account) -> String {
    let (room, made) = alice.open_dm(&bob.identity().user_id).await.unwrap();
    assert!(made);
    assert_eq!(next_invite(bob).await, room);
    bob.join_room(&room, &[]).await.unwrap();
    room
}

async fn pair(
    homeserver: &Homeserver,
) -> ((Account, tempfile::TempDir), (Account, tempfile::TempDir)) {
    let (alice, bob) = (
        homeserver.register("alice").await,
        homeserver.register("bob").await,
    );
    let (alice_dir, bob_dir) = (tempdir().unwrap(), tempdir().unwrap());
    let alice = homeserver.run(alice_dir.path(), alice.by_password()).await;
    let bob = homeserver.run(bob_dir.path(), bob.by_password()).await;
    ((alice, alice_dir), (bob, bob_dir))
}

#[test]
fn enc_1_an_encrypted_dm_there_and_back() {
    live(|homeserver| async move {
        let ((alice, _a), (bob, _b)) = pair(&homeserver).await;
        let room = dm(&alice, &bob).await;
        say(&alice, &room, "hello **bob**").await;
        let (text, base) = next_message(&bob).await;
        assert_eq!(text, "hello bob");
        assert!(base.encrypted);
        assert_eq!(base.sender_trust, Some(SenderTrust::Unsigned));
        say(&bob, &room, "hello alice").await;
        let (text, base) = next_message(&alice).await;
        assert_eq!(text, "hello alice");
        assert!(base.encrypted);
        let info = bob.room_info(&room).await.unwrap();
        assert!(info.encrypted);
        assert_eq!(info.joined_member_count, 2);
        assert_eq!(info.direct_targets, [alice.identity().user_id]);
        assert_eq!(
            alice.open_dm(&bob.identity().user_id).await.unwrap(),
            (room, false)
        );

        let status = bob.encryption_status().await.unwrap();
        assert!(status.encryption_enabled);
        assert_eq!(status.server_device_known, Some(true));
        assert!(!status.cross_signing_verified);
        alice.close().await;
        bob.close().await;
    });
}

#[test]
fn enc_1_what_was_said_while_it_was_down_is_read() {
    live(|homeserver| async move {
        let ((alice, _a), (bob, bob_dir)) = pair(&homeserver).await;
        let room = dm(&alice, &bob).await;
        say(&alice, &room, "one").await;
        assert_eq!(next_message(&bob).await.0, "one");
        let device = bob.identity();
        // As kill -9 does it: nothing is said good-bye to.
        drop(bob);
        say(&alice, &room, "two").await;
        say(&alice, &room, "three").await;
        let stored = matrix_core::Auth::Stored {
            user_id: None,
            device_id: None,
        };
        let bob = homeserver.open(bob_dir.path(), stored).await;
        assert_eq!(bob.identity(), device);
        bob.start();
        assert_eq!(next_message(&bob).await.0, "two");
        assert_eq!(next_message(&bob).await.0, "three");
        say(&bob, &room, "back").await;
        assert_eq!(next_message(&alice).await.0, "back");
        alice.close().await;
        bob.close().await;
    });
}

#[test]
fn enc_1_a_batch_that_was_not_settled_comes_again() {
    live(|homeserver| async move {
        let ((alice, _a), (bob, bob_dir)) = pair(&homeserver).await;
        let room = dm(&alice, &bob).await;
        say(&alice, &room, "once").await;
        let seen = loop {
            let batch = bob.next_batch(10).await.unwrap().unwrap();
            if let Some(base) = batch.iter().map(crate::support::base).find(|b| b.encrypted) {
                break base.event_id.clone();
            }
        };
        bob.close().await;
        let stored = matrix_core::Auth::Stored {
            user_id: None,
            device_id: None,
        };
        let bob = homeserver.run(bob_dir.path(), stored).await;
        let (text, base) = next_message(&bob).await;
        assert_eq!((text.as_str(), base.event_id), ("once", seen));
        alice.close().await;
        bob.close().await;
    });
}

#[test]
fn out_9_no_plaintext_without_encryption() {
    live(|homeserver| async move {
        let (alice, bob) = (
            homeserver.register("alice").await,
            homeserver.register("bob").await,
        );
        let (alice_dir, bob_dir) = (tempdir().unwrap(), tempdir().unwrap());
        let alice = homeserver.run(alice_dir.path(), alice.by_token()).await;
        let mut config = homeserver.config(bob_dir.path(), bob.by_token());
        config.encryption = false;
        let bob = Account::open(config).await.unwrap();
        bob.start();
        running(&bob).await;
        let room = dm(&alice, &bob).await;
        let refused = bob.react(&room, "$nothing", "👍", None).await.unwrap();
        assert_eq!(refused.state, OutboxState::Failed);
        let error = refused.error.unwrap();
        assert_eq!(error.code, ErrorCode::Forbidden);
        assert!(error.message.contains("`encryption: true`"), "{error}");
        alice.close().await;
        bob.close().await;
    });
}

#[test]
fn sta_2_close_is_quick_and_final() {
    live(|homeserver| async move {
        let (person, dir) = (homeserver.register("close").await, tempdir().unwrap());
        let account = homeserver.run(dir.path(), person.by_token()).await;
        let waiting = tokio::spawn({
            let account = account.clone();
            async move {
                loop {
                    match account.next_batch(1).await.unwrap() {
                        Some(_) => {}
                        None => return,
                    }
                }
            }
        });
        let begun = Instant::now();
        tokio::join!(account.close(), account.close());
        assert!(begun.elapsed() < Duration::from_secs(5));
        waiting.await.unwrap();
        assert_eq!(account.health().await.unwrap_err().code, ErrorCode::Closed);
        assert!(account.health_after(0).await.unwrap().is_none());
        assert_eq!(matrix_core::lock_holder(dir.path()).unwrap(), None);
    });
}
