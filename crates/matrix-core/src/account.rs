//! An account: open → `start` → `next_batch`/`settle`, send → `close`; supervises
//! the tasks.

mod devices;
mod direct;
mod encryption;
mod ids;
mod manage;
mod media;
mod past;
mod polls;
mod profile;
mod repair;
mod rooms;
mod sends;
mod tasks;
mod threads;
mod verification;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ruma::OwnedUserId;
use tokio::{
    runtime::Handle,
    sync::{OnceCell, Semaphore},
};

pub(crate) use self::repair::{DeviceKeys, inbox as repair_inbox};
use self::tasks::Tasks;
pub use self::{
    devices::OwnDevice,
    direct::{DirectInspection, DirectRepair, MappedRoom},
    manage::{NewRoom, Removal, RoomEdit, RoomPowers, UserPower},
    profile::{ProfileOutcome, ProfileWish},
    threads::{Thread, ThreadPage},
};
use crate::{
    blocking::blocking,
    config::{AccountConfig, NetworkConfig, PresenceCell, Secret},
    crypto::EncryptionStatus,
    dir::Dir,
    discovery,
    engine::{
        Engine,
        sdk::{SdkEngine, SdkParams},
    },
    error::{Error, Result},
    event::{self, InboundEvent},
    health::{Health, HealthCell},
    http,
    inbox::{Inbox, WorkerSettings},
    outbox::Outbox,
    plain::{PlainEngine, PlainParams},
    queues::Queues,
    rest::Rest,
    room::DirectRooms,
    session::Session,
};

/// What [`Account::close`] grants to sends that are under way.
const SEND_GRACE: Duration = Duration::from_secs(2);

/// What [`Account::close`] grants to the disk for the store's generation.
const COUNT_GRACE: Duration = Duration::from_millis(500);

/// Who the homeserver says we are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Our user id.
    pub user_id: String,
    /// Our device id.
    pub device_id: String,
    /// Base URL of the homeserver.
    pub homeserver: String,
}

/// An open account. Cheap to clone; all clones close together.
///
/// Every method but [`Account::identity`] and [`Account::close`] answers `closed` once
/// `close` has been called.
#[derive(Clone)]
pub struct Account {
    inner: Arc<Inner>,
}

struct Inner {
    identity: Identity,
    own_user: OwnedUserId,
    encryption: bool,
    network: NetworkConfig,
    /// The configured one, for what the homeserver asks it for.
    password: Option<Secret>,
    dir: Arc<Dir>,
    rest: Rest,
    engine: Arc<dyn Engine>,
    directs: DirectRooms,
    inbox: Inbox,
    outbox: Outbox,
    /// Files that may be fetched now.
    downloads: Semaphore,
    health: HealthCell,
    workers: WorkerSettings,
    presence: PresenceCell,
    tasks: Tasks,
    closing: AtomicBool,
    closed: OnceCell<()>,
    /// Where everything runs and is dropped.
    runtime: Handle,
}

impl Account {
    /// Lock → HTTP client → stores → token check → restore or log in. Does not sync.
    /// Must be called, and dropped, inside a Tokio runtime that lives longer.
    ///
    /// # Errors
    /// `config_invalid`, `address_blocked`, `store_locked`, `store_corrupt`,
    /// `auth_failed`, `auth_expired`, `account_mismatch`, `device_in_use`: a person has to
    /// do something, the message says what. `network`, `timeout`, `rate_limited`: try
    /// again later.
    pub async fn open(mut config: AccountConfig) -> Result<Self> {
        config.homeserver =
            discovery::base_url(&config.homeserver, &config.network, Some(&config.state_dir))
                .await?;
        http::check_url(&config.homeserver, &config.network)?;
        let http = http::client(&config.network, &config.homeserver)?;
        let dir = {
            let path = config.state_dir.clone();
            Arc::new(blocking(move || Dir::open(&path)).await?)
        };
        let opened = Box::pin(Self::open_in(&config, Arc::clone(&dir), http)).await;
        if opened.is_err() {
            dir.release();
        }
        opened
    }

    async fn open_in(
        config: &AccountConfig,
        dir: Arc<Dir>,
        http: matrix_sdk::reqwest::Client,
    ) -> Result<Self> {
        let (keys, store) = {
            let (config, dir) = (config.clone(), Arc::clone(&dir));
            // Waits for the disk, and for PBKDF2.
            blocking(move || {
                crate::media::clear(&dir.path().join(crate::media::INCOMING));
                repair::stores(&config, &dir)
            })
            .await?
        };
        let (inbox, inbox_lost) = repair::inbox(&dir, &keys).await?;
        inbox.apply_edits(config.edits).await?;
        let outbox = repair::outbox(&dir, &keys).await?;
        let health = HealthCell::new();
        let session =
            Arc::new(Session::establish(config, Arc::clone(&dir), keys, store, http).await?);
        if session.new_device {
            // What was read on another device says nothing about this one.
            inbox.forget_token().await?;
        }
        let presence = PresenceCell::from(config.presence);
        let engine: Arc<dyn Engine> = if session.foreign_device {
            tracing::warn!(
                device = %session.device_id,
                "the token's device belongs to another client: unencrypted rooms only"
            );
            Arc::new(PlainEngine::new(PlainParams {
                rest: session.rest.clone(),
                identity: session.identity(),
                inbox: inbox.clone(),
                health: health.clone(),
                initial_sync_limit: config.initial_sync_limit,
                presence: presence.clone(),
            })?)
        } else {
            Arc::new(
                SdkEngine::open(SdkParams {
                    session: Arc::clone(&session),
                    inbox: inbox.clone(),
                    inbox_lost: inbox_lost && !session.new_device,
                    health: health.clone(),
                    encryption: config.encryption,
                    share_history_on_invite: config.share_history_on_invite,
                    key_recipients: config.key_recipients,
                    initial_sync_limit: config.initial_sync_limit,
                    presence: presence.clone(),
                })
                .await?,
            )
        };
        let notices = {
            let dir = Arc::clone(&dir);
            blocking(move || {
                dir.count_generation()?;
                Ok(dir.notices())
            })
            .await?
        };
        notices.into_iter().for_each(|notice| health.notice(notice));
        Ok(Self {
            inner: Arc::new(Inner {
                identity: session.identity(),
                own_user: session.user_id.clone(),
                encryption: config.encryption,
                network: config.network.clone(),
                password: session.password().cloned(),
                dir,
                rest: session.rest.clone(),
                engine,
                directs: DirectRooms::new(session.rest.clone(), session.user_id.clone()),
                inbox,
                outbox,
                downloads: Semaphore::new(media::DOWNLOADS),
                health,
                workers: WorkerSettings {
                    own_user: session.user_id.clone(),
                    catch_up: config.catch_up,
                    undecryptable_retry: config.undecryptable_retry,
                },
                presence,
                tasks: Tasks::default(),
                closing: AtomicBool::new(false),
                closed: OnceCell::new(),
                runtime: Handle::current(),
            }),
        })
    }

    /// Who we are; does not change while the account is open.
    pub fn identity(&self) -> Identity {
        self.inner.identity.clone()
    }

    /// Starts the sync and the workers; a second call does nothing.
    pub fn start(&self) {
        if self.is_open().is_ok() {
            self.inner.tasks.start(&self.inner);
        }
    }

    /// The next items of the inbox, at least one; `None` once closed.
    ///
    /// # Errors
    /// `store_corrupt` and `internal` if the inbox cannot be read.
    pub async fn next_batch(&self, max: usize) -> Result<Option<Vec<InboundEvent>>> {
        while let Some(rows) = self.inner.inbox.next_batch(max).await? {
            let mut events = Vec::with_capacity(rows.len());
            let mut meaningless = Vec::new();
            for row in &rows {
                match event::parse(row, &self.inner.own_user) {
                    Some(event) => events.push(event),
                    None => meaningless.push(row.seq),
                }
            }
            if !meaningless.is_empty() {
                self.inner.inbox.settle(&meaningless).await?;
            }
            if !events.is_empty() {
                return Ok(Some(events));
            }
        }
        Ok(None)
    }

    /// The host has taken these turns: they are not handed out again in this process.
    ///
    /// # Errors
    /// `internal` if it cannot be stored.
    pub async fn adopt(&self, seqs: &[i64]) -> Result<()> {
        self.is_open()?;
        self.inner.inbox.adopt(seqs).await
    }

    /// Finished: answered, or silence was decided.
    ///
    /// # Errors
    /// `internal` if it cannot be stored.
    pub async fn settle(&self, seqs: &[i64]) -> Result<()> {
        self.is_open()?;
        self.inner.inbox.settle(seqs).await
    }

    /// The turn failed. It is handed out again; the third time it becomes a dead letter
    /// and this is true.
    ///
    /// # Errors
    /// `internal` if it cannot be stored.
    pub async fn fail(&self, seq: i64, reason: &str) -> Result<bool> {
        self.is_open()?;
        self.inner.inbox.fail(seq, reason).await
    }

    /// The queues, for a person to look into.
    pub fn queues(&self) -> Queues {
        Queues::of(
            self.inner.inbox.clone(),
            self.inner.outbox.clone(),
            self.inner.own_user.clone(),
        )
    }

    /// Cross-signing, backup and device state, as far as they can be learned now.
    ///
    /// # Errors
    /// `store_corrupt` if the crypto store cannot be read.
    pub async fn encryption_status(&self) -> Result<EncryptionStatus> {
        self.is_open()?;
        self.inner.engine.encryption_status().await
    }

    /// Everything at a glance.
    ///
    /// # Errors
    /// `internal` if a queue cannot be read.
    pub async fn health(&self) -> Result<Health> {
        self.is_open()?;
        self.inner.health().await
    }

    /// The first health above `since`; `None` once closed.
    ///
    /// # Errors
    /// `internal` if a queue cannot be read.
    pub async fn health_after(&self, since: u64) -> Result<Option<Health>> {
        self.inner.health.after(since).await;
        if self.is_open().is_err() {
            return Ok(None);
        }
        self.inner.health().await.map(Some)
    }

    /// Idempotent; within five seconds. Pending `next_batch` calls answer `None`, what
    /// has not been sent stays in the outbox.
    pub async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        // A task of its own: a caller that stops waiting does not stop it.
        let _ = self
            .inner
            .runtime
            .spawn(async move {
                let closing = Arc::clone(&inner);
                inner
                    .closed
                    .get_or_init(|| async move { closing.close().await })
                    .await;
            })
            .await;
    }

    fn is_open(&self) -> Result<()> {
        if self.inner.closing.load(Ordering::Acquire) {
            Err(Error::closed())
        } else {
            Ok(())
        }
    }
}

impl Inner {
    async fn health(&self) -> Result<Health> {
        let pulse = self.health.now();
        Ok(Health {
            version: pulse.version,
            sync: pulse.sync,
            inbox: self.inbox.counts().await?,
            undecryptable: self.inbox.undecryptable_health().await?,
            outbox: self.outbox.health().await?,
            duplicate_one_time_keys: pulse.duplicate_one_time_keys,
            notices: pulse.notices,
            changed_identities: pulse.changed_identities,
        })
    }

    async fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.inbox.close();
        // As safe as kill -9, by design: what was not committed is asked for again.
        self.tasks.stop().await;
        self.outbox.close(SEND_GRACE).await;
        self.engine.close().await;
        let dir = Arc::clone(&self.dir);
        let counted = blocking(move || dir.count_generation());
        if let Ok(Err(error)) = tokio::time::timeout(COUNT_GRACE, counted).await {
            tracing::warn!(%error, "an older copy of this store could not be told from it later");
        }
        self.inbox.release().await;
        self.health.stopped();
        self.dir.release();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Without `close`: the tasks must not outlive the lock.
        self.tasks.abort();
    }
}

const _: fn() = || {
    fn assert_send_sync<T: Send + Sync>() {}
    assert_send_sync::<Account>();
};
