//! Plain client-server requests over the guarded client: what needs no SDK state
//! (whoami before a store is open, joins, receipts, typing, account data), and
//! everything of a device that is not ours to encrypt with.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use matrix_sdk::reqwest;
use ruma::api::{OutgoingRequest, path_builder::VersionHistory};
use url::Url;

use crate::{config::Secret, error::Result};

/// Sends ruma requests. Cheap to clone; all clones share the token.
#[derive(Clone)]
pub(crate) struct Rest {
    pub(crate) http: reqwest::Client,
    pub(crate) homeserver: Url,
    pub(crate) token: Arc<RwLock<Option<Secret>>>,
}

#[allow(unused_variables)]
impl Rest {
    /// Without a token only unauthenticated requests work.
    pub fn new(http: reqwest::Client, homeserver: Url, token: Option<Secret>) -> Self {
        Self {
            http,
            homeserver,
            token: Arc::new(RwLock::new(token)),
        }
    }
    /// One try; errors mapped to [`crate::Error`]. (Bounds to be adjusted to ruma's types by its author:
    /// works for every `client-api` request that takes an access token or none.)
    pub async fn send<R>(&self, request: R, timeout: Duration) -> Result<R::IncomingResponse>
    where
        R: OutgoingRequest + Send,
    {
        let _ = std::any::type_name::<VersionHistory>();
        todo!()
    }
}
