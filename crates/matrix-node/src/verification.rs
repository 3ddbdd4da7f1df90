//! Verifications with other devices and users.

use std::time::Duration;

use matrix_core::{Error, ErrorCode, Result, crypto as core};
use napi::{
    Env,
    bindgen_prelude::{Buffer, PromiseRaw},
};
use napi_derive::napi;

use crate::{
    account::{Account, find},
    mirror::{Cross, mirror_name},
    runtime::promise,
};

mirror_name! {
    /// How far a verification is.
    VerificationPhase from core::VerificationPhase as "lowercase" {
        Requested, Ready, Started, Cancelled, Done,
    }
}

/// A picture and its name.
#[napi(object, object_from_js = false)]
pub struct SasEmoji {
    /// The picture.
    pub symbol: String,
    /// Its name in English.
    pub name: String,
}

/// What both sides show.
#[napi(object, object_from_js = false)]
pub struct ShortAuthString {
    /// Three numbers.
    pub decimal: Vec<u32>,
    /// Seven of them; none if the other side cannot show them.
    pub emoji: Vec<SasEmoji>,
}

impl Cross for core::ShortAuthString {
    type Js = ShortAuthString;
    fn cross(self) -> ShortAuthString {
        let emoji = self.emoji.into_iter();
        ShortAuthString {
            decimal: self.decimal,
            emoji: emoji
                .map(|(symbol, name)| SasEmoji { symbol, name })
                .collect(),
        }
    }
}

/// Why a verification ended.
#[napi(object, object_from_js = false)]
pub struct Cancellation {
    /// `m.user`, `m.timeout`, …
    pub code: String,
    /// For people.
    pub reason: String,
    /// We did it.
    pub by_us: bool,
}

impl Cross for core::Cancellation {
    type Js = Cancellation;
    fn cross(self) -> Cancellation {
        let Self {
            code,
            reason,
            by_us,
        } = self;
        Cancellation {
            code,
            reason,
            by_us,
        }
    }
}

/// One verification; documented at `Verification` in verification.ts.
#[napi(object, object_from_js = false)]
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
    pub pending: bool,
    pub methods: Vec<String>,
    pub chosen_method: Option<String>,
    pub can_accept: bool,
    pub sas: Option<ShortAuthString>,
    pub qr_scanned: bool,
    pub confirmed: bool,
    pub cancellation: Option<Cancellation>,
    pub created_at: i64,
    pub updated_at: i64,
}

impl Cross for core::Verification {
    type Js = Verification;
    fn cross(self) -> Verification {
        let pending = self.pending();
        let Self {
            id,
            transaction_id,
            room_id,
            other_user_id,
            other_device_id,
            is_self_verification,
            initiated_by_me,
            phase,
            methods,
            chosen_method,
            can_accept,
            sas,
            qr_scanned,
            confirmed,
            cancellation,
            created_at,
            updated_at,
        } = self;
        Verification {
            id,
            transaction_id,
            room_id,
            other_user_id,
            other_device_id,
            is_self_verification,
            initiated_by_me,
            phase: phase.cross(),
            pending,
            methods,
            chosen_method,
            can_accept,
            sas: sas.cross(),
            qr_scanned,
            confirmed,
            cancellation: cancellation.cross(),
            created_at: created_at.cross(),
            updated_at: updated_at.cross(),
        }
    }
}

/// All verifications at a moment.
#[napi(object, object_from_js = false)]
pub struct VerificationsNow {
    /// Grows with every change.
    pub version: i64,
    /// Anybody may verify until then.
    pub armed_until: Option<i64>,
    /// Oldest first; of those that ended, the last ones.
    pub verifications: Vec<Verification>,
}

impl Cross for core::VerificationsNow {
    type Js = VerificationsNow;
    fn cross(self) -> VerificationsNow {
        let Self {
            version,
            armed_until,
            verifications,
        } = self;
        VerificationsNow {
            version: version.cross(),
            armed_until: armed_until.cross(),
            verifications: verifications.cross(),
        }
    }
}

/// Which verification is meant.
#[napi(object, object_to_js = false)]
pub struct VerificationRef {
    /// `verification-3`, or the id of its transaction or of the event that asked.
    pub id: String,
    /// With `room_id`: the newest one with this user in this room, if none has that id.
    pub user_id: Option<String>,
    /// See `user_id`.
    pub room_id: Option<String>,
}

impl VerificationRef {
    fn into_core(self) -> core::VerificationRef {
        let Self {
            id,
            user_id,
            room_id,
        } = self;
        core::VerificationRef {
            id,
            user_id,
            room_id,
        }
    }
}

/// A request to make: of the account's own devices without `user_id`, else of one device,
/// or in a room.
#[napi(object, object_to_js = false)]
pub struct NewVerification {
    /// Whom to ask.
    pub user_id: Option<String>,
    /// Which device of theirs.
    pub device_id: Option<String>,
    /// In which room.
    pub room_id: Option<String>,
    /// Offer a code to scan beside the emoji.
    pub qr: bool,
}

impl NewVerification {
    fn into_core(self) -> Result<core::NewVerification> {
        let target = match (self.user_id, self.device_id, self.room_id) {
            (None, None, None) => core::VerificationTarget::OwnUser,
            (Some(user), Some(device), None) => core::VerificationTarget::Device {
                user_id: id(&user, "a user id")?,
                device_id: device.into(),
            },
            (Some(user), None, Some(room)) => core::VerificationTarget::Room {
                user_id: id(&user, "a user id")?,
                room_id: id(&room, "a room id")?,
            },
            _ => {
                return Err(Error::new(
                    ErrorCode::ConfigInvalid,
                    "name a user with either a device or a room, or nobody for the own devices",
                ));
            }
        };
        Ok(core::NewVerification {
            target,
            qr: self.qr,
        })
    }
}

fn id<'a, T: TryFrom<&'a str>>(text: &'a str, what: &str) -> Result<T> {
    T::try_from(text).map_err(|_| {
        Error::new(
            ErrorCode::ConfigInvalid,
            format!("\"{text}\" is not {what}"),
        )
    })
}

/// A code for the other device to scan.
#[napi(object, object_from_js = false)]
pub struct QrCode {
    /// What it says.
    pub payload: Buffer,
    /// Its picture, in block characters for white writing on black.
    pub text: String,
}

/// How to ask at a start.
#[napi(object, object_to_js = false)]
pub struct StartupVerification {
    /// Milliseconds between two requests.
    pub cooldown_ms: i64,
    /// The same, after one that could not be sent.
    pub failure_cooldown_ms: i64,
}

/// What became of the request at a start.
#[napi(object, object_from_js = false)]
pub struct StartupAsked {
    /// What it is.
    #[napi(
        ts_type = "'asked' | 'verified' | 'no-identity' | 'no-other-device' | 'under-way' | 'cooling-down'"
    )]
    pub outcome: String,
    /// The one that was made, or is under way.
    pub verification: Option<Verification>,
    /// When the next one may be made.
    pub until: Option<i64>,
}

impl Cross for core::StartupAsked {
    type Js = StartupAsked;
    fn cross(self) -> StartupAsked {
        let (outcome, verification, until) = match self {
            Self::Asked(asked) => ("asked", Some(asked), None),
            Self::Verified => ("verified", None, None),
            Self::NoIdentity => ("no-identity", None, None),
            Self::NoOtherDevice => ("no-other-device", None, None),
            Self::UnderWay(under_way) => ("under-way", Some(under_way), None),
            Self::CoolingDown { until } => ("cooling-down", None, Some(until)),
        };
        StartupAsked {
            outcome: outcome.to_owned(),
            verification: verification.cross(),
            until: until.cross(),
        }
    }
}

fn span(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[napi]
impl Account {
    /// The first state of the verifications above a version; `null` once closed.
    #[napi(catch_unwind)]
    pub fn verifications_after<'env>(
        &self,
        env: &'env Env,
        since: i64,
    ) -> napi::Result<PromiseRaw<'env, Option<VerificationsNow>>> {
        let handle = self.handle();
        promise(env, self.name(), async move {
            let Ok(account) = find(handle) else {
                return Ok(None);
            };
            let since = u64::try_from(since).unwrap_or(0);
            Ok(account.verifications_after(since).await.cross())
        })
    }

    /// All verifications now; starts the sync where it does not run.
    #[napi(catch_unwind)]
    pub fn verifications<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, Vec<Verification>>> {
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            Ok(encryption.verifications().cross())
        })
    }

    /// Asks others to verify with us.
    #[napi(catch_unwind)]
    pub fn request_verification<'env>(
        &self,
        env: &'env Env,
        request: NewVerification,
    ) -> napi::Result<PromiseRaw<'env, Verification>> {
        self.call(env, |account| async move {
            let request = request.into_core()?;
            let encryption = account.encryption_to_change().await?;
            Ok(Box::pin(encryption.request_verification(&request))
                .await?
                .cross())
        })
    }

    /// Says that we are willing.
    #[napi(catch_unwind)]
    pub fn accept_verification<'env>(
        &self,
        env: &'env Env,
        which: VerificationRef,
    ) -> napi::Result<PromiseRaw<'env, Verification>> {
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            let done = Box::pin(encryption.accept_verification(&which.into_core())).await?;
            Ok(done.cross())
        })
    }

    /// Begins a comparison.
    #[napi(catch_unwind)]
    pub fn start_verification<'env>(
        &self,
        env: &'env Env,
        which: VerificationRef,
    ) -> napi::Result<PromiseRaw<'env, Verification>> {
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            let done = Box::pin(encryption.start_verification(&which.into_core())).await?;
            Ok(done.cross())
        })
    }

    /// A person says that both sides show the same, or that our code was scanned.
    #[napi(catch_unwind)]
    pub fn confirm_verification<'env>(
        &self,
        env: &'env Env,
        which: VerificationRef,
    ) -> napi::Result<PromiseRaw<'env, Verification>> {
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            let done = Box::pin(encryption.confirm_verification(&which.into_core())).await?;
            Ok(done.cross())
        })
    }

    /// A person says that the two sides differ.
    #[napi(catch_unwind)]
    pub fn mismatch_verification<'env>(
        &self,
        env: &'env Env,
        which: VerificationRef,
    ) -> napi::Result<PromiseRaw<'env, Verification>> {
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            let done = Box::pin(encryption.mismatch_verification(&which.into_core())).await?;
            Ok(done.cross())
        })
    }

    /// Ends a verification, or refuses a request.
    #[napi(catch_unwind)]
    pub fn cancel_verification<'env>(
        &self,
        env: &'env Env,
        which: VerificationRef,
        code: Option<String>,
        reason: Option<String>,
    ) -> napi::Result<PromiseRaw<'env, Verification>> {
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            let which = which.into_core();
            let cancel = encryption.cancel_verification(&which, code.as_deref(), reason.as_deref());
            Ok(Box::pin(cancel).await?.cross())
        })
    }

    /// A code for the other device to scan.
    #[napi(catch_unwind)]
    pub fn verification_qr<'env>(
        &self,
        env: &'env Env,
        which: VerificationRef,
    ) -> napi::Result<PromiseRaw<'env, QrCode>> {
        self.call(env, |account| async move {
            let encryption = account.encryption_to_change().await?;
            let code = Box::pin(encryption.verification_qr(&which.into_core())).await?;
            Ok(QrCode {
                payload: code.payload.into(),
                text: code.text,
            })
        })
    }

    /// Lets anybody verify for a while; until when. `null` or none ends it.
    #[napi(catch_unwind)]
    pub fn arm_verification<'env>(
        &self,
        env: &'env Env,
        for_ms: Option<i64>,
    ) -> napi::Result<PromiseRaw<'env, Option<i64>>> {
        self.call(env, move |account| async move {
            Ok(account.arm_verification(for_ms.map(span)).await?.cross())
        })
    }

    /// Asks the account's other devices to verify this one, if that is of use now.
    #[napi(catch_unwind)]
    pub fn request_startup_verification<'env>(
        &self,
        env: &'env Env,
        how: StartupVerification,
    ) -> napi::Result<PromiseRaw<'env, StartupAsked>> {
        self.call(env, move |account| async move {
            let encryption = account.encryption_to_change().await?;
            let ask = encryption
                .request_startup_verification(span(how.cooldown_ms), span(how.failure_cooldown_ms));
            Ok(Box::pin(ask).await?.cross())
        })
    }

    /// A room that serves as a direct message with this person; `null` if there is none.
    #[napi(catch_unwind)]
    pub fn find_dm<'env>(
        &self,
        env: &'env Env,
        user_id: String,
    ) -> napi::Result<PromiseRaw<'env, Option<String>>> {
        self.call(
            env,
            |account| async move { account.find_dm(&user_id).await },
        )
    }
}
