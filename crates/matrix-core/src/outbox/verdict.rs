//! What a failed try means for the row.

use std::time::Duration;

use crate::error::{Error, ErrorCode};

/// See the variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The homeserver says when; nothing shortens the wait.
    WaitAsTold(Duration),
    /// The network or the homeserver has trouble; a hint that it is over
    /// ends the wait.
    BackOff,
    /// Nothing can be sent until somebody logs in or changes the
    /// configuration; the row stays.
    Paused,
    /// A defect, perhaps a passing one: a few tries.
    Doubtful,
    /// Trying again cannot help.
    Permanent,
    /// We are closing; the row stays.
    Closing,
}

/// By code, then by status: what the homeserver refused as such (4xx) stays refused.
pub(super) fn judge(error: &Error) -> Verdict {
    use ErrorCode as C;
    match error.code {
        C::RateLimited => error
            .retry_after
            .map_or(Verdict::BackOff, Verdict::WaitAsTold),
        C::Network | C::Timeout | C::AccountRestricted | C::StorageFailed => Verdict::BackOff,
        C::AuthFailed
        | C::AuthExpired
        | C::DeviceInUse
        | C::AddressBlocked
        | C::StoreLocked
        | C::StoreNewer
        | C::AccountMismatch => Verdict::Paused,
        C::Closed | C::Cancelled => Verdict::Closing,
        C::Internal | C::StoreCorrupt => match error.status {
            Some(429 | 500..) => Verdict::BackOff,
            Some(_) => Verdict::Permanent,
            None => Verdict::Doubtful,
        },
        C::Forbidden
        | C::NotFound
        | C::MediaTooLarge
        | C::ConfigInvalid
        | C::NotVerified
        | C::RecoveryKeyInvalid
        | C::ApprovalRequired
        | C::BackupUnusable
        | C::VerificationNotFound
        | C::VerificationPhase => Verdict::Permanent,
    }
}
