//! The room-key backup: what it holds, what a wiped device gets out of it, beginning anew.

use std::time::Instant;

use matrix_core::{
    Account, ErrorCode, Secret,
    crypto::{BackupIssue, BackupStatus, Bootstrap, Restored},
};
use tempfile::{TempDir, tempdir};

use crate::{
    second_client::SecondClient,
    support::{Homeserver, PATIENCE, Person, live, next_invite, next_message, say},
};

pub async fn set_up(account: &Account) -> String {
    let encryption = account.encryption_to_change().await.unwrap();
    Box::pin(encryption.bootstrap(&Bootstrap::default()))
        .await
        .unwrap();
    let key = Box::pin(encryption.recovery_key()).await.unwrap();
    key.unwrap().expose().to_owned()
}

async fn restore(account: &Account, key: Option<&str>) -> matrix_core::Result<Restored> {
    let key = key.map(Secret::new);
    let encryption = account.encryption_to_change().await?;
    Box::pin(encryption.restore_backup(key.as_ref())).await
}

pub async fn backup(account: &Account) -> BackupStatus {
    Box::pin(account.encryption_status()).await.unwrap().backup
}

/// Waits until the homeserver's backup holds this many keys.
pub async fn holds(homeserver: &Homeserver, person: &Person, keys: u64) {
    let begun = Instant::now();
    loop {
        let count = homeserver.backup(person).await["count"].as_u64();
        if count.is_some_and(|count| count >= keys) {
            return;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "the backup holds {count:?} keys"
        );
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

/// A person who writes to a bot with encryption set up; the room and what was said.
pub struct Talk {
    pub person: Person,
    pub dir: TempDir,
    pub account: Account,
    pub key: String,
    pub room: String,
    pub said: String,
    pub alice: Account,
    _alice_dir: TempDir,
}

pub async fn talk(homeserver: &Homeserver, name: &str) -> Talk {
    let person = homeserver.register(name).await;
    let (dir, alice_dir) = (tempdir().unwrap(), tempdir().unwrap());
    let account = homeserver.run(dir.path(), person.by_password()).await;
    let key = set_up(&account).await;
    let alice = homeserver.register("alice").await;
    let alice = homeserver.run(alice_dir.path(), alice.by_password()).await;
    let (room, _) = alice.open_dm(&person.user_id).await.unwrap();
    assert_eq!(next_invite(&account).await, room);
    account.join_room(&room, &[]).await.unwrap();
    say(&alice, &room, "before the disk was lost").await;
    let (text, base) = next_message(&account).await;
    assert_eq!(text, "before the disk was lost");
    Talk {
        person,
        dir,
        account,
        key,
        room,
        said: base.event_id.unwrap(),
        alice,
        _alice_dir: alice_dir,
    }
}

/// The text of an event, once it can be read.
pub async fn reads(account: &Account, room: &str, event_id: &str) -> String {
    let begun = Instant::now();
    loop {
        match account.fetch_message(room, event_id).await {
            Ok(message) => {
                let message = message.expect("the event is there");
                if message.unavailable.is_none() {
                    return message.text;
                }
            }
            Err(error) => eprintln!("DEBUG {:?} {error}", begun.elapsed()),
        }
        assert!(begun.elapsed() < PATIENCE, "it never became readable");
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[test]
fn enc_8_new_room_keys_go_to_the_backup() {
    live(|homeserver| async move {
        let talk = talk(&homeserver, "uploads").await;
        holds(&homeserver, &talk.person, 1).await;
        // Our own answer has a key of its own.
        say(&talk.account, &talk.room, "an answer").await;
        holds(&homeserver, &talk.person, 2).await;
        talk.account.close().await;
        talk.alice.close().await;
    });
}

#[test]
fn bkp_2_a_wiped_folder_comes_back_with_the_recovery_key_alone() {
    live(|homeserver| async move {
        let talk = talk(&homeserver, "wiped").await;
        say(&talk.account, &talk.room, "an answer").await;
        holds(&homeserver, &talk.person, 2).await;
        talk.account.close().await;
        drop(talk.dir);

        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), talk.person.by_password()).await;
        let status = Box::pin(account.encryption_status()).await.unwrap();
        assert!(!status.cross_signing_verified);
        assert_eq!(status.backup.issue(), BackupIssue::KeyNotLoaded);
        let refused = restore(&account, None).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::BackupUnusable);
        assert!(
            refused.message.contains("--recovery-key-stdin"),
            "{refused}"
        );

        let restored = restore(&account, Some(&talk.key)).await.unwrap();
        assert_eq!((restored.imported, restored.total), (2, 2), "{restored:?}");
        assert!(restored.loaded_from_secret_storage);
        assert_eq!(
            reads(&account, &talk.room, &talk.said).await,
            "before the disk was lost"
        );
        let status = Box::pin(account.encryption_status()).await.unwrap();
        assert!(status.cross_signing_verified, "{status:?}");
        assert_eq!(status.backup.issue(), BackupIssue::Ok, "{status:?}");
        // Once more: all is there, and nothing had to be unlocked for it.
        let again = restore(&account, None).await.unwrap();
        assert_eq!((again.imported, again.total), (2, 2));
        assert!(!again.loaded_from_secret_storage);
        // And the conversation goes on.
        say(&talk.alice, &talk.room, "welcome back").await;
        assert_eq!(next_message(&account).await.0, "welcome back");
        account.close().await;
        talk.alice.close().await;
    });
}

#[test]
fn bkp_5_a_missing_key_is_looked_up_in_the_backup() {
    live(|homeserver| async move {
        let talk = talk(&homeserver, "on-demand").await;
        holds(&homeserver, &talk.person, 1).await;
        talk.account.close().await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), talk.person.by_password()).await;
        {
            let encryption = account.encryption_to_change().await.unwrap();
            let key = Secret::new(talk.key.as_str());
            let recovered = Box::pin(encryption.recover(&key)).await.unwrap();
            assert!(recovered.backup_usable, "{recovered:?}");
        }
        // Nothing was restored: the one key comes down because it is asked for.
        assert_eq!(
            reads(&account, &talk.room, &talk.said).await,
            "before the disk was lost"
        );
        account.close().await;
        talk.alice.close().await;
    });
}

#[test]
fn bkp_1_the_backups_state_is_told() {
    live(|homeserver| async move {
        let person = homeserver.register("states").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        assert_eq!(
            backup(&account).await.issue(),
            BackupIssue::MissingServerBackup
        );
        let refused = restore(&account, None).await.unwrap_err();
        assert!(refused.message.contains("verify bootstrap"), "{refused}");
        set_up(&account).await;
        let good = backup(&account).await;
        assert_eq!(good.issue(), BackupIssue::Ok, "{good:?}");

        // Another client begins a new backup and tells nobody its key.
        let element = SecondClient::new(&homeserver, &person).await;
        Box::pin(element.client.encryption().backups().create())
            .await
            .unwrap();
        let replaced = backup(&account).await;
        assert_eq!(replaced.issue(), BackupIssue::KeyMismatch, "{replaced:?}");
        assert_eq!(replaced.trusted, Some(false), "{replaced:?}");
        assert!(replaced.key_load_attempted, "{replaced:?}");
        assert!(replaced.key_load_error.is_some(), "{replaced:?}");
        account.close().await;
    });
}

#[test]
fn bkp_3_a_reset_begins_a_new_backup_under_the_same_recovery_key() {
    live(|homeserver| async move {
        let talk = talk(&homeserver, "reset").await;
        let before = backup(&talk.account).await.server_version;
        let reset = {
            let encryption = talk.account.encryption_to_change().await.unwrap();
            Box::pin(encryption.reset_backup(false)).await.unwrap()
        };
        assert_eq!(reset.previous_version, before);
        assert_eq!(reset.deleted_version, before);
        assert_ne!(Some(&reset.created_version), before.as_ref());
        assert!(!reset.recovery_key_created);
        let after = backup(&talk.account).await;
        assert_eq!(after.issue(), BackupIssue::Ok, "{after:?}");
        assert_eq!(after.server_version.as_ref(), Some(&reset.created_version));
        // What was known goes up again.
        holds(&homeserver, &talk.person, 1).await;
        talk.account.close().await;
        // After a restart it is still the one in use.
        let account = homeserver
            .run(talk.dir.path(), talk.person.by_password())
            .await;
        assert_eq!(backup(&account).await.issue(), BackupIssue::Ok);
        let other = SecondClient::new(&homeserver, &talk.person).await;
        Box::pin(other.client.encryption().recovery().recover(&talk.key))
            .await
            .unwrap();
        assert!(other.client.encryption().backups().are_enabled().await);
        account.close().await;
        talk.alice.close().await;
    });
}

#[test]
fn bkp_3_rotating_makes_the_old_key_open_nothing() {
    live(|homeserver| async move {
        let person = homeserver.register("rotates").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let old = set_up(&account).await;
        let master = homeserver.master_key(&person).await;
        let new = {
            let encryption = account.encryption_to_change().await.unwrap();
            let reset = Box::pin(encryption.reset_backup(true)).await.unwrap();
            assert!(reset.recovery_key_created);
            let key = Box::pin(encryption.recovery_key()).await.unwrap();
            key.unwrap().expose().to_owned()
        };
        assert_ne!(new, old);
        assert_eq!(homeserver.master_key(&person).await, master);
        assert_eq!(backup(&account).await.issue(), BackupIssue::Ok);
        // No secret is left for the former key.
        let secret = homeserver
            .account_data(&person, "m.cross_signing.master")
            .await;
        assert_eq!(secret["encrypted"].as_object().unwrap().len(), 1);
        let other = SecondClient::new(&homeserver, &person).await;
        let recovery = other.client.encryption().recovery();
        assert!(Box::pin(recovery.recover(&old)).await.is_err());
        Box::pin(recovery.recover(&new)).await.unwrap();
        assert!(other.verified().await);
        let encryption = account.encryption_to_change().await.unwrap();
        let former = Box::pin(encryption.recover(&Secret::new(old.as_str())))
            .await
            .unwrap();
        assert_eq!(former.refusals, [matrix_core::crypto::Refusal::FormerKey]);
        drop(encryption);
        account.close().await;
    });
}

#[test]
fn bkp_3_a_reset_that_would_lock_keys_away_is_refused() {
    live(|homeserver| async move {
        let person = homeserver.register("refuses").await;
        let element = SecondClient::new(&homeserver, &person).await;
        element.set_up().await;
        let before = homeserver.foundations(&person).await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let encryption = account.encryption_to_change().await.unwrap();
        let plain = Box::pin(encryption.reset_backup(false)).await.unwrap_err();
        assert_eq!(plain.code, ErrorCode::RecoveryKeyInvalid);
        let rotated = Box::pin(encryption.reset_backup(true)).await.unwrap_err();
        assert_eq!(rotated.code, ErrorCode::NotVerified);
        drop(encryption);
        assert_eq!(homeserver.foundations(&person).await, before);
        account.close().await;
    });
}
