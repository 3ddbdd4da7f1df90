//! Direct messages: the account's `m.direct` map, the rooms that serve as one, and
//! making a new one (Client-Server API, module «Direct Messaging»).

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use matrix_sdk::Client;
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::{
        config::{get_global_account_data, set_global_account_data},
        room::create_room,
    },
    events::{
        GlobalAccountDataEventType, InitialStateEvent, room::encryption::RoomEncryptionEventContent,
    },
    serde::Raw,
};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, MutexGuard};

use super::info::{is_alone_with, membership, others};
use crate::{
    error::{Error, ErrorCode, Result},
    event::Membership,
    rest::Rest,
};

/// For one request.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a room made here counts although the sync has not brought it yet.
const NEW_ROOM: Duration = Duration::from_secs(60);

/// `m.direct`: lists of rooms by user id.
pub(crate) type DirectMap = Map<String, Value>;

/// Opens and records an account's direct messages, one at a time. Cheap to clone; all clones
/// share the turn.
#[derive(Clone)]
pub(crate) struct DirectRooms {
    rest: Rest,
    own_user: OwnedUserId,
    /// Two turns at once would make two rooms for one person, and lose one's change to `m.direct`.
    turn: Arc<Mutex<Made>>,
}

/// Rooms that were made here, and when.
type Made = HashMap<OwnedUserId, (OwnedRoomId, Instant)>;

/// The right to change `m.direct` and to make rooms.
pub(crate) struct Turn<'a> {
    directs: &'a DirectRooms,
    made: MutexGuard<'a, Made>,
}

impl DirectRooms {
    /// For the account that `rest` speaks for.
    pub fn new(rest: Rest, own_user: OwnedUserId) -> Self {
        Self {
            rest,
            own_user,
            turn: Arc::default(),
        }
    }

    /// The room to write to this person in, and whether it was made now: the first of the
    /// `candidates` (see [`Engine::direct_candidates`](crate::engine::Engine::direct_candidates);
    /// asked for when it is this call's turn), else a new one, encrypted if `encrypt`. Either is
    /// in `m.direct` afterwards.
    ///
    /// # Errors
    /// `config_invalid` for our own id; else what the homeserver answers.
    pub async fn open(
        &self,
        user_id: &UserId,
        candidates: impl Future<Output = Result<Vec<OwnedRoomId>>>,
        encrypt: bool,
    ) -> Result<(OwnedRoomId, bool)> {
        self.not_ourselves(user_id)?;
        let mut turn = self.turn().await;
        let known = match candidates.await?.into_iter().next() {
            Some(room_id) => Some(room_id),
            None => turn.made(user_id).await,
        };
        if let Some(room_id) = known {
            turn.note(user_id, &room_id).await;
            return Ok((room_id, false));
        }
        let room_id = turn.create(user_id, encrypt).await?;
        turn.note(user_id, &room_id).await;
        Ok((room_id, true))
    }

    /// Records a room as a DM with this person, e.g. after joining on their invite.
    ///
    /// # Errors
    /// What the homeserver answers.
    pub async fn mark(&self, user_id: &UserId, room_id: &RoomId) -> Result<()> {
        self.turn().await.write(user_id, room_id).await.map(drop)
    }

    /// Waits until nobody else of this account changes `m.direct`.
    pub async fn turn(&self) -> Turn<'_> {
        Turn {
            directs: self,
            made: self.turn.lock().await,
        }
    }

    /// # Errors
    /// `config_invalid` for our own id.
    pub fn not_ourselves(&self, user_id: &UserId) -> Result<()> {
        if user_id != self.own_user {
            return Ok(());
        }
        Err(Error::new(
            ErrorCode::ConfigInvalid,
            format!("{user_id} is this account itself: name another user"),
        ))
    }

    /// `m.direct` as the homeserver has it now.
    ///
    /// # Errors
    /// What the homeserver answers.
    pub async fn read(&self) -> Result<DirectMap> {
        let request = get_global_account_data::v3::Request::new(
            self.own_user.clone(),
            GlobalAccountDataEventType::Direct,
        );
        match self.rest.send(request, TIMEOUT).await {
            // What is no map names no room; it is replaced.
            Ok(answer) => {
                Ok(serde_json::from_str(answer.account_data.json().get()).unwrap_or_default())
            }
            Err(error) if error.code == ErrorCode::NotFound => Ok(Map::new()),
            Err(error) => Err(error),
        }
    }
}

impl Turn<'_> {
    /// The room is of use even if the note of it failed; the next opening tries again.
    async fn note(&self, user_id: &UserId, room_id: &RoomId) {
        if let Err(error) = self.write(user_id, room_id).await {
            tracing::warn!(%room_id, %error, "m.direct not updated");
        }
    }

    /// Puts the room at the head of the person's list in `m.direct`, as the homeserver has it now;
    /// everything else in it stays as it is. What it was, and what it is.
    ///
    /// # Errors
    /// What the homeserver answers.
    pub async fn write(
        &self,
        user_id: &UserId,
        room_id: &RoomId,
    ) -> Result<(DirectMap, DirectMap)> {
        let before = self.directs.read().await?;
        let mut map = before.clone();
        if !put_first(&mut map, user_id, room_id) {
            return Ok((before, map));
        }
        let content = serde_json::value::to_raw_value(&map)
            .map_err(|error| Error::internal(format!("m.direct: {error}")))?;
        let request = set_global_account_data::v3::Request::new_raw(
            self.directs.own_user.clone(),
            GlobalAccountDataEventType::Direct,
            Raw::from_json(content),
        );
        self.directs.rest.send(request, TIMEOUT).await?;
        Ok((before, map))
    }

    /// A new room with this person, who is invited.
    ///
    /// # Errors
    /// What the homeserver answers.
    pub async fn create(&mut self, user_id: &UserId, encrypt: bool) -> Result<OwnedRoomId> {
        let mut request = create_room::v3::Request::new();
        request.preset = Some(create_room::v3::RoomPreset::TrustedPrivateChat);
        request.is_direct = true;
        request.invite = vec![user_id.to_owned()];
        if encrypt {
            let content = RoomEncryptionEventContent::with_recommended_defaults();
            request.initial_state =
                vec![InitialStateEvent::with_empty_state_key(content).to_raw_any()];
        }
        let room_id = self.directs.rest.send(request, TIMEOUT).await?.room_id;
        self.made
            .insert(user_id.to_owned(), (room_id.clone(), Instant::now()));
        Ok(room_id)
    }

    /// The room that was just made for them, of which the sync may not know yet; `None` if
    /// they have declined or left since.
    pub async fn made(&self, user_id: &UserId) -> Option<OwnedRoomId> {
        let (room_id, at) = self.made.get(user_id)?;
        if at.elapsed() >= NEW_ROOM {
            return None;
        }
        let path = [
            "_matrix",
            "client",
            "v3",
            "rooms",
            room_id.as_str(),
            "state",
            "m.room.member",
            user_id.as_str(),
        ];
        let member = self.directs.rest.get(&path, TIMEOUT).await.ok()?;
        let there = matches!(member.get("membership")?.as_str()?, "invite" | "join");
        there.then(|| room_id.clone())
    }
}

/// Puts the room first in the person's list; whether that changed anything.
fn put_first(map: &mut Map<String, Value>, user_id: &UserId, room_id: &RoomId) -> bool {
    let list = map
        .entry(user_id.as_str())
        .or_insert_with(|| Value::Array(Vec::new()));
    if !list.is_array() {
        *list = Value::Array(Vec::new());
    }
    let Some(rooms) = list.as_array_mut() else {
        return false;
    };
    if rooms.first().and_then(Value::as_str) == Some(room_id.as_str()) {
        return false;
    }
    rooms.retain(|room| room.as_str() != Some(room_id.as_str()));
    rooms.insert(0, room_id.as_str().into());
    true
}

/// The rooms we joined that serve as a DM with this person, best first: nobody else is in them or
/// invited (service members aside, MSC4171), they have no successor, and the person is there, or
/// was asked there and `m.direct` names the room. Rooms of `m.direct` come before others,
/// encrypted ones before plain ones, lively ones before quiet ones.
///
/// # Errors
/// If the store cannot be read.
pub(crate) async fn direct_candidates(
    client: &Client,
    user_id: &UserId,
) -> Result<Vec<OwnedRoomId>> {
    let mut candidates = Vec::new();
    for room in client.joined_rooms() {
        let mapped = room
            .direct_targets()
            .iter()
            .any(|target| target.as_user_id() == Some(user_id));
        let service = room.service_members().map_or(0, |members| members.len()) as u64;
        let people = room.active_members_count().saturating_sub(service);
        // Cheap questions first: hundreds of rooms are asked.
        if people > 2 || room.is_tombstoned() || room.is_space() {
            continue;
        }
        if !mapped && room.get_member_no_sync(user_id).await?.is_none() && {
            let heroes = room.heroes();
            !heroes.iter().any(|hero| hero.user_id == user_id)
        } {
            continue;
        }
        let others = others(&room).await?;
        if !is_alone_with(&room, &others, user_id) {
            continue;
        }
        let joined = others
            .iter()
            .any(|member| member.user_id() == user_id && membership(member) == Membership::Join);
        if !joined && !mapped {
            continue;
        }
        let recency = room.recency_stamp().map(u64::from);
        let rank = (
            !joined,
            !mapped,
            !room.encryption_state().is_encrypted(),
            std::cmp::Reverse(recency),
        );
        candidates.push((rank, room.room_id().to_owned()));
    }
    candidates.sort_by_key(|(rank, _)| *rank);
    Ok(candidates.into_iter().map(|(_, room_id)| room_id).collect())
}

#[cfg(test)]
mod tests {
    use ruma::{room_id, user_id};
    use serde_json::json;

    use super::*;

    #[test]
    fn ses_10_the_room_goes_to_the_head_of_m_direct_and_nothing_is_lost() {
        let mut map = json!({
            "@a:hs.test": ["!old:hs.test", "!new:hs.test"],
            "@b:hs.test": ["!b:hs.test"],
            "email:x@y.test": ["!c:hs.test"],
            "@broken:hs.test": "nonsense",
        });
        let map = map.as_object_mut().expect("an object");
        assert!(put_first(
            map,
            user_id!("@a:hs.test"),
            room_id!("!new:hs.test")
        ));
        assert!(!put_first(
            map,
            user_id!("@a:hs.test"),
            room_id!("!new:hs.test")
        ));
        assert!(put_first(
            map,
            user_id!("@broken:hs.test"),
            room_id!("!r:hs.test")
        ));
        assert!(put_first(
            map,
            user_id!("@c:hs.test"),
            room_id!("!c:hs.test")
        ));
        assert_eq!(
            Value::Object(map.clone()),
            json!({
                "@a:hs.test": ["!new:hs.test", "!old:hs.test"],
                "@b:hs.test": ["!b:hs.test"],
                "email:x@y.test": ["!c:hs.test"],
                "@broken:hs.test": ["!r:hs.test"],
                "@c:hs.test": ["!c:hs.test"],
            })
        );
    }
}
