//! What SQLite says of a file, our own or the SDK's: the disk refuses, or the file is
//! damaged.

use std::error::Error as StdError;

use super::{Error, ErrorCode, homeserver::quote};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Full,
    Unwritable,
    Failing,
    Damaged,
}

impl Trouble {
    fn of(error: &rusqlite::Error) -> Option<Self> {
        use rusqlite::ErrorCode as Sql;
        let rusqlite::Error::SqliteFailure(error, _) = error else {
            return None;
        };
        match error.code {
            Sql::DiskFull => Some(Self::Full),
            Sql::CannotOpen | Sql::PermissionDenied | Sql::ReadOnly => Some(Self::Unwritable),
            Sql::SystemIoFailure => Some(Self::Failing),
            Sql::DatabaseCorrupt | Sql::NotADatabase => Some(Self::Damaged),
            _ => None,
        }
    }

    /// The SDK wraps SQLite's errors in its own, which pass the text on and not the type;
    /// the texts are SQLite's own (`sqlite3_errstr`).
    fn in_text(text: &str) -> Option<Self> {
        [
            ("database or disk is full", Self::Full),
            ("attempt to write a readonly database", Self::Unwritable),
            ("unable to open database file", Self::Unwritable),
            ("disk I/O error", Self::Failing),
            ("database disk image is malformed", Self::Damaged),
            ("file is not a database", Self::Damaged),
        ]
        .into_iter()
        .find(|(words, _)| text.contains(words))
        .map(|(_, trouble)| trouble)
    }

    fn of_chain(error: &dyn StdError) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(trouble) = Self::in_text(&error.to_string()) {
                return Some(trouble);
            }
            next = error.source();
        }
        None
    }

    /// The sentence, if it is the disk's trouble; `what` is the file's name for a person.
    fn of_disk(self, what: &str) -> Option<Error> {
        let message = match self {
            Self::Full => format!(
                "the disk is full, {what} cannot grow: free some space; nothing stored is lost"
            ),
            Self::Unwritable => format!(
                "{what} cannot be written: make it and its folder writable for the user the \
                 gateway runs as"
            ),
            Self::Failing => {
                format!("reading or writing {what} failed: check the disk and its file system")
            }
            Self::Damaged => return None,
        };
        Some(Error::new(ErrorCode::StorageFailed, message))
    }
}

/// The disk's own trouble, if it is that; `what` is the file's name for a person.
pub(crate) fn disk(error: &rusqlite::Error, what: &str) -> Option<Error> {
    Trouble::of(error)?.of_disk(what)
}

/// What the SDK says of one of its stores. A disk that refuses has not damaged anything.
pub(crate) fn store(which: &str, error: &dyn StdError) -> Error {
    Trouble::of_chain(error)
        .and_then(|trouble| trouble.of_disk(&format!("the {which} store")))
        .unwrap_or_else(|| {
            Error::new(
                ErrorCode::StoreCorrupt,
                format!(
                    "the {which} store cannot be used: {}",
                    quote(&error.to_string())
                ),
            )
        })
}

/// SQLite itself says that one of the SDK's files is damaged.
pub(crate) fn is_damage(error: &matrix_sdk::Error) -> bool {
    matches!(
        error,
        matrix_sdk::Error::CryptoStoreError(_) | matrix_sdk::Error::StateStore(_)
    ) && Trouble::of_chain(error) == Some(Trouble::Damaged)
}

#[cfg(test)]
mod tests {
    use rusqlite::{Connection, OpenFlags};

    use super::*;

    /// By the code, and by the words that come through the SDK.
    fn expect(error: &rusqlite::Error, trouble: Trouble) {
        assert_eq!(Trouble::of(error), Some(trouble), "{error}");
        assert_eq!(
            Trouble::in_text(&error.to_string()),
            Some(trouble),
            "{error}"
        );
    }

    #[test]
    fn ses_11_sqlites_words_and_codes_mean_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file.sqlite3");
        let file = Connection::open(&path).unwrap();
        file.execute_batch(
            "CREATE TABLE t (b BLOB); INSERT INTO t VALUES (zeroblob(100000));
             PRAGMA max_page_count = 1;",
        )
        .unwrap();
        let full = file.execute("INSERT INTO t VALUES (zeroblob(100000))", []);
        expect(&full.unwrap_err(), Trouble::Full);
        drop(file);

        let file = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let refused = file.execute("DELETE FROM t", []);
        expect(&refused.unwrap_err(), Trouble::Unwritable);
        drop(file);
        let folder =
            Connection::open(dir.path()).and_then(|file| file.execute_batch("CREATE TABLE t (b)"));
        expect(&folder.unwrap_err(), Trouble::Unwritable);

        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
        let read = |path: &std::path::Path| {
            Connection::open(path)?.query_row(
                "SELECT sum(length(b)), max(b) FROM t",
                [],
                |_| Ok(()),
            )
        };
        expect(&read(&path).unwrap_err(), Trouble::Damaged);
        std::fs::write(&path, vec![7u8; 8192]).unwrap();
        expect(&read(&path).unwrap_err(), Trouble::Damaged);
    }
}
