//! A room's history, for holes in its timeline.

use ruma::{
    RoomId, UInt,
    api::{Direction, client::message::get_message_events},
};

use super::{
    PlainEngine, REQUEST_TIMEOUT,
    position::HoleEnd,
    step::{CLOCK_SLACK_MS, Head},
};
use crate::{engine::HistoryPage, error::Result, event::NewEvent};

impl PlainEngine {
    /// See [`crate::engine::Engine::history`]; `to` is a [`HoleEnd`].
    pub(super) async fn page(
        &self,
        room_id: &RoomId,
        from: Option<&str>,
        to: Option<&str>,
        limit: u32,
    ) -> Result<HistoryPage> {
        let mut request =
            get_message_events::v3::Request::new(room_id.to_owned(), Direction::Backward);
        request.from = from.map(ToOwned::to_owned);
        request.limit = UInt::from(limit);
        let answer = self.rest.send(request, REQUEST_TIMEOUT).await?;
        let encrypted = self.is_encrypted(room_id).await?;

        let end = to.and_then(HoleEnd::decode);
        let mut events: Vec<NewEvent> = Vec::new();
        let mut at_end = false;
        // Newest first. A page with nothing newer than the hole lies before it, even if
        // the event at its end is gone (retention).
        let mut all_older = end.is_some();
        for raw in &answer.chunk {
            let Ok(head) = serde_json::from_str::<Head>(raw.json().get()) else {
                continue;
            };
            if let Some(end) = &end {
                if end.events.contains(&head.event_id) {
                    at_end = true;
                    break;
                }
                all_older &= head.origin_server_ts < end.at.saturating_sub(CLOCK_SLACK_MS);
                if end.events.is_empty() && head.origin_server_ts < end.at {
                    continue;
                }
            }
            if head.is_readable(encrypted) {
                events.push(head.into_event(room_id, raw.json(), true));
            }
        }
        if !at_end && all_older && !answer.chunk.is_empty() {
            return Ok(HistoryPage::default());
        }
        events.reverse();
        Ok(HistoryPage {
            events,
            undecryptable: Vec::new(),
            next: answer
                .end
                .filter(|end| !at_end && Some(end.as_str()) != from),
        })
    }
}
