//! In with the recovery key: three states, and each wrong key told from the others.

use matrix_core::{
    Account, Secret,
    crypto::{Bootstrap, Recovered, Refusal},
};
use tempfile::tempdir;

use crate::{
    second_client::SecondClient,
    support::{Homeserver, Person, live},
};

async fn recover(account: &Account, key: &str) -> Recovered {
    let encryption = account.encryption_to_change().await.unwrap();
    Box::pin(encryption.recover(&Secret::new(key)))
        .await
        .unwrap()
}

/// A user that another client has set up, and the recovery key.
async fn set_up(homeserver: &Homeserver, name: &str) -> (Person, SecondClient, String) {
    let person = homeserver.register(name).await;
    let element = SecondClient::new(homeserver, &person).await;
    let key = element.set_up().await;
    (person, element, key)
}

#[test]
fn ver_3_another_clients_recovery_key_verifies_the_device() {
    live(|homeserver| async move {
        let (person, _element, key) = set_up(&homeserver, "key").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        // As people paste it: without the spaces, with a line end.
        let pasted = format!("{}\n", key.replace(' ', ""));
        let recovered = recover(&account, &pasted).await;
        assert!(recovered.recovery_key_accepted, "{recovered:?}");
        assert!(recovered.backup_usable, "{recovered:?}");
        assert!(recovered.device_owner_verified, "{recovered:?}");
        assert!(recovered.refusals.is_empty(), "{recovered:?}");
        let status = Box::pin(account.encryption_status()).await.unwrap();
        assert!(status.cross_signing_verified && status.signed_by_owner);
        assert!(status.recovery_key_stored);
        let kept = {
            let encryption = account.encryption().await.unwrap();
            Box::pin(encryption.recovery_key()).await.unwrap().unwrap()
        };
        assert_eq!(kept.expose(), key);
        account.close().await;
    });
}

#[test]
fn ver_3_wrong_keys_are_told_apart() {
    live(|homeserver| async move {
        let (person, element, key) = set_up(&homeserver, "wrong-keys").await;
        let (_other, _their_element, their_key) = set_up(&homeserver, "other").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let before = homeserver.foundations(&person).await;

        let mut mistyped: Vec<char> = key.chars().collect();
        let at = mistyped.iter().rposition(|c| *c != ' ').unwrap() - 2;
        mistyped[at] = if mistyped[at] == 'a' { 'b' } else { 'a' };
        let mistyped: String = mistyped.into_iter().collect();
        for (text, refusal) in [
            (mistyped.as_str(), Refusal::Malformed),
            ("correct horse battery staple", Refusal::Malformed),
            (&key[..20], Refusal::Malformed),
            (their_key.as_str(), Refusal::OtherAccount),
        ] {
            let recovered = recover(&account, text).await;
            assert!(!recovered.recovery_key_accepted, "{recovered:?}");
            assert!(!recovered.device_owner_verified, "{recovered:?}");
            assert_eq!(recovered.refusals, [refusal]);
            let error = recovered.error().unwrap();
            assert!(!error.message.contains(text), "{error}");
        }
        assert_eq!(homeserver.foundations(&person).await, before);

        // Rotated elsewhere: the old key is known as a former one, the new one serves.
        let rotated = Box::pin(std::future::IntoFuture::into_future(
            element.client.encryption().recovery().reset_key(),
        ))
        .await
        .unwrap();
        let recovered = recover(&account, &key).await;
        assert_eq!(recovered.refusals, [Refusal::FormerKey]);
        assert!(recover(&account, &rotated).await.device_owner_verified);
        account.close().await;
    });
}

#[test]
fn ver_3_an_account_without_secret_storage_says_so() {
    live(|homeserver| async move {
        let (_other, _element, key) = set_up(&homeserver, "elsewhere").await;
        let person = homeserver.register("nothing").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let recovered = recover(&account, &key).await;
        assert_eq!(recovered.refusals, [Refusal::NoSecretStorage]);
        let error = recovered.error().unwrap();
        assert!(error.message.contains("encryption setup"), "{error}");
        account.close().await;
    });
}

#[test]
fn ver_3_a_stale_backup_does_not_keep_the_device_unverified() {
    live(|homeserver| async move {
        let (person, element, key) = set_up(&homeserver, "stale-backup").await;
        // A newer backup, whose key never came into secret storage.
        Box::pin(element.client.encryption().backups().create())
            .await
            .unwrap();
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let recovered = recover(&account, &key).await;
        assert!(recovered.recovery_key_accepted, "{recovered:?}");
        assert!(recovered.device_owner_verified, "{recovered:?}");
        assert!(!recovered.backup_usable, "{recovered:?}");
        assert_eq!(recovered.refusals, [Refusal::StaleBackup]);
        let error = recovered.error().unwrap();
        assert!(error.message.contains("backup reset --yes"), "{error}");
        // Setting up again says the same instead of replacing a backup that others use.
        let version = homeserver.backup(&person).await["version"].clone();
        let encryption = account.encryption_to_change().await.unwrap();
        let refused = Box::pin(encryption.bootstrap(&Bootstrap::default()))
            .await
            .unwrap_err();
        assert_eq!(refused.code, matrix_core::ErrorCode::BackupUnusable);
        drop(encryption);
        assert_eq!(homeserver.backup(&person).await["version"], version);
        account.close().await;
    });
}

#[test]
fn ver_3_a_stale_identity_is_told_from_a_wrong_key() {
    live(|homeserver| async move {
        let (person, element, key) = set_up(&homeserver, "stale-identity").await;
        element.replace_identity().await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let recovered = recover(&account, &key).await;
        assert!(recovered.recovery_key_accepted, "{recovered:?}");
        assert!(!recovered.device_owner_verified, "{recovered:?}");
        assert_eq!(recovered.refusals[0], Refusal::StaleIdentity);
        account.close().await;
    });
}
