//! The rows of readable events: in once, out in order, finished or given up.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Transaction, named_params, params};

use super::{
    InboxCounts, SyncStep, changes, dead, gaps, missing_keys,
    record::EventRecord,
    schema::{ADOPTED, DEAD, LEASED, SETTLED, WAITING},
};
use crate::{
    event::{self, Change, NewEvent, StoredEvent},
    queue_file::{Fault, Hash, KEEP_MS, Seal},
};

/// A row that failed this often becomes a dead letter.
const MAX_FAILURES: u32 = 3;

/// How long a row rests after its first and second failure, milliseconds.
const REST_MS: [i64; 2] = [5_000, 30_000];

/// Where an event stands in the order of delivery.
pub(super) struct Place {
    pub pos: i64,
    pub sub: i64,
    pub gap: Option<i64>,
}

impl Place {
    /// Behind everything that is there.
    pub fn last(tx: &Transaction<'_>) -> Result<Self, Fault> {
        Ok(Self {
            pos: take_pos(tx)?,
            sub: 0,
            gap: None,
        })
    }
}

pub(super) fn room_hash(seal: &Seal, room_id: &ruma::RoomId) -> Hash {
    seal.hash("room", room_id.as_str())
}

pub(super) fn key_hash(seal: &Seal, key: &str) -> Hash {
    seal.hash("event", key)
}

/// The next place in the order of delivery.
pub(super) fn take_pos(tx: &Transaction<'_>) -> Result<i64, Fault> {
    Ok(tx
        .prepare_cached(
            "INSERT INTO meta (name, value) VALUES ('pos', 1)
             ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
        )?
        .query_row([], |r| r.get(0))?)
}

/// One step of the sync with its token.
pub(super) fn commit(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    step: &SyncStep,
) -> Result<(), Fault> {
    for gap in &step.gaps {
        gaps::insert(tx, seal, now, gap)?;
    }
    for event in &step.events {
        let place = Place::last(tx)?;
        insert(tx, seal, now, event, &place)?;
    }
    let mut gave_way = 0;
    for event in &step.undecryptable {
        gave_way += missing_keys::insert(tx, seal, now, event)?;
    }
    if gave_way > 0 {
        tracing::warn!(
            count = gave_way,
            "somebody sends more messages that cannot be read than are kept for their keys \
             ({} a sender and room); the oldest are given up",
            missing_keys::MOST
        );
    }
    tx.prepare_cached(
        "INSERT INTO meta (name, value) VALUES ('token', ?1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?
    .execute([seal.close(&step.token)?])?;
    Ok(())
}

pub(super) fn token(tx: &Transaction<'_>, seal: &Seal) -> Result<Option<String>, Fault> {
    let sealed: Option<Vec<u8>> = tx
        .query_row("SELECT value FROM meta WHERE name = 'token'", [], |r| {
            r.get(0)
        })
        .optional()?;
    sealed.map(|sealed| seal.open(&sealed)).transpose()
}

/// Stores an event unless its key was ever seen in its room; what waited for
/// its key under the same id is readable now. It changes, or is changed by, what waits
/// there already. True if it is new.
pub(super) fn insert(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    event: &NewEvent,
    place: &Place,
) -> Result<bool, Fault> {
    let (room, key) = (room_hash(seal, &event.room_id), key_hash(seal, &event.key));
    missing_keys::remove(tx, &room, &key)?;
    let change = event::change(event);
    let target = match &change {
        Some((Change::Edit, target)) => Some(key_hash(seal, target)),
        _ => None,
    };
    let inserted = tx
        .prepare_cached(
            "INSERT INTO events (room, key, pos, sub, gap, payload, received_at, target)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (room, key) DO NOTHING",
        )?
        .execute(params![
            room,
            key,
            place.pos,
            place.sub,
            place.gap,
            seal.close(&EventRecord::from(event))?,
            now,
            target
        ])?;
    if inserted == 0 {
        return Ok(false);
    }
    match change {
        Some((Change::Edit, target)) => changes::edit(tx, seal, &room, &target, event)?,
        Some((Change::Redaction, target)) => changes::redact(tx, seal, now, &room, &target)?,
        None => changes::catch_up(tx, seal, &room, &key, event)?,
    }
    Ok(true)
}

/// The place of the event with this key, if it was ever seen in the room and is
/// not forgotten.
pub(super) fn place_of(
    tx: &Transaction<'_>,
    room: &Hash,
    key: &Hash,
) -> Result<Option<i64>, Fault> {
    Ok(tx
        .prepare_cached("SELECT pos FROM events WHERE room = ?1 AND key = ?2")?
        .query_row(params![room, key], |r| r.get(0))
        .optional()?)
}

/// A row that was out this often when the process ended goes out with no other of
/// its kind: the next time it is known which of them ends the process.
const SUSPECT: u32 = 3;

/// Hands out rows in order. A row stays back while
/// - a gap before it in its room is open and still holds the room,
/// - it comes out of a gap that is not filled yet: its pages come newest first,
/// - a row before it in its room rests after a failure,
/// - it edits what waits for its key: the two are one message then,
/// - it is suspected of ending the process and another such row is out, or one
///   of those stays back before it in its room.
pub(super) fn lease(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    max: usize,
) -> Result<Vec<StoredEvent>, Fault> {
    let mut suspect_is_out: bool = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM events WHERE state IN (1, 2) AND crashes >= ?1)",
        )?
        .query_row([SUSPECT], |r| r.get(0))?;
    let mut statement = tx.prepare_cached(
        "SELECT seq, payload, received_at, handed_out, crashes, room FROM events AS e
         WHERE state = 0 AND next_at <= :now
         AND NOT EXISTS (
             SELECT 1 FROM gaps AS g WHERE g.room = e.room
             AND (g.id = e.gap OR (g.pos <= e.pos AND g.hold_until > :now)))
         AND NOT EXISTS (
             SELECT 1 FROM events AS b WHERE b.room = e.room AND b.state = 0
             AND b.next_at > 0 AND b.next_at > :now AND (b.pos, b.sub) < (e.pos, e.sub))
         AND (e.target IS NULL OR NOT EXISTS (
             SELECT 1 FROM undecryptable AS u WHERE u.room = e.room AND u.key = e.target))
         ORDER BY pos, sub",
    )?;
    let mut found = Vec::new();
    let mut held: HashSet<Hash> = HashSet::new();
    let mut waiting = statement.query(named_params! {":now": now})?;
    while found.len() < max
        && let Some(row) = waiting.next()?
    {
        let (crashes, room): (u32, Hash) = (row.get(4)?, row.get(5)?);
        if held.contains(&room) {
            continue;
        }
        if crashes >= SUSPECT {
            if suspect_is_out {
                held.insert(room);
                continue;
            }
            suspect_is_out = true;
        }
        found.push((
            row.get::<_, i64>(0)?,
            row.get::<_, Vec<u8>>(1)?,
            row.get::<_, i64>(2)?,
            row.get::<_, u32>(3)?,
        ));
    }
    drop(waiting);
    let mut lease = tx.prepare_cached(
        "UPDATE events SET state = 1, handed_out = handed_out + 1 WHERE seq = ?1",
    )?;
    let mut rows = Vec::with_capacity(found.len());
    for (seq, payload, received_at, attempts) in found {
        match seal.open::<EventRecord>(&payload) {
            Ok(record) => {
                lease.execute([seq])?;
                rows.push(StoredEvent {
                    seq,
                    event: record.into(),
                    received_at: received_at as u64,
                    attempts,
                });
            }
            // One damaged row must not make everybody else unheard.
            Err(_) => {
                tracing::error!(seq, "a stored message cannot be read any more, set aside");
                dead::bury(tx, seal, now, seq, "its stored payload cannot be read")?;
            }
        }
    }
    Ok(rows)
}

/// When the next row that rests or is held may go out.
pub(super) fn next_due(tx: &Transaction<'_>, now: i64) -> Result<Option<i64>, Fault> {
    Ok(tx
        .prepare_cached(
            "SELECT min(at) FROM (
                 SELECT min(next_at) AS at FROM events WHERE state = 0 AND next_at > 0
                 AND next_at > ?1
                 UNION ALL SELECT min(hold_until) FROM gaps WHERE hold_until > ?1)",
        )?
        .query_row([now], |r| r.get(0))?)
}

/// Takes back rows that never reached the caller; they count as not handed out.
pub(super) fn take_back(tx: &Transaction<'_>, seqs: &[i64]) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached(
        "UPDATE events SET state = 0, handed_out = handed_out - 1 WHERE seq = ?1 AND state = 1",
    )?;
    for seq in seqs {
        statement.execute([seq])?;
    }
    Ok(())
}

/// After a restart nobody works on anything, and held rooms get their time anew.
/// What was out when the process ended may be what ended it, and is counted.
pub(super) fn reopen(tx: &Transaction<'_>, seal: &Seal, now: i64) -> Result<(), Fault> {
    dead::count_crash(tx, seal, now)?;
    give_back(tx)?;
    gaps::hold_again(tx, now)?;
    prune(tx, now)
}

/// Nobody works on anything any more.
pub(super) fn give_back(tx: &Transaction<'_>) -> Result<(), Fault> {
    tx.execute(
        "UPDATE events SET state = ?1 WHERE state IN (?2, ?3)",
        params![WAITING, LEASED, ADOPTED],
    )?;
    Ok(())
}

pub(super) fn adopt(tx: &Transaction<'_>, seqs: &[i64]) -> Result<(), Fault> {
    let mut statement =
        tx.prepare_cached("UPDATE events SET state = ?2 WHERE seq = ?1 AND state = ?3")?;
    for seq in seqs {
        statement.execute(params![seq, ADOPTED, LEASED])?;
    }
    Ok(())
}

pub(super) fn settle(tx: &Transaction<'_>, now: i64, seqs: &[i64]) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached(
        "UPDATE events SET state = ?3, payload = NULL, reason = NULL, finished_at = ?2
         WHERE seq = ?1 AND state <> ?3",
    )?;
    for seq in seqs {
        statement.execute(params![seq, now, SETTLED])?;
    }
    Ok(())
}

/// True if the row is a dead letter now.
pub(super) fn fail(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    seq: i64,
    reason: &str,
) -> Result<bool, Fault> {
    let row: Option<(u8, u32)> = tx
        .query_row(
            "SELECT state, failures FROM events WHERE seq = ?1",
            [seq],
            |r| Ok((r.get(0)?, r.get(1)?)),
        )
        .optional()?;
    let failures = match row {
        Some((LEASED | ADOPTED, failures)) => failures + 1,
        // Nobody has it: nothing can have failed (again).
        Some((state, _)) => return Ok(state == DEAD),
        None => return Ok(false),
    };
    if failures >= MAX_FAILURES {
        dead::bury(tx, seal, now, seq, reason)?;
        return Ok(true);
    }
    let rest = REST_MS[(failures as usize - 1).min(REST_MS.len() - 1)];
    tx.execute(
        "UPDATE events SET state = ?2, failures = ?3, next_at = ?4, reason = ?5 WHERE seq = ?1",
        params![seq, WAITING, failures, now + rest, seal.close(&reason)?],
    )?;
    Ok(false)
}

/// Forgets keys that were settled 30 days ago.
pub(super) fn prune(tx: &Transaction<'_>, now: i64) -> Result<(), Fault> {
    tx.prepare_cached("DELETE FROM events WHERE state = 3 AND finished_at < ?1")?
        .execute([now - KEEP_MS])?;
    Ok(())
}

pub(super) fn counts(tx: &Transaction<'_>) -> Result<InboxCounts, Fault> {
    let mut counts = InboxCounts {
        gaps: tx.query_row("SELECT count(*) FROM gaps", [], |r| r.get(0))?,
        ..InboxCounts::default()
    };
    let mut statement =
        tx.prepare_cached("SELECT state, count(*) FROM events WHERE state <> 3 GROUP BY state")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let count = row.get(1)?;
        match row.get(0)? {
            WAITING => counts.waiting = count,
            LEASED => counts.leased = count,
            ADOPTED => counts.adopted = count,
            _ => counts.dead_letters = count,
        }
    }
    Ok(counts)
}
