//! A file from the homeserver onto the disk, in pieces: never the whole of it in memory.

use std::{
    fs,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use matrix_sdk::reqwest::{Response, header::CONTENT_TYPE};
use matrix_sdk_crypto::{AttachmentDecryptor, MediaEncryptionInfo};
use tempfile::NamedTempFile;
use tokio::{sync::mpsc, time::timeout};

use super::{
    pieces::{Pieces, UNDER_WAY},
    source::Source,
};
use crate::{
    error::{Error, ErrorCode, Result, from_reqwest},
    rest::Rest,
};

/// For a file as a whole, however slowly it comes.
const WHOLE: Duration = Duration::from_secs(15 * 60);
/// Until the answer begins: the homeserver may have to ask another one for the file.
const BEGIN: Duration = Duration::from_secs(60);
/// Silence in mid-answer.
const IDLE: Duration = Duration::from_secs(30);

/// A file that was fetched.
#[derive(Debug, Clone)]
pub struct Downloaded {
    /// Where it lies, readable by us alone; the caller's to delete.
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// What its homeserver takes it for; of an encrypted file nobody but its sender knows.
    pub content_type: Option<String>,
}

/// Fetches a file of at most `max_bytes` into `folder`; an encrypted one is decrypted on the
/// way, and is there only if its hash is the one its sender wrote.
///
/// # Errors
/// `media_too_large`; `not_found`; `store_corrupt` if it is not what its sender encrypted;
/// `storage_failed` if the disk refuses it; what the homeserver answered.
pub(crate) async fn download(
    rest: &Rest,
    folder: &Path,
    source: Source,
    max_bytes: u64,
) -> Result<Downloaded> {
    let mut answer = open(rest, &source).await?;
    let too_large = || {
        Error::new(
            ErrorCode::MediaTooLarge,
            format!("the file is larger than {}", in_words(max_bytes)),
        )
    };
    if answer.content_length().is_some_and(|size| size > max_bytes) {
        return Err(too_large());
    }
    let content_type = answer
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .filter(|value| !value.is_empty() && source.key.is_none())
        .map(str::to_owned);
    let (pieces, receiver) = mpsc::channel(UNDER_WAY);
    let (folder, key) = (folder.to_owned(), source.key);
    let writer = tokio::task::spawn_blocking(move || write(&folder, Pieces::new(receiver), key));
    let mut size = 0_u64;
    loop {
        let piece = timeout(IDLE, answer.chunk())
            .await
            .map_err(|_| {
                Error::new(
                    ErrorCode::Timeout,
                    "the homeserver stopped in the middle of the file",
                )
            })?
            .map_err(|e| from_reqwest(&e))?;
        if let Some(piece) = &piece {
            size += piece.len() as u64;
            if size > max_bytes {
                return Err(too_large());
            }
        }
        let last = piece.is_none();
        // A writer that has ended says why below.
        if pieces.send(piece).await.is_err() || last {
            break;
        }
    }
    let path = writer
        .await
        .map_err(|e| Error::internal(format!("a task ended early: {e}")))??;
    Ok(Downloaded {
        path,
        size,
        content_type,
    })
}

/// The endpoint that wants a token, and where the homeserver does not have it (before Matrix
/// 1.11) the older one.
async fn open(rest: &Rest, source: &Source) -> Result<Response> {
    let (server, id) = (source.server.as_str(), source.media_id.as_str());
    let begin = |path: [&'static str; 5], with_token: bool| {
        let path = path.into_iter().filter(|part| !part.is_empty());
        let path: Vec<&str> = path.chain([server, id]).collect();
        async move {
            timeout(BEGIN, rest.get_stream(&path, with_token, WHOLE))
                .await
                .unwrap_or_else(|_| {
                    Err(Error::new(
                        ErrorCode::Timeout,
                        "the homeserver did not begin to send the file in time",
                    ))
                })
        }
    };
    let path = ["_matrix", "client", "v1", "media", "download"];
    match begin(path, true).await {
        Err(error) if is_unknown_endpoint(&error) => {
            let path = ["_matrix", "media", "v3", "download", ""];
            begin(path, false).await
        }
        answer => answer,
    }
    .map_err(|error| match error.code {
        ErrorCode::NotFound => Error {
            message: "the homeserver does not have the file".to_owned(),
            ..error
        },
        _ => error,
    })
}

/// Whether the homeserver knows no such request, rather than no such file.
fn is_unknown_endpoint(error: &Error) -> bool {
    match error.errcode.as_deref() {
        Some(errcode) => errcode == "M_UNRECOGNIZED",
        None => matches!(error.status, Some(404 | 405)),
    }
}

/// Writes what comes into a new file. What is not whole is deleted.
fn write<B: AsRef<[u8]>>(
    folder: &Path,
    mut pieces: Pieces<B>,
    key: Option<MediaEncryptionInfo>,
) -> Result<PathBuf> {
    private_folder(folder).map_err(|e| disk(folder, &e))?;
    let mut file = NamedTempFile::new_in(folder).map_err(|e| disk(folder, &e))?;
    let mut refused = None;
    let written = match key {
        None => copy(&mut pieces, file.as_file_mut(), &mut refused),
        Some(key) => {
            let mut reader = AttachmentDecryptor::new(&mut pieces, key).map_err(|_| damaged())?;
            copy(&mut reader, file.as_file_mut(), &mut refused)
        }
    };
    if let Some(error) = refused {
        return Err(disk(folder, &error));
    }
    written.map_err(|_| damaged())?;
    file.into_temp_path()
        .keep()
        .map_err(|e| disk(folder, &e.error))
}

/// Copies all; `refused` says that it was the disk that failed.
fn copy(
    from: &mut impl io::Read,
    to: &mut fs::File,
    refused: &mut Option<io::Error>,
) -> io::Result<()> {
    let mut buffer = vec![0; super::pieces::PIECE];
    loop {
        let n = match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => n,
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        if let Err(error) = to.write_all(&buffer[..n]) {
            *refused = Some(error);
            return Ok(());
        }
    }
}

fn damaged() -> Error {
    Error::new(
        ErrorCode::StoreCorrupt,
        "the file is not what its sender encrypted: its hash is another one",
    )
}

fn disk(folder: &Path, error: &io::Error) -> Error {
    Error::new(
        ErrorCode::StorageFailed,
        format!("cannot write to {}: {error}", folder.display()),
    )
}

/// Made if it is not there, for us alone.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(e) if e.kind() == ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(path)?.is_dir() {
                Ok(())
            } else {
                Err(io::Error::other("it is no folder; move it away"))
            }
        }
        made => made,
    }
}

/// Removes what a process left that died while it fetched.
pub(crate) fn clear(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let _ = fs::remove_file(entry.path());
    }
}

/// `20 MB`.
fn in_words(bytes: u64) -> String {
    const MB: u64 = 1024 * 1024;
    if bytes >= MB && bytes.is_multiple_of(MB) {
        format!("{} MB", bytes / MB)
    } else {
        format!("{bytes} bytes")
    }
}
