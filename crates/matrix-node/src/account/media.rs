//! Files in and out.

use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use super::Account;
use crate::{
    media::{Downloaded, SendMedia},
    mirror::Cross,
    send::Sent,
};

#[napi]
impl Account {
    /// Stores files, uploads them and sends an event for each.
    #[napi(catch_unwind)]
    pub fn send_media<'env>(
        &self,
        env: &'env Env,
        request: SendMedia,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        let request = request.into_core();
        self.call(env, |account| async move {
            Sent::from_entry(account.send_media(request?).await?)
        })
    }

    /// Fetches a file of a message onto the disk, decrypted.
    #[napi(catch_unwind)]
    pub fn download_media<'env>(
        &self,
        env: &'env Env,
        source: String,
        max_bytes: i64,
    ) -> napi::Result<PromiseRaw<'env, Downloaded>> {
        self.call(env, move |account| async move {
            let max_bytes = u64::try_from(max_bytes).unwrap_or(0);
            Ok(account.download_media(&source, max_bytes).await?.cross())
        })
    }
}
