//! What was said while away and is not read: a row of its own in the room's order, so that
//! people hear of it.

use ruma::{OwnedRoomId, UserId};
use rusqlite::{OptionalExtension, Transaction, params};

use super::events::{self, Place};
use crate::{
    event::{NewEvent, SKIPPED_KEY, Skipped},
    queue_file::{Fault, Hash, Seal},
};

/// Puts the notice before what was read of the gap. Its key is the gap's: a second one is none.
pub(super) fn insert(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    gap: (i64, &OwnedRoomId, &UserId),
    place: &Place,
    skipped: &Skipped,
) -> Result<(), Fault> {
    let (id, room_id, own_user) = gap;
    let room = events::room_hash(seal, room_id);
    let skipped = Skipped {
        since: last_before(tx, &room, place.pos)?,
        ..skipped.clone()
    };
    let key = format!("{SKIPPED_KEY}{id}");
    let json = serde_json::to_string(&skipped).map_err(|e| Fault::Seal(e.to_string()))?;
    let notice = NewEvent {
        key: key.clone(),
        room_id: room_id.clone(),
        sender: own_user.to_owned(),
        origin_server_ts: skipped.until.unwrap_or(now as u64),
        json,
        encrypted: false,
        trust: None,
        late: true,
    };
    events::insert(tx, seal, now, &notice, place)?;
    tx.prepare_cached("UPDATE events SET notice = 1 WHERE room = ?1 AND key = ?2")?
        .execute(params![room, events::key_hash(seal, &key)])?;
    Ok(())
}

fn last_before(tx: &Transaction<'_>, room: &Hash, pos: i64) -> Result<Option<u64>, Fault> {
    let last: Option<i64> = tx
        .query_row(
            "SELECT max(received_at) FROM events WHERE room = ?1 AND pos < ?2 AND notice = 0",
            params![room, pos],
            |r| r.get(0),
        )
        .optional()?
        .flatten();
    Ok(last.map(|at| at as u64))
}
