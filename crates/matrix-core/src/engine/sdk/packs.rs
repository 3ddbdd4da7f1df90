//! Image packs (MSC2545) as the SDK's store has them.

use matrix_sdk::deserialized_responses::RawAnySyncOrStrippedState;
use ruma::{
    RoomId,
    events::{GlobalAccountDataEventType, StateEventType},
};
use serde::Deserialize;
use serde_json::Value;

use super::SdkEngine;
use crate::{error::Result, room::pack_rooms};

/// Packs of other rooms that are looked at.
const MAX_FOREIGN: usize = 50;

/// What is read of a state event.
#[derive(Deserialize)]
struct PackEvent {
    #[serde(default)]
    state_key: String,
    content: Value,
}

impl SdkEngine {
    pub(super) async fn packs(&self, room_id: &RoomId) -> Result<Vec<Value>> {
        let client = self.client().await?;
        let room = Self::room(&client, room_id)?;
        let mut packs = own_packs(&room, None).await?;
        let account = client.account();
        packs.extend(account_data(&account, "im.ponies.user_emotes").await?);
        let rooms = account_data(&account, "im.ponies.emote_rooms").await?;
        let rooms = rooms.unwrap_or_default();
        for (foreign, key) in pack_rooms(&rooms).take(MAX_FOREIGN) {
            let Ok(foreign) = RoomId::parse(foreign) else {
                continue;
            };
            if let Some(room) = client.get_room(&foreign) {
                packs.extend(own_packs(&room, Some(key)).await?);
            }
        }
        Ok(packs)
    }
}

async fn account_data(account: &matrix_sdk::Account, name: &str) -> Result<Option<Value>> {
    let name = GlobalAccountDataEventType::from(name);
    let content = account.account_data_raw(name).await?;
    Ok(content.and_then(|content| serde_json::from_str(content.json().get()).ok()))
}

/// The packs of a room, in the order of their keys; or one of them.
async fn own_packs(room: &matrix_sdk::Room, key: Option<&str>) -> Result<Vec<Value>> {
    let events = room
        .get_state_events(StateEventType::from("im.ponies.room_emotes"))
        .await?;
    let mut packs: Vec<PackEvent> = events
        .iter()
        .filter_map(|event| {
            let json = match event {
                RawAnySyncOrStrippedState::Sync(raw) => raw.json(),
                RawAnySyncOrStrippedState::Stripped(raw) => raw.json(),
            };
            serde_json::from_str(json.get()).ok()
        })
        .filter(|pack: &PackEvent| key.is_none_or(|key| pack.state_key == key))
        .collect();
    packs.sort_by(|a, b| a.state_key.cmp(&b.state_key));
    Ok(packs.into_iter().map(|pack| pack.content).collect())
}
