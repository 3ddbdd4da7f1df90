//! Encryption set up from whatever half-state an account is in.

use matrix_core::{
    Account, ErrorCode, Secret,
    crypto::{BackupIssue, Bootstrap, Bootstrapped, EncryptionStatus},
};
use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::{
    second_client::SecondClient,
    support::{Homeserver, Person, live},
};

pub async fn bootstrap(account: &Account, options: Bootstrap) -> matrix_core::Result<Bootstrapped> {
    let encryption = account.encryption_to_change().await?;
    Box::pin(encryption.bootstrap(&options)).await
}

pub fn with_key(key: &str) -> Bootstrap {
    Bootstrap {
        recovery_key: Some(Secret::new(key)),
        ..Bootstrap::default()
    }
}

pub fn forced() -> Bootstrap {
    Bootstrap {
        force_reset_cross_signing: true,
        ..Bootstrap::default()
    }
}

pub async fn status(account: &Account) -> EncryptionStatus {
    Box::pin(account.encryption_status()).await.unwrap()
}

/// The kept recovery key.
pub async fn kept_key(account: &Account) -> String {
    let encryption = account.encryption().await.unwrap();
    let key = Box::pin(encryption.recovery_key()).await.unwrap();
    key.unwrap().expose().to_owned()
}

pub fn assert_green(status: &EncryptionStatus) {
    assert!(status.cross_signing_verified, "{status:?}");
    assert!(status.signed_by_owner, "{status:?}");
    assert!(status.private_keys_here, "{status:?}");
    assert!(status.master_key_published, "{status:?}");
    assert!(status.self_signing_key_published, "{status:?}");
    assert!(status.user_signing_key_published, "{status:?}");
    assert_eq!(status.backup.issue(), BackupIssue::Ok, "{status:?}");
    assert_eq!(status.backup.active_version, status.backup.server_version);
}

/// A user, a look from outside at it, and the account of ours.
pub async fn someone(homeserver: &Homeserver, name: &str) -> (Person, TempDir) {
    (homeserver.register(name).await, tempdir().unwrap())
}

/// A device of ours that logs in with the password.
pub async fn ours(homeserver: &Homeserver, person: &Person, dir: &TempDir) -> Account {
    homeserver.run(dir.path(), person.by_password()).await
}

#[test]
fn enc_2_a_fresh_account_is_set_up_and_another_client_opens_it() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "fresh").await;
        let account = ours(&homeserver, &person, &dir).await;
        let before = status(&account).await;
        assert!(!before.cross_signing_verified && !before.master_key_published);
        assert_eq!(before.backup.issue(), BackupIssue::MissingServerBackup);
        assert!(!before.recovery_key_stored);

        let done = bootstrap(&account, Bootstrap::default()).await.unwrap();
        assert_eq!(
            done,
            Bootstrapped {
                identity_created: true,
                identity_replaced: false,
                device_signed: true,
                recovery_key_created: true,
                backup_created: true,
            }
        );
        let after = status(&account).await;
        assert_green(&after);
        assert!(after.recovery_key_stored && after.recovery_key_created_at.is_some());
        let default = homeserver
            .account_data(&person, "m.secret_storage.default_key")
            .await;
        assert_eq!(default["key"].as_str(), after.recovery_key_id.as_deref());
        let backup = homeserver.backup(&person).await;
        assert_eq!(
            backup["version"].as_str(),
            after.backup.server_version.as_deref()
        );

        // What was made here opens there: another client is verified by the key alone.
        let element = SecondClient::new(&homeserver, &person).await;
        assert!(!element.verified().await);
        let recovery = element.client.encryption().recovery();
        Box::pin(recovery.recover(&kept_key(&account).await))
            .await
            .unwrap();
        assert!(element.verified().await);
        assert!(element.client.encryption().backups().are_enabled().await);
        account.close().await;
    });
}

#[test]
fn ver_2_what_is_complete_is_left_as_it_is() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "again").await;
        let account = ours(&homeserver, &person, &dir).await;
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        let (foundations, key) = (
            homeserver.foundations(&person).await,
            kept_key(&account).await,
        );
        let again = bootstrap(&account, Bootstrap::default()).await.unwrap();
        assert_eq!(again, Bootstrapped::default());
        assert_eq!(homeserver.foundations(&person).await, foundations);
        account.close().await;
        // The kept key is still there after a restart, and nothing is made anew.
        let account = ours(&homeserver, &person, &dir).await;
        let again = bootstrap(&account, Bootstrap::default()).await.unwrap();
        assert_eq!(again, Bootstrapped::default());
        assert_eq!(homeserver.foundations(&person).await, foundations);
        assert_eq!(kept_key(&account).await, key);
        assert_green(&status(&account).await);
        account.close().await;
    });
}

#[test]
fn ver_2_an_account_set_up_elsewhere_needs_its_key_and_nothing_is_replaced() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "existing").await;
        let element = SecondClient::new(&homeserver, &person).await;
        let key = element.set_up().await;
        let foundations = homeserver.foundations(&person).await;
        let account = ours(&homeserver, &person, &dir).await;

        let refused = bootstrap(&account, Bootstrap::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotVerified);
        assert!(
            refused.message.contains("--recovery-key-stdin"),
            "{refused}"
        );
        assert_eq!(homeserver.foundations(&person).await, foundations);
        assert!(!status(&account).await.cross_signing_verified);

        let done = bootstrap(&account, with_key(&key)).await.unwrap();
        assert_eq!(
            done,
            Bootstrapped {
                device_signed: true,
                ..Bootstrapped::default()
            }
        );
        assert_eq!(homeserver.foundations(&person).await, foundations);
        let after = status(&account).await;
        assert_green(&after);
        assert!(after.recovery_key_stored);
        account.close().await;
    });
}

#[test]
fn ver_2_a_foreign_identity_without_secret_storage_is_replaced_only_by_force() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "foreign").await;
        let element = SecondClient::new(&homeserver, &person).await;
        element.make_identity().await;
        let master = homeserver.master_key(&person).await;
        let account = ours(&homeserver, &person, &dir).await;

        let refused = bootstrap(&account, Bootstrap::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotVerified);
        assert!(
            refused.message.contains("--force-reset-cross-signing"),
            "{refused}"
        );
        assert_eq!(homeserver.master_key(&person).await, master);

        // The homeserver asks for the password, and gets it (ENC-3).
        let done = bootstrap(&account, forced()).await.unwrap();
        assert!(done.identity_replaced && done.recovery_key_created && done.backup_created);
        assert_ne!(homeserver.master_key(&person).await, master);
        assert_green(&status(&account).await);
        account.close().await;
    });
}

#[test]
fn enc_3_a_refused_reset_leaves_our_identity_alone() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "refused").await;
        // By token: there is no password to answer with.
        let account = homeserver.run(dir.path(), person.by_token()).await;
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        let foundations = homeserver.foundations(&person).await;
        let refused = bootstrap(&account, forced()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::AuthFailed);
        assert!(refused.message.contains("`password`"), "{refused}");
        assert_eq!(homeserver.foundations(&person).await, foundations);
        assert_green(&status(&account).await);
        let again = bootstrap(&account, Bootstrap::default()).await.unwrap();
        assert_eq!(again, Bootstrapped::default());
        account.close().await;
    });
}

#[test]
fn ver_2_force_makes_everything_anew_where_nothing_opens() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "forced").await;
        let element = SecondClient::new(&homeserver, &person).await;
        let old_key = element.set_up().await;
        let old_version = homeserver.backup(&person).await["version"].clone();
        let account = ours(&homeserver, &person, &dir).await;
        let done = bootstrap(&account, forced()).await.unwrap();
        assert!(done.identity_replaced && done.recovery_key_created && done.backup_created);
        assert_green(&status(&account).await);
        let key = kept_key(&account).await;
        assert_ne!(key, old_key);
        assert_ne!(homeserver.backup(&person).await["version"], old_version);
        // The former backup is still there for whoever has its key.
        let path = format!("room_keys/version/{}", old_version.as_str().unwrap());
        let former = homeserver
            .ask(
                matrix_sdk::reqwest::Method::GET,
                &path,
                Some(&person.token),
                json!(null),
            )
            .await;
        assert_eq!(former["version"], old_version);
        let other = SecondClient::new(&homeserver, &person).await;
        Box::pin(other.client.encryption().recovery().recover(&key))
            .await
            .unwrap();
        assert!(other.verified().await);
        account.close().await;
    });
}

#[test]
fn ver_2_force_on_our_own_identity_keeps_recovery_key_and_backup() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "renewed").await;
        let account = ours(&homeserver, &person, &dir).await;
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        let (master, version, key) = (
            homeserver.master_key(&person).await,
            homeserver.backup(&person).await["version"].clone(),
            kept_key(&account).await,
        );
        let done = bootstrap(&account, forced()).await.unwrap();
        assert_eq!(
            done,
            Bootstrapped {
                identity_replaced: true,
                device_signed: true,
                ..Bootstrapped::default()
            }
        );
        assert_ne!(homeserver.master_key(&person).await, master);
        assert_eq!(homeserver.backup(&person).await["version"], version);
        assert_eq!(kept_key(&account).await, key);
        assert_green(&status(&account).await);
        let other = SecondClient::new(&homeserver, &person).await;
        Box::pin(other.client.encryption().recovery().recover(&key))
            .await
            .unwrap();
        assert!(other.verified().await);
        account.close().await;
    });
}

#[test]
fn enc_7_a_broken_secret_storage_is_made_anew_with_our_identity() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "broken").await;
        let account = ours(&homeserver, &person, &dir).await;
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        let (master, version) = (
            homeserver.master_key(&person).await,
            homeserver.backup(&person).await["version"].clone(),
        );
        let old_key = kept_key(&account).await;
        // The default key is one that nobody ever described.
        homeserver
            .set_account_data(
                &person,
                "m.secret_storage.default_key",
                json!({ "key": "gone" }),
            )
            .await;
        let broken = status(&account).await;
        assert!(!broken.recovery_key_stored, "{broken:?}");
        assert_eq!(broken.recovery_key_id.as_deref(), Some("gone"));

        let done = bootstrap(&account, Bootstrap::default()).await.unwrap();
        assert_eq!(
            done,
            Bootstrapped {
                recovery_key_created: true,
                ..Bootstrapped::default()
            }
        );
        assert_eq!(homeserver.master_key(&person).await, master);
        assert_eq!(homeserver.backup(&person).await["version"], version);
        let key = kept_key(&account).await;
        assert_ne!(key, old_key);
        let other = SecondClient::new(&homeserver, &person).await;
        Box::pin(other.client.encryption().recovery().recover(&key))
            .await
            .unwrap();
        assert!(other.verified().await);
        account.close().await;
    });
}

#[test]
fn enc_7_secrets_that_went_missing_are_put_back() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "emptied").await;
        let account = ours(&homeserver, &person, &dir).await;
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        let key = kept_key(&account).await;
        for kind in ["m.cross_signing.self_signing", "m.megolm_backup.v1"] {
            homeserver
                .set_account_data(&person, kind, json!({ "encrypted": {} }))
                .await;
        }
        let done = bootstrap(&account, Bootstrap::default()).await.unwrap();
        assert_eq!(done, Bootstrapped::default());
        let other = SecondClient::new(&homeserver, &person).await;
        Box::pin(other.client.encryption().recovery().recover(&key))
            .await
            .unwrap();
        assert!(other.verified().await);
        assert!(other.client.encryption().backups().are_enabled().await);
        account.close().await;
    });
}

#[test]
fn enc_7_a_backup_deleted_on_the_homeserver_is_made_anew() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "deleted").await;
        let account = ours(&homeserver, &person, &dir).await;
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        let (master, key) = (
            homeserver.master_key(&person).await,
            kept_key(&account).await,
        );
        homeserver.delete_backup(&person).await;
        assert_eq!(
            status(&account).await.backup.issue(),
            BackupIssue::MissingServerBackup
        );
        let done = bootstrap(&account, Bootstrap::default()).await.unwrap();
        assert_eq!(
            done,
            Bootstrapped {
                backup_created: true,
                ..Bootstrapped::default()
            }
        );
        assert_green(&status(&account).await);
        assert_eq!(homeserver.master_key(&person).await, master);
        // Its key is in secret storage, under the recovery key that people have.
        let other = SecondClient::new(&homeserver, &person).await;
        Box::pin(other.client.encryption().recovery().recover(&key))
            .await
            .unwrap();
        assert!(other.client.encryption().backups().are_enabled().await);
        account.close().await;
    });
}

#[test]
fn enc_7_an_identity_changed_elsewhere_is_noticed_and_not_fought() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "changed").await;
        let account = ours(&homeserver, &person, &dir).await;
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        let key = kept_key(&account).await;
        let element = SecondClient::new(&homeserver, &person).await;
        element.replace_identity().await;
        let master = homeserver.master_key(&person).await;

        let after = status(&account).await;
        assert!(!after.cross_signing_verified, "{after:?}");
        assert!(!after.private_keys_here, "{after:?}");
        // Our own recovery key opens secret storage, which holds the former identity's keys.
        let refused = bootstrap(&account, Bootstrap::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::NotVerified);
        assert!(refused.message.contains("former identity"), "{refused}");
        assert_eq!(homeserver.master_key(&person).await, master);

        // The other client puts its identity into secret storage: the same key serves.
        let store = element.client.encryption().secret_storage();
        let store = Box::pin(store.open_secret_store(&key)).await.unwrap();
        Box::pin(store.export_secrets()).await.unwrap();
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        assert_eq!(homeserver.master_key(&person).await, master);
        assert_green(&status(&account).await);
        account.close().await;
    });
}

#[test]
fn enc_7_a_secret_storage_without_an_identity_wants_its_key_first() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "storage-only").await;
        let element = SecondClient::new(&homeserver, &person).await;
        let key = element.make_storage().await;
        let foundations = homeserver.foundations(&person).await;
        let account = ours(&homeserver, &person, &dir).await;
        let refused = bootstrap(&account, Bootstrap::default()).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::RecoveryKeyInvalid);
        assert!(
            refused.message.contains("--recovery-key-stdin"),
            "{refused}"
        );
        assert_eq!(homeserver.foundations(&person).await, foundations);
        let done = bootstrap(&account, with_key(&key)).await.unwrap();
        assert!(done.identity_created && !done.recovery_key_created && !done.backup_created);
        assert_green(&status(&account).await);
        account.close().await;
    });
}

#[test]
fn enc_7_an_unsigned_device_of_our_identity_is_signed_again() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "unsigned").await;
        let account = ours(&homeserver, &person, &dir).await;
        bootstrap(&account, Bootstrap::default()).await.unwrap();
        let key = kept_key(&account).await;
        account.close().await;
        // A new device in a new folder: the account is set up, the device is not.
        let fresh = tempdir().unwrap();
        let account = ours(&homeserver, &person, &fresh).await;
        assert!(!status(&account).await.signed_by_owner);
        let done = bootstrap(&account, with_key(&key)).await.unwrap();
        assert_eq!(
            done,
            Bootstrapped {
                device_signed: true,
                ..Bootstrapped::default()
            }
        );
        assert_green(&status(&account).await);
        account.close().await;
    });
}
