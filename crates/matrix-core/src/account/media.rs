//! Files in and out.

use std::sync::Arc;

use super::Account;
use crate::{
    error::{Error, ErrorCode, Result},
    media::{self, Downloaded, Looks, Source},
    outbox::{NewFile, OutboxEntry, OutboxState, Place},
    send::{self, SendFile, SendMedia},
};

/// Files that are fetched at once by one account.
pub(super) const DOWNLOADS: usize = 4;

impl Account {
    /// Fetches a file of a message onto the disk, decrypted. The file is the caller's to
    /// delete.
    ///
    /// # Errors
    /// `config_invalid` for a source that is none; `media_too_large` for more than
    /// `max_bytes`; `not_found`; `store_corrupt` if it is not what its sender encrypted;
    /// `storage_failed`; what the homeserver answered.
    pub async fn download_media(&self, source: &str, max_bytes: u64) -> Result<Downloaded> {
        self.is_open()?;
        let source = Source::read(source)?;
        let _turn = self.inner.downloads.acquire().await;
        self.is_open()?;
        let folder = self.inner.dir.path().join(media::INCOMING);
        media::download(&self.inner.rest, &folder, source, max_bytes).await
    }

    /// Stores files with their caption, uploads them, encrypted in an encrypted room, and sends
    /// an event for each. The same key again makes no second event.
    ///
    /// # Errors
    /// `config_invalid` without a file; `storage_failed` if they cannot be stored; see
    /// [`Self::send_text`].
    pub async fn send_media(&self, mut request: SendMedia) -> Result<OutboxEntry> {
        self.is_open()?;
        if request.files.is_empty() {
            return Err(Error::new(
                ErrorCode::ConfigInvalid,
                "there is no file to send",
            ));
        }
        if let Some(key) = &request.key {
            let known = self.inner.outbox.entry(key).await?;
            if !matches!(known.state, OutboxState::Unknown | OutboxState::Failed) {
                return self.wait_for(key, request.wait_ms).await;
            }
        }
        let mut events = Vec::new();
        let mut files = Vec::new();
        for (part, file) in std::mem::take(&mut request.files).into_iter().enumerate() {
            let stored = self.store_file(part, file, &mut files).await;
            match stored {
                Ok(event) => events.push(event),
                Err(error) => {
                    let names: Vec<String> = files.iter().map(NewFile::name).collect();
                    self.inner.outbox.unspool(&names).await?;
                    return Err(error);
                }
            }
        }
        let parts = send::media_parts(&request, &events);
        let room_id = request.target.room_id;
        self.enqueue_files(request.key, room_id, parts, files, request.wait_ms)
            .await
    }

    /// Stores one file, and a small copy of a picture.
    async fn store_file(
        &self,
        part: usize,
        file: SendFile,
        files: &mut Vec<NewFile>,
    ) -> Result<send::FileEvent> {
        let SendFile {
            bytes,
            filename,
            mimetype,
            small,
            voice,
            as_file,
        } = file;
        let (bytes, looks) = look(bytes, mimetype.clone(), small).await?;
        let size = bytes.len() as u64;
        let marks = (voice, as_file);
        let event = send::file_event(&filename, mimetype.as_deref(), marks, size, &looks);
        files.push(NewFile {
            part,
            place: Place::File,
            spooled: self.inner.outbox.spool(bytes).await?,
            mimetype: event.mimetype.clone(),
            filename: event.filename.clone(),
        });
        if let Some(small) = looks.thumbnail.filter(|_| event.has_thumbnail()) {
            files.push(NewFile {
                part,
                place: Place::Thumbnail,
                spooled: self.inner.outbox.spool(small.bytes).await?,
                mimetype: small.mimetype.to_owned(),
                filename: String::new(),
            });
        }
        Ok(event)
    }
}

/// Looks at a file where that disturbs nobody. A file that cannot be understood is sent all the
/// same.
async fn look(
    bytes: Vec<u8>,
    mimetype: Option<String>,
    small: Option<Vec<u8>>,
) -> Result<(Vec<u8>, Looks)> {
    let bytes = Arc::new(bytes);
    let looked = {
        let bytes = Arc::clone(&bytes);
        tokio::task::spawn_blocking(move || media::look(&bytes, mimetype.as_deref(), small)).await
    };
    let looks = looked.unwrap_or_else(|_| {
        tracing::warn!("a file to send could not be looked at; it goes without its measures");
        Looks::default()
    });
    let bytes = Arc::try_unwrap(bytes)
        .map_err(|_| Error::internal("a file is held after it was looked at"))?;
    Ok((bytes, looks))
}
