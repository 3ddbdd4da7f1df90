//! The durable queues as JavaScript holds them: those of an open account, or of a folder
//! that was opened for them alone. Like an account, a number into a registry.

use std::{
    collections::HashMap,
    future::Future,
    path::PathBuf,
    sync::{
        LazyLock, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use matrix_core::{self as core, Error, Result, Secret};
use napi::{
    Env,
    bindgen_prelude::{PromiseRaw, ToNapiValue},
};
use napi_derive::napi;

use crate::{
    account,
    mirror::{Cross, mirror_object},
    runtime::promise,
};

static OPENED: LazyLock<Mutex<HashMap<u32, core::Queues>>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU32 = AtomicU32::new(1);

mirror_object! {
    /// A turn that was given up; documented at `DeadLetter` in queues.ts.
    DeadLetter from core::DeadLetter {
        id: [i64],
        room_id: [Option<String>],
        event_id: [Option<String>],
        sender: [Option<String>],
        origin_server_ts: [Option<i64>],
        failed_at: [i64],
        cause: [String],
        failures: [u32],
        crashes: [u32],
    }
}

/// A dead letter with what was written.
#[napi(object, object_from_js = false)]
pub struct ShownDeadLetter {
    /// What the list says of it.
    pub letter: DeadLetter,
    /// What the sender wrote, as far as it is a text.
    pub text: Option<String>,
}

mirror_object! {
    /// A message that is not sent; documented at `UnsentMessage` in queues.ts.
    UnsentMessage from core::OutboxItem {
        id: [i64],
        room_id: [Option<String>],
        failed: [bool],
        created_at: [i64],
        expires_at: [Option<i64>],
        waiting_until: [Option<i64>],
        in_doubt: [bool],
        parts: [u32],
        sent: [u32],
        attempts: [u32],
        error: [Option<String>],
    }
}

/// Whose queues to open.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct OpenQueuesOptions {
    pub account_id: String,
    pub state_dir: String,
    pub store_passphrase: Option<String>,
}

#[derive(Clone, Copy)]
enum Source {
    Account(u32),
    Opened(u32),
}

/// The queues of one account.
#[napi]
pub struct Queues {
    source: Source,
    account_id: String,
}

fn opened() -> std::sync::MutexGuard<'static, HashMap<u32, core::Queues>> {
    OPENED.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Source {
    fn find(self) -> Result<core::Queues> {
        match self {
            Self::Account(handle) => Ok(account::find(handle)?.queues()),
            Self::Opened(handle) => opened().get(&handle).cloned().ok_or_else(Error::closed),
        }
    }
}

impl Queues {
    /// Those of an account in the registry.
    pub(crate) fn of_account(handle: u32, account_id: String) -> Self {
        Self {
            source: Source::Account(handle),
            account_id,
        }
    }

    fn call<'env, T, W, F>(&self, env: &'env Env, work: W) -> napi::Result<PromiseRaw<'env, T>>
    where
        T: ToNapiValue + Send + 'static,
        W: FnOnce(core::Queues) -> F + Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let source = self.source;
        promise(
            env,
            &self.account_id,
            async move { work(source.find()?).await },
        )
    }
}

#[napi]
impl Queues {
    /// Turns that were given up, oldest first.
    #[napi(catch_unwind)]
    pub fn dead_letters<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, Vec<DeadLetter>>> {
        self.call(env, |queues| async move {
            Ok(queues.dead_letters().await?.cross())
        })
    }

    /// One of them with its text; `null` if there is none.
    #[napi(catch_unwind)]
    pub fn dead_letter<'env>(
        &self,
        env: &'env Env,
        id: i64,
    ) -> napi::Result<PromiseRaw<'env, Option<ShownDeadLetter>>> {
        self.call(env, move |queues| async move {
            let found = queues.dead_letter(id).await?;
            Ok(found.map(|(letter, text)| ShownDeadLetter {
                letter: letter.cross(),
                text,
            }))
        })
    }

    /// Has dead letters tried again; those of `ids` that there were.
    #[napi(catch_unwind)]
    pub fn resubmit<'env>(
        &self,
        env: &'env Env,
        ids: Vec<i64>,
    ) -> napi::Result<PromiseRaw<'env, Vec<i64>>> {
        self.call(env, |queues| async move { queues.resubmit(&ids).await })
    }

    /// Forgets dead letters; those of `ids` that there were.
    #[napi(catch_unwind)]
    pub fn drop_dead_letters<'env>(
        &self,
        env: &'env Env,
        ids: Vec<i64>,
    ) -> napi::Result<PromiseRaw<'env, Vec<i64>>> {
        self.call(
            env,
            |queues| async move { queues.drop_dead_letters(&ids).await },
        )
    }

    /// Messages that are not sent, oldest first.
    #[napi(catch_unwind)]
    pub fn unsent<'env>(
        &self,
        env: &'env Env,
    ) -> napi::Result<PromiseRaw<'env, Vec<UnsentMessage>>> {
        self.call(
            env,
            |queues| async move { Ok(queues.unsent().await?.cross()) },
        )
    }

    /// Has messages tried again or at once; those of `ids` that there were.
    #[napi(catch_unwind)]
    pub fn retry_unsent<'env>(
        &self,
        env: &'env Env,
        ids: Vec<i64>,
    ) -> napi::Result<PromiseRaw<'env, Vec<i64>>> {
        self.call(env, |queues| async move { queues.retry_unsent(&ids).await })
    }

    /// Gives messages up for good; those of `ids` that there were.
    #[napi(catch_unwind)]
    pub fn drop_unsent<'env>(
        &self,
        env: &'env Env,
        ids: Vec<i64>,
    ) -> napi::Result<PromiseRaw<'env, Vec<i64>>> {
        self.call(env, |queues| async move { queues.drop_unsent(&ids).await })
    }

    /// Frees the folder if it was opened for the queues; an account stays open. Idempotent.
    #[napi(catch_unwind)]
    pub fn close<'env>(&self, env: &'env Env) -> napi::Result<PromiseRaw<'env, ()>> {
        let source = self.source;
        promise(env, &self.account_id, async move {
            if let Source::Opened(handle) = source {
                let queues = opened().remove(&handle);
                if let Some(queues) = queues {
                    queues.close().await;
                }
            }
            Ok(())
        })
    }
}

/// The queues of an account that nobody has open: no login, nothing is sent.
#[napi(catch_unwind)]
pub fn open_queues<'env>(
    env: &'env Env,
    options: OpenQueuesOptions,
) -> napi::Result<PromiseRaw<'env, Queues>> {
    let OpenQueuesOptions {
        account_id,
        state_dir,
        store_passphrase,
    } = options;
    let passphrase = store_passphrase.map(Secret::new);
    promise(env, &account_id.clone(), async move {
        let state_dir = PathBuf::from(state_dir);
        let queues = core::Queues::open(&state_dir, passphrase, &account_id).await?;
        let handle = NEXT.fetch_add(1, Ordering::Relaxed);
        opened().insert(handle, queues);
        Ok(Queues {
            source: Source::Opened(handle),
            account_id,
        })
    })
}
