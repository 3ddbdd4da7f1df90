//! The file's tables.

use crate::queue_file::Role;

pub(super) const ROLE: Role = Role {
    name: "outbox",
    loss: "messages in it that were not sent yet are not sent any more",
};

/// States of a row in `sends`.
pub(super) const QUEUED: u8 = 0;
pub(super) const SENT: u8 = 1;
pub(super) const FAILED: u8 = 2;
/// A draft edit that a newer edit of the same event made needless.
pub(super) const OVERTAKEN: u8 = 3;
/// Ended by a person.
pub(super) const DROPPED: u8 = 4;

/// `edit_of` is the hash of the event that the send edits. A part's payload
/// goes once it is sent or nobody can want it any more; its transaction id and event id
/// stay with the send. `tried_at` is when the first request left whose outcome is still
/// not known, `next_at` when the lane that waits tries again. `files` are those beside this
/// one that a part's payload names; they go with the payload.
pub(super) const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sends (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    room BLOB NOT NULL,
    room_id BLOB NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    edit_of BLOB,
    draft INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deadline INTEGER NOT NULL,
    finished_at INTEGER,
    error BLOB
) STRICT;
CREATE INDEX sends_queued ON sends (room, id) WHERE state = 0;
CREATE INDEX sends_finished ON sends (finished_at) WHERE state <> 0;

CREATE TABLE parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    send INTEGER NOT NULL REFERENCES sends (id) ON DELETE CASCADE,
    idx INTEGER NOT NULL,
    txn_id TEXT NOT NULL UNIQUE,
    payload BLOB,
    event_id BLOB,
    attempts INTEGER NOT NULL DEFAULT 0,
    error BLOB,
    UNIQUE (send, idx)
) STRICT;
",
    "
ALTER TABLE sends ADD COLUMN tried_at INTEGER;
ALTER TABLE sends ADD COLUMN next_at INTEGER;
CREATE INDEX sends_edits ON sends (room, edit_of) WHERE edit_of IS NOT NULL;
UPDATE sends SET tried_at = created_at WHERE state = 0;
",
    "
CREATE TABLE files (
    name TEXT PRIMARY KEY,
    part INTEGER NOT NULL REFERENCES parts (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX files_part ON files (part);
",
];
