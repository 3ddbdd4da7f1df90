//! What has to survive a restart: when the account's other devices were asked last, and
//! which verifications the process took with it.

use serde::{Deserialize, Serialize};

use super::{Verification, VerificationPhase};

/// `verification.json` of the account's folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredNotes {
    /// Whose notes these are.
    pub device_id: String,
    /// When a request was last sent at a start, milliseconds since the epoch.
    #[serde(default)]
    pub asked_at: Option<u64>,
    /// That one could not be sent.
    #[serde(default)]
    pub failed: bool,
    /// Verifications under way in which the other side waits for us.
    #[serde(default)]
    pub open: Vec<OpenFlow>,
}

/// A verification under way, as far as it takes to cancel it from another process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenFlow {
    pub user_id: String,
    pub device_id: Option<String>,
    pub room_id: Option<String>,
    pub flow_id: String,
    /// Milliseconds since the epoch.
    pub created_at: u64,
}

impl OpenFlow {
    /// `None` if nobody waits for us: it is over, or it is a request that nobody here has
    /// answered and that another device of ours may answer still.
    pub fn of(verification: &Verification) -> Option<Self> {
        let unanswered =
            verification.phase == VerificationPhase::Requested && !verification.initiated_by_me;
        (verification.pending() && !unanswered).then(|| Self {
            user_id: verification.other_user_id.clone(),
            device_id: verification.other_device_id.clone(),
            room_id: verification.room_id.clone(),
            flow_id: verification.transaction_id.clone(),
            created_at: verification.created_at,
        })
    }
}
