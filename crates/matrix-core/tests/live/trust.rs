//! Whose keys are believed, and who gets ours.

use matrix_core::{
    Account, ErrorCode, KeyRecipients, OutboxState, Secret,
    send::{ChunkMode, SendTarget, SendText, Tables, TextKind},
};
use matrix_sdk::reqwest::Method;
use ruma::UserId;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::{
    backup::{reads, set_up},
    second_client::SecondClient,
    support::{Homeserver, PATIENCE, live, next_invite, next_message, running, say},
};

/// Sends; the error it ends with.
async fn refused(account: &Account, room_id: &str) -> matrix_core::Error {
    let sent = account
        .send_text(SendText {
            target: SendTarget {
                room_id: room_id.try_into().unwrap(),
                thread_root_id: None,
                reply_to_id: None,
            },
            markdown: "for nobody else".to_owned(),
            kind: TextKind::Text,
            key: None,
            chunk_limit: 4000,
            chunk_mode: ChunkMode::Length,
            live: false,
            tables: Tables::Block,
            extra: Default::default(),
            wait_ms: Some(60_000),
        })
        .await
        .unwrap();
    assert_eq!(sent.state, OutboxState::Failed);
    sent.error.unwrap()
}

/// Waits until the account has heard whose identity changed.
async fn changed(account: &Account, expected: &[(String, bool)]) {
    let told = async {
        let mut version = 0;
        loop {
            let health = account.health_after(version).await.unwrap().unwrap();
            let all = health.changed_identities.into_iter();
            let all: Vec<_> = all.map(|one| (one.user_id, one.was_verified)).collect();
            if all == expected {
                return;
            }
            version = health.version;
        }
    };
    tokio::time::timeout(PATIENCE, told)
        .await
        .expect("the change was not told");
}

/// A room that the human has made and the account has joined.
async fn room(homeserver: &Homeserver, human: &SecondClient, account: &Account) -> String {
    let token = human.client.access_token().unwrap();
    let made = homeserver
        .ask(
            Method::POST,
            "createRoom",
            Some(&token),
            json!({
                "preset": "private_chat", "invite": [account.identity().user_id],
                "initial_state": [{
                    "type": "m.room.encryption", "state_key": "",
                    "content": {"algorithm": "m.megolm.v1.aes-sha2"},
                }],
            }),
        )
        .await;
    let room = made["room_id"].as_str().unwrap().to_owned();
    assert_eq!(next_invite(account).await, room);
    account.join_room(&room, &[]).await.unwrap();
    human.sync().await;
    room
}

#[test]
fn enc_12_error_on_change_sends_nothing_to_a_verified_persons_other_identity() {
    live(|homeserver| async move {
        let bot = homeserver.register_without_device("bot").await;
        let person = homeserver.register_without_device("human").await;
        let dir = tempdir().unwrap();
        let mut config = homeserver.config(dir.path(), bot.by_password());
        config.key_recipients = KeyRecipients::ErrorOnChange;
        let account = Account::open(config).await.unwrap();
        account.start();
        running(&account).await;
        set_up(&account).await;
        let human = SecondClient::new(&homeserver, &person).await;
        human.make_identity().await;
        let room = room(&homeserver, &human, &account).await;
        say(&account, &room, "before").await;

        // Another client of the bot's user verifies the human; the account learns it by sync.
        let key = {
            let encryption = account.encryption().await.unwrap();
            let key = Box::pin(encryption.recovery_key()).await.unwrap();
            key.unwrap().expose().to_owned()
        };
        let element = SecondClient::new(&homeserver, &bot).await;
        Box::pin(element.client.encryption().recovery().recover(&key))
            .await
            .unwrap();
        let user_id = UserId::parse(&person.user_id).unwrap();
        let identity = Box::pin(element.client.encryption().request_user_identity(&user_id))
            .await
            .unwrap()
            .unwrap();
        Box::pin(identity.verify()).await.unwrap();
        // Asks for the human's keys, and with them for the signature.
        let again = account.acknowledge_identity(&person.user_id).await;
        assert!(!again.unwrap(), "nothing to accept");
        say(&account, &room, "verified").await;

        human.replace_identity().await;
        let who = person.user_id.clone();
        changed(&account, &[(who.clone(), true)]).await;
        let error = refused(&account, &room).await;
        assert_eq!(error.code, ErrorCode::NotVerified);
        assert!(error.message.contains(&who), "{error}");
        assert!(
            error.message.contains("openclaw matrix verify acknowledge"),
            "{error}"
        );
        assert!(account.acknowledge_identity(&who).await.unwrap());
        changed(&account, &[]).await;
        say(&account, &room, "accepted").await;
        account.close().await;
    });
}

/// An account of a new user.
async fn sharing(homeserver: &Homeserver, shares: bool) -> (Account, tempfile::TempDir) {
    let person = homeserver.register_without_device("sharing").await;
    let dir = tempdir().unwrap();
    let mut config = homeserver.config(dir.path(), person.by_password());
    config.share_history_on_invite = shares;
    let account = Account::open(config).await.unwrap();
    account.start();
    running(&account).await;
    (account, dir)
}

async fn invite(by: &Account, account: &Account, room: &str) {
    by.invite(room, &account.identity().user_id).await.unwrap();
    assert_eq!(next_invite(account).await, room);
    account.join_room(room, &[]).await.unwrap();
}

#[test]
fn enc_10_who_is_invited_reads_what_was_said_before_if_both_want_it() {
    live(|homeserver| async move {
        let (silent, _silent_dir) = sharing(&homeserver, false).await;
        let (teller, _teller_dir) = sharing(&homeserver, true).await;
        let (stranger, _stranger_dir) = sharing(&homeserver, false).await;
        let (reader, _reader_dir) = sharing(&homeserver, true).await;
        // Keys go from a device that its owner has signed, to such devices alone.
        for account in [&teller, &stranger, &reader] {
            set_up(account).await;
        }
        let friend = homeserver.register_without_device("friend").await;
        for account in [&teller, &silent] {
            let (room, _) = account.open_dm(&friend.user_id).await.unwrap();
            let said = say(account, &room, "long ago").await;
            let event = said.event_ids[0].to_string();
            for invitee in [&stranger, &reader] {
                invite(account, invitee, &room).await;
                let both = account.identity() == teller.identity()
                    && invitee.identity() == reader.identity();
                if both {
                    assert_eq!(reads(invitee, &room, &event).await, "long ago");
                } else {
                    let read = invitee.fetch_message(&room, &event).await.unwrap();
                    assert_eq!(read.unwrap().text, "");
                }
            }
            say(account, &room, "now").await;
            let (text, _) = next_message(&reader).await;
            assert_eq!(text, "now", "what was shared is no news");
        }
        for account in [&teller, &silent, &stranger, &reader] {
            account.close().await;
        }
    });
}

#[test]
fn enc_11_nothing_that_was_said_lies_readable_in_the_folder() {
    live(|homeserver| async move {
        let (alice, bob) = (
            homeserver.register_without_device("alice").await,
            homeserver.register_without_device("bob").await,
        );
        let elsewhere = homeserver
            .ask(
                Method::POST,
                "createRoom",
                Some(&homeserver.log_in(&alice).await.token),
                json!({}),
            )
            .await;
        let (alice_dir, bob_dir) = (tempdir().unwrap(), tempdir().unwrap());
        let alice = homeserver.run(alice_dir.path(), alice.by_password()).await;
        let mut config = homeserver.config(bob_dir.path(), bob.by_password());
        config.store_passphrase = Some(Secret::new("a passphrase of its own"));
        let account = Account::open(config).await.unwrap();
        account.start();
        running(&account).await;
        let (room, _) = alice.open_dm(&account.identity().user_id).await.unwrap();
        assert_eq!(next_invite(&account).await, room);
        account.join_room(&room, &[]).await.unwrap();
        let secrets = [
            "marker-that-was-received",
            "marker-that-was-sent",
            "marker-that-waits-unread",
            "marker-that-waits-unsent",
            "a passphrase of its own",
            bob.password.as_str(),
        ];
        say(&alice, &room, secrets[0]).await;
        assert_eq!(next_message(&account).await.0, secrets[0]);
        say(&account, &room, secrets[1]).await;
        let said = say(&alice, &room, secrets[2]).await;
        let arrived = async {
            while account.health().await.unwrap().inbox.waiting == 0 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.unwrap();
        unsent(&account, elsewhere, secrets[3]).await;
        assert!(
            account
                .fetch_message(&room, said.event_ids[0].as_str())
                .await
                .is_ok()
        );
        let look = || {
            let mut bytes = 0;
            for (path, content) in files(bob_dir.path()) {
                bytes += content.len();
                for secret in secrets {
                    let found = content
                        .windows(secret.len())
                        .any(|at| at == secret.as_bytes());
                    assert!(!found, "{secret:?} in {}", path.display());
                }
            }
            assert!(bytes > 100_000, "the stores are there");
        };
        // With the write-ahead logs as they are while it runs, and as they are left behind.
        look();
        account.close().await;
        look();
        // What can be looked for can be found.
        std::fs::write(bob_dir.path().join("a-copy"), secrets[0]).unwrap();
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).is_err());
        alice.close().await;
    });
}

/// Something that stays in the outbox: into a room the account is not in.
async fn unsent(account: &Account, room: Value, text: &str) {
    let sent = account
        .send_text(SendText {
            target: SendTarget {
                room_id: room["room_id"].as_str().unwrap().try_into().unwrap(),
                thread_root_id: None,
                reply_to_id: None,
            },
            markdown: text.to_owned(),
            kind: TextKind::Text,
            key: None,
            chunk_limit: 4000,
            chunk_mode: ChunkMode::Length,
            live: false,
            tables: Tables::Block,
            extra: Default::default(),
            wait_ms: Some(1),
        })
        .await
        .unwrap();
    assert_ne!(sent.state, OutboxState::Sent);
}

fn files(dir: &std::path::Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            let content = std::fs::read(&path).unwrap();
            all.push((path, content));
        }
    }
    all
}
