//! Whether anybody can read what is sent, where only signed devices get its keys.

use matrix_sdk::{Room, RoomMemberships};
use ruma::OwnedUserId;

use super::SdkEngine;
use crate::{
    error::{self, Error, ErrorCode, Result},
    trust::KeyRecipients,
};

/// People an error names.
const NAMED: usize = 3;

impl SdkEngine {
    /// With `trust.send: cross-signed` the SDK sends to whoever may have the keys, even if
    /// that is nobody: an answer that no person can read is a failure.
    pub(super) async fn somebody_can_read(&self, room: &Room) -> Result<()> {
        if self.params.key_recipients != KeyRecipients::CrossSigned {
            return Ok(());
        }
        let encryption = room.client().encryption();
        let mut without: Vec<OwnedUserId> = Vec::new();
        for member in room.members(RoomMemberships::JOIN).await? {
            if member.user_id() == self.params.session.user_id {
                continue;
            }
            let devices = encryption.get_user_devices(member.user_id()).await?;
            if devices
                .devices()
                .any(|device| device.is_cross_signed_by_owner())
            {
                return Ok(());
            }
            // Nobody has asked for the devices of somebody who has just joined.
            let identity = encryption.get_user_identity(member.user_id()).await;
            let known = identity
                .map_err(|e| error::store("encryption", &e))?
                .is_some();
            if devices.devices().next().is_none() && !known {
                return Ok(());
            }
            without.push(member.user_id().to_owned());
        }
        if without.is_empty() {
            return Ok(());
        }
        let named: Vec<&str> = without.iter().take(NAMED).map(|id| id.as_str()).collect();
        let more = match without.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        Err(Error::new(
            ErrorCode::NotVerified,
            format!(
                "nobody in {} could read it: no device of {}{more} is verified by its owner, and \
                 `trust.send` is \"cross-signed\"; ask them to verify the device they write from \
                 (in Element: Settings → Encryption), or set `trust.send` to \"all\"",
                room.room_id(),
                named.join(", ")
            ),
        ))
    }
}
