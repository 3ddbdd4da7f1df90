//! Files in and out.

use matrix_core::{self as core, Result, send};
use napi::bindgen_prelude::Buffer;
use napi_derive::napi;

use crate::{
    mirror::Cross,
    send::{ChunkMode, Tables, target},
};

/// Files to send; documented at `SendMedia` in account.ts.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct SendMedia {
    pub room_id: String,
    pub thread_root_id: Option<String>,
    pub reply_to_id: Option<String>,
    pub files: Vec<SendFile>,
    pub caption: Option<String>,
    pub key: Option<String>,
    pub chunk_limit: u32,
    pub chunk_mode: ChunkMode,
    pub tables: Tables,
    pub wait_ms: Option<u32>,
}

/// One file of `SendMedia`.
#[napi(object, object_to_js = false)]
#[allow(missing_docs)]
pub struct SendFile {
    pub bytes: Buffer,
    pub filename: String,
    pub mimetype: Option<String>,
    pub small: Option<Buffer>,
    pub voice: Option<bool>,
    pub as_file: Option<bool>,
}

impl SendMedia {
    /// As the core takes it; the files are copied, which JavaScript's thread has to do.
    pub(crate) fn into_core(self) -> Result<send::SendMedia> {
        let Self {
            room_id,
            thread_root_id,
            reply_to_id,
            files,
            caption,
            key,
            chunk_limit,
            chunk_mode,
            tables,
            wait_ms,
        } = self;
        let files = files.into_iter().map(|file| send::SendFile {
            bytes: file.bytes.to_vec(),
            filename: file.filename,
            mimetype: file.mimetype,
            small: file.small.map(|small| small.to_vec()),
            voice: file.voice.unwrap_or(false),
            as_file: file.as_file.unwrap_or(false),
        });
        Ok(send::SendMedia {
            files: files.collect(),
            target: target(&room_id, thread_root_id, reply_to_id)?,
            caption,
            key,
            chunk_limit: usize::try_from(chunk_limit).unwrap_or(usize::MAX),
            chunk_mode: chunk_mode.into(),
            tables: tables.into(),
            wait_ms: wait_ms.map(Into::into),
        })
    }
}

/// A file that was fetched.
#[napi(object, object_from_js = false)]
pub struct Downloaded {
    /// Where it lies; the caller's to delete.
    pub path: String,
    /// Bytes.
    pub size: i64,
    /// What its homeserver takes it for, if it is not encrypted.
    pub content_type: Option<String>,
}

impl Cross for core::Downloaded {
    type Js = Downloaded;
    fn cross(self) -> Downloaded {
        let Self {
            path,
            size,
            content_type,
        } = self;
        Downloaded {
            path: path.to_string_lossy().into_owned(),
            size: size.cross(),
            content_type,
        }
    }
}
