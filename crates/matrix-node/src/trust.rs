//! Whose devices and identities are believed.

use matrix_core as core;
use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use crate::{
    account::Account,
    event::SenderTrust,
    mirror::{Cross, mirror_object},
};

/// Which devices get the keys of what is sent; documented at `OpenAccountOptions`.
#[napi(string_enum = "kebab-case")]
#[allow(missing_docs)]
pub enum KeyRecipients {
    All,
    CrossSigned,
    ErrorOnChange,
}

impl From<KeyRecipients> for core::KeyRecipients {
    fn from(recipients: KeyRecipients) -> Self {
        match recipients {
            KeyRecipients::All => Self::All,
            KeyRecipients::CrossSigned => Self::CrossSigned,
            KeyRecipients::ErrorOnChange => Self::ErrorOnChange,
        }
    }
}

/// Whose keys are asked about.
#[napi(object, object_to_js = false)]
pub struct CheckSender {
    /// The room of the message.
    pub room_id: String,
    /// Its sender.
    pub user_id: String,
    /// Its Megolm session, if it was encrypted.
    pub session_id: Option<String>,
}

mirror_object! {
    /// What is known of a sender at this moment.
    SenderCheck from core::SenderCheck {
        trust: [Option<SenderTrust>],
        identity_changed: [bool],
    }
}

mirror_object! {
    /// Somebody whose identity is another one than the one that was accepted.
    ChangedIdentity from core::ChangedIdentity {
        user_id: [String],
        was_verified: [bool],
    }
}

#[napi]
impl Account {
    /// What is known now of a sender and of the device that made a session.
    #[napi(catch_unwind)]
    pub fn check_sender<'env>(
        &self,
        env: &'env Env,
        request: CheckSender,
    ) -> napi::Result<PromiseRaw<'env, SenderCheck>> {
        self.call(env, |account| async move {
            let CheckSender {
                room_id,
                user_id,
                session_id,
            } = request;
            let check = account.check_sender(&room_id, &user_id, session_id.as_deref());
            Ok(check.await?.cross())
        })
    }

    /// Accepts the identity that a person has now; false if there was nothing to accept.
    #[napi(catch_unwind)]
    pub fn acknowledge_identity<'env>(
        &self,
        env: &'env Env,
        user_id: String,
    ) -> napi::Result<PromiseRaw<'env, bool>> {
        self.call(env, |account| async move {
            account.acknowledge_identity(&user_id).await
        })
    }
}
