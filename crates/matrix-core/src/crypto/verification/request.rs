//! Asking others to verify with us.

use std::time::Duration;

use matrix_sdk_crypto::{VerificationRequest, types::requests::OutgoingVerificationRequest};
use ruma::{
    OwnedDeviceId, OwnedRoomId, OwnedUserId, TransactionId, UserId,
    events::{key::verification::VerificationMethod, room::message::RoomMessageEventContent},
};

use super::{Cancellation, Verification, flow::Subject, wire, worker::feed_device};
use crate::{
    crypto::{Crypto, unreadable},
    error::{Error, ErrorCode, Result},
    health::now_ms,
};

/// Whom to ask.
#[derive(Debug, Clone)]
pub enum VerificationTarget {
    /// All other devices of this account that its identity has signed.
    OwnUser,
    /// One device.
    Device {
        /// Whose.
        user_id: OwnedUserId,
        /// Which.
        device_id: OwnedDeviceId,
    },
    /// Another user, in a room that we share.
    Room {
        /// Who.
        user_id: OwnedUserId,
        /// Where.
        room_id: OwnedRoomId,
    },
}

/// A request to make.
#[derive(Debug, Clone)]
pub struct NewVerification {
    /// Whom to ask.
    pub target: VerificationTarget,
    /// Offer a code to scan beside the emoji.
    pub qr: bool,
}

/// What became of the request at a start (VER-6).
#[derive(Debug, Clone)]
pub enum StartupAsked {
    /// It was sent.
    Asked(Verification),
    /// The device is verified.
    Verified,
    /// There is no cross-signing identity that could sign the device.
    NoIdentity,
    /// No other device could.
    NoOtherDevice,
    /// Another verification with the account's own user is under way.
    UnderWay(Verification),
    /// The last request is not long ago.
    CoolingDown {
        /// Until when; milliseconds since the epoch.
        until: u64,
    },
}

impl Crypto<'_> {
    /// Asks another device, or another user, to verify with us.
    ///
    /// # Errors
    /// `not_found` for a device or room that is not there; `not_verified` without the
    /// cross-signing identity that it needs; `verification_phase` if another verification
    /// with that user is under way; what the homeserver answered.
    pub async fn request_verification(&self, new: &NewVerification) -> Result<Verification> {
        let methods = methods(new.qr);
        match &new.target {
            VerificationTarget::OwnUser => self.ask_own_user(methods).await,
            VerificationTarget::Device { user_id, device_id } => {
                self.clear_way(user_id).await?;
                self.learn(user_id).await?;
                let device = self.parts.machine.get_device(user_id, device_id, None);
                let device = device.await.map_err(|e| unreadable(&e))?;
                let device = device.ok_or_else(|| {
                    Error::new(
                        ErrorCode::NotFound,
                        format!("{user_id} has no device {device_id} with encryption keys"),
                    )
                })?;
                if device.is_our_own_device() {
                    return Err(Error::new(
                        ErrorCode::ConfigInvalid,
                        format!("{device_id} is this device itself; name another one"),
                    ));
                }
                let (request, message) = device.request_verification_with_methods(methods);
                self.ask(request, &message).await
            }
            VerificationTarget::Room { user_id, room_id } => {
                self.ask_in_room(user_id, room_id, methods).await
            }
        }
    }

    async fn ask_own_user(&self, methods: Vec<VerificationMethod>) -> Result<Verification> {
        let user_id = self.user_id.clone();
        self.clear_way(&user_id).await?;
        self.learn(&user_id).await?;
        let identity = self.parts.machine.get_identity(&user_id, None);
        let identity = identity.await.map_err(|e| unreadable(&e))?;
        let identity = identity.and_then(matrix_sdk_crypto::UserIdentity::own);
        let identity = identity.ok_or_else(|| {
            Error::new(
                ErrorCode::NotVerified,
                "this account has no cross-signing identity that could sign a device; make one \
                 with `openclaw matrix encryption setup`, or in another client",
            )
        })?;
        let (request, message) = Box::pin(identity.request_verification_with_methods(methods))
            .await
            .map_err(|e| unreadable(&e))?;
        self.ask(request, &message).await
    }

    async fn ask_in_room(
        &self,
        user_id: &UserId,
        room_id: &OwnedRoomId,
        methods: Vec<VerificationMethod>,
    ) -> Result<Verification> {
        self.clear_way(user_id).await?;
        self.learn(user_id).await?;
        let room = self.client().get_room(room_id).ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                format!("{room_id} is not a room of this account; invite it first"),
            )
        })?;
        let identity = self.parts.machine.get_identity(user_id, None);
        let identity = identity.await.map_err(|e| unreadable(&e))?;
        let identity = identity.and_then(matrix_sdk_crypto::UserIdentity::other);
        let identity = identity.ok_or_else(|| {
            Error::new(
                ErrorCode::NotVerified,
                format!(
                    "{user_id} has no cross-signing identity to verify; verify one of their \
                     devices with --device-id"
                ),
            )
        })?;
        let content = identity.verification_request_content(Some(methods.clone()));
        let send = room
            .send(RoomMessageEventContent::new(content))
            .with_transaction_id(TransactionId::new());
        let sent = Box::pin(async move { send.await }).await?;
        let event_id = sent.response.event_id;
        // Before anything else happens: an answer that comes earlier finds no request.
        let request = identity.request_verification(room_id, &event_id, Some(methods));
        let number = self.verifications.enter(Subject::Request(request), true);
        self.now(number.ok_or_else(too_many)?)
    }

    /// Sends a request that the SDK has made.
    async fn ask(
        &self,
        request: VerificationRequest,
        message: &OutgoingVerificationRequest,
    ) -> Result<Verification> {
        let number = self
            .verifications
            .enter(Subject::Request(request.clone()), true)
            .ok_or_else(too_many)?;
        if let Err(error) = wire::send(self.client(), message).await {
            self.verifications.end(
                number,
                Cancellation {
                    code: "m.user".to_owned(),
                    reason: format!("the request could not be sent: {error}"),
                    by_us: true,
                },
            );
            drop(request.cancel());
            return Err(error);
        }
        self.now(number)
    }

    /// Two verifications with one user cancel each other, and one that has ended counts
    /// until the SDK has tidied up.
    async fn clear_way(&self, user_id: &UserId) -> Result<()> {
        let machine = &self.parts.machine;
        let blocks = || {
            machine
                .get_verification_requests(user_id)
                .iter()
                .any(|request| !request.is_cancelled())
        };
        if blocks() {
            feed_device(machine, Vec::new()).await?;
        }
        if !blocks() {
            return Ok(());
        }
        let which =
            self.verifications
                .under_way_with(user_id)
                .map_or_else(String::new, |under_way| {
                    format!(
                        " ({id}); finish it, or end it with `openclaw matrix verify cancel {id}`",
                        id = under_way.id
                    )
                });
        Err(Error::new(
            ErrorCode::VerificationPhase,
            format!("a verification with {user_id} is under way{which}"),
        ))
    }

    /// Their devices and identity as they are now.
    async fn learn(&self, user_id: &UserId) -> Result<()> {
        Box::pin(self.client().encryption().request_user_identity(user_id)).await?;
        Ok(())
    }

    /// Asks the account's other devices to verify this one, if that is of use and the last
    /// request is `cooldown` ago; `after_failure`, if it could not be sent.
    ///
    /// # Errors
    /// What the homeserver answered; `storage_failed` if the moment cannot be kept, and then
    /// nothing is sent.
    pub async fn request_startup_verification(
        &self,
        cooldown: Duration,
        after_failure: Duration,
    ) -> Result<StartupAsked> {
        self.learn(&self.user_id.clone()).await?;
        if self.own_device().await?.is_verified_with_cross_signing() {
            self.verifications
                .edit_notes(|notes| {
                    notes.asked_at = None;
                    notes.failed = false;
                })
                .await?;
            return Ok(StartupAsked::Verified);
        }
        let encryption = self.client().encryption();
        let identity = encryption.get_user_identity(&self.user_id);
        if identity.await.map_err(|e| unreadable(&e))?.is_none() {
            return Ok(StartupAsked::NoIdentity);
        }
        if !encryption.has_devices_to_verify_against().await? {
            return Ok(StartupAsked::NoOtherDevice);
        }
        if let Some(under_way) = self.verifications.under_way_with(&self.user_id) {
            return Ok(StartupAsked::UnderWay(under_way));
        }
        let now = now_ms();
        let mut until = None;
        let before = self.verifications.edit_notes(|_| ()).await?;
        if let Some(asked_at) = before.asked_at {
            let pause = if before.failed {
                after_failure
            } else {
                cooldown
            };
            let over =
                asked_at.saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
            // A clock that was set back does not silence it for ever.
            until = (asked_at <= now && over > now).then_some(over);
        }
        if let Some(until) = until {
            return Ok(StartupAsked::CoolingDown { until });
        }
        // Before it is sent: a process that dies in between must not ask at every start.
        self.note_asked(now, false).await?;
        match self.ask_own_user(methods(false)).await {
            Ok(asked) => Ok(StartupAsked::Asked(asked)),
            Err(error) => {
                self.note_asked(now, true).await?;
                Err(error)
            }
        }
    }

    async fn note_asked(&self, at: u64, failed: bool) -> Result<()> {
        let edit = self.verifications.edit_notes(move |notes| {
            notes.asked_at = Some(at);
            notes.failed = failed;
        });
        edit.await.map(drop)
    }
}

fn methods(qr: bool) -> Vec<VerificationMethod> {
    let mut methods = vec![VerificationMethod::SasV1];
    if qr {
        methods.push(VerificationMethod::QrCodeShowV1);
        methods.push(VerificationMethod::ReciprocateV1);
    }
    methods
}

fn too_many() -> Error {
    Error::new(
        ErrorCode::VerificationPhase,
        "too many verifications are under way; end some with `openclaw matrix verify cancel`",
    )
}
