//! The verification notes (see [`crate::crypto`]): no secret, and nothing that cannot be
//! done without.

use serde::{Deserialize, Serialize};

use super::{Dir, SCHEMA, read_json};
use crate::{crypto::StoredNotes, error::Result};

const NAME: &str = "verification.json";

#[derive(Serialize, Deserialize)]
struct NotesFile {
    schema: u32,
    #[serde(flatten)]
    notes: StoredNotes,
}

impl Dir {
    /// The notes of this device; empty ones where there are none, or none that can be read.
    pub fn verification_notes(&self, device_id: &str) -> StoredNotes {
        let path = self.path.join(NAME);
        let file = read_json::<NotesFile>(&path, &self.owner).unwrap_or_else(|error| {
            tracing::warn!(%error, "beginning the verification notes anew");
            None
        });
        file.filter(|file| file.schema <= SCHEMA && file.notes.device_id == device_id)
            .map_or_else(
                || StoredNotes {
                    device_id: device_id.to_owned(),
                    ..StoredNotes::default()
                },
                |file| file.notes,
            )
    }

    /// Writes them.
    ///
    /// # Errors
    /// `storage_failed`.
    pub fn save_verification_notes(&self, notes: &StoredNotes) -> Result<()> {
        self.write_json(
            NAME,
            &NotesFile {
                schema: SCHEMA,
                notes: notes.clone(),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ver_6_notes_are_of_one_device_and_damage_begins_them_anew() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        let mut notes = dir.verification_notes("A");
        assert_eq!((notes.asked_at, notes.open.len()), (None, 0));
        notes.asked_at = Some(7);
        dir.save_verification_notes(&notes).unwrap();
        assert_eq!(dir.verification_notes("A"), notes);
        assert_eq!(dir.verification_notes("B").asked_at, None);
        std::fs::write(folder.path().join(NAME), "{").unwrap();
        assert_eq!(dir.verification_notes("A").asked_at, None);
    }
}
