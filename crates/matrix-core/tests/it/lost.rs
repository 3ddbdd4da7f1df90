//! Files that somebody deleted, and keys that the homeserver refuses.

use std::fs;

use matrix_core::{Account, Auth, ErrorCode, NoticeKind, Secret, SyncState};
use serde_json::json;

use crate::{
    storage::{Place, refused, started, use_it},
    support::{Homeserver, USER, by_password, health, joined, run, running, text, texts},
};

const CRYPTO: &str = "store/matrix-sdk-crypto.sqlite3";
const STATE: &str = "store/matrix-sdk-state.sqlite3";

const REFUSAL: &str = "One time key signed_curve25519:AAAAAAAAAA0 already exists. \
    Old key: {\"key\":\"a\"}; new key: {'key': 'b'}";

fn delete(place: &Place, database: &str) {
    for suffix in ["", "-wal", "-shm"] {
        let path = place.file(&format!("{database}{suffix}"));
        assert!(!suffix.is_empty() || path.exists(), "{}", path.display());
        let _ = fs::remove_file(path);
    }
}

/// What was said while nobody listened comes out of the room's history.
fn meanwhile(homeserver: &Homeserver) {
    homeserver.sync("", joined("t1", true, &[]));
    homeserver.state().messages.insert(
        "t1".into(),
        json!({"start": "t1", "chunk": [text("$a", "meanwhile")]}),
    );
}

async fn told(account: &Account) -> Vec<(NoticeKind, String)> {
    let notices = account.health().await.unwrap().notices;
    notices
        .into_iter()
        .map(|notice| (notice.kind, notice.message))
        .collect()
}

#[test]
fn enc_4_a_deleted_crypto_store_makes_a_new_device_or_names_the_password() {
    run(async {
        let (homeserver, place) = started().await;
        use_it(&homeserver, &place, by_password()).await;
        delete(&place, CRYPTO);
        meanwhile(&homeserver);
        let account = homeserver.open(&place.account(), by_password()).await;
        assert_eq!(account.identity().device_id, "MADE2");
        let told = told(&account).await;
        assert!(
            matches!(&told[..], [(NoticeKind::CryptoStore, why)] if why.contains("MADE1") && why.contains("backup")),
            "{told:?}"
        );
        account.start();
        assert_eq!(texts(&account, 1).await, ["meanwhile"]);
        account.close().await;

        let (homeserver, place) = started().await;
        let auth = homeserver.token("token", "DEVICE");
        use_it(&homeserver, &place, auth.clone()).await;
        delete(&place, CRYPTO);
        let error = refused(homeserver.config(&place.account(), auth)).await;
        assert_eq!(error.code, ErrorCode::StoreCorrupt, "{error}");
        assert!(error.message.contains("password"), "{error}");
    });
}

#[test]
fn enc_4_a_deleted_state_store_costs_neither_device_nor_message() {
    run(async {
        let (homeserver, place) = started().await;
        let before = use_it(&homeserver, &place, by_password()).await;
        delete(&place, STATE);
        meanwhile(&homeserver);
        let account = homeserver.open(&place.account(), by_password()).await;
        account.start();
        assert_eq!(texts(&account, 1).await, ["meanwhile"]);
        assert_eq!(account.identity(), before);
        assert!(told(&account).await.is_empty());
        account.close().await;
    });
}

#[test]
fn enc_4_a_deleted_folder_is_a_first_start_with_a_password_and_refused_with_a_token() {
    run(async {
        let (homeserver, place) = started().await;
        use_it(&homeserver, &place, by_password()).await;
        fs::remove_dir_all(place.account()).unwrap();
        homeserver.sync("", joined("t1", true, &[]));
        let account = homeserver.open(&place.account(), by_password()).await;
        assert_eq!(account.identity().device_id, "MADE2");
        account.start();
        running(&account).await;
        assert!(told(&account).await.is_empty());
        account.close().await;

        // Whose the published keys are cannot be told any more.
        let (homeserver, place) = started().await;
        let auth = homeserver.token("token", "DEVICE");
        use_it(&homeserver, &place, auth.clone()).await;
        fs::remove_dir_all(place.account()).unwrap();
        let error = refused(homeserver.config(&place.account(), auth)).await;
        assert_eq!(error.code, ErrorCode::DeviceInUse, "{error}");
        assert!(error.message.contains("password"), "{error}");
    });
}

/// Runs an account until the homeserver has refused its one-time keys, and says how it ended.
async fn refused_keys(homeserver: &Homeserver, place: &Place) -> (ErrorCode, String) {
    let account = homeserver.open(&place.account(), by_password()).await;
    account.start();
    let blocked = health(&account, |h| h.sync.state == SyncState::Blocked).await;
    account.close().await;
    blocked.sync.error.unwrap()
}

#[test]
fn enc_4_a_device_whose_one_time_keys_are_refused_is_replaced_where_a_password_allows() {
    run(async {
        let (homeserver, place) = started().await;
        homeserver.state().refuse_upload = Some(REFUSAL.into());
        let (code, message) = refused_keys(&homeserver, &place).await;
        // As a store that breaks while it is in use: the account is opened again at once.
        assert_eq!(code, ErrorCode::StoreCorrupt);
        assert!(message.contains("MADE1"), "{message}");

        homeserver.state().refuse_upload = None;
        meanwhile(&homeserver);
        let account = homeserver.open(&place.account(), by_password()).await;
        assert_eq!(account.identity().device_id, "MADE2");
        let told = told(&account).await;
        assert!(
            matches!(&told[..], [(NoticeKind::CryptoStore, why)] if why.contains("one-time keys")),
            "{told:?}"
        );
        assert!(place.aside()[0].join(CRYPTO).exists());
        account.start();
        assert_eq!(texts(&account, 1).await, ["meanwhile"]);
        assert!(!account.health().await.unwrap().duplicate_one_time_keys);
        account.close().await;
        // Once.
        use_it(&homeserver, &place, by_password()).await;
        assert_eq!(homeserver.state().logins.len(), 2);
    });
}

#[test]
fn enc_4_a_new_device_that_is_refused_as_well_stays_in_use_and_says_so() {
    run(async {
        let (homeserver, place) = started().await;
        homeserver.state().refuse_upload = Some(REFUSAL.into());
        refused_keys(&homeserver, &place).await;
        meanwhile(&homeserver);
        let account = homeserver.open(&place.account(), by_password()).await;
        assert_eq!(account.identity().device_id, "MADE2");
        account.start();
        health(&account, |h| h.duplicate_one_time_keys).await;
        assert_eq!(texts(&account, 1).await, ["meanwhile"]);
        account.close().await;
        homeserver.sync("t1", joined("t2", false, &[text("$now", "now")]));
        let account = homeserver.open(&place.account(), by_password()).await;
        assert_eq!(account.identity().device_id, "MADE2");
        assert!(account.health().await.unwrap().duplicate_one_time_keys);
        account.start();
        assert_eq!(texts(&account, 1).await, ["now"]);
        account.close().await;
        assert_eq!(homeserver.state().logins.len(), 2);
    });
}

#[test]
fn enc_4_a_configured_device_stays_configured_through_any_number_of_new_ones() {
    run(async {
        let (homeserver, place) = started().await;
        let auth = Auth::Password {
            user_id: USER.to_owned(),
            password: Secret::new("secret"),
            device_id: Some("WANTED".into()),
        };
        let first = use_it(&homeserver, &place, auth.clone()).await;
        assert_eq!(first.device_id, "WANTED");
        for device in ["MADE2", "MADE3"] {
            delete(&place, CRYPTO);
            homeserver.sync("", joined("t1", true, &[]));
            meanwhile(&homeserver);
            assert_eq!(
                use_it(&homeserver, &place, auth.clone()).await.device_id,
                device
            );
        }
    });
}
