//! What a person is told when the way in is closed: what happened, and the key or the
//! command that opens it.

use std::{fmt::Display, path::Path};

use crate::{
    config::AccountConfig,
    dir::AccountFile,
    error::{Error, ErrorCode},
};

/// The command that gives an account a device of its own.
fn renew(account_id: &str) -> String {
    format!("`openclaw matrix devices renew --account {account_id}`")
}

/// The same for an account whose password is not configured.
fn renew_with_password(account_id: &str) -> String {
    format!("`openclaw matrix devices renew --account {account_id} --password-stdin`")
}

pub(super) fn token_refused(account_id: &str, error: Error) -> Error {
    if error.code != ErrorCode::AuthExpired {
        return error;
    }
    Error {
        code: ErrorCode::AuthFailed,
        message: format!(
            "the homeserver does not accept `accessToken` of account {account_id} ({}): it is \
             mistyped, or its device was logged out or removed. Put the token of a new login \
             there, or run {}, which logs in as a new device",
            error.errcode.as_deref().unwrap_or("no reason given"),
            renew_with_password(account_id),
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

pub(super) fn folder_of_other_device(
    account_id: &str,
    dir: &Path,
    stored: impl Display,
    now: impl Display,
) -> Error {
    Error::new(
        ErrorCode::AccountMismatch,
        format!(
            "the folder {} belongs to device {stored}, but `accessToken` or `deviceId` now means \
             device {now}; go back to device {stored}, or run {}, which makes the account the \
             new device (older encrypted messages it reads with the recovery key alone)",
            dir.display(),
            renew(account_id)
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

/// The authorization server has ended an OAuth login (AUT-9).
pub(super) fn login_ended(account_id: &str, refused: &Error) -> Error {
    Error {
        code: ErrorCode::AuthExpired,
        message: format!(
            "the login of account {account_id} has ended; log in again with \
             `openclaw channels login --channel matrix --account {account_id}`"
        ),
        ..refused.clone()
    }
}

pub(super) fn session_ended(
    account_id: &str,
    device: &ruma::DeviceId,
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
             {device} was logged out or removed; run {}, which logs in as a new device",
            if has_password {
                renew(account_id)
            } else {
                renew_with_password(account_id)
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
             already encrypts with; using it here would break that client. Run {}, which gives \
             the account a device of its own, or use the token of a login made for this account \
             alone; with `encryption: false` the token works for unencrypted rooms",
            config.account_id,
            account.device_id,
            account.user_id,
            renew_with_password(&config.account_id)
        ),
    )
}

pub(super) fn store_lost(account_id: &str, dir: &Path, account: &AccountFile) -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        format!(
            "the encryption store of device {} is gone from {}, and with it the keys that the \
             homeserver still shows for this device; run {}, or set `userId` and `password`: the \
             account then logs in as a new device",
            account.device_id,
            dir.display(),
            renew_with_password(account_id)
        ),
    )
}

pub(super) fn nothing_to_renew(account_id: &str, device: impl Display) -> Error {
    Error::new(
        ErrorCode::ConfigInvalid,
        format!(
            "device {device} of account {account_id} works, and a new one would read older \
             encrypted messages with the recovery key alone; add --yes if you want it all the same"
        ),
    )
}

pub(super) fn token_is_free(account_id: &str, device: impl Display) -> Error {
    Error::new(
        ErrorCode::ConfigInvalid,
        format!(
            "`accessToken` of account {account_id} belongs to device {device}, which no other \
             client encrypts with: the account starts with it, nothing has to be renewed. Add \
             --password-stdin if you want a new device all the same"
        ),
    )
}

pub(super) fn renewal_needs_password(account_id: &str) -> Error {
    Error::new(
        ErrorCode::AuthFailed,
        format!(
            "a new device needs a login: give the account's password with {}. Where people log \
             in with a browser only (SSO, OAuth), log in there with a client that nobody else \
             uses, put its token into `accessToken` and run {}",
            renew_with_password(account_id),
            renew(account_id)
        ),
    )
}

pub(super) fn renewal_without_user(account_id: &str) -> Error {
    Error::new(
        ErrorCode::ConfigInvalid,
        format!("nobody knows whose device account {account_id} has; set `userId`"),
    )
}

pub(super) fn no_password_login(account_id: &str) -> Error {
    Error::new(
        ErrorCode::AuthFailed,
        format!(
            "the homeserver offers no password login; log in with a browser and a client that \
             nobody else uses, put its token into `accessToken` and run {}",
            renew(account_id)
        ),
    )
}
