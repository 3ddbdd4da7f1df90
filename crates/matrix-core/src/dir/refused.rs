//! Whose one-time keys the homeserver refused: a note for the next start, which makes a
//! device in the place of that one, and against making one after the other.

use serde::{Deserialize, Serialize};

use super::{Dir, SCHEMA, read_json};
use crate::{error::Result, health::now_ms};

const NAME: &str = "keys-refused.json";

/// The last refusal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RefusedKeys {
    schema: u32,
    /// Whose keys they were.
    pub device_id: String,
    /// Milliseconds since the epoch.
    pub at: u64,
}

impl Dir {
    /// The last refusal; one that cannot be read is as good as none, since the homeserver
    /// repeats it.
    pub fn refused_keys(&self) -> Option<RefusedKeys> {
        read_json(&self.path.join(NAME), &self.owner).ok().flatten()
    }

    /// Notes that this device's keys were refused now.
    pub fn note_refused_keys(&self, device_id: &str) -> Result<()> {
        self.write_json(
            NAME,
            &RefusedKeys {
                schema: SCHEMA,
                device_id: device_id.to_owned(),
                at: now_ms(),
            },
        )
    }
}
