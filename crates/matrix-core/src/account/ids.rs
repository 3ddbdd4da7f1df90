//! Ids from outside.

use ruma::{EventId, OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, UserId};

use crate::error::{Error, ErrorCode, Result};

pub(super) fn room(text: &str) -> Result<OwnedRoomId> {
    RoomId::parse(text).map_err(|_| invalid(text, "a room id, like !room:example.org"))
}

pub(super) fn event(text: &str) -> Result<OwnedEventId> {
    EventId::parse(text).map_err(|_| invalid(text, "an event id, like $event"))
}

pub(super) fn user(text: &str) -> Result<OwnedUserId> {
    UserId::parse(text).map_err(|_| invalid(text, "a user id, like @person:example.org"))
}

pub(super) fn invalid(text: &str, wanted: &str) -> Error {
    let shown: String = text.chars().take(100).collect();
    Error::new(
        ErrorCode::ConfigInvalid,
        format!("{shown:?} is not {wanted}"),
    )
}
