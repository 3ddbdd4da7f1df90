//! What a person is told when the way in is closed: what happened, and the key or the
//! command that opens it.

use std::{fmt::Display, path::Path};

use crate::{
    config::AccountConfig,
    dir::AccountFile,
    error::{Error, ErrorCode},
};

const ADD_ACCOUNT: &str = "openclaw matrix account add --user-id … --password …";

pub(super) fn token_refused(account_id: &str, error: Error) -> Error {
    if error.code != ErrorCode::AuthExpired {
        return error;
    }
    Error {
        code: ErrorCode::AuthFailed,
        message: format!(
            "the homeserver does not accept `accessToken` of account {account_id} ({}); put a \
             new one there, or use `userId` and `password`",
            error.errcode.as_deref().unwrap_or("no reason given"),
        ),
        ..error
    }
}

pub(super) fn token_without_device(account_id: &str) -> Error {
    Error::new(
        ErrorCode::AuthFailed,
        format!(
            "`accessToken` of account {account_id} has no device (an application service's \
             token?); use a token from a login, or `userId` and `password`"
        ),
    )
}

pub(super) fn other_user(
    what: &str,
    actual: impl Display,
    key: &str,
    wanted: impl Display,
) -> Error {
    Error::new(
        ErrorCode::AccountMismatch,
        format!("{what} belongs to {actual}, but {key} says {wanted}; correct one of them"),
    )
}

pub(super) fn other_device(actual: impl Display, wanted: impl Display) -> Error {
    Error::new(
        ErrorCode::AccountMismatch,
        format!(
            "`accessToken` belongs to device {actual}, but `deviceId` says {wanted}; remove \
             `deviceId`, or use the token of that device"
        ),
    )
}

pub(super) fn folder_of_other_user(dir: &Path, stored: &str, now: impl Display) -> Error {
    Error::new(
        ErrorCode::AccountMismatch,
        format!(
            "the folder {} belongs to {stored}, but the configuration now logs in {now}; give \
             the other user an account of its own under `accounts`, or stop the gateway and \
             move the folder away",
            dir.display()
        ),
    )
}

pub(super) fn folder_of_other_device(dir: &Path, stored: impl Display, now: impl Display) -> Error {
    Error::new(
        ErrorCode::AccountMismatch,
        format!(
            "the folder {} belongs to device {stored}, but `accessToken` or `deviceId` now means \
             device {now}; go back to device {stored}, or stop the gateway and move the folder \
             away (the new device cannot read older encrypted messages without the recovery key)",
            dir.display()
        ),
    )
}

pub(super) fn nothing_stored(account_id: &str) -> Error {
    Error::new(
        ErrorCode::AuthFailed,
        format!(
            "account {account_id} has no stored session; set `accessToken`, or `userId` and \
             `password`"
        ),
    )
}

pub(super) fn session_ended(
    account_id: &str,
    device: &ruma::DeviceId,
    dir: &Path,
    refused: &Error,
    has_password: bool,
) -> Error {
    let message = if refused.soft_logout && !has_password {
        format!(
            "the session of account {account_id} (device {device}) has expired; set `password` \
             to log in again on the same device, or put a new `accessToken` of this device there"
        )
    } else {
        format!(
            "the homeserver has ended the session of account {account_id} for good: device \
             {device} was logged out or removed; stop the gateway, move {} away and start it \
             again{}",
            dir.display(),
            if has_password {
                ", which logs in as a new device"
            } else {
                " with a new `accessToken`, or with `userId` and `password`"
            }
        )
    };
    Error {
        code: ErrorCode::AuthExpired,
        message,
        ..refused.clone()
    }
}

pub(super) fn session_damaged(account_id: &str, error: Error) -> Error {
    if error.code != ErrorCode::StoreCorrupt {
        return error;
    }
    Error {
        message: format!(
            "the stored session of account {account_id} cannot be read ({error}); set `userId` \
             and `password` to log in again on the same device"
        ),
        ..error
    }
}

/// See [`super::stored_account`].
pub(super) const OWNER_UNKNOWN: &str = "account.json and session.json are damaged, so nobody \
    knows which device the encryption store belongs to: it was set aside and the account logs in \
    as a new device, which reads older encrypted messages only out of the room-key backup";

pub(super) fn keys_gone(dir: &Path, account: &AccountFile) -> String {
    format!(
        "the encryption keys of device {} are gone from {}: the account logs in as a new device, \
         which reads older encrypted messages only out of the room-key backup",
        account.device_id,
        dir.display()
    )
}

pub(super) fn keys_refused(device: &ruma::DeviceId) -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        format!(
            "the homeserver refused the one-time keys of device {device}: its encryption has been \
             used with another copy of this store; the account logs in as a new device"
        ),
    )
}

pub(super) fn device_removed(account: &AccountFile) -> String {
    format!(
        "session.json was damaged, and device {} turned out to be removed on the homeserver: its \
         encryption store was set aside and the account logs in as a new device, which reads \
         older encrypted messages only out of the room-key backup",
        account.device_id
    )
}

pub(super) fn device_in_use(config: &AccountConfig, account: &AccountFile) -> Error {
    Error::new(
        ErrorCode::DeviceInUse,
        format!(
            "`accessToken` of account {} belongs to device {} of {}, which another client \
             already encrypts with; using it here would break that client. Use `userId` and \
             `password` instead of `accessToken` (`{ADD_ACCOUNT}`), or the token of a login \
             made for this account alone; with `encryption: false` the token works for \
             unencrypted rooms",
            config.account_id, account.device_id, account.user_id
        ),
    )
}

pub(super) fn store_lost(dir: &Path, account: &AccountFile) -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        format!(
            "the encryption store of device {} is gone from {}, and with it the keys that the \
             homeserver still shows for this device; set `userId` and `password` to log in as a \
             new device, or move the folder away and use the token of a new login",
            account.device_id,
            dir.display()
        ),
    )
}
