//! One error type for everything that leaves the crate.

use std::time::Duration;

mod disk;
mod homeserver;
mod recipients;

pub(crate) use disk::{disk, is_damage, store};
pub(crate) use homeserver::{from_answer, from_deserialization, from_reqwest};

/// What kind of trouble it is; a closed set that callers may match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// A value of the configuration cannot be used.
    ConfigInvalid,
    /// The homeserver refused the credentials.
    AuthFailed,
    /// The session ended (expired, revoked, logged out elsewhere).
    AuthExpired,
    /// The access token belongs to a device that another client encrypts with.
    DeviceInUse,
    /// The homeserver serves the user no more, until somebody there lifts that: terms to
    /// accept, a lock, a limit of its own.
    AccountRestricted,
    /// The homeserver does not allow it.
    Forbidden,
    /// The room, event, user or alias does not exist.
    NotFound,
    /// The homeserver asks to slow down; see [`Error::retry_after`].
    RateLimited,
    /// The homeserver cannot be reached or answered with a server error.
    Network,
    /// No answer in time.
    Timeout,
    /// The network guard refused the address.
    AddressBlocked,
    /// Another process owns the account's folder.
    StoreLocked,
    /// A file of the account's folder is damaged.
    StoreCorrupt,
    /// A newer version of the plugin wrote a file of the account's folder.
    StoreNewer,
    /// The disk refuses: it is full, read-only or failing.
    StorageFailed,
    /// The folder belongs to another user or device.
    AccountMismatch,
    /// The device or user is not verified.
    NotVerified,
    /// The recovery key does not open the secret storage.
    RecoveryKeyInvalid,
    /// The homeserver has the account's owner approve it in a browser first.
    ApprovalRequired,
    /// The room-key backup on the homeserver cannot be used with the keys at hand.
    BackupUnusable,
    /// No such verification.
    VerificationNotFound,
    /// The verification is not at the point where this can be done.
    VerificationPhase,
    /// The file is larger than allowed.
    MediaTooLarge,
    /// The operation was cancelled.
    Cancelled,
    /// The account has been closed.
    Closed,
    /// A defect or an unforeseen state.
    Internal,
}

impl ErrorCode {
    /// The code as it crosses the border.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ConfigInvalid => "config_invalid",
            Self::AuthFailed => "auth_failed",
            Self::AuthExpired => "auth_expired",
            Self::DeviceInUse => "device_in_use",
            Self::AccountRestricted => "account_restricted",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::AddressBlocked => "address_blocked",
            Self::StoreLocked => "store_locked",
            Self::StoreCorrupt => "store_corrupt",
            Self::StoreNewer => "store_newer",
            Self::StorageFailed => "storage_failed",
            Self::AccountMismatch => "account_mismatch",
            Self::NotVerified => "not_verified",
            Self::RecoveryKeyInvalid => "recovery_key_invalid",
            Self::ApprovalRequired => "approval_required",
            Self::BackupUnusable => "backup_unusable",
            Self::VerificationNotFound => "verification_not_found",
            Self::VerificationPhase => "verification_phase",
            Self::MediaTooLarge => "media_too_large",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }
}

/// The result of everything fallible here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with a code, a sentence for a person, and what the homeserver said.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What kind of trouble it is.
    pub code: ErrorCode,
    /// A sentence that says what happened and what to do; holds no secret.
    pub message: String,
    /// The Matrix `errcode`, if a homeserver answered with one.
    pub errcode: Option<String>,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// How long the homeserver asks to wait.
    pub retry_after: Option<Duration>,
    /// With `M_UNKNOWN_TOKEN`: logging in again on the same device goes on where the
    /// session ended (spec, client-server API, "soft logout").
    pub soft_logout: bool,
    /// No connection came about, or none was tried: the homeserver has not seen the request.
    pub never_left: bool,
}

impl Error {
    /// An error that no homeserver answer stands behind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            errcode: None,
            status: None,
            retry_after: None,
            soft_logout: false,
            never_left: false,
        }
    }

    /// The account was closed while, or before, the call ran.
    pub fn closed() -> Self {
        Self::new(ErrorCode::Closed, "the account is closed")
    }

    /// A defect or an unforeseen state.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal, message)
    }

    /// The homeserver has ended the session for good, which it does when the device is
    /// logged out or deleted.
    pub(crate) fn is_logged_out(&self) -> bool {
        self.errcode.as_deref() == Some("M_UNKNOWN_TOKEN") && !self.soft_logout
    }

    /// Whether the same request may succeed later without anyone doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(
            self.code,
            ErrorCode::Network
                | ErrorCode::Timeout
                | ErrorCode::RateLimited
                | ErrorCode::AccountRestricted
                | ErrorCode::StorageFailed
        )
    }
}
