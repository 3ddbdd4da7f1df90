//! A room's past for somebody who asks: pages, single events, relations.

use ruma::{
    RoomId, UInt,
    api::{
        Direction,
        client::{
            message::get_message_events, relations::get_relating_events_with_rel_type,
            room::get_room_event, threads::get_threads,
        },
    },
    events::relation::RelationType,
};
use serde_json::value::RawValue;

use super::{PlainEngine, REQUEST_TIMEOUT, status::is_missing, step::Head};
use crate::{
    engine::{Ask, HistoryPage},
    error::Result,
};

impl PlainEngine {
    /// See [`crate::engine::Engine::read`].
    pub(super) async fn read_past(
        &self,
        room_id: &RoomId,
        ask: Ask<'_>,
        limit: u32,
    ) -> Result<HistoryPage> {
        let (mut raw, next, forward) = self.asked(room_id, ask, limit).await?;
        if !forward {
            raw.reverse();
        }
        let encrypted = self.is_encrypted(room_id).await?;
        let mut page = HistoryPage {
            next,
            ..HistoryPage::default()
        };
        for json in raw {
            let Ok(head) = serde_json::from_str::<Head>(json.get()) else {
                continue;
            };
            if head.is_readable(encrypted) {
                page.events.push(head.into_event(room_id, &json, false));
            }
        }
        Ok(page)
    }

    async fn asked(
        &self,
        room_id: &RoomId,
        ask: Ask<'_>,
        limit: u32,
    ) -> Result<(Vec<Box<RawValue>>, Option<String>, bool)> {
        let direction = |forward| {
            if forward {
                Direction::Forward
            } else {
                Direction::Backward
            }
        };
        match ask {
            Ask::Event(event_id) => {
                let request =
                    get_room_event::v3::Request::new(room_id.to_owned(), event_id.to_owned());
                match self.rest.send(request, REQUEST_TIMEOUT).await {
                    Ok(answer) => Ok((vec![answer.event.into_json()], None, true)),
                    Err(error) if is_missing(&error) => Ok((Vec::new(), None, true)),
                    Err(error) => Err(error),
                }
            }
            Ask::Timeline { from, forward } => {
                let mut request =
                    get_message_events::v3::Request::new(room_id.to_owned(), direction(forward));
                request.from = from.map(str::to_owned);
                request.limit = UInt::from(limit);
                let answer = self.rest.send(request, REQUEST_TIMEOUT).await?;
                let events = answer.chunk.into_iter().map(ruma::serde::Raw::into_json);
                Ok((events.collect(), answer.end, forward))
            }
            Ask::Threads { from } => {
                let mut request = get_threads::v1::Request::new(room_id.to_owned());
                request.from = from.map(str::to_owned);
                request.limit = Some(UInt::from(limit));
                let answer = self.rest.send(request, REQUEST_TIMEOUT).await?;
                let events = answer.chunk.into_iter().map(ruma::serde::Raw::into_json);
                Ok((events.collect(), answer.next_batch, false))
            }
            Ask::Relations {
                event_id,
                rel_type,
                from,
                forward,
            } => {
                let mut request = get_relating_events_with_rel_type::v1::Request::new(
                    room_id.to_owned(),
                    event_id.to_owned(),
                    RelationType::from(rel_type),
                );
                request.from = from.map(str::to_owned);
                request.dir = direction(forward);
                request.limit = Some(UInt::from(limit));
                let answer = self.rest.send(request, REQUEST_TIMEOUT).await?;
                let events = answer.chunk.into_iter().map(ruma::serde::Raw::into_json);
                Ok((events.collect(), answer.next_batch, forward))
            }
        }
    }
}
