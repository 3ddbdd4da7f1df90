//! The recovery key at rest (BKP-4): sealed with the store key, so that a verified device
//! stays able to repair itself, and a person who lost the key can read it again.

use serde::{Deserialize, Serialize};

use super::{Dir, SCHEMA, StoreKeys, corrupt, read_json};
use crate::{
    config::Secret,
    error::{Error, Result},
};

const NAME: &str = "recovery.json";

/// A key that is about to replace another is here before the homeserver hears of it, so
/// the one before it has to stay; more are of no use.
const KEPT: usize = 3;

#[derive(Serialize, Deserialize)]
struct RecoveryFile {
    schema: u32,
    user_id: String,
    /// Newest first.
    keys: Vec<Sealed>,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    key_id: String,
    created_at: u64,
    /// Encrypted with the store key.
    key: Vec<u8>,
}

/// A recovery key that this folder keeps.
#[derive(Debug, Clone)]
pub(crate) struct StoredRecoveryKey {
    /// In the form people know: groups of four.
    pub key: Secret,
    /// Which secret storage it opens (`m.secret_storage.key.<id>`).
    pub key_id: String,
    /// When it was stored here; milliseconds since the epoch.
    pub created_at: u64,
}

impl Dir {
    /// The recovery keys of this user that were stored here, newest first.
    ///
    /// # Errors
    /// `store_corrupt` if they are there and cannot be read.
    pub fn recovery_keys(&self, keys: &StoreKeys, user_id: &str) -> Result<Vec<StoredRecoveryKey>> {
        let path = self.path.join(NAME);
        let Some(file) = read_json::<RecoveryFile>(&path, &self.owner)? else {
            return Ok(Vec::new());
        };
        if file.user_id != user_id {
            return Ok(Vec::new());
        }
        file.keys
            .into_iter()
            .map(|sealed| {
                let key = keys
                    .cipher
                    .decrypt_value::<String>(&sealed.key)
                    .map_err(|_| {
                        corrupt(
                            &path,
                            "its keys cannot be decrypted; delete it and give the recovery key \
                             again with `openclaw matrix verify device --recovery-key-stdin`",
                        )
                    })?;
                Ok(StoredRecoveryKey {
                    key: Secret::new(key),
                    key_id: sealed.key_id,
                    created_at: sealed.created_at,
                })
            })
            .collect()
    }

    /// Keeps one more, in the place of another with its id. `in_use`: the id of the key that
    /// opens secret storage now; it stays, however often making another one fails.
    pub fn add_recovery_key(
        &self,
        keys: &StoreKeys,
        user_id: &str,
        new: StoredRecoveryKey,
        in_use: Option<&str>,
    ) -> Result<()> {
        // A file that cannot be read is what this call repairs.
        let mut kept = self.recovery_keys(keys, user_id).unwrap_or_default();
        kept.retain(|kept| kept.key_id != new.key_id);
        kept.insert(0, new);
        let mut place = 0;
        kept.retain(|kept| {
            place += 1;
            place <= KEPT || Some(kept.key_id.as_str()) == in_use
        });
        let sealed = kept
            .into_iter()
            .map(|kept| {
                let key = keys.cipher.encrypt_value(&kept.key.expose()).map_err(|e| {
                    Error::internal(format!("the recovery key cannot be encrypted: {e}"))
                })?;
                Ok(Sealed {
                    key_id: kept.key_id,
                    created_at: kept.created_at,
                    key,
                })
            })
            .collect::<Result<_>>()?;
        self.write_json(
            NAME,
            &RecoveryFile {
                schema: SCHEMA,
                user_id: user_id.to_owned(),
                keys: sealed,
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "EsTj 3yST y93F SLpB jJsz eAXc 2XzA ygD3 w69H fGaN TKBj jXEd";
    const USER: &str = "@bot:example.org";

    fn stored(key_id: &str, created_at: u64) -> StoredRecoveryKey {
        StoredRecoveryKey {
            key: Secret::new(KEY),
            key_id: key_id.to_owned(),
            created_at,
        }
    }

    #[test]
    fn bkp_4_the_recovery_key_is_sealed_and_belongs_to_its_user() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        let keys = dir.keys(None, "test").unwrap();
        assert!(dir.recovery_keys(&keys, USER).unwrap().is_empty());
        dir.add_recovery_key(&keys, USER, stored("abc", 7), None)
            .unwrap();
        let read = dir.recovery_keys(&keys, USER).unwrap();
        assert_eq!(read[0].key.expose(), KEY);
        assert_eq!((read[0].key_id.as_str(), read[0].created_at), ("abc", 7));
        let other = dir.recovery_keys(&keys, "@other:example.org").unwrap();
        assert!(other.is_empty());
        let text = std::fs::read_to_string(folder.path().join(NAME)).unwrap();
        assert!(!text.contains("EsTj"), "{text}");
    }

    #[test]
    fn bkp_4_a_new_key_does_not_displace_the_one_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open(folder.path()).unwrap();
        let keys = dir.keys(None, "test").unwrap();
        for (id, at) in [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("d", 5)] {
            dir.add_recovery_key(&keys, USER, stored(id, at), None)
                .unwrap();
        }
        let ids = || -> Vec<_> {
            let kept = dir.recovery_keys(&keys, USER).unwrap();
            kept.into_iter().map(|kept| kept.key_id).collect()
        };
        assert_eq!(ids(), ["d", "c", "a"]);
        // What opens secret storage stays, though making another failed again and again.
        for id in ["e", "f", "g"] {
            dir.add_recovery_key(&keys, USER, stored(id, 6), Some("a"))
                .unwrap();
        }
        assert_eq!(ids(), ["g", "f", "e", "a"]);
    }
}
