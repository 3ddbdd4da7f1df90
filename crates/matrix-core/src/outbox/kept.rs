//! What a person can see of the queue, and do about it.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    NewSend, OutboxItem,
    record::ErrorRecord,
    rows,
    schema::{DROPPED, FAILED, QUEUED},
};
use crate::{
    error::{Error, ErrorCode},
    queue_file::{Fault, Hash, Seal},
};

/// What was not sent, oldest first; drafts are left out, because a newer text follows them.
pub(super) fn list(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    in_doubt: i64,
) -> Result<Vec<OutboxItem>, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT id, room_id, state, created_at,
             min(deadline, coalesce(tried_at + ?1, deadline)), tried_at IS NOT NULL, next_at,
             coalesce(error, (SELECT error FROM parts WHERE send = s.id AND event_id IS NULL
                 AND error IS NOT NULL ORDER BY idx LIMIT 1)),
             (SELECT count(*) FROM parts WHERE send = s.id),
             (SELECT count(event_id) FROM parts WHERE send = s.id),
             (SELECT coalesce(sum(attempts), 0) FROM parts WHERE send = s.id)
         FROM sends AS s WHERE state IN (0, 2) AND draft = 0 ORDER BY id",
    )?;
    let mut rows = statement.query([in_doubt])?;
    let mut items = Vec::new();
    while let Some(row) = rows.next()? {
        let failed = row.get::<_, u8>(2)? == FAILED;
        let next_at: Option<i64> = row.get(6)?;
        let error = row
            .get::<_, Option<Vec<u8>>>(7)?
            .and_then(|sealed| seal.open::<ErrorRecord>(&sealed).ok())
            .map(Error::from);
        items.push(OutboxItem {
            id: row.get(0)?,
            room_id: seal.open(&row.get::<_, Vec<u8>>(1)?).ok(),
            failed,
            created_at: row.get::<_, i64>(3)? as u64,
            expires_at: (!failed).then_some(row.get::<_, i64>(4)? as u64),
            in_doubt: failed && row.get(5)?,
            waiting_until: next_at
                .filter(|at| !failed && *at > now)
                .map(|at| at as u64),
            error: error.map(|error| error.message),
            parts: row.get(8)?,
            sent: row.get(9)?,
            attempts: row.get(10)?,
        });
    }
    Ok(items)
}

/// Sends that failed are queued again at their old place, with the transaction ids they
/// have for life and new time; for queued ones there is nothing to store. Returns which
/// of `ids` were either, with their rooms.
pub(super) fn retry(
    tx: &Transaction<'_>,
    ids: &[i64],
    deadline: i64,
) -> Result<Vec<(i64, Hash)>, Fault> {
    let mut done = Vec::new();
    for id in ids {
        let found: Option<(Hash, u8)> = tx
            .prepare_cached(
                "SELECT room, state FROM sends WHERE id = ?1 AND state IN (0, 2) AND draft = 0",
            )?
            .query_row([id], |r| Ok((r.get(0)?, r.get(1)?)))
            .optional()?;
        let Some((room, state)) = found else {
            continue;
        };
        if state == FAILED {
            queue_again(tx, *id, deadline)?;
        }
        done.push((*id, room));
    }
    Ok(done)
}

/// Ends sends that were not sent; what of them is on the homeserver stays there. Returns
/// which of `ids` there were, with their rooms.
pub(super) fn forget(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    ids: &[i64],
) -> Result<Vec<(i64, Hash)>, Fault> {
    let why = Error::new(
        ErrorCode::Cancelled,
        "it was taken out of the outbox with `openclaw matrix outbox drop`",
    );
    let why = seal.close(&ErrorRecord::from(&why))?;
    let mut done = Vec::new();
    for id in ids {
        let room: Option<Hash> = tx
            .prepare_cached(
                "UPDATE sends SET state = ?2, finished_at = ?3, error = ?4, next_at = NULL
                 WHERE id = ?1 AND state IN (?5, ?6) AND draft = 0 RETURNING room",
            )?
            .query_row(params![id, DROPPED, now, why, QUEUED, FAILED], |r| r.get(0))
            .optional()?;
        let Some(room) = room else {
            continue;
        };
        tx.prepare_cached("UPDATE parts SET payload = NULL WHERE send = ?1")?
            .execute([id])?;
        done.push((*id, room));
    }
    Ok(done)
}

/// The key of a send that was given up comes again. If no request of it may have arrived,
/// it is tried again: with the new content if nothing of it was sent, else from where it
/// stopped. True if so.
pub(super) fn revive(
    tx: &Transaction<'_>,
    seal: &Seal,
    deadline: i64,
    send: &NewSend,
) -> Result<bool, Fault> {
    let id: Option<i64> = tx
        .prepare_cached(
            "SELECT id FROM sends WHERE key = ?1 AND state = ?2 AND tried_at IS NULL
             AND draft = 0",
        )?
        .query_row(params![seal.hash("send", &send.key), FAILED], |r| r.get(0))
        .optional()?;
    let Some(id) = id else {
        return Ok(false);
    };
    let begun: bool = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM parts WHERE send = ?1 AND event_id IS NOT NULL)",
        )?
        .query_row([id], |r| r.get(0))?;
    if !begun {
        tx.prepare_cached("DELETE FROM parts WHERE send = ?1")?
            .execute([id])?;
        rows::insert_parts(tx, seal, id, send)?;
    }
    queue_again(tx, id, deadline)?;
    Ok(true)
}

fn queue_again(tx: &Transaction<'_>, id: i64, deadline: i64) -> Result<(), Fault> {
    tx.prepare_cached(
        "UPDATE sends SET state = ?2, deadline = ?3, error = NULL, finished_at = NULL,
         tried_at = NULL, next_at = NULL WHERE id = ?1",
    )?
    .execute(params![id, QUEUED, deadline])?;
    tx.prepare_cached("UPDATE parts SET attempts = 0, error = NULL WHERE send = ?1")?
        .execute([id])?;
    Ok(())
}

/// Nobody waits for anything when a process begins.
pub(super) fn reopen(tx: &Transaction<'_>) -> Result<(), Fault> {
    tx.execute(
        "UPDATE sends SET next_at = NULL WHERE next_at IS NOT NULL",
        [],
    )?;
    Ok(())
}
