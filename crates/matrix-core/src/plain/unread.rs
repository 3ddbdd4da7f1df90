//! What of a room's timeline is new to us.

use ruma::{RoomId, UserId, api::client::sync::sync_events::v5::response::Room};

use super::{
    facts::StateEvent,
    position::{HoleEnd, Mark, Position},
    step::CLOCK_SLACK_MS,
};
use crate::event::Membership;

/// Where the unread part of a timeline begins.
pub(super) struct Start {
    /// The first unread event.
    pub index: usize,
    /// There may be unread events before the timeline; they end there.
    pub hole: Option<HoleEnd>,
    /// Older ones are history.
    pub not_before: u64,
}

impl Start {
    fn at(index: usize) -> Self {
        Self {
            index,
            hole: None,
            not_before: 0,
        }
    }
}

/// A room in an answer, and what was known of it before.
pub(super) struct RoomAnswer<'a> {
    pub room_id: &'a RoomId,
    pub room: &'a Room,
    pub position: &'a Position,
    pub own_user: &'a UserId,
    /// Our own member events in the answer, the newest last.
    pub own: &'a [&'a StateEvent],
    /// The ids of the timeline.
    pub timeline: &'a [&'a str],
    /// It describes the room from scratch.
    pub initial: bool,
}

impl RoomAnswer<'_> {
    /// Our membership, if the answer tells.
    pub fn membership(&self) -> Option<Membership> {
        self.own.last()?.membership_of(self.own_user)
    }

    /// Decides where the new begins.
    pub fn start(&self) -> Start {
        let joined = self.membership() == Some(Membership::Join);
        match self.position.rooms.get(self.room_id) {
            Some(mark) if !(joined && mark.left) => self.after(mark),
            // The first sync brings no history, and neither does a room we are not in.
            _ if !self.position.complete || !joined => self.live(),
            _ => self.after_entrance(),
        }
    }

    fn find(&self, id: &str) -> Option<usize> {
        self.timeline.iter().position(|event| *event == id)
    }

    /// A room we have read before.
    fn after(&self, mark: &Mark) -> Start {
        if let Some(index) = mark.event.as_deref().and_then(|id| self.find(id)) {
            return Start::at(index + 1);
        }
        Start {
            index: 0,
            hole: self
                .room
                .limited
                .then(|| self.position.end_of_hole(self.room_id)),
            // On a living connection the server itself says what is new.
            not_before: if self.initial {
                self.position.at.saturating_sub(CLOCK_SLACK_MS)
            } else {
                0
            },
        }
    }

    /// Only what happened since the request before.
    fn live(&self) -> Start {
        let live = usize::try_from(self.room.num_live.map_or(0, u64::from)).unwrap_or(usize::MAX);
        let index = self.timeline.len().saturating_sub(live);
        let flooded = index == 0 && self.room.limited && live > 0;
        Start {
            index,
            hole: flooded.then(|| HoleEnd {
                at: self.position.at,
                events: Vec::new(),
            }),
            not_before: 0,
        }
    }

    /// A room we joined since. What was said between the invite and the join was said to
    /// us too.
    fn after_entrance(&self) -> Start {
        let Some((join, invited)) = self.entrance() else {
            return self.live();
        };
        if let Some(index) = invited.as_deref().and_then(|id| self.find(id)) {
            return Start::at(index + 1);
        }
        let join_index = join.event_id.as_deref().and_then(|id| self.find(id));
        match join_index {
            Some(index) if !self.room.limited || invited.is_none() => Start::at(index),
            _ => Start {
                index: 0,
                hole: self.room.limited.then(|| HoleEnd {
                    at: join.origin_server_ts,
                    events: invited.or(join.event_id.clone()).into_iter().collect(),
                }),
                not_before: 0,
            },
        }
    }

    /// The join that brought us in and the id of the invite it answered. A later change of
    /// our own member event (a display name) replaces the join in the state; if the
    /// timeline does not hold it either, the change stands for it.
    fn entrance(&self) -> Option<(&StateEvent, Option<String>)> {
        let before = |event: &StateEvent| {
            let before = event.unsigned.pointer("/prev_content/membership");
            before
                .and_then(|membership| membership.as_str())
                .map(str::to_owned)
        };
        let joins = || {
            let own = self.own.iter().rev();
            own.filter(|event| event.membership_of(self.own_user) == Some(Membership::Join))
        };
        let join = joins()
            .find(|event| before(event).as_deref() != Some("join"))
            .or_else(|| joins().next())?;
        let invited = (before(join).as_deref() == Some("invite"))
            .then(|| join.unsigned.get("replaces_state")?.as_str())
            .flatten();
        Some((join, invited.map(str::to_owned)))
    }
}
