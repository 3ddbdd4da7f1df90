//! Takes secrets out of text that leaves the core for a person or a file.
//!
//! The core and the SDK keep secrets out of their log lines themselves; this is
//! the second wall, for a body or a header that a dependency prints whole.

use std::{borrow::Cow, sync::LazyLock};

use regex::Regex;

/// Shapes of secrets; group 1, where there is one, is kept.
static SHAPES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // Access and refresh tokens of Synapse and of the Matrix Authentication Service.
        r"\b(?:syt|syr|mat|mar|mct|mcr|syl)_[A-Za-z0-9_=-]{6,}",
        // `Authorization: Bearer …`, in whatever way a map prints.
        r#"(?i)(authorization["']?\s*[:=]\s*["']?)(?:(?:bearer|basic)\s+)?[^\s"',}]+"#,
        r"(?i)(\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}",
        // Query strings, JSON and debug output that name what they hold.
        r#"(?i)((?:access_token|refresh_token|password|passphrase|recovery_key|client_secret|login_token|private_key)["']?\s*[:=]\s*(?:Some\()?["']?)[^\s"'&,})]+"#,
        // `user:password@` of a URL.
        r"([a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/@]+@",
        // A recovery key: base58 of 35 bytes beginning 0x8B 0x01, in groups of four.
        r"\bE[sS][1-9A-HJ-NP-Za-km-z]{2}(?:\s?[1-9A-HJ-NP-Za-km-z]{4}){11}\b",
    ]
    .iter()
    // The list is a constant that the tests compile; a shape that cannot be
    // compiled is left out rather than costing the process.
    .filter_map(|shape| Regex::new(shape).ok())
    .collect()
});

/// The text with everything that looks like a secret replaced by `…`.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = Cow::Borrowed(text);
    for shape in SHAPES.iter() {
        if let Cow::Owned(shorter) = shape.replace_all(&clean, "${1}…") {
            clean = Cow::Owned(shorter);
        }
    }
    clean
}
