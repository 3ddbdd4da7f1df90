//! Files that wait to be sent, encrypted as attachments are: in an encrypted room the
//! homeserver gets them as they lie here, else they are decrypted while they are uploaded.
//! Their keys are in the outbox's sealed rows.

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Cursor, Read, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use futures_util::{Stream, stream};
use matrix_sdk_crypto::{AttachmentDecryptor, AttachmentEncryptor, MediaEncryptionInfo};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

use super::{
    download::private_folder,
    pieces::{PIECE, UNDER_WAY},
};
use crate::{
    blocking::blocking,
    error::{Error, ErrorCode, Result},
};

/// The folder. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Spool {
    folder: PathBuf,
    /// Stored, and in no row yet.
    fresh: Arc<Mutex<HashSet<String>>>,
}

/// A file in it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Spooled {
    /// Its name in the folder.
    pub name: String,
    /// Bytes, encrypted or not.
    pub size: u64,
    /// Key and hash as they stand in an event beside `url`.
    pub seal: Value,
}

/// The key is left out.
impl std::fmt::Debug for Spooled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spooled")
            .field("name", &self.name)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

impl Spool {
    /// Made when the first file comes.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            fresh: Arc::default(),
        }
    }

    /// Encrypts and stores a file; it is on the disk when this returns.
    ///
    /// # Errors
    /// `storage_failed` if the disk refuses it.
    pub async fn store(&self, bytes: Vec<u8>) -> Result<Spooled> {
        let spool = self.clone();
        blocking(move || spool.store_now(&bytes)).await
    }

    fn store_now(&self, bytes: &[u8]) -> Result<Spooled> {
        let name = format!("{:032x}", rand::random::<u128>());
        self.fresh().insert(name.clone());
        let seal = self.write(&name, bytes).map_err(|error| {
            self.fresh().remove(&name);
            Error::new(
                ErrorCode::StorageFailed,
                format!("cannot write to {}: {error}", self.folder.display()),
            )
        })?;
        Ok(Spooled {
            name,
            size: bytes.len() as u64,
            seal,
        })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<Value> {
        private_folder(&self.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        let mut clear = Cursor::new(bytes);
        let mut encryptor = AttachmentEncryptor::new(&mut clear);
        io::copy(&mut encryptor, file.as_file_mut())?;
        let seal = serde_json::to_value(encryptor.finish())?;
        file.as_file_mut().flush()?;
        file.as_file().sync_all()?;
        file.persist(self.folder.join(name)).map_err(|e| e.error)?;
        #[cfg(unix)]
        File::open(&self.folder)?.sync_all()?;
        Ok(seal)
    }

    /// The rows that name these files are stored, or will not be.
    pub fn settled<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let mut fresh = self.fresh();
        for name in names {
            fresh.remove(name);
        }
    }

    /// Deletes what no row needs.
    pub async fn sweep(&self, needed: HashSet<String>) {
        let spool = self.clone();
        let swept = tokio::task::spawn_blocking(move || {
            let entries = fs::read_dir(&spool.folder).into_iter().flatten().flatten();
            for entry in entries {
                let name = entry.file_name().to_string_lossy().into_owned();
                if !needed.contains(&name) && !spool.is_fresh(&name) {
                    let _ = fs::remove_file(entry.path());
                }
            }
        });
        let _ = swept.await;
    }

    /// Written at this moment, or about to be named in a row.
    fn is_fresh(&self, name: &str) -> bool {
        let fresh = self.fresh();
        fresh.contains(name) || (!fresh.is_empty() && !is_name(name))
    }

    /// The file's bytes as a stream: as they lie, or decrypted. A damaged file ends in an error.
    pub fn read(
        &self,
        file: &Spooled,
        decrypt: bool,
    ) -> impl Stream<Item = io::Result<Vec<u8>>> + Send + use<> {
        let path = self.folder.join(&file.name);
        let seal = file.seal.clone();
        let (pieces, receiver) = mpsc::channel(UNDER_WAY);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = pump(&path, decrypt.then_some(seal), &pieces) {
                let _ = pieces.blocking_send(Err(error));
            }
        });
        stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        })
    }

    /// Whether the file is there, and as long as it was.
    ///
    /// # Errors
    /// `store_corrupt` if it is not.
    pub async fn check(&self, file: &Spooled) -> Result<()> {
        let path = self.folder.join(&file.name);
        match tokio::fs::metadata(&path).await {
            Ok(metadata) if metadata.len() == file.size => Ok(()),
            _ => Err(Error::new(
                ErrorCode::StoreCorrupt,
                "the stored file cannot be read any more: send it again",
            )),
        }
    }

    fn fresh(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn pump(
    path: &Path,
    seal: Option<Value>,
    pieces: &mpsc::Sender<io::Result<Vec<u8>>>,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    match seal {
        None => send(&mut file, pieces),
        Some(seal) => {
            let key: MediaEncryptionInfo = serde_json::from_value(seal)?;
            let mut clear = AttachmentDecryptor::new(&mut file, key).map_err(io::Error::other)?;
            send(&mut clear, pieces)
        }
    }
}

fn send(from: &mut impl Read, pieces: &mpsc::Sender<io::Result<Vec<u8>>>) -> io::Result<()> {
    loop {
        let mut piece = vec![0; PIECE];
        let n = from.read(&mut piece)?;
        if n == 0 {
            return Ok(());
        }
        piece.truncate(n);
        // Nobody listens any more: the upload was given up.
        if pieces.blocking_send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
}
