//! Why a step of the sync failed, and how long to wait before the next one.

use std::time::Duration;

use crate::error::{self, Error, ErrorCode};

const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LAST: Duration = Duration::from_secs(60);

/// Why a step failed.
#[derive(Debug)]
pub(super) struct Trouble {
    pub error: Error,
    /// The same request would fail again, whatever the network does.
    pub own_fault: bool,
    /// A file cannot be used: only opening the account anew can help.
    pub for_good: bool,
}

impl Trouble {
    pub fn new(error: impl Into<Error>) -> Self {
        let error = error.into();
        Self {
            own_fault: !error.is_transient()
                && !matches!(
                    error.code,
                    ErrorCode::AuthExpired
                        | ErrorCode::AddressBlocked
                        | ErrorCode::Forbidden
                        | ErrorCode::StoreLocked
                ),
            for_good: false,
            error,
        }
    }

    pub fn of_inbox(error: Error) -> Self {
        Self {
            for_good: matches!(error.code, ErrorCode::StoreCorrupt | ErrorCode::StoreNewer),
            ..Self::new(error)
        }
    }

    pub fn of_sdk(error: &matrix_sdk::Error) -> Self {
        // An answer that arrived whole and cannot be understood is no matter of the
        // network, though to everybody else it looks like one.
        let undecodable = matches!(error, matrix_sdk::Error::Http(http)
            if matches!(&**http, matrix_sdk::HttpError::Api(api)
                if matches!(**api, ruma::api::error::FromHttpResponseError::Deserialization(_))));
        let trouble = Self::new(error);
        Self {
            own_fault: trouble.own_fault || undecodable,
            for_good: error::is_damage(error),
            ..trouble
        }
    }

    /// The watchdog ended the step.
    pub fn hung() -> Self {
        Self::new(Error::new(
            ErrorCode::Timeout,
            "a sync hung and was given up",
        ))
    }
}

/// 400 for a request that differs from the last one only in its token.
pub(super) fn refuses_token(error: &Error) -> bool {
    error.status == Some(400) || error.errcode.as_deref() == Some("M_UNKNOWN_POS")
}

/// 1 s, 2 s, … 60 s, shortened at random by up to half, so that accounts do not come in step.
pub(super) fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF_FIRST * 2u32.saturating_pow(failures.saturating_sub(1).min(6));
    doubled
        .min(BACKOFF_LAST)
        .mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sta_2_backoff_grows_to_a_minute() {
        for (failures, longest) in [(1, 1), (2, 2), (4, 8), (7, 60), (1000, 60)] {
            for _ in 0..50 {
                let delay = backoff(failures);
                assert!(
                    delay <= Duration::from_secs(longest),
                    "{failures}: {delay:?}"
                );
                assert!(
                    delay >= Duration::from_secs(longest) / 2,
                    "{failures}: {delay:?}"
                );
            }
        }
    }
}
