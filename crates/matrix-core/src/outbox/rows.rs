//! The rows: a send with its parts, from stored to sent or given up.

use std::time::Duration;

use ruma::{OwnedEventId, OwnedRoomId, OwnedTransactionId};
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    NewSend, OutboxEntry, OutboxState, files, kept,
    record::{ErrorRecord, PartRecord},
    schema::{DROPPED, FAILED, OVERTAKEN, QUEUED, SENT},
};
use crate::{
    error::{Error, ErrorCode},
    health::OutboxHealth,
    queue_file::{Fault, Hash, KEEP_MS, Seal},
};

/// The next event to send in a room.
pub(super) struct Work {
    pub send: i64,
    pub part: i64,
    pub room_id: OwnedRoomId,
    pub txn_id: OwnedTransactionId,
    pub record: PartRecord,
    /// Tries that failed before.
    pub attempts: u32,
    /// No earlier request of it may have arrived.
    pub first: bool,
}

/// Stores a send and drops the draft edits it overtakes. `None` if the key is
/// known and its send needs nothing more, else the room's lane.
pub(super) fn insert(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    lifetime: Duration,
    send: &NewSend,
) -> Result<Option<Hash>, Fault> {
    let room = seal.hash("room", send.room_id.as_str());
    let edit_of = edited(send).map(|target| seal.hash("edited", &target));
    let inserted: Option<i64> = tx
        .prepare_cached(
            "INSERT INTO sends (key, room, room_id, edit_of, draft, created_at, deadline, state,
                 finished_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (key) DO NOTHING RETURNING id",
        )?
        .query_row(
            params![
                seal.hash("send", &send.key),
                room,
                seal.close(&send.room_id)?,
                edit_of,
                send.draft_of.is_some(),
                now,
                now + lifetime.as_millis() as i64,
                if send.parts.is_empty() { SENT } else { QUEUED },
                send.parts.is_empty().then_some(now),
            ],
            |r| r.get(0),
        )
        .optional()?;
    let Some(id) = inserted else {
        return kept::revive(tx, seal, now + lifetime.as_millis() as i64, send)
            .map(|revived| revived.then_some(room));
    };
    insert_parts(tx, seal, id, send)?;
    if let Some(edit_of) = edit_of {
        overtake(tx, now, id, &room, &edit_of)?;
        if send.draft_of.is_some() {
            yield_to_final(tx, now, id, &room, &edit_of)?;
        }
    }
    Ok(Some(room))
}

pub(super) fn insert_parts(
    tx: &Transaction<'_>,
    seal: &Seal,
    id: i64,
    send: &NewSend,
) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO parts (send, idx, txn_id, payload) VALUES (?1, ?2, ?3, ?4) RETURNING id",
    )?;
    for (index, part) in send.parts.iter().enumerate() {
        let record = PartRecord {
            event_type: part.event_type.clone(),
            content: part.content.clone(),
            files: files::of_part(&send.files, index),
        };
        let values = params![
            id,
            index,
            txn_id(seal, &send.key, index),
            seal.close(&record)?
        ];
        let part: i64 = statement.query_row(values, |r| r.get(0))?;
        files::insert(tx, part, &record.files)?;
    }
    Ok(())
}

/// The transaction id of a part: the same for ever for the same key, so that
/// even a host that drives a delivery again into a new outbox makes no second
/// event as long as the homeserver remembers the first.
fn txn_id(seal: &Seal, key: &str, index: usize) -> String {
    let hash = seal.hash("transaction", &format!("{index} {key}"));
    hash[..16].iter().fold(String::from("m"), |mut text, byte| {
        use std::fmt::Write;
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Which event a send edits: a draft says so, a final edit's content does
/// (`m.replace`, spec "Event replacements").
fn edited(send: &NewSend) -> Option<String> {
    if let Some(target) = &send.draft_of {
        return Some(target.to_string());
    }
    let relation = send.parts.first()?.content.get("m.relates_to")?;
    if relation.get("rel_type")?.as_str()? != "m.replace" {
        return None;
    }
    Some(relation.get("event_id")?.as_str()?.to_owned())
}

/// Queued drafts of the same event are needless now. One whose request is on
/// its way stays harmless: the newer edit is sent after it.
fn overtake(
    tx: &Transaction<'_>,
    now: i64,
    id: i64,
    room: &Hash,
    edit_of: &Hash,
) -> Result<(), Fault> {
    tx.prepare_cached(
        "UPDATE parts SET payload = NULL WHERE event_id IS NULL AND send IN (
             SELECT id FROM sends
             WHERE room = ?1 AND edit_of = ?2 AND draft = 1 AND state = 0 AND id < ?3)",
    )?
    .execute(params![room, edit_of, id])?;
    tx.prepare_cached(
        "UPDATE sends SET state = ?4, finished_at = ?5
         WHERE room = ?1 AND edit_of = ?2 AND draft = 1 AND state = 0 AND id < ?3",
    )?
    .execute(params![room, edit_of, id, OVERTAKEN, now])?;
    Ok(())
}

/// A draft that comes after the message's final text must not replace it: whoever wrote the
/// draft may have been slower than who completed the message.
fn yield_to_final(
    tx: &Transaction<'_>,
    now: i64,
    id: i64,
    room: &Hash,
    edit_of: &Hash,
) -> Result<(), Fault> {
    let late = tx
        .prepare_cached(
            "UPDATE sends SET state = ?4, finished_at = ?5 WHERE id = ?1 AND EXISTS (
                 SELECT 1 FROM sends WHERE room = ?2 AND edit_of = ?3 AND draft = 0
                 AND state IN (0, 1))",
        )?
        .execute(params![id, room, edit_of, OVERTAKEN, now])?;
    if late == 1 {
        tx.prepare_cached("UPDATE parts SET payload = NULL WHERE send = ?1")?
            .execute([id])?;
    }
    Ok(())
}

/// Rooms with something to send.
pub(super) fn rooms(tx: &Transaction<'_>) -> Result<Vec<Hash>, Fault> {
    let mut statement = tx.prepare_cached("SELECT DISTINCT room FROM sends WHERE state = 0")?;
    let rooms = statement
        .query_map([], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(rooms)
}

/// The next event of a room, in order of storing; sends past their time, and those whose
/// payload is damaged, fail on the way. What is handed out counts as tried: the process
/// may end at any moment after the request left.
pub(super) fn next(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    room: &Hash,
    in_doubt: Duration,
) -> Result<Option<Work>, Fault> {
    loop {
        let row = tx
            .prepare_cached(
                "SELECT s.id, p.id, s.room_id, p.txn_id, p.payload, p.attempts,
                     min(s.deadline, coalesce(s.tried_at + ?2, s.deadline)), p.error,
                     s.tried_at IS NULL, s.draft
                 FROM sends AS s JOIN parts AS p ON p.send = s.id AND p.event_id IS NULL
                 WHERE s.state = 0 AND s.room = ?1 ORDER BY s.id, p.idx LIMIT 1",
            )?
            .query_row(params![room, in_doubt.as_millis() as i64], |r| {
                Ok((
                    r.get::<_, i64>(0)?,
                    r.get::<_, i64>(1)?,
                    r.get::<_, Vec<u8>>(2)?,
                    r.get::<_, String>(3)?,
                    r.get::<_, Option<Vec<u8>>>(4)?,
                    r.get::<_, u32>(5)?,
                    r.get::<_, i64>(6)?,
                    r.get::<_, Option<Vec<u8>>>(7)?,
                    (r.get::<_, bool>(8)?, r.get::<_, bool>(9)?),
                ))
            })
            .optional()?;
        let Some((send, part, room_id, txn_id, payload, attempts, deadline, error, flags)) = row
        else {
            return Ok(None);
        };
        if now >= deadline {
            let last = error
                .and_then(|sealed| seal.open::<ErrorRecord>(&sealed).ok())
                .map(Error::from);
            fail(tx, seal, now, send, &too_late(last))?;
            continue;
        }
        let record = payload.and_then(|sealed| seal.open::<PartRecord>(&sealed).ok());
        let (Some(record), Ok(room_id)) = (record, seal.open(&room_id)) else {
            tracing::error!("a stored message to send cannot be read any more, given up");
            let error = Error::new(
                ErrorCode::StoreCorrupt,
                "the stored message cannot be read any more: send it again",
            );
            fail(tx, seal, now, send, &error)?;
            continue;
        };
        let (first, draft) = flags;
        // Nobody asks what became of a draft.
        if first && !draft {
            tx.prepare_cached("UPDATE sends SET tried_at = ?2 WHERE id = ?1")?
                .execute([send, now])?;
        }
        return Ok(Some(Work {
            send,
            part,
            room_id,
            txn_id: txn_id.into(),
            record,
            attempts,
            first,
        }));
    }
}

/// Keeps the last failure's kind: it is the cause.
fn too_late(last: Option<Error>) -> Error {
    let Some(mut error) = last else {
        return Error::new(
            ErrorCode::Timeout,
            "not sent before its time was over: the account was not connected",
        );
    };
    error.message = format!("not sent before its time was over: {}", error.message);
    error
}

/// A part is on the homeserver. True if its send is complete.
pub(super) fn sent(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    work: (i64, i64),
    event_id: &OwnedEventId,
) -> Result<bool, Fault> {
    let (send, part) = work;
    tx.prepare_cached(
        "UPDATE parts SET event_id = ?2, payload = NULL, error = NULL WHERE id = ?1",
    )?
    .execute(params![part, seal.close(event_id)?])?;
    let done = tx
        .prepare_cached(
            "UPDATE sends SET state = ?2, finished_at = ?3 WHERE id = ?1 AND state = ?4
             AND NOT EXISTS (SELECT 1 FROM parts WHERE send = ?1 AND event_id IS NULL)",
        )?
        .execute(params![send, SENT, now, QUEUED])?;
    tx.prepare_cached("UPDATE sends SET tried_at = NULL, next_at = NULL WHERE id = ?1")?
        .execute([send])?;
    Ok(done == 1)
}

/// The request certainly made no event; if no earlier one may have, the send counts as
/// not tried.
pub(super) fn certain(tx: &Transaction<'_>, work: (i64, bool)) -> Result<(), Fault> {
    let (send, first) = work;
    if first {
        tx.prepare_cached("UPDATE sends SET tried_at = NULL WHERE id = ?1")?
            .execute([send])?;
    }
    Ok(())
}

/// A try failed; another one follows at `next_at`.
pub(super) fn retry(
    tx: &Transaction<'_>,
    seal: &Seal,
    work: (i64, i64),
    next_at: i64,
    error: &Error,
) -> Result<(), Fault> {
    let (send, part) = work;
    tx.prepare_cached("UPDATE parts SET attempts = attempts + 1, error = ?2 WHERE id = ?1")?
        .execute(params![part, seal.close(&ErrorRecord::from(error))?])?;
    tx.prepare_cached("UPDATE sends SET next_at = ?2 WHERE id = ?1")?
        .execute([send, next_at])?;
    Ok(())
}

/// A send is given up. What was not sent is kept until it is forgotten, so that a person
/// can have it tried again; of a draft nothing is.
pub(super) fn fail(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    send: i64,
    error: &Error,
) -> Result<(), Fault> {
    let failed = tx
        .prepare_cached(
            "UPDATE sends SET state = ?2, finished_at = ?3, error = ?4
             WHERE id = ?1 AND state = ?5",
        )?
        .execute(params![
            send,
            FAILED,
            now,
            seal.close(&ErrorRecord::from(error))?,
            QUEUED
        ])?;
    if failed == 1 {
        tx.prepare_cached("UPDATE sends SET next_at = NULL WHERE id = ?1")?
            .execute([send])?;
        tx.prepare_cached(
            "UPDATE parts SET payload = NULL
             WHERE send = ?1 AND (SELECT draft FROM sends WHERE id = ?1) = 1",
        )?
        .execute([send])?;
    }
    Ok(())
}

pub(super) fn entry(tx: &Transaction<'_>, seal: &Seal, key: &str) -> Result<OutboxEntry, Fault> {
    let row: Option<(i64, u8, Option<Vec<u8>>, bool)> = tx
        .prepare_cached("SELECT id, state, error, tried_at IS NOT NULL FROM sends WHERE key = ?1")?
        .query_row([seal.hash("send", key)], |r| {
            Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?))
        })
        .optional()?;
    let mut entry = OutboxEntry {
        key: key.to_owned(),
        state: OutboxState::Unknown,
        event_ids: Vec::new(),
        in_doubt: false,
        error: None,
    };
    let Some((id, state, error, tried)) = row else {
        return Ok(entry);
    };
    entry.state = match state {
        QUEUED => OutboxState::Queued,
        FAILED | DROPPED => OutboxState::Failed,
        OVERTAKEN => OutboxState::Overtaken,
        _ => OutboxState::Sent,
    };
    entry.in_doubt = tried && entry.state == OutboxState::Failed;
    if let Some(sealed) = error {
        entry.error = Some(seal.open::<ErrorRecord>(&sealed)?.into());
    }
    let mut statement = tx.prepare_cached(
        "SELECT event_id FROM parts WHERE send = ?1 AND event_id IS NOT NULL ORDER BY idx",
    )?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        entry.event_ids.push(seal.open(&row.get::<_, Vec<u8>>(0)?)?);
    }
    Ok(entry)
}

/// Counts; the newest trouble is known to the lanes.
pub(super) fn health(tx: &Transaction<'_>) -> Result<OutboxHealth, Fault> {
    let counted = |state: u8| -> Result<u32, Fault> {
        Ok(tx
            .prepare_cached(
                "SELECT count(*) FROM parts AS p JOIN sends AS s ON s.id = p.send
                 WHERE s.state = ?1 AND p.event_id IS NULL AND (s.draft = 0 OR s.state = 0)",
            )?
            .query_row([state], |r| r.get(0))?)
    };
    let oldest: Option<i64> = tx
        .prepare_cached("SELECT min(created_at) FROM sends WHERE state = 0")?
        .query_row([], |r| r.get(0))?;
    Ok(OutboxHealth {
        queued: counted(QUEUED)?,
        failed: counted(FAILED)?,
        oldest_at: oldest.map(|at| at as u64),
        error: None,
    })
}

/// Forgets sends that ended 30 days ago.
pub(super) fn prune(tx: &Transaction<'_>, now: i64) -> Result<(), Fault> {
    tx.prepare_cached("DELETE FROM sends WHERE state <> 0 AND finished_at < ?1")?
        .execute([now - KEEP_MS])?;
    Ok(())
}
