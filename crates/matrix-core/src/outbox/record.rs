//! What is sealed into the rows.

use serde::{Deserialize, Serialize};

use super::files::PartFile;
use crate::error::{Error, ErrorCode};

/// One event before it is sent.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PartRecord {
    pub event_type: String,
    pub content: serde_json::Value,
    /// What its content shall name, once it is uploaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PartFile>,
}

/// Why a send, or a try, failed.
#[derive(Serialize, Deserialize)]
pub(super) struct ErrorRecord {
    code: String,
    message: String,
    errcode: Option<String>,
    status: Option<u16>,
}

impl From<&Error> for ErrorRecord {
    fn from(error: &Error) -> Self {
        Self {
            code: error.code.as_str().to_owned(),
            message: error.message.clone(),
            errcode: error.errcode.clone(),
            status: error.status,
        }
    }
}

impl From<ErrorRecord> for Error {
    fn from(record: ErrorRecord) -> Self {
        use ErrorCode as C;
        let code = [
            C::ConfigInvalid,
            C::AuthFailed,
            C::AuthExpired,
            C::DeviceInUse,
            C::Forbidden,
            C::NotFound,
            C::RateLimited,
            C::Network,
            C::Timeout,
            C::AddressBlocked,
            C::StoreLocked,
            C::StoreCorrupt,
            C::StoreNewer,
            C::StorageFailed,
            C::AccountRestricted,
            C::AccountMismatch,
            C::NotVerified,
            C::RecoveryKeyInvalid,
            C::VerificationNotFound,
            C::VerificationPhase,
            C::MediaTooLarge,
            C::Cancelled,
            C::Closed,
        ]
        .into_iter()
        .find(|code| code.as_str() == record.code)
        .unwrap_or(C::Internal);
        let mut error = Error::new(code, record.message);
        error.errcode = record.errcode;
        error.status = record.status;
        error
    }
}
