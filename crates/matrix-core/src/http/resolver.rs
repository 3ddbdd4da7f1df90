//! The resolver of the guarded client: hands out only addresses that may be
//! connected to, so that what was checked is what is connected to.

use std::net::SocketAddr;

use matrix_sdk::reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::{
    Blocked,
    address::{HostKind, ip_kind, name_kind},
};
use crate::config::NetworkConfig;

#[derive(Debug, Clone)]
pub(super) struct Guarded {
    allow_private: bool,
    /// The homeserver's name, if it is spoken to in clear: then only private addresses will do.
    cleartext: Option<String>,
    /// The configured proxy is the person's own choice, wherever it stands.
    proxy: Option<String>,
}

impl Guarded {
    pub(super) fn new(network: &NetworkConfig, homeserver: &Url) -> Self {
        let name = |url: &Url| url.domain().map(normal);
        Self {
            allow_private: network.allow_private,
            cleartext: (homeserver.scheme() != "https")
                .then(|| name(homeserver))
                .flatten(),
            // socks5 is no special scheme to the URL parser, its host is opaque to `domain`.
            proxy: network
                .proxy
                .as_ref()
                .and_then(|url| url.host_str())
                .map(normal),
        }
    }

    /// The addresses of `name` that may be connected to.
    pub(super) fn permit(
        &self,
        name: &str,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Blocked> {
        if self.proxy.as_deref() == Some(&*normal(name)) {
            return Ok(addresses.collect());
        }
        if name_kind(name) == HostKind::Private && !self.allow_private {
            return Err(Blocked::private(name));
        }
        let cleartext = self.cleartext.as_deref() == Some(&*normal(name));
        let mut refused = None;
        let permitted: Vec<_> = addresses
            .filter(|address| {
                let why = match ip_kind(address.ip()) {
                    HostKind::Private if self.allow_private => return true,
                    HostKind::Public if !cleartext => return true,
                    HostKind::Private => Blocked::private(&format!("{name} ({})", address.ip())),
                    HostKind::Public => Blocked::cleartext(&format!("{name} ({})", address.ip())),
                    HostKind::Never | HostKind::Name => {
                        Blocked::never(&format!("{name} ({})", address.ip()))
                    }
                };
                refused = Some(why);
                false
            })
            .collect();
        match refused {
            Some(why) if permitted.is_empty() => Err(why),
            _ => Ok(permitted),
        }
    }
}

fn normal(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted = guard.permit(name.as_str(), found)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}
