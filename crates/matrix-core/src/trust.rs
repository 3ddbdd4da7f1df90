//! Whose devices are believed, and which ones can read what we send.

use crate::event::SenderTrust;

/// Which devices get the keys of what we send (`trust.send`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeyRecipients {
    /// All of everybody in the room.
    #[default]
    All,
    /// Those that their owners have signed (MSC4153). Needs a verified device of our own.
    CrossSigned,
    /// All, but nothing is sent while somebody whom this account has verified has another
    /// identity, or a device that they have not signed.
    ErrorOnChange,
}

/// What is known of a sender at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderCheck {
    /// Of the device that made the session; `None` if no session was asked about or it is
    /// not here.
    pub trust: Option<SenderTrust>,
    /// Their identity is another one than the one seen first, or accepted since.
    pub identity_changed: bool,
}

/// Somebody whose identity is another one than the one seen first, or accepted since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedIdentity {
    /// Who.
    pub user_id: String,
    /// The former identity was one that this account had verified.
    pub was_verified: bool,
}
