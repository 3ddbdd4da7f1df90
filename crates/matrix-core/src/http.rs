//! The one HTTP client: time-outs, proxy, roots, and the guard against private addresses (NET-1 … NET-6).
//!
//! The guard stands in three places, because none sees everything: [`check_url`]
//! (literals and telling names, for the configuration and for every redirect), the
//! resolver (the addresses that will be connected to, so that no name changes
//! between the check and the connection), and the redirect policy.

mod address;
mod redirect;
mod resolver;
#[cfg(test)]
mod tests;

use std::{fmt, sync::Arc, time::Duration};

use address::{HostKind, host_kind};
use matrix_sdk::reqwest;
use url::Url;

use crate::{
    config::NetworkConfig,
    error::{Error, ErrorCode, Result},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Silence on an open connection. Longer than the first sync may think (300 s and the
/// 30 s that the SDK adds): shorter bounds come with each request.
const READ_TIMEOUT: Duration = Duration::from_secs(360);

/// The guard's refusal; found again in the chain of causes of a failed request.
#[derive(Debug, Clone)]
pub(crate) struct Blocked(String);

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Blocked {}

impl Blocked {
    fn private(host: &str) -> Self {
        Self(format!(
            "{host} is a private address; set `network.dangerouslyAllowPrivateNetwork: true` \
             if the homeserver really is on this network"
        ))
    }

    fn never(host: &str) -> Self {
        Self(format!("{host} is not an address a homeserver can have"))
    }

    fn cleartext(host: &str) -> Self {
        Self(format!(
            "http:// to {host} would send the access token in clear over a public network; \
             use https:// in `homeserver`"
        ))
    }
}

/// Refuses a URL that may not be asked: private literals without opt-in, public cleartext always,
/// credentials, query or fragment in it.
///
/// # Errors
/// `config_invalid` for the shape, `address_blocked` for the address; both name the key.
pub(crate) fn check_url(url: &Url, network: &NetworkConfig) -> Result<()> {
    let invalid = |what: &str| {
        Err(Error::new(
            ErrorCode::ConfigInvalid,
            format!("`homeserver` {what}; give its base URL, like https://matrix.example.org"),
        ))
    };
    if !matches!(url.scheme(), "http" | "https") {
        return invalid("must begin with https:// (or http:// on a private network)");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return invalid("must not contain a user name or password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return invalid("must not contain a query or fragment");
    }
    check_host(url, network)
        .map_err(|blocked| Error::new(ErrorCode::AddressBlocked, blocked.to_string()))
}

/// The guard for what is fetched from elsewhere, without the token; redirects and names
/// are the client's to check. In clear only on private networks, where somebody opted in.
///
/// # Errors
/// `address_blocked`, naming the key.
pub(crate) fn check_fetch(url: &Url, network: &NetworkConfig) -> Result<()> {
    let blocked = |blocked: &Blocked| Error::new(ErrorCode::AddressBlocked, blocked.to_string());
    if url.scheme() != "https" && !network.allow_private {
        let host = url.host_str().unwrap_or_default();
        return Err(blocked(&Blocked(format!(
            "http:// to {host} could be changed by anybody on the way; use https://"
        ))));
    }
    check_host(url, network).map_err(|error| blocked(&error))
}

/// The guard for an endpoint that another server has named, and that secrets are sent to: in
/// clear it may only be on a private network by its very name, where somebody opted in.
///
/// # Errors
/// `address_blocked`, naming the key.
pub(crate) fn check_endpoint(url: &Url, network: &NetworkConfig) -> Result<()> {
    let private = url.host().map(|host| host_kind(&host)) == Some(HostKind::Private);
    let allowed = if url.scheme() == "https" || (url.scheme() == "http" && private) {
        check_host(url, network)
    } else {
        Err(Blocked::cleartext(url.host_str().unwrap_or_default()))
    };
    allowed.map_err(|blocked| Error::new(ErrorCode::AddressBlocked, blocked.to_string()))
}

/// What can be said of a URL before its name is resolved.
fn check_host(url: &Url, network: &NetworkConfig) -> Result<(), Blocked> {
    let name = url.host_str().unwrap_or_default();
    let cleartext = url.scheme() != "https";
    match url.host().map(|host| host_kind(&host)) {
        None | Some(HostKind::Never) => Err(Blocked::never(name)),
        Some(HostKind::Private) if !network.allow_private => Err(Blocked::private(name)),
        Some(HostKind::Private) => Ok(()),
        Some(HostKind::Public) if cleartext => Err(Blocked::cleartext(name)),
        Some(HostKind::Public) => Ok(()),
        // A cleartext name is only good if it turns out private, which takes the
        // opt-in anyway, and which nobody can tell when the proxy resolves it.
        Some(HostKind::Name)
            if cleartext && (!network.allow_private || network.proxy.is_some()) =>
        {
            Err(Blocked::cleartext(name))
        }
        Some(HostKind::Name) => Ok(()),
    }
}

/// The client everything of one account goes through. `homeserver` is its base URL,
/// already checked with [`check_url`].
///
/// # Errors
/// `config_invalid` for a proxy that cannot be used, `internal` if TLS cannot be set up.
pub(crate) fn client(network: &NetworkConfig, homeserver: &Url) -> Result<reqwest::Client> {
    let resolver = resolver::Guarded::new(network, homeserver);
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("matrix-core/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .read_timeout(READ_TIMEOUT)
        .tcp_keepalive(Duration::from_secs(60))
        .redirect(redirect::policy(network.clone(), homeserver.clone()))
        .dns_resolver(Arc::new(resolver))
        .tls_certs_merge(bundled_roots()?)
        .tls_certs_merge(extra_roots(network));
    builder = match &network.proxy {
        Some(url) => builder.proxy(proxy(url)?),
        None => builder.no_proxy(),
    };
    builder.build().map_err(|error| {
        Error::internal(format!(
            "the HTTP client cannot be set up: {}",
            error.without_url()
        ))
    })
}

fn proxy(url: &Url) -> Result<reqwest::Proxy> {
    let invalid = || {
        Error::new(
            ErrorCode::ConfigInvalid,
            "`proxy` must be an http://, https:// or socks5:// URL with a host",
        )
    };
    if url.host().is_none() {
        return Err(invalid());
    }
    let address = match url.scheme() {
        "http" | "https" | "socks5h" => url.to_string(),
        // Names are the proxy's to resolve, as with the other two kinds.
        "socks5" => url.as_str().replacen("socks5:", "socks5h:", 1),
        _ => return Err(invalid()),
    };
    reqwest::Proxy::all(address).map_err(|_| invalid())
}

/// Mozilla's roots, for images without a CA bundle; the system's are merged by reqwest.
fn bundled_roots() -> Result<Vec<reqwest::Certificate>> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|der| {
            reqwest::Certificate::from_der(der)
                .map_err(|e| Error::internal(format!("a bundled root certificate is broken: {e}")))
        })
        .collect()
}

/// Like Node itself, a file that cannot be read costs a warning, not the account.
fn extra_roots(network: &NetworkConfig) -> Vec<reqwest::Certificate> {
    let Some(path) = &network.extra_ca_certs else {
        return Vec::new();
    };
    let read = std::fs::read(path)
        .map_err(|e| e.to_string())
        .and_then(|pem| {
            reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| "not a PEM bundle".to_owned())
        });
    match read {
        Ok(certificates) if !certificates.is_empty() => certificates,
        Ok(_) => {
            tracing::warn!(path = %path.display(), "NODE_EXTRA_CA_CERTS names a file without certificates");
            Vec::new()
        }
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "NODE_EXTRA_CA_CERTS cannot be used");
            Vec::new()
        }
    }
}
