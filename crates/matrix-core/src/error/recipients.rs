//! Why nothing was encrypted: whose devices or identity are in the way (`trust.send`).

use std::fmt::Display;

use matrix_sdk_crypto::{OlmError, SessionRecipientCollectionError as Refused};

use super::{Error, ErrorCode};

/// The sentence, if this is why a send failed.
pub(super) fn refused(error: &matrix_sdk::Error) -> Option<Error> {
    let matrix_sdk::Error::OlmError(error) = error else {
        return None;
    };
    let OlmError::SessionRecipientCollectionError(refused) = &**error else {
        return None;
    };
    Some(Error::new(ErrorCode::NotVerified, sentence(refused)))
}

fn sentence(refused: &Refused) -> String {
    match refused {
        Refused::VerifiedUserHasUnsignedDevice(devices) => {
            let devices = devices
                .iter()
                .map(|(user, devices)| format!("{user} (device {})", list(devices)));
            format!(
                "nothing is sent while a verified person has a device that they have not verified \
                 themselves: {}; ask them to verify it or to log it out, or set `trust.send` to \
                 \"cross-signed\", which leaves such devices out",
                list(devices)
            )
        }
        Refused::VerifiedUserChangedIdentity(users) => format!(
            "nothing is sent because the identity of {users} is another one than the one that was \
             verified; ask them whether they reset it, then verify them again or accept it with \
             `openclaw matrix verify acknowledge <user id>`",
            users = list(users)
        ),
        Refused::CrossSigningNotSetup => "`trust.send` is \"cross-signed\" and this account has \
             no identity (cross-signing) of its own; run `openclaw matrix verify bootstrap`, or \
             set `trust.send` to \"all\""
            .to_owned(),
        Refused::SendingFromUnverifiedDevice => "`trust.send` is \"cross-signed\" and this \
             device is not verified; run `openclaw matrix verify device --recovery-key-stdin` \
             with the account's recovery key, or set `trust.send` to \"all\""
            .to_owned(),
    }
}

fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use ruma::{owned_device_id, owned_user_id};

    use super::*;

    fn said(refused: Refused) -> Error {
        let error = OlmError::SessionRecipientCollectionError(refused);
        Error::from(&matrix_sdk::Error::from(error))
    }

    #[test]
    fn enc_12_a_refused_send_names_the_person_and_what_to_do() {
        let al = owned_user_id!("@al:test");
        let cases = [
            (
                Refused::VerifiedUserChangedIdentity(vec![al.clone()]),
                vec!["@al:test", "openclaw matrix verify acknowledge"],
            ),
            (
                Refused::VerifiedUserHasUnsignedDevice(
                    [(al, vec![owned_device_id!("PHONE")])].into(),
                ),
                vec!["@al:test (device PHONE)", "`trust.send`"],
            ),
            (
                Refused::CrossSigningNotSetup,
                vec!["`trust.send`", "openclaw matrix verify bootstrap"],
            ),
            (
                Refused::SendingFromUnverifiedDevice,
                vec!["`trust.send`", "openclaw matrix verify device"],
            ),
        ];
        for (refused, words) in cases {
            let error = said(refused);
            assert_eq!(error.code, ErrorCode::NotVerified);
            for word in words {
                assert!(error.message.contains(word), "{word}: {error}");
            }
        }
    }
}
