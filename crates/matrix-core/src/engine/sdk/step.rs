//! From one answer of `/sync` to what the inbox commits.

use matrix_sdk::{
    deserialized_responses::TimelineEvent,
    sync::{JoinedRoomUpdate, LeftRoomUpdate, RoomUpdates, Timeline},
};
use ruma::{OwnedUserId, RoomId, UserId, api::client::sync::sync_events::v3::InvitedRoom};
use serde::Deserialize;
use serde_json::json;

use super::timeline::{self, KeySources, Sorted};
use crate::{
    event::NewEvent,
    health::now_ms,
    inbox::{NewGap, SyncStep},
};

/// What the answer answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Since<'a> {
    /// The first sync ever: invites only, no history.
    Never,
    /// Going on from this token.
    Token(&'a str),
    /// A first sync for the SDK, but not for the inbox: what was missed lies in gaps.
    /// Holds the token they end at, if it still means something to the homeserver.
    Lost(Option<&'a str>),
}

/// How steps are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Maker<'a> {
    pub own_user: &'a UserId,
    pub since: Since<'a>,
    /// Whether encrypted events are wanted.
    pub encryption: bool,
    /// Why a key may be missing.
    pub sources: KeySources,
}

impl Maker<'_> {
    /// The step that ends at `next_batch`.
    pub fn step(&self, next_batch: String, rooms: &RoomUpdates) -> SyncStep {
        let mut step = SyncStep {
            token: next_batch,
            ..SyncStep::default()
        };
        for (room_id, invited) in &rooms.invited {
            step.events.extend(self.invite(room_id, invited));
        }
        if self.since == Since::Never {
            return step;
        }
        for (room_id, joined) in &rooms.joined {
            self.joined(room_id, joined, &mut step);
        }
        for (room_id, left) in &rooms.left {
            self.left(room_id, left, &mut step);
        }
        step
    }

    fn joined(&self, room_id: &RoomId, update: &JoinedRoomUpdate, step: &mut SyncStep) {
        if let Since::Lost(token) = self.since {
            // What the answer happens to hold may be new, answered long ago, or older than
            // us: the history up to where the inbox stood tells.
            step.gaps.push(NewGap {
                room_id: room_id.to_owned(),
                from: step.token.clone(),
                to: token.map(ToOwned::to_owned),
            });
            return;
        }
        let events = &update.timeline.events;
        let begin = self.begin(events);
        for event in &events[begin.unwrap_or(0)..] {
            match timeline::sort(room_id, event, false, self.sources) {
                Sorted::Readable(event) if event.encrypted && !self.encryption => {}
                Sorted::Readable(event) => step.events.push(event),
                Sorted::Undecryptable(event) if self.encryption => step.undecryptable.push(event),
                Sorted::Undecryptable(_) | Sorted::Malformed => {}
            }
        }
        if begin.is_none() {
            step.gaps.extend(self.gap(room_id, &update.timeline));
        }
    }

    /// A room we just joined comes with history that is not for us. What is begins with
    /// the invite: who invites us may speak before we have joined. Without an invite
    /// it begins with our join. `None` for a room that we have been in.
    fn begin(&self, events: &[TimelineEvent]) -> Option<usize> {
        let own: Vec<(usize, OwnMembership)> = events
            .iter()
            .enumerate()
            .filter_map(|(index, event)| Some((index, OwnMembership::of(event, self.own_user)?)))
            .collect();
        let (join, _) = *own
            .iter()
            .rev()
            .find(|(_, own)| own.now == "join" && own.before.as_deref() != Some("join"))?;
        let invited = own
            .iter()
            .rev()
            .find(|(index, own)| *index < join && own.now == "invite");
        Some(invited.map_or(join, |(index, _)| *index))
    }

    /// Of a room that we are out of only that is told.
    fn left(&self, room_id: &RoomId, update: &LeftRoomUpdate, step: &mut SyncStep) {
        if matches!(self.since, Since::Lost(_)) {
            return;
        }
        for event in &update.timeline.events {
            if OwnMembership::of(event, self.own_user).is_some()
                && let Sorted::Readable(event) = timeline::sort(room_id, event, false, self.sources)
            {
                step.events.push(event);
            }
        }
    }

    fn gap(&self, room_id: &RoomId, timeline: &Timeline) -> Option<NewGap> {
        let to = match self.since {
            Since::Token(token) if timeline.limited => token,
            Since::Token(_) | Since::Never | Since::Lost(_) => return None,
        };
        Some(NewGap {
            room_id: room_id.to_owned(),
            from: timeline.prev_batch.clone()?,
            to: Some(to.to_owned()),
        })
    }

    /// `{"type":"invite", …}` out of the stripped state; `None` without our own invite.
    fn invite(&self, room_id: &RoomId, invited: &InvitedRoom) -> Option<NewEvent> {
        let mut sender: Option<OwnedUserId> = None;
        let mut is_direct = false;
        let mut room_name = None;
        let mut canonical_alias = None;
        let mut room_encrypted = false;
        for raw in &invited.invite_state.events {
            let Ok(event) = raw.deserialize_as_unchecked::<Stripped>() else {
                continue;
            };
            let text = |key: &str| {
                event
                    .content
                    .get(key)
                    .and_then(|value| value.as_str())
                    .filter(|text| !text.is_empty())
                    .map(ToOwned::to_owned)
            };
            match event.kind.as_str() {
                "m.room.member" if event.state_key == self.own_user.as_str() => {
                    is_direct = event.content.get("is_direct") == Some(&true.into());
                    sender = Some(event.sender);
                }
                "m.room.name" => room_name = text("name"),
                "m.room.canonical_alias" => canonical_alias = text("alias"),
                "m.room.encryption" => room_encrypted = true,
                _ => {}
            }
        }
        let Some(sender) = sender else {
            tracing::warn!(%room_id, "an invite that does not say who invites was dropped");
            return None;
        };
        // Stripped state has no event id. A step that comes again has the same `since`.
        let token = match self.since {
            Since::Token(token) => token,
            Since::Never | Since::Lost(_) => "first",
        };
        Some(NewEvent {
            key: format!("invite:{sender}:{token}"),
            room_id: room_id.to_owned(),
            json: json!({
                "type": "invite",
                "room_id": room_id,
                "sender": sender,
                "is_direct": is_direct,
                "room_name": room_name,
                "canonical_alias": canonical_alias,
                "room_encrypted": room_encrypted,
            })
            .to_string(),
            sender,
            origin_server_ts: now_ms(),
            encrypted: false,
            trust: None,
            late: false,
        })
    }
}

#[derive(Deserialize)]
struct Stripped {
    #[serde(rename = "type")]
    kind: String,
    state_key: String,
    sender: OwnedUserId,
    content: serde_json::Map<String, serde_json::Value>,
}

/// An `m.room.member` event about ourselves.
#[derive(Debug)]
struct OwnMembership {
    now: String,
    before: Option<String>,
}

impl OwnMembership {
    fn of(event: &TimelineEvent, own_user: &UserId) -> Option<Self> {
        #[derive(Deserialize)]
        struct Member {
            #[serde(rename = "type")]
            kind: String,
            state_key: Option<String>,
            content: Content,
            #[serde(default)]
            unsigned: Unsigned,
        }
        #[derive(Deserialize)]
        struct Content {
            membership: Option<String>,
        }
        #[derive(Default, Deserialize)]
        struct Unsigned {
            prev_content: Option<Content>,
        }
        let member: Member = event.raw().deserialize_as_unchecked().ok()?;
        (member.kind == "m.room.member" && member.state_key.as_deref() == Some(own_user.as_str()))
            .then_some(())?;
        Some(Self {
            now: member.content.membership?,
            before: member
                .unsigned
                .prev_content
                .and_then(|content| content.membership),
        })
    }
}
