//! What cannot be used is set aside, never deleted: a folder a case, with the files and
//! the reason. The reason is told as a notice until a person deletes the folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    SCHEMA,
    files::{self, Owner},
};
use crate::{
    error::Result,
    health::{Notice, NoticeKind, now_ms},
};

const FOLDER: &str = "aside";
const WHY: &str = "why.json";

#[derive(Serialize, Deserialize)]
struct Why {
    schema: u32,
    kind: String,
    /// Milliseconds since the epoch.
    at: u64,
    message: String,
}

/// Moves `names` out of `dir`; those that are not there are left out. `message` says what
/// happened and what may be lost.
///
/// A database is named before its `-wal`: SQLite ignores a log without its database, but
/// a database without its log is an older copy of itself.
pub(super) fn set_aside(
    dir: &Path,
    kind: NoticeKind,
    names: &[&str],
    message: &str,
) -> Result<Notice> {
    let at = now_ms();
    let place = make(dir, &format!("{}-{at}", kind.as_str()))?;
    let notice = note(&place, kind, at, message)?;
    for name in names {
        let from = dir.join(name);
        match fs::rename(&from, place.join(name)) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(files::failed("move aside", &from, &e)),
        }
    }
    sync(dir)?;
    tracing::error!("{}", notice.message);
    Ok(notice)
}

/// Moves one file aside that can be made again: nothing to tell but the log.
pub(super) fn keep_copy(dir: &Path, name: &str) -> Result<()> {
    put_away(dir, name).map(drop)
}

/// Moves a file or folder aside that nobody needs to be told of; where it is now, `None`
/// if it was not there.
pub(super) fn put_away(dir: &Path, name: &str) -> Result<Option<PathBuf>> {
    let from = dir.join(name);
    if !from.exists() {
        return Ok(None);
    }
    let place = make(dir, &format!("{name}-{}", now_ms()))?;
    fs::rename(&from, place.join(name)).map_err(|e| files::failed("move aside", &from, &e))?;
    sync(dir)?;
    Ok(Some(place))
}

/// A notice with nothing to keep but itself; a newer one takes its place.
pub(super) fn note_once(dir: &Path, kind: NoticeKind, message: &str) -> Result<Notice> {
    let place = make(dir, kind.as_str())?;
    note(&place, kind, now_ms(), message)
}

fn make(dir: &Path, name: &str) -> Result<PathBuf> {
    let folder = dir.join(FOLDER);
    files::folder(&folder)?;
    let place = folder.join(name);
    files::folder(&place)?;
    Ok(place)
}

fn note(place: &Path, kind: NoticeKind, at: u64, message: &str) -> Result<Notice> {
    let message = format!(
        "{message}. What was set aside is in {}; delete that folder to end this notice",
        place.display()
    );
    let why = Why {
        schema: SCHEMA,
        kind: kind.as_str().to_owned(),
        at,
        message: message.clone(),
    };
    let json = serde_json::to_vec_pretty(&why)
        .map_err(|e| crate::Error::internal(format!("{WHY} cannot be written: {e}")))?;
    files::write(place, WHY, &json)?;
    Ok(Notice { kind, at, message })
}

/// All notices whose folders are still there, oldest first. One that cannot be read
/// hinders nothing else.
pub(super) fn notices(dir: &Path, owner: &Owner) -> Vec<Notice> {
    let Ok(entries) = fs::read_dir(dir.join(FOLDER)) else {
        return Vec::new();
    };
    let mut notices: Vec<Notice> = entries
        .flatten()
        .filter_map(|entry| {
            let bytes = files::read(&entry.path().join(WHY), owner).ok()??;
            let why: Why = serde_json::from_slice(&bytes).ok()?;
            Some(Notice {
                kind: NoticeKind::named(&why.kind)?,
                at: why.at,
                message: why.message,
            })
        })
        .collect();
    notices.sort_by_key(|notice| notice.at);
    notices
}

#[cfg(unix)]
fn sync(dir: &Path) -> Result<()> {
    fs::File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|e| files::failed("write to", dir, &e))
}

#[cfg(not(unix))]
fn sync(_dir: &Path) -> Result<()> {
    Ok(())
}
