//! Holes in timelines, filled page by page, newest page first.

use std::time::Duration;

use ruma::UserId;
use rusqlite::{OptionalExtension, Transaction, params};

use super::{
    Gap, NewGap,
    events::{self, Place, key_hash, room_hash, take_pos},
    missing_keys,
    record::GapRecord,
    skipped,
};
use crate::{
    engine::HistoryPage,
    event::Skipped,
    queue_file::{Fault, Hash, Seal},
};

/// How long what came after a gap waits for it, milliseconds: long enough for a
/// living homeserver, short enough that nobody goes unheard with a broken one.
const HOLD_MS: i64 = 60_000;

/// More than any page has; keeps the pages apart in `sub`.
const PAGE_SPAN: i64 = 1_000_000;

pub(super) fn insert(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    gap: &NewGap,
) -> Result<(), Fault> {
    let record = GapRecord {
        room_id: gap.room_id.clone(),
        from: gap.from.clone(),
        to: gap.to.clone(),
    };
    tx.prepare_cached(
        "INSERT INTO gaps (room, origin, payload, pos, hold_until)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (room, origin) DO NOTHING",
    )?
    .execute(params![
        room_hash(seal, &gap.room_id),
        seal.hash("gap", &gap.from),
        seal.close(&record)?,
        take_pos(tx)?,
        now + HOLD_MS
    ])?;
    Ok(())
}

/// The time nobody ran does not count as time to fill gaps in.
pub(super) fn hold_again(tx: &Transaction<'_>, now: i64) -> Result<(), Fault> {
    tx.execute(
        "UPDATE gaps SET hold_until = ?1, next_at = 0",
        [now + HOLD_MS],
    )?;
    Ok(())
}

/// The oldest gap that is due and lies in none of the rooms `busy`; else when
/// to look again. Gaps of one room are filled in their order.
pub(super) fn next(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    busy: &[Hash],
) -> Result<NextGap, Fault> {
    let mut statement = tx.prepare_cached(
        "SELECT id, room, payload, found, pages, failures, next_at FROM gaps AS g
         WHERE NOT EXISTS (SELECT 1 FROM gaps AS o WHERE o.room = g.room AND o.pos < g.pos)
         ORDER BY pos",
    )?;
    let mut rows = statement.query([])?;
    let mut again: Option<i64> = None;
    while let Some(row) = rows.next()? {
        let room: Hash = row.get(1)?;
        let next_at: i64 = row.get(6)?;
        if busy.contains(&room) {
            continue;
        }
        if next_at > now {
            again = Some(again.map_or(next_at, |a| a.min(next_at)));
            continue;
        }
        let record: GapRecord = seal.open(&row.get::<_, Vec<u8>>(2)?)?;
        return Ok(NextGap::Gap(
            Gap {
                id: row.get(0)?,
                room_id: record.room_id,
                from: record.from,
                to: record.to,
                found: row.get(3)?,
                pages: row.get(4)?,
                failures: row.get(5)?,
            },
            room,
        ));
    }
    Ok(NextGap::None { again })
}

/// See [`next`].
pub(super) enum NextGap {
    /// With its room's hash.
    Gap(Gap, Hash),
    /// Nothing is due; milliseconds since the epoch.
    None { again: Option<i64> },
}

/// Takes out of a page what was here before the gap, with what is older: a homeserver
/// that honours `to` does not send it. True if there was such an event.
pub(super) fn reach(
    tx: &Transaction<'_>,
    seal: &Seal,
    gap: &Gap,
    page: &mut HistoryPage,
) -> Result<bool, Fault> {
    let Some((pos, _)) = standing(tx, gap.id)? else {
        return Ok(true);
    };
    let room = room_hash(seal, &gap.room_id);
    let mut end = None;
    for (at, event) in page.events.iter().enumerate() {
        let known = events::place_of(tx, &room, &key_hash(seal, &event.key))?;
        if known.is_some_and(|known| known < pos) {
            end = Some((at, event.origin_server_ts));
        }
    }
    let Some((at, ts)) = end else {
        return Ok(false);
    };
    page.events.drain(..=at);
    page.undecryptable.retain(|e| e.origin_server_ts >= ts);
    Ok(true)
}

/// Stores one page of a gap before the pages stored earlier.
pub(super) fn add_page(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    gap: &Gap,
    page: &HistoryPage,
) -> Result<(), Fault> {
    let Some((pos, pages)) = standing(tx, gap.id)? else {
        return Ok(());
    };
    let start = first_sub(pages);
    let mut found = 0u32;
    for (at, event) in (0i64..).zip(&page.events) {
        let place = Place {
            pos,
            sub: start + at,
            gap: Some(gap.id),
        };
        found += u32::from(events::insert(tx, seal, now, event, &place)?);
    }
    for event in &page.undecryptable {
        missing_keys::insert(tx, seal, now, event)?;
        found += 1;
    }
    let record = GapRecord {
        room_id: gap.room_id.clone(),
        from: page.next.clone().unwrap_or_default(),
        to: gap.to.clone(),
    };
    tx.execute(
        "UPDATE gaps SET payload = ?2, found = found + ?3, pages = pages + 1, failures = 0,
         next_at = 0 WHERE id = ?1",
        params![gap.id, seal.close(&record)?, found],
    )?;
    Ok(())
}

/// The gap is filled or given up; what it held goes out, behind a notice of what it did
/// not get to hold.
pub(super) fn finish(
    tx: &Transaction<'_>,
    seal: &Seal,
    now: i64,
    gap: &Gap,
    skipped: Option<(&UserId, &Skipped)>,
) -> Result<(), Fault> {
    let Some((pos, pages)) = standing(tx, gap.id)? else {
        return Ok(());
    };
    if let Some((own_user, skipped)) = skipped {
        let place = Place {
            pos,
            sub: first_sub(pages),
            gap: None,
        };
        let of = (gap.id, &gap.room_id, own_user);
        skipped::insert(tx, seal, now, of, &place, skipped)?;
    }
    tx.execute("DELETE FROM gaps WHERE id = ?1", [gap.id])?;
    Ok(())
}

/// The gap's place and how many pages of it are stored, if it is still open.
fn standing(tx: &Transaction<'_>, id: i64) -> Result<Option<(i64, u32)>, Fault> {
    Ok(tx
        .query_row("SELECT pos, pages FROM gaps WHERE id = ?1", [id], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })
        .optional()?)
}

/// Where a page begins that comes after `pages` newer ones.
fn first_sub(pages: u32) -> i64 {
    -PAGE_SPAN * (i64::from(pages) + 1)
}

/// Tries again later; `counted` failures add up until the gap is given up.
pub(super) fn postpone(
    tx: &Transaction<'_>,
    now: i64,
    id: i64,
    wait: Duration,
    counted: bool,
) -> Result<(), Fault> {
    tx.execute(
        "UPDATE gaps SET next_at = ?2, failures = failures + ?3 WHERE id = ?1",
        params![id, now + wait.as_millis() as i64, counted],
    )?;
    Ok(())
}
