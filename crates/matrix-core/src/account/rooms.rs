//! Rooms, members, and the signals that may be lost.

use std::{collections::HashMap, time::Duration};

use ruma::{
    OwnedServerName, OwnedUserId, RoomAliasId, RoomOrAliasId, UInt,
    api::client::{
        alias::get_alias,
        membership::{invite_user, join_room_by_id_or_alias, leave_room},
        receipt::create_receipt,
        typing::create_typing_event,
        user_directory::search_users,
    },
    events::receipt::ReceiptThread,
};

use super::{Account, ids};
use crate::{
    error::{ErrorCode, Result},
    room::{FetchedMessage, FoundUser, MemberInfo, PendingInvite, RoomInfo, of_history},
};

const REQUEST: Duration = Duration::from_secs(30);
/// A join waits for the room's other homeservers.
const JOIN: Duration = Duration::from_secs(180);
/// Events asked for with one request.
const PAGE: u32 = 100;
/// A room of nothing but state events is not searched to its beginning.
const PAGES: usize = 5;
/// A sign that is late is worth nothing.
const SIGN: Duration = Duration::from_secs(10);

impl Account {
    /// Shows or ends "is typing" in a room, for up to `timeout`. May be lost: trouble is
    /// logged.
    ///
    /// # Errors
    /// `config_invalid` if `room_id` is none.
    pub async fn set_typing(&self, room_id: &str, typing: bool, timeout: Duration) -> Result<()> {
        use create_typing_event::v3::{Request, Typing, TypingInfo};
        self.is_open()?;
        let room_id = ids::room(room_id)?;
        let state = if typing {
            Typing::Yes(TypingInfo::new(timeout))
        } else {
            Typing::No
        };
        let request = Request::new(self.inner.own_user.clone(), room_id, state);
        if let Err(error) = self.inner.rest.send(request, SIGN).await {
            tracing::debug!(%error, "typing could not be shown");
        }
        Ok(())
    }

    /// Marks a message, and everything before it, as read.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; what the homeserver answered.
    pub async fn send_receipt(
        &self,
        room_id: &str,
        event_id: &str,
        thread_root_id: Option<&str>,
        public: bool,
    ) -> Result<()> {
        use create_receipt::v3::{ReceiptType, Request};
        self.is_open()?;
        let kind = if public {
            ReceiptType::Read
        } else {
            ReceiptType::ReadPrivate
        };
        let mut request = Request::new(ids::room(room_id)?, kind, ids::event(event_id)?);
        if let Some(root) = thread_root_id {
            request.thread = ReceiptThread::Thread(ids::event(root)?);
        }
        self.inner.rest.send(request, SIGN).await?;
        Ok(())
    }

    /// Joins a room, or accepts an invite to it; an invite to a direct message puts the
    /// room into `m.direct`. Returns the room id.
    ///
    /// # Errors
    /// `config_invalid` for what is neither id nor alias; what the homeserver answered.
    pub async fn join_room(&self, room_id_or_alias: &str, via: &[String]) -> Result<String> {
        use join_room_by_id_or_alias::v3::Request;
        self.is_open()?;
        let target = RoomOrAliasId::parse(room_id_or_alias)
            .map_err(|_| ids::invalid(room_id_or_alias, "a room id or alias"))?;
        let mut request = Request::new(target);
        request.via = via
            .iter()
            .map(|name| {
                OwnedServerName::try_from(name.as_str())
                    .map_err(|_| ids::invalid(name, "a server name"))
            })
            .collect::<Result<_>>()?;
        let inviter = self.direct_inviter(room_id_or_alias).await;
        let joined = self
            .inner
            .engine
            .join(&request.room_id_or_alias, &request.via);
        let room_id = match joined.await? {
            Some(room_id) => room_id,
            None => self.inner.rest.send(request, JOIN).await?.room_id,
        };
        if let Some(inviter) = inviter {
            // As the specification has it for accepted direct invites; the room is joined
            // all the same.
            let marked = self.inner.directs.mark(&inviter, &room_id).await;
            if let Err(error) = marked {
                tracing::warn!(%room_id, %error, "m.direct not updated");
            }
        }
        Ok(room_id.to_string())
    }

    async fn direct_inviter(&self, room_id: &str) -> Option<OwnedUserId> {
        let room_id = ids::room(room_id).ok()?;
        self.inner
            .engine
            .direct_inviter(&room_id)
            .await
            .unwrap_or_else(|error| {
                tracing::warn!(%room_id, %error, "the invite cannot be read");
                None
            })
    }

    /// Invites somebody. With `shareHistoryOnInvite` they get the keys of what was said
    /// before, too, where the room lets new members read that (MSC4268).
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; what the homeserver answered.
    pub async fn invite(&self, room_id: &str, user_id: &str) -> Result<()> {
        use invite_user::v3::{InvitationRecipient, InviteUserId, Request};
        self.is_open()?;
        let (room_id, user_id) = (ids::room(room_id)?, ids::user(user_id)?);
        if !self.inner.engine.invite(&room_id, &user_id).await? {
            let recipient = InvitationRecipient::UserId(InviteUserId::new(user_id));
            let request = Request::new(room_id, recipient);
            self.inner.rest.send(request, REQUEST).await?;
        }
        Ok(())
    }

    /// Leaves a room, or rejects an invite to it.
    ///
    /// # Errors
    /// `config_invalid` if `room_id` is none; what the homeserver answered.
    pub async fn leave_room(&self, room_id: &str) -> Result<()> {
        self.is_open()?;
        let request = leave_room::v3::Request::new(ids::room(room_id)?);
        self.inner.rest.send(request, REQUEST).await?;
        Ok(())
    }

    /// What is known of a room.
    ///
    /// # Errors
    /// `not_found` for a room that this account has never been in or invited to.
    pub async fn room_info(&self, room_id: &str) -> Result<RoomInfo> {
        self.is_open()?;
        self.inner.engine.room_info(&ids::room(room_id)?).await
    }

    /// A member of a room; `None` if they never were one.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; what the homeserver answered.
    pub async fn member(&self, room_id: &str, user_id: &str) -> Result<Option<MemberInfo>> {
        self.is_open()?;
        let (room_id, user_id) = (ids::room(room_id)?, ids::user(user_id)?);
        self.inner.engine.member(&room_id, &user_id).await
    }

    /// Room id and servers; `None` if there is no such alias.
    ///
    /// # Errors
    /// `config_invalid` if it is no alias; what the homeserver answered.
    pub async fn resolve_alias(&self, alias: &str) -> Result<Option<(String, Vec<String>)>> {
        self.is_open()?;
        let alias = RoomAliasId::parse(alias)
            .map_err(|_| ids::invalid(alias, "a room alias, like #room:example.org"))?;
        match self
            .inner
            .rest
            .send(get_alias::v3::Request::new(alias), REQUEST)
            .await
        {
            Ok(answer) => Ok(Some((
                answer.room_id.to_string(),
                answer.servers.iter().map(ToString::to_string).collect(),
            ))),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A DM with this person: the best there is, or a new one, encrypted if the account
    /// is. Returns the room id, and whether it was made now.
    ///
    /// # Errors
    /// `config_invalid` if it is no user id, or our own; what the homeserver answered.
    pub async fn open_dm(&self, user_id: &str) -> Result<(String, bool)> {
        self.is_open()?;
        let user_id = ids::user(user_id)?;
        let (room_id, made) = self
            .inner
            .directs
            .open(
                &user_id,
                self.inner.engine.direct_candidates(&user_id),
                self.inner.encryption,
            )
            .await?;
        Ok((room_id.to_string(), made))
    }

    /// Looks up one message, decrypted if possible; `None` if there is none.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; what the homeserver answered.
    pub async fn fetch_message(
        &self,
        room_id: &str,
        event_id: &str,
    ) -> Result<Option<FetchedMessage>> {
        self.is_open()?;
        let (room_id, event_id) = (ids::room(room_id)?, ids::event(event_id)?);
        self.inner.engine.fetch_message(&room_id, &event_id).await
    }

    /// The newest messages of a room, at most `limit`, oldest first, in their newest wording.
    /// Those that cannot be decrypted are left out.
    ///
    /// # Errors
    /// `config_invalid` if `room_id` is none; what the homeserver answered.
    pub async fn recent_messages(&self, room_id: &str, limit: u32) -> Result<Vec<FetchedMessage>> {
        self.is_open()?;
        let room_id = ids::room(room_id)?;
        let limit = limit as usize;
        let engine = &self.inner.engine;
        let mut edits = HashMap::new();
        let mut messages: Vec<FetchedMessage> = Vec::new();
        let mut from: Option<String> = None;
        for _ in 0..PAGES {
            let page = engine
                .history(&room_id, from.as_deref(), None, PAGE)
                .await?;
            let mut older = of_history(page.events, &self.inner.own_user, &mut edits);
            older.append(&mut messages);
            messages = older;
            from = page.next;
            if from.is_none() || messages.len() >= limit {
                break;
            }
        }
        messages.drain(..messages.len().saturating_sub(limit));
        let mut names: HashMap<String, Option<String>> = HashMap::new();
        for message in &mut messages {
            if !names.contains_key(&message.sender) {
                // Without a name the id says who it was.
                let member = match ids::user(&message.sender) {
                    Ok(user_id) => engine.member(&room_id, &user_id).await.ok().flatten(),
                    Err(_) => None,
                };
                let name = member.and_then(|member| member.display_name);
                names.insert(message.sender.clone(), name);
            }
            message.sender_name = names.get(&message.sender).cloned().flatten();
        }
        Ok(messages)
    }

    /// The invites that wait for an answer.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn invites(&self) -> Result<Vec<PendingInvite>> {
        self.is_open()?;
        self.inner.engine.invites().await
    }

    /// Whether the account's user ignores this one (`m.ignored_user_list`).
    ///
    /// # Errors
    /// `config_invalid` if it is no user id; what the homeserver answered.
    pub async fn ignores(&self, user_id: &str) -> Result<bool> {
        self.is_open()?;
        self.inner.engine.ignores(&ids::user(user_id)?).await
    }

    /// Users whose name or id the homeserver's directory finds by this term, at most `limit`.
    ///
    /// # Errors
    /// What the homeserver answered.
    pub async fn search_users(&self, term: &str, limit: u32) -> Result<Vec<FoundUser>> {
        self.is_open()?;
        let mut request = search_users::v3::Request::new(term.to_owned());
        request.limit = UInt::from(limit);
        let answer = self.inner.rest.send(request, REQUEST).await?;
        let found = answer.results.into_iter().map(|user| FoundUser {
            user_id: user.user_id.to_string(),
            display_name: user.display_name.filter(|name| !name.is_empty()),
        });
        Ok(found.collect())
    }
}
