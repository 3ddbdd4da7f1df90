//! The way in.

use matrix_core::{Account, AccountConfig, Auth, Error, ErrorCode, Secret, SyncState};
use tempfile::tempdir;
use url::Url;

use crate::support::{Homeserver, USER, by_password, health, run, running};

async fn refused(config: AccountConfig) -> Error {
    match Account::open(config).await {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

#[test]
fn aut_2_one_login_serves_every_start() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        for _ in 0..3 {
            let account = homeserver.open(dir.path(), by_password()).await;
            assert_eq!(account.identity().device_id, "MADE1");
            account.close().await;
        }
        let logins = homeserver.state().logins.clone();
        assert_eq!(logins.len(), 1);
        assert_eq!(logins[0]["initial_device_display_name"], "OpenClaw Gateway");
    });
}

#[test]
fn aut_1_token_configuration_and_folder_must_belong_together() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        homeserver.token("one", "ONE");
        let token =
            |token: &str, user_id: Option<&str>, device_id: Option<&str>| Auth::AccessToken {
                token: Secret::new(token),
                user_id: user_id.map(|id| id.try_into().unwrap()),
                device_id: device_id.map(Into::into),
            };
        for (user_id, device_id, key) in [
            (Some("@other:test"), None, "`userId`"),
            (None, Some("OTHER"), "`deviceId`"),
        ] {
            let error =
                refused(homeserver.config(dir.path(), token("one", user_id, device_id))).await;
            assert_eq!(error.code, ErrorCode::AccountMismatch);
            assert!(error.message.contains(key), "{error}");
        }
        let right = token("one", Some(USER), Some("ONE"));
        homeserver.open(dir.path(), right).await.close().await;

        let other = homeserver.token("two", "TWO");
        let error = refused(homeserver.config(dir.path(), other)).await;
        assert_eq!(error.code, ErrorCode::AccountMismatch);
        let named = dir.path().display().to_string();
        assert!(error.message.contains(&named), "{error}");
    });
}

#[test]
fn aut_7_a_homeserver_that_is_down_is_worth_another_try() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let mut config = homeserver.config(dir.path(), by_password());
        // Discard: nobody listens there.
        config.homeserver = Url::parse("http://127.0.0.1:9").unwrap();
        let error = refused(config.clone()).await;
        assert_eq!(error.code, ErrorCode::Network, "{error}");
        assert!(error.is_transient());
        config.homeserver = homeserver.url();
        Account::open(config).await.unwrap().close().await;
    });
}

#[test]
fn aut_2_a_wrong_password_names_its_key() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = Auth::Password {
            user_id: USER.into(),
            password: Secret::new("wrong"),
            device_id: None,
        };
        let error = refused(homeserver.config(dir.path(), auth)).await;
        assert_eq!(error.code, ErrorCode::AuthFailed);
        assert!(error.message.contains("`password`"), "{error}");
    });
}

#[test]
fn net_1_a_private_homeserver_needs_the_opt_in() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let mut config = homeserver.config(dir.path(), by_password());
        config.network.allow_private = false;
        let error = refused(config).await;
        assert_eq!(error.code, ErrorCode::AddressBlocked);
        assert!(
            error
                .message
                .contains("network.dangerouslyAllowPrivateNetwork"),
            "{error}"
        );
    });
}

#[test]
fn aut_8_a_soft_logout_goes_on_with_the_same_device() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let account = homeserver.open(dir.path(), by_password()).await;
        account.start();
        running(&account).await;
        homeserver.state().ended.insert("login1".into(), true);
        let logged_in = async {
            while homeserver.state().logins.len() < 2 {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(crate::support::PATIENCE, logged_in)
            .await
            .expect("no second login");
        assert_eq!(homeserver.state().logins[1]["device_id"], "MADE1");
        running(&account).await;
        account.close().await;
        // And at a start, too.
        homeserver.state().ended.insert("login2".into(), true);
        let account = homeserver.open(dir.path(), by_password()).await;
        assert_eq!(account.identity().device_id, "MADE1");
        assert_eq!(homeserver.state().logins.len(), 3);
        account.close().await;
    });
}

#[test]
fn aut_8_a_hard_logout_blocks_and_makes_no_device() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let account = homeserver.open(dir.path(), by_password()).await;
        account.start();
        running(&account).await;
        homeserver.state().ended.insert("login1".into(), false);
        let blocked = health(&account, |h| h.sync.state == SyncState::Blocked).await;
        let (code, message) = blocked.sync.error.unwrap();
        assert_eq!(code, ErrorCode::AuthExpired);
        assert!(message.contains("MADE1"), "{message}");
        account.close().await;
        let error = refused(homeserver.config(dir.path(), by_password())).await;
        assert_eq!(error.code, ErrorCode::AuthExpired);
        assert_eq!(homeserver.state().logins.len(), 1);
    });
}

#[test]
fn aut_11_a_device_with_keys_is_not_ours() {
    run(async {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let auth = homeserver.token("element", "ELEMENT");
        homeserver.state().keys.push("ELEMENT".into());
        let error = refused(homeserver.config(dir.path(), auth.clone())).await;
        assert_eq!(error.code, ErrorCode::DeviceInUse);
        assert!(!dir.path().join("store").exists());

        // Our own keys are recognised at the next start.
        let own = tempdir().unwrap();
        homeserver.state().keys.clear();
        homeserver
            .open(own.path(), auth.clone())
            .await
            .close()
            .await;
        homeserver.state().keys.push("ELEMENT".into());
        homeserver
            .open(own.path(), auth.clone())
            .await
            .close()
            .await;
        // Without the store they are nobody's.
        std::fs::remove_dir_all(own.path().join("store")).unwrap();
        let error = refused(homeserver.config(own.path(), auth)).await;
        assert_eq!(error.code, ErrorCode::StoreCorrupt);
        let made = homeserver.open(own.path(), by_password()).await;
        assert_eq!(made.identity().device_id, "MADE2");
        made.close().await;
    });
}
