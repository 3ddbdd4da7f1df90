//! What an account and a probe are opened with. Secrets become the core's
//! [`Secret`] as soon as they have crossed.

use std::{path::PathBuf, str::FromStr, time::Duration};

use matrix_core::{self as core, Error, ErrorCode, Result, Secret};
use napi_derive::napi;
use url::Url;

use crate::{account::Identity, mirror::Cross, trust::KeyRecipients};

/// How the account proves who it is.
#[napi(
    discriminant = "type",
    discriminant_case = "camelCase",
    object_to_js = false
)]
#[allow(missing_docs)]
pub enum AccountAuth {
    AccessToken {
        access_token: String,
        user_id: Option<String>,
        device_id: Option<String>,
    },
    Password {
        user_id: String,
        password: String,
        device_id: Option<String>,
    },
    Stored {
        user_id: Option<String>,
        device_id: Option<String>,
    },
}

/// What the network guard lets through.
#[napi(object, object_to_js = false)]
pub struct NetworkOptions {
    /// Permit private, loopback, link-local, CGNAT and single-label homeservers.
    pub allow_private_network: bool,
    /// `http:`, `https:` or `socks5:` URL.
    pub proxy: Option<String>,
    /// Path of a PEM file with further roots.
    pub extra_ca_certs: Option<String>,
}

/// Bounds of the gap filler.
#[napi(object, object_to_js = false)]
pub struct CatchUp {
    /// Older events are skipped.
    pub max_hours: f64,
    /// Events a room and gap.
    pub max_events: u32,
}

/// Everything an account needs to open; documented at `OpenAccountOptions` in account.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct OpenAccountOptions {
    pub account_id: String,
    pub state_dir: String,
    pub homeserver: String,
    pub auth: AccountAuth,
    pub device_name: String,
    pub encryption: bool,
    pub network: NetworkOptions,
    pub store_passphrase: Option<String>,
    pub initial_sync_limit: Option<u32>,
    pub undecryptable_retry_hours: f64,
    pub catch_up: CatchUp,
    pub edits: bool,
    pub share_history_on_invite: bool,
    pub key_recipients: KeyRecipients,
    pub presence: Presence,
}

/// What others see of an account while it syncs.
#[napi(string_enum = "lowercase")]
pub enum Presence {
    /// Nothing.
    Off,
    /// There.
    Online,
    /// There, and idle.
    Unavailable,
}

impl From<Presence> for core::Presence {
    fn from(presence: Presence) -> Self {
        match presence {
            Presence::Off => Self::Off,
            Presence::Online => Self::Online,
            Presence::Unavailable => Self::Unavailable,
        }
    }
}

/// How to get a new device.
#[napi(object, object_to_js = false)]
pub struct Renewal {
    /// Logs in; else the configured password does.
    pub password: Option<String>,
    /// Also if the present device works.
    pub force: bool,
}

/// The account has another device now.
#[napi(object, object_from_js = false)]
pub struct Renewed {
    /// Who the account is from now on.
    pub identity: Identity,
    /// The device it had, or was configured to use.
    pub former_device: Option<String>,
    /// The former device was this account's own, not another client's.
    pub former_was_own: bool,
    /// Where the former device's encryption store is now.
    pub set_aside: Option<String>,
    /// The configured access token is not used any more.
    pub token_retired: bool,
}

impl Renewal {
    /// As the core takes it.
    pub(crate) fn into_core(self) -> core::Renewal {
        let Self { password, force } = self;
        core::Renewal {
            password: password.map(Secret::new),
            force,
        }
    }
}

impl Cross for core::Renewed {
    type Js = Renewed;
    fn cross(self) -> Renewed {
        let Self {
            identity,
            former_device,
            former_was_own,
            set_aside,
            token_retired,
        } = self;
        Renewed {
            identity: identity.cross(),
            former_device,
            former_was_own,
            set_aside: set_aside.map(|path| path.display().to_string()),
            token_retired,
        }
    }
}

/// What to ask a homeserver.
#[napi(object, object_to_js = false)]
pub struct ProbeOptions {
    /// Base URL.
    pub homeserver: String,
    /// The guard.
    pub network: NetworkOptions,
    /// Left out, only the versions are asked for.
    pub access_token: Option<String>,
    /// For everything together; 10 s if left out.
    pub timeout_ms: Option<u32>,
}

/// What it answered.
#[napi(object, object_from_js = false)]
pub struct ProbeResult {
    /// `/versions`.
    pub versions: Vec<String>,
    /// Unstable features that are switched on.
    pub features: Vec<String>,
    /// It logs in by OAuth.
    pub oauth: bool,
    /// `/account/whoami`.
    pub user_id: Option<String>,
    /// `/account/whoami`.
    pub device_id: Option<String>,
    /// Milliseconds.
    pub elapsed_ms: i64,
}

impl OpenAccountOptions {
    /// As the core takes it; `config_invalid` names the key that cannot be used.
    pub(crate) fn into_config(self) -> Result<core::AccountConfig> {
        let Self {
            account_id,
            state_dir,
            homeserver,
            auth,
            device_name,
            encryption,
            network,
            store_passphrase,
            initial_sync_limit,
            undecryptable_retry_hours,
            catch_up,
            edits,
            share_history_on_invite,
            key_recipients,
            presence,
        } = self;
        // First, so that no early return leaves a secret in an ordinary string.
        let store_passphrase = store_passphrase.map(Secret::new);
        let auth = auth.into_core();
        let mut network = network.into_core()?;
        Ok(core::AccountConfig {
            account_id,
            state_dir: PathBuf::from(state_dir),
            homeserver: base_url(&homeserver, &mut network)?,
            auth: auth?,
            device_name,
            encryption,
            network,
            store_passphrase,
            initial_sync_limit,
            undecryptable_retry: hours("undecryptableRetryHours", undecryptable_retry_hours)?,
            catch_up: core::CatchUp {
                max_age: hours("catchUp.maxHours", catch_up.max_hours)?,
                max_events: catch_up.max_events,
            },
            edits,
            share_history_on_invite,
            key_recipients: key_recipients.into(),
            presence: presence.into(),
        })
    }
}

impl AccountAuth {
    fn into_core(self) -> Result<core::Auth> {
        Ok(match self {
            Self::AccessToken {
                access_token,
                user_id,
                device_id,
            } => core::Auth::AccessToken {
                token: Secret::new(access_token),
                user_id: user_id.map(|id| parsed("userId", &id)).transpose()?,
                device_id: device_id.map(Into::into),
            },
            Self::Password {
                user_id,
                password,
                device_id,
            } => core::Auth::Password {
                user_id,
                password: Secret::new(password),
                device_id: device_id.map(Into::into),
            },
            Self::Stored { user_id, device_id } => core::Auth::Stored {
                user_id: user_id.map(|id| parsed("userId", &id)).transpose()?,
                device_id: device_id.map(Into::into),
            },
        })
    }
}

impl NetworkOptions {
    pub(crate) fn into_core(self) -> Result<core::NetworkConfig> {
        let Self {
            allow_private_network,
            proxy,
            extra_ca_certs,
        } = self;
        Ok(core::NetworkConfig {
            allow_private: allow_private_network,
            // A proxy URL may hold a password: it is not repeated in the error.
            proxy: proxy
                .map(|url| {
                    Url::parse(&url).map_err(|error| {
                        invalid(format!("channels.matrix.proxy is not a URL ({error})"))
                    })
                })
                .transpose()?,
            extra_ca_certs: extra_ca_certs.map(PathBuf::from),
            // Told by the homeserver's spelling.
            discover: false,
        })
    }
}

impl ProbeOptions {
    /// As the core takes it.
    pub(crate) fn into_core(self) -> Result<core::ProbeOptions> {
        let Self {
            homeserver,
            network,
            access_token,
            timeout_ms,
        } = self;
        let access_token = access_token.map(Secret::new);
        let mut network = network.into_core()?;
        Ok(core::ProbeOptions {
            homeserver: base_url(&homeserver, &mut network)?,
            network,
            access_token,
            timeout: Duration::from_millis(timeout_ms.unwrap_or(10_000).into()),
        })
    }
}

impl Cross for core::ProbeResult {
    type Js = ProbeResult;
    fn cross(self) -> ProbeResult {
        let Self {
            versions,
            features,
            oauth,
            user_id,
            device_id,
            elapsed,
        } = self;
        ProbeResult {
            versions,
            features,
            oauth,
            user_id,
            device_id,
            elapsed_ms: u64::try_from(elapsed.as_millis())
                .unwrap_or(u64::MAX)
                .cross(),
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::ConfigInvalid, message)
}

/// The homeserver's URL; of one that is named by its server name alone the server's, with
/// the word that the URL is still to be found.
pub(crate) fn base_url(text: &str, network: &mut core::NetworkConfig) -> Result<Url> {
    network.discover = !text.contains("://");
    let url = if network.discover {
        Url::parse(&format!("https://{text}"))
    } else {
        Url::parse(text)
    };
    url.map_err(|error| {
        invalid(format!(
            "channels.matrix.homeserver is not a URL ({error}); write it like https://matrix.example.org"
        ))
    })
}

/// An identifier of Matrix under the configuration key it came from.
fn parsed<T: FromStr<Err: std::fmt::Display>>(key: &str, text: &str) -> Result<T> {
    text.parse().map_err(|error| {
        invalid(format!(
            "channels.matrix.{key} cannot be used ({error}); write it like @bot:example.org"
        ))
    })
}

fn hours(key: &str, hours: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(hours * 3600.0)
        .map_err(|_| invalid(format!("channels.matrix.{key} must be a number of hours")))
}
