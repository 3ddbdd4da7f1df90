//! The account's folder: paths, the exclusive lock, the store key, atomic 0600 writes.

use std::path::Path;

use crate::{account::Identity, error::Result};

/// Who holds a folder's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockHolder {
    /// Process id.
    pub pid: u32,
    /// Milliseconds since the epoch.
    pub since: u64,
}

/// Who holds the folder's lock, if anybody does.
pub fn lock_holder(_state_dir: &Path) -> Result<Option<LockHolder>> {
    todo!()
}

/// Who the session stored in the folder belongs to; reads no secret.
pub fn stored_identity(_state_dir: &Path) -> Result<Option<Identity>> {
    todo!()
}
