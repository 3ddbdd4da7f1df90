//! The loop: one request after the other, each only after the answer before it is
//! stored.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use rand::RngExt as _;
use ruma::{
    OwnedRoomId,
    api::client::{discovery::get_supported_versions, sync::sync_events::v5::Response},
};
use tracing::{info, warn};

use super::{
    PlainEngine,
    position::Position,
    request::{self, POLL, Window},
    step,
};
use crate::{
    error::{Error, ErrorCode, Result},
    health::now_ms,
};

/// What the server may take beyond the time it was asked to wait; the first answer of a
/// connection describes up to a hundred rooms.
const PATIENCE: Duration = Duration::from_secs(90);
/// Pause after an answer that came at once and said nothing.
const IDLE_PAUSE: Duration = Duration::from_secs(1);
const FIRST_DELAY: Duration = Duration::from_secs(1);
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// The unstable feature a homeserver with MSC4186 names in `/versions`.
const FEATURE: &str = "org.matrix.simplified_msc3575";

/// What the loop remembers between two requests.
struct Cursor {
    window: Window,
    /// The rooms this connection has sent, while it still grows; `None` if it began in
    /// an earlier process.
    seen: Option<BTreeSet<OwnedRoomId>>,
    failures: u32,
}

impl Cursor {
    fn after(position: &Position) -> Self {
        Self {
            window: Window::after(position),
            seen: position.pos.is_none().then(BTreeSet::new),
            failures: 0,
        }
    }
}

impl PlainEngine {
    /// See [`crate::engine::Engine::run`].
    pub(super) async fn sync(&self) -> Error {
        self.health.starting();
        let error = match self.restore().await {
            Ok(cursor) => self.sync_from(cursor).await,
            Err(error) => error,
        };
        self.health.blocked(&error);
        error
    }

    /// Takes up where the inbox says the last process stopped.
    async fn restore(&self) -> Result<Cursor> {
        let position = self
            .inbox
            .token()
            .await?
            .and_then(|token| Position::decode(&token))
            .unwrap_or_else(|| Position::first(now_ms()));
        let cursor = Cursor::after(&position);
        self.shared().position = Some(position);
        Ok(cursor)
    }

    async fn sync_from(&self, mut cursor: Cursor) -> Error {
        loop {
            let began = Instant::now();
            let error = match self.sync_once(&mut cursor).await {
                Ok(quiet) => {
                    cursor.failures = 0;
                    self.health.succeeded();
                    if quiet && began.elapsed() < IDLE_PAUSE {
                        tokio::time::sleep(IDLE_PAUSE).await;
                    }
                    continue;
                }
                Err(error) => error,
            };
            if self.lost_position(&error) {
                info!("the homeserver has forgotten our sync connection; opening a new one");
                cursor.window = Window::first();
                cursor.seen = Some(BTreeSet::new());
                if cursor.failures == 0 {
                    cursor.failures = 1;
                    continue;
                }
            }
            let error = self.explain(error).await;
            if is_final(&error) {
                return error;
            }
            let delay = delay(cursor.failures, error.retry_after);
            cursor.failures = cursor.failures.saturating_add(1);
            warn!(code = error.code.as_str(), %error, ?delay, "the sync failed");
            self.health.retrying(&error, delay);
            tokio::time::sleep(delay).await;
        }
    }

    /// One request, its answer stored. True if the server had nothing to say.
    async fn sync_once(&self, cursor: &mut Cursor) -> Result<bool> {
        let mut position = self.position();
        let mut request = request::build(&position, cursor.window, self.initial_sync_limit);
        request.set_presence = self.presence.get().state();
        self.health.asking(POLL);
        let answer: Response = Box::pin(self.rest.send(request, POLL + PATIENCE)).await?;

        let before = position.clone();
        let quiet = answer.rooms.is_empty() && cursor.window.is_whole();
        let total = answer.lists.get("all").map_or(0, |list| list.count.into());
        if let Some(seen) = &mut cursor.seen {
            seen.extend(answer.rooms.keys().cloned());
        }
        let mut step = step::read(
            answer,
            &self.own_user,
            &mut position,
            &mut self.shared().facts,
            now_ms(),
        );
        let mut window = cursor.window;
        let whole = window.grow(total);
        if whole {
            position.complete = true;
            if let Some(seen) = &cursor.seen {
                step::prune(&mut position, &mut self.shared().facts, seen);
            }
        }
        let says_nothing = step.events.is_empty() && step.gaps.is_empty();
        let moved = position.pos != before.pos || position.complete != before.complete;
        if moved || !says_nothing {
            step.token = position.encode()?;
            self.inbox.commit(step).await?;
        }
        // Only now, with everything stored, may the next request confirm this answer.
        self.shared().position = Some(position);
        cursor.window = window;
        if whole {
            cursor.seen = None;
        }
        Ok(quiet)
    }

    /// Whether the server no longer knows our `pos`. Then it is dropped; what each room
    /// was read up to stays, so that the new connection's answers are compared with it.
    fn lost_position(&self, error: &Error) -> bool {
        let lost = match error.errcode.as_deref() {
            Some("M_UNKNOWN_POS") => true,
            // Not even a position to it: another homeserver software, an older version.
            Some("M_UNKNOWN" | "M_INVALID_PARAM") => error.status == Some(400),
            _ => false,
        };
        let mut shared = self.shared();
        match &mut shared.position {
            Some(position) if lost => position.pos.take().is_some(),
            _ => false,
        }
    }

    /// Says of an error what a person can do about it, where that is not plain.
    async fn explain(&self, error: Error) -> Error {
        if error.code == ErrorCode::AuthExpired {
            return Error {
                message: format!(
                    "the homeserver no longer accepts `accessToken`: the client it was copied \
                     from (device {}) was logged out or got a new token. Set `userId` and \
                     `password` instead of `accessToken`, or put the new token there",
                    self.own_device
                ),
                ..error
            };
        }
        let missing = matches!(error.status, Some(404 | 405))
            || error.errcode.as_deref() == Some("M_UNRECOGNIZED");
        if !missing {
            return error;
        }
        let versions = get_supported_versions::Request::new();
        match self.rest.send(versions, POLL).await {
            Ok(versions) if versions.unstable_features.get(FEATURE) != Some(&true) => Error {
                code: ErrorCode::DeviceInUse,
                message: format!(
                    "the access token belongs to device {} of another client, and without \
                     touching that device's messages this homeserver cannot be read: it lacks \
                     simplified sliding sync (MSC4186). Set `userId` and `password` instead of \
                     `accessToken`: a password login gets a device of its own",
                    self.own_device
                ),
                ..error
            },
            _ => error,
        }
    }
}

fn is_final(error: &Error) -> bool {
    matches!(
        error.code,
        ErrorCode::AuthExpired
            | ErrorCode::AuthFailed
            | ErrorCode::DeviceInUse
            | ErrorCode::AddressBlocked
            | ErrorCode::ConfigInvalid
            | ErrorCode::AccountMismatch
            | ErrorCode::StoreCorrupt
            | ErrorCode::Closed
    )
}

/// Doubles from a second to a minute, less up to a half of it so that accounts do not
/// come back in step; never shorter than the server asks for.
fn delay(failures: u32, retry_after: Option<Duration>) -> Duration {
    let full = FIRST_DELAY
        .saturating_mul(2u32.saturating_pow(failures.min(16)))
        .min(LONGEST_DELAY);
    let jittered = full.mul_f64(rand::rng().random_range(0.5..=1.0));
    jittered.max(retry_after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_doubles_to_a_minute_and_obeys_the_server() {
        for (failures, longest) in [(0, 1), (1, 2), (5, 32), (6, 60), (40, 60)] {
            let longest = Duration::from_secs(longest);
            let delay = delay(failures, None);
            assert!(
                delay >= longest / 2 && delay <= longest,
                "{failures}: {delay:?}"
            );
        }
        let asked = Duration::from_secs(300);
        assert_eq!(delay(0, Some(asked)), asked);
    }
}
