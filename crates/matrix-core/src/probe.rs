//! Is the homeserver there, and whose is this token? Opens no store.

use std::time::Duration;

use url::Url;

use crate::{
    config::{NetworkConfig, Secret},
    error::Result,
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
pub async fn probe(_options: ProbeOptions) -> Result<ProbeResult> {
    todo!()
}
