//! The napi boundary over `matrix-core`: conversions only, no decision.
//!
//! Everything asynchronous runs on one Tokio runtime of our own ([`runtime`]) and
//! settles a JavaScript promise from there, so nothing ever blocks Node's main
//! thread and a panic becomes a rejected promise. Accounts live in a registry
//! here; the JavaScript object holds a number, so that no finaliser can drop a
//! client outside the runtime. `ts/native/account.ts` is the contract that the
//! types of this crate mirror; `ts/native/binding.d.ts` is generated from them.
#![recursion_limit = "256"]

mod account;
mod crypto;
mod directory;
mod error;
mod event;
mod health;
mod log;
mod login;
mod media;
mod mirror;
mod open;
mod past;
mod queues;
mod redact;
mod room;
mod runtime;
mod send;
mod trust;
mod verification;

use std::path::PathBuf;

use matrix_core as core;
use napi::{Env, bindgen_prelude::PromiseRaw};
use napi_derive::napi;

use crate::{
    account::{Account, Identity},
    log::{LogLevel, LogSink},
    mirror::Cross,
    open::{OpenAccountOptions, ProbeOptions, ProbeResult, Renewal, Renewed},
    runtime::{blocking, promise},
};

/// Version of the addon, equal to the npm package's.
#[napi]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

/// `debug` or `release`: how the addon was built, for benchmarks and bug reports.
#[napi(ts_return_type = "'debug' | 'release'")]
pub fn build_profile() -> &'static str {
    if cfg!(debug_assertions) {
        "debug"
    } else {
        "release"
    }
}

/// Lock, stores, token check, login or restore; does not sync yet.
#[napi(catch_unwind)]
pub fn open_account<'env>(
    env: &'env Env,
    options: OpenAccountOptions,
) -> napi::Result<PromiseRaw<'env, Account>> {
    let account_id = options.account_id.clone();
    let config = options.into_config();
    promise(env, &account_id.clone(), async move {
        Ok(Account::register(
            account_id,
            core::Account::open(config?).await?,
        ))
    })
}

/// Gives an account that nobody has open a new device.
#[napi(catch_unwind)]
pub fn renew_device<'env>(
    env: &'env Env,
    options: OpenAccountOptions,
    renewal: Renewal,
) -> napi::Result<PromiseRaw<'env, Renewed>> {
    let account_id = options.account_id.clone();
    let renewal = renewal.into_core();
    let config = options.into_config();
    promise(env, &account_id, async move {
        Ok(core::renew_device(config?, renewal).await?.cross())
    })
}

/// Asks a homeserver for its versions and, with a token, whose it is; opens no store.
#[napi(catch_unwind)]
pub fn probe<'env>(
    env: &'env Env,
    options: ProbeOptions,
) -> napi::Result<PromiseRaw<'env, ProbeResult>> {
    let options = options.into_core();
    promise(
        env,
        "",
        async move { Ok(core::probe(options?).await?.cross()) },
    )
}

/// Who holds the account folder's lock.
#[napi(object, object_from_js = false)]
pub struct LockHolder {
    /// Process id.
    pub pid: u32,
    /// Milliseconds since the epoch.
    pub since: i64,
}

impl Cross for core::LockHolder {
    type Js = LockHolder;
    fn cross(self) -> LockHolder {
        let Self { pid, since } = self;
        LockHolder {
            pid,
            since: since.cross(),
        }
    }
}

/// Who holds the account folder's lock, if anybody.
#[napi(catch_unwind)]
pub fn lock_holder(
    env: &Env,
    state_dir: String,
) -> napi::Result<PromiseRaw<'_, Option<LockHolder>>> {
    let state_dir = PathBuf::from(state_dir);
    promise(
        env,
        "",
        blocking(move || Ok(core::lock_holder(&state_dir)?.cross())),
    )
}

/// Whose session the last login left in the folder; reads no secret.
#[napi(catch_unwind)]
pub fn stored_session(
    env: &Env,
    state_dir: String,
) -> napi::Result<PromiseRaw<'_, Option<Identity>>> {
    let state_dir = PathBuf::from(state_dir);
    promise(
        env,
        "",
        blocking(move || Ok(core::stored_identity(&state_dir)?.cross())),
    )
}

/// Sends the core's log to `sink` from now on, which must not throw. Losable:
/// lines are dropped while 1,024 of them wait.
#[napi(catch_unwind)]
pub fn set_log_sink(
    level: LogLevel,
    #[napi(ts_arg_type = "(record: LogRecord) => void")] sink: LogSink,
) {
    log::install(level, sink);
}

/// Panics with the text, on the runtime or on the main thread, so that the tests
/// can see both arrive as errors and in the log. Only in the everyday build.
#[cfg(debug_assertions)]
#[napi(catch_unwind, skip_typescript)]
pub fn provoke_panic(
    env: &Env,
    on_runtime: bool,
    account_id: String,
    text: String,
) -> napi::Result<PromiseRaw<'_, ()>> {
    assert!(on_runtime, "{text}");
    promise(env, &account_id, async move { panic!("{text}") })
}
