//! Edits that the homeserver bundles with an event (Client-Server API §11.22.4.3).

use matrix_sdk::deserialized_responses::{
    TimelineEvent, TimelineEventKind, UnsignedDecryptionResult, UnsignedEventLocation,
};
use serde_json::Value;

use super::Proof;

/// The event's JSON to store and to parse: of an encrypted event, an edit counts only if it was
/// encrypted by its sender and could be decrypted too (§11.22.4.2); any other is removed, or the
/// homeserver could put words into encrypted rooms. The SDK puts a decrypted edit in the place of
/// the encrypted one, so this can be told only while its event is at hand.
pub(crate) fn trusted_json(event: &TimelineEvent) -> String {
    let json = event.raw().json().get();
    if !matches!(event.kind, TimelineEventKind::Decrypted(_)) || edit_proof(event).is_some() {
        return json.to_owned();
    }
    without_edit(json).unwrap_or_else(|| json.to_owned())
}

/// What the bundled edit of an encrypted event says of its sender; `None` without one that counts.
pub(crate) fn edit_proof(event: &TimelineEvent) -> Option<Proof> {
    let TimelineEventKind::Decrypted(decrypted) = &event.kind else {
        return None;
    };
    let edits = decrypted.unsigned_encryption_info.as_ref()?;
    match edits.get(&UnsignedEventLocation::RelationsReplace)? {
        UnsignedDecryptionResult::Decrypted(info) => Proof::of(info),
        UnsignedDecryptionResult::UnableToDecrypt(_) => None,
    }
}

/// The event without a bundled edit; `None` if it has none.
pub(super) fn without_edit(event: &str) -> Option<String> {
    // Most events have none, and are not parsed for it.
    if !event.contains("m.replace") {
        return None;
    }
    let mut event: Value = serde_json::from_str(event).ok()?;
    event
        .get_mut("unsigned")?
        .get_mut("m.relations")?
        .as_object_mut()?
        .remove("m.replace")?;
    Some(event.to_string())
}
