//! From the SDK's timeline events to the inbox's.

use matrix_sdk::{
    Client,
    deserialized_responses::{
        DecryptedRoomEvent, TimelineEvent, TimelineEventKind, UnableToDecryptInfo,
        UnableToDecryptReason,
    },
};
use ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, RoomId, events::AnySyncTimelineEvent, serde::Raw,
};
use serde::Deserialize;

use crate::event::{NewEvent, Proof, Undecryptable, edit_proof, trusted_json};

/// A timeline event, sorted.
#[derive(Debug)]
pub(super) enum Sorted {
    Readable(NewEvent),
    Undecryptable(Undecryptable),
    /// Without an event id, sender or time there is nothing to keep it by; with a sender
    /// who did not write it there is nobody to answer.
    Malformed,
}

#[derive(Deserialize)]
struct Header {
    event_id: OwnedEventId,
    sender: OwnedUserId,
    origin_server_ts: u64,
}

/// Where a missing key could still come from.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeySources {
    /// When our device was made, milliseconds since the epoch: nobody gave it a key
    /// before that.
    pub device_since: u64,
    /// A key backup is in use.
    pub backup: bool,
}

impl KeySources {
    pub async fn of(client: &Client) -> Self {
        let encryption = client.encryption();
        Self {
            device_since: encryption.device_creation_timestamp().await.0.into(),
            backup: encryption.backups().are_enabled().await,
        }
    }
}

/// Sorts one event. `late`: it came out of a gap or waited for its key.
pub(super) fn sort(
    room_id: &RoomId,
    event: &TimelineEvent,
    late: bool,
    sources: KeySources,
) -> Sorted {
    let raw = event.raw();
    let Ok(header) = raw.deserialize_as_unchecked::<Header>() else {
        tracing::warn!(%room_id, "an event without id, sender or time was dropped");
        return Sorted::Malformed;
    };
    let room_id: OwnedRoomId = room_id.to_owned();
    match &event.kind {
        TimelineEventKind::UnableToDecrypt { event, utd_info } => {
            Sorted::Undecryptable(Undecryptable {
                room_id,
                event_id: header.event_id.to_string(),
                sender: header.sender,
                origin_server_ts: header.origin_server_ts,
                json: event.json().get().to_owned(),
                session_id: utd_info.session_id.clone(),
                cause: cause(event, utd_info, header.origin_server_ts, sources),
            })
        }
        kind => {
            let decrypted = match kind {
                TimelineEventKind::Decrypted(event) => Some(event),
                _ => None,
            };
            let proof = decrypted.map(|decrypted| proof(event, decrypted));
            if proof == Some(None) {
                tracing::error!(
                    %room_id,
                    sender = %header.sender,
                    "an encrypted event was dropped: the homeserver names another sender than \
                     the owner of the device that encrypted it"
                );
                return Sorted::Malformed;
            }
            Sorted::Readable(NewEvent {
                key: header.event_id.to_string(),
                room_id,
                sender: header.sender,
                origin_server_ts: header.origin_server_ts,
                json: trusted_json(event),
                encrypted: decrypted.is_some(),
                trust: proof.flatten(),
                late,
            })
        }
    }
}

/// What the event says of its sender, together with the edit in it; `None` if a device of
/// somebody else encrypted it.
fn proof(event: &TimelineEvent, decrypted: &DecryptedRoomEvent) -> Option<Proof> {
    let of_event = Proof::of(&decrypted.encryption_info)?;
    Some(match edit_proof(event) {
        Some(of_edit) => of_event.weaker(of_edit),
        None => of_event,
    })
}

/// See [`Undecryptable::cause`].
pub(super) fn cause(
    event: &Raw<AnySyncTimelineEvent>,
    info: &UnableToDecryptInfo,
    sent_at: u64,
    sources: KeySources,
) -> String {
    use UnableToDecryptReason as Reason;
    match &info.reason {
        Reason::MissingMegolmSession {
            withheld_code: Some(code),
        } => format!("withheld:{}", code.as_str()),
        Reason::MissingMegolmSession { .. } if before_our_join(event) => "sent-before-join".into(),
        Reason::MissingMegolmSession { .. }
            if sent_at < sources.device_since && !sources.backup =>
        {
            "no-backup".into()
        }
        Reason::MissingMegolmSession { .. } => "missing-session".into(),
        Reason::UnknownMegolmMessageIndex => "unknown-index".into(),
        Reason::MegolmDecryptionFailure => "decryption-failed".into(),
        Reason::MalformedEncryptedEvent | Reason::PayloadDeserializationFailure => {
            "malformed".into()
        }
        Reason::MismatchedIdentityKeys => "mismatched-identity".into(),
        Reason::SenderIdentityNotTrusted(_) => "unsigned-sender".into(),
        _ => "unknown".into(),
    }
}

/// The homeserver says that we were no member when it was sent (MSC4115,
/// `unsigned.membership`).
fn before_our_join(event: &Raw<AnySyncTimelineEvent>) -> bool {
    #[derive(Default, Deserialize)]
    struct Unsigned {
        #[serde(alias = "io.element.msc4115.membership")]
        membership: Option<String>,
    }
    event
        .get_field::<Unsigned>("unsigned")
        .ok()
        .flatten()
        .and_then(|unsigned| unsigned.membership)
        .is_some_and(|membership| membership != "join")
}
