//! A device of our own in place of one that cannot be used: deleted on the homeserver,
//! another client's (AUT-11), or with keys that are lost. Only ever because a person
//! asked for it (AUT-8).
//!
//! The order makes every interruption harmless: the login first, since it may be refused;
//! then the former device's stores are put away; then the folder is given to the new
//! device. What is left by a crash in between is a folder without stores, which asks for
//! the same command again.

use std::{path::PathBuf, sync::Arc};

use ruma::{
    OwnedDeviceId, OwnedUserId,
    api::client::{account::whoami, session::logout},
};

use super::{TIMEOUT, blocking, login, parse_user, sentences, way};
use crate::{
    account::{Identity, repair_inbox},
    config::{AccountConfig, Auth, Secret},
    dir::{AccountFile, CryptoStore, Dir, StoreKeys},
    discovery,
    error::{ErrorCode, Result},
    http,
    rest::Rest,
};

/// See [`Dir::set_everything_aside`].
const KEY_LOST: &str = "nothing in the folder could be read without the right store.key: \
    everything was set aside when the account got a new device. Messages that were not answered \
    yet are lost";

/// How to get the new device.
#[derive(Debug, Clone, Default)]
pub struct Renewal {
    /// Logs in; else the configured password does, or the device of a configured token
    /// that nobody encrypts with is taken.
    pub password: Option<Secret>,
    /// Also if the present device works.
    pub force: bool,
}

/// The account has another device now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// Who the account is from now on.
    pub identity: Identity,
    /// The device it had, or was configured to use.
    pub former_device: Option<String>,
    /// The former device was this account's own, not another client's.
    pub former_was_own: bool,
    /// Where the former device's encryption store is now.
    pub set_aside: Option<PathBuf>,
    /// The configured access token is not used any more.
    pub token_retired: bool,
}

/// Gives the account a new device. Takes the account's lock for as long as it runs, and
/// does not sync. Recovery key and queues stay.
///
/// # Errors
/// `store_locked` while the account is open somewhere; `config_invalid` if the present
/// device works and `force` is not set; `auth_failed` if no way to log in is given, or
/// the homeserver refuses it; `account_mismatch`; `network` and `timeout` before anything
/// was changed.
pub async fn renew_device(mut config: AccountConfig, renewal: Renewal) -> Result<Renewed> {
    config.homeserver =
        discovery::base_url(&config.homeserver, &config.network, Some(&config.state_dir)).await?;
    http::check_url(&config.homeserver, &config.network)?;
    let http = http::client(&config.network, &config.homeserver)?;
    let dir = {
        let path = config.state_dir.clone();
        Arc::new(blocking(move || Dir::open(&path)).await?)
    };
    let rest = Rest::new(http, config.homeserver.clone(), None);
    let renewed = Box::pin(renew_in(&config, &renewal, &dir, &rest)).await;
    dir.release();
    renewed
}

async fn renew_in(
    config: &AccountConfig,
    renewal: &Renewal,
    dir: &Arc<Dir>,
    rest: &Rest,
) -> Result<Renewed> {
    let load = || {
        let (config, dir) = (config.clone(), Arc::clone(dir));
        blocking(move || dir.keys(config.store_passphrase.as_ref(), &config.account_id))
    };
    let keys = match load().await {
        Err(error) if error.code == ErrorCode::StoreCorrupt => None,
        keys => Some(keys?),
    };
    let former = Former::find(config, dir, keys.as_ref(), rest).await?;
    let store = {
        let dir = Arc::clone(dir);
        blocking(move || dir.crypto_store()).await?
    };
    if !renewal.force && former.works(&store) {
        let device = former.device().unwrap_or_default();
        return Err(sentences::nothing_to_renew(&config.account_id, device));
    }
    let next = former.next(config, renewal, rest).await?;
    let (keys, set_aside) = match keys {
        Some(keys) => (keys, put_away(dir, store).await?),
        None => {
            let dir = Arc::clone(dir);
            blocking(move || dir.set_everything_aside(KEY_LOST).map(drop)).await?;
            (load().await?, None)
        }
    };
    let mut account = AccountFile::new(
        config.homeserver.as_str(),
        next.user_id.as_str(),
        next.device_id.as_str(),
    );
    // The configuration may go on naming what it named.
    account.instead_of = configured_device(config)
        .map(ToString::to_string)
        .or_else(|| former.device());
    let mut token_retired = false;
    if let (Auth::AccessToken { token, .. }, Some(_)) = (&config.auth, &next.token) {
        account.retire(&keys, token);
        token_retired = true;
    }
    if former.stored.as_ref().is_some_and(|it| it.foreign_device) {
        // The other engine's position says nothing to this one.
        let (inbox, _) = repair_inbox(dir, &keys).await?;
        inbox.forget_token().await?;
        inbox.release().await;
    }
    {
        let (dir, account, token) = (Arc::clone(dir), account.clone(), next.token);
        blocking(move || {
            dir.save_account(&account)?;
            token.map_or(Ok(()), |token| dir.save_session(&keys, &account, &token))
        })
        .await?;
    }
    former.log_out(rest).await;
    tracing::warn!(
        user = %next.user_id, device = %next.device_id, former = ?former.device(),
        "the account has a new device"
    );
    Ok(Renewed {
        identity: Identity {
            user_id: account.user_id,
            device_id: account.device_id,
            homeserver: account.homeserver,
        },
        former_was_own: former.stored.as_ref().is_some_and(|it| !it.foreign_device),
        former_device: former.device(),
        set_aside,
        token_retired,
    })
}

/// What is there before the renewal.
struct Former {
    stored: Option<AccountFile>,
    /// The token of the stored session, if it is the one in use, and whether it works.
    session: Option<(Secret, bool)>,
    /// Whose the configured token is, if it works and is in use.
    token: Option<(OwnedUserId, OwnedDeviceId)>,
}

/// The device to come.
struct Next {
    user_id: OwnedUserId,
    device_id: OwnedDeviceId,
    /// Of a login of ours; otherwise the configured one is its token.
    token: Option<Secret>,
}

impl Former {
    async fn find(
        config: &AccountConfig,
        dir: &Dir,
        keys: Option<&StoreKeys>,
        rest: &Rest,
    ) -> Result<Self> {
        let stored = match dir.account() {
            Err(error) if error.code == ErrorCode::StoreCorrupt => {
                tracing::warn!(%error, "setting it aside and writing it anew");
                dir.set_account_aside()?;
                dir.session_owner().map(|(user, device)| {
                    AccountFile::new(config.homeserver.as_str(), &user, &device)
                })
            }
            stored => stored?,
        };
        let configured = match &config.auth {
            Auth::AccessToken { token, .. } => Some(token),
            Auth::Password { .. } | Auth::Stored { .. } => None,
        }
        .filter(|token| {
            let stored = stored.as_ref().zip(keys);
            !stored.is_some_and(|(stored, keys)| stored.has_retired(keys, token))
        });
        let mut former = Self {
            session: None,
            token: None,
            stored,
        };
        if let Some(token) = configured {
            former.token = whose(rest, token).await?;
        } else if let Some((stored, keys)) = former.stored.as_ref().zip(keys) {
            // One that cannot be read is as good as none.
            if let Ok(Some(token)) = dir.session_token(keys, stored) {
                let works = whose(rest, &token).await?.is_some();
                former.session = Some((token, works));
            }
        }
        former.check_user(config, dir)?;
        Ok(former)
    }

    /// Everything that tells a user tells the same one.
    fn check_user(&self, config: &AccountConfig, dir: &Dir) -> Result<()> {
        let Some(stored) = &self.stored else {
            return Ok(());
        };
        let own = parse_user(&stored.user_id)?;
        let wanted = match &config.auth {
            Auth::Password { user_id, .. } => Some(user_id.clone()),
            Auth::AccessToken { user_id, .. } | Auth::Stored { user_id, .. } => {
                user_id.as_ref().map(ToString::to_string)
            }
        };
        let token = self.token.as_ref().map(|(user, _)| user.to_string());
        for other in wanted.into_iter().chain(token) {
            if other != own.as_str() && other != own.localpart() {
                return Err(sentences::folder_of_other_user(
                    dir.path(),
                    &stored.user_id,
                    other,
                ));
            }
        }
        Ok(())
    }

    fn device(&self) -> Option<String> {
        match (&self.stored, &self.token) {
            (Some(stored), _) => Some(stored.device_id.clone()),
            (None, Some((_, device))) => Some(device.to_string()),
            (None, None) => None,
        }
    }

    /// The folder's device is ours, whole, and the homeserver takes its token.
    fn works(&self, store: &CryptoStore) -> bool {
        let Some(stored) = &self.stored else {
            return false;
        };
        let accepted = match (&self.session, &self.token) {
            (Some((_, works)), _) => *works,
            (None, Some((_, device))) => *device == stored.device_id.as_str(),
            (None, None) => false,
        };
        let whole = stored.own_keys && matches!(store, CryptoStore::Whole);
        accepted && whole && !stored.foreign_device
    }

    /// Gets the new device.
    async fn next(&self, config: &AccountConfig, renewal: &Renewal, rest: &Rest) -> Result<Next> {
        let (user_id, password) = match (&config.auth, &renewal.password) {
            (Auth::Password { user_id, .. }, Some(given)) => (user_id.clone(), given),
            (
                Auth::Password {
                    user_id, password, ..
                },
                None,
            ) => (user_id.clone(), password),
            (_, Some(given)) => (self.user(config)?.to_string(), given),
            (_, None) => return self.take_token(config, rest).await,
        };
        // Without a token: it would be another login's.
        let fresh = Rest::new(rest.http.clone(), rest.homeserver.clone(), None);
        let answer = login::password(&fresh, &user_id, password, None, &config.device_name)
            .await
            .map_err(|error| match error.status {
                Some(400 | 404 | 405) => sentences::no_password_login(&config.account_id),
                _ => error,
            })?;
        let known = self.stored.as_ref().map(|it| it.user_id.as_str());
        if let Some(known) = known.filter(|known| answer.user_id != *known) {
            return Err(sentences::other_user(
                "the login",
                &answer.user_id,
                "the account's folder",
                known,
            ));
        }
        Ok(Next {
            user_id: answer.user_id,
            device_id: answer.device_id,
            token: Some(Secret::new(answer.access_token)),
        })
    }

    fn user(&self, config: &AccountConfig) -> Result<OwnedUserId> {
        let configured = match &config.auth {
            Auth::AccessToken { user_id, .. } | Auth::Stored { user_id, .. } => user_id.clone(),
            Auth::Password { .. } => None,
        };
        let stored = self.stored.as_ref().map(|it| parse_user(&it.user_id));
        configured
            .map(Ok)
            .or(stored)
            .or_else(|| self.token.as_ref().map(|(user, _)| Ok(user.clone())))
            .unwrap_or_else(|| Err(sentences::renewal_without_user(&config.account_id)))
    }

    /// The configured token's device, if it is another one and nobody encrypts with it.
    async fn take_token(&self, config: &AccountConfig, rest: &Rest) -> Result<Next> {
        let Some((user_id, device_id)) = &self.token else {
            return Err(sentences::renewal_needs_password(&config.account_id));
        };
        let stored = self.stored.as_ref().filter(|it| !it.foreign_device);
        let other = stored.is_none_or(|it| it.device_id != device_id.as_str());
        if !other || way::has_keys(rest, user_id, device_id).await? {
            return Err(sentences::renewal_needs_password(&config.account_id));
        }
        if stored.is_none() {
            return Err(sentences::token_is_free(&config.account_id, device_id));
        }
        Ok(Next {
            user_id: user_id.clone(),
            device_id: device_id.clone(),
            token: None,
        })
    }

    /// Logs a working former login of ours out, so that nobody encrypts for it any more.
    /// A configured token may be another client's: it is left alone.
    async fn log_out(&self, rest: &Rest) {
        let Some((token, true)) = &self.session else {
            return;
        };
        rest.set_token(token.clone());
        if let Err(error) = rest.send(logout::v3::Request::new(), TIMEOUT).await {
            tracing::warn!(%error, "the former device is still on the homeserver");
        }
    }
}

/// Whose the token is; `None` if the homeserver does not take it.
async fn whose(rest: &Rest, token: &Secret) -> Result<Option<(OwnedUserId, OwnedDeviceId)>> {
    rest.set_token(token.clone());
    match rest.send(whoami::v3::Request::new(), TIMEOUT).await {
        Ok(who) => Ok(who.device_id.map(|device| (who.user_id, device))),
        Err(error) if error.code == ErrorCode::AuthExpired => Ok(None),
        Err(error) => Err(error),
    }
}

fn configured_device(config: &AccountConfig) -> Option<&OwnedDeviceId> {
    match &config.auth {
        Auth::AccessToken { device_id, .. }
        | Auth::Password { device_id, .. }
        | Auth::Stored { device_id, .. } => device_id.as_ref(),
    }
}

async fn put_away(dir: &Arc<Dir>, store: CryptoStore) -> Result<Option<PathBuf>> {
    let dir = Arc::clone(dir);
    blocking(move || match store {
        // What came back with it was finished since.
        CryptoStore::RolledBack => dir
            .set_rolled_back_aside(
                "the encryption store was an older copy of itself; it was set aside with the \
                 queues when the account got a new device. What was said since the copy was made \
                 and not answered is not answered",
            )
            .map(|_| None),
        _ => dir.put_stores_away(),
    })
    .await
}
