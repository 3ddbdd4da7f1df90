//! One process, one account object, one folder. The kernel frees the lock on death.

use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    thread,
    time::Duration,
};

use serde::{Deserialize, Serialize};

use super::files::{self, Owner};
use crate::{
    error::{Error, ErrorCode, Result},
    health::now_ms,
};

/// Whoever only looks at the lock holds it for an instant.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_millis(40);

/// Who holds a folder's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Process id.
    pub pid: u32,
    /// Milliseconds since the epoch.
    pub since: u64,
}

/// Held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(dir: &Path, owner: &Owner) -> Result<Self> {
        let path = dir.join("lock");
        let mut file = files::open(&path, owner)?;
        for rest in (0..TRIES).rev() {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if rest > 0 => thread::sleep(BETWEEN_TRIES),
                Err(TryLockError::WouldBlock) => return Err(locked(dir, read(&mut file))),
                Err(TryLockError::Error(e)) => return Err(files::failed("lock", &path, &e)),
            }
        }
        let holder = LockHolder {
            pid: std::process::id(),
            since: now_ms(),
        };
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            serde_json::to_writer(&mut *file, &holder)?;
            file.flush()
        };
        write(&mut file).map_err(|e| files::failed("write", &path, &e))?;
        Ok(Self { _file: file })
    }
}

/// Who holds the lock of `dir`, if anybody does.
pub(super) fn holder(dir: &Path) -> Result<Option<LockHolder>> {
    let path = dir.join("lock");
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(files::failed("read", &path, &e)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        // Between taking the lock and writing who holds it lies an instant.
        Err(TryLockError::WouldBlock) => Ok(Some(
            read(&mut file).unwrap_or(LockHolder { pid: 0, since: 0 }),
        )),
        Err(TryLockError::Error(e)) => Err(files::failed("lock", &path, &e)),
    }
}

fn read(file: &mut File) -> Option<LockHolder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn locked(dir: &Path, holder: Option<LockHolder>) -> Error {
    let who = match holder {
        Some(LockHolder { pid, .. }) if pid == std::process::id() => {
            "this process already has it open".to_owned()
        }
        Some(LockHolder { pid, .. }) => format!("process {pid} has it open"),
        None => "another process has it open".to_owned(),
    };
    Error::new(
        ErrorCode::StoreLocked,
        format!(
            "the account's folder {} is in use: {who}; stop it, or let the running gateway do \
             this",
            dir.display()
        ),
    )
}
