//! Edits and redactions of events that have not been handed out yet. Once somebody has
//! an event, a change of it is an event of its own and starts nothing.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    events::{key_hash, take_pos},
    missing_keys,
    record::EventRecord,
    schema::{DEAD, SETTLED, WAITING},
};
use crate::{
    event::{self, NewEvent},
    queue_file::{Fault, Hash, Seal},
};

/// Name of the row that is there while edits change nothing.
const EDITS_IGNORED: &str = "edits-ignored";

/// See `Inbox::apply_edits`.
pub(super) fn apply_edits(tx: &Transaction<'_>, apply: bool) -> Result<(), Fault> {
    let statement = if apply {
        "DELETE FROM meta WHERE name = ?1"
    } else {
        "INSERT INTO meta (name, value) VALUES (?1, 1) ON CONFLICT (name) DO NOTHING"
    };
    tx.execute(statement, [EDITS_IGNORED])?;
    Ok(())
}

fn edits_ignored(tx: &Transaction<'_>) -> Result<bool, Fault> {
    Ok(tx
        .prepare_cached("SELECT 1 FROM meta WHERE name = ?1")?
        .exists([EDITS_IGNORED])?)
}

/// A waiting message gets its newer text.
pub(super) fn edit(
    tx: &Transaction<'_>,
    seal: &Seal,
    room: &Hash,
    target: &str,
    edit: &NewEvent,
) -> Result<(), Fault> {
    if edits_ignored(tx)? {
        return Ok(());
    }
    let found: Option<(i64, Vec<u8>)> = tx
        .prepare_cached(
            "SELECT seq, payload FROM events WHERE room = ?1 AND key = ?2 AND state = ?3",
        )?
        .query_row(params![room, key_hash(seal, target), WAITING], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .optional()?;
    let Some((seq, payload)) = found else {
        return Ok(());
    };
    // A payload that cannot be read is set aside when it is handed out.
    let Ok(record) = seal.open::<EventRecord>(&payload) else {
        return Ok(());
    };
    let message = NewEvent::from(record);
    if let Some(edited) = event::with_edit(&message, edit) {
        rewrite(tx, seal, seq, &edited)?;
    }
    Ok(())
}

/// A new message gets the edits of it that wait already: it came out of a gap, or its key
/// came late.
pub(super) fn catch_up(
    tx: &Transaction<'_>,
    seal: &Seal,
    room: &Hash,
    key: &Hash,
    message: &NewEvent,
) -> Result<(), Fault> {
    if edits_ignored(tx)? {
        return Ok(());
    }
    let edits = tx
        .prepare_cached(
            "SELECT payload FROM events WHERE room = ?1 AND target = ?2 AND state = 0
             ORDER BY pos, sub",
        )?
        .query_map(params![room, key], |r| r.get::<_, Vec<u8>>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut newest: Option<NewEvent> = None;
    for payload in edits {
        let Ok(record) = seal.open::<EventRecord>(&payload) else {
            continue;
        };
        let message = newest.as_ref().unwrap_or(message);
        if let Some(edited) = event::with_edit(message, &record.into()) {
            newest = Some(edited);
        }
    }
    if let Some(newest) = newest {
        let seq = tx
            .prepare_cached("SELECT seq FROM events WHERE room = ?1 AND key = ?2")?
            .query_row(params![room, key], |r| r.get(0))?;
        rewrite(tx, seal, seq, &newest)?;
    }
    Ok(())
}

/// What was taken back before anybody had it is not answered, whether it waits in the queue,
/// for its key, or as a dead letter.
pub(super) fn redact(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    room: &Hash,
    target: &str,
) -> Result<(), Fault> {
    let key = key_hash(seal, target);
    tx.prepare_cached(
        "UPDATE events SET state = ?3, payload = NULL, reason = NULL, finished_at = ?4
         WHERE room = ?1 AND key = ?2 AND state IN (?5, ?6)",
    )?
    .execute(params![room, key, SETTLED, now, WAITING, DEAD])?;
    if missing_keys::remove(tx, room, &key)? {
        // Its key may still come: it was here, and is over.
        tx.prepare_cached(
            "INSERT INTO events (room, key, state, pos, received_at, finished_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (room, key) DO NOTHING",
        )?
        .execute(params![room, key, SETTLED, take_pos(tx)?, now])?;
    }
    Ok(())
}

fn rewrite(tx: &Transaction<'_>, seal: &Seal, seq: i64, event: &NewEvent) -> Result<(), Fault> {
    tx.prepare_cached("UPDATE events SET payload = ?2 WHERE seq = ?1")?
        .execute(params![seq, seal.close(&EventRecord::from(event))?])?;
    Ok(())
}
