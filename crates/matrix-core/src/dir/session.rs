//! The session of the last login, its token sealed with the store key.

use std::path::Path;

use serde::{Deserialize, Serialize};
use url::Url;

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
    /// Of an OAuth login: how to get the next token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oauth: Option<OAuthFile>,
}

#[derive(Serialize, Deserialize)]
struct OAuthFile {
    client_id: String,
    token_endpoint: Url,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revocation_endpoint: Option<Url>,
    /// Encrypted with the store key.
    refresh_token: Vec<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renew_at: Option<u64>,
}

/// What an OAuth login leaves beside the access token.
#[derive(Debug, Clone)]
pub(crate) struct OAuthTokens {
    /// What the authorization server knows this account's client as.
    pub client_id: String,
    /// Where the next token comes from.
    pub token_endpoint: Url,
    /// Where tokens are given back.
    pub revocation_endpoint: Option<Url>,
    /// Good for one use, as a rule.
    pub refresh_token: Secret,
    /// When to get the next token, before this one expires; milliseconds since the epoch.
    /// Absent where the server does not say how long it is good.
    pub renew_at: Option<u64>,
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
        self.save_oauth_session(keys, account, token, None)
    }

    /// The same for a login by OAuth.
    pub fn save_oauth_session(
        &self,
        keys: &StoreKeys,
        account: &AccountFile,
        token: &Secret,
        oauth: Option<&OAuthTokens>,
    ) -> Result<()> {
        let seal = |secret: &Secret| {
            keys.cipher
                .encrypt_value(&secret.expose())
                .map_err(|e| Error::internal(format!("the session cannot be encrypted: {e}")))
        };
        let access_token = seal(token)?;
        let oauth = oauth
            .map(|oauth| {
                Ok::<_, Error>(OAuthFile {
                    client_id: oauth.client_id.clone(),
                    token_endpoint: oauth.token_endpoint.clone(),
                    revocation_endpoint: oauth.revocation_endpoint.clone(),
                    refresh_token: seal(&oauth.refresh_token)?,
                    renew_at: oauth.renew_at,
                })
            })
            .transpose()?;
        self.write_json(
            "session.json",
            &SessionFile {
                schema: SCHEMA,
                user_id: account.user_id.clone(),
                device_id: account.device_id.clone(),
                access_token,
                oauth,
            },
        )
    }

    /// How to get the next token, if this device's session is an OAuth login's.
    pub fn oauth_tokens(
        &self,
        keys: &StoreKeys,
        account: &AccountFile,
    ) -> Result<Option<OAuthTokens>> {
        let path = self.path.join("session.json");
        let Some(file) = read_file(&path, &self.owner, account)? else {
            return Ok(None);
        };
        file.oauth
            .map(|oauth| {
                Ok(OAuthTokens {
                    client_id: oauth.client_id,
                    token_endpoint: oauth.token_endpoint,
                    revocation_endpoint: oauth.revocation_endpoint,
                    refresh_token: unseal(keys, &oauth.refresh_token, &path)?,
                    renew_at: oauth.renew_at,
                })
            })
            .transpose()
    }

    /// Deletes the session and whose the folder is; what else is in it, a new login of the
    /// same user goes on with.
    pub fn forget_login(&self) -> Result<()> {
        for name in ["session.json", "account.json"] {
            let path = self.path.join(name);
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                    return Err(files::failed("remove", &path, &e));
                }
                _ => {}
            }
        }
        Ok(())
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
    read_file(&path, owner, account)?
        .map(|file| unseal(keys, &file.access_token, &path))
        .transpose()
}

/// The file, if it is this device's.
fn read_file(path: &Path, owner: &Owner, account: &AccountFile) -> Result<Option<SessionFile>> {
    let Some(file) = read_json::<SessionFile>(path, owner)? else {
        return Ok(None);
    };
    if file.schema > SCHEMA {
        return Err(newer(path));
    }
    let ours = file.user_id == account.user_id && file.device_id == account.device_id;
    Ok(ours.then_some(file))
}

fn unseal(keys: &StoreKeys, sealed: &[u8], path: &Path) -> Result<Secret> {
    keys.cipher
        .decrypt_value::<String>(sealed)
        .map(Secret::new)
        .map_err(|_| {
            corrupt(
                path,
                "its token cannot be decrypted; delete it to log in again",
            )
        })
}
