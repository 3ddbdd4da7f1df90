//! Logging an account out for good (HST-6): the homeserver forgets the device, the folder the
//! session. The queues stay, and the device's encryption store is put away.

use std::{path::PathBuf, sync::Arc};

use ruma::api::client::session::logout;

use super::{TIMEOUT, blocking, oauth::Server};
use crate::{
    config::{AccountConfig, Auth, Secret},
    dir::Dir,
    discovery,
    error::{ErrorCode, Result},
    http,
    rest::Rest,
};

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// The homeserver knows, or knew already, that the session is over.
    pub revoked: bool,
    /// A session stood in the folder.
    pub had_session: bool,
    /// Where the device's encryption store is now.
    pub put_away: Option<PathBuf>,
    /// The configured access token is another client's device, and was left alone.
    pub foreign_device: bool,
}

/// Logs the account out. Takes the account's lock for as long as it runs.
///
/// # Errors
/// `store_locked` while the account is open somewhere; `network` and `timeout` while the
/// homeserver cannot be told, and then nothing is changed.
pub async fn log_out(mut config: AccountConfig) -> Result<LoggedOut> {
    config.homeserver =
        discovery::base_url(&config.homeserver, &config.network, Some(&config.state_dir)).await?;
    http::check_url(&config.homeserver, &config.network)?;
    let http = http::client(&config.network, &config.homeserver)?;
    let path = config.state_dir.clone();
    let dir = Arc::new(blocking(move || Dir::open(&path)).await?);
    let rest = Rest::new(http, config.homeserver.clone(), None);
    let done = Box::pin(log_out_in(&config, &dir, &rest)).await;
    dir.release();
    done
}

async fn log_out_in(config: &AccountConfig, dir: &Arc<Dir>, rest: &Rest) -> Result<LoggedOut> {
    let (stored, token, tokens) = {
        let (config, dir) = (config.clone(), Arc::clone(dir));
        blocking(move || {
            let keys = dir.keys(config.store_passphrase.as_ref(), &config.account_id)?;
            let Some(stored) = dir.account()? else {
                return Ok((None, None, None));
            };
            let token = dir.session_token(&keys, &stored)?;
            let tokens = dir.oauth_tokens(&keys, &stored)?;
            Ok((Some(stored), token, tokens))
        })
        .await?
    };
    let foreign_device = stored.as_ref().is_some_and(|it| it.foreign_device);
    let had_session = token.is_some();
    let configured = match &config.auth {
        Auth::AccessToken { token, .. } if !foreign_device => Some(token.clone()),
        _ => None,
    };
    let revoked = match (&tokens, token.or(configured)) {
        (Some(tokens), _)
            if Server::new(&rest.http, &config.network)
                .revoke(tokens)
                .await? =>
        {
            true
        }
        (_, Some(token)) => end_session(rest, token).await?,
        (_, None) => false,
    };
    let dir = Arc::clone(dir);
    let put_away = blocking(move || {
        dir.forget_login()?;
        if foreign_device {
            return Ok(None);
        }
        dir.put_stores_away()
    })
    .await?;
    Ok(LoggedOut {
        revoked,
        had_session,
        put_away,
        foreign_device,
    })
}

async fn end_session(rest: &Rest, token: Secret) -> Result<bool> {
    rest.set_token(token);
    match rest.send(logout::v3::Request::new(), TIMEOUT).await {
        Ok(_) => Ok(true),
        // It was over before.
        Err(error) if error.code == ErrorCode::AuthExpired => Ok(true),
        Err(error) => Err(error),
    }
}
