//! The devices of the account's user.

use matrix_core::{Account, ErrorCode, Secret};
use tempfile::tempdir;

use crate::support::{Homeserver, Person, live};

/// An account, and devices that came before it.
async fn crowded(homeserver: &Homeserver, names: &[&str]) -> (Person, Vec<String>) {
    let person = homeserver.register_without_device("crowded").await;
    let mut ids = Vec::new();
    for name in names {
        let device = homeserver.log_in_as(&person, Some(name)).await;
        ids.push(device.device_id);
    }
    (person, ids)
}

async fn ids(account: &Account) -> Vec<String> {
    let devices = account.devices().await.unwrap();
    devices.into_iter().map(|device| device.device_id).collect()
}

#[test]
fn dev_1_the_own_device_comes_first_and_is_named_by_the_configuration() {
    live(|homeserver| async move {
        let (person, others) = crowded(&homeserver, &["Element X", "OpenClaw Gateway"]).await;
        let dir = tempdir().unwrap();
        let mut config = homeserver.config(dir.path(), person.by_password());
        config.device_name = "Kitchen".to_owned();
        let account = Account::open(config).await.unwrap();
        let devices = account.devices().await.unwrap();
        assert_eq!(devices.len(), 3);
        assert!(devices[0].current);
        assert_eq!(devices[0].device_id, account.identity().device_id);
        assert_eq!(devices[0].display_name.as_deref(), Some("Kitchen"));
        for device in &devices[1..] {
            assert!(!device.current && others.contains(&device.device_id));
        }
        account.close().await;
    });
}

#[test]
fn dev_2_devices_are_deleted_with_the_password() {
    live(|homeserver| async move {
        let (person, others) = crowded(&homeserver, &["a", "b", "c"]).await;
        let dir = tempdir().unwrap();
        let account = homeserver.open(dir.path(), person.by_password()).await;
        let own = account.identity().device_id;
        let refused = account
            .delete_devices(std::slice::from_ref(&own), None)
            .await;
        assert_eq!(refused.unwrap_err().code, ErrorCode::ConfigInvalid);

        let wrong = Secret::new("not it");
        let refused = Box::pin(account.delete_devices(&others, Some(&wrong)))
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::AuthFailed, "{refused}");
        assert!(!refused.message.contains("not it"), "{refused}");
        assert_eq!(ids(&account).await.len(), 4);

        Box::pin(account.delete_devices(&others[..2], None))
            .await
            .unwrap();
        let mut left = ids(&account).await;
        left.sort();
        let mut expected = vec![own.clone(), others[2].clone()];
        expected.sort();
        assert_eq!(left, expected);
        // Gone already is as good as deleted.
        Box::pin(account.delete_devices(&others, None))
            .await
            .unwrap();
        assert_eq!(ids(&account).await, [own]);
        account.close().await;
    });
}

#[test]
fn dev_2_a_token_account_is_asked_for_the_password() {
    live(|homeserver| async move {
        let person = homeserver.register("tokenprune").await;
        let other = homeserver.log_in_as(&person, Some("OpenClaw Old")).await;
        let dir = tempdir().unwrap();
        let account = homeserver.open(dir.path(), person.by_token()).await;
        let old = [other.device_id];
        let refused = Box::pin(account.delete_devices(&old, None))
            .await
            .unwrap_err();
        assert_eq!(refused.code, ErrorCode::AuthFailed);
        assert!(refused.message.contains("`password`"), "{refused}");
        let password = Secret::new(person.password.clone());
        Box::pin(account.delete_devices(&old, Some(&password)))
            .await
            .unwrap();
        assert_eq!(ids(&account).await, [person.device_id]);
        account.close().await;
    });
}
