//! Password, token, restore; a new login is on disk before its first sync.
//!
//! Everything here is plain requests: no store is opened and no key is made before it
//! is known whose device it is (AUT-11).

mod login;
mod sentences;

use std::{sync::Arc, time::Duration};

use matrix_sdk::reqwest;
use ruma::{
    OwnedDeviceId, OwnedUserId, UserId,
    api::client::{account::whoami, keys::get_keys},
};

use crate::{
    account::Identity,
    config::{AccountConfig, Auth, Secret},
    dir::{AccountFile, Dir, StoreKeys},
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

/// The way in, borrowed for one `establish`.
struct Way<'a> {
    config: &'a AccountConfig,
    dir: &'a Dir,
    keys: &'a StoreKeys,
    rest: &'a Rest,
}

impl Way<'_> {
    async fn by_token(
        &self,
        token: &Secret,
        user_id: Option<&OwnedUserId>,
        device_id: Option<&OwnedDeviceId>,
        stored: Option<AccountFile>,
    ) -> Result<AccountFile> {
        self.rest.set_token(token.clone());
        let who = self
            .rest
            .send(whoami::v3::Request::new(), TIMEOUT)
            .await
            .map_err(|e| sentences::token_refused(&self.config.account_id, e))?;
        if let Some(wanted) = user_id.filter(|wanted| **wanted != who.user_id) {
            return Err(sentences::other_user(
                "`accessToken`",
                &who.user_id,
                "`userId`",
                wanted,
            ));
        }
        let device = who
            .device_id
            .ok_or_else(|| sentences::token_without_device(&self.config.account_id))?;
        if let Some(wanted) = device_id.filter(|wanted| **wanted != device) {
            return Err(sentences::other_device(&device, wanted));
        }
        self.claim(stored, &who.user_id, &device)
    }

    async fn by_password(
        &self,
        user_id: &str,
        password: &Secret,
        device_id: Option<&OwnedDeviceId>,
        stored: Option<AccountFile>,
    ) -> Result<AccountFile> {
        // What is left of another client's device is no device of ours (AUT-11).
        let Some(stored) = stored.filter(|stored| !stored.foreign_device) else {
            return self.log_in(user_id, password, device_id, None).await;
        };
        self.check_stored(&stored, Some(user_id), device_id)?;
        let device: OwnedDeviceId = stored.device_id.as_str().into();
        if let Some(token) = self.dir.session_token(self.keys, &stored)? {
            match self.whoami_stored(&stored, token).await {
                Ok(()) => return Ok(stored),
                // A device that was logged out for good has lost its keys on the
                // homeserver; the same id with new ones would deceive everybody.
                Err(e)
                    if e.code == ErrorCode::AuthExpired
                        && (e.soft_logout || !self.dir.has_crypto_store()) => {}
                Err(e) if e.code == ErrorCode::AuthExpired => {
                    return Err(sentences::session_ended(
                        &self.config.account_id,
                        &device,
                        self.dir.path(),
                        &e,
                        true,
                    ));
                }
                Err(e) => return Err(e),
            }
        }
        self.log_in(user_id, password, Some(&device), Some(stored))
            .await
    }

    async fn by_stored(
        &self,
        user_id: Option<&OwnedUserId>,
        device_id: Option<&OwnedDeviceId>,
        stored: Option<AccountFile>,
    ) -> Result<AccountFile> {
        let missing = || sentences::nothing_stored(&self.config.account_id);
        let stored = stored.ok_or_else(missing)?;
        self.check_stored(&stored, user_id.map(|id| id.as_str()), device_id)?;
        let token = self
            .dir
            .session_token(self.keys, &stored)?
            .ok_or_else(missing)?;
        match self.whoami_stored(&stored, token).await {
            Ok(()) => Ok(stored),
            Err(e) if e.code == ErrorCode::AuthExpired => Err(sentences::session_ended(
                &self.config.account_id,
                stored.device_id.as_str().into(),
                self.dir.path(),
                &e,
                false,
            )),
            Err(e) => Err(e),
        }
    }

    /// Logs in and writes the result down before anything else happens.
    async fn log_in(
        &self,
        user_id: &str,
        password: &Secret,
        device_id: Option<&OwnedDeviceId>,
        stored: Option<AccountFile>,
    ) -> Result<AccountFile> {
        let answer = login::password(
            self.rest,
            user_id,
            password,
            device_id.map(|id| &**id),
            &self.config.device_name,
        )
        .await?;
        if user_id.starts_with('@') && answer.user_id != user_id {
            return Err(sentences::other_user(
                "the login",
                &answer.user_id,
                "`userId`",
                user_id,
            ));
        }
        let mut account = self.claim(stored, &answer.user_id, &answer.device_id)?;
        account.homeserver = self.config.homeserver.to_string();
        let token = Secret::new(answer.access_token);
        self.dir.save_account(&account)?;
        self.dir.save_session(self.keys, &account, &token)?;
        self.rest.set_token(token);
        tracing::info!(user = %answer.user_id, device = %answer.device_id, "logged in");
        Ok(account)
    }

    /// The device we were told to use, or found, has keys that are not ours: leaves it
    /// alone and makes one of our own (AUT-11).
    async fn device_of_our_own(
        &self,
        user_id: &str,
        password: &Secret,
        taken: AccountFile,
    ) -> Result<AccountFile> {
        tracing::warn!(
            device = %taken.device_id,
            "this device has encryption keys of another client; logging in as a new device"
        );
        let mut account = self.log_in(user_id, password, None, None).await?;
        account.instead_of = Some(taken.device_id);
        self.dir.save_account(&account)?;
        Ok(account)
    }

    /// The folder's owner if it is this user and device, or a new owner for a folder
    /// without one.
    fn claim(
        &self,
        stored: Option<AccountFile>,
        user: &UserId,
        device: &ruma::DeviceId,
    ) -> Result<AccountFile> {
        match stored {
            Some(stored) if stored.user_id != *user => Err(sentences::folder_of_other_user(
                self.dir.path(),
                &stored.user_id,
                user,
            )),
            Some(stored) if stored.device_id == *device => Ok(stored),
            Some(stored) if !stored.foreign_device => Err(sentences::folder_of_other_device(
                self.dir.path(),
                &stored.device_id,
                device,
            )),
            _ => Ok(AccountFile::new(
                self.config.homeserver.as_str(),
                user.as_str(),
                device.as_str(),
            )),
        }
    }

    /// The configuration means the folder's user and device.
    fn check_stored(
        &self,
        stored: &AccountFile,
        user_id: Option<&str>,
        device_id: Option<&OwnedDeviceId>,
    ) -> Result<()> {
        let own = parse_user(&stored.user_id)?;
        if let Some(user_id) = user_id.filter(|id| *id != own && *id != own.localpart()) {
            return Err(sentences::folder_of_other_user(
                self.dir.path(),
                &stored.user_id,
                user_id,
            ));
        }
        match device_id {
            Some(id)
                if *id != stored.device_id.as_str()
                    && stored.instead_of.as_deref() != Some(id.as_str()) =>
            {
                Err(sentences::folder_of_other_device(
                    self.dir.path(),
                    &stored.device_id,
                    id,
                ))
            }
            _ => Ok(()),
        }
    }

    /// Whether the stored token still works and still is the folder's.
    async fn whoami_stored(&self, stored: &AccountFile, token: Secret) -> Result<()> {
        self.rest.set_token(token);
        let who = self.rest.send(whoami::v3::Request::new(), TIMEOUT).await?;
        if who.user_id != stored.user_id {
            return Err(sentences::folder_of_other_user(
                self.dir.path(),
                &stored.user_id,
                &who.user_id,
            ));
        }
        match who.device_id {
            Some(device) if device != stored.device_id.as_str() => Err(
                sentences::folder_of_other_device(self.dir.path(), &stored.device_id, &device),
            ),
            _ => Ok(()),
        }
    }

    /// Whether the homeserver has encryption keys of this device.
    async fn has_keys(&self, account: &AccountFile) -> Result<bool> {
        let user = parse_user(&account.user_id)?;
        let device: OwnedDeviceId = account.device_id.as_str().into();
        let mut request = get_keys::v3::Request::new();
        request
            .device_keys
            .insert(user.clone(), vec![device.clone()]);
        let answer = self.rest.send(request, TIMEOUT).await?;
        Ok(answer
            .device_keys
            .get(&user)
            .is_some_and(|devices| devices.contains_key(&device)))
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
