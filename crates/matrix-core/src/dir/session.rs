//! The session of the last login, its token sealed with the store key.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{
    AccountFile, Dir, SCHEMA, StoreKeys, corrupt,
    files::{self, Owner},
    key, newer, read_account, read_json,
};
use crate::{
    account::Identity,
    config::Secret,
    error::{Error, Result},
};

#[derive(Serialize, Deserialize)]
struct SessionFile {
    schema: u32,
    user_id: String,
    device_id: String,
    /// Encrypted with the store key.
    access_token: Vec<u8>,
}

impl Dir {
    /// Whose session is stored, as far as that can still be read; reads no secret.
    pub fn session_owner(&self) -> Option<(String, String)> {
        let path = self.path.join("session.json");
        let file = read_json::<SessionFile>(&path, &self.owner).ok()??;
        Some((file.user_id, file.device_id))
    }

    /// The access token of the stored session of this device, if there is one.
    pub fn session_token(&self, keys: &StoreKeys, account: &AccountFile) -> Result<Option<Secret>> {
        read_token(&self.path, &self.owner, keys, account)
    }

    /// Writes `session.json`.
    pub fn save_session(
        &self,
        keys: &StoreKeys,
        account: &AccountFile,
        token: &Secret,
    ) -> Result<()> {
        let access_token = keys
            .cipher
            .encrypt_value(&token.expose())
            .map_err(|e| Error::internal(format!("the session cannot be encrypted: {e}")))?;
        self.write_json(
            "session.json",
            &SessionFile {
                schema: SCHEMA,
                user_id: account.user_id.clone(),
                device_id: account.device_id.clone(),
                access_token,
            },
        )
    }
}

/// The identity and the access token of the session stored in the folder, whoever holds the
/// folder's lock; `None` if there is none.
///
/// # Errors
/// `config_invalid` naming `storePassphrase` if it is missing or wrong; `store_corrupt` for
/// files that cannot be understood.
pub(crate) fn stored_token(
    state_dir: &Path,
    passphrase: Option<&Secret>,
    account_id: &str,
) -> Result<Option<(Identity, Secret)>> {
    // Without a session there is no key to make either.
    if !state_dir.join("session.json").exists() {
        return Ok(None);
    }
    let owner = files::folder(state_dir)?;
    let Some(account) = read_account(state_dir, &owner)? else {
        return Ok(None);
    };
    let keys = key::load(state_dir, &owner, passphrase, account_id)?;
    let token = read_token(state_dir, &owner, &keys, &account)?;
    Ok(token.map(|token| {
        let identity = Identity {
            user_id: account.user_id,
            device_id: account.device_id,
            homeserver: account.homeserver,
        };
        (identity, token)
    }))
}

fn read_token(
    dir: &Path,
    owner: &Owner,
    keys: &StoreKeys,
    account: &AccountFile,
) -> Result<Option<Secret>> {
    let path = dir.join("session.json");
    let Some(file) = read_json::<SessionFile>(&path, owner)? else {
        return Ok(None);
    };
    if file.schema > SCHEMA {
        return Err(newer(&path));
    }
    if file.user_id != account.user_id || file.device_id != account.device_id {
        return Ok(None);
    }
    let token = keys
        .cipher
        .decrypt_value::<String>(&file.access_token)
        .map_err(|_| {
            corrupt(
                &path,
                "its token cannot be decrypted; delete it to log in again",
            )
        })?;
    Ok(Some(Secret::new(token)))
}
