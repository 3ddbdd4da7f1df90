//! What `--force-reset-cross-signing` makes of each state: the last column of the table in
//! docs/encryption.md, where `bootstrap.rs` does not show it.

use matrix_core::crypto::{Bootstrap, Bootstrapped};
use serde_json::json;

use crate::{
    bootstrap::{assert_green, bootstrap, forced, kept_key, ours, someone, status, with_key},
    second_client::SecondClient,
    support::{Homeserver, Person, live},
};

/// Another device gets in with the key, and finds the backup.
async fn opens(homeserver: &Homeserver, person: &Person, key: &str) {
    let other = SecondClient::new(homeserver, person).await;
    Box::pin(other.client.encryption().recovery().recover(key))
        .await
        .unwrap();
    assert!(other.verified().await);
    assert!(other.client.encryption().backups().are_enabled().await);
}

#[test]
fn enc_2_forced_on_a_fresh_account_it_is_set_up_as_ever() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "forced-fresh").await;
        let account = ours(&homeserver, &person, &dir).await;
        let done = bootstrap(&account, forced()).await.unwrap();
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
        assert_green(&status(&account).await);
        opens(&homeserver, &person, &kept_key(&account).await).await;
        account.close().await;
    });
}

#[test]
fn ver_2_forced_with_another_clients_key_the_new_identity_lies_under_that_key() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "forced-with-key").await;
        let element = SecondClient::new(&homeserver, &person).await;
        let key = element.set_up().await;
        let master = homeserver.master_key(&person).await;
        let version = homeserver.backup(&person).await["version"].clone();
        let account = ours(&homeserver, &person, &dir).await;
        let options = Bootstrap {
            force_reset_cross_signing: true,
            ..with_key(&key)
        };
        let done = bootstrap(&account, options).await.unwrap();
        assert!(
            done.identity_replaced && !done.recovery_key_created && !done.backup_created,
            "{done:?}"
        );
        assert_ne!(homeserver.master_key(&person).await, master);
        assert_eq!(homeserver.backup(&person).await["version"], version);
        assert_green(&status(&account).await);
        opens(&homeserver, &person, &key).await;
        account.close().await;
    });
}

#[test]
fn enc_7_forced_after_an_identity_changed_elsewhere_ours_is_the_new_one() {
    live(|homeserver| async move {
        for updated in [false, true] {
            let (person, dir) = someone(&homeserver, "forced-changed").await;
            let account = ours(&homeserver, &person, &dir).await;
            bootstrap(&account, Bootstrap::default()).await.unwrap();
            let key = kept_key(&account).await;
            let element = SecondClient::new(&homeserver, &person).await;
            element.replace_identity().await;
            if updated {
                let store = element.client.encryption().secret_storage();
                let store = Box::pin(store.open_secret_store(&key)).await.unwrap();
                Box::pin(store.export_secrets()).await.unwrap();
            }
            let master = homeserver.master_key(&person).await;
            let done = bootstrap(&account, forced()).await.unwrap();
            assert!(done.identity_replaced, "{done:?}");
            assert_ne!(homeserver.master_key(&person).await, master);
            assert_green(&status(&account).await);
            opens(&homeserver, &person, &kept_key(&account).await).await;
            account.close().await;
        }
    });
}

#[test]
fn enc_7_an_identity_without_secret_storage_or_with_a_broken_one_gets_one() {
    live(|homeserver| async move {
        // Account data cannot be deleted: an empty one is how it is switched off.
        let (off, broken) = (json!({}), json!({ "key": "gone" }));
        for (force, storage) in [(false, &off), (true, &off), (true, &broken)] {
            let (person, dir) = someone(&homeserver, "no-storage").await;
            let account = ours(&homeserver, &person, &dir).await;
            bootstrap(&account, Bootstrap::default()).await.unwrap();
            let (master, version, old_key) = (
                homeserver.master_key(&person).await,
                homeserver.backup(&person).await["version"].clone(),
                kept_key(&account).await,
            );
            homeserver
                .set_account_data(&person, "m.secret_storage.default_key", storage.clone())
                .await;
            let options = if force {
                forced()
            } else {
                Bootstrap::default()
            };
            let done = bootstrap(&account, options).await.unwrap();
            assert!(
                done.recovery_key_created && !done.backup_created,
                "{done:?}"
            );
            assert_eq!(done.identity_replaced, force);
            assert_eq!(homeserver.master_key(&person).await != master, force);
            assert_eq!(homeserver.backup(&person).await["version"], version);
            let key = kept_key(&account).await;
            assert_ne!(key, old_key);
            assert_green(&status(&account).await);
            opens(&homeserver, &person, &key).await;
            account.close().await;
        }
    });
}

#[test]
fn enc_7_forced_on_a_secret_storage_without_an_identity_there_is_a_new_recovery_key() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "forced-storage").await;
        let element = SecondClient::new(&homeserver, &person).await;
        let old_key = element.make_storage().await;
        let account = ours(&homeserver, &person, &dir).await;
        let done = bootstrap(&account, forced()).await.unwrap();
        assert!(
            done.identity_created && done.recovery_key_created && done.backup_created,
            "{done:?}"
        );
        assert_green(&status(&account).await);
        let key = kept_key(&account).await;
        assert_ne!(key, old_key);
        opens(&homeserver, &person, &key).await;
        account.close().await;
    });
}

#[test]
fn enc_7_forced_with_secrets_or_backup_gone_they_are_there_again_under_the_same_key() {
    live(|homeserver| async move {
        for backup_gone in [false, true] {
            let (person, dir) = someone(&homeserver, "forced-gone").await;
            let account = ours(&homeserver, &person, &dir).await;
            bootstrap(&account, Bootstrap::default()).await.unwrap();
            let (master, key) = (
                homeserver.master_key(&person).await,
                kept_key(&account).await,
            );
            if backup_gone {
                homeserver.delete_backup(&person).await;
            } else {
                homeserver
                    .set_account_data(&person, "m.megolm_backup.v1", json!({ "encrypted": {} }))
                    .await;
            }
            let done = bootstrap(&account, forced()).await.unwrap();
            assert!(
                done.identity_replaced && !done.recovery_key_created,
                "{done:?}"
            );
            assert_eq!(done.backup_created, backup_gone);
            assert_ne!(homeserver.master_key(&person).await, master);
            assert_eq!(kept_key(&account).await, key);
            assert_green(&status(&account).await);
            opens(&homeserver, &person, &key).await;
            account.close().await;
        }
    });
}

#[test]
fn enc_7_forced_on_a_backup_that_nobody_can_open_there_is_a_new_version() {
    live(|homeserver| async move {
        let (person, dir) = someone(&homeserver, "forced-backup").await;
        let element = SecondClient::new(&homeserver, &person).await;
        let key = element.set_up().await;
        // Its key never comes into secret storage.
        Box::pin(element.client.encryption().backups().create())
            .await
            .unwrap();
        let version = homeserver.backup(&person).await["version"].clone();
        let account = ours(&homeserver, &person, &dir).await;
        let options = Bootstrap {
            force_reset_cross_signing: true,
            ..with_key(&key)
        };
        let done = bootstrap(&account, options).await.unwrap();
        assert!(
            done.identity_replaced && done.backup_created && !done.recovery_key_created,
            "{done:?}"
        );
        assert_ne!(homeserver.backup(&person).await["version"], version);
        assert_green(&status(&account).await);
        opens(&homeserver, &person, &key).await;
        account.close().await;
    });
}
