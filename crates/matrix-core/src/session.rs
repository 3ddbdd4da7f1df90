//! Password, token, restore; a new login is on disk before its first sync.
//!
//! Everything here is plain requests: no store is opened and no key is made before it
//! is known whose device it is (AUT-11).

mod device_login;
mod login;
mod logout;
mod oauth;
mod renewal;
mod sentences;
mod way;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use matrix_sdk::reqwest;
use ruma::{OwnedDeviceId, OwnedUserId, UserId};

pub use self::device_login::{DeviceLogin, LoginPrompt};
pub use self::logout::{LoggedOut, log_out};
pub use self::renewal::{Renewal, Renewed, renew_device};
use self::way::Way;
use crate::{
    account::{DeviceKeys, Identity},
    blocking::blocking,
    config::{AccountConfig, Auth, NetworkConfig, Secret},
    dir::{AccountFile, Dir, OAuthTokens, StoreKeys},
    error::{Error, ErrorCode, Result},
    health::now_ms,
    rest::Rest,
};

/// For each request of the way in.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Pause after a token could not be replaced ahead of its end.
const RENEW_AGAIN: Duration = Duration::from_secs(15);

/// The token is good for an unknown time.
const UNKNOWN: u64 = u64::MAX;

/// A device whose keys are refused so soon after those of the one before it is no copy of
/// another: making more of them would not help.
const RENEWED_LATELY: Duration = Duration::from_secs(24 * 3600);

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
    network: NetworkConfig,
    /// When an OAuth login's token is to be replaced; milliseconds since the epoch.
    renew_at: AtomicU64,
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
        mut device_keys: DeviceKeys,
        http: reqwest::Client,
    ) -> Result<Self> {
        let rest = Rest::new(http, config.homeserver.clone(), None);
        let (stored, presumed_own) = stored_account(config, &dir, &mut device_keys)?;
        let way = Way {
            config,
            dir: &dir,
            keys: &keys,
            rest: &rest,
            device_keys,
            logged_in_again: AtomicBool::new(false),
        };
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
        account.own_keys |= presumed_own;
        let mut foreign = false;
        let mut lost = device_keys == DeviceKeys::Lost;
        let whole = account.own_keys && device_keys == DeviceKeys::Whole;
        let renewed = way.logged_in_again.load(Ordering::Relaxed);
        let published = !lost && (!whole || renewed) && way.has_keys(&account).await?;
        let password = matches!(config.auth, Auth::Password { .. });
        let why = if whole && renewed && !published {
            Some(sentences::device_removed(&account))
        } else if password && !lost && !whole && published && account.own_keys {
            Some(sentences::keys_gone(dir.path(), &account))
        } else {
            None
        };
        if let Some(why) = why {
            let dir = Arc::clone(&dir);
            tokio::task::spawn_blocking(move || dir.set_stores_aside(&why))
                .await
                .map_err(|e| Error::internal(format!("a task ended early: {e}")))??;
            lost = true;
        }
        if lost || (!whole && published) {
            // Keys of ours that are gone, or somebody else's.
            lost |= account.own_keys;
            match &config.auth {
                Auth::Password {
                    user_id, password, ..
                } => {
                    account = way
                        .device_of_our_own(user_id, password, account, lost)
                        .await?;
                }
                _ if lost => {
                    return Err(sentences::store_lost(
                        &config.account_id,
                        dir.path(),
                        &account,
                    ));
                }
                _ if config.encryption => return Err(sentences::device_in_use(config, &account)),
                _ => foreign = true,
            }
        }
        account.homeserver = config.homeserver.to_string();
        account.foreign_device = foreign;
        account.own_keys = !foreign;
        dir.save_account(&account)?;
        let tokens = match config.auth {
            Auth::Stored { .. } => dir.oauth_tokens(&keys, &account)?,
            Auth::AccessToken { .. } | Auth::Password { .. } => None,
        };
        Ok(Self {
            renew_at: AtomicU64::new(tokens.and_then(|it| it.renew_at).unwrap_or(UNKNOWN)),
            user_id: parse_user(&account.user_id)?,
            device_id: account.device_id.as_str().into(),
            foreign_device: foreign,
            // A device that takes a lost one's place goes on where that one stood.
            new_device: !lost
                && before.is_some_and(|before| {
                    before.device_id != account.device_id || before.foreign_device != foreign
                }),
            network: config.network.clone(),
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

    /// The homeserver refused a one-time key of this device: somebody has used the device's
    /// encryption with another copy of its store (#5200 of the SDK), and nothing that this
    /// one encrypts or is sent can be relied on. Where a password can make another device
    /// that is noted for the next start, and the error that ends this one is returned.
    /// `None`: nothing can be done here, or it was done a moment ago and did not help.
    ///
    /// # Errors
    /// `storage_failed`.
    pub async fn give_device_up(&self) -> Result<Option<Error>> {
        if self.password.is_none() {
            return Ok(None);
        }
        let (dir, device) = (Arc::clone(&self.dir), self.device_id.to_string());
        let noted = tokio::task::spawn_blocking(move || {
            let lately = |at: u64| now_ms().saturating_sub(at) < RENEWED_LATELY.as_millis() as u64;
            match dir.refused_keys() {
                Some(last) if last.device_id != device && lately(last.at) => Ok(false),
                _ => dir.note_refused_keys(&device).map(|()| true),
            }
        });
        let noted = noted
            .await
            .map_err(|e| Error::internal(format!("a task ended early: {e}")))??;
        Ok(noted.then(|| sentences::keys_refused(&self.device_id)))
    }

    /// How long the token is good before it is to be replaced; zero once that is due.
    /// `None` where that is not known, or nothing could replace it.
    pub fn renewal_due_in(&self) -> Option<Duration> {
        match self.renew_at.load(Ordering::Relaxed) {
            UNKNOWN => None,
            at => Some(Duration::from_millis(at.saturating_sub(now_ms()))),
        }
    }

    /// Replaces an OAuth login's token before it expires, so that no request is refused.
    /// What goes wrong is tried again; in the end the homeserver's refusal tells.
    pub async fn renew_ahead(&self) {
        let later = now_ms().saturating_add(RENEW_AGAIN.as_millis() as u64);
        self.renew_at.store(later, Ordering::Relaxed);
        let renewed = async {
            let account = self.dir.account()?;
            let Some(account) = account else {
                return Ok(false);
            };
            match self.dir.oauth_tokens(&self.keys, &account)? {
                Some(tokens) => self.next_token(&account, &tokens).await,
                None => Ok(false),
            }
        };
        match renewed.await {
            Ok(true) => tracing::debug!("the access token was replaced before its end"),
            Ok(false) => self.renew_at.store(UNKNOWN, Ordering::Relaxed),
            Err(error) => tracing::debug!(%error, "the access token could not be replaced yet"),
        }
    }

    /// Gets the next token of an OAuth login; false if the server has ended it.
    async fn next_token(&self, account: &AccountFile, tokens: &OAuthTokens) -> Result<bool> {
        let server = oauth::Server::new(&self.rest.http, &self.network);
        let Some(granted) = server.refresh(tokens).await? else {
            return Ok(false);
        };
        let oauth::Granted {
            access_token,
            tokens,
        } = granted;
        self.dir
            .save_oauth_session(&self.keys, account, &access_token, Some(&tokens))?;
        self.rest.set_token(access_token);
        self.renew_at
            .store(tokens.renew_at.unwrap_or(UNKNOWN), Ordering::Relaxed);
        Ok(true)
    }

    /// The homeserver refused the token with `refused`: gets the next one of an OAuth login
    /// (AUT-9); after a soft logout logs in again on the same device, if there is a password
    /// (AUT-8).
    ///
    /// # Errors
    /// `auth_expired` with what to do if that is not possible; what the login gave.
    pub async fn renew(&self, refused: &Error) -> Result<()> {
        let account = self.dir.account()?.ok_or_else(|| {
            Error::new(
                ErrorCode::StoreCorrupt,
                "account.json is gone from the account's folder",
            )
        })?;
        if self.password.is_none()
            && let Some(tokens) = self.dir.oauth_tokens(&self.keys, &account)?
        {
            return match self.next_token(&account, &tokens).await? {
                true => Ok(()),
                false => Err(sentences::login_ended(&self.account_id, refused)),
            };
        }
        let (true, Some(password)) = (refused.soft_logout, &self.password) else {
            return Err(sentences::session_ended(
                &self.account_id,
                &self.device_id,
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
        let token = Secret::new(answer.access_token);
        self.dir.save_session(&self.keys, &account, &token)?;
        self.rest.set_token(token);
        Ok(())
    }
}

/// Whose folder it is, and whether its crypto store can only be that device's. A damaged
/// `account.json` is written anew from what else tells it.
fn stored_account(
    config: &AccountConfig,
    dir: &Dir,
    device_keys: &mut DeviceKeys,
) -> Result<(Option<AccountFile>, bool)> {
    let error = match dir.account() {
        Err(error) if error.code == ErrorCode::StoreCorrupt => error,
        stored => return Ok((stored?, false)),
    };
    tracing::warn!(%error, "setting it aside and writing it anew");
    dir.set_account_aside()?;
    let ours = *device_keys == DeviceKeys::Whole;
    if let Some((user, device)) = dir.session_owner() {
        let account = AccountFile::new(config.homeserver.as_str(), &user, &device);
        return Ok((Some(account), ours));
    }
    if ours && matches!(config.auth, Auth::Password { .. }) {
        dir.set_stores_aside(sentences::OWNER_UNKNOWN)?;
        *device_keys = DeviceKeys::Absent;
        return Ok((None, false));
    }
    Ok((None, ours))
}

/// The user the configuration names, in full or by the localpart.
fn configured_user(auth: &Auth) -> Option<&str> {
    match auth {
        Auth::Password { user_id, .. } => Some(user_id),
        Auth::AccessToken { user_id, .. } | Auth::Stored { user_id, .. } => {
            user_id.as_ref().map(|id| id.as_str())
        }
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
