//! Rows that were given up: kept with their payload until a person says what to do.

use rusqlite::{Transaction, params};

use super::{
    record::EventRecord,
    schema::{ADOPTED, DEAD, LEASED, SETTLED, WAITING},
};
use crate::{
    event::StoredEvent,
    queue_file::{Fault, Seal},
};

/// A row that was out this often when the process ended becomes a dead letter. Far
/// above what somebody who kills the process by hand comes to.
const MAX_CRASHES: u32 = 10;

/// A row that was given up.
#[derive(Debug, Clone)]
pub(crate) struct DeadLetter {
    /// The row.
    pub seq: i64,
    /// `None` if its payload is damaged.
    pub event: Option<StoredEvent>,
    /// How often it failed.
    pub failures: u32,
    /// How often the process ended while it was out.
    pub crashes: u32,
    /// The last failure's reason.
    pub reason: String,
    /// Milliseconds since the epoch.
    pub failed_at: u64,
}

pub(super) fn bury(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    seq: i64,
    reason: &str,
) -> Result<(), Fault> {
    tx.execute(
        "UPDATE events SET state = ?2, failures = failures + 1, finished_at = ?3, reason = ?4
         WHERE seq = ?1",
        params![seq, DEAD, now, seal.close(&reason)?],
    )?;
    Ok(())
}

/// The process ended with rows out; one that was out too often is given up, so that
/// a message that ends the process does not end it for ever.
pub(super) fn count_crash(tx: &Transaction<'_>, seal: &Seal, now: i64) -> Result<(), Fault> {
    tx.execute(
        "UPDATE events SET crashes = crashes + 1 WHERE state IN (?1, ?2) AND notice = 0",
        params![LEASED, ADOPTED],
    )?;
    let reason = format!(
        "the process ended {MAX_CRASHES} times while this was worked on, without an answer and \
         without an error"
    );
    let buried = tx.execute(
        "UPDATE events SET state = ?3, finished_at = ?4, reason = ?5
         WHERE state IN (?1, ?2) AND crashes >= ?6",
        params![
            LEASED,
            ADOPTED,
            DEAD,
            now,
            seal.close(&reason)?,
            MAX_CRASHES
        ],
    )?;
    if buried > 0 {
        tracing::error!(
            count = buried,
            "given up, kept as dead letters: {reason}; see `openclaw matrix dead-letters list`"
        );
    }
    Ok(())
}

/// Dead letters, oldest first; one whose payload is damaged has no event.
pub(super) fn list(tx: &Transaction<'_>, seal: &Seal) -> Result<Vec<DeadLetter>, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT seq, payload, received_at, handed_out, failures, crashes, reason, finished_at
         FROM events WHERE state = 4 ORDER BY pos, sub",
    )?;
    let mut rows = statement.query([])?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        let seq = row.get(0)?;
        let record = seal.open::<EventRecord>(&row.get::<_, Vec<u8>>(1)?).ok();
        let received_at: i64 = row.get(2)?;
        let attempts = row.get(3)?;
        letters.push(DeadLetter {
            seq,
            event: record.map(|record| StoredEvent {
                seq,
                event: record.into(),
                received_at: received_at as u64,
                attempts,
            }),
            failures: row.get(4)?,
            crashes: row.get(5)?,
            reason: seal
                .open(&row.get::<_, Vec<u8>>(6)?)
                .unwrap_or_else(|_| "its stored reason cannot be read".to_owned()),
            failed_at: row.get::<_, i64>(7)? as u64,
        });
    }
    Ok(letters)
}

/// Dead letters wait again, at their old place, as if they had never failed; returns which.
pub(super) fn resubmit(tx: &Transaction<'_>, seqs: &[i64]) -> Result<Vec<i64>, Fault> {
    let mut statement = tx.prepare_cached(
        "UPDATE events SET state = ?2, failures = 0, crashes = 0, next_at = 0, reason = NULL,
         finished_at = NULL WHERE seq = ?1 AND state = ?3",
    )?;
    let mut done = Vec::new();
    for seq in seqs {
        if statement.execute(params![seq, WAITING, DEAD])? == 1 {
            done.push(*seq);
        }
    }
    Ok(done)
}

/// Dead letters are settled without an answer; returns which.
pub(super) fn forget(tx: &Transaction<'_>, now: i64, seqs: &[i64]) -> Result<Vec<i64>, Fault> {
    let mut statement = tx.prepare_cached(
        "UPDATE events SET state = ?3, payload = NULL, reason = NULL, finished_at = ?2
         WHERE seq = ?1 AND state = ?4",
    )?;
    let mut done = Vec::new();
    for seq in seqs {
        if statement.execute(params![seq, now, SETTLED, DEAD])? == 1 {
            done.push(*seq);
        }
    }
    Ok(done)
}
