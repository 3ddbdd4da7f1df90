//! The file's tables.

use crate::queue_file::Role;

pub(super) const ROLE: Role = Role {
    name: "inbox",
    loss: "messages in it that were not answered yet are not answered any more",
};

/// States of a row in `events`; settled rows have no payload any more.
pub(super) const WAITING: u8 = 0;
pub(super) const LEASED: u8 = 1;
pub(super) const ADOPTED: u8 = 2;
pub(super) const SETTLED: u8 = 3;
pub(super) const DEAD: u8 = 4;

/// `pos` is the place in the order of delivery, `sub` the place within the
/// events of one gap: a gap reserves its `pos` before the events behind it get
/// theirs, and its pages come newest first with ever smaller `sub`. `crashes` counts
/// how often the process ended with the row out; a `notice` was made here and may
/// stay out for long.
pub(super) const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    room BLOB NOT NULL,
    key BLOB NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    pos INTEGER NOT NULL,
    sub INTEGER NOT NULL DEFAULT 0,
    gap INTEGER,
    payload BLOB,
    reason BLOB,
    received_at INTEGER NOT NULL,
    handed_out INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0,
    finished_at INTEGER,
    UNIQUE (room, key)
) STRICT;
CREATE INDEX events_waiting ON events (pos, sub) WHERE state = 0;
CREATE INDEX events_resting ON events (room, pos, sub) WHERE state = 0 AND next_at > 0;
CREATE INDEX events_open ON events (state) WHERE state <> 3;
CREATE INDEX events_settled ON events (finished_at) WHERE state = 3;

CREATE TABLE gaps (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room BLOB NOT NULL,
    origin BLOB NOT NULL,
    payload BLOB NOT NULL,
    pos INTEGER NOT NULL,
    found INTEGER NOT NULL DEFAULT 0,
    pages INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    next_at INTEGER NOT NULL DEFAULT 0,
    hold_until INTEGER NOT NULL,
    UNIQUE (room, origin)
) STRICT;

CREATE TABLE undecryptable (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room BLOB NOT NULL,
    key BLOB NOT NULL,
    cause TEXT NOT NULL,
    payload BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    UNIQUE (room, key)
) STRICT;
",
    // What an edit edits, so that the two find each other while both wait.
    "
ALTER TABLE events ADD COLUMN target BLOB;
CREATE INDEX events_edits ON events (room, target) WHERE target IS NOT NULL AND state = 0;
",
    "
ALTER TABLE events ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN notice INTEGER NOT NULL DEFAULT 0;
",
    // Whose they are, so that nobody can fill the disk with what cannot be read.
    "
ALTER TABLE undecryptable ADD COLUMN sender BLOB;
CREATE INDEX undecryptable_senders ON undecryptable (room, sender, id);
",
];
