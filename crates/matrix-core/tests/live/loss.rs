//! A device that lost its keys: what takes its place verifies itself with the recovery key
//! that the folder keeps, is connected to the backup, and reads what only that one holds.

use std::{fs, path::Path};

use matrix_core::{
    Account, ErrorCode, NoticeKind, Secret,
    crypto::{BackupIssue, Bootstrap, Recovered},
};
use tempfile::tempdir;

use crate::{
    backup::{Talk, holds, reads, talk},
    second_client::SecondClient,
    support::{Homeserver, live, next_message, running, say},
};

/// A way to lose the keys of a device.
type Loss = fn(&Path);

fn deleted(folder: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("store/matrix-sdk-crypto.sqlite3{suffix}");
        let _ = fs::remove_file(folder.join(name));
    }
}

fn damaged(folder: &Path) {
    let path = folder.join("store/matrix-sdk-crypto.sqlite3");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
}

/// As if the number outside were of a later state of the store.
fn rolled_back(folder: &Path) {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let outside = folder.with_file_name(format!("{name}.generation"));
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&outside).unwrap()).unwrap();
    json["stores"][0]["generation"] = serde_json::json!(1_000_000);
    fs::write(&outside, json.to_string()).unwrap();
}

/// As after the homeserver refused its one-time keys.
fn refused(folder: &Path) {
    let account = fs::read(folder.join("account.json")).unwrap();
    let account: serde_json::Value = serde_json::from_slice(&account).unwrap();
    let note = serde_json::json!({ "schema": 1, "device_id": account["device_id"], "at": 0 });
    fs::write(folder.join("keys-refused.json"), note.to_string()).unwrap();
}

async fn recover_with_kept_key(account: &Account) -> matrix_core::Result<Recovered> {
    let encryption = account.encryption_to_change().await?;
    Box::pin(encryption.recover_with_kept_key()).await
}

async fn assert_back(account: &Account, talk: &Talk) {
    let status = Box::pin(account.encryption_status()).await.unwrap();
    assert!(status.cross_signing_verified, "{status:?}");
    assert!(status.recovery_key_stored, "{status:?}");
    assert_eq!(status.backup.issue(), BackupIssue::Ok, "{status:?}");
    assert_eq!(
        reads(account, &talk.room, &talk.said).await,
        "before the disk was lost"
    );
    // And the conversation goes on, both ways.
    say(&talk.alice, &talk.room, "welcome back").await;
    assert_eq!(next_message(account).await.0, "welcome back");
    say(account, &talk.room, "here I am").await;
    assert_eq!(next_message(&talk.alice).await.0, "here I am");
}

async fn lose_and_come_back(homeserver: &Homeserver, loss: Loss) {
    let talk = talk(homeserver, "loses").await;
    holds(homeserver, &talk.person, 1).await;
    let device = talk.account.identity().device_id;
    talk.account.close().await;
    loss(talk.dir.path());
    let account = homeserver
        .run(talk.dir.path(), talk.person.by_password())
        .await;
    assert_ne!(account.identity().device_id, device);
    let notices = account.health().await.unwrap().notices;
    assert!(
        matches!(&notices[..], [notice] if notice.kind == NoticeKind::CryptoStore),
        "{notices:?}"
    );
    let before = Box::pin(account.encryption_status()).await.unwrap();
    assert!(
        !before.cross_signing_verified && before.recovery_key_stored,
        "{before:?}"
    );
    let recovered = recover_with_kept_key(&account).await.unwrap();
    assert!(
        recovered.device_owner_verified && recovered.backup_usable,
        "{recovered:?}"
    );
    assert!(recovered.refusals.is_empty(), "{recovered:?}");
    assert_back(&account, &talk).await;
    account.close().await;
    talk.alice.close().await;
}

#[test]
fn bkp_4_enc_4_a_deleted_crypto_store_comes_back_by_the_kept_key() {
    live(|homeserver| async move { lose_and_come_back(&homeserver, deleted).await });
}

#[test]
fn bkp_4_enc_4_a_damaged_crypto_store_comes_back_by_the_kept_key() {
    live(|homeserver| async move { lose_and_come_back(&homeserver, damaged).await });
}

#[test]
fn bkp_4_enc_4_an_older_copy_comes_back_by_the_kept_key() {
    live(|homeserver| async move { lose_and_come_back(&homeserver, rolled_back).await });
}

#[test]
fn bkp_4_enc_4_a_device_with_refused_keys_comes_back_by_the_kept_key() {
    live(|homeserver| async move { lose_and_come_back(&homeserver, refused).await });
}

#[test]
fn enc_7_a_deleted_state_store_leaves_verification_and_backup_as_they_are() {
    live(|homeserver| async move {
        let talk = talk(&homeserver, "state-lost").await;
        holds(&homeserver, &talk.person, 1).await;
        let before = homeserver.foundations(&talk.person).await;
        let device = talk.account.identity().device_id;
        talk.account.close().await;
        for suffix in ["", "-wal", "-shm"] {
            let name = format!("store/matrix-sdk-state.sqlite3{suffix}");
            let _ = fs::remove_file(talk.dir.path().join(name));
        }
        let account = homeserver
            .run(talk.dir.path(), talk.person.by_password())
            .await;
        assert_eq!(account.identity().device_id, device);
        assert_back(&account, &talk).await;
        assert_eq!(homeserver.foundations(&talk.person).await, before);
        account.close().await;
        talk.alice.close().await;
    });
}

#[test]
fn bkp_4_without_the_store_key_the_kept_key_is_gone_and_the_configured_one_serves() {
    live(|homeserver| async move {
        let talk = talk(&homeserver, "store-key").await;
        holds(&homeserver, &talk.person, 1).await;
        talk.account.close().await;
        fs::write(talk.dir.path().join("store.key"), b"noise").unwrap();
        let account = homeserver
            .run(talk.dir.path(), talk.person.by_password())
            .await;
        let missing = recover_with_kept_key(&account).await.unwrap_err();
        assert_eq!(missing.code, ErrorCode::RecoveryKeyInvalid, "{missing}");
        assert!(
            missing.message.contains("--recovery-key-stdin"),
            "{missing}"
        );
        {
            let encryption = account.encryption_to_change().await.unwrap();
            let key = Secret::new(talk.key.as_str());
            let recovered = Box::pin(encryption.recover(&key)).await.unwrap();
            assert!(recovered.device_owner_verified, "{recovered:?}");
        }
        assert_back(&account, &talk).await;
        account.close().await;
        talk.alice.close().await;
    });
}

#[test]
fn ver_3_a_recovery_key_rotated_elsewhere_leaves_the_device_verified_and_the_kept_one_is_not_used()
{
    live(|homeserver| async move {
        let person = homeserver.register("rotated-elsewhere").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let key = crate::backup::set_up(&account).await;
        let element = SecondClient::new(&homeserver, &person).await;
        Box::pin(element.client.encryption().recovery().recover(&key))
            .await
            .unwrap();
        let rotated = Box::pin(std::future::IntoFuture::into_future(
            element.client.encryption().recovery().reset_key(),
        ))
        .await
        .unwrap();

        let status = Box::pin(account.encryption_status()).await.unwrap();
        assert!(status.cross_signing_verified && !status.recovery_key_stored);
        assert_eq!(status.backup.issue(), BackupIssue::Ok, "{status:?}");
        let missing = recover_with_kept_key(&account).await.unwrap_err();
        assert_eq!(missing.code, ErrorCode::RecoveryKeyInvalid, "{missing}");
        // Setting up again changes nothing: the device has all that the storage holds.
        let foundations = homeserver.foundations(&person).await;
        {
            let encryption = account.encryption_to_change().await.unwrap();
            let done = Box::pin(encryption.bootstrap(&Bootstrap::default()))
                .await
                .unwrap();
            assert_eq!(done, matrix_core::crypto::Bootstrapped::default());
            let former = Box::pin(encryption.recover(&Secret::new(key.as_str())))
                .await
                .unwrap();
            assert_eq!(former.refusals, [matrix_core::crypto::Refusal::FormerKey]);
            assert!(former.device_owner_verified, "{former:?}");
            let taken = Box::pin(encryption.recover(&Secret::new(rotated.as_str())))
                .await
                .unwrap();
            assert!(taken.recovery_key_accepted, "{taken:?}");
        }
        assert_eq!(homeserver.foundations(&person).await, foundations);
        assert!(recover_with_kept_key(&account).await.is_ok());
        account.close().await;
    });
}

#[test]
fn ver_11_a_device_deleted_on_the_homeserver_is_told_by_the_status() {
    live(|homeserver| async move {
        let person = homeserver.register("deleted-device").await;
        let dir = tempdir().unwrap();
        let account = homeserver.open(dir.path(), person.by_password()).await;
        account.start();
        running(&account).await;
        assert_eq!(
            Box::pin(account.encryption_status())
                .await
                .unwrap()
                .server_device_known,
            Some(true)
        );
        homeserver
            .delete_device(&person, &account.identity().device_id)
            .await;
        let status = Box::pin(account.encryption_status()).await.unwrap();
        assert_eq!(status.server_device_known, Some(false), "{status:?}");
        account.close().await;
    });
}
