//! `account.json`: whose folder it is.

use serde::{Deserialize, Serialize};

use super::{SCHEMA, StoreKeys};
use crate::config::Secret;

/// Whose folder it is. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountFile {
    pub(super) schema: u32,
    /// Base URL.
    pub homeserver: String,
    /// Full user id.
    pub user_id: String,
    /// Device id.
    pub device_id: String,
    /// The device's encryption keys come from this folder's crypto store. Set before
    /// they can be uploaded for the first time, so that a later start does not take
    /// our own keys for another client's (AUT-11).
    #[serde(default)]
    pub own_keys: bool,
    /// The device's keys are another client's (AUT-11): the folder holds nothing of the
    /// device's encryption, so that it may serve another device of the user later.
    #[serde(default)]
    pub foreign_device: bool,
    /// The device that the configuration asked for, if it turned out to be another
    /// client's and a login made a device of our own instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// The configured access token that a renewal put out of use, hashed with the store
    /// key: while the configuration still has it, the stored session counts (AUT-11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retired_token: Option<Vec<u8>>,
}

impl AccountFile {
    /// A folder that has just been taken into use.
    pub fn new(homeserver: &str, user_id: &str, device_id: &str) -> Self {
        Self {
            schema: SCHEMA,
            homeserver: homeserver.to_owned(),
            user_id: user_id.to_owned(),
            device_id: device_id.to_owned(),
            own_keys: false,
            foreign_device: false,
            instead_of: None,
            retired_token: None,
        }
    }

    /// Whether a renewal put this configured token out of use.
    pub fn has_retired(&self, keys: &StoreKeys, token: &Secret) -> bool {
        self.retired_token.as_deref() == Some(&hashed(keys, token))
    }

    /// Whether a renewal put this device, of a configured token, out of use.
    pub fn replaced(&self, device: &ruma::DeviceId) -> bool {
        self.retired_token.is_some() && self.instead_of.as_deref() == Some(device.as_str())
    }

    /// Notes that a configured token is out of use.
    pub fn retire(&mut self, keys: &StoreKeys, token: &Secret) {
        self.retired_token = Some(hashed(keys, token).to_vec());
    }
}

/// A token's fingerprint, of use with this folder's key alone.
fn hashed(keys: &StoreKeys, token: &Secret) -> [u8; 32] {
    keys.cipher
        .hash_key("retired-token", token.expose().as_bytes())
}
