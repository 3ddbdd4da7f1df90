//! The account as JavaScript holds it: a number into a registry.
//!
//! The core's account must be dropped inside the runtime, which a finaliser of
//! the garbage collector is not. So JavaScript never owns it: every call looks it
//! up and runs on the runtime, and only [`Account::close`] takes it out.

mod manage;
mod past;
mod rooms;
mod upkeep;

use std::{
    collections::HashMap,
    future::Future,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use matrix_core::{self as core, Error, Result};
use napi::{
    Env,
    bindgen_prelude::{PromiseRaw, ToNapiValue},
};
use napi_derive::napi;

use crate::{
    crypto::EncryptionStatus,
    error::to_js,
    event::InboundEvent,
    health::Health,
    mirror::{Cross, mirror_object},
    queues::Queues,
    runtime::{handle, promise},
    send::{EditText, OutboxEntry, React, Redact, SendText, Sent},
};

static ACCOUNTS: LazyLock<Mutex<HashMap<u32, core::Account>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU32 = AtomicU32::new(1);

mirror_object! {
    /// Who the homeserver says we are.
    Identity from core::Identity {
        user_id: [String],
        device_id: [String],
        homeserver: [String],
    }
}

/// Whether a failed turn was given up.
#[napi(object, object_from_js = false)]
pub struct FailedTurn {
    /// It will not be handed out again.
    pub dead_letter: bool,
}

/// An open account. Every method rejects with `closed` after `close`.
#[napi]
pub struct Account {
    handle: u32,
    account_id: String,
    identity: core::Identity,
}

/// The account behind the number, unless it was closed.
pub(crate) fn find(handle: u32) -> Result<core::Account> {
    ACCOUNTS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&handle)
        .cloned()
        .ok_or_else(Error::closed)
}

impl Account {
    /// Puts an account of the core into the registry.
    pub(crate) fn register(account_id: String, account: core::Account) -> Self {
        let handle = NEXT.fetch_add(1, Ordering::Relaxed);
        let identity = account.identity();
        ACCOUNTS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(handle, account);
        Self {
            handle,
            account_id,
            identity,
        }
    }

    /// The account's number in the registry.
    pub(crate) fn handle(&self) -> u32 {
        self.handle
    }

    /// The account's id, for the log.
    pub(crate) fn name(&self) -> &str {
        &self.account_id
    }

    /// Runs `work` with the account on the runtime; the look-up too happens there,
    /// so that no clone can be dropped on the JavaScript thread.
    pub(crate) fn call<'env, T, W, F>(
        &self,
        env: &'env Env,
        work: W,
    ) -> napi::Result<PromiseRaw<'env, T>>
    where
        T: ToNapiValue + Send + 'static,
        W: FnOnce(core::Account) -> F + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let handle = self.handle;
        promise(
            env,
            &self.account_id,
            async move { work(find(handle)?).await },
        )
    }
}

#[napi]
impl Account {
    /// User, device and homeserver; known since the account was opened.
    #[napi(getter)]
    pub fn identity(&self) -> Identity {
        self.identity.clone().cross()
    }

    /// The durable queues, for a person to look into.
    #[napi(getter)]
    pub fn queues(&self) -> Queues {
        Queues::of_account(self.handle, self.account_id.clone())
    }

    /// Starts the sync and the workers; a second call does nothing.
    #[napi(catch_unwind)]
    pub fn start(&self, env: &Env) -> napi::Result<()> {
        let started = handle().and_then(|runtime| {
            let _inside = runtime.enter();
            let _span = tracing::error_span!("account", account_id = self.account_id).entered();
            find(self.handle).map(|account| account.start())
        });
        started.map_err(|error| to_js(env, error))
    }

    /// The next items of the inbox, at least one; `null` once closed.
    #[napi(catch_unwind)]
    pub fn next_batch<'env>(
        &self,
        env: &'env Env,
        max: u32,
    ) -> napi::Result<PromiseRaw<'env, Option<Vec<InboundEvent>>>> {
        let handle = self.handle;
        promise(env, &self.account_id, async move {
            let Ok(account) = find(handle) else {
                return Ok(None);
            };
            let max = usize::try_from(max.max(1)).unwrap_or(usize::MAX);
            Ok(account.next_batch(max).await?.cross())
        })
    }

    /// The host has taken these turns.
    #[napi(catch_unwind)]
    pub fn adopt<'env>(
        &self,
        env: &'env Env,
        seqs: Vec<i64>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, |account| async move { account.adopt(&seqs).await })
    }

    /// These turns are finished.
    #[napi(catch_unwind)]
    pub fn settle<'env>(
        &self,
        env: &'env Env,
        seqs: Vec<i64>,
    ) -> napi::Result<PromiseRaw<'env, ()>> {
        self.call(env, |account| async move { account.settle(&seqs).await })
    }

    /// A turn failed.
    #[napi(catch_unwind)]
    pub fn fail<'env>(
        &self,
        env: &'env Env,
        seq: i64,
        reason: String,
    ) -> napi::Result<PromiseRaw<'env, FailedTurn>> {
        self.call(env, move |account| async move {
            let dead_letter = account.fail(seq, &reason).await?;
            Ok(FailedTurn { dead_letter })
        })
    }

    /// Stores a text and sends it.
    #[napi(catch_unwind)]
    pub fn send_text<'env>(
        &self,
        env: &'env Env,
        request: SendText,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        self.call(env, |account| async move {
            Sent::from_entry(account.send_text(request.into_core()?).await?)
        })
    }

    /// Stores an edit and sends it.
    #[napi(catch_unwind)]
    pub fn edit_text<'env>(
        &self,
        env: &'env Env,
        request: EditText,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        self.call(env, |account| async move {
            Sent::from_entry(account.edit_text(request.into_core()?).await?)
        })
    }

    /// Stores a reaction and sends it.
    #[napi(catch_unwind)]
    pub fn react<'env>(
        &self,
        env: &'env Env,
        request: React,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        self.call(env, |account| async move {
            let React {
                room_id,
                event_id,
                emoji,
                key,
            } = request;
            Sent::from_entry(account.react(&room_id, &event_id, &emoji, key).await?)
        })
    }

    /// Stores a redaction and sends it.
    #[napi(catch_unwind)]
    pub fn redact<'env>(
        &self,
        env: &'env Env,
        request: Redact,
    ) -> napi::Result<PromiseRaw<'env, Sent>> {
        self.call(env, |account| async move {
            let Redact {
                room_id,
                event_id,
                reason,
                key,
            } = request;
            Sent::from_entry(account.redact(&room_id, &event_id, reason, key).await?)
        })
    }

    /// What the outbox knows of a key.
    #[napi(catch_unwind)]
    pub fn outbox_entry<'env>(
        &self,
        env: &'env Env,
        key: String,
    ) -> napi::Result<PromiseRaw<'env, OutboxEntry>> {
        self.call(env, |account| async move {
            Ok(account.outbox_entry(&key).await?.cross())
        })
    }

    /// Device trust, cross-signing and backup.
    #[napi(catch_unwind)]
    pub fn encryption_status<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, EncryptionStatus>> {
        self.call(env, |account| async move {
            Ok(account.encryption_status().await?.cross())
        })
    }

    /// Sync, queues and decryption now.
    #[napi(catch_unwind)]
    pub fn health<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, Health>> {
        self.call(
            env,
            |account| async move { Ok(account.health().await?.cross()) },
        )
    }

    /// The first health whose version is above `since`; `null` once closed.
    #[napi(catch_unwind)]
    pub fn health_after<'env>(
        &self,
        env: &'env Env,
        since: i64,
    ) -> napi::Result<PromiseRaw<'env, Option<Health>>> {
        let handle = self.handle;
        promise(env, &self.account_id, async move {
            let Ok(account) = find(handle) else {
                return Ok(None);
            };
            let since = u64::try_from(since).unwrap_or(0);
            Ok(account.health_after(since).await?.cross())
        })
    }

    /// Stops everything and frees the folder, within five seconds. Idempotent.
    #[napi(catch_unwind)]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let handle = self.handle;
        promise(env, &self.account_id, async move {
            if let Ok(account) = find(handle) {
                account.close().await;
                ACCOUNTS
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .remove(&handle);
            }
            Ok(())
        })
    }
}
