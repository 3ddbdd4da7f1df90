//! Where a file lies, and what opens it.

use matrix_sdk_crypto::MediaEncryptionInfo;
use ruma::{OwnedMxcUri, events::room::EncryptedFile};
use serde_json::Value;

use crate::error::{Error, ErrorCode, Result};

/// A file on a homeserver.
pub(crate) struct Source {
    /// The homeserver it was uploaded to.
    pub server: String,
    /// Its id there.
    pub media_id: String,
    /// For an encrypted file.
    pub key: Option<MediaEncryptionInfo>,
}

impl Source {
    /// Reads what [`crate::event::MediaInfo::source`] says.
    ///
    /// # Errors
    /// `config_invalid` if it is no source, or its key is none.
    pub fn read(json: &str) -> Result<Self> {
        // What stands in it may be a key: it is not quoted.
        let invalid = |what: &str| {
            Error::new(
                ErrorCode::ConfigInvalid,
                format!("the message does not say where its file lies: {what}"),
            )
        };
        let value: Value = serde_json::from_str(json).map_err(|_| invalid("it is no JSON"))?;
        let uri: OwnedMxcUri = value
            .get("url")
            .and_then(Value::as_str)
            .ok_or_else(|| invalid("there is no URL"))?
            .into();
        let (server, media_id) = uri.parts().map_err(|_| invalid("its URL is no mxc: URI"))?;
        let (server, media_id) = (server.to_string(), media_id.to_owned());
        let encrypted = ["key", "v", "hashes", "iv"]
            .iter()
            .any(|key| value.get(key).is_some());
        let no_key = || invalid("its key is not one of encrypted attachments (v2)");
        if encrypted && value.get("v").and_then(Value::as_str) != Some("v2") {
            return Err(no_key());
        }
        let key = encrypted
            .then(|| serde_json::from_value::<EncryptedFile>(value))
            .transpose()
            .map_err(|_| no_key())?
            .map(MediaEncryptionInfo::from);
        Ok(Self {
            server,
            media_id,
            key,
        })
    }
}
