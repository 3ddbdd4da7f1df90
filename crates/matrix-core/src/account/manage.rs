//! Making, changing and moderating rooms; and what others see of us.

use std::time::Duration;

use ruma::{
    OwnedRoomId, OwnedUserId, RoomId,
    api::client::{
        membership::{ban_user, forget_room, joined_rooms, kick_user, unban_user},
        presence::set_presence,
        room::create_room,
        state::get_state_event_for_key::{self, v3::StateEventFormat},
    },
    events::{
        AnyInitialStateEvent, InitialStateEvent, StateEventType,
        room::encryption::RoomEncryptionEventContent,
    },
    serde::Raw,
};
use serde_json::{Value, json};

use super::{Account, ids};
use crate::{
    config::Presence,
    error::{Error, ErrorCode, Result},
    room::{CREATOR_POWER, RoomInfo, privileged_creators},
};

const REQUEST: Duration = Duration::from_secs(30);
/// A new room may have to ask other homeservers about those it invites.
const CREATE: Duration = Duration::from_secs(90);

/// Needed to change a room, and to keep people out of it, where the room does not say.
const STATE_DEFAULT: i64 = 50;

/// A room to be made.
#[derive(Debug, Clone, Default)]
pub struct NewRoom {
    /// What people see.
    pub name: Option<String>,
    /// What it is about.
    pub topic: Option<String>,
    /// Who is invited.
    pub invite: Vec<String>,
    /// Messages in it are encrypted.
    pub encrypted: bool,
    /// A space: it holds other rooms instead of messages.
    pub space: bool,
    /// Everybody may join.
    pub public: bool,
    /// The space it is to lie in.
    pub parent: Option<String>,
}

/// What a room shall say of itself; what is left out stays as it is.
#[derive(Debug, Clone, Default)]
pub struct RoomEdit {
    /// What people see.
    pub name: Option<String>,
    /// What it is about.
    pub topic: Option<String>,
    /// An `mxc:` URI, or an `https:` URL that is fetched and uploaded.
    pub avatar_url: Option<String>,
}

/// How somebody is kept out of a room, or let in again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// May come back.
    Kick,
    /// May not.
    Ban,
    /// May again.
    Unban,
}

/// Somebody's power in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPower {
    /// Whose.
    pub user_id: String,
    /// [`CREATOR_POWER`] for who stands above all levels.
    pub power_level: i64,
}

/// Who may do what in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomPowers {
    /// Those who have more or less than all others, the mightiest first.
    pub users: Vec<UserPower>,
    /// What all others have.
    pub users_default: i64,
    /// Needed to write.
    pub events_default: i64,
    /// Needed to change the room.
    pub state_default: i64,
    /// Needed to invite.
    pub invite: i64,
    /// Needed to remove somebody.
    pub kick: i64,
    /// Needed to ban somebody.
    pub ban: i64,
    /// Needed to delete others' messages.
    pub redact: i64,
}

impl Account {
    /// The rooms the account is in, as far as the sync has told of them.
    ///
    /// # Errors
    /// What the homeserver answered.
    pub async fn joined_rooms(&self) -> Result<Vec<RoomInfo>> {
        self.is_open()?;
        let request = joined_rooms::v3::Request::new();
        let joined = self.inner.rest.send(request, REQUEST).await?.joined_rooms;
        let mut rooms = Vec::with_capacity(joined.len());
        for room_id in joined {
            match self.inner.engine.room_info(&room_id).await {
                Ok(room) => rooms.push(room),
                // Joined a moment ago.
                Err(error) if error.code == ErrorCode::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(rooms)
    }

    /// Makes a room, or a space; its id.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; what the homeserver answered. A room that could
    /// not be put into its space is made all the same, and the error says so.
    pub async fn create_room(&self, new: NewRoom) -> Result<String> {
        use create_room::v3::{Request, RoomPreset};
        self.is_open()?;
        let invite: Vec<OwnedUserId> = new
            .invite
            .iter()
            .map(|user| ids::user(user))
            .collect::<Result<_>>()?;
        let parent = new.parent.as_deref().map(ids::room).transpose()?;
        let mut request = Request::new();
        request.name = new.name;
        request.topic = new.topic;
        request.invite = invite;
        request.preset = Some(if new.public {
            RoomPreset::PublicChat
        } else {
            RoomPreset::PrivateChat
        });
        if new.space {
            request.creation_content = Some(raw(&json!({ "type": "m.space" }))?.cast_unchecked());
            // Nobody talks in a space.
            let levels = raw(&json!({ "events_default": 100 }))?;
            request.power_level_content_override = Some(levels.cast_unchecked());
        } else if new.encrypted {
            let content = RoomEncryptionEventContent::with_recommended_defaults();
            let event = InitialStateEvent::with_empty_state_key(content);
            request.initial_state.push(event.to_raw_any());
        }
        if let Some(parent) = &parent {
            let event: Raw<AnyInitialStateEvent> = raw(&json!({
                "type": "m.space.parent",
                "state_key": parent,
                "content": { "via": [self.inner.own_user.server_name()], "canonical": true },
            }))?
            .cast_unchecked();
            request.initial_state.push(event);
        }
        let room_id = self.inner.rest.send(request, CREATE).await?.room_id;
        if let Some(parent) = parent {
            self.write_child(&parent, &room_id, true)
                .await
                .map_err(|error| Error {
                    message: format!(
                        "{room_id} was made, but not put into {parent}: {}",
                        error.message
                    ),
                    ..error
                })?;
        }
        Ok(room_id.to_string())
    }

    /// Changes what a room says of itself.
    ///
    /// # Errors
    /// `config_invalid` for a picture that is none, `forbidden` without the power; what the
    /// homeserver answered.
    pub async fn edit_room(&self, room_id: &str, edit: RoomEdit) -> Result<()> {
        self.is_open()?;
        let room_id = ids::room(room_id)?;
        if let Some(name) = edit.name {
            let content = json!({ "name": name });
            self.write_state(&room_id, StateEventType::RoomName, "", &content)
                .await?;
        }
        if let Some(topic) = edit.topic {
            let content = json!({ "topic": topic });
            self.write_state(&room_id, StateEventType::RoomTopic, "", &content)
                .await?;
        }
        if let Some(picture) = edit.avatar_url {
            let content = json!({ "url": self.picture(&picture).await? });
            self.write_state(&room_id, StateEventType::RoomAvatar, "", &content)
                .await?;
        }
        Ok(())
    }

    /// Puts a room into a space, or takes it out.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none, `forbidden` without the power in the space; what
    /// the homeserver answered.
    pub async fn set_space_child(&self, space_id: &str, room_id: &str, child: bool) -> Result<()> {
        self.is_open()?;
        let (space_id, room_id) = (ids::room(space_id)?, ids::room(room_id)?);
        self.write_child(&space_id, &room_id, child).await
    }

    async fn write_child(&self, space_id: &RoomId, room_id: &RoomId, child: bool) -> Result<()> {
        // An empty content is no child any more.
        let content = if child {
            json!({ "via": [self.inner.own_user.server_name()] })
        } else {
            json!({})
        };
        let event_type = StateEventType::SpaceChild;
        self.write_state(space_id, event_type, room_id.as_str(), &content)
            .await
    }

    /// Removes somebody from a room, bans them, or lifts the ban.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none, `forbidden` without the power; what the homeserver
    /// answered.
    pub async fn remove_member(
        &self,
        room_id: &str,
        user_id: &str,
        how: Removal,
        reason: Option<String>,
    ) -> Result<()> {
        self.is_open()?;
        let (room_id, user_id) = (ids::room(room_id)?, ids::user(user_id)?);
        let rest = &self.inner.rest;
        match how {
            Removal::Kick => {
                let mut request = kick_user::v3::Request::new(room_id, user_id);
                request.reason = reason;
                rest.send(request, REQUEST).await.map(drop)
            }
            Removal::Ban => {
                let mut request = ban_user::v3::Request::new(room_id, user_id);
                request.reason = reason;
                rest.send(request, REQUEST).await.map(drop)
            }
            Removal::Unban => {
                let mut request = unban_user::v3::Request::new(room_id, user_id);
                request.reason = reason;
                rest.send(request, REQUEST).await.map(drop)
            }
        }
    }

    /// Who may do what in a room.
    ///
    /// # Errors
    /// `config_invalid` if `room_id` is none; what the homeserver answered.
    pub async fn room_powers(&self, room_id: &str) -> Result<RoomPowers> {
        self.is_open()?;
        let room_id = ids::room(room_id)?;
        let levels = self
            .state(&room_id, StateEventType::RoomPowerLevels, "")
            .await?
            .unwrap_or_default();
        Ok(powers(&levels, &self.creators(&room_id).await?))
    }

    /// Gives somebody a power level; without one they have what all others have.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none and for a creator, who stands above all levels;
    /// `forbidden` without the power; what the homeserver answered.
    pub async fn set_power_level(
        &self,
        room_id: &str,
        user_id: &str,
        level: Option<i64>,
    ) -> Result<()> {
        self.is_open()?;
        let (room_id, user_id) = (ids::room(room_id)?, ids::user(user_id)?);
        if self
            .creators(&room_id)
            .await?
            .contains(&user_id.to_string())
        {
            return Err(Error::new(
                ErrorCode::ConfigInvalid,
                format!("{user_id} has made {room_id} and stands above all power levels there"),
            ));
        }
        let event_type = StateEventType::RoomPowerLevels;
        let Some(Value::Object(mut levels)) = self.state(&room_id, event_type.clone(), "").await?
        else {
            // Writing the first one would take the creator's power away.
            return Err(Error::new(
                ErrorCode::NotFound,
                format!("{room_id} has no power levels that could be changed"),
            ));
        };
        let users = levels.entry("users").or_insert_with(|| json!({}));
        if let Some(users) = users.as_object_mut() {
            match level {
                Some(level) => users.insert(user_id.to_string(), level.into()),
                None => users.remove(user_id.as_str()),
            };
        }
        self.write_state(&room_id, event_type, "", &Value::Object(levels))
            .await
    }

    async fn creators(&self, room_id: &OwnedRoomId) -> Result<Vec<String>> {
        let mut request = get_state_event_for_key::v3::Request::new(
            room_id.clone(),
            StateEventType::RoomCreate,
            String::new(),
        );
        request.format = StateEventFormat::Event;
        let answer = self.inner.rest.send(request, REQUEST).await?;
        let create: Value = serde_json::from_str(answer.event_or_content.get()).unwrap_or_default();
        Ok(privileged_creators(&create))
    }

    /// Lets the homeserver forget a room that was left.
    ///
    /// # Errors
    /// `config_invalid` if `room_id` is none; what the homeserver answered.
    pub async fn forget_room(&self, room_id: &str) -> Result<()> {
        self.is_open()?;
        let request = forget_room::v3::Request::new(ids::room(room_id)?);
        self.inner.rest.send(request, REQUEST).await.map(drop)
    }

    /// What others see of us, and a line with it, until the account is opened anew.
    ///
    /// # Errors
    /// What the homeserver answered.
    pub async fn set_presence(&self, presence: Presence, status: Option<String>) -> Result<()> {
        self.is_open()?;
        // The sync says it again and again.
        self.inner.presence.set(presence);
        let mut request =
            set_presence::v3::Request::new(self.inner.own_user.clone(), presence.state());
        request.status_msg = status;
        self.inner.rest.send(request, REQUEST).await.map(drop)
    }
}

fn raw(value: &Value) -> Result<Raw<Value>> {
    Raw::new(value).map_err(|error| Error::internal(format!("a room's content: {error}")))
}

/// The content of `m.room.power_levels`, with the specification's defaults.
fn powers(levels: &Value, creators: &[String]) -> RoomPowers {
    let number = |key: &str, default| levels.get(key).and_then(Value::as_i64).unwrap_or(default);
    let named = levels.get("users").and_then(Value::as_object);
    let mut users: Vec<UserPower> = named
        .into_iter()
        .flatten()
        .filter_map(|(user_id, level)| {
            Some(UserPower {
                user_id: user_id.clone(),
                power_level: level.as_i64()?,
            })
        })
        .filter(|user| !creators.contains(&user.user_id))
        .chain(creators.iter().map(|creator| UserPower {
            user_id: creator.clone(),
            power_level: CREATOR_POWER,
        }))
        .collect();
    users.sort_by(|a, b| (b.power_level, &a.user_id).cmp(&(a.power_level, &b.user_id)));
    RoomPowers {
        users,
        users_default: number("users_default", 0),
        events_default: number("events_default", 0),
        state_default: number("state_default", STATE_DEFAULT),
        invite: number("invite", 0),
        kick: number("kick", STATE_DEFAULT),
        ban: number("ban", STATE_DEFAULT),
        redact: number("redact", STATE_DEFAULT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(version: &str) -> Value {
        json!({
            "type": "m.room.create",
            "sender": "@maker:hs.test",
            "content": { "room_version": version, "additional_creators": ["@second:hs.test"] },
        })
    }

    #[test]
    fn dir_1_creators_stand_above_all_levels_from_version_12_on() {
        assert!(privileged_creators(&create("11")).is_empty());
        assert!(privileged_creators(&json!({ "content": {} })).is_empty());
        let creators = privileged_creators(&create("12"));
        assert_eq!(creators, ["@maker:hs.test", "@second:hs.test"]);
    }

    #[test]
    fn act_19_powers_have_the_specifications_defaults() {
        let levels = json!({ "users": { "@mod:hs.test": 50, "@maker:hs.test": 7 }, "ban": 60 });
        let powers = powers(&levels, &["@maker:hs.test".to_owned()]);
        let users: Vec<_> = powers
            .users
            .iter()
            .map(|user| (user.user_id.as_str(), user.power_level))
            .collect();
        assert_eq!(
            users,
            [("@maker:hs.test", CREATOR_POWER), ("@mod:hs.test", 50)]
        );
        assert_eq!((powers.ban, powers.kick, powers.invite), (60, 50, 0));
        assert_eq!((powers.users_default, powers.events_default), (0, 0));
    }
}
