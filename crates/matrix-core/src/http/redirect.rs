//! Which redirects are followed.

use matrix_sdk::reqwest::redirect::{Attempt, Policy};
use url::Url;

use super::{
    Blocked,
    address::{HostKind, host_kind},
    check_host,
};
use crate::config::NetworkConfig;

const MAX_HOPS: usize = 5;

/// Every hop is checked like the homeserver's own URL. reqwest drops the
/// authorization header when the origin changes; a body (a password, an event) cannot
/// be dropped, so redirects that repeat it stay within the origin.
pub(super) fn policy(network: NetworkConfig, homeserver: Url) -> Policy {
    Policy::custom(move |attempt: Attempt<'_>| {
        let Some(previous) = attempt.previous().last() else {
            return attempt.follow();
        };
        if attempt.previous().len() > MAX_HOPS {
            return attempt.error("too many redirects");
        }
        let repeats_body = matches!(attempt.status().as_u16(), 307 | 308);
        match check_hop(previous, attempt.url(), repeats_body, &homeserver, &network) {
            Ok(()) => attempt.follow(),
            Err(blocked) => attempt.error(blocked),
        }
    })
}

/// Whether `from` may send us to `to`.
pub(super) fn check_hop(
    from: &Url,
    to: &Url,
    repeats_body: bool,
    homeserver: &Url,
    network: &NetworkConfig,
) -> Result<(), Blocked> {
    check_host(to, network)?;
    let same_origin = from.origin() == to.origin();
    if to.scheme() != "https" && !same_origin {
        // The resolver vouches for cleartext names only if they are the homeserver's own.
        let private_literal = to.domain().is_none()
            && to
                .host()
                .is_some_and(|host| host_kind(&host) == HostKind::Private);
        let own_name = homeserver.scheme() == "http" && to.host() == homeserver.host();
        if from.scheme() == "https" || !(private_literal || own_name) {
            return Err(Blocked::cleartext(to.host_str().unwrap_or_default()));
        }
    }
    if repeats_body && !same_origin {
        return Err(Blocked(format!(
            "{} redirects to {}; set `homeserver` to the address it moved to",
            from.origin().ascii_serialization(),
            to.origin().ascii_serialization(),
        )));
    }
    Ok(())
}
