//! The sync loop: one step at a time, each committed before the next is asked for.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use matrix_sdk::{
    Client,
    config::{SyncSettings, SyncToken},
    sync::RoomUpdates,
};
use ruma::{
    UInt,
    api::client::{
        filter::{Filter, FilterDefinition, LazyLoadOptions, RoomEventFilter, RoomFilter},
        sync::sync_events,
    },
};
use tokio::sync::broadcast;

use super::{
    SdkEngine,
    client::{self, Built},
    step::{Maker, Since},
};
use crate::{
    error::{Error, ErrorCode, Result},
    inbox::{NewGap, SyncStep},
};

/// How long the homeserver holds a request without news.
const LONG_POLL: Duration = Duration::from_secs(30);
/// A first sync answers when it is ready; this only moves the client's deadline.
const FIRST_POLL: Duration = Duration::from_secs(300);
/// Timeline events per room; what does not fit becomes a gap.
const TIMELINE: u32 = 50;
/// A step that takes longer hangs somewhere that no time-out covers. Longer than three
/// tries of a long poll and the encryption requests around it.
const WATCHDOG: Duration = Duration::from_secs(600);
const FIRST_WATCHDOG: Duration = Duration::from_secs(1800);

const BACKOFF_FIRST: Duration = Duration::from_secs(1);
const BACKOFF_LAST: Duration = Duration::from_secs(60);

/// Failures from one token, the network's not counted, before the step is set aside.
const POISON: u32 = 3;

/// Where the loop stands between two steps.
#[derive(Debug, Default)]
struct Standing {
    /// The homeserver has answered since the start, or since the last failure. Until
    /// then nothing is waited for, so that health is known at once.
    answered: bool,
    /// Since the last success.
    failures: u32,
    /// Failures that are not the network's, since the last success.
    poison: u32,
    /// The homeserver does not know the inbox's token any more, or cannot answer from
    /// it: begin afresh and find what was missed through gaps.
    lost: Option<Lost>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lost {
    /// Gaps end at the inbox's token.
    KeepToken,
    /// Nothing can be asked from that token.
    NoToken,
}

/// Why a step failed.
#[derive(Debug)]
struct Trouble {
    error: Error,
    /// The same request would fail again, whatever the network does.
    own_fault: bool,
}

impl Trouble {
    fn new(error: impl Into<Error>) -> Self {
        let error = error.into();
        Self {
            own_fault: !error.is_transient()
                && !matches!(
                    error.code,
                    ErrorCode::AuthExpired | ErrorCode::AddressBlocked | ErrorCode::Forbidden
                ),
            error,
        }
    }

    fn of_sdk(error: &matrix_sdk::Error) -> Self {
        // An answer that arrived whole and cannot be understood is no matter of the
        // network, though to everybody else it looks like one.
        let undecodable = matches!(error, matrix_sdk::Error::Http(http)
            if matches!(&**http, matrix_sdk::HttpError::Api(api)
                if matches!(**api, ruma::api::error::FromHttpResponseError::Deserialization(_))));
        let trouble = Self::new(error);
        Self {
            own_fault: trouble.own_fault || undecodable,
            ..trouble
        }
    }
}

impl SdkEngine {
    /// See [`crate::engine::Engine::run`].
    pub(super) async fn sync_until_blocked(&self) -> Error {
        let mut standing = Standing::default();
        self.params.health.starting();
        // What waited for a key over the restart is tried first.
        self.keys.any();
        loop {
            let step = AssertUnwindSafe(Box::pin(self.step(&standing))).catch_unwind();
            let trouble = match step.await {
                Ok(Ok(())) => {
                    standing = Standing {
                        answered: true,
                        ..Standing::default()
                    };
                    self.params.health.succeeded();
                    continue;
                }
                Ok(Err(trouble)) => trouble,
                Err(_) => Trouble::new(Error::internal("the sync loop panicked; see the log")),
            };
            if let Some(blocked) = self.recover(&mut standing, trouble).await {
                return blocked;
            }
        }
    }

    /// One request, its answer in the inbox.
    async fn step(&self, standing: &Standing) -> Result<(), Trouble> {
        let client = self.client().await.map_err(Trouble::new)?.clone();
        let token = client::usable(self.params.inbox.token().await.map_err(Trouble::new)?);
        let stored = client::stored_token(&client).await.map_err(Trouble::new)?;
        let since = match (&token, standing.lost) {
            (None, _) => Since::Never,
            (Some(token), Some(Lost::KeepToken)) => Since::Lost(Some(token)),
            (Some(_), Some(Lost::NoToken)) => Since::Lost(None),
            // The state store was lost or made anew: it has to learn its rooms first.
            (Some(token), None) if stored.is_none() => Since::Lost(Some(token)),
            (Some(token), None) => Since::Token(token),
        };
        let maker = Maker {
            own_user: &self.params.session.user_id,
            since,
            encryption: self.params.encryption,
        };
        let (settings, watchdog) = self.settings(since, standing.answered);
        let mut updates = client.subscribe_to_all_room_updates();
        let answered = tokio::time::timeout(watchdog, client.sync_once(settings)).await;
        let step = match answered {
            Ok(Ok(answer)) => {
                if !self.params.encryption {
                    self.unheard.tell(&answer.rooms);
                }
                maker.step(answer.next_batch, &answer.rooms)
            }
            Ok(Err(error)) => {
                let trouble = Trouble::of_sdk(&error);
                let stuck = trouble.own_fault && standing.poison + 1 >= POISON;
                match (stuck, since) {
                    (true, Since::Token(token)) => set_aside(&client, &maker, token, &mut updates)
                        .await
                        .ok_or(trouble)?,
                    _ => return Err(trouble),
                }
            }
            Err(_) => {
                return Err(Trouble {
                    error: Error::new(ErrorCode::Timeout, "a sync hung and was given up"),
                    own_fault: false,
                });
            }
        };
        self.params.inbox.commit(step).await.map_err(Trouble::new)
    }

    /// Waits, renews, rebuilds: whatever lets the next step have a chance. `Some` if
    /// nothing does.
    async fn recover(&self, standing: &mut Standing, trouble: Trouble) -> Option<Error> {
        let Trouble { error, own_fault } = trouble;
        if error.code == ErrorCode::Closed {
            return Some(error);
        }
        if error.code == ErrorCode::AuthExpired {
            match self.params.session.renew(&error).await {
                Ok(()) => tracing::info!("the session had expired; logged in again"),
                Err(error) if error.is_transient() => {
                    self.pause(standing, &error).await;
                    return None;
                }
                Err(error) => {
                    self.params.health.blocked(&error);
                    return Some(error);
                }
            }
        } else {
            tracing::warn!(code = error.code.as_str(), %error, "a sync failed");
            standing.poison += u32::from(own_fault);
            if standing.lost.is_none() && refuses_token(&error) {
                tracing::error!("the homeserver no longer knows our sync token; beginning afresh");
                standing.lost = Some(Lost::NoToken);
            } else if standing.poison > POISON {
                tracing::error!("no sync succeeds from our sync token; beginning afresh");
                standing.poison = 0;
                standing.lost = Some(Lost::KeepToken);
            }
            self.pause(standing, &error).await;
        }
        while let Err(error) = self.realign(standing).await {
            if error.code == ErrorCode::Closed {
                return Some(error);
            }
            tracing::error!(%error, "the client cannot be set up again");
            self.pause(standing, &error).await;
        }
        None
    }

    async fn pause(&self, standing: &mut Standing, error: &Error) {
        standing.answered = false;
        standing.failures = standing.failures.saturating_add(1);
        let delay = error
            .retry_after
            .unwrap_or_default()
            .max(backoff(standing.failures));
        self.params.health.retrying(error, delay);
        tokio::time::sleep(delay).await;
    }

    /// A new client, unless the one there stands exactly where the inbox stands and
    /// still has its session.
    async fn realign(&self, standing: &Standing) -> Result<()> {
        let token = client::usable(self.params.inbox.token().await?);
        let wanted = token.filter(|_| standing.lost.is_none());
        {
            let client = self.client().await?;
            let stored = client::stored_token(&client).await;
            let same_session =
                client.access_token().as_deref() == Some(self.params.session.token()?.expose());
            if same_session && standing.poison == 0 && stored.is_ok_and(|stored| stored == wanted) {
                return Ok(());
            }
        }
        let mut current = self.current.write().await;
        let Some(old) = current.take() else {
            return Err(Error::closed());
        };
        old.close().await;
        let built = Box::pin(Built::new(&self.params, &self.keys, wanted.as_deref())).await;
        match built {
            Ok(built) => {
                *current = Some(built);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn settings(&self, since: Since<'_>, answered: bool) -> (SyncSettings, Duration) {
        let first = !matches!(since, Since::Token(_));
        let limit = if first {
            self.params.initial_sync_limit.unwrap_or(1).clamp(1, 1000)
        } else {
            TIMELINE
        };
        let settings = SyncSettings::new()
            .filter(sync_events::v3::Filter::FilterDefinition(filter(limit)))
            .timeout(match (first, answered) {
                (true, _) => FIRST_POLL,
                (false, true) => LONG_POLL,
                (false, false) => Duration::ZERO,
            });
        match since {
            Since::Token(token) => (
                settings.token(SyncToken::Specific(token.to_owned())),
                WATCHDOG,
            ),
            Since::Never | Since::Lost(_) => (settings.token(SyncToken::NoToken), FIRST_WATCHDOG),
        }
    }
}

/// A step that never succeeds is left behind, with as little loss as possible: the
/// events the SDK gave out before it failed, and gaps in every other room. `None` if the
/// SDK has not got past it.
async fn set_aside(
    client: &Client,
    maker: &Maker<'_>,
    since: &str,
    updates: &mut broadcast::Receiver<RoomUpdates>,
) -> Option<SyncStep> {
    let reached = client::stored_token(client).await.ok()??;
    if reached == since {
        return None;
    }
    tracing::error!(
        "a step fails again and again after the SDK has taken it; keeping what it gave and \
         reading the rooms' history instead"
    );
    let mut step = SyncStep::default();
    let mut seen = std::collections::BTreeSet::new();
    while let Ok(rooms) = updates.try_recv() {
        seen.extend(rooms.joined.keys().cloned());
        let part = maker.step(reached.clone(), &rooms);
        step.events.extend(part.events);
        step.undecryptable.extend(part.undecryptable);
        step.gaps.extend(part.gaps);
    }
    for room in client.joined_rooms() {
        if !seen.contains(room.room_id()) {
            step.gaps.push(NewGap {
                room_id: room.room_id().to_owned(),
                from: reached.clone(),
                to: Some(since.to_owned()),
            });
        }
    }
    step.token = reached;
    Some(step)
}

/// What we want to hear of. Members come as they speak; presence, receipts and typing
/// of others not at all.
fn filter(timeline_limit: u32) -> FilterDefinition {
    let mut timeline = RoomEventFilter::default();
    timeline.limit = Some(UInt::from(timeline_limit));
    timeline.lazy_load_options = LAZY;
    let mut state = RoomEventFilter::default();
    state.lazy_load_options = LAZY;
    let mut room = RoomFilter::default();
    room.timeline = timeline;
    room.state = state;
    room.ephemeral = RoomEventFilter::ignore_all();
    room.account_data = RoomEventFilter::ignore_all();
    let mut filter = FilterDefinition::default();
    filter.room = room;
    filter.presence = Filter::ignore_all();
    filter
}

const LAZY: LazyLoadOptions = LazyLoadOptions::Enabled {
    include_redundant_members: false,
};

/// 400 for a request that differs from the last one only in its token.
fn refuses_token(error: &Error) -> bool {
    error.status == Some(400) || error.errcode.as_deref() == Some("M_UNKNOWN_POS")
}

/// 1 s, 2 s, … 60 s, shortened at random by up to half, so that accounts do not come in step.
fn backoff(failures: u32) -> Duration {
    let doubled = BACKOFF_FIRST * 2u32.saturating_pow(failures.saturating_sub(1).min(6));
    doubled
        .min(BACKOFF_LAST)
        .mul_f64(rand::random_range(0.5..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sta_2_backoff_grows_to_a_minute() {
        for (failures, longest) in [(1, 1), (2, 2), (4, 8), (7, 60), (1000, 60)] {
            for _ in 0..50 {
                let delay = backoff(failures);
                assert!(
                    delay <= Duration::from_secs(longest),
                    "{failures}: {delay:?}"
                );
                assert!(
                    delay >= Duration::from_secs(longest) / 2,
                    "{failures}: {delay:?}"
                );
            }
        }
    }
}
