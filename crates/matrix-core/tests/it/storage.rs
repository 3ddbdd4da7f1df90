//! What becomes of an account whose files are damaged, older or somebody else's.

use std::{
    fs,
    path::{Path, PathBuf},
};

use matrix_core::{Account, AccountConfig, Auth, Error, ErrorCode, Identity, NoticeKind};
use tempfile::{TempDir, tempdir};

use crate::support::{Homeserver, by_password, health, joined, run, running, text, texts};

const CRYPTO: &str = "store/matrix-sdk-crypto.sqlite3";
const STATE: &str = "store/matrix-sdk-state.sqlite3";

#[derive(Debug, Clone, Copy)]
enum Damage {
    Emptied,
    Halved,
    Noise,
}

const DAMAGES: [Damage; 3] = [Damage::Emptied, Damage::Halved, Damage::Noise];

impl Damage {
    fn do_to(self, path: &Path) {
        let bytes = fs::read(path).unwrap();
        assert!(bytes.len() > 16, "{} holds too little", path.display());
        let bytes = match self {
            Self::Emptied => Vec::new(),
            Self::Halved => bytes[..bytes.len() / 2].to_vec(),
            Self::Noise => (0..bytes.len()).map(|at| (at * 131 % 251) as u8).collect(),
        };
        fs::write(path, bytes).unwrap();
    }
}

/// An account's folder in a place of its own, so that what lies beside it goes with it.
pub struct Place(pub TempDir);

impl Place {
    pub fn new() -> Self {
        Self(tempdir().unwrap())
    }

    pub fn account(&self) -> PathBuf {
        self.0.path().join("bot")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.account().join(name)
    }

    pub fn aside(&self) -> Vec<PathBuf> {
        match fs::read_dir(self.file("aside")) {
            Ok(entries) => entries.map(|entry| entry.unwrap().path()).collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// Runs an account until its keys are published, and closes it: every file is there.
pub async fn use_it(homeserver: &Homeserver, place: &Place, auth: Auth) -> Identity {
    let account = homeserver.open(&place.account(), auth).await;
    account.start();
    running(&account).await;
    let device = account.identity().device_id;
    let published = async {
        while !homeserver.state().uploaded.contains_key(&device) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::support::PATIENCE, published)
        .await
        .expect("no keys were uploaded");
    account.close().await;
    account.identity()
}

pub async fn started() -> (Homeserver, Place) {
    let homeserver = Homeserver::start().await;
    homeserver.sync("", joined("s1", true, &[text("$old", "long ago")]));
    (homeserver, Place::new())
}

pub async fn refused(config: AccountConfig) -> Error {
    match Account::open(config).await {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

async fn notices(account: &Account) -> Vec<NoticeKind> {
    let health = account.health().await.unwrap();
    health.notices.iter().map(|notice| notice.kind).collect()
}

#[test]
fn enc_4_a_damaged_state_store_is_filled_again_and_costs_no_message() {
    run(async {
        for damage in DAMAGES {
            let (homeserver, place) = started().await;
            let before = use_it(&homeserver, &place, by_password()).await;
            damage.do_to(&place.file(STATE));
            homeserver.sync("", joined("t1", true, &[text("$b", "second")]));
            homeserver.state().messages.insert(
                "t1".into(),
                serde_json::json!({"start": "t1", "chunk": [text("$b", "second"), text("$a", "first")]}),
            );
            let account = homeserver.open(&place.account(), by_password()).await;
            account.start();
            assert_eq!(texts(&account, 2).await, ["first", "second"], "{damage:?}");
            assert_eq!(account.identity(), before);
            assert_eq!(notices(&account).await, []);
            account.close().await;
        }
    });
}

#[test]
fn enc_4_a_damaged_crypto_store_is_set_aside_and_a_password_makes_a_new_device() {
    run(async {
        for damage in DAMAGES {
            let (homeserver, place) = started().await;
            use_it(&homeserver, &place, by_password()).await;
            damage.do_to(&place.file(CRYPTO));
            let broken = fs::read(place.file(CRYPTO)).unwrap();
            homeserver.sync("", joined("t1", true, &[]));
            homeserver.state().messages.insert(
                "t1".into(),
                serde_json::json!({"start": "t1", "chunk": [text("$a", "meanwhile")]}),
            );
            let account = homeserver.open(&place.account(), by_password()).await;
            assert_eq!(account.identity().device_id, "MADE2", "{damage:?}");
            assert_eq!(notices(&account).await, [NoticeKind::CryptoStore]);
            let told = account.health().await.unwrap().notices[0].message.clone();
            assert!(told.contains("new device"), "{told}");
            // Kept, whatever it is worth.
            let kept = place.aside()[0].join(CRYPTO);
            assert_eq!(fs::read(kept).unwrap(), broken);
            // What could still be read was not lost.
            account.start();
            assert_eq!(texts(&account, 1).await, ["meanwhile"]);
            account.close().await;
            // Once: the next start has the new device.
            let account = homeserver.open(&place.account(), by_password()).await;
            assert_eq!(account.identity().device_id, "MADE2");
            assert_eq!(homeserver.state().logins.len(), 2);
            account.close().await;
        }
    });
}

#[test]
fn enc_4_a_damaged_crypto_store_without_a_password_is_left_and_says_what_to_do() {
    run(async {
        for damage in DAMAGES {
            let (homeserver, place) = started().await;
            let auth = homeserver.token("token", "DEVICE");
            use_it(&homeserver, &place, auth.clone()).await;
            damage.do_to(&place.file(CRYPTO));
            let error = refused(homeserver.config(&place.account(), auth)).await;
            assert_eq!(error.code, ErrorCode::StoreCorrupt, "{damage:?}: {error}");
            assert!(error.message.contains("`password`"), "{error}");
            assert!(place.file(CRYPTO).exists() && place.aside().is_empty());
        }
    });
}

#[test]
fn aut_2_damaged_account_and_session_files_cost_no_device() {
    run(async {
        for damage in DAMAGES {
            for (name, logins) in [("account.json", 1), ("session.json", 2)] {
                let (homeserver, place) = started().await;
                let before = use_it(&homeserver, &place, by_password()).await;
                damage.do_to(&place.file(name));
                let again = use_it(&homeserver, &place, by_password()).await;
                assert_eq!(again, before, "{name} {damage:?}");
                assert_eq!(homeserver.state().logins.len(), logins, "{name} {damage:?}");
            }
            let (homeserver, place) = started().await;
            let auth = homeserver.token("token", "DEVICE");
            let before = use_it(&homeserver, &place, auth.clone()).await;
            damage.do_to(&place.file("account.json"));
            assert_eq!(
                use_it(&homeserver, &place, auth).await,
                before,
                "{damage:?}"
            );
        }
    });
}

#[test]
fn aut_5_a_damaged_session_without_a_password_says_what_to_do() {
    run(async {
        let (homeserver, place) = started().await;
        use_it(&homeserver, &place, by_password()).await;
        Damage::Noise.do_to(&place.file("session.json"));
        let stored = Auth::Stored {
            user_id: None,
            device_id: None,
        };
        let error = refused(homeserver.config(&place.account(), stored)).await;
        assert_eq!(error.code, ErrorCode::StoreCorrupt);
        assert!(error.message.contains("`password`"), "{error}");
    });
}

#[test]
fn enc_4_a_damaged_store_key_sets_everything_aside_together() {
    run(async {
        for damage in DAMAGES {
            let (homeserver, place) = started().await;
            use_it(&homeserver, &place, by_password()).await;
            damage.do_to(&place.file("store.key"));
            let account = homeserver.open(&place.account(), by_password()).await;
            assert_eq!(account.identity().device_id, "MADE3", "{damage:?}");
            let kinds = notices(&account).await;
            assert!(kinds.contains(&NoticeKind::StoreKey), "{kinds:?}");
            let kept = place
                .aside()
                .into_iter()
                .find(|path| path.join("store.key").exists())
                .unwrap();
            for name in [
                CRYPTO,
                STATE,
                "session.json",
                "inbox.sqlite3",
                "outbox.sqlite3",
            ] {
                assert!(kept.join(name).exists(), "{name}");
            }
            account.start();
            running(&account).await;
            account.close().await;

            let (homeserver, place) = started().await;
            let auth = homeserver.token("token", "DEVICE");
            use_it(&homeserver, &place, auth.clone()).await;
            damage.do_to(&place.file("store.key"));
            let error = refused(homeserver.config(&place.account(), auth)).await;
            assert_eq!(error.code, ErrorCode::StoreCorrupt);
            assert!(error.message.contains("store.key"), "{error}");
            assert!(error.message.contains("`password`"), "{error}");
            assert!(place.file(CRYPTO).exists() && place.aside().is_empty());
        }
    });
}

#[test]
fn ses_11_a_damaged_queue_is_set_aside_and_the_account_goes_on_where_it_stood() {
    run(async {
        for damage in DAMAGES {
            for (name, kind) in [
                ("inbox.sqlite3", NoticeKind::Inbox),
                ("outbox.sqlite3", NoticeKind::Outbox),
            ] {
                let (homeserver, place) = started().await;
                let before = use_it(&homeserver, &place, by_password()).await;
                damage.do_to(&place.file(name));
                let asked = homeserver.state().asked.len();
                homeserver.sync("s1", joined("s2", false, &[text("$new", "now")]));
                let account = homeserver.open(&place.account(), by_password()).await;
                assert_eq!(notices(&account).await, [kind], "{name} {damage:?}");
                account.start();
                assert_eq!(texts(&account, 1).await, ["now"], "{name} {damage:?}");
                assert_eq!(account.identity(), before);
                account.close().await;
                let first_syncs = homeserver.state().asked[asked..]
                    .iter()
                    .filter(|since| since.is_empty())
                    .count();
                assert_eq!(first_syncs, 0, "{name} {damage:?}");
                assert!(place.aside()[0].join(name).exists());
            }
        }
    });
}

#[test]
fn ses_11_files_of_a_newer_version_are_not_touched() {
    run(async {
        let (homeserver, place) = started().await;
        use_it(&homeserver, &place, by_password()).await;
        let json = fs::read_to_string(place.file("account.json")).unwrap();
        fs::write(
            place.file("account.json"),
            json.replace("\"schema\": 1", "\"schema\": 99"),
        )
        .unwrap();
        let error = refused(homeserver.config(&place.account(), by_password())).await;
        assert_eq!(error.code, ErrorCode::StoreNewer, "{error}");
        assert!(error.message.contains("update the plugin"), "{error}");
        fs::write(place.file("account.json"), json).unwrap();

        for (name, raise) in [
            ("inbox.sqlite3", "PRAGMA user_version = 99"),
            ("outbox.sqlite3", "PRAGMA user_version = 99"),
            (CRYPTO, "UPDATE kv SET value = x'63' WHERE key = 'version'"),
        ] {
            let kept = fs::read(place.file(name)).unwrap();
            let file = rusqlite::Connection::open(place.file(name)).unwrap();
            file.execute_batch(raise).unwrap();
            drop(file);
            let error = refused(homeserver.config(&place.account(), by_password())).await;
            assert_eq!(error.code, ErrorCode::StoreNewer, "{name}: {error}");
            assert!(error.message.contains("update the plugin"), "{error}");
            fs::write(place.file(name), kept).unwrap();
        }
        assert!(place.aside().is_empty());
        use_it(&homeserver, &place, by_password()).await;
        assert_eq!(homeserver.state().logins.len(), 1);
    });
}

#[test]
fn enc_13_a_second_account_on_the_folder_is_told_who_has_it() {
    run(async {
        let (homeserver, place) = started().await;
        let account = homeserver.open(&place.account(), by_password()).await;
        let error = refused(homeserver.config(&place.account(), by_password())).await;
        assert_eq!(error.code, ErrorCode::StoreLocked);
        assert!(error.message.contains("this process"), "{error}");
        account.start();
        running(&account).await;
        account.close().await;
        homeserver
            .open(&place.account(), by_password())
            .await
            .close()
            .await;
    });
}

#[cfg(unix)]
#[test]
fn enc_11_modes_are_tightened_and_links_refused() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    const FILES: [&str; 7] = [
        "account.json",
        "session.json",
        "store.key",
        "inbox.sqlite3",
        "outbox.sqlite3",
        CRYPTO,
        STATE,
    ];
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let set =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    run(async move {
        let (homeserver, place) = started().await;
        use_it(&homeserver, &place, by_password()).await;
        for name in FILES {
            set(&place.file(name), 0o666);
        }
        for folder in [place.account(), place.file("store")] {
            set(&folder, 0o777);
        }
        let account = homeserver.open(&place.account(), by_password()).await;
        for name in FILES {
            assert_eq!(mode(&place.file(name)), 0o600, "{name}");
        }
        for folder in [place.account(), place.file("store")] {
            assert_eq!(mode(&folder), 0o700);
        }
        account.close().await;

        for name in FILES {
            let (real, path) = (place.0.path().join("elsewhere"), place.file(name));
            fs::rename(&path, &real).unwrap();
            symlink(&real, &path).unwrap();
            let error = refused(homeserver.config(&place.account(), by_password())).await;
            assert_eq!(error.code, ErrorCode::ConfigInvalid, "{name}: {error}");
            assert!(error.message.contains("symbolic link"), "{error}");
            fs::remove_file(&path).unwrap();
            fs::rename(&real, &path).unwrap();
        }
        // Only root may give a file away.
        if std::os::unix::fs::chown(place.file("store.key"), Some(12345), None).is_ok() {
            let error = refused(homeserver.config(&place.account(), by_password())).await;
            assert_eq!(error.code, ErrorCode::ConfigInvalid);
            assert!(error.message.contains("chown"), "{error}");
            std::os::unix::fs::chown(place.file("store.key"), Some(0), None).unwrap();
        } else {
            eprintln!("SKIPPED: a file of another user (needs root)");
        }
        let account = homeserver.open(&place.account(), by_password()).await;
        assert_eq!(homeserver.state().logins.len(), 1);
        account.start();
        health(&account, |h| h.notices.is_empty()).await;
        account.close().await;
    });
}
