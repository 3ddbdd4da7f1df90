//! People and rooms, looked up over plain requests with the account's token: for a command that
//! runs beside the gateway. No store is opened, and no lock taken.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use futures_util::{StreamExt as _, stream};
use ruma::{
    OwnedRoomId, OwnedUserId, RoomAliasId, RoomId, UInt, UserId,
    api::client::{
        account::whoami,
        alias::get_alias,
        config::get_global_account_data,
        membership::{get_member_events, joined_rooms},
        profile::get_profile,
        state::get_state_event_for_key::{self, v3::StateEventFormat},
        user_directory::search_users,
    },
    events::{GlobalAccountDataEventType, StateEventType, room::member::MembershipState},
};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::{
    config::{NetworkConfig, Secret},
    dir,
    error::{Error, ErrorCode, Result},
    http,
    rest::Rest,
    room::{CREATOR_POWER, privileged_creators},
};

/// For one request.
const REQUEST: Duration = Duration::from_secs(15);
/// Rooms asked about at once.
const AT_ONCE: usize = 8;

/// Whose eyes to look with.
#[derive(Debug, Clone)]
pub struct DirectoryOptions {
    /// The name in the host's configuration, for error texts.
    pub account_id: String,
    /// The account's folder: the session of its last login serves where no token is given.
    pub state_dir: PathBuf,
    /// Base URL.
    pub homeserver: Url,
    /// The guard.
    pub network: NetworkConfig,
    /// The configured token.
    pub access_token: Option<Secret>,
    /// Unwraps the store key, hence the stored session.
    pub store_passphrase: Option<Secret>,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// The account itself.
    Own,
    /// People of the user directory, or the one with this user id.
    People(String),
    /// Rooms the account is in, direct messages left out.
    Rooms,
    /// Members of a room.
    Members(String),
    /// The room behind an alias.
    Alias(String),
}

/// A person or a room.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DirectoryEntry {
    /// User id or room id.
    pub id: String,
    /// Display name, or the room's name.
    pub name: Option<String>,
    /// A room's alias.
    pub alias: Option<String>,
    /// `mxc` URI.
    pub avatar_url: Option<String>,
    /// A member's power level; [`CREATOR_POWER`] for who stands above all of them.
    pub power_level: Option<i64>,
}

/// Looks it up, at most `limit` entries.
///
/// # Errors
/// `config_invalid` for what is no id or alias, `auth_failed` without a token, `forbidden` for a
/// room the account is not in; what the homeserver answered.
pub async fn look_up(
    options: DirectoryOptions,
    wanted: Wanted,
    limit: usize,
) -> Result<Vec<DirectoryEntry>> {
    http::check_url(&options.homeserver, &options.network)?;
    let token = match options.access_token {
        Some(token) => Some(token),
        None => {
            let (path, passphrase) = (options.state_dir, options.store_passphrase);
            let account_id = options.account_id.clone();
            let stored = move || dir::stored_token(&path, passphrase.as_ref(), &account_id);
            tokio::task::spawn_blocking(stored)
                .await
                .map_err(|e| Error::internal(format!("a task ended early: {e}")))??
                .map(|(_, token)| token)
        }
    };
    let Some(token) = token else {
        return Err(Error::new(
            ErrorCode::AuthFailed,
            format!(
                "the account {} has no token that this command can read; start the gateway once \
                 so that it logs in",
                options.account_id
            ),
        ));
    };
    let client = http::client(&options.network, &options.homeserver)?;
    let directory = Directory {
        rest: Rest::new(client, options.homeserver, Some(token)),
    };
    let mut found = match wanted {
        Wanted::Own => {
            let own = directory.own().await?;
            directory.person(&own).await?.into_iter().collect()
        }
        Wanted::People(term) => match UserId::parse(term.trim()) {
            Ok(user) => directory.person(&user).await?.into_iter().collect(),
            Err(_) => directory.people(&term, limit).await?,
        },
        Wanted::Rooms => directory.rooms().await?,
        Wanted::Members(room) => directory.members(&room).await?,
        Wanted::Alias(alias) => directory.alias(&alias).await?.into_iter().collect(),
    };
    found.truncate(limit);
    Ok(found)
}

struct Directory {
    rest: Rest,
}

impl Directory {
    async fn own(&self) -> Result<OwnedUserId> {
        let answer = self.rest.send(whoami::v3::Request::new(), REQUEST).await?;
        Ok(answer.user_id)
    }

    async fn person(&self, user: &UserId) -> Result<Option<DirectoryEntry>> {
        let request = get_profile::v3::Request::new(user.to_owned());
        let answer = match self.rest.send(request, REQUEST).await {
            Ok(answer) => answer,
            Err(error) if error.code == ErrorCode::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let field = |name| text(answer.get(name));
        Ok(Some(DirectoryEntry {
            id: user.to_string(),
            name: field("displayname"),
            avatar_url: field("avatar_url"),
            ..DirectoryEntry::default()
        }))
    }

    async fn people(&self, term: &str, limit: usize) -> Result<Vec<DirectoryEntry>> {
        let mut request = search_users::v3::Request::new(term.to_owned());
        request.limit = UInt::try_from(limit).unwrap_or(UInt::from(50_u32));
        let answer = self.rest.send(request, REQUEST).await?;
        let people = answer.results.into_iter();
        Ok(people
            .map(|person| DirectoryEntry {
                id: person.user_id.to_string(),
                name: person.display_name,
                avatar_url: person.avatar_url.map(|url| url.to_string()),
                ..DirectoryEntry::default()
            })
            .collect())
    }

    async fn rooms(&self) -> Result<Vec<DirectoryEntry>> {
        let direct = self.direct_rooms().await?;
        let joined = self
            .rest
            .send(joined_rooms::v3::Request::new(), REQUEST)
            .await?
            .joined_rooms;
        let rooms = joined.into_iter().filter(|room| !direct.contains(room));
        let mut found: Vec<_> = stream::iter(rooms.map(|room| self.room(room)))
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .collect::<Result<_>>()?;
        found.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(found)
    }

    async fn room(&self, room: OwnedRoomId) -> Result<DirectoryEntry> {
        let name = self.state(&room, StateEventType::RoomName).await?;
        let alias = self
            .state(&room, StateEventType::RoomCanonicalAlias)
            .await?;
        Ok(DirectoryEntry {
            id: room.to_string(),
            name: text(name.get("name")),
            alias: text(alias.get("alias")),
            ..DirectoryEntry::default()
        })
    }

    async fn direct_rooms(&self) -> Result<HashSet<OwnedRoomId>> {
        let request = get_global_account_data::v3::Request::new(
            self.own().await?,
            GlobalAccountDataEventType::Direct,
        );
        let content: Value = match self.rest.send(request, REQUEST).await {
            Ok(answer) => {
                serde_json::from_str(answer.account_data.json().get()).unwrap_or_default()
            }
            Err(error) if error.code == ErrorCode::NotFound => Value::Null,
            Err(error) => return Err(error),
        };
        let rooms = content.as_object().into_iter().flat_map(|map| map.values());
        Ok(rooms
            .filter_map(Value::as_array)
            .flatten()
            .filter_map(|room| RoomId::parse(room.as_str()?).ok())
            .collect())
    }

    async fn members(&self, room: &str) -> Result<Vec<DirectoryEntry>> {
        #[derive(Deserialize)]
        struct Member {
            state_key: String,
            content: Value,
        }
        let room = match RoomAliasId::parse(room) {
            Ok(alias) => self.room_of(&alias).await?,
            Err(_) => RoomId::parse(room)
                .map_err(|_| invalid(room, "a room id or alias, like !room:example.org"))?,
        };
        let mut request = get_member_events::v3::Request::new(room.clone());
        request.membership = Some(MembershipState::Join);
        let answer = self.rest.send(request, REQUEST).await?;
        let levels = self.state(&room, StateEventType::RoomPowerLevels).await?;
        let creators = self.creators(&room).await?;
        let default = levels.get("users_default").and_then(Value::as_i64);
        let level = |user: &str| {
            if creators.iter().any(|creator| creator == user) {
                return CREATOR_POWER;
            }
            let level = levels.get("users").and_then(|users| users.get(user));
            level.and_then(Value::as_i64).or(default).unwrap_or(0)
        };
        let members = answer.chunk.iter();
        let mut found: Vec<_> = members
            .filter_map(|raw| raw.deserialize_as_unchecked::<Member>().ok())
            .map(|member| DirectoryEntry {
                power_level: Some(level(&member.state_key)),
                id: member.state_key,
                name: text(member.content.get("displayname")),
                avatar_url: text(member.content.get("avatar_url")),
                alias: None,
            })
            .collect();
        found.sort_by(|a, b| (b.power_level, &a.id).cmp(&(a.power_level, &b.id)));
        Ok(found)
    }

    async fn alias(&self, alias: &str) -> Result<Option<DirectoryEntry>> {
        let alias = RoomAliasId::parse(alias)
            .map_err(|_| invalid(alias, "a room alias, like #room:example.org"))?;
        match self.room_of(&alias).await {
            Ok(room) => Ok(Some(DirectoryEntry {
                id: room.to_string(),
                alias: Some(alias.to_string()),
                ..DirectoryEntry::default()
            })),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn room_of(&self, alias: &RoomAliasId) -> Result<OwnedRoomId> {
        let request = get_alias::v3::Request::new(alias.to_owned());
        Ok(self.rest.send(request, REQUEST).await?.room_id)
    }

    /// Members whom the room's version puts above all power levels.
    async fn creators(&self, room: &RoomId) -> Result<Vec<String>> {
        let create = self.ask_state(room, StateEventType::RoomCreate, StateEventFormat::Event);
        Ok(privileged_creators(&create.await?))
    }

    /// The content of a state event; `Null` if there is none.
    async fn state(&self, room: &RoomId, event_type: StateEventType) -> Result<Value> {
        self.ask_state(room, event_type, StateEventFormat::Content)
            .await
    }

    async fn ask_state(
        &self,
        room: &RoomId,
        event_type: StateEventType,
        format: StateEventFormat,
    ) -> Result<Value> {
        let mut request =
            get_state_event_for_key::v3::Request::new(room.to_owned(), event_type, String::new());
        request.format = format;
        match self.rest.send(request, REQUEST).await {
            Ok(answer) => {
                Ok(serde_json::from_str(answer.event_or_content.get()).unwrap_or_default())
            }
            Err(error) if error.code == ErrorCode::NotFound => Ok(Value::Null),
            Err(error) => Err(error),
        }
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn invalid(text: &str, wanted: &str) -> Error {
    let shown: String = text.chars().take(100).collect();
    Error::new(
        ErrorCode::ConfigInvalid,
        format!("{shown:?} is not {wanted}"),
    )
}
