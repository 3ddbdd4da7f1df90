//! The sync loop: one step at a time, each committed before the next is asked for.

use std::{panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use fail::fail_point;
use futures_util::FutureExt;
use matrix_sdk::{
    Client,
    config::{SyncSettings, SyncToken},
    sync::{RoomUpdates, SyncResponse},
};
use ruma::{
    UInt,
    api::client::{
        filter::{Filter, FilterDefinition, LazyLoadOptions, RoomEventFilter, RoomFilter},
        sync::sync_events,
    },
};
use tokio::{sync::broadcast, time::Timeout};

use super::{
    SdkEngine,
    client::{self, Built, Start},
    step::{Maker, Since},
    timeline::KeySources,
    trouble::{Trouble, backoff, refuses_token},
};
use crate::{
    error::{Error, ErrorCode, Result},
    inbox::{NewGap, SyncStep},
};

/// How long the homeserver holds a request without news.
const LONG_POLL: Duration = Duration::from_secs(30);
/// The least of it where a token is about to be replaced.
const LEAST_POLL: Duration = Duration::from_secs(1);
/// A first sync answers when it is ready; this only moves the client's deadline.
const FIRST_POLL: Duration = Duration::from_secs(300);
/// Timeline events per room; what does not fit becomes a gap.
const TIMELINE: u32 = 50;
/// A step that takes longer hangs somewhere that no time-out covers: a long poll and the
/// encryption requests around it, each of them bounded, take half of it.
const WATCHDOG: Duration = Duration::from_secs(300);
const FIRST_WATCHDOG: Duration = Duration::from_secs(1800);

/// How long a step that the SDK has taken waits for the requests that the SDK sends after
/// it, before its events are handed out all the same.
const LINGER: Duration = Duration::from_secs(1);

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

impl SdkEngine {
    /// See [`crate::engine::Engine::run`].
    pub(super) async fn sync_until_blocked(&self) -> Error {
        let mut standing = Standing::default();
        self.params.health.starting();
        // What waited for a key over the restart is tried first.
        self.keys.any();
        loop {
            if let Some(ended) = self.refused_keys().await {
                return ended;
            }
            self.renew_ahead(&standing).await;
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

    /// A token that is about to expire is replaced, and with it the client.
    async fn renew_ahead(&self, standing: &Standing) {
        let session = &self.params.session;
        if session.renewal_due_in() != Some(Duration::ZERO) {
            return;
        }
        session.renew_ahead().await;
        if let Err(error) = self.realign(standing).await {
            // The step fails for the same reason, and has a way out of it.
            tracing::warn!(%error, "the client cannot take its new token");
        }
    }

    /// One request, its answer in the inbox.
    async fn step(&self, standing: &Standing) -> Result<(), Trouble> {
        let client = self.client().await.map_err(Trouble::new)?.clone();
        let token = client::usable(self.params.inbox.token().await.map_err(Trouble::of_inbox)?);
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
            sources: KeySources::of(&client).await,
        };
        let (settings, poll, watchdog) = self.settings(since, standing.answered);
        self.params.health.asking(poll);
        let mut updates = client.subscribe_to_all_room_updates();
        let mut taken = updates.resubscribe();
        let mut sync = std::pin::pin!(tokio::time::timeout(watchdog, client.sync_once(settings)));
        let lingers = async {
            let rooms = taken.recv().await;
            tokio::time::sleep(LINGER).await;
            rooms
        };
        let answered = tokio::select! {
            biased;
            answered = &mut sync => answered,
            Ok(rooms) = lingers => return self.taken(&client, &maker, &rooms, sync).await,
        };
        let step = match answered {
            Ok(Ok(answer)) => {
                fail_point!("sync::token_stored");
                if !self.params.encryption {
                    self.unheard.tell(&answer.rooms);
                }
                self.look_for_verifications(&answer.rooms);
                maker.step(answer.next_batch, &answer.rooms)
            }
            Ok(Err(error)) => {
                let trouble = Trouble::of_sdk(&error);
                let stuck = trouble.own_fault && standing.poison + 1 >= POISON;
                match (stuck, since) {
                    (true, Since::Token(token)) => {
                        let why = trouble.error.message.clone();
                        let step = set_aside(&client, &maker, token, &mut updates)
                            .await
                            .ok_or(trouble)?;
                        self.alarm(&format!(
                            "a step of the sync failed {POISON} times and was set aside ({why}); \
                             the rooms' history is read instead, but an invite or an event of \
                             that step may be missing"
                        ))
                        .await;
                        step
                    }
                    _ => return Err(trouble),
                }
            }
            Err(_) => return Err(Trouble::hung()),
        };
        self.params
            .inbox
            .commit(step)
            .await
            .map_err(Trouble::of_inbox)
    }

    /// The SDK has taken the answer and gave out what it means for the rooms. What it still
    /// does, asking for keys above all, takes long, and no message waits for it.
    async fn taken(
        &self,
        client: &Client,
        maker: &Maker<'_>,
        rooms: &RoomUpdates,
        rest: Pin<&mut Timeout<impl Future<Output = matrix_sdk::Result<SyncResponse>>>>,
    ) -> Result<(), Trouble> {
        if !self.params.encryption {
            self.unheard.tell(rooms);
        }
        self.look_for_verifications(rooms);
        let reached = client::stored_token(client).await.map_err(Trouble::new)?;
        let reached = reached
            .ok_or_else(|| Trouble::new(Error::internal("the SDK took a step and has no token")))?;
        self.params
            .inbox
            .commit(maker.step(reached, rooms))
            .await
            .map_err(Trouble::of_inbox)?;
        self.params.health.succeeded();
        match rest.await {
            Ok(Ok(_)) => Ok(()),
            // The step is whole; what the SDK makes of it for itself is not.
            Ok(Err(error)) => {
                tracing::warn!(%error, "the SDK failed after it had taken a step");
                Ok(())
            }
            Err(_) => Err(Trouble::hung()),
        }
    }

    /// Waits, renews, rebuilds: whatever lets the next step have a chance. `Some` if
    /// nothing does.
    async fn recover(&self, standing: &mut Standing, trouble: Trouble) -> Option<Error> {
        let Trouble {
            error,
            own_fault,
            for_good,
        } = trouble;
        if error.code == ErrorCode::Closed || for_good {
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
                standing.poison = 0;
                standing.lost = Some(Lost::KeepToken);
                self.alarm(&format!(
                    "no sync succeeds from where the last one ended ({error}); beginning afresh, \
                     what was said meanwhile is read from the rooms' history"
                ))
                .await;
            }
            self.pause(standing, &error).await;
        }
        while let Err(error) = self.realign(standing).await {
            if matches!(
                error.code,
                ErrorCode::Closed | ErrorCode::StoreCorrupt | ErrorCode::StoreNewer
            ) {
                return Some(error);
            }
            tracing::error!(%error, "the client cannot be set up again");
            self.pause(standing, &error).await;
        }
        None
    }

    /// Something may have been lost: said in the log, and in the status until the person
    /// has taken note.
    async fn alarm(&self, message: &str) {
        tracing::error!("{message}");
        let (dir, message) = (Arc::clone(&self.params.session.dir), message.to_owned());
        let noted = tokio::task::spawn_blocking(move || dir.note_sync_step(&message)).await;
        match noted {
            Ok(Ok(notice)) => self.params.health.notice(notice),
            Ok(Err(error)) => tracing::warn!(%error, "the alarm cannot be kept for later"),
            Err(_) => {}
        }
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
        let built = Box::pin(Built::new(
            &self.params,
            &self.keys,
            &self.verifications,
            Start::At(wanted.as_deref()),
        ))
        .await;
        match built {
            Ok(built) => {
                *current = Some(built);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// What to ask, for how long the homeserver may hold it, and when it hangs for good.
    fn settings(&self, since: Since<'_>, answered: bool) -> (SyncSettings, Duration, Duration) {
        let first = !matches!(since, Since::Token(_));
        let limit = if first {
            self.params.initial_sync_limit.unwrap_or(1).clamp(1, 1000)
        } else {
            TIMELINE
        };
        let poll = match (first, answered) {
            (true, _) if matches!(since, Since::Lost(_)) => FIRST_POLL + never_before(),
            (true, _) => FIRST_POLL,
            // Back in time to replace the token: meanwhile others send with it.
            (false, true) => match self.params.session.renewal_due_in() {
                Some(due) => LONG_POLL.min(due.max(LEAST_POLL)),
                None => LONG_POLL,
            },
            (false, false) => Duration::ZERO,
        };
        let settings = SyncSettings::new()
            .filter(sync_events::v3::Filter::FilterDefinition(filter(limit)))
            .set_presence(self.params.presence.get().state())
            .timeout(poll);
        match since {
            Since::Token(token) => (
                settings.token(SyncToken::Specific(token.to_owned())),
                poll,
                WATCHDOG,
            ),
            Since::Never | Since::Lost(_) => {
                (settings.token(SyncToken::NoToken), poll, FIRST_WATCHDOG)
            }
        }
    }
}

/// Synapse answers a first sync for minutes with what it answered before, if all its
/// parameters are the same: to an account that lost its rooms, with those of back then.
fn never_before() -> Duration {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Duration::from_millis(now.map_or(1, |now| u64::from(now.subsec_millis()) + 1))
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
