//! Which rooms serve as a DM.

use ruma::{OwnedRoomId, RoomId, UserId};
use serde_json::Value;

use super::{
    PlainEngine,
    facts::{FUNCTIONAL_MEMBERS, RoomFacts, membership},
};
use crate::{
    error::{ErrorCode, Result},
    event::Membership,
};

impl PlainEngine {
    /// See [`crate::engine::Engine::direct_candidates`]: rooms where nobody but the two of
    /// us is or is asked to be (service members aside, MSC4171), without successor. Those
    /// of `m.direct` come first, after rooms the other is in already. Encrypted rooms are
    /// none: nothing of ours may go there.
    pub(super) async fn direct_rooms(&self, user_id: &UserId) -> Result<Vec<OwnedRoomId>> {
        let mapped = self.direct_map().await?.remove(user_id).unwrap_or_default();
        let others = self.shared().facts.rooms_with(user_id.as_str());
        let mut candidates = Vec::new();
        for room_id in mapped
            .iter()
            .chain(others.iter().filter(|room| !mapped.contains(room)))
        {
            let facts = match self.facts_of(room_id).await {
                Ok(facts) => facts,
                // Left and forgotten.
                Err(error) if matches!(error.code, ErrorCode::Forbidden | ErrorCode::NotFound) => {
                    continue;
                }
                Err(error) => return Err(error),
            };
            let is_mapped = mapped.contains(room_id);
            match self.serves(room_id, &facts, user_id) {
                Some(Membership::Join) => candidates.push((false, !is_mapped, room_id)),
                Some(_) if is_mapped => candidates.push((true, false, room_id)),
                _ => {}
            }
        }
        // Within each rank the order of `m.direct` stays.
        candidates.sort_by_key(|(absent, unmapped, _)| (*absent, *unmapped));
        Ok(candidates
            .into_iter()
            .map(|(_, _, room_id)| room_id.to_owned())
            .collect())
    }

    /// The other's membership, if the room serves as a DM with them.
    fn serves(&self, room_id: &RoomId, facts: &RoomFacts, user_id: &UserId) -> Option<Membership> {
        let own = facts.member(self.own_user.as_str())?;
        let usable = membership(&own.content) == Some(Membership::Join)
            && facts.all_members
            && !facts.encrypted()
            && facts.content("m.room.tombstone").is_none()
            && facts.text("m.room.create", "type") != Some("m.space");
        if !usable {
            tracing::debug!(%room_id, "no DM");
            return None;
        }
        let service = facts
            .content(FUNCTIONAL_MEMBERS)
            .and_then(|content| content.get("service_members")?.as_array());
        let is_service = |id: &str| {
            let mut service = service.into_iter().flatten().filter_map(Value::as_str);
            service.any(|member| member == id)
        };
        let mut theirs = None;
        for event in facts.members() {
            let id = event.state_key.as_str();
            let active = match membership(&event.content) {
                Some(active @ (Membership::Join | Membership::Invite)) => active,
                _ => continue,
            };
            if id == user_id {
                theirs = Some(active);
            } else if id != self.own_user && !is_service(id) {
                return None;
            }
        }
        theirs
    }
}
