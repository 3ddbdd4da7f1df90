//! What was said while away and is not read.

use serde::{Deserialize, Serialize};

/// Keys of the notices; event ids begin with `$`.
pub(crate) const SKIPPED_KEY: &str = "skipped:";

/// What kept it from being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SkippedBound {
    /// `catchUp.maxHours`.
    MaxHours,
    /// `catchUp.maxEvents`.
    MaxEvents,
    /// Too many pages without a message; their number grows with `catchUp.maxEvents`.
    Pages,
    /// The homeserver does not give it.
    Refused,
}

/// The part of a gap that is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Skipped {
    /// See [`SkippedBound`].
    pub bound: SkippedBound,
    /// Messages seen and left out; there may be more behind them.
    pub at_least: u32,
    /// When the room's last event before it came here, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<u64>,
    /// When the oldest event after it was sent, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// What the homeserver said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}
