//! All of Matrix that the plugin needs, on matrix-sdk: login, sync, encryption,
//! the durable inbound and outbound queues, text and HTML. It knows neither Node
//! nor OpenClaw; `matrix-node` puts it behind a napi boundary.
//!
//! The way in: [`engine`] syncs, [`inbox`] stores a step and its token in one
//! transaction, [`Account::next_batch`] hands rows out, the caller settles them.
//! The way out: [`send`] renders, [`outbox`] stores and sends with one transaction
//! id for life.
#![recursion_limit = "256"]

mod account;
mod blocking;
mod config;
pub mod crypto;
mod dir;
pub mod directory;
mod discovery;
mod engine;
mod error;
pub mod event;
#[cfg(test)]
mod fake_engine;
mod health;
mod http;
mod inbox;
mod interactive;
mod media;
mod outbox;
mod plain;
mod probe;
#[cfg(test)]
mod property;
mod queue_file;
mod queues;
mod rest;
pub mod room;
pub mod send;
mod session;
mod trust;

pub use account::{
    Account, DirectInspection, DirectRepair, Identity, MappedRoom, NewRoom, OwnDevice,
    ProfileOutcome, ProfileWish, Removal, RoomEdit, RoomPowers, Thread, ThreadPage, UserPower,
};
pub use config::{AccountConfig, Auth, CatchUp, NetworkConfig, Presence, Secret};
pub use dir::{LockHolder, lock_holder, stored_identity};
pub use error::{Error, ErrorCode, Result};
pub use health::{
    Health, Notice, NoticeKind, OutboxHealth, SyncHealth, SyncState, UndecryptableCause,
    UndecryptableHealth,
};
pub use inbox::InboxCounts;
pub use media::Downloaded;
pub use outbox::{OutboxEntry, OutboxItem, OutboxState};
pub use probe::{ProbeOptions, ProbeResult, probe};
pub use queues::{DeadLetter, Queues};
pub use session::{DeviceLogin, LoggedOut, LoginPrompt, Renewal, Renewed, log_out, renew_device};
pub use trust::{ChangedIdentity, KeyRecipients, SenderCheck};
