//! Files that nobody else may read, and that are whole or not there.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Write},
    path::Path,
};

use fail::fail_point;

use crate::error::{Error, ErrorCode, Result};

/// Whose files these are: ours.
#[derive(Debug, Clone)]
pub(super) struct Owner {
    #[cfg(unix)]
    uid: u32,
}

/// Makes the folder if needed, refuses one that is a link or another user's, and takes
/// group's and others' access away.
pub(super) fn folder(path: &Path) -> Result<Owner> {
    create(path).map_err(|e| failed("create", path, &e))?;
    let metadata = fs::symlink_metadata(path).map_err(|e| failed("read", path, &e))?;
    if metadata.file_type().is_symlink() {
        return Err(refused(path, "is a symbolic link; put a real folder there"));
    }
    if !metadata.is_dir() {
        return Err(refused(path, "is not a folder; move it away"));
    }
    // A file of ours tells who we are, and that we may write here.
    let sample = tempfile::tempfile_in(path).map_err(|e| failed("write to", path, &e))?;
    let owner = Owner::of(&sample).map_err(|e| failed("write to", path, &e))?;
    owner.check(path, &metadata)?;
    close_to_others(path, &metadata, 0o700)?;
    Ok(owner)
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

impl Owner {
    #[cfg(unix)]
    fn of(file: &File) -> io::Result<Self> {
        use std::os::unix::fs::MetadataExt;
        Ok(Self {
            uid: file.metadata()?.uid(),
        })
    }

    #[cfg(not(unix))]
    fn of(_file: &File) -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(unix)]
    fn check(&self, path: &Path, metadata: &fs::Metadata) -> Result<()> {
        use std::os::unix::fs::MetadataExt;
        if metadata.uid() == self.uid {
            return Ok(());
        }
        Err(refused(
            path,
            &format!(
                "belongs to user {} and this process runs as user {}; run it as that user, or \
                 change the owner with chown",
                metadata.uid(),
                self.uid
            ),
        ))
    }

    #[cfg(not(unix))]
    fn check(&self, _path: &Path, _metadata: &fs::Metadata) -> Result<()> {
        Ok(())
    }
}

#[cfg(unix)]
fn close_to_others(path: &Path, metadata: &fs::Metadata, mode: u32) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if metadata.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), "other users could read it; taking that away");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(|_| {
        refused(
            path,
            "can be read by other users and this cannot be changed; chmod it to 0700",
        )
    })
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path, _metadata: &fs::Metadata, _mode: u32) -> Result<()> {
    Ok(())
}

/// Refuses a file that is a link, no file, or another user's; repairs its mode.
/// Whether it is there.
pub(super) fn check(path: &Path, owner: &Owner) -> Result<bool> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(failed("read", path, &e)),
    };
    if metadata.file_type().is_symlink() {
        return Err(refused(path, "is a symbolic link; remove it"));
    }
    if !metadata.is_file() {
        return Err(refused(path, "is not a file; move it away"));
    }
    owner.check(path, &metadata)?;
    close_to_others(path, &metadata, 0o600)?;
    Ok(true)
}

/// Opens a file for reading and writing, made if it is not there.
pub(super) fn open(path: &Path, owner: &Owner) -> Result<File> {
    check(path, owner)?;
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let file = options.open(path).map_err(|e| failed("open", path, &e))?;
    same(path, &file)?;
    Ok(file)
}

/// The content; `None` if there is no such file.
pub(super) fn read(path: &Path, owner: &Owner) -> Result<Option<Vec<u8>>> {
    if !check(path, owner)? {
        return Ok(None);
    }
    let mut file = File::open(path).map_err(|e| failed("read", path, &e))?;
    same(path, &file)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|e| failed("read", path, &e))?;
    Ok(Some(bytes))
}

/// What was checked is what was opened: nobody put a link there in between.
#[cfg(unix)]
fn same(path: &Path, file: &File) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let named = fs::symlink_metadata(path).map_err(|e| failed("read", path, &e))?;
    let opened = file.metadata().map_err(|e| failed("read", path, &e))?;
    if named.dev() == opened.dev() && named.ino() == opened.ino() {
        Ok(())
    } else {
        Err(refused(path, "is a symbolic link; remove it"))
    }
}

#[cfg(not(unix))]
fn same(_path: &Path, _file: &File) -> Result<()> {
    Ok(())
}

/// What a file is called before it is whole.
const NEW: &str = ".new-";

/// Removes what a process left that died while it wrote: a key may be in it. For the
/// holder of the folder's lock.
pub(super) fn sweep(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(NEW) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Writes a whole file, 0600: a temporary one, fsync, rename, fsync of the folder.
pub(super) fn write(dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let path = dir.join(name);
    let attempt = || -> io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(NEW).tempfile_in(dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        fail_point!(&format!("dir::{name}::before"));
        file.persist(&path).map_err(|e| e.error)?;
        #[cfg(unix)]
        File::open(dir)?.sync_all()?;
        fail_point!(&format!("dir::{name}::after"));
        Ok(())
    };
    attempt().map_err(|e| failed("write", &path, &e))
}

fn refused(path: &Path, why: &str) -> Error {
    Error::new(
        ErrorCode::ConfigInvalid,
        format!("{} {why}", path.display()),
    )
}

pub(super) fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::PermissionDenied => "; this user must own it",
        ErrorKind::StorageFull => "; free some space",
        ErrorKind::ReadOnlyFilesystem => "; the account needs a writable folder",
        _ => "",
    };
    Error::new(
        ErrorCode::StorageFailed,
        format!("cannot {what} {}: {error}{hint}", path.display()),
    )
}
