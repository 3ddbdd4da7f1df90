//! An older copy of the crypto store that somebody put back.

use std::{fs, path::Path};

use matrix_core::{ErrorCode, NoticeKind};
use tempfile::tempdir;

use crate::{
    storage::{Place, refused, started, use_it},
    support::{by_password, joined, run, running, text, texts},
};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn put_back(copied: &Path, place: &Place) {
    fs::remove_dir_all(place.account()).unwrap();
    copy(copied, &place.account());
}

#[test]
fn enc_4_an_older_copy_of_the_folder_is_never_used() {
    run(async {
        let (homeserver, place) = started().await;
        use_it(&homeserver, &place, by_password()).await;
        let backup = tempdir().unwrap();
        copy(&place.account(), backup.path());
        use_it(&homeserver, &place, by_password()).await;
        put_back(backup.path(), &place);
        homeserver.sync("", joined("t1", true, &[text("$old", "long ago")]));
        let account = homeserver.open(&place.account(), by_password()).await;
        assert_eq!(account.identity().device_id, "MADE2");
        let told = account.health().await.unwrap().notices;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].kind, NoticeKind::CryptoStore);
        assert!(told[0].message.contains("older copy"), "{told:?}");
        account.start();
        running(&account).await;
        // The queues came back with it: nothing of theirs is done twice.
        homeserver.sync("t1", joined("t2", false, &[text("$new", "now")]));
        assert_eq!(texts(&account, 1).await, ["now"]);
        account.close().await;
    });
}

#[test]
fn enc_4_an_older_copy_without_a_password_is_blocked_with_the_way_out() {
    run(async {
        let (homeserver, place) = started().await;
        let auth = homeserver.token("token", "DEVICE");
        use_it(&homeserver, &place, auth.clone()).await;
        // The store alone, put back alone, while the account was open.
        let backup = tempdir().unwrap();
        let account = homeserver.open(&place.account(), auth.clone()).await;
        copy(&place.file("store"), backup.path());
        account.close().await;
        fs::remove_dir_all(place.file("store")).unwrap();
        copy(backup.path(), &place.file("store"));
        let error = refused(homeserver.config(&place.account(), auth.clone())).await;
        assert_eq!(error.code, ErrorCode::StoreCorrupt);
        assert!(error.message.contains("older copy"), "{error}");
        assert!(error.message.contains("bot.generation"), "{error}");
        assert!(place.aside().is_empty());
        // The person says that it is the newest.
        fs::remove_file(place.0.path().join("bot.generation")).unwrap();
        homeserver.open(&place.account(), auth).await.close().await;
    });
}

#[test]
fn enc_4_crashes_moves_and_other_devices_are_no_older_copies() {
    run(async {
        let (homeserver, mut place) = started().await;
        let outside = |place: &Place| place.0.path().join("bot.generation");
        let before = use_it(&homeserver, &place, by_password()).await;
        // A crash between the two writes: the store is one ahead.
        let behind = fs::read(outside(&place)).unwrap();
        use_it(&homeserver, &place, by_password()).await;
        fs::write(outside(&place), behind).unwrap();
        assert_eq!(use_it(&homeserver, &place, by_password()).await, before);
        // The number outside is damaged.
        fs::write(outside(&place), b"noise").unwrap();
        assert_eq!(use_it(&homeserver, &place, by_password()).await, before);
        // The whole root, moved; then the folder alone.
        for with_outside in [true, false] {
            let moved = Place::new();
            fs::rename(place.account(), moved.account()).unwrap();
            if with_outside {
                fs::rename(outside(&place), outside(&moved)).unwrap();
            }
            place = moved;
            assert_eq!(use_it(&homeserver, &place, by_password()).await, before);
        }
        // Another device in its place for a while.
        let away = tempdir().unwrap();
        fs::rename(place.account(), away.path().join("bot")).unwrap();
        homeserver.sync("", joined("t1", true, &[]));
        assert_eq!(
            use_it(&homeserver, &place, by_password()).await.device_id,
            "MADE2"
        );
        put_back(&away.path().join("bot"), &place);
        assert_eq!(use_it(&homeserver, &place, by_password()).await, before);
        assert!(place.aside().is_empty());
    });
}
