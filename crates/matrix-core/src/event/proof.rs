//! What the encryption of an event says of who wrote it.

use matrix_sdk::deserialized_responses::{EncryptionInfo, VerificationLevel, VerificationState};

use super::SenderTrust;

/// What is known of the device that encrypted an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proof {
    /// As it was when the event was decrypted.
    pub trust: SenderTrust,
    /// The Megolm session it came with: of its device more may become known.
    pub session_id: Option<String>,
}

impl Proof {
    /// `None` if it was encrypted by a device of somebody else than its sender.
    pub fn of(info: &EncryptionInfo) -> Option<Self> {
        let trust = match &info.verification_state {
            VerificationState::Unverified(VerificationLevel::MismatchedSender) => return None,
            // Whoever shared the history's keys (MSC4268) may have made them.
            _ if info.forwarder.is_some() => SenderTrust::Unknown,
            VerificationState::Verified => SenderTrust::Verified,
            VerificationState::Unverified(level) => match level {
                VerificationLevel::UnverifiedIdentity => SenderTrust::CrossSigned,
                // The identity changed behind a verification: its signature proves nothing.
                VerificationLevel::VerificationViolation | VerificationLevel::UnsignedDevice => {
                    SenderTrust::Unsigned
                }
                VerificationLevel::None(_) | VerificationLevel::MismatchedSender => {
                    SenderTrust::Unknown
                }
            },
        };
        Some(Self {
            trust,
            session_id: info.session_id().map(ToOwned::to_owned),
        })
    }

    /// Of an event and its edit, each written by some device, the one that proves less.
    pub fn weaker(self, other: Self) -> Self {
        if other.trust > self.trust {
            other
        } else {
            self
        }
    }
}
