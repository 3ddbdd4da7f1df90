use super::*;

fn account() -> AccountFile {
    AccountFile::new("https://matrix.example.org", "@bot:example.org", "DEVICE")
}

#[test]
fn aut_2_the_session_is_kept_and_names_no_secret() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a/b");
    assert_eq!(stored_identity(&path).unwrap(), None);
    {
        let dir = Dir::open(&path).unwrap();
        let keys = dir.keys(None, "main").unwrap();
        dir.save_account(&account()).unwrap();
        dir.save_session(&keys, &account(), &Secret::new("syt_secret"))
            .unwrap();
    }
    let dir = Dir::open(&path).unwrap();
    let keys = dir.keys(None, "main").unwrap();
    assert_eq!(dir.account().unwrap(), Some(account()));
    let token = dir.session_token(&keys, &account()).unwrap().unwrap();
    assert_eq!(token.expose(), "syt_secret");
    assert_eq!(stored_identity(&path).unwrap().unwrap().device_id, "DEVICE");
    let text = std::fs::read_to_string(path.join("session.json")).unwrap();
    assert!(!text.contains("syt_secret"));
    let mut other = account();
    other.device_id = "OTHER".into();
    assert!(dir.session_token(&keys, &other).unwrap().is_none());
}

#[test]
fn aut_2_the_lock_is_exclusive_names_its_holder_and_ends_with_it() {
    let root = tempfile::tempdir().unwrap();
    assert_eq!(lock_holder(root.path()).unwrap(), None);
    let dir = Dir::open(root.path()).unwrap();
    assert_eq!(
        lock_holder(root.path()).unwrap().unwrap().pid,
        std::process::id()
    );
    let error = Dir::open(root.path()).unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreLocked);
    assert!(error.message.contains("this process"), "{}", error.message);
    drop(dir);
    assert_eq!(lock_holder(root.path()).unwrap(), None);
    Dir::open(root.path()).unwrap();
}

#[test]
fn enc_11_the_passphrase_wraps_the_key() {
    let root = tempfile::tempdir().unwrap();
    let dir = Dir::open(root.path()).unwrap();
    let plain = dir.keys(None, "main").unwrap();
    let right = Secret::new("correct horse");
    // Set later: the key stays, its file changes.
    let wrapped = dir.keys(Some(&right), "main").unwrap();
    assert_eq!(plain.key, wrapped.key);
    for wrong in [None, Some(Secret::new("battery staple"))] {
        let error = dir.keys(wrong.as_ref(), "main").unwrap_err();
        assert_eq!(error.code, ErrorCode::ConfigInvalid);
        assert!(
            error.message.contains("`storePassphrase`"),
            "{}",
            error.message
        );
    }
    let again = dir.keys(Some(&right), "main").unwrap();
    assert_eq!(again.key, plain.key);
    let secret = plain.cipher.encrypt_value(&"hello").unwrap();
    assert_eq!(
        again.cipher.decrypt_value::<String>(&secret).unwrap(),
        "hello"
    );
}

#[test]
fn enc_11_a_lost_key_is_not_replaced_beside_what_it_encrypted() {
    let root = tempfile::tempdir().unwrap();
    let dir = Dir::open(root.path()).unwrap();
    dir.keys(None, "main").unwrap();
    dir.store().unwrap();
    std::fs::remove_file(root.path().join("store.key")).unwrap();
    assert_eq!(
        dir.keys(None, "main").unwrap_err().code,
        ErrorCode::StoreCorrupt
    );
}

#[test]
fn aut_2_a_broken_file_is_named() {
    let root = tempfile::tempdir().unwrap();
    let dir = Dir::open(root.path()).unwrap();
    std::fs::write(root.path().join("account.json"), "{").unwrap();
    let error = dir.account().unwrap_err();
    assert_eq!(error.code, ErrorCode::StoreCorrupt);
    assert!(error.message.contains("account.json"), "{}", error.message);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn aut_2_everything_is_closed_to_others_and_repaired() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("account");
        {
            let dir = Dir::open(&path).unwrap();
            dir.keys(None, "main").unwrap();
            dir.save_account(&account()).unwrap();
        }
        assert_eq!(mode(&path), 0o700);
        for name in ["lock", "store.key", "account.json"] {
            assert_eq!(mode(&path.join(name)), 0o600, "{name}");
        }
        let open = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        open(&path, 0o755);
        open(&path.join("account.json"), 0o644);
        let dir = Dir::open(&path).unwrap();
        dir.account().unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("account.json")), 0o600);
    }

    #[test]
    fn aut_2_links_are_refused() {
        let root = tempfile::tempdir().unwrap();
        let real = root.path().join("real");
        std::fs::create_dir(&real).unwrap();
        let link = root.path().join("link");
        symlink(&real, &link).unwrap();
        let error = Dir::open(&link).unwrap_err();
        assert_eq!(error.code, ErrorCode::ConfigInvalid);
        assert!(error.message.contains("symbolic link"), "{}", error.message);

        let elsewhere = root.path().join("elsewhere");
        std::fs::write(&elsewhere, "{}").unwrap();
        symlink(&elsewhere, real.join("account.json")).unwrap();
        let dir = Dir::open(&real).unwrap();
        assert_eq!(dir.account().unwrap_err().code, ErrorCode::ConfigInvalid);
        symlink(&elsewhere, real.join("inbox.sqlite3")).unwrap();
        assert_eq!(dir.inbox().unwrap_err().code, ErrorCode::ConfigInvalid);
    }
}
