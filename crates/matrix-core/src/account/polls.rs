//! Polls: asked, answered, counted, ended (MSC3381); and places.

use std::collections::HashMap;

use ruma::{OwnedEventId, OwnedRoomId, events::StateEventType};
use serde_json::Value;

use super::{Account, ids};
use crate::{
    engine::Ask,
    error::{Error, ErrorCode, Result},
    event::{NewEvent, PollStart, is_poll_end, is_poll_response, is_poll_start, poll_response},
    outbox::OutboxEntry,
    room::{Poll, PollAnswer},
    send::{self, SendLocation, SendPoll},
};

/// Pages of votes that are counted, a hundred each.
const MAX_PAGES: usize = 50;
/// Power to redact others' messages, hence to end their polls, unless the room says otherwise.
const DEFAULT_REDACT: i64 = 50;

impl Account {
    /// Asks a room something.
    ///
    /// # Errors
    /// `config_invalid` for a poll that clients would not show; see [`Self::send_text`].
    pub async fn send_poll(&self, request: SendPoll) -> Result<OutboxEntry> {
        let part = send::poll_part(&request)?;
        self.enqueue(request.key, request.target.room_id, vec![part], None, None)
            .await
    }

    /// Sends a place on the map.
    ///
    /// # Errors
    /// `config_invalid` for coordinates that are on no map; see [`Self::send_text`].
    pub async fn send_location(&self, request: SendLocation) -> Result<OutboxEntry> {
        let part = send::location_part(&request)?;
        self.enqueue(request.key, request.target.room_id, vec![part], None, None)
            .await
    }

    /// Votes; an empty vote takes the former one back.
    ///
    /// # Errors
    /// `not_found` if there is no such poll, `config_invalid` for answers it does not have or
    /// for more of them than it allows, `forbidden` once it has ended; see [`Self::send_text`].
    pub async fn vote(
        &self,
        room_id: &str,
        event_id: &str,
        answers: &[String],
        key: Option<String>,
    ) -> Result<OutboxEntry> {
        let poll = self.known_poll(room_id, event_id).await?;
        let known = || {
            let answers = poll.answers.iter();
            answers
                .map(|a| a.id.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        if let Some(wrong) = answers
            .iter()
            .find(|id| !poll.answers.iter().any(|answer| answer.id == **id))
        {
            return Err(Error::new(
                ErrorCode::ConfigInvalid,
                format!(
                    "{wrong:?} is no answer of this poll; its answers are {}",
                    known()
                ),
            ));
        }
        if answers.len() > poll.max_selections as usize {
            return Err(Error::new(
                ErrorCode::ConfigInvalid,
                format!("this poll takes {} answer(s) at most", poll.max_selections),
            ));
        }
        if poll.ended {
            return Err(Error::new(
                ErrorCode::Forbidden,
                "this poll has ended; votes count no more",
            ));
        }
        let part = send::poll_response_part(&ids::event(event_id)?, answers);
        self.enqueue(key, ids::room(room_id)?, vec![part], None, None)
            .await
    }

    /// Ends a poll and says its outcome.
    ///
    /// # Errors
    /// `not_found` if there is no such poll, `forbidden` for somebody else's without the power
    /// to redact; see [`Self::send_text`].
    pub async fn end_poll(
        &self,
        room_id: &str,
        event_id: &str,
        key: Option<String>,
    ) -> Result<OutboxEntry> {
        let poll = self.known_poll(room_id, event_id).await?;
        let room = ids::room(room_id)?;
        let own = self.inner.own_user.to_string();
        if !self.may_end(&room, &own, &poll.sender).await? {
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!(
                    "the poll is {}'s; only its author, or who may delete others' messages, can end it",
                    poll.sender
                ),
            ));
        }
        let part = send::poll_end_part(&ids::event(event_id)?, &outcome(&poll));
        self.enqueue(key, room, vec![part], None, None).await
    }

    /// A poll and its votes as far as they can be read; `None` if the event is no poll.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; what the homeserver answered.
    pub async fn poll(&self, room_id: &str, event_id: &str) -> Result<Option<Poll>> {
        self.is_open()?;
        let (room, event) = (ids::room(room_id)?, ids::event(event_id)?);
        let page = self.inner.engine.read(&room, Ask::Event(&event), 1).await?;
        let Some((start, first)) = page.events.first().and_then(|first| {
            let (kind, content) = parts(first)?;
            is_poll_start(&kind)
                .then(|| PollStart::read(content.as_object()?))
                .flatten()
                .map(|start| (start, first))
        }) else {
            return Ok(None);
        };
        let sender = first.sender.to_string();
        let mut related = self
            .related(&room, &event, "m.reference", MAX_PAGES)
            .await?
            .events;
        // The homeserver could put unencrypted votes into anybody's mouth.
        related.retain(|event| event.encrypted || !first.encrypted);
        let end = self.end_of(&room, &sender, &related).await?;
        let votes = votes(&start, &event, &related, end);
        let own = votes
            .get(self.inner.own_user.as_str())
            .cloned()
            .unwrap_or_default();
        Ok(Some(Poll {
            event_id: event.to_string(),
            sender,
            voters: u32::try_from(votes.values().filter(|ids| !ids.is_empty()).count())
                .unwrap_or(u32::MAX),
            answers: start
                .answers
                .into_iter()
                .map(|(id, text)| {
                    let mut voters: Vec<String> = votes
                        .iter()
                        .filter(|(_, ids)| ids.contains(&id))
                        .map(|(user, _)| user.clone())
                        .collect();
                    voters.sort();
                    PollAnswer {
                        id,
                        text,
                        votes: u32::try_from(voters.len()).unwrap_or(u32::MAX),
                        voters,
                    }
                })
                .collect(),
            question: start.question,
            max_selections: u32::try_from(start.max_selections).unwrap_or(u32::MAX),
            disclosed: start.disclosed,
            ended: end.is_some(),
            own,
        }))
    }

    async fn known_poll(&self, room_id: &str, event_id: &str) -> Result<Poll> {
        self.poll(room_id, event_id).await?.ok_or_else(|| {
            Error::new(
                ErrorCode::NotFound,
                format!("{event_id} is no poll of {room_id} that can be read"),
            )
        })
    }

    /// When the poll was ended by somebody who may; the first such end counts.
    async fn end_of(
        &self,
        room: &OwnedRoomId,
        author: &str,
        related: &[NewEvent],
    ) -> Result<Option<u64>> {
        for event in related {
            if parts(event).is_some_and(|(kind, _)| is_poll_end(&kind))
                && self.may_end(room, event.sender.as_str(), author).await?
            {
                return Ok(Some(event.origin_server_ts));
            }
        }
        Ok(None)
    }

    async fn may_end(&self, room: &OwnedRoomId, user: &str, author: &str) -> Result<bool> {
        if user == author {
            return Ok(true);
        }
        let member = self
            .inner
            .engine
            .member(room, &ids::user(user)?)
            .await?
            .map_or(0, |member| member.power_level);
        let levels = self
            .state(room, StateEventType::RoomPowerLevels, "")
            .await?;
        let redact = levels
            .as_ref()
            .and_then(|levels| levels.get("redact"))
            .and_then(Value::as_i64)
            .unwrap_or(DEFAULT_REDACT);
        Ok(member >= redact)
    }
}

/// Type and content.
fn parts(event: &NewEvent) -> Option<(String, Value)> {
    let mut whole: Value = serde_json::from_str(&event.json).ok()?;
    let redacted = whole.pointer("/unsigned/redacted_because");
    if redacted.is_some_and(|because| !because.is_null()) {
        return None;
    }
    let kind = whole.get("type")?.as_str()?.to_owned();
    Some((kind, whole.get_mut("content")?.take()))
}

/// Everybody's last vote before the end, reduced to what the poll allows.
fn votes(
    start: &PollStart,
    poll: &OwnedEventId,
    related: &[NewEvent],
    end: Option<u64>,
) -> HashMap<String, Vec<String>> {
    let mut votes: HashMap<String, (u64, Vec<String>)> = HashMap::new();
    for event in related {
        let at = event.origin_server_ts;
        if end.is_some_and(|end| at > end) {
            continue;
        }
        let Some((target, chosen)) = parts(event)
            .filter(|(kind, _)| is_poll_response(kind))
            .and_then(|(_, content)| poll_response(content.as_object()?))
        else {
            continue;
        };
        if *poll != target {
            continue;
        }
        let mut answers: Vec<String> = Vec::new();
        for id in chosen {
            if answers.len() < start.max_selections
                && !answers.contains(&id)
                && start.answers.iter().any(|(known, _)| *known == id)
            {
                answers.push(id);
            }
        }
        let vote = votes.entry(event.sender.to_string()).or_default();
        if at >= vote.0 {
            *vote = (at, answers);
        }
    }
    votes
        .into_iter()
        .map(|(user, (_, answers))| (user, answers))
        .collect()
}

/// The outcome for people.
fn outcome(poll: &Poll) -> String {
    let most = poll.answers.iter().map(|answer| answer.votes).max();
    let Some(most) = most.filter(|most| *most > 0) else {
        return format!("The poll has ended: {} Nobody voted.", poll.question);
    };
    let top: Vec<_> = poll
        .answers
        .iter()
        .filter(|answer| answer.votes == most)
        .map(|answer| answer.text.as_str())
        .collect();
    format!(
        "The poll has ended: {} Top answer: {} ({most} of {} vote(s)).",
        poll.question,
        top.join(", "),
        poll.voters
    )
}
