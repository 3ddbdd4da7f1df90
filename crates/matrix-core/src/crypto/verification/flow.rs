//! One verification of the SDK, read out for people.

use futures_util::{StreamExt, stream::BoxStream};
use matrix_sdk_crypto::{
    CancelInfo, QrVerificationState, Sas, SasState, Verification as Verifier, VerificationRequest,
    VerificationRequestState,
};
use ruma::{
    OwnedRoomId, OwnedUserId,
    events::key::verification::{VerificationMethod, cancel::CancelCode},
};

use super::{Cancellation, ShortAuthString, Verification, VerificationPhase};
use crate::health::now_ms;

/// What a verification is told from others by: whom it is with, and how it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FlowKey {
    pub user_id: OwnedUserId,
    /// The transaction id, or the id of the event that asked.
    pub flow_id: String,
    pub room_id: Option<OwnedRoomId>,
}

/// The SDK's object.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    /// It began with a request, as the specification has it.
    Request(VerificationRequest),
    /// It began with `m.key.verification.start` at once, as older clients do.
    Start(Box<Sas>),
}

impl Subject {
    pub fn key(&self) -> FlowKey {
        match self {
            Self::Request(request) => FlowKey {
                user_id: request.other_user().to_owned(),
                flow_id: request.flow_id().as_str().to_owned(),
                room_id: request.room_id().map(ToOwned::to_owned),
            },
            Self::Start(sas) => FlowKey {
                user_id: sas.other_user_id().to_owned(),
                flow_id: sas.flow_id().as_str().to_owned(),
                room_id: sas.room_id().map(ToOwned::to_owned),
            },
        }
    }

    fn is_self(&self) -> bool {
        match self {
            Self::Request(request) => request.is_self_verification(),
            Self::Start(sas) => sas.is_self_verification(),
        }
    }

    /// Its changes; what they are is read from the object.
    pub fn changes(&self) -> BoxStream<'static, ()> {
        match self {
            Self::Request(request) => request.changes().map(drop).boxed(),
            Self::Start(sas) => sas.changes().map(drop).boxed(),
        }
    }
}

/// The changes of a comparison or a code.
pub(super) fn verifier_changes(verifier: &Verifier) -> Option<BoxStream<'static, ()>> {
    Some(match verifier {
        Verifier::SasV1(sas) => sas.changes().map(drop).boxed(),
        Verifier::QrV1(qr) => qr.changes().map(drop).boxed(),
        _ => return None,
    })
}

/// A verification of an open account.
#[derive(Debug)]
pub(super) struct Flow {
    pub number: u32,
    pub key: FlowKey,
    /// Gone once the client it belonged to is.
    pub subject: Option<Subject>,
    /// The last comparison or code that was chosen: the request forgets it at its end.
    pub verifier: Option<Verifier>,
    /// What the SDK does not know: our own words, or that the client is gone.
    pub ended: Option<Cancellation>,
    /// As people last saw it.
    pub seen: Verification,
}

impl Flow {
    pub fn new(number: u32, subject: Subject, by_us: bool) -> Self {
        let key = subject.key();
        let now = now_ms();
        let seen = Verification {
            id: format!("verification-{number}"),
            transaction_id: key.flow_id.clone(),
            room_id: key.room_id.as_ref().map(ToString::to_string),
            other_user_id: key.user_id.to_string(),
            other_device_id: None,
            is_self_verification: subject.is_self(),
            initiated_by_me: by_us,
            phase: VerificationPhase::Requested,
            methods: Vec::new(),
            chosen_method: None,
            can_accept: false,
            sas: None,
            qr_scanned: false,
            confirmed: false,
            cancellation: None,
            created_at: now,
            updated_at: now,
        };
        let mut flow = Self {
            number,
            key,
            subject: Some(subject),
            verifier: None,
            ended: None,
            seen,
        };
        flow.look();
        flow
    }

    /// Reads the SDK's object again; whether anything is different.
    pub fn look(&mut self) -> bool {
        let before = self.seen.clone();
        // An end is final, whatever becomes of the object afterwards.
        if before.pending() {
            self.read();
        }
        if self.seen == before {
            return false;
        }
        self.seen.updated_at = now_ms().max(before.updated_at + 1);
        true
    }

    fn read(&mut self) {
        match &self.subject {
            Some(Subject::Request(request)) => {
                if let VerificationRequestState::Transitioned { verification, .. } = request.state()
                {
                    self.verifier = Some(verification);
                }
            }
            Some(Subject::Start(sas)) => self.verifier = Some(Verifier::SasV1(sas.clone())),
            None => {}
        }
        self.seen.can_accept = false;
        self.seen.sas = None;
        self.seen.qr_scanned = false;
        let cancelled = self.read_verifier().or_else(|| self.read_request());
        if self.seen.phase == VerificationPhase::Done {
            return;
        }
        if let Some(cancellation) = self.ended.clone().or(cancelled) {
            self.seen.phase = VerificationPhase::Cancelled;
            self.seen.can_accept = false;
            self.seen.sas = None;
            self.seen.qr_scanned = false;
            self.seen.cancellation = Some(cancellation);
        }
    }

    fn read_verifier(&mut self) -> Option<Cancellation> {
        let (seen, verifier) = (&mut self.seen, self.verifier.as_ref()?);
        match verifier {
            Verifier::SasV1(sas) => {
                seen.chosen_method = Some("m.sas.v1".to_owned());
                seen.other_device_id = Some(sas.other_device_id().to_string());
                seen.confirmed = sas.have_we_confirmed();
                match sas.state() {
                    SasState::Done { .. } => seen.phase = VerificationPhase::Done,
                    SasState::Cancelled(info) => return Some(cancellation(&info)),
                    _ => seen.phase = VerificationPhase::Started,
                }
                if sas.can_be_presented() {
                    seen.sas = sas.decimals().map(|(a, b, c)| ShortAuthString {
                        decimal: vec![a.into(), b.into(), c.into()],
                        emoji: sas.emoji().map_or_else(Vec::new, |emoji| {
                            emoji
                                .iter()
                                .map(|one| (one.symbol.to_owned(), one.description.to_owned()))
                                .collect()
                        }),
                    });
                }
            }
            Verifier::QrV1(qr) => {
                seen.other_device_id = Some(qr.other_device_id().to_string());
                seen.confirmed = qr.has_been_confirmed();
                match qr.state() {
                    QrVerificationState::Done { .. } => seen.phase = VerificationPhase::Done,
                    QrVerificationState::Cancelled(info) => return Some(cancellation(&info)),
                    // Our code is shown; nobody has chosen yet.
                    QrVerificationState::Started => seen.phase = VerificationPhase::Ready,
                    _ => {
                        seen.chosen_method = Some("m.reciprocate.v1".to_owned());
                        seen.phase = VerificationPhase::Started;
                    }
                }
                seen.qr_scanned = qr.has_been_scanned();
            }
            _ => {}
        }
        None
    }

    fn read_request(&mut self) -> Option<Cancellation> {
        let seen = &mut self.seen;
        let request = match &self.subject {
            Some(Subject::Request(request)) => request,
            Some(Subject::Start(sas)) => {
                seen.methods = vec!["m.sas.v1".to_owned()];
                seen.can_accept =
                    !seen.initiated_by_me && matches!(sas.state(), SasState::Started { .. });
                return None;
            }
            None => return None,
        };
        if let Some(device) = request.other_device_id() {
            seen.other_device_id = Some(device.to_string());
        }
        match request.state() {
            VerificationRequestState::Created { our_methods } => {
                seen.methods = names(&our_methods);
            }
            VerificationRequestState::Requested { their_methods, .. } => {
                seen.methods = names(&their_methods);
                seen.can_accept = true;
            }
            VerificationRequestState::Ready {
                their_methods,
                our_methods,
                ..
            } => {
                seen.methods = common(&our_methods, &their_methods);
                seen.phase = VerificationPhase::Ready;
            }
            // The comparison says how far it is. That the other side is done means nothing
            // before it is, too.
            VerificationRequestState::Transitioned { .. } | VerificationRequestState::Done => {}
            VerificationRequestState::Cancelled(info) => return Some(cancellation(&info)),
        }
        None
    }
}

fn names(methods: &[VerificationMethod]) -> Vec<String> {
    methods.iter().map(ToString::to_string).collect()
}

/// What can be done together: one side's code is the other's to scan.
fn common(ours: &[VerificationMethod], theirs: &[VerificationMethod]) -> Vec<String> {
    let fits = |method: &&VerificationMethod| match method {
        VerificationMethod::QrCodeShowV1 => theirs.contains(&VerificationMethod::QrCodeScanV1),
        VerificationMethod::QrCodeScanV1 => theirs.contains(&VerificationMethod::QrCodeShowV1),
        method => theirs.contains(method),
    };
    ours.iter().filter(fits).map(ToString::to_string).collect()
}

fn cancellation(info: &CancelInfo) -> Cancellation {
    Cancellation {
        code: info.cancel_code().to_string(),
        reason: match info.cancel_code() {
            CancelCode::User => "it was cancelled".to_owned(),
            CancelCode::Timeout => "it took too long".to_owned(),
            CancelCode::MismatchedSas => "the emoji or numbers differ".to_owned(),
            CancelCode::Accepted => "another device has answered the request".to_owned(),
            CancelCode::KeyMismatch => {
                "the keys are not the expected ones, or there was nothing to verify".to_owned()
            }
            _ => info.reason().trim_end_matches('.').to_owned(),
        },
        by_us: info.cancelled_by_us(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ver_9_a_code_can_be_shown_where_the_other_side_scans() {
        use VerificationMethod as Method;
        let ours = [Method::SasV1, Method::QrCodeShowV1, Method::ReciprocateV1];
        assert_eq!(common(&ours, &[Method::SasV1]), ["m.sas.v1"]);
        assert_eq!(
            common(&ours, &[Method::QrCodeShowV1, Method::ReciprocateV1]),
            ["m.reciprocate.v1"]
        );
        assert_eq!(
            common(
                &ours,
                &[Method::SasV1, Method::QrCodeScanV1, Method::ReciprocateV1]
            ),
            ["m.sas.v1", "m.qr_code.show.v1", "m.reciprocate.v1"]
        );
    }
}
