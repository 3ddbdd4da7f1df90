//! The one Tokio runtime, and promises settled from it.
//!
//! napi's own runtime is not used: it is shut down with the JavaScript
//! environment, within 100 ms, while ours is never dropped. That is what lets the
//! process end at any moment without the store pools of a half-finished account
//! panicking in their destructors.

use std::{
    any::Any,
    future::Future,
    sync::{LazyLock, Once},
};

use matrix_core::{Error, Result};
use napi::{
    Env, JsValue,
    bindgen_prelude::{PromiseRaw, ToNapiValue},
};
use tokio::runtime::{Builder, Handle, Runtime};
use tracing::Instrument;

use crate::error::to_js;

/// Stack of a worker. The SDK's futures are deep, those of an unoptimised build
/// deeper; memory is only touched as far as it is used.
const STACK: usize = if cfg!(debug_assertions) {
    8 << 20
} else {
    4 << 20
};

static RUNTIME: LazyLock<Result<Runtime, String>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(16)
        .thread_stack_size(STACK)
        .thread_name("matrix")
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the threads of the Matrix core: {error}"))
});

/// A handle to the runtime, which is started by the first call.
pub(crate) fn handle() -> Result<&'static Handle> {
    static HOOK: Once = Once::new();
    HOOK.call_once(crate::log::report_panics);
    match &*RUNTIME {
        Ok(runtime) => Ok(runtime.handle()),
        Err(message) => Err(Error::internal(message.clone())),
    }
}

/// Runs `work` on the runtime and settles the returned promise with its outcome;
/// a panic rejects with `internal`. `account_id` names the account in the log.
///
/// A pending promise keeps Node's event loop alive, so whatever waits for long
/// has to end when its account is closed.
pub(crate) fn promise<'env, T, F>(
    env: &'env Env,
    account_id: &str,
    work: F,
) -> napi::Result<PromiseRaw<'env, T>>
where
    T: ToNapiValue + Send + 'static,
    F: Future<Output = Result<T>> + Send + 'static,
{
    type Resolver<T> = Box<dyn FnOnce(Env) -> napi::Result<T> + Send>;

    let handle = handle().map_err(|error| to_js(env, error))?;
    let (deferred, promise) = env.create_deferred::<T, Resolver<T>>()?;
    let span = tracing::error_span!("account", account_id);
    let work = handle.spawn(Box::pin(work.instrument(span)));
    // A second task, because only a join handle turns a panic into a value.
    handle.spawn(async move {
        let outcome = match work.await {
            Ok(outcome) => outcome,
            Err(error) => Err(Error::internal(match error.try_into_panic() {
                Ok(panic) => defect(panic.as_ref()),
                Err(_) => "the Matrix core was stopped in mid-call".to_owned(),
            })),
        };
        deferred.resolve(Box::new(move |env| {
            outcome.map_err(|error| to_js(&env, error))
        }));
    });
    Ok(PromiseRaw::new(env.raw(), promise.raw()))
}

/// Work that waits for the disk, away from the runtime's workers.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(Error::internal(match error.try_into_panic() {
            Ok(panic) => defect(panic.as_ref()),
            Err(_) => "the Matrix core was stopped in mid-call".to_owned(),
        })),
    }
}

/// What a panic said, as the text of an `internal` error.
fn defect(panic: &(dyn Any + Send)) -> String {
    let said = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a message");
    crate::redact::redact(&format!(
        "a defect in the Matrix core (it panicked: {said}); please report it with the log"
    ))
    .into_owned()
}
