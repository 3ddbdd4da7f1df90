//! Files of a send: uploaded, each once, before the event that names them is sent. A retry,
//! by whatever process, goes on with what is uploaded.

use std::collections::HashSet;

use ruma::OwnedMxcUri;
use rusqlite::{Transaction, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Outbox, record::PartRecord, rows::Work};
use crate::{
    engine::Engine,
    error::{Error, ErrorCode, Result},
    media::Spooled,
    queue_file::{Fault, Seal},
};

/// Where an event names a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// `url`, or `file` if it is encrypted.
    File,
    /// `thumbnail_url` or `thumbnail_file` of `info`.
    Thumbnail,
}

/// A file of a send before it is stored.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    /// Index of its event among the send's parts.
    pub part: usize,
    /// Where that event names it.
    pub place: Place,
    /// Where it waits.
    pub spooled: Spooled,
    /// Its type, for a homeserver that may see it.
    pub mimetype: String,
    /// Its name, for a homeserver that may see it.
    pub filename: String,
}

/// The same in a row.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct PartFile {
    place: Place,
    spooled: Spooled,
    mimetype: String,
    filename: String,
    uploaded: Option<Uploaded>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Uploaded {
    url: OwnedMxcUri,
    encrypted: bool,
}

impl NewFile {
    /// Its name in the spool.
    pub fn name(&self) -> String {
        self.spooled.name.clone()
    }
}

impl PartFile {
    fn is_uploaded(&self, encrypted: bool) -> bool {
        let uploaded = self.uploaded.as_ref();
        uploaded.is_some_and(|uploaded| uploaded.encrypted == encrypted)
    }

    /// Writes where it lies into the event's content.
    fn name_in(&self, content: &mut Value) {
        let Some(uploaded) = &self.uploaded else {
            return;
        };
        let (object, url, file) = match self.place {
            Place::File => (Some(&mut *content), "url", "file"),
            Place::Thumbnail => (content.get_mut("info"), "thumbnail_url", "thumbnail_file"),
        };
        let Some(object) = object.and_then(Value::as_object_mut) else {
            return;
        };
        if uploaded.encrypted {
            let mut sealed: Map<String, Value> =
                self.spooled.seal.as_object().cloned().unwrap_or_default();
            sealed.insert("url".to_owned(), uploaded.url.as_str().into());
            object.insert(file.to_owned(), Value::Object(sealed));
        } else {
            object.insert(url.to_owned(), uploaded.url.as_str().into());
        }
    }
}

/// The files of one part.
pub(super) fn of_part(files: &[NewFile], part: usize) -> Vec<PartFile> {
    let files = files.iter().filter(|file| file.part == part);
    files
        .map(|file| PartFile {
            place: file.place,
            spooled: file.spooled.clone(),
            mimetype: file.mimetype.clone(),
            filename: file.filename.clone(),
            uploaded: None,
        })
        .collect()
}

/// Takes down which files a part needs.
pub(super) fn insert(tx: &Transaction<'_>, part: i64, files: &[PartFile]) -> Result<(), Fault> {
    let mut statement = tx.prepare_cached("INSERT INTO files (name, part) VALUES (?1, ?2)")?;
    for file in files {
        statement.execute(params![file.spooled.name, part])?;
    }
    Ok(())
}

/// Names of the files that are still needed.
fn needed(tx: &Transaction<'_>) -> Result<HashSet<String>, Fault> {
    tx.execute(
        "DELETE FROM files WHERE part IN (SELECT id FROM parts WHERE payload IS NULL)",
        [],
    )?;
    let mut statement = tx.prepare_cached("SELECT name FROM files")?;
    let names = statement
        .query_map([], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    Ok(names)
}

/// What is uploaded of a part is stored at once.
fn keep(tx: &Transaction<'_>, seal: &Seal, part: i64, record: &PartRecord) -> Result<(), Fault> {
    tx.prepare_cached("UPDATE parts SET payload = ?2 WHERE id = ?1 AND payload IS NOT NULL")?
        .execute(params![part, seal.close(record)?])?;
    Ok(())
}

impl Outbox {
    /// Stores a file for a send that is about to be stored.
    ///
    /// # Errors
    /// `storage_failed` if the disk refuses it.
    pub async fn spool(&self, bytes: Vec<u8>) -> Result<Spooled> {
        self.inner.spool.store(bytes).await
    }

    /// Those files will not be named by any send.
    pub async fn unspool(&self, names: &[String]) -> Result<()> {
        self.inner.spool.settled(names.iter().map(String::as_str));
        self.sweep().await
    }

    /// Deletes the files that no row needs any more.
    pub(super) async fn sweep(&self) -> Result<()> {
        let needed = self.inner.file.run(|tx, _| needed(tx)).await?;
        self.inner.spool.sweep(needed).await;
        Ok(())
    }

    /// The event's content with all its files in it; what is not uploaded yet, or not in the
    /// way this room needs, is uploaded first.
    pub(super) async fn with_files(&self, engine: &dyn Engine, work: &mut Work) -> Result<Value> {
        let mut content = work.record.content.clone();
        if work.record.files.is_empty() {
            return Ok(content);
        }
        let encrypted = engine.encrypts(&work.room_id).await?;
        for index in 0..work.record.files.len() {
            let file = &work.record.files[index];
            if file.is_uploaded(encrypted) {
                continue;
            }
            let clear = (!encrypted).then_some((file.mimetype.as_str(), file.filename.as_str()));
            let upload = engine.upload(&self.inner.spool, &file.spooled, clear);
            let url = tokio::time::timeout(self.inner.pace.upload, upload)
                .await
                .unwrap_or_else(|_| {
                    Err(Error::new(
                        ErrorCode::Timeout,
                        "the homeserver did not take the file in time",
                    ))
                })?;
            work.record.files[index].uploaded = Some(Uploaded { url, encrypted });
            let (part, record) = (work.part, work.record.clone());
            self.inner
                .file
                .run(move |tx, seal| keep(tx, seal, part, &record))
                .await?;
        }
        for file in &work.record.files {
            file.name_in(&mut content);
        }
        Ok(content)
    }
}
