//! The validated configuration of one account.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use ruma::{OwnedDeviceId, OwnedUserId, presence::PresenceState};
use url::Url;

use crate::trust::KeyRecipients;

/// A secret that never prints and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(zeroize::Zeroizing<String>);

impl Secret {
    /// Takes the secret over.
    pub fn new(value: impl Into<String>) -> Self {
        Self(zeroize::Zeroizing::new(value.into()))
    }

    /// The secret itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How the account proves who it is.
#[derive(Debug, Clone)]
pub enum Auth {
    /// An access token made elsewhere; `/account/whoami` tells user and device.
    AccessToken {
        /// The token.
        token: Secret,
        /// If set, must be the token's user.
        user_id: Option<OwnedUserId>,
        /// If set, must be the token's device.
        device_id: Option<OwnedDeviceId>,
    },
    /// `m.login.password`; the session is kept, so that one login serves for ever (AUT-2).
    Password {
        /// Full user id or localpart.
        user_id: String,
        /// The password.
        password: Secret,
        /// Log in on this device instead of a new one.
        device_id: Option<OwnedDeviceId>,
    },
    /// Use the session that an earlier login left in the folder (AUT-5).
    Stored {
        /// If set, must be the stored session's user.
        user_id: Option<OwnedUserId>,
        /// If set, must be the stored session's device.
        device_id: Option<OwnedDeviceId>,
    },
}

/// What the network guard lets through.
#[derive(Debug, Clone, Default)]
pub struct NetworkConfig {
    /// Permit private, loopback, link-local, CGNAT and single-label homeservers.
    pub allow_private: bool,
    /// `http`, `https` or `socks5` proxy; nothing is read from the environment.
    pub proxy: Option<Url>,
    /// PEM file with further roots.
    pub extra_ca_certs: Option<PathBuf>,
    /// The homeserver is named by its server name: the URL is that server's, and its
    /// `.well-known/matrix/client` says where the homeserver is.
    pub discover: bool,
}

/// Bounds of the gap filler.
#[derive(Debug, Clone, Copy)]
pub struct CatchUp {
    /// Older events are skipped.
    pub max_age: Duration,
    /// At most this many events a room and gap.
    pub max_events: u32,
}

/// What others see of an account while it syncs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Presence {
    /// Nothing: syncing does not make it appear.
    #[default]
    Off,
    /// There.
    Online,
    /// There, and idle.
    Unavailable,
}

impl Presence {
    /// `set_presence` of a sync.
    pub(crate) fn state(self) -> PresenceState {
        match self {
            Self::Off => PresenceState::Offline,
            Self::Online => PresenceState::Online,
            Self::Unavailable => PresenceState::Unavailable,
        }
    }
}

/// The presence as it is at this moment. All clones are one: what is set counts from the next
/// sync on.
#[derive(Debug, Clone)]
pub(crate) struct PresenceCell(Arc<AtomicU8>);

impl PresenceCell {
    /// The value of now.
    pub fn get(&self) -> Presence {
        match self.0.load(Ordering::Relaxed) {
            1 => Presence::Online,
            2 => Presence::Unavailable,
            _ => Presence::Off,
        }
    }

    /// Changes it.
    pub fn set(&self, presence: Presence) {
        self.0.store(presence as u8, Ordering::Relaxed);
    }
}

impl From<Presence> for PresenceCell {
    fn from(presence: Presence) -> Self {
        Self(Arc::new(AtomicU8::new(presence as u8)))
    }
}

/// Everything an account needs to open.
#[derive(Debug, Clone)]
pub struct AccountConfig {
    /// The name in the host's configuration, for logs and error texts.
    pub account_id: String,
    /// The account's own folder.
    pub state_dir: PathBuf,
    /// Base URL of the homeserver.
    pub homeserver: Url,
    /// Who we are.
    pub auth: Auth,
    /// Display name of a newly made device.
    pub device_name: String,
    /// Whether encrypted rooms are read and written.
    pub encryption: bool,
    /// The network guard.
    pub network: NetworkConfig,
    /// Wraps the store key.
    pub store_passphrase: Option<Secret>,
    /// Timeline limit of the first sync.
    pub initial_sync_limit: Option<u32>,
    /// How long an undecryptable event waits for its key.
    pub undecryptable_retry: Duration,
    /// Bounds of the gap filler.
    pub catch_up: CatchUp,
    /// Whether an edit changes the message while it waits to be handed out.
    pub edits: bool,
    /// MSC4268, both ways.
    pub share_history_on_invite: bool,
    /// Which devices get the keys of what we send.
    pub key_recipients: KeyRecipients,
    /// What others see of it while it syncs.
    pub presence: Presence,
}
