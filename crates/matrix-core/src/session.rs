//! Password, token, restore; a new login is on disk before its first sync.
//!
//! Everything here is plain requests: no store is opened and no key is made before it
//! is known whose device it is (AUT-11).

mod login;
mod sentences;
mod way;

use std::{sync::Arc, time::Duration};

use matrix_sdk::reqwest;
use ruma::{OwnedDeviceId, OwnedUserId, UserId};

use self::way::Way;
use crate::{
    account::Identity,
    config::{AccountConfig, Auth, Secret},
    dir::{Dir, StoreKeys},
    error::{Error, ErrorCode, Result},
    rest::Rest,
};

/// For each request of the way in.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Who we are, and how to prove it again.
#[derive(Debug)]
pub(crate) struct Session {
    /// The account's folder.
    pub dir: Arc<Dir>,
    /// The folder's keys.
    pub keys: StoreKeys,
    /// Carries the token.
    pub rest: Rest,
    /// Our user.
    pub user_id: OwnedUserId,
    /// Our device.
    pub device_id: OwnedDeviceId,
    /// The device belongs to another client, which encrypts with it: nothing here may
    /// touch its keys.
    pub foreign_device: bool,
    /// The folder served another device, or another engine, before.
    pub new_device: bool,
    account_id: String,
    device_name: String,
    password: Option<Secret>,
}

impl Session {
    /// Finds out who we are: the token's owner, the stored session, or a new login.
    ///
    /// # Errors
    /// `auth_failed` for refused credentials, `auth_expired` for a session that ended,
    /// `account_mismatch` when token, configuration and folder do not belong together,
    /// `device_in_use` when the token is another client's and encryption is on;
    /// `network` and `timeout` while the homeserver is down.
    pub async fn establish(
        config: &AccountConfig,
        dir: Arc<Dir>,
        keys: StoreKeys,
        http: reqwest::Client,
    ) -> Result<Self> {
        let rest = Rest::new(http, config.homeserver.clone(), None);
        let way = Way {
            config,
            dir: &dir,
            keys: &keys,
            rest: &rest,
        };
        let stored = dir.account()?;
        let before = stored.clone();
        let mut account = match &config.auth {
            Auth::AccessToken {
                token,
                user_id,
                device_id,
            } => {
                way.by_token(token, user_id.as_ref(), device_id.as_ref(), stored)
                    .await?
            }
            Auth::Password {
                user_id,
                password,
                device_id,
            } => {
                way.by_password(user_id, password, device_id.as_ref(), stored)
                    .await?
            }
            Auth::Stored { user_id, device_id } => {
                way.by_stored(user_id.as_ref(), device_id.as_ref(), stored)
                    .await?
            }
        };
        let mut foreign = false;
        if !(account.own_keys && dir.has_crypto_store()) && way.has_keys(&account).await? {
            match &config.auth {
                Auth::Password {
                    user_id, password, ..
                } => {
                    account = way.device_of_our_own(user_id, password, account).await?;
                }
                _ if account.own_keys => return Err(sentences::store_lost(dir.path(), &account)),
                _ if config.encryption => return Err(sentences::device_in_use(config, &account)),
                _ => foreign = true,
            }
        }
        account.homeserver = config.homeserver.to_string();
        account.foreign_device = foreign;
        account.own_keys = !foreign;
        dir.save_account(&account)?;
        Ok(Self {
            user_id: parse_user(&account.user_id)?,
            device_id: account.device_id.as_str().into(),
            foreign_device: foreign,
            new_device: before.is_some_and(|before| {
                before.device_id != account.device_id || before.foreign_device != foreign
            }),
            account_id: config.account_id.clone(),
            device_name: config.device_name.clone(),
            password: match &config.auth {
                Auth::Password { password, .. } => Some(password.clone()),
                _ => None,
            },
            rest,
            keys,
            dir,
        })
    }

    /// What the outside may know.
    pub fn identity(&self) -> Identity {
        Identity {
            user_id: self.user_id.to_string(),
            device_id: self.device_id.to_string(),
            homeserver: self.rest.homeserver.to_string(),
        }
    }

    /// The password of the configuration, for what the homeserver asks it for.
    pub fn password(&self) -> Option<&Secret> {
        self.password.as_ref()
    }

    /// The access token.
    ///
    /// # Errors
    /// `internal`, which cannot happen: a session has a token from its beginning.
    pub fn token(&self) -> Result<Secret> {
        self.rest
            .token()
            .ok_or_else(|| Error::internal("a session without a token"))
    }

    /// The homeserver refused the token with `refused`: after a soft logout logs in
    /// again on the same device, if there is a password (AUT-8).
    ///
    /// # Errors
    /// `auth_expired` with what to do if that is not possible; what the login gave.
    pub async fn renew(&self, refused: &Error) -> Result<()> {
        let (true, Some(password)) = (refused.soft_logout, &self.password) else {
            return Err(sentences::session_ended(
                &self.account_id,
                &self.device_id,
                self.dir.path(),
                refused,
                self.password.is_some(),
            ));
        };
        let answer = login::password(
            &self.rest,
            self.user_id.as_str(),
            password,
            Some(&self.device_id),
            &self.device_name,
        )
        .await?;
        if answer.user_id != self.user_id || answer.device_id != self.device_id {
            return Err(Error::new(
                ErrorCode::AccountMismatch,
                format!(
                    "logging in again on device {} gave device {}",
                    self.device_id, answer.device_id
                ),
            ));
        }
        let account = self.dir.account()?.ok_or_else(|| {
            Error::new(
                ErrorCode::StoreCorrupt,
                "account.json is gone from the account's folder",
            )
        })?;
        let token = Secret::new(answer.access_token);
        self.dir.save_session(&self.keys, &account, &token)?;
        self.rest.set_token(token);
        Ok(())
    }
}

fn parse_user(text: &str) -> Result<OwnedUserId> {
    UserId::parse(text).map_err(|_| {
        Error::new(
            ErrorCode::StoreCorrupt,
            format!("account.json names {text}, which is no user id"),
        )
    })
}
