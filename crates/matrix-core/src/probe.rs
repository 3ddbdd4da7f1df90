//! Is the homeserver there, and whose is this token? Opens no store.

use std::time::{Duration, Instant};

use ruma::api::client::{
    account::whoami,
    discovery::{get_authorization_server_metadata, get_supported_versions},
};
use url::Url;

use crate::{
    config::{NetworkConfig, Secret},
    discovery,
    error::{Error, ErrorCode, Result},
    http,
    rest::Rest,
};

/// What to ask.
#[derive(Debug, Clone)]
pub struct ProbeOptions {
    /// Base URL.
    pub homeserver: Url,
    /// The guard.
    pub network: NetworkConfig,
    /// Left out, only the versions are asked for.
    pub access_token: Option<Secret>,
    /// For everything together.
    pub timeout: Duration,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct ProbeResult {
    /// `/versions`.
    pub versions: Vec<String>,
    /// Unstable features of `/versions` that are switched on, sorted.
    pub features: Vec<String>,
    /// It logs in by OAuth (MSC2965), which its `auth_metadata` says.
    pub oauth: bool,
    /// `/account/whoami`.
    pub user_id: Option<String>,
    /// `/account/whoami`.
    pub device_id: Option<String>,
    /// How long it took.
    pub elapsed: Duration,
}

/// `/versions`, and `/account/whoami` with a token.
///
/// # Errors
/// `config_invalid` and `address_blocked` before anything is sent; `timeout` once
/// `timeout` is over; otherwise what the homeserver answered.
pub async fn probe(options: ProbeOptions) -> Result<ProbeResult> {
    let begun = Instant::now();
    let homeserver = discovery::base_url(&options.homeserver, &options.network, None).await?;
    http::check_url(&homeserver, &options.network)?;
    let client = http::client(&options.network, &homeserver)?;
    let with_token = options.access_token.is_some();
    let timeout = options.timeout;
    let rest = Rest::new(client, homeserver, options.access_token);
    let asked = async {
        let versions = rest
            .send(get_supported_versions::Request::new(), timeout)
            .await?;
        let metadata = get_authorization_server_metadata::v1::Request::new();
        // A homeserver without OAuth has no such thing, and the rest is still worth telling.
        let oauth = rest.send(metadata, timeout).await.is_ok();
        let who = if with_token {
            Some(rest.send(whoami::v3::Request::new(), timeout).await?)
        } else {
            None
        };
        Ok::<_, Error>((versions, oauth, who))
    };
    let (versions, oauth, who) = tokio::time::timeout(timeout, asked).await.map_err(|_| {
        Error::new(
            ErrorCode::Timeout,
            format!(
                "the homeserver did not answer within {} s",
                timeout.as_secs_f32()
            ),
        )
    })??;
    let features = versions.unstable_features.into_iter();
    Ok(ProbeResult {
        versions: versions.versions,
        features: features
            .filter_map(|(name, on)| on.then_some(name))
            .collect(),
        oauth,
        user_id: who.as_ref().map(|who| who.user_id.to_string()),
        device_id: who.and_then(|who| who.device_id.map(|id| id.to_string())),
        elapsed: begun.elapsed(),
    })
}
