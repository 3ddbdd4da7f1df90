//! Where messages to a person go, and putting that right (`openclaw matrix direct …`).
//!
//! A room is *strict* if exactly the two of us have joined it (service members aside,
//! MSC4171), as the homeserver says now.

use std::{collections::HashSet, time::Duration};

use futures_util::{StreamExt, stream};
use ruma::{
    OwnedRoomId, OwnedUserId, RoomId, UserId,
    api::client::membership::{joined_members, joined_rooms},
};
use serde_json::Value;

use super::{Account, ids};
use crate::{
    error::{ErrorCode, Result},
    health::SyncState,
    room::DirectMap,
};

const REQUEST: Duration = Duration::from_secs(30);
/// Rooms asked for their members at once.
const AT_ONCE: usize = 8;
/// A room with more members is looked at no further.
const SERVICE_ROOM: usize = 6;
const FUNCTIONAL_MEMBERS: &str = "io.element.functional_members";

/// A room that `m.direct` names for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedRoom {
    /// The room.
    pub room_id: String,
    /// Exactly we two are in it.
    pub strict: bool,
    /// Who is in it; `None` if we are not, or no longer.
    pub joined_members: Option<Vec<String>>,
}

/// What stands between us and a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectInspection {
    /// The person.
    pub remote_user_id: String,
    /// We.
    pub self_user_id: String,
    /// The rooms of `m.direct`, in its order.
    pub mapped_rooms: Vec<MappedRoom>,
    /// Strict rooms that `m.direct` does not name for them.
    pub discovered_strict_room_ids: Vec<String>,
    /// Where a message to them should go: the best strict room.
    pub active_room_id: Option<String>,
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq)]
pub struct DirectRepair {
    /// How things stand now.
    pub inspection: DirectInspection,
    /// The active room is encrypted.
    pub encrypted: bool,
    /// There was no strict room; this one is new, and the person is invited.
    pub created_room_id: Option<String>,
    /// `m.direct` was written.
    pub changed: bool,
    /// `m.direct` as it was.
    pub content_before: Value,
    /// `m.direct` as it is.
    pub content_after: Value,
}

impl Account {
    /// Which rooms serve as a DM with this person, and which of them is in use.
    ///
    /// # Errors
    /// `config_invalid` if it is no user id, or our own; what the homeserver answered.
    pub async fn inspect_direct(&self, user_id: &str) -> Result<DirectInspection> {
        self.is_open()?;
        let user_id = ids::user(user_id)?;
        self.inner.directs.not_ourselves(&user_id)?;
        let map = self.inner.directs.read().await?;
        Ok(self.look(&user_id, &map).await?.0)
    }

    /// Puts the best strict room at the head of the person's list in `m.direct`; with none
    /// the one they are invited to, else a new one, encrypted if the account encrypts.
    /// Nothing else is changed, and no room is left.
    ///
    /// # Errors
    /// `config_invalid` if it is no user id, or our own; what the homeserver answered.
    pub async fn repair_direct(&self, user_id: &str) -> Result<DirectRepair> {
        self.is_open()?;
        let user_id = ids::user(user_id)?;
        let inner = &self.inner;
        inner.directs.not_ourselves(&user_id)?;
        let mut turn = inner.directs.turn().await;
        let map = inner.directs.read().await?;
        let (mut inspection, pending) = self.look(&user_id, &map).await?;
        let strict = inspection
            .active_room_id
            .as_deref()
            .map(ids::room)
            .transpose()?;
        let known = match strict.or(pending) {
            Some(room_id) => Some(room_id),
            None => turn.made(&user_id).await,
        };
        let (active, created) = match known {
            Some(room_id) => (room_id, false),
            None => (turn.create(&user_id, inner.encryption).await?, true),
        };
        let (before, after) = turn.write(&user_id, &active).await?;
        let changed = before != after;
        if changed {
            // As it is now: somebody else may have written in between.
            inspection.mapped_rooms = self.mapped(&user_id, &after).await?;
            inspection
                .discovered_strict_room_ids
                .retain(|room_id| *room_id != active);
        }
        inspection.active_room_id = Some(active.to_string());
        let encrypted = if created {
            inner.encryption
        } else {
            self.state(&active, "m.room.encryption".into(), "")
                .await?
                .is_some()
        };
        Ok(DirectRepair {
            inspection,
            encrypted,
            created_room_id: created.then(|| active.to_string()),
            changed,
            content_before: Value::Object(before),
            content_after: Value::Object(after),
        })
    }

    /// How things stand, and without a strict room the one where the person's answer to
    /// our invite is waited for.
    async fn look(
        &self,
        user_id: &OwnedUserId,
        map: &DirectMap,
    ) -> Result<(DirectInspection, Option<OwnedRoomId>)> {
        let inner = &self.inner;
        let mapped_rooms = self.mapped(user_id, map).await?;
        // What a send would take; before the first sync the store knows too little.
        let synced = matches!(inner.health.now().sync.state, SyncState::Running);
        let candidates = if synced {
            inner.engine.direct_candidates(user_id).await?
        } else {
            Vec::new()
        };
        let named: HashSet<&str> = mapped_rooms
            .iter()
            .map(|room| room.room_id.as_str())
            .collect();
        let others: Vec<OwnedRoomId> = if synced {
            candidates.clone()
        } else {
            let request = joined_rooms::v3::Request::new();
            inner.rest.send(request, REQUEST).await?.joined_rooms
        };
        let others: Vec<OwnedRoomId> = others
            .into_iter()
            .filter(|room_id| !named.contains(room_id.as_str()))
            .collect();
        let discovered: Vec<String> = stream::iter(others)
            .map(|room_id| async move {
                let members = self.members(&room_id).await?;
                let strict = match members {
                    Some(members) => self.is_strict(&room_id, &members, user_id).await?,
                    None => false,
                };
                Ok(strict.then(|| room_id.to_string()))
            })
            .buffered(AT_ONCE)
            .collect::<Vec<Result<Option<String>>>>()
            .await
            .into_iter()
            .filter_map(Result::transpose)
            .collect::<Result<_>>()?;
        let strict_mapped = || {
            let strict = mapped_rooms.iter().filter(|room| room.strict);
            strict.map(|room| room.room_id.as_str())
        };
        let active = if synced {
            let mut sendable = candidates.iter().map(|room_id| room_id.as_str());
            sendable.find(|room_id| {
                strict_mapped().any(|strict| strict == *room_id)
                    || discovered.iter().any(|strict| strict == room_id)
            })
        } else {
            let first = discovered.first().map(String::as_str);
            strict_mapped().next().or(first)
        };
        let inspection = DirectInspection {
            remote_user_id: user_id.to_string(),
            self_user_id: inner.own_user.to_string(),
            active_room_id: active.map(ToOwned::to_owned),
            discovered_strict_room_ids: discovered,
            mapped_rooms,
        };
        let mut pending = None;
        for room_id in candidates {
            // The homeserver's word: the store may still have them in a room they left.
            if self.is_expected(&room_id, user_id).await? {
                pending = Some(room_id);
                break;
            }
        }
        Ok((inspection, pending))
    }

    /// Whether the person is in a room, or is invited to it.
    async fn is_expected(&self, room_id: &RoomId, user_id: &UserId) -> Result<bool> {
        let member = self.state(room_id, "m.room.member".into(), user_id.as_str());
        match member.await {
            Ok(member) => Ok(member.is_some_and(|content| {
                let membership = content.get("membership").and_then(Value::as_str);
                matches!(membership, Some("join" | "invite"))
            })),
            // We are not in it any more.
            Err(error) if error.code == ErrorCode::Forbidden => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The person's rooms in `m.direct`, each once.
    async fn mapped(&self, user_id: &OwnedUserId, map: &DirectMap) -> Result<Vec<MappedRoom>> {
        let mut seen = HashSet::new();
        let named: Vec<String> = map
            .get(user_id.as_str())
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter(|room_id| seen.insert(*room_id))
            .map(ToOwned::to_owned)
            .collect();
        stream::iter(named)
            .map(|text| async move {
                let Ok(room_id) = RoomId::parse(&text) else {
                    return Ok(MappedRoom {
                        room_id: text,
                        strict: false,
                        joined_members: None,
                    });
                };
                let members = self.members(&room_id).await?;
                Ok(MappedRoom {
                    strict: match &members {
                        Some(members) => self.is_strict(&room_id, members, user_id).await?,
                        None => false,
                    },
                    room_id: text,
                    joined_members: members,
                })
            })
            .buffered(AT_ONCE)
            .collect::<Vec<Result<MappedRoom>>>()
            .await
            .into_iter()
            .collect()
    }

    /// Who has joined; `None` if we are not in the room.
    async fn members(&self, room_id: &RoomId) -> Result<Option<Vec<String>>> {
        let request = joined_members::v3::Request::new(room_id.to_owned());
        match self.inner.rest.send(request, REQUEST).await {
            Ok(answer) => Ok(Some(
                answer.joined.keys().map(ToString::to_string).collect(),
            )),
            Err(error) if matches!(error.code, ErrorCode::Forbidden | ErrorCode::NotFound) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn is_strict(
        &self,
        room_id: &RoomId,
        members: &[String],
        user_id: &UserId,
    ) -> Result<bool> {
        let own = self.inner.own_user.as_str();
        let has = |id: &str| members.iter().any(|member| member == id);
        if !has(own) || !has(user_id.as_str()) || members.len() > SERVICE_ROOM {
            return Ok(false);
        }
        if members.len() == 2 {
            return Ok(true);
        }
        let service = self.state(room_id, FUNCTIONAL_MEMBERS.into(), "").await?;
        let service: Vec<&str> = service
            .as_ref()
            .and_then(|content| content.get("service_members")?.as_array())
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        Ok(members.iter().all(|member| {
            member == own || member == user_id.as_str() || service.contains(&member.as_str())
        }))
    }
}
