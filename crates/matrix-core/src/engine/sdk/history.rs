//! Older pages of a room, and second tries at what could not be read.

use matrix_sdk::{deserialized_responses::TimelineEventKind, room::MessagesOptions};
use ruma::{RoomId, UInt, events::room::encrypted::OriginalSyncRoomEncryptedEvent, serde::Raw};

use super::{
    SdkEngine,
    timeline::{self, KeySources, Sorted},
};
use crate::{
    engine::{Decrypted, HistoryPage},
    error::{Error, Result},
    event::{NewEvent, Undecryptable},
};

impl SdkEngine {
    /// See [`crate::engine::Engine::history`].
    pub(super) async fn page(
        &self,
        room_id: &RoomId,
        from: Option<&str>,
        to: Option<&str>,
        limit: u32,
    ) -> Result<HistoryPage> {
        let client = self.client().await?;
        let room = Self::room(&client, room_id)?;
        let mut options = MessagesOptions::backward().from(from);
        options.to = to.map(ToOwned::to_owned);
        options.limit = UInt::from(limit);
        let answer = room.messages(options).await?;
        let mut page = HistoryPage {
            next: answer.end.filter(|end| Some(end.as_str()) != to),
            ..HistoryPage::default()
        };
        let sources = KeySources::of(&client).await;
        for event in answer.chunk.iter().rev() {
            match timeline::sort(room_id, event, true, sources) {
                Sorted::Readable(event) if event.encrypted && !self.params.encryption => {}
                Sorted::Readable(event) => page.events.push(event),
                Sorted::Undecryptable(event) if self.params.encryption => {
                    page.undecryptable.push(event);
                }
                Sorted::Undecryptable(_) | Sorted::Malformed => {}
            }
        }
        Ok(page)
    }

    /// See [`crate::engine::Engine::decrypt`].
    pub(super) async fn try_again(&self, waiting: &Undecryptable) -> Result<Decrypted> {
        let client = self.client().await?;
        let room = Self::room(&client, &waiting.room_id)?;
        let raw: Raw<OriginalSyncRoomEncryptedEvent> = Raw::from_json_string(waiting.json.clone())
            .map_err(|e| Error::internal(format!("a waiting event is no JSON: {e}")))?;
        let event = room.decrypt_event(&raw, None).await?;
        let sources = KeySources::of(&client).await;
        if let TimelineEventKind::UnableToDecrypt { event, utd_info } = &event.kind {
            return Ok(Decrypted::StillMissing {
                cause: timeline::cause(event, utd_info, waiting.origin_server_ts, sources),
            });
        }
        self.verifications
            .look_at_late(&waiting.room_id, &event, &self.params.session.user_id);
        match timeline::sort(&waiting.room_id, &event, true, sources) {
            Sorted::Readable(event) => Ok(Decrypted::Event(Box::new(NewEvent {
                // The homeserver's word; what was encrypted may claim another.
                key: waiting.event_id.clone(),
                origin_server_ts: waiting.origin_server_ts,
                ..event
            }))),
            Sorted::Undecryptable(_) | Sorted::Malformed => Ok(Decrypted::StillMissing {
                cause: "malformed".to_owned(),
            }),
        }
    }
}
