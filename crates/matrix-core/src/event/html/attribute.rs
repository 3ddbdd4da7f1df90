//! Attributes, the values they may have, and their escaping.

use html5ever::tokenizer::Tag;

/// The attributes of a tag.
pub(super) struct Attributes<'a>(pub &'a Tag);

impl Attributes<'_> {
    /// The value of the attribute of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .attrs
            .iter()
            .find(|attribute| &*attribute.name.local == name)
            .map(|attribute| &*attribute.value)
    }
}

/// `#rrggbb`
pub(super) fn is_color(value: &str) -> bool {
    value.len() == 7
        && value.starts_with('#')
        && value[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The schemes the specification allows in links, and `matrix:`.
pub(super) fn is_safe_link(href: &str) -> bool {
    ["https:", "http:", "ftp:", "mailto:", "magnet:", "matrix:"]
        .iter()
        .any(|scheme| {
            href.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
}

/// Whether a label says where the link goes.
pub(super) fn same_address(label: &str, href: &str) -> bool {
    fn bare(address: &str) -> &str {
        let address = address
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_start_matches("mailto:");
        address.trim_end_matches('/')
    }
    bare(label) == bare(href)
}

/// Escapes text for HTML content.
pub(crate) fn escape_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

/// Escapes text for a double-quoted attribute.
pub(crate) fn escape_attribute(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}
