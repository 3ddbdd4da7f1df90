//! Interactive verification: emoji and QR codes, with other devices of the account and
//! with other users.
//!
//! The SDK keeps a verification as an object of its own; it lives as long as its client and
//! tells its changes in streams. A [`Flow`](flow::Flow) is one of them as people see it,
//! the [`Verifications`] are all of an open account, under ids that stay. One worker for
//! each client ([`worker`]) finds what others begin, follows every flow, and answers what
//! needs no person: that a comparison may begin. Nothing here confirms a comparison but
//! [`Crypto::confirm_verification`](super::Crypto::confirm_verification), which is a
//! person's call.

mod book;
mod flow;
mod notes;
mod request;
mod steps;
mod wire;
mod worker;

pub(crate) use book::Verifications;
pub(crate) use notes::StoredNotes;
pub use request::{NewVerification, StartupAsked, VerificationTarget};
pub use steps::QrCode;
pub(crate) use worker::Worker;

/// How far a verification is. A number in JavaScript, as matrix-js-sdk counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VerificationPhase {
    /// Somebody asked.
    Requested,
    /// Both sides are willing.
    Ready,
    /// A comparison, or the scan of a code, is under way.
    Started,
    /// It ended without a result.
    Cancelled,
    /// Both sides confirmed.
    Done,
}

/// What both sides show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortAuthString {
    /// Three numbers.
    pub decimal: Vec<u32>,
    /// Seven pictures with their names; none if the other side cannot show them.
    pub emoji: Vec<(String, String)>,
}

/// Why a verification ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cancellation {
    /// `m.user`, `m.timeout`, `m.mismatched_sas`, …
    pub code: String,
    /// For people.
    pub reason: String,
    /// We did it, not the other side.
    pub by_us: bool,
}

/// One verification as it is now; fields are documented in `ts/native/verification.ts`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Verification {
    pub id: String,
    pub transaction_id: String,
    pub room_id: Option<String>,
    pub other_user_id: String,
    pub other_device_id: Option<String>,
    pub is_self_verification: bool,
    pub initiated_by_me: bool,
    pub phase: VerificationPhase,
    pub methods: Vec<String>,
    pub chosen_method: Option<String>,
    pub can_accept: bool,
    pub sas: Option<ShortAuthString>,
    /// The other side has scanned our code, or says so: a person has to confirm that.
    pub qr_scanned: bool,
    /// We have confirmed and wait for the other side.
    pub confirmed: bool,
    pub cancellation: Option<Cancellation>,
    pub created_at: u64,
    pub updated_at: u64,
}

impl Verification {
    /// It can still come to a result.
    pub fn pending(&self) -> bool {
        !matches!(
            self.phase,
            VerificationPhase::Cancelled | VerificationPhase::Done
        )
    }
}

/// Which verification is meant.
#[derive(Debug, Clone, Default)]
pub struct VerificationRef {
    /// `verification-3`, or the id of its transaction or of the event that asked for it.
    pub id: String,
    /// With `room_id`: the newest one with this user in this room, if there is none with
    /// that id.
    pub user_id: Option<String>,
    /// See `user_id`.
    pub room_id: Option<String>,
}

/// All verifications at a moment.
#[derive(Debug, Clone)]
pub struct VerificationsNow {
    /// Grows with every change.
    pub version: u64,
    /// Anybody may verify until then; milliseconds since the epoch.
    pub armed_until: Option<u64>,
    /// Oldest first; of those that ended, the last ones.
    pub verifications: Vec<Verification>,
}
