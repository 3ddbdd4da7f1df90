//! Is the homeserver there, and whose is this token? Opens no store.

use std::time::{Duration, Instant};

use ruma::api::client::{account::whoami, discovery::get_supported_versions};
use url::Url;

use crate::{
    config::{NetworkConfig, Secret},
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
    http::check_url(&options.homeserver, &options.network)?;
    let client = http::client(&options.network, &options.homeserver)?;
    let with_token = options.access_token.is_some();
    let timeout = options.timeout;
    let rest = Rest::new(client, options.homeserver, options.access_token);
    let asked = async {
        let versions = rest
            .send(get_supported_versions::Request::new(), timeout)
            .await?;
        let who = if with_token {
            Some(rest.send(whoami::v3::Request::new(), timeout).await?)
        } else {
            None
        };
        Ok::<_, Error>((versions, who))
    };
    let (versions, who) = tokio::time::timeout(timeout, asked).await.map_err(|_| {
        Error::new(
            ErrorCode::Timeout,
            format!(
                "the homeserver did not answer within {} s",
                timeout.as_secs_f32()
            ),
        )
    })??;
    Ok(ProbeResult {
        versions: versions.versions,
        user_id: who.as_ref().map(|who| who.user_id.to_string()),
        device_id: who.and_then(|who| who.device_id.map(|id| id.to_string())),
        elapsed: begun.elapsed(),
    })
}
