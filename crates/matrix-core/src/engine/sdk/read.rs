//! A room's past for somebody who asks: pages, single events, relations.

use matrix_sdk::{
    Room,
    deserialized_responses::TimelineEvent,
    room::{IncludeRelations, ListThreadsOptions, MessagesOptions, RelationsOptions},
};
use ruma::{
    RoomId, UInt,
    api::{Direction, client::threads::get_threads::v1::IncludeThreads},
    events::relation::RelationType,
};

use super::{
    SdkEngine,
    timeline::{self, KeySources, Sorted},
};
use crate::{
    engine::{Ask, HistoryPage},
    error::{Error, ErrorCode, Result},
};

impl SdkEngine {
    /// See [`crate::engine::Engine::read`].
    pub(super) async fn read_past(
        &self,
        room_id: &RoomId,
        ask: Ask<'_>,
        limit: u32,
    ) -> Result<HistoryPage> {
        let client = self.client().await?;
        let room = Self::room(&client, room_id)?;
        let (events, next) = Box::pin(asked(&room, ask, limit)).await?;
        let mut page = HistoryPage {
            next,
            ..HistoryPage::default()
        };
        let sources = KeySources::of(&client).await;
        for event in &events {
            match timeline::sort(room_id, event, false, sources) {
                Sorted::Readable(event) => page.events.push(event),
                Sorted::Undecryptable(event) => page.undecryptable.push(event),
                Sorted::Malformed => {}
            }
        }
        Ok(page)
    }
}

/// The events, oldest first, and where it goes on.
async fn asked(
    room: &Room,
    ask: Ask<'_>,
    limit: u32,
) -> Result<(Vec<TimelineEvent>, Option<String>)> {
    let (mut events, next, forward) = match ask {
        Ask::Event(event_id) => match room.event(event_id, None).await {
            Ok(event) => (vec![event], None, true),
            Err(error) => match Error::from(error) {
                error if error.code == ErrorCode::NotFound => (Vec::new(), None, true),
                error => return Err(error),
            },
        },
        Ask::Timeline { from, forward } => {
            let mut options = if forward {
                MessagesOptions::forward()
            } else {
                MessagesOptions::backward()
            };
            options.from = from.map(str::to_owned);
            options.limit = UInt::from(limit);
            let answer = room.messages(options).await?;
            (answer.chunk, answer.end, forward)
        }
        Ask::Threads { from } => {
            let options = ListThreadsOptions {
                include_threads: IncludeThreads::All,
                from: from.map(str::to_owned),
                limit: Some(UInt::from(limit)),
            };
            let answer = room.list_threads(options).await?;
            (answer.chunk, answer.prev_batch_token, false)
        }
        Ask::Relations {
            event_id,
            rel_type,
            from,
            forward,
        } => {
            let options = RelationsOptions {
                from: from.map(str::to_owned),
                dir: if forward {
                    Direction::Forward
                } else {
                    Direction::Backward
                },
                limit: Some(UInt::from(limit)),
                include_relations: IncludeRelations::RelationsOfType(RelationType::from(rel_type)),
                recurse: false,
            };
            let answer = room.relations(event_id.to_owned(), options).await?;
            (answer.chunk, answer.next_batch_token, forward)
        }
    };
    if !forward {
        events.reverse();
    }
    Ok((events, next))
}
