//! A spooled file onto the homeserver, in pieces.

use std::time::Duration;

use matrix_sdk::reqwest::Body;
use ruma::OwnedMxcUri;

use super::spool::{Spool, Spooled};
use crate::{
    error::{Error, ErrorCode, Result, from_deserialization},
    rest::Rest,
};

/// For a file as a whole.
const WHOLE: Duration = Duration::from_secs(15 * 60);
const PATH: [&str; 4] = ["_matrix", "media", "v3", "upload"];

/// Uploads a file as it lies, or decrypted under its name and type. The homeserver forgets
/// what no event names.
///
/// # Errors
/// `store_corrupt` if the file is damaged, `media_too_large` if the homeserver takes no file
/// of this size; what else it answered.
pub(crate) async fn upload(
    rest: &Rest,
    spool: &Spool,
    file: &Spooled,
    clear: Option<(&str, &str)>,
) -> Result<OwnedMxcUri> {
    spool.check(file).await?;
    let body = Body::wrap_stream(spool.read(file, clear.is_some()));
    let (mimetype, query) = match clear {
        Some((mimetype, filename)) if !filename.is_empty() => {
            (mimetype, vec![("filename", filename)])
        }
        Some((mimetype, _)) => (mimetype, Vec::new()),
        None => ("application/octet-stream", Vec::new()),
    };
    let answer = rest
        .post_stream(&PATH, &query, mimetype, (body, file.size), WHOLE)
        .await
        .map_err(|error| match error.code {
            ErrorCode::MediaTooLarge => Error {
                message: "the file is larger than the homeserver takes (`max_upload_size`)"
                    .to_owned(),
                ..error
            },
            _ => error,
        })?;
    let uri = answer
        .get("content_uri")
        .and_then(serde_json::Value::as_str)
        .map(OwnedMxcUri::from)
        .filter(|uri| uri.is_valid());
    uri.ok_or_else(|| from_deserialization("the upload", "there is no `content_uri`"))
}
