//! Logging in by OAuth's device grant (AUT-9): a person allows it in a browser, wherever
//! that is. On the folder of an account that nobody has open.
//!
//! The device stays the same while its encryption store is whole; otherwise the login makes a
//! new one, and what is left of the former one's store is put away.

use std::{sync::Arc, time::Duration};

use ruma::api::client::account::whoami;

use super::{
    TIMEOUT, blocking, configured_user,
    oauth::{Authorization, Metadata, Server},
    parse_user, sentences,
};
use crate::{
    account::Identity,
    config::AccountConfig,
    dir::{AccountFile, CryptoStore, Dir, StoreKeys},
    discovery,
    error::{Error, ErrorCode, Result},
    http,
    rest::Rest,
};

/// Letters of a new device's id.
const DEVICE_LETTERS: usize = 10;

/// Where the person goes, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginPrompt {
    /// To be typed in there.
    pub user_code: String,
    /// Page of the authorization server.
    pub verification_uri: String,
    /// The same with the code in it.
    pub verification_uri_complete: Option<String>,
    /// How long the code is good.
    pub expires_in: Duration,
}

/// A login that waits for the person. Holds the folder's lock.
pub struct DeviceLogin {
    config: AccountConfig,
    dir: Arc<Dir>,
    keys: StoreKeys,
    rest: Rest,
    metadata: Metadata,
    client_id: String,
    authorization: Authorization,
    /// Whose folder it is, while its device can be kept.
    kept: Option<AccountFile>,
}

impl DeviceLogin {
    /// Asks the authorization server for a code.
    ///
    /// # Errors
    /// `store_locked` while the account is open somewhere; `auth_failed` if the homeserver has
    /// no such login; `address_blocked`, `network` and `timeout`.
    pub async fn begin(mut config: AccountConfig) -> Result<Self> {
        config.homeserver =
            discovery::base_url(&config.homeserver, &config.network, Some(&config.state_dir))
                .await?;
        http::check_url(&config.homeserver, &config.network)?;
        let http = http::client(&config.network, &config.homeserver)?;
        let path = config.state_dir.clone();
        let dir = Arc::new(blocking(move || Dir::open(&path)).await?);
        let begun = Box::pin(Self::begin_in(config, Arc::clone(&dir), http)).await;
        if begun.is_err() {
            dir.release();
        }
        begun
    }

    async fn begin_in(
        config: AccountConfig,
        dir: Arc<Dir>,
        http: matrix_sdk::reqwest::Client,
    ) -> Result<Self> {
        let (keys, stored, store) = {
            let (config, dir) = (config.clone(), Arc::clone(&dir));
            blocking(move || {
                let keys = dir.keys(config.store_passphrase.as_ref(), &config.account_id)?;
                Ok((keys, dir.account()?, dir.crypto_store()?))
            })
            .await?
        };
        let whole = matches!(store, CryptoStore::Whole);
        let kept = stored.filter(|stored| whole && stored.own_keys && !stored.foreign_device);
        let device = kept
            .as_ref()
            .map_or_else(new_device, |stored| stored.device_id.clone());
        let rest = Rest::new(http, config.homeserver.clone(), None);
        let server = Server::new(&rest.http, &config.network);
        let metadata = server.metadata(&rest).await?;
        let client_id = server.register(&metadata).await?;
        let authorization = server.authorize(&metadata, &client_id, &device).await?;
        Ok(Self {
            config,
            dir,
            keys,
            rest,
            metadata,
            client_id,
            authorization,
            kept,
        })
    }

    /// What to tell the person.
    pub fn prompt(&self) -> LoginPrompt {
        let authorization = &self.authorization;
        LoginPrompt {
            user_code: authorization.user_code.clone(),
            verification_uri: authorization.verification_uri.clone(),
            verification_uri_complete: authorization.verification_uri_complete.clone(),
            expires_in: Duration::from_secs(authorization.expires_in),
        }
    }

    /// Waits for the person and writes the session down. The folder is free afterwards.
    ///
    /// # Errors
    /// `auth_failed` when it was refused or not allowed in time; `account_mismatch` when
    /// somebody else than the configured user, or the folder's, allowed it.
    pub async fn finish(self) -> Result<Identity> {
        let dir = Arc::clone(&self.dir);
        let done = Box::pin(self.finish_in()).await;
        dir.release();
        done
    }

    async fn finish_in(self) -> Result<Identity> {
        let server = Server::new(&self.rest.http, &self.config.network);
        let granted = server
            .wait(&self.metadata, &self.client_id, &self.authorization)
            .await?;
        self.rest.set_token(granted.access_token.clone());
        let account = match self.claim().await {
            Ok(account) => account,
            Err(error) => {
                // Nobody will use it.
                if let Err(error) = server.revoke(&granted.tokens).await {
                    tracing::warn!(%error, "the login that was not wanted still stands");
                }
                return Err(error);
            }
        };
        let identity = Identity {
            user_id: account.user_id.clone(),
            device_id: account.device_id.clone(),
            homeserver: account.homeserver.clone(),
        };
        let Self {
            dir, keys, kept, ..
        } = self;
        blocking(move || {
            if kept.is_none() {
                dir.put_stores_away()?;
            }
            let tokens = Some(&granted.tokens);
            dir.save_account(&account)?;
            dir.save_oauth_session(&keys, &account, &granted.access_token, tokens)
        })
        .await?;
        tracing::info!(user = %identity.user_id, device = %identity.device_id, "logged in");
        Ok(identity)
    }

    /// Whose the login is, if it may be this account's.
    async fn claim(&self) -> Result<AccountFile> {
        let who = self.rest.send(whoami::v3::Request::new(), TIMEOUT).await?;
        let device = who
            .device_id
            .ok_or_else(|| sentences::token_without_device(&self.config.account_id))?;
        if let Some(wanted) = configured_user(&self.config.auth)
            && wanted != who.user_id.as_str()
            && wanted != who.user_id.localpart()
        {
            return Err(sentences::other_user(
                "the login",
                &who.user_id,
                "`userId`",
                wanted,
            ));
        }
        let stored = {
            let dir = Arc::clone(&self.dir);
            blocking(move || dir.account()).await?
        };
        if let Some(stored) = &stored
            && parse_user(&stored.user_id)? != who.user_id
        {
            return Err(sentences::folder_of_other_user(
                self.dir.path(),
                &stored.user_id,
                &who.user_id,
            ));
        }
        let homeserver = self.config.homeserver.as_str();
        match &self.kept {
            Some(kept) if kept.device_id == device.as_str() => {
                let mut account = kept.clone();
                homeserver.clone_into(&mut account.homeserver);
                Ok(account)
            }
            Some(kept) => Err(Error::new(
                ErrorCode::AccountMismatch,
                format!(
                    "the authorization server logged in the device {device} instead of {}",
                    kept.device_id
                ),
            )),
            None => Ok(AccountFile::new(
                homeserver,
                who.user_id.as_str(),
                device.as_str(),
            )),
        }
    }
}

fn new_device() -> String {
    (0..DEVICE_LETTERS)
        .map(|_| char::from(rand::random_range(b'A'..=b'Z')))
        .collect()
}
