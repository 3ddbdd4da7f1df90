//! A disk that refuses, on a small file system of its own where one may be mounted.
#![cfg(target_os = "linux")]

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
};

use matrix_core::{Account, ErrorCode, SyncState};
use tempfile::{TempDir, tempdir};

use crate::support::{Homeserver, by_password, health, joined, run, running, text, texts};

/// A mounted tmpfs; unmounted when dropped.
struct SmallDisk(TempDir);

impl SmallDisk {
    /// `None`, visibly, where this process may not mount.
    fn mount(size: &str) -> Option<Self> {
        let folder = tempdir().unwrap();
        let done = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=0700"),
                "none",
            ])
            .arg(folder.path())
            .output();
        match done {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => {
                eprintln!("SKIPPED: no file system may be mounted here");
                None
            }
        }
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("bot")
    }

    fn remount(&self, how: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{how}")])
            .arg(self.0.path())
            .status();
        assert!(status.unwrap().success());
    }

    /// Until nothing fits any more.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            while file.write_all(&vec![0; size]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

async fn running_on(homeserver: &Homeserver, path: &Path) -> Account {
    homeserver.sync("", joined("s1", true, &[text("$old", "long ago")]));
    let account = homeserver.open(path, by_password()).await;
    account.start();
    running(&account).await;
    account
}

#[test]
fn ses_11_a_full_disk_is_told_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount("12m") else {
        return;
    };
    run(async move {
        let homeserver = Homeserver::start().await;
        let account = running_on(&homeserver, &disk.path()).await;
        let filler = disk.fill();
        let many: Vec<_> = (0..50)
            .map(|at| text(&format!("$m{at}"), &format!("{at} {}", "x".repeat(10_000))))
            .collect();
        // Offered as often as it is asked for.
        for _ in 0..40 {
            homeserver.sync("s1", joined("s2", false, &many));
        }
        let full = health(&account, |h| {
            h.sync.state == SyncState::Retrying
                && h.sync
                    .error
                    .as_ref()
                    .is_some_and(|(code, _)| *code == ErrorCode::StorageFailed)
        })
        .await;
        let (_, message) = full.sync.error.unwrap();
        assert!(message.contains("disk is full"), "{message}");
        fs::remove_file(filler).unwrap();
        let got = texts(&account, 50).await;
        for (at, text) in got.iter().enumerate() {
            assert!(text.starts_with(&format!("{at} ")), "{at}: {}", &text[..8]);
        }
        running(&account).await;
        assert!(account.health().await.unwrap().notices.is_empty());
        account.close().await;
    });
}

#[test]
fn ses_11_a_folder_that_cannot_be_written_is_waited_for() {
    let Some(disk) = SmallDisk::mount("12m") else {
        return;
    };
    run(async move {
        let homeserver = Homeserver::start().await;
        running_on(&homeserver, &disk.path()).await.close().await;
        disk.remount("ro");
        let opened = Account::open(homeserver.config(&disk.path(), by_password())).await;
        let error = opened.err().unwrap();
        assert_eq!(error.code, ErrorCode::StorageFailed, "{error}");
        assert!(error.is_transient());
        assert!(error.message.contains("writable"), "{error}");
        disk.remount("rw");
        let account = homeserver.open(&disk.path(), by_password()).await;
        assert_eq!(account.identity().device_id, "MADE1");
        account.close().await;
    });
}
