//! What goes out through the outbox.

use std::{collections::HashMap, time::Duration};

use ruma::{OwnedRoomId, RoomId};

use super::{Account, ids};
use crate::{
    error::Result,
    outbox::{NewFile, NewSend, OutboxEntry, Part},
    room::{self, Emoji},
    send::{self, EditText, SendText},
};

/// How long a send is waited for before it is left to the outbox.
const WAIT: Duration = Duration::from_secs(30);

impl Account {
    /// Renders Markdown, stores it as as many events as it needs, and waits for the
    /// homeserver. The same key again makes no second event.
    ///
    /// # Errors
    /// `internal` if it cannot be stored. A send that was refused is an entry in state
    /// [`OutboxState::Failed`](crate::OutboxState::Failed) with its error.
    pub async fn send_text(&self, mut request: SendText) -> Result<OutboxEntry> {
        let (room_id, words) = (&request.target.room_id, &request.markdown);
        request.extra.emoticons = self.emoticons(room_id, words).await;
        let parts = send::text_parts(&request);
        let room_id = request.target.room_id;
        self.enqueue(request.key, room_id, parts, None, request.wait_ms)
            .await
    }

    /// Replaces a message's text (`m.replace`). A draft edit gives way to a newer edit
    /// of the same event that waits behind it; a final one never does.
    ///
    /// # Errors
    /// See [`Self::send_text`].
    pub async fn edit_text(&self, mut request: EditText) -> Result<OutboxEntry> {
        let (room_id, words) = (&request.room_id, &request.markdown);
        request.extra.emoticons = self.emoticons(room_id, words).await;
        let part = self.edit_part(&request).await;
        let draft_of = request.draft.then_some(request.event_id);
        let wait_ms = request.wait_ms;
        self.enqueue(request.key, request.room_id, vec![part], draft_of, wait_ms)
            .await
    }

    /// Reacts to an event (`m.reaction`).
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; see [`Self::send_text`].
    pub async fn react(
        &self,
        room_id: &str,
        event_id: &str,
        emoji: &str,
        key: Option<String>,
    ) -> Result<OutboxEntry> {
        let part = send::reaction_part(&ids::event(event_id)?, emoji);
        self.enqueue(key, ids::room(room_id)?, vec![part], None, None)
            .await
    }

    /// Redacts an event.
    ///
    /// # Errors
    /// `config_invalid` for ids that are none; see [`Self::send_text`].
    pub async fn redact(
        &self,
        room_id: &str,
        event_id: &str,
        reason: Option<String>,
        key: Option<String>,
    ) -> Result<OutboxEntry> {
        let part = send::redaction_part(&ids::event(event_id)?, reason.as_deref());
        self.enqueue(key, ids::room(room_id)?, vec![part], None, None)
            .await
    }

    /// What is known of a send.
    ///
    /// # Errors
    /// `internal` if the outbox cannot be read.
    pub async fn outbox_entry(&self, key: &str) -> Result<OutboxEntry> {
        self.is_open()?;
        self.inner.outbox.entry(key).await
    }

    /// The custom emoji that can be named in a room (MSC2545), by shortcode.
    ///
    /// # Errors
    /// `config_invalid` if `room_id` is none, `not_found` if the account is not in it.
    pub async fn emojis(&self, room_id: &str) -> Result<Vec<Emoji>> {
        self.is_open()?;
        let room_id = ids::room(room_id)?;
        let packs = self.inner.engine.image_packs(&room_id).await?;
        Ok(room::emojis(&packs))
    }

    /// The custom emoji a text may name; none if it names nothing of the kind, or they are not
    /// known: they are an ornament.
    async fn emoticons(&self, room_id: &RoomId, markdown: &str) -> HashMap<String, String> {
        if !send::names_emoticons(markdown) {
            return HashMap::new();
        }
        match self.inner.engine.image_packs(room_id).await {
            Ok(packs) => room::emojis(&packs)
                .into_iter()
                .map(|emoji| (emoji.shortcode, emoji.url))
                .collect(),
            Err(error) => {
                tracing::debug!(%room_id, %error, "no image packs");
                HashMap::new()
            }
        }
    }

    /// The edit, which notifies those alone whom the message did not name before. Where that
    /// cannot be found out, and for drafts, it notifies nobody.
    async fn edit_part(&self, request: &EditText) -> Part {
        if request.draft || send::edit_mentions(request).is_empty() {
            return send::edit_part(request);
        }
        let (room_id, event_id) = (&request.room_id, &request.event_id);
        match self.inner.engine.mentioned(room_id, event_id).await {
            Ok(Some(already)) => send::edit_part_naming(request, &already),
            Ok(None) => send::edit_part(request),
            Err(error) => {
                tracing::debug!(%event_id, %error, "the edited message was not found");
                send::edit_part(request)
            }
        }
    }

    pub(super) async fn enqueue(
        &self,
        key: Option<String>,
        room_id: OwnedRoomId,
        parts: Vec<Part>,
        draft_of: Option<ruma::OwnedEventId>,
        wait_ms: Option<u64>,
    ) -> Result<OutboxEntry> {
        self.enqueue_send(
            NewSend {
                key: key.unwrap_or_else(random_key),
                room_id,
                parts,
                draft_of,
                files: Vec::new(),
            },
            wait_ms,
        )
        .await
    }

    /// The same with files that are uploaded first.
    pub(super) async fn enqueue_files(
        &self,
        key: Option<String>,
        room_id: OwnedRoomId,
        parts: Vec<Part>,
        files: Vec<NewFile>,
        wait_ms: Option<u64>,
    ) -> Result<OutboxEntry> {
        self.enqueue_send(
            NewSend {
                key: key.unwrap_or_else(random_key),
                room_id,
                parts,
                draft_of: None,
                files,
            },
            wait_ms,
        )
        .await
    }

    async fn enqueue_send(&self, send: NewSend, wait_ms: Option<u64>) -> Result<OutboxEntry> {
        self.is_open()?;
        let key = send.key.clone();
        self.inner.outbox.enqueue(send).await?;
        self.wait_for(&key, wait_ms).await
    }

    /// Waits for a send that is stored.
    pub(super) async fn wait_for(&self, key: &str, wait_ms: Option<u64>) -> Result<OutboxEntry> {
        let wait = wait_ms.map_or(WAIT, Duration::from_millis);
        self.inner.outbox.wait(key, wait).await
    }
}

fn random_key() -> String {
    format!("once-{:032x}", rand::random::<u128>())
}
