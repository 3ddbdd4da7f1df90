//! Killed between the steps of setting encryption up, of replacing the identity and of
//! beginning a new backup: the next run ends it, nothing that was published before is lost,
//! and the recovery key that is kept opens everything.

use std::{path::Path, process::Command};

use matrix_core::{Account, crypto::Bootstrap};
use serde::{Deserialize, Serialize};
use tempfile::tempdir;

use crate::{
    bootstrap::{assert_green, bootstrap, forced, kept_key, status},
    crossing::Folder,
    second_client::SecondClient,
    support::{Homeserver, Person, live},
};

const ORDERS: &str = "MATRIX_CORE_TEST_SETUP";

/// What is under way when the process ends.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Deed {
    SetUp,
    Replace,
    Reset { rotate: bool },
}

#[derive(Serialize, Deserialize)]
struct Orders {
    folder: Folder,
    deed: Deed,
    point: String,
}

#[test]
#[ignore = "the process that the other tests begin and kill"]
fn life() {
    let Ok(orders) = std::env::var(ORDERS) else {
        return;
    };
    let orders: Orders = serde_json::from_str(&orders).unwrap();
    live(|_| async move {
        fail::cfg_callback(orders.point, || std::process::abort()).unwrap();
        let account = Account::open(orders.folder.config()).await.unwrap();
        let encryption = account.encryption_to_change().await.unwrap();
        let options = Bootstrap {
            force_reset_cross_signing: orders.deed == Deed::Replace,
            ..Bootstrap::default()
        };
        match orders.deed {
            Deed::Reset { rotate } => drop(Box::pin(encryption.reset_backup(rotate)).await),
            Deed::SetUp | Deed::Replace => drop(Box::pin(encryption.bootstrap(&options)).await),
        }
    });
}

/// Does it in a process of its own, which the failpoint ends.
async fn killed(folder: &Folder, deed: Deed, point: &str) {
    let orders = Orders {
        folder: folder.clone(),
        deed,
        point: point.to_owned(),
    };
    let orders = serde_json::to_string(&orders).unwrap();
    let output = tokio::task::spawn_blocking(move || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "half_done::life", "--ignored", "--nocapture"])
            .env(ORDERS, orders)
            .output()
            .unwrap()
    });
    let output = output.await.unwrap();
    use std::os::unix::process::ExitStatusExt;
    assert_eq!(output.status.signal(), Some(6), "{point}: {output:?}");
}

async fn open(homeserver: &Homeserver, person: &Person, folder: &Path) -> Account {
    homeserver.run(folder, person.by_password()).await
}

/// The next run ends green, and changes nothing when run once more; a second client gets in
/// with the kept key alone.
async fn ends(homeserver: &Homeserver, person: &Person, folder: &Folder, point: &str) {
    let account = open(homeserver, person, &folder.path).await;
    let done = bootstrap(&account, Bootstrap::default())
        .await
        .unwrap_or_else(|error| panic!("{point}: {error}"));
    eprintln!("{point}: {done:?}");
    assert_green(&status(&account).await);
    let foundations = homeserver.foundations(person).await;
    bootstrap(&account, Bootstrap::default()).await.unwrap();
    assert_eq!(homeserver.foundations(person).await, foundations, "{point}");
    let other = SecondClient::new(homeserver, person).await;
    let key = kept_key(&account).await;
    Box::pin(other.client.encryption().recovery().recover(&key))
        .await
        .unwrap_or_else(|error| panic!("{point}: {error}"));
    assert!(other.verified().await, "{point}");
    assert!(
        other.client.encryption().backups().are_enabled().await,
        "{point}"
    );
    account.close().await;
}

fn folder(homeserver: &Homeserver, person: &Person, path: &Path) -> Folder {
    Folder {
        homeserver: homeserver.base.clone(),
        user_id: person.user_id.clone(),
        password: person.password.clone(),
        path: path.to_owned(),
    }
}

#[test]
fn enc_2_killed_while_setting_up() {
    live(|homeserver| async move {
        for point in [
            "crypto::identity::published",
            "crypto::device::signed",
            "crypto::storage::kept",
            "crypto::storage::described",
            "crypto::storage::filled",
            "crypto::storage::made",
            "crypto::backup::made",
        ] {
            let (person, dir) = (homeserver.register("half").await, tempdir().unwrap());
            let folder = folder(&homeserver, &person, dir.path());
            killed(&folder, Deed::SetUp, point).await;
            let master = homeserver.master_key(&person).await;
            assert!(master.is_object(), "{point}");
            ends(&homeserver, &person, &folder, point).await;
            // What the first run published is what stands.
            assert_eq!(homeserver.master_key(&person).await, master, "{point}");
        }
    });
}

#[test]
fn enc_7_forced_after_a_set_up_that_was_killed_there_is_a_new_identity() {
    live(|homeserver| async move {
        let (person, dir) = (homeserver.register("half").await, tempdir().unwrap());
        let folder = folder(&homeserver, &person, dir.path());
        let point = "crypto::identity::published";
        killed(&folder, Deed::SetUp, point).await;
        let master = homeserver.master_key(&person).await;
        let account = open(&homeserver, &person, dir.path()).await;
        let done = bootstrap(&account, forced()).await.unwrap();
        assert!(
            done.identity_replaced && done.device_signed && done.recovery_key_created,
            "{done:?}"
        );
        account.close().await;
        let replaced = homeserver.master_key(&person).await;
        assert_ne!(replaced, master);
        ends(&homeserver, &person, &folder, point).await;
        assert_eq!(homeserver.master_key(&person).await, replaced);
    });
}

#[test]
fn enc_3_killed_while_replacing_the_identity() {
    live(|homeserver| async move {
        for point in ["crypto::identity::made", "crypto::identity::published"] {
            let (person, dir) = (homeserver.register("half").await, tempdir().unwrap());
            let folder = folder(&homeserver, &person, dir.path());
            let account = open(&homeserver, &person, dir.path()).await;
            bootstrap(&account, Bootstrap::default()).await.unwrap();
            let key = kept_key(&account).await;
            account.close().await;
            let before = homeserver.master_key(&person).await;
            killed(&folder, Deed::Replace, point).await;
            let now = homeserver.master_key(&person).await;
            // A new one that only this process knew would be nobody's.
            assert_eq!(now == before, point == "crypto::identity::made");
            ends(&homeserver, &person, &folder, point).await;
            assert_eq!(homeserver.master_key(&person).await, now, "{point}");
            let account = open(&homeserver, &person, dir.path()).await;
            assert_eq!(kept_key(&account).await, key, "{point}");
            account.close().await;
        }
    });
}

#[test]
fn bkp_3_killed_while_beginning_a_new_backup() {
    live(|homeserver| async move {
        let rotating = Deed::Reset { rotate: true };
        for (deed, point) in [
            (Deed::Reset { rotate: false }, "crypto::backup::begun"),
            (Deed::Reset { rotate: false }, "crypto::backup::entrusted"),
            (rotating, "crypto::storage::kept"),
            (rotating, "crypto::storage::described"),
            (rotating, "crypto::storage::filled"),
            (rotating, "crypto::storage::made"),
            (rotating, "crypto::backup::entrusted"),
        ] {
            let (person, dir) = (homeserver.register("half").await, tempdir().unwrap());
            let folder = folder(&homeserver, &person, dir.path());
            let account = open(&homeserver, &person, dir.path()).await;
            bootstrap(&account, Bootstrap::default()).await.unwrap();
            let old_key = kept_key(&account).await;
            account.close().await;
            let (master, version) = (
                homeserver.master_key(&person).await,
                homeserver.backup(&person).await["version"].clone(),
            );
            killed(&folder, deed, point).await;
            // Until the new key's storage is the one in use, the former key gets in; that the
            // new backup's key is not there yet makes no difference to it.
            let replaced = deed == rotating
                && matches!(point, "crypto::storage::made" | "crypto::backup::entrusted");
            let other = SecondClient::new(&homeserver, &person).await;
            let recovery = other.client.encryption().recovery();
            drop(Box::pin(recovery.recover(&old_key)).await);
            assert_eq!(other.verified().await, !replaced, "{point}");
            ends(&homeserver, &person, &folder, point).await;
            assert_eq!(homeserver.master_key(&person).await, master, "{point}");
            assert_ne!(
                homeserver.backup(&person).await["version"],
                version,
                "{point}"
            );
        }
    });
}
