//! The rows of events whose key is missing.

use rusqlite::{Transaction, params};

use super::{
    events::{self, Place, key_hash, room_hash},
    record::UndecryptableRecord,
};
use crate::{
    event::{NewEvent, Undecryptable},
    health::{UndecryptableCause, UndecryptableHealth},
    queue_file::{Fault, Hash, Seal},
};

/// Events of one sender in one room that wait at the same time. Everybody in a room can send
/// what nobody can read, and each pass tries all of it again.
pub(super) const MOST: u32 = 500;

/// Stores what is not readable yet, unless it was readable once; the newest
/// cause counts. How many older ones of the sender had to give way.
pub(super) fn insert(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    event: &Undecryptable,
) -> Result<usize, Fault> {
    let sender = seal.hash("sender", event.sender.as_str());
    let (room, key) = (
        room_hash(seal, &event.room_id),
        key_hash(seal, &event.event_id),
    );
    if events::place_of(tx, &room, &key)?.is_some() {
        return Ok(0);
    }
    tx.prepare_cached(
        "INSERT INTO undecryptable (room, key, cause, payload, received_at, sender)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (room, key) DO UPDATE SET cause = excluded.cause",
    )?
    .execute(params![
        room,
        key,
        event.cause,
        seal.close(&UndecryptableRecord::from(event))?,
        now,
        sender
    ])?;
    Ok(tx
        .prepare_cached(
            "DELETE FROM undecryptable WHERE id IN (
                 SELECT id FROM undecryptable WHERE room = ?1 AND sender = ?2
                 ORDER BY id DESC LIMIT -1 OFFSET ?3)",
        )?
        .execute(params![room, sender, MOST])?)
}

/// Waits for its key no more. True if it did.
pub(super) fn remove(tx: &Transaction<'_>, room: &Hash, key: &Hash) -> Result<bool, Fault> {
    let removed = tx
        .prepare_cached("DELETE FROM undecryptable WHERE room = ?1 AND key = ?2")?
        .execute(params![room, key])?;
    Ok(removed > 0)
}

/// All that waits, or what waits in these rooms; oldest first, at most `max` behind the row
/// `after`: each may be as large as an event.
pub(super) fn list(
    tx: &Transaction<'_>,
    seal: &Seal,
    rooms: Option<&[Hash]>,
    after: i64,
    max: usize,
) -> Result<Vec<(i64, Undecryptable)>, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT room, cause, payload, id FROM undecryptable WHERE id > ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([after])?;
    let mut found = Vec::new();
    while found.len() < max
        && let Some(row) = rows.next()?
    {
        let room: Hash = row.get(0)?;
        if rooms.is_none_or(|rooms| rooms.contains(&room)) {
            let record: UndecryptableRecord = seal.open(&row.get::<_, Vec<u8>>(2)?)?;
            found.push((row.get(3)?, record.with_cause(row.get(1)?)));
        }
    }
    Ok(found)
}

/// The key came: an ordinary event at the end of the queue, exactly once.
pub(super) fn readable(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    waiting: &Undecryptable,
    event: &NewEvent,
) -> Result<bool, Fault> {
    // Removed under its own id too, whatever the engine calls the readable one.
    remove(
        tx,
        &room_hash(seal, &waiting.room_id),
        &key_hash(seal, &waiting.event_id),
    )?;
    let place = Place::last(tx)?;
    events::insert(tx, seal, now, event, &place)
}

/// Stores a more precise cause.
pub(super) fn set_cause(
    tx: &Transaction<'_>,
    seal: &Seal,
    event: &Undecryptable,
    cause: &str,
) -> Result<(), Fault> {
    tx.prepare_cached("UPDATE undecryptable SET cause = ?3 WHERE room = ?1 AND key = ?2")?
        .execute(params![
            room_hash(seal, &event.room_id),
            key_hash(seal, &event.event_id),
            cause
        ])?;
    Ok(())
}

/// Gives up what arrived before `before`; returns how many for which cause.
pub(super) fn expire(tx: &Transaction<'_>, before: i64) -> Result<Vec<UndecryptableCause>, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT cause, count(*) FROM undecryptable WHERE received_at < ?1
         GROUP BY cause ORDER BY 2 DESC, 1",
    )?;
    let causes = statement
        .query_map([before], |r| {
            Ok(UndecryptableCause {
                cause: r.get(0)?,
                count: r.get(1)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    if !causes.is_empty() {
        tx.execute("DELETE FROM undecryptable WHERE received_at < ?1", [before])?;
    }
    Ok(causes)
}

/// Older trouble does not call for anybody any more, milliseconds.
const RECENT_MS: i64 = 24 * 60 * 60 * 1000;
/// Keys come within seconds of their event, milliseconds.
const PATIENCE_MS: i64 = 5 * 60 * 1000;
/// So many at once are no accident.
const MANY: u32 = 3;

pub(super) fn health(tx: &Transaction<'_>, now: i64) -> Result<UndecryptableHealth, Fault> {
    let (waiting, oldest, recent, overdue): (u32, Option<i64>, u32, u32) = tx.query_row(
        "SELECT count(*), min(received_at), count(*) FILTER (WHERE received_at > ?1),
                count(*) FILTER (WHERE received_at > ?1 AND received_at <= ?2)
         FROM undecryptable",
        [now - RECENT_MS, now - PATIENCE_MS],
        |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)),
    )?;
    let mut statement = tx.prepare_cached(
        "SELECT cause, count(*) FROM undecryptable GROUP BY cause ORDER BY 2 DESC, 1",
    )?;
    let causes = statement
        .query_map([], |r| {
            Ok(UndecryptableCause {
                cause: r.get(0)?,
                count: r.get(1)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    Ok(UndecryptableHealth {
        waiting,
        oldest_at: oldest.map(|at| at as u64),
        causes,
        sustained: recent >= MANY || overdue > 0,
    })
}
