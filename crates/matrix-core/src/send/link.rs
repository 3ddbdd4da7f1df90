//! Addresses in what we send.

use crate::event::escape_attribute;

/// Schemes that do nothing but lead somewhere.
pub(super) fn is_safe_link(url: &str) -> bool {
    ["https://", "http://", "mailto:", "matrix:"]
        .iter()
        .any(|scheme| {
            url.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
}

/// An address as the value of an attribute.
pub(super) fn escape_url(url: &str, out: &mut String) {
    let url: String = url
        .chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| match c {
            ' ' => "%20".chars().collect::<Vec<_>>(),
            c => vec![c],
        })
        .collect();
    escape_attribute(&url, out);
}
