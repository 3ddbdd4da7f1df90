//! What becomes of an account's files that cannot be used, before the account is opened.
//!
//! Nothing is deleted but the state store, a cache. What holds keys or messages is set
//! aside, with a notice in the status until a person has taken note. A device whose keys
//! are lost is only replaced where a password allows to log in as a new one; otherwise
//! the account is blocked with the sentence that says what to do.

use std::{path::Path, sync::Arc};

use super::blocking;
use crate::{
    config::{AccountConfig, Auth},
    dir::{CryptoStore, Dir, StoreKeys},
    error::{Error, ErrorCode, Result},
    health::NoticeKind,
    inbox::Inbox,
    outbox::Outbox,
};

/// Whether the device's keys are where they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DeviceKeys {
    /// There are none yet, or nobody knows where they went.
    Absent,
    /// In the crypto store.
    Whole,
    /// They were set aside: the device cannot be used any more.
    Lost,
}

/// What follows when a device's keys are lost. With a recovery key that is kept or
/// configured, the new device verifies itself and connects to the backup.
const NEW_DEVICE: &str = "the account logs in as a new device, which reads older encrypted \
    messages only out of the room-key backup";

/// The keys of the folder and the state of the SDK's stores. Waits for the disk.
pub(super) fn stores(config: &AccountConfig, dir: &Dir) -> Result<(StoreKeys, DeviceKeys)> {
    let password = matches!(config.auth, Auth::Password { .. });
    let keys = || dir.keys(config.store_passphrase.as_ref(), &config.account_id);
    let keys = match keys() {
        Err(error) if error.code == ErrorCode::StoreCorrupt => {
            if !password {
                return Err(blocked(&error, &config.account_id));
            }
            dir.set_everything_aside(&format!(
                "{error}. Nothing in the folder can be read without the right store.key: \
                 everything was set aside, the kept recovery key with it, and the account logs in \
                 as a new device. Messages that were not answered yet are lost, and older \
                 encrypted ones can be read only with `recoveryKey`"
            ))?;
            keys()?
        }
        keys => keys?,
    };
    let device_keys = match dir.crypto_store()? {
        CryptoStore::Empty => DeviceKeys::Absent,
        CryptoStore::Whole if password && keys_refused(dir) => {
            dir.set_stores_aside(&format!(
                "the homeserver refused this device's one-time keys, because its encryption was \
                 used with another copy of the store in {} (a snapshot that was put back, or the \
                 same login elsewhere?): the store was set aside and {NEW_DEVICE}",
                dir.path().display()
            ))?;
            DeviceKeys::Lost
        }
        CryptoStore::Whole => DeviceKeys::Whole,
        CryptoStore::Damaged(why) => {
            let what = format!(
                "the encryption store in {} is damaged ({why})",
                dir.path().display()
            );
            if !password {
                return Err(blocked(
                    &Error::new(ErrorCode::StoreCorrupt, what),
                    &config.account_id,
                ));
            }
            dir.set_stores_aside(&format!("{what}: it was set aside and {NEW_DEVICE}"))?;
            DeviceKeys::Lost
        }
        CryptoStore::RolledBack => {
            let what = format!(
                "the encryption store in {} is an older copy of itself (a backup or snapshot that \
                 was put back?); it is not used, because keys that are used up would be used again \
                 and nobody could read what is sent",
                dir.path().display()
            );
            if !password {
                let marker = dir.generation_file();
                return Err(blocked(
                    &Error::new(
                        ErrorCode::StoreCorrupt,
                        format!(
                            "{what}. If it is the newest all the same, delete {}",
                            marker.display()
                        ),
                    ),
                    &config.account_id,
                ));
            }
            // The queues came back with it: what they hold as open was finished since.
            dir.set_rolled_back_aside(&format!(
                "{what}. It was set aside with the queues and {NEW_DEVICE}; what was said since the \
                 copy was made and not answered is not answered"
            ))?;
            DeviceKeys::Lost
        }
    };
    if dir.drop_damaged_state_store()? {
        tracing::warn!(
            "the state store is damaged; it is a cache and is filled again from a first sync, \
             what was said meanwhile is read from the rooms' history"
        );
    }
    Ok((keys, device_keys))
}

/// Whether the homeserver refused this device's one-time keys: see
/// [`crate::session::Session::give_device_up`].
fn keys_refused(dir: &Dir) -> bool {
    let (Ok(Some(account)), Some(refused)) = (dir.account(), dir.refused_keys()) else {
        return false;
    };
    account.device_id == refused.device_id
}

/// What a person without a password can do about lost device keys.
fn blocked(error: &Error, account_id: &str) -> Error {
    Error::new(
        error.code,
        format!(
            "{error}. Run `openclaw matrix devices renew --account {account_id} --password-stdin`, \
             or set `userId` and `password`: it is then set aside and the account logs in as a \
             new device",
        ),
    )
}

/// The inbox, and whether what it held is lost.
pub(crate) async fn inbox(dir: &Arc<Dir>, keys: &StoreKeys) -> Result<(Inbox, bool)> {
    let path = dir.inbox()?;
    let lost = is_lost(dir, &path)?;
    let opened = match lost {
        Some(Gone::Emptied) => Err(emptied(&path)),
        _ => Inbox::open(&path, Arc::clone(&keys.cipher)).await,
    };
    match opened {
        Err(error) if error.code == ErrorCode::StoreCorrupt => {
            aside(
                dir,
                NoticeKind::Inbox,
                format!(
                    "{}. It was set aside: messages that had arrived and were not answered yet are \
                     not answered; look through the rooms and ask again",
                    cause(&error)
                ),
            )
            .await?;
            let inbox = Inbox::open(&path, Arc::clone(&keys.cipher)).await?;
            Ok((inbox, true))
        }
        opened => Ok((opened?, lost.is_some())),
    }
}

/// The outbox.
pub(super) async fn outbox(dir: &Arc<Dir>, keys: &StoreKeys) -> Result<Outbox> {
    let path = dir.outbox()?;
    let opened = match is_lost(dir, &path)? {
        Some(Gone::Emptied) => Err(emptied(&path)),
        _ => Outbox::open(&path, Arc::clone(&keys.cipher)).await,
    };
    match opened {
        Err(error) if error.code == ErrorCode::StoreCorrupt => {
            aside(
                dir,
                NoticeKind::Outbox,
                format!(
                    "{}. It was set aside: answers that were not sent yet are not sent, and one \
                     that is delivered again may arrive twice",
                    cause(&error)
                ),
            )
            .await?;
            Outbox::open(&path, Arc::clone(&keys.cipher)).await
        }
        opened => opened,
    }
}

enum Gone {
    /// Somebody took it away.
    Missing,
    /// To SQLite an empty file is a new one; here it was more.
    Emptied,
}

/// A queue's file is made before the account has its first login.
fn is_lost(dir: &Dir, path: &Path) -> Result<Option<Gone>> {
    if !dir.has_account() {
        return Ok(None);
    }
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.len() == 0 => Ok(Some(Gone::Emptied)),
        Ok(_) => Ok(None),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Some(Gone::Missing)),
        Err(e) => Err(Error::new(
            ErrorCode::StorageFailed,
            format!("cannot read {}: {e}", path.display()),
        )),
    }
}

fn emptied(path: &Path) -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        format!("{} is empty: ", path.display()),
    )
}

/// The error without its advice: the advice has just been followed.
fn cause(error: &Error) -> &str {
    let text = error.message.as_str();
    text.split_once(": ").map_or(text, |(cause, _)| cause)
}

async fn aside(dir: &Arc<Dir>, kind: NoticeKind, message: String) -> Result<()> {
    let dir = Arc::clone(dir);
    blocking(move || dir.set_queue_aside(kind, &message).map(drop)).await
}
