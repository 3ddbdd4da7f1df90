//! What the SDK tells beside the sync: room keys arrived, a backup became readable, a
//! one-time key was refused.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{FutureExt, StreamExt};
use matrix_sdk::{Client, SqliteCryptoStore, encryption::backups::BackupState};
use ruma::OwnedRoomId;
use tokio::{
    sync::{Notify, broadcast::error::RecvError},
    task::AbortHandle,
};
use tracing::Instrument;

use super::{SdkEngine, trust};
use crate::{error::Error, health::HealthCell};

/// Rooms whose keys arrived and nobody has asked for yet. Keys that come between two
/// calls of [`Self::next`] are not lost.
#[derive(Debug, Default)]
pub(super) struct KeysArrived {
    rooms: Mutex<Rooms>,
    some: Notify,
}

#[derive(Debug, Default)]
enum Rooms {
    #[default]
    None,
    These(HashSet<OwnedRoomId>),
    Any,
}

impl KeysArrived {
    /// Waits for keys; `None` for any room. For one reader.
    pub async fn next(&self) -> Option<Vec<OwnedRoomId>> {
        loop {
            let some = self.some.notified();
            let rooms = {
                let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
                std::mem::take(&mut *rooms)
            };
            match rooms {
                Rooms::None => some.await,
                Rooms::These(rooms) => return Some(rooms.into_iter().collect()),
                Rooms::Any => return None,
            }
        }
    }

    fn these(&self, new: impl IntoIterator<Item = OwnedRoomId>) {
        let mut rooms = self.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *rooms {
            Rooms::Any => {}
            Rooms::These(rooms) => rooms.extend(new),
            none @ Rooms::None => *none = Rooms::These(new.into_iter().collect()),
        }
        drop(rooms);
        self.some.notify_one();
    }

    /// Keys of any room may have come.
    pub fn any(&self) {
        *self.rooms.lock().unwrap_or_else(PoisonError::into_inner) = Rooms::Any;
        self.some.notify_one();
    }
}

/// A task per signal of one client; aborted when dropped.
#[derive(Debug)]
pub(super) struct Watch(Vec<AbortHandle>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

impl Watch {
    pub async fn start(
        client: &Client,
        store: &SqliteCryptoStore,
        arrived: Arc<KeysArrived>,
        health: HealthCell,
    ) -> Self {
        let identities = trust::watch(client.clone(), store.clone(), health.clone());
        let mut tasks = vec![tokio::spawn(identities.in_current_span()).abort_handle()];
        if let Some(keys) = client.encryption().room_keys_received_stream().await {
            let arrived = Arc::clone(&arrived);
            tasks.push(
                tokio::spawn(async move {
                    let mut keys = std::pin::pin!(keys);
                    while let Some(news) = keys.next().await {
                        match news {
                            Ok(keys) => arrived.these(keys.into_iter().map(|key| key.room_id)),
                            // More than the stream holds.
                            Err(_) => arrived.any(),
                        }
                    }
                })
                .abort_handle(),
            );
        }
        let backups = client.encryption().backups().state_stream();
        tasks.push(
            tokio::spawn(async move {
                let mut backups = std::pin::pin!(backups);
                while let Some(state) = backups.next().await {
                    if matches!(state, Ok(BackupState::Enabled)) {
                        arrived.any();
                    }
                }
            })
            .abort_handle(),
        );
        let mut duplicates = client.subscribe_to_duplicate_key_upload_errors();
        tasks.push(
            tokio::spawn(
                async move {
                    while !matches!(duplicates.recv().await, Err(RecvError::Closed)) {
                        tracing::error!(
                            "the homeserver refused a one-time key: its id was used before; was \
                             an old copy of the account's folder put back?"
                        );
                        health.duplicate_one_time_keys();
                    }
                }
                .in_current_span()
                .boxed(),
            )
            .abort_handle(),
        );
        Self(tasks)
    }
}

impl SdkEngine {
    /// The end of this run if the homeserver has refused one-time keys and the next start
    /// can do something about it.
    pub(super) async fn refused_keys(&self) -> Option<Error> {
        if !self.params.health.now().duplicate_one_time_keys {
            return None;
        }
        match self.params.session.give_device_up().await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::warn!(%error, "the device with refused keys stays in use for now");
                None
            }
        }
    }
}
