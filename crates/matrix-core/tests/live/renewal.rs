//! A device of our own in place of one that cannot be used.

use matrix_core::{
    Account, AccountConfig, Auth, ErrorCode, Renewal, Renewed, Secret, crypto::Bootstrap,
    renew_device,
};
use matrix_sdk::reqwest::Method;
use serde_json::json;
use tempfile::tempdir;

use crate::support::{Homeserver, Person, live, next_message, running, say};

async fn refused(config: AccountConfig) -> matrix_core::Error {
    match Account::open(config).await {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

async fn renew(config: AccountConfig, renewal: Renewal) -> matrix_core::Result<Renewed> {
    Box::pin(renew_device(config, renewal)).await
}

fn with_password(person: &Person) -> Renewal {
    Renewal {
        password: Some(Secret::new(person.password.clone())),
        force: false,
    }
}

#[test]
fn aut_11_an_account_with_another_clients_token_gets_a_device_of_its_own() {
    live(|homeserver| async move {
        let person = homeserver.register("borrowed").await;
        let (theirs, ours) = (tempdir().unwrap(), tempdir().unwrap());
        let client = homeserver.run(theirs.path(), person.by_token()).await;
        let keys = homeserver.device_keys(&person).await;
        let config = homeserver.config(ours.path(), person.by_token());
        assert_eq!(refused(config.clone()).await.code, ErrorCode::DeviceInUse);

        // Neither without a password, nor with a wrong one.
        let none = renew(config.clone(), Renewal::default()).await.unwrap_err();
        assert_eq!(none.code, ErrorCode::AuthFailed);
        assert!(none.message.contains("--password-stdin"), "{none}");
        let wrong = Renewal {
            password: Some(Secret::new("not it")),
            force: true,
        };
        let wrong = renew(config.clone(), wrong).await.unwrap_err();
        assert_eq!(wrong.code, ErrorCode::AuthFailed);
        assert!(!wrong.message.contains("not it"), "{wrong}");
        assert_eq!(refused(config.clone()).await.code, ErrorCode::DeviceInUse);

        let renewed = renew(config.clone(), with_password(&person)).await.unwrap();
        assert_ne!(renewed.identity.device_id, person.device_id);
        assert_eq!(renewed.former_device.as_deref(), Some(&*person.device_id));
        assert!(!renewed.former_was_own && renewed.token_retired);

        // The configured token does not undo it, nor does taking it out.
        let configured = |token: &str| Auth::AccessToken {
            token: Secret::new(token),
            user_id: None,
            device_id: Some(person.device_id.as_str().into()),
        };
        let stored = Auth::Stored {
            user_id: Some(person.user_id.as_str().try_into().unwrap()),
            device_id: None,
        };
        for auth in [configured(&person.token), stored] {
            let account = homeserver.run(ours.path(), auth).await;
            assert_eq!(account.identity(), renewed.identity);
            account.close().await;
        }
        let works = renew(config, with_password(&person)).await.unwrap_err();
        assert_eq!(works.code, ErrorCode::ConfigInvalid);
        assert!(works.message.contains("--yes"), "{works}");
        assert_eq!(homeserver.device_keys(&person).await, keys);
        client.close().await;
        // Nor does another token of that device.
        let token = again_on(&homeserver, &person).await;
        let account = homeserver.run(ours.path(), configured(&token)).await;
        assert_eq!(account.identity(), renewed.identity);
        account.close().await;
    });
}

/// One more token of the same device, beside the first.
async fn again_on(homeserver: &Homeserver, person: &Person) -> String {
    let body = json!({
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": person.user_id},
        "password": person.password,
        "device_id": person.device_id,
    });
    let answer = homeserver.ask(Method::POST, "login", None, body).await;
    answer["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn aut_8_a_deleted_device_is_replaced_and_verified_with_the_kept_key() {
    live(|homeserver| async move {
        let (person, friend) = (
            homeserver.register_without_device("deleted").await,
            homeserver.register("friend").await,
        );
        let (dir, friends) = (tempdir().unwrap(), tempdir().unwrap());
        let friend = homeserver.run(friends.path(), friend.by_token()).await;
        let account = homeserver.run(dir.path(), person.by_password()).await;
        {
            let encryption = account.encryption_to_change().await.unwrap();
            let wanted = Bootstrap {
                recovery_key: None,
                force_reset_cross_signing: false,
            };
            Box::pin(encryption.bootstrap(&wanted)).await.unwrap();
        }
        let (room, _) = account.open_dm(&friend.identity().user_id).await.unwrap();
        friend.join_room(&room, &[]).await.unwrap();
        say(&account, &room, "before").await;
        assert_eq!(next_message(&friend).await.0, "before");
        let former = account.identity().device_id;
        let look = homeserver.log_in(&person).await;
        homeserver.delete_device(&look, &former).await;
        account.close().await;

        let config = homeserver.config(dir.path(), person.by_password());
        let error = refused(config.clone()).await;
        assert_eq!(error.code, ErrorCode::AuthExpired);
        assert!(
            error
                .message
                .contains("`openclaw matrix devices renew --account test`"),
            "{error}"
        );
        let renewed = renew(config, Renewal::default()).await.unwrap();
        assert_eq!(renewed.former_device.as_deref(), Some(former.as_str()));
        assert!(renewed.former_was_own && !renewed.token_retired);
        assert!(renewed.set_aside.as_ref().unwrap().join("store").is_dir());

        let account = homeserver.run(dir.path(), person.by_password()).await;
        assert_eq!(account.identity(), renewed.identity);
        assert!(account.health().await.unwrap().notices.is_empty());
        {
            let encryption = account.encryption_to_change().await.unwrap();
            let key = Box::pin(encryption.recovery_key()).await.unwrap().unwrap();
            let recovered = Box::pin(encryption.recover(&key)).await.unwrap();
            assert!(recovered.device_owner_verified, "{recovered:?}");
            assert!(recovered.backup_usable, "{recovered:?}");
        }
        say(&friend, &room, "are you there?").await;
        loop {
            let (text, base) = next_message(&account).await;
            if text == "are you there?" {
                assert!(base.encrypted);
                break;
            }
        }
        say(&account, &room, "with a new device").await;
        assert_eq!(next_message(&friend).await.0, "with a new device");
        assert!(!homeserver.devices(&look.token).await.contains(&former));
        account.close().await;
        friend.close().await;
    });
}

#[test]
fn aut_8_a_token_of_a_new_login_takes_the_place_of_a_deleted_device() {
    live(|homeserver| async move {
        let person = homeserver.register("replaced").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_token()).await;
        account.close().await;
        // As an administrator, or the person with another client.
        let look = homeserver.log_in(&person).await;
        homeserver.delete_device(&look, &person.device_id).await;
        let config = homeserver.config(dir.path(), person.by_token());
        let error = refused(config.clone()).await;
        assert_eq!(error.code, ErrorCode::AuthFailed);
        assert!(
            error
                .message
                .contains("openclaw matrix devices renew --account test --password-stdin"),
            "{error}"
        );
        assert_eq!(
            renew(config, Renewal::default()).await.unwrap_err().code,
            ErrorCode::AuthFailed
        );

        let next = homeserver.log_in(&person).await;
        let config = homeserver.config(dir.path(), next.by_token());
        let error = refused(config.clone()).await;
        assert_eq!(error.code, ErrorCode::AccountMismatch);
        assert!(
            error.message.contains("openclaw matrix devices renew"),
            "{error}"
        );
        let renewed = renew(config.clone(), Renewal::default()).await.unwrap();
        assert_eq!(renewed.identity.device_id, next.device_id);
        assert!(!renewed.token_retired);
        let account = Account::open(config).await.unwrap();
        account.start();
        running(&account).await;
        assert_eq!(account.identity().device_id, next.device_id);
        account.close().await;
    });
}

#[test]
fn aut_8_a_device_that_works_is_only_replaced_if_meant_and_then_logged_out() {
    live(|homeserver| async move {
        let person = homeserver.register_without_device("works").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let former = account.identity().device_id;
        let config = homeserver.config(dir.path(), person.by_password());
        let locked = renew(config.clone(), Renewal::default()).await.unwrap_err();
        assert_eq!(locked.code, ErrorCode::StoreLocked);
        account.close().await;
        let works = renew(config.clone(), Renewal::default()).await.unwrap_err();
        assert_eq!(works.code, ErrorCode::ConfigInvalid);
        assert!(works.message.contains(&former), "{works}");
        let meant = Renewal {
            password: None,
            force: true,
        };
        let renewed = renew(config, meant).await.unwrap();
        let look = homeserver.log_in(&person).await;
        let mut devices = homeserver.devices(&look.token).await;
        devices.retain(|device| *device != look.device_id);
        assert_eq!(devices, [renewed.identity.device_id]);
    });
}
