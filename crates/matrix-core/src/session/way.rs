//! From the configuration to an account of the homeserver's: by token, by password, by
//! what an earlier login left.

use std::sync::atomic::{AtomicBool, Ordering};

use ruma::{
    OwnedDeviceId, OwnedUserId, UserId,
    api::client::{account::whoami, keys::get_keys},
};

use super::{TIMEOUT, login, oauth, parse_user, sentences};
use crate::{
    account::DeviceKeys,
    config::{AccountConfig, Auth, Secret},
    dir::{AccountFile, Dir, StoreKeys},
    error::{Error, ErrorCode, Result},
    rest::Rest,
};

/// The way in, borrowed for one `establish`.
pub(super) struct Way<'a> {
    pub config: &'a AccountConfig,
    pub dir: &'a Dir,
    pub keys: &'a StoreKeys,
    pub rest: &'a Rest,
    pub device_keys: DeviceKeys,
    /// A login was needed on the device that the folder belongs to.
    pub logged_in_again: AtomicBool,
}

impl Way<'_> {
    pub async fn by_token(
        &self,
        token: &Secret,
        user_id: Option<&OwnedUserId>,
        device_id: Option<&OwnedDeviceId>,
        stored: Option<AccountFile>,
    ) -> Result<AccountFile> {
        if let Some(stored) = stored
            .as_ref()
            .filter(|it| it.has_retired(self.keys, token))
        {
            tracing::warn!(
                device = %stored.device_id,
                "`accessToken` was put out of use by `openclaw matrix devices renew`; take it out"
            );
            return self
                .by_stored(user_id, device_id, Some(stored.clone()))
                .await;
        }
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
        // Another token of the device that was replaced.
        if let Some(stored) = stored.as_ref().filter(|it| it.replaced(&device)) {
            let stored = Some(stored.clone());
            return self.by_stored(user_id, device_id, stored).await;
        }
        self.claim(stored, &who.user_id, &device)
    }

    pub async fn by_password(
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
        let token = match self.dir.session_token(self.keys, &stored) {
            Err(error) if error.code == ErrorCode::StoreCorrupt => {
                tracing::warn!(%error, "logging in again on the same device");
                None
            }
            token => token?,
        };
        if let Some(token) = token {
            match self.whoami_stored(&stored, token).await {
                Ok(()) => return Ok(stored),
                // A device that was logged out for good has lost its keys on the
                // homeserver; the same id with new ones would deceive everybody.
                Err(e)
                    if e.code == ErrorCode::AuthExpired
                        && (e.soft_logout || self.device_keys != DeviceKeys::Whole) => {}
                Err(e) if e.code == ErrorCode::AuthExpired => {
                    return Err(sentences::session_ended(
                        &self.config.account_id,
                        &device,
                        &e,
                        true,
                    ));
                }
                Err(e) => return Err(e),
            }
        }
        self.logged_in_again.store(true, Ordering::Relaxed);
        self.log_in(user_id, password, Some(&device), Some(stored))
            .await
    }

    pub async fn by_stored(
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
            .session_token(self.keys, &stored)
            .map_err(|e| sentences::session_damaged(&self.config.account_id, e))?
            .ok_or_else(missing)?;
        let refused = match self.whoami_stored(&stored, token).await {
            Ok(()) => return Ok(stored),
            Err(e) if e.code == ErrorCode::AuthExpired => e,
            Err(e) => return Err(e),
        };
        let Some(tokens) = self.dir.oauth_tokens(self.keys, &stored)? else {
            return Err(sentences::session_ended(
                &self.config.account_id,
                stored.device_id.as_str().into(),
                &refused,
                false,
            ));
        };
        let server = oauth::Server::new(&self.rest.http, &self.config.network);
        let Some(granted) = server.refresh(&tokens).await? else {
            return Err(sentences::login_ended(&self.config.account_id, &refused));
        };
        self.dir.save_oauth_session(
            self.keys,
            &stored,
            &granted.access_token,
            Some(&granted.tokens),
        )?;
        self.whoami_stored(&stored, granted.access_token).await?;
        Ok(stored)
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

    /// The device we were told to use, or found, has keys that are not ours (AUT-11), or
    /// that are `lost`: leaves it alone and makes one of our own.
    pub async fn device_of_our_own(
        &self,
        user_id: &str,
        password: &Secret,
        taken: AccountFile,
        lost: bool,
    ) -> Result<AccountFile> {
        tracing::warn!(
            device = %taken.device_id,
            "the encryption keys of this device are {}; logging in as a new device",
            if lost { "lost" } else { "another client's" }
        );
        let mut account = self.log_in(user_id, password, None, None).await?;
        // Through any number of new devices: the one that the configuration names.
        let Auth::Password { device_id, .. } = &self.config.auth else {
            return Err(Error::internal("a login without a password"));
        };
        account.instead_of = match taken.instead_of {
            Some(asked) if device_id.as_ref().is_some_and(|id| *id == *asked) => Some(asked),
            _ => Some(taken.device_id),
        };
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
            Some(stored) if !stored.foreign_device => Err(self.other_device(&stored, device)),
            _ => Ok(AccountFile::new(
                self.config.homeserver.as_str(),
                user.as_str(),
                device.as_str(),
            )),
        }
    }

    fn other_device(&self, stored: &AccountFile, device: &ruma::DeviceId) -> Error {
        sentences::folder_of_other_device(
            &self.config.account_id,
            self.dir.path(),
            &stored.device_id,
            device,
        )
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
                Err(self.other_device(stored, id))
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
            Some(device) if device != stored.device_id.as_str() => {
                Err(self.other_device(stored, &device))
            }
            _ => Ok(()),
        }
    }

    /// See [`has_keys`].
    pub async fn has_keys(&self, account: &AccountFile) -> Result<bool> {
        let user = parse_user(&account.user_id)?;
        has_keys(self.rest, &user, account.device_id.as_str().into()).await
    }
}

/// Whether the homeserver has encryption keys of this device.
pub(super) async fn has_keys(
    rest: &Rest,
    user: &OwnedUserId,
    device: &ruma::DeviceId,
) -> Result<bool> {
    let mut request = get_keys::v3::Request::new();
    request
        .device_keys
        .insert(user.clone(), vec![device.to_owned()]);
    let answer = rest.send(request, TIMEOUT).await?;
    Ok(answer
        .device_keys
        .get(user)
        .is_some_and(|devices| devices.contains_key(device)))
}
