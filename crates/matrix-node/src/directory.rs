//! People and rooms, looked up beside the gateway.

use std::path::PathBuf;

use matrix_core::{Error, ErrorCode, Result, Secret, directory as core};
use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use crate::{
    mirror::{Cross, mirror_object},
    open::{NetworkOptions, base_url},
    runtime::promise,
};

/// What is looked for.
#[napi(string_enum = "lowercase")]
pub enum Wanted {
    /// The account itself.
    Own,
    /// People of the user directory, or the one with this user id.
    People,
    /// Rooms the account is in, direct messages left out.
    Rooms,
    /// Members of a room.
    Members,
    /// The room behind an alias.
    Alias,
}

/// Whose eyes to look with, and for what; documented at `LookUp` in account.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct LookUp {
    pub account_id: String,
    pub state_dir: String,
    pub homeserver: String,
    pub network: NetworkOptions,
    pub access_token: Option<String>,
    pub store_passphrase: Option<String>,
    pub wanted: Wanted,
    /// A name, an id or an alias, where `wanted` needs one.
    pub term: Option<String>,
    pub limit: u32,
}

mirror_object! {
    /// A person or a room.
    DirectoryEntry from core::DirectoryEntry {
        id: [String],
        name: [Option<String>],
        alias: [Option<String>],
        avatar_url: [Option<String>],
        power_level: [Option<i64>],
    }
}

impl LookUp {
    fn into_core(self) -> Result<(core::DirectoryOptions, core::Wanted, usize)> {
        let Self {
            account_id,
            state_dir,
            homeserver,
            network,
            access_token,
            store_passphrase,
            wanted,
            term,
            limit,
        } = self;
        // First, so that no early return leaves a secret in an ordinary string.
        let (access_token, store_passphrase) = (
            access_token.map(Secret::new),
            store_passphrase.map(Secret::new),
        );
        let term = |what: &str| {
            term.clone().ok_or_else(|| {
                Error::new(ErrorCode::ConfigInvalid, format!("which {what}? Name it"))
            })
        };
        let wanted = match wanted {
            Wanted::Own => core::Wanted::Own,
            Wanted::People => core::Wanted::People(term("person")?),
            Wanted::Rooms => core::Wanted::Rooms,
            Wanted::Members => core::Wanted::Members(term("room")?),
            Wanted::Alias => core::Wanted::Alias(term("alias")?),
        };
        let mut network = network.into_core()?;
        let options = core::DirectoryOptions {
            account_id,
            state_dir: PathBuf::from(state_dir),
            homeserver: base_url(&homeserver, &mut network)?,
            network,
            access_token,
            store_passphrase,
        };
        Ok((
            options,
            wanted,
            usize::try_from(limit).unwrap_or(usize::MAX),
        ))
    }
}

/// Looks people or rooms up over plain requests; opens no store and takes no lock.
#[napi(catch_unwind)]
pub fn look_up<'env>(
    env: &'env Env,
    options: LookUp,
) -> napi::Result<PromiseRaw<'env, Vec<DirectoryEntry>>> {
    let options = options.into_core();
    promise(env, "", async move {
        let (options, wanted, limit) = options?;
        Ok(core::look_up(options, wanted, limit).await?.cross())
    })
}
