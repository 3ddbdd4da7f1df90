//! What a person, or the policy above, does with a verification.

use matrix_sdk_crypto::{
    QrVerification, SasState, Verification as Verifier, VerificationRequest,
    matrix_sdk_qrcode::qrcode::render::unicode, types::requests::OutgoingVerificationRequest,
};
use ruma::events::key::verification::{VerificationMethod, cancel::CancelCode};

use super::{
    Cancellation, Verification, VerificationPhase, VerificationRef,
    flow::Subject,
    wire::{self, Words},
};
use crate::{
    crypto::{Crypto, unreadable},
    error::{Error, ErrorCode, Result},
};

/// A code for the other device to scan.
#[derive(Debug, Clone)]
pub struct QrCode {
    /// What it says.
    pub payload: Vec<u8>,
    /// Its picture, in block characters for white writing on black.
    pub text: String,
}

impl Crypto<'_> {
    /// All verifications, oldest first; of those that ended, the last ones.
    pub fn verifications(&self) -> Vec<Verification> {
        self.verifications.list()
    }

    /// One of them.
    ///
    /// # Errors
    /// `verification_not_found`.
    pub fn verification(&self, which: &VerificationRef) -> Result<Verification> {
        let number = self.verifications.find(which)?;
        self.now(number)
    }

    /// Says that we are willing; the other side may then begin a comparison.
    ///
    /// # Errors
    /// `verification_not_found`; `verification_phase` if nobody asks; what the homeserver
    /// answered.
    pub async fn accept_verification(&self, which: &VerificationRef) -> Result<Verification> {
        let number = self.verifications.find(which)?;
        let (subject, _) = self.under_way(number)?;
        let accepted = match &subject {
            Subject::Request(request) => {
                request.accept_with_methods(vec![VerificationMethod::SasV1])
            }
            Subject::Start(sas) => sas.accept(),
        };
        let accepted =
            accepted.ok_or_else(|| self.wrong_phase(number, "there is nothing to accept"))?;
        self.send_step(number, accepted).await
    }

    /// Begins a comparison of emoji, unless one has begun.
    ///
    /// # Errors
    /// See [`Self::accept_verification`]; `verification_phase` if the other side is not
    /// willing yet or compares no emoji.
    pub async fn start_verification(&self, which: &VerificationRef) -> Result<Verification> {
        let number = self.verifications.find(which)?;
        let (subject, verifier) = self.under_way(number)?;
        let Subject::Request(request) = subject else {
            return self.now(number);
        };
        if matches!(&verifier, Some(Verifier::SasV1(sas)) if !sas.is_cancelled()) {
            return self.now(number);
        }
        if !request.is_ready() && verifier.is_none() {
            return Err(self.wrong_phase(number, "the other side has not accepted it yet"));
        }
        let started = Box::pin(request.start_sas())
            .await
            .map_err(|e| unreadable(&e))?;
        let (_, message) = started.ok_or_else(|| {
            self.wrong_phase(number, "the other side compares no emoji or numbers")
        })?;
        self.send_step(number, message).await
    }

    /// A person says that both sides show the same, or that the other device has scanned our
    /// code. Nothing else may call this.
    ///
    /// # Errors
    /// See [`Self::accept_verification`]; `verification_phase` while there is nothing to
    /// compare.
    pub async fn confirm_verification(&self, which: &VerificationRef) -> Result<Verification> {
        let number = self.verifications.find(which)?;
        let (_, verifier) = self.under_way(number)?;
        match verifier {
            Some(Verifier::SasV1(sas)) if sas.can_be_presented() => {
                let (messages, signatures) =
                    Box::pin(sas.confirm()).await.map_err(|e| unreadable(&e))?;
                self.verifications.refresh(number);
                for message in &messages {
                    wire::send(self.client(), message).await?;
                }
                if let Some(signatures) = signatures {
                    self.client().send(signatures).await?;
                }
                self.now(number)
            }
            Some(Verifier::QrV1(qr)) if qr.has_been_scanned() => {
                let message = qr
                    .confirm_scanning()
                    .ok_or_else(|| self.wrong_phase(number, "there is nothing to confirm"))?;
                self.send_step(number, message).await
            }
            Some(Verifier::SasV1(sas)) if sas.have_we_confirmed() => self.now(number),
            Some(Verifier::QrV1(qr)) if qr.has_been_confirmed() => self.now(number),
            _ => Err(self.wrong_phase(number, "there is nothing to compare yet")),
        }
    }

    /// A person says that the two sides differ: somebody may sit in between.
    ///
    /// # Errors
    /// See [`Self::confirm_verification`].
    pub async fn mismatch_verification(&self, which: &VerificationRef) -> Result<Verification> {
        let number = self.verifications.find(which)?;
        let (_, verifier) = self.under_way(number)?;
        let message = match verifier {
            Some(Verifier::SasV1(sas))
                if matches!(
                    sas.state(),
                    SasState::KeysExchanged { .. } | SasState::Confirmed
                ) =>
            {
                sas.cancel_with_code(CancelCode::MismatchedSas)
            }
            Some(Verifier::QrV1(qr)) if qr.has_been_scanned() => {
                qr.cancel_with_code(CancelCode::KeyMismatch)
            }
            _ => return Err(self.wrong_phase(number, "there is nothing to compare yet")),
        };
        match message {
            Some(message) => self.send_step(number, message).await,
            None => self.now(number),
        }
    }

    /// Ends a verification, or refuses a request. Without a code it is `m.user`.
    ///
    /// # Errors
    /// See [`Self::accept_verification`]; `verification_phase` if it has ended.
    pub async fn cancel_verification(
        &self,
        which: &VerificationRef,
        code: Option<&str>,
        reason: Option<&str>,
    ) -> Result<Verification> {
        let number = self.verifications.find(which)?;
        let (subject, _) = self.under_way(number)?;
        let words = Words {
            code: code.unwrap_or(CancelCode::User.as_str()).to_owned(),
            reason: reason.unwrap_or("it was cancelled").to_owned(),
        };
        // First, so that these are the words that people see.
        self.verifications.end(
            number,
            Cancellation {
                code: words.code.clone(),
                reason: words.reason.clone(),
                by_us: true,
            },
        );
        let message = match subject {
            Subject::Request(request) => request.cancel(),
            Subject::Start(sas) => sas.cancel(),
        };
        if let Some(message) = message {
            wire::send(self.client(), &wire::in_our_words(message, &words)).await?;
        }
        self.now(number)
    }

    /// A code for the other device to scan; the same one every time.
    ///
    /// # Errors
    /// See [`Self::accept_verification`]; `verification_phase` if the other device scans
    /// none, or if there is no cross-signing identity that a code could name.
    pub async fn verification_qr(&self, which: &VerificationRef) -> Result<QrCode> {
        let number = self.verifications.find(which)?;
        let (subject, verifier) = self.under_way(number)?;
        let qr = match (subject, verifier) {
            (_, Some(Verifier::QrV1(qr))) => *qr,
            (Subject::Request(request), None) => self.new_code(number, &request).await?,
            _ => return Err(self.wrong_phase(number, "a comparison has begun already")),
        };
        self.verifications.refresh(number);
        let payload = qr.to_bytes().map_err(|e| no_code(&e))?;
        let code = qr.to_qr_code().map_err(|e| no_code(&e))?;
        Ok(QrCode {
            payload,
            // Of a terminal the writing is white.
            text: code
                .render::<unicode::Dense1x2>()
                .dark_color(unicode::Dense1x2::Light)
                .light_color(unicode::Dense1x2::Dark)
                .build(),
        })
    }

    async fn new_code(&self, number: u32, request: &VerificationRequest) -> Result<QrVerification> {
        if !request.is_ready() {
            return Err(self.wrong_phase(number, "the other side has not accepted it yet"));
        }
        let made = Box::pin(request.generate_qr_code())
            .await
            .map_err(|e| unreadable(&e))?;
        made.ok_or_else(|| {
            self.wrong_phase(
                number,
                "the other device scans no code, or its user has no cross-signing identity; \
                 compare emoji instead",
            )
        })
    }

    async fn send_step(
        &self,
        number: u32,
        message: OutgoingVerificationRequest,
    ) -> Result<Verification> {
        self.verifications.refresh(number);
        wire::send(self.client(), &message).await?;
        self.now(number)
    }

    pub(super) fn now(&self, number: u32) -> Result<Verification> {
        self.verifications
            .refresh(number)
            .ok_or_else(|| Error::new(ErrorCode::VerificationNotFound, "it was forgotten"))
    }

    /// The SDK's objects of a verification that has not ended.
    fn under_way(&self, number: u32) -> Result<(Subject, Option<Verifier>)> {
        let now = self.now(number)?;
        if !now.pending() {
            return Err(self.wrong_phase(number, "it has ended"));
        }
        self.verifications
            .subject(number)
            .ok_or_else(|| self.wrong_phase(number, "it has ended"))
    }

    fn wrong_phase(&self, number: u32, why: &str) -> Error {
        let now = self.now(number).ok();
        let phase = now.as_ref().map_or("", |now| match now.phase {
            VerificationPhase::Requested => "requested",
            VerificationPhase::Ready => "ready",
            VerificationPhase::Started => "started",
            VerificationPhase::Cancelled => "cancelled",
            VerificationPhase::Done => "done",
        });
        let cancelled = now.and_then(|now| now.cancellation);
        let because = cancelled.map_or_else(String::new, |cancelled| {
            format!(": {} ({})", cancelled.reason, cancelled.code)
        });
        Error::new(
            ErrorCode::VerificationPhase,
            format!("verification-{number} is {phase}{because}; {why}"),
        )
    }
}

fn no_code(error: &dyn std::fmt::Display) -> Error {
    Error::internal(format!("the code cannot be drawn: {error}"))
}
