//! How the property tests run: seconds by default, longer when asked.

use proptest::prelude::ProptestConfig;

/// `default` cases, or as many as `PROPTEST_CASES` says. What failed is printed and not
/// kept: nothing is written beside the sources.
pub(crate) fn cases(default: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok();
    ProptestConfig {
        cases: asked
            .and_then(|cases| cases.parse().ok())
            .unwrap_or(default),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}
