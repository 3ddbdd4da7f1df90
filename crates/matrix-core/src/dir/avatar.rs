//! Where the account's picture came from, so that a start does not upload it again.

use serde::{Deserialize, Serialize};

use super::{Dir, SCHEMA, read_json};
use crate::error::Result;

const NAME: &str = "avatar.json";

#[derive(Serialize, Deserialize)]
struct AvatarFile {
    schema: u32,
    #[serde(flatten)]
    avatar: Avatar,
}

/// A picture that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Avatar {
    /// The URL it was fetched from.
    pub source: String,
    /// Its `mxc:` URI.
    pub uri: String,
}

impl Dir {
    /// The picture uploaded last; `None` also if the note of it cannot be read, which
    /// costs one more upload.
    pub fn avatar(&self) -> Option<Avatar> {
        let file = read_json::<AvatarFile>(&self.path.join(NAME), &self.owner).ok()??;
        Some(file.avatar)
    }

    /// Notes an upload.
    pub fn save_avatar(&self, avatar: &Avatar) -> Result<()> {
        self.write_json(
            NAME,
            &AvatarFile {
                schema: SCHEMA,
                avatar: avatar.clone(),
            },
        )
    }
}
