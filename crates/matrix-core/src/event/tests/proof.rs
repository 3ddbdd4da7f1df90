//! What an encrypted event says of its sender, and what an edit in it makes of that.

use std::{collections::BTreeMap, sync::Arc};

use matrix_sdk::deserialized_responses::{
    AlgorithmInfo, DecryptedRoomEvent, DeviceLinkProblem, EncryptionInfo, ForwarderInfo,
    TimelineEvent, UnsignedDecryptionResult, UnsignedEventLocation, VerificationLevel,
    VerificationState,
};
use ruma::{owned_device_id, serde::Raw};

use super::{super::bundled::edit_proof, *};

fn info(state: VerificationState) -> EncryptionInfo {
    EncryptionInfo {
        sender: owned_user_id!("@alice:hs.test"),
        sender_device: None,
        forwarder: None,
        algorithm_info: AlgorithmInfo::MegolmV1AesSha2 {
            curve25519_key: "key".to_owned(),
            sender_claimed_keys: BTreeMap::new(),
            session_id: Some("session".to_owned()),
        },
        verification_state: state,
    }
}

fn unverified(level: VerificationLevel) -> EncryptionInfo {
    info(VerificationState::Unverified(level))
}

#[test]
fn enc_12_trust_follows_what_is_known_of_the_device() {
    let missing = |problem| unverified(VerificationLevel::None(problem));
    for (info, expected) in [
        (info(VerificationState::Verified), SenderTrust::Verified),
        (
            unverified(VerificationLevel::UnverifiedIdentity),
            SenderTrust::CrossSigned,
        ),
        (
            unverified(VerificationLevel::UnsignedDevice),
            SenderTrust::Unsigned,
        ),
        // Signed by an identity that took the place of a verified one.
        (
            unverified(VerificationLevel::VerificationViolation),
            SenderTrust::Unsigned,
        ),
        (
            missing(DeviceLinkProblem::MissingDevice),
            SenderTrust::Unknown,
        ),
        // A key out of a backup.
        (
            missing(DeviceLinkProblem::InsecureSource),
            SenderTrust::Unknown,
        ),
    ] {
        let proof = Proof::of(&info).unwrap();
        assert_eq!(proof.trust, expected, "{:?}", info.verification_state);
        assert_eq!(proof.session_id.as_deref(), Some("session"));
    }
}

#[test]
fn enc_12_shared_history_proves_nothing_of_its_senders() {
    let mut shared = info(VerificationState::Verified);
    shared.forwarder = Some(ForwarderInfo {
        user_id: owned_user_id!("@mallory:hs.test"),
        device_id: owned_device_id!("DEVICE"),
    });
    assert_eq!(Proof::of(&shared).unwrap().trust, SenderTrust::Unknown);
    shared.verification_state = VerificationState::Unverified(VerificationLevel::MismatchedSender);
    assert_eq!(Proof::of(&shared), None);
}

/// An encrypted message with an edit that the homeserver bundled and the SDK decrypted.
fn edited(edit: UnsignedDecryptionResult) -> TimelineEvent {
    let mut message = event(json!({ "msgtype": "m.text", "body": "first" }));
    message["unsigned"] = json!({ "m.relations": { "m.replace": {
        "type": "m.room.message", "event_id": "$edit", "sender": "@alice:hs.test",
        "origin_server_ts": 5,
        "content": {
            "msgtype": "m.text", "body": "* second",
            "m.new_content": { "msgtype": "m.text", "body": "second" },
            "m.relates_to": { "rel_type": "m.replace", "event_id": "$event" },
        },
    } } });
    TimelineEvent::from_decrypted(
        DecryptedRoomEvent {
            event: Raw::new(&message).unwrap().cast_unchecked(),
            encryption_info: Arc::new(info(VerificationState::Verified)),
            unsigned_encryption_info: Some(
                [(UnsignedEventLocation::RelationsReplace, edit)].into(),
            ),
        },
        None,
    )
}

#[test]
fn enc_12_an_edit_counts_if_its_sender_encrypted_it_and_for_what_its_device_is_worth() {
    let by = |info: EncryptionInfo| edited(UnsignedDecryptionResult::Decrypted(Arc::new(info)));
    let text = |event: &TimelineEvent| {
        let mut stored = stored_json(trusted_json(event));
        stored.event.encrypted = true;
        match parse(&stored, user_id!("@bot:hs.test")) {
            Some(InboundEvent::Message { text, .. }) => text,
            other => panic!("{other:?}"),
        }
    };
    let unsigned = by(unverified(VerificationLevel::UnsignedDevice));
    assert_eq!(text(&unsigned), "second");
    let whole = Proof::of(&info(VerificationState::Verified))
        .unwrap()
        .weaker(edit_proof(&unsigned).unwrap());
    assert_eq!(whole.trust, SenderTrust::Unsigned);
    // The homeserver names a sender whose device did not encrypt it.
    let spoofed = by(unverified(VerificationLevel::MismatchedSender));
    assert_eq!(edit_proof(&spoofed), None);
    assert_eq!(text(&spoofed), "first");
}
