//! Whose session it is.

use matrix_core::{Account, AccountConfig, Auth, ErrorCode, Secret, stored_identity};
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

async fn keys_of(homeserver: &Homeserver, person: &Person) -> serde_json::Value {
    let counts = homeserver
        .ask(Method::POST, "keys/upload", Some(&person.token), json!({}))
        .await;
    json!([homeserver.device_keys(person).await, counts])
}

#[test]
fn aut_1_a_token_tells_who_it_is() {
    live(|homeserver| async move {
        let (person, dir) = (homeserver.register("token").await, tempdir().unwrap());
        let account = homeserver.run(dir.path(), person.by_token()).await;
        assert_eq!(account.identity().user_id, person.user_id);
        assert_eq!(account.identity().device_id, person.device_id);
        account.close().await;
        assert_eq!(
            stored_identity(dir.path()).unwrap().unwrap(),
            account.identity()
        );
    });
}

#[test]
fn aut_1_a_token_of_another_user_is_told() {
    live(|homeserver| async move {
        let (person, dir) = (homeserver.register("mine").await, tempdir().unwrap());
        let auth = Auth::AccessToken {
            token: Secret::new(person.token.clone()),
            user_id: Some("@other:core.test".try_into().unwrap()),
            device_id: None,
        };
        let error = refused(homeserver.config(dir.path(), auth)).await;
        assert_eq!(error.code, ErrorCode::AccountMismatch);
        assert!(error.message.contains("`userId`"), "{error}");

        let auth = Auth::AccessToken {
            token: Secret::new("syt_wrong"),
            user_id: None,
            device_id: None,
        };
        let error = refused(homeserver.config(dir.path(), auth)).await;
        assert_eq!(error.code, ErrorCode::AuthFailed);
        assert!(error.message.contains("`accessToken`"), "{error}");
        assert!(!error.message.contains("syt_wrong"), "{error}");
    });
}

#[test]
fn aut_2_three_restarts_keep_one_device() {
    live(|homeserver| async move {
        let person = homeserver.register_without_device("restarts").await;
        let dir = tempdir().unwrap();
        let mut devices = Vec::new();
        for _ in 0..4 {
            let account = homeserver.run(dir.path(), person.by_password()).await;
            devices.push(account.identity().device_id);
            account.close().await;
        }
        devices.dedup();
        assert_eq!(devices.len(), 1);
        let look = homeserver.log_in(&person).await;
        let mut known = homeserver.devices(&look.token).await;
        known.retain(|device| *device != look.device_id);
        assert_eq!(known, devices);
    });
}

#[test]
fn aut_2_a_wrong_password_is_told() {
    live(|homeserver| async move {
        let (mut person, dir) = (homeserver.register("wrong").await, tempdir().unwrap());
        person.password = "not it".into();
        let error = refused(homeserver.config(dir.path(), person.by_password())).await;
        assert_eq!(error.code, ErrorCode::AuthFailed);
        assert!(error.message.contains("`password`"), "{error}");
    });
}

#[test]
fn aut_5_the_stored_session_is_enough() {
    live(|homeserver| async move {
        let person = homeserver.register_without_device("stored").await;
        let dir = tempdir().unwrap();
        let first = homeserver.run(dir.path(), person.by_password()).await;
        first.close().await;
        let stored = Auth::Stored {
            user_id: None,
            device_id: None,
        };
        let again = homeserver.run(dir.path(), stored).await;
        assert_eq!(again.identity(), first.identity());
        again.close().await;
    });
}

#[test]
fn aut_6_a_new_token_of_the_same_device_goes_on() {
    live(|homeserver| async move {
        let person = homeserver.register("rotated").await;
        let dir = tempdir().unwrap();
        homeserver
            .run(dir.path(), person.by_token())
            .await
            .close()
            .await;
        let answer = homeserver
            .ask(
                Method::POST,
                "login",
                None,
                json!({
                    "type": "m.login.password",
                    "identifier": {"type": "m.id.user", "user": person.user_id},
                    "password": person.password,
                    "device_id": person.device_id,
                }),
            )
            .await;
        let rotated = Person {
            token: answer["access_token"].as_str().unwrap().to_owned(),
            ..person.clone()
        };
        assert_ne!(rotated.token, person.token);
        let account = homeserver.run(dir.path(), rotated.by_token()).await;
        assert_eq!(account.identity().device_id, person.device_id);
        account.close().await;

        let other_device = homeserver.log_in(&person).await;
        let error = refused(homeserver.config(dir.path(), other_device.by_token())).await;
        assert_eq!(error.code, ErrorCode::AccountMismatch);
        assert!(error.message.contains(&person.device_id), "{error}");
    });
}

#[test]
fn aut_8_a_session_ended_for_good_blocks_the_account() {
    live(|homeserver| async move {
        let person = homeserver.register_without_device("hard").await;
        let dir = tempdir().unwrap();
        let account = homeserver.run(dir.path(), person.by_password()).await;
        let device = account.identity().device_id;
        let look = homeserver.log_in(&person).await;
        homeserver.delete_device(&look, &device).await;
        let mut version = 0;
        let error = loop {
            let health = account.health_after(version).await.unwrap().unwrap();
            version = health.version;
            if health.sync.state == matrix_core::SyncState::Blocked {
                break health.sync.error.unwrap();
            }
        };
        assert_eq!(error.0, ErrorCode::AuthExpired);
        assert!(
            error
                .1
                .contains("openclaw matrix devices renew --account test"),
            "{}",
            error.1
        );
        let status = Box::pin(account.encryption_status()).await.unwrap();
        assert_eq!(status.server_device_known, Some(false));
        account.close().await;
        let again = refused(homeserver.config(dir.path(), person.by_password())).await;
        assert_eq!(again.code, ErrorCode::AuthExpired);
        assert_eq!(homeserver.devices(&look.token).await, [look.device_id]);
    });
}

#[test]
fn aut_11_another_clients_device_is_left_unharmed() {
    live(|homeserver| async move {
        let person = homeserver.register("shared").await;
        let (theirs, ours) = (tempdir().unwrap(), tempdir().unwrap());
        let client = homeserver.run(theirs.path(), person.by_token()).await;
        let before = keys_of(&homeserver, &person).await;
        assert!(before[0].is_object(), "{before}");

        let error = refused(homeserver.config(ours.path(), person.by_token())).await;
        assert_eq!(error.code, ErrorCode::DeviceInUse);
        assert!(
            error
                .message
                .contains("openclaw matrix devices renew --account test --password-stdin"),
            "{error}"
        );

        let mut plain = homeserver.config(ours.path(), person.by_token());
        plain.encryption = false;
        let account = Account::open(plain).await.unwrap();
        account.start();
        running(&account).await;
        account.close().await;
        assert_eq!(keys_of(&homeserver, &person).await, before);

        // A password gets a device of its own, in the same folder.
        let own = homeserver.run(ours.path(), person.by_password()).await;
        assert_ne!(own.identity().device_id, person.device_id);
        own.close().await;
        assert_eq!(keys_of(&homeserver, &person).await, before);
        client.close().await;
    });
}

#[test]
fn aut_11_a_password_with_a_taken_device_gets_another() {
    live(|homeserver| async move {
        let person = homeserver.register("taken").await;
        let (theirs, ours) = (tempdir().unwrap(), tempdir().unwrap());
        homeserver
            .run(theirs.path(), person.by_token())
            .await
            .close()
            .await;
        let auth = Auth::Password {
            user_id: person.user_id.clone(),
            password: Secret::new(person.password.clone()),
            device_id: Some(person.device_id.as_str().into()),
        };
        let first = homeserver.run(ours.path(), auth.clone()).await;
        assert_ne!(first.identity().device_id, person.device_id);
        first.close().await;
        let again = homeserver.run(ours.path(), auth).await;
        assert_eq!(again.identity(), first.identity());
        again.close().await;
    });
}

#[test]
fn aut_11_unencrypted_rooms_work_on_a_shared_device() {
    live(|homeserver| async move {
        let (person, human) = (
            homeserver.register("bot").await,
            homeserver.register("human").await,
        );
        let (theirs, ours, humans) = (tempdir().unwrap(), tempdir().unwrap(), tempdir().unwrap());
        let client = homeserver.run(theirs.path(), person.by_token()).await;
        let mut plain = homeserver.config(ours.path(), person.by_token());
        plain.encryption = false;
        let bot = Account::open(plain).await.unwrap();
        bot.start();
        running(&bot).await;

        let mut unencrypted = homeserver.config(humans.path(), human.by_token());
        unencrypted.encryption = false;
        let human = Account::open(unencrypted).await.unwrap();
        human.start();
        running(&human).await;
        let (room, made) = human.open_dm(&person.user_id).await.unwrap();
        assert!(made);
        bot.join_room(&room, &[]).await.unwrap();
        say(&human, &room, "in clear").await;
        assert_eq!(next_message(&bot).await.0, "in clear");
        say(&bot, &room, "and back").await;
        assert_eq!(next_message(&human).await.0, "and back");
        for account in [bot, human, client] {
            account.close().await;
        }
    });
}
