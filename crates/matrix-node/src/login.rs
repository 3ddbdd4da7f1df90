//! Logging in by OAuth's device grant, and logging out. Nobody has the account open meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use matrix_core::{self as core, Error};
use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use crate::{account::Identity, mirror::Cross, open::OpenAccountOptions, runtime::promise};

/// Where the person goes, and with what.
#[napi(object, object_from_js = false)]
pub struct LoginPrompt {
    /// To be typed in there.
    pub user_code: String,
    /// Page of the authorization server.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// How long the code is good.
    pub expires_in_ms: i64,
}

impl Cross for core::LoginPrompt {
    type Js = LoginPrompt;
    fn cross(self) -> LoginPrompt {
        let Self {
            user_code,
            verification_uri,
            verification_uri_complete,
            expires_in,
        } = self;
        LoginPrompt {
            user_code,
            verification_uri,
            verification_uri_complete,
            expires_in_ms: u64::try_from(expires_in.as_millis())
                .unwrap_or(u64::MAX)
                .cross(),
        }
    }
}

/// What logging out did.
#[napi(object, object_from_js = false)]
pub struct LoggedOut {
    /// The homeserver knows, or knew already, that the session is over.
    pub revoked: bool,
    /// A session stood in the folder.
    pub had_session: bool,
    /// Where the device's encryption store is now.
    pub put_away: Option<String>,
    /// The configured access token is another client's device, and was left alone.
    pub foreign_device: bool,
}

impl Cross for core::LoggedOut {
    type Js = LoggedOut;
    fn cross(self) -> LoggedOut {
        let Self {
            revoked,
            had_session,
            put_away,
            foreign_device,
        } = self;
        LoggedOut {
            revoked,
            had_session,
            put_away: put_away.map(|path| path.display().to_string()),
            foreign_device,
        }
    }
}

/// A login that waits for the person. Holds the account folder's lock until it is over.
#[napi]
pub struct DeviceLogin {
    account_id: String,
    prompt: core::LoginPrompt,
    pending: Arc<Mutex<Option<core::DeviceLogin>>>,
}

#[napi]
impl DeviceLogin {
    /// What to tell the person.
    #[napi(getter)]
    pub fn prompt(&self) -> LoginPrompt {
        self.prompt.clone().cross()
    }

    /// Waits for the person and writes the session down. Once.
    #[napi(catch_unwind)]
    pub fn finish<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Identity>> {
        let pending = self
            .pending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        promise(env, &self.account_id, async move {
            let login = pending.ok_or_else(Error::closed)?;
            Ok(login.finish().await?.cross())
        })
    }
}

/// Asks the homeserver's authorization server for a code that a person allows a login with.
#[napi(catch_unwind)]
pub fn begin_login<'env>(
    env: &'env Env,
    options: OpenAccountOptions,
) -> napi::Result<PromiseRaw<'env, DeviceLogin>> {
    let account_id = options.account_id.clone();
    let config = options.into_config();
    promise(env, &account_id.clone(), async move {
        let login = core::DeviceLogin::begin(config?).await?;
        Ok(DeviceLogin {
            account_id,
            prompt: login.prompt(),
            pending: Arc::new(Mutex::new(Some(login))),
        })
    })
}

/// Logs an account out that nobody has open: the homeserver forgets the device, the folder
/// the session.
#[napi(catch_unwind)]
pub fn log_out<'env>(
    env: &'env Env,
    options: OpenAccountOptions,
) -> napi::Result<PromiseRaw<'env, LoggedOut>> {
    let account_id = options.account_id.clone();
    let config = options.into_config();
    promise(env, &account_id, async move {
        Ok(core::log_out(config?).await?.cross())
    })
}
