//! All verifications of an open account.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use matrix_sdk_crypto::Verification as Verifier;
use ruma::UserId;
use tokio::sync::{Notify, watch};

use super::{
    Cancellation, Verification, VerificationRef, VerificationsNow,
    flow::{Flow, FlowKey, Subject},
    notes::{OpenFlow, StoredNotes},
    worker::Noticed,
};
use crate::{
    dir::Dir,
    error::{Error, ErrorCode, Result},
    health::now_ms,
};

/// Of those that ended, how many are remembered.
const ENDED: usize = 64;
/// How many can be under way; beyond that requests are left alone.
const UNDER_WAY: usize = 128;
/// Events that wait for the worker; beyond that they are dropped.
const WAITING: usize = 256;

/// See the module. Cheap to clone; all clones are one. Survives a change of the client, and
/// then the verifications of the former one have ended.
#[derive(Clone)]
pub(crate) struct Verifications(Arc<Shared>);

struct Shared {
    dir: Arc<Dir>,
    device_id: String,
    book: Mutex<Book>,
    version: watch::Sender<u64>,
    noticed: Mutex<VecDeque<Noticed>>,
    some: Notify,
    /// Whoever changes the notes on disk.
    notes: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Book {
    last: u32,
    flows: Vec<Flow>,
    armed_until: Option<u64>,
    closed: bool,
}

impl Verifications {
    pub fn new(dir: Arc<Dir>, device_id: &str) -> Self {
        Self(Arc::new(Shared {
            dir,
            device_id: device_id.to_owned(),
            book: Mutex::default(),
            version: watch::Sender::new(1),
            noticed: Mutex::default(),
            some: Notify::new(),
            notes: tokio::sync::Mutex::default(),
        }))
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.0.version.send_modify(|version| *version += 1);
    }

    /// Takes a verification in and has the worker follow it. `None` if there are too many;
    /// one that is known keeps its number.
    pub(super) fn enter(&self, subject: Subject, by_us: bool) -> Option<u32> {
        let number = {
            let mut book = self.book();
            let key = subject.key();
            if let Some(known) = book.flows.iter().find(|flow| flow.key == key) {
                return Some(known.number);
            }
            let under_way = book.flows.iter().filter(|flow| flow.seen.pending()).count();
            if under_way >= UNDER_WAY || book.closed {
                tracing::warn!(
                    "a verification request of {} is left alone: {UNDER_WAY} others are under way",
                    key.user_id
                );
                return None;
            }
            book.last += 1;
            let number = book.last;
            book.flows.push(Flow::new(number, subject, by_us));
            let ended = book.flows.len() - under_way - 1;
            let mut spare = ended.saturating_sub(ENDED);
            book.flows.retain(|flow| {
                let drop = spare > 0 && !flow.seen.pending();
                spare -= usize::from(drop);
                !drop
            });
            number
        };
        self.changed();
        self.notice(Noticed::Follow(number));
        Some(number)
    }

    /// Reads a verification again; the way it is now.
    pub(super) fn refresh(&self, number: u32) -> Option<Verification> {
        let (changed, seen) = {
            let mut book = self.book();
            let flow = book.flows.iter_mut().find(|flow| flow.number == number)?;
            (flow.look(), flow.seen.clone())
        };
        if changed {
            self.changed();
        }
        Some(seen)
    }

    /// The SDK's objects of a verification.
    pub(super) fn subject(&self, number: u32) -> Option<(Subject, Option<Verifier>)> {
        let book = self.book();
        let flow = book.flows.iter().find(|flow| flow.number == number)?;
        Some((flow.subject.clone()?, flow.verifier.clone()))
    }

    /// Lets go of the SDK's objects of a verification that has ended.
    pub(super) fn forget(&self, number: u32) {
        let mut book = self.book();
        if let Some(flow) = book.flows.iter_mut().find(|flow| flow.number == number) {
            flow.subject = None;
            flow.verifier = None;
        }
    }

    /// Ends a verification with words that the SDK does not know.
    pub(super) fn end(&self, number: u32, cancellation: Cancellation) {
        if let Some(flow) = self.book().flows.iter_mut().find(|f| f.number == number)
            && flow.seen.pending()
        {
            flow.ended = Some(cancellation);
        }
        self.refresh(number);
    }

    pub(super) fn knows(&self, key: &FlowKey) -> bool {
        self.book().flows.iter().any(|flow| flow.key == *key)
    }

    /// The number of the verification that is meant.
    ///
    /// # Errors
    /// `verification_not_found`.
    pub(super) fn find(&self, which: &VerificationRef) -> Result<u32> {
        let book = self.book();
        let named = book
            .flows
            .iter()
            .find(|flow| flow.seen.id == which.id || flow.key.flow_id == which.id);
        let followed = || {
            let (user, room) = (which.user_id.as_deref()?, which.room_id.as_deref()?);
            book.flows
                .iter()
                .rev()
                .find(|flow| flow.key.user_id == user && flow.seen.room_id.as_deref() == Some(room))
        };
        named
            .or_else(followed)
            .map(|flow| flow.number)
            .ok_or_else(|| {
                Error::new(
                    ErrorCode::VerificationNotFound,
                    format!(
                        "there is no verification \"{}\"; `openclaw matrix verify list` shows \
                         them. They end when the gateway does",
                        which.id
                    ),
                )
            })
    }

    /// The one under way with this user that was seen last.
    pub(super) fn under_way_with(&self, user_id: &UserId) -> Option<Verification> {
        let book = self.book();
        let mut theirs = book.flows.iter().rev();
        theirs
            .find(|flow| flow.key.user_id == user_id && flow.seen.pending())
            .map(|flow| flow.seen.clone())
    }

    pub fn list(&self) -> Vec<Verification> {
        let book = self.book();
        book.flows.iter().map(|flow| flow.seen.clone()).collect()
    }

    /// How many are under way.
    pub fn pending(&self) -> u32 {
        let book = self.book();
        let pending = book.flows.iter().filter(|flow| flow.seen.pending()).count();
        u32::try_from(pending).unwrap_or(u32::MAX)
    }

    /// The first state above a version; `None` once closed.
    pub async fn after(&self, since: u64) -> Option<VerificationsNow> {
        let mut reader = self.0.version.subscribe();
        // The sender lives in `self`, so the wait cannot end for its absence.
        let _ = reader.wait_for(|version| *version > since).await;
        let version = *self.0.version.borrow();
        let book = self.book();
        (!book.closed).then(|| VerificationsNow {
            version,
            armed_until: book.armed_until.filter(|until| *until > now_ms()),
            verifications: book.flows.iter().map(|flow| flow.seen.clone()).collect(),
        })
    }

    /// Lets anybody verify for a while, or nobody any more; until when.
    pub fn arm(&self, span: Option<Duration>) -> Option<u64> {
        let until =
            span.map(|span| now_ms() + u64::try_from(span.as_millis()).unwrap_or(u64::MAX / 2));
        self.book().armed_until = until;
        self.changed();
        until
    }

    /// Ends what took too long without the SDK saying so: it looks at the time only when
    /// a sync was answered.
    pub(super) fn expire(&self, after: Duration) {
        let limit = now_ms().saturating_sub(u64::try_from(after.as_millis()).unwrap_or(0));
        let old: Vec<u32> = {
            let book = self.book();
            book.flows
                .iter()
                .filter(|flow| flow.seen.pending() && flow.seen.created_at < limit)
                .map(|flow| flow.number)
                .collect()
        };
        for number in old {
            self.end(
                number,
                Cancellation {
                    code: "m.timeout".to_owned(),
                    reason: "it took too long".to_owned(),
                    by_us: true,
                },
            );
        }
    }

    /// The client is gone, and with it what was under way.
    pub fn abandon(&self) {
        let ended = {
            let mut book = self.book();
            let mut ended = false;
            for flow in &mut book.flows {
                if flow.seen.pending() {
                    flow.ended = Some(Cancellation {
                        code: "m.user".to_owned(),
                        reason: "the connection was set up anew; ask again".to_owned(),
                        by_us: true,
                    });
                    ended |= flow.look();
                }
                // They hold the client's store.
                flow.subject = None;
                flow.verifier = None;
            }
            ended
        };
        self.0
            .noticed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|noticed| !matches!(noticed, Noticed::Follow(_)));
        if ended {
            self.changed();
        }
    }

    /// Whoever waits for a change gets an end.
    pub fn close(&self) {
        self.abandon();
        self.book().closed = true;
        self.changed();
    }

    /// Hands something to the worker.
    pub(super) fn notice(&self, noticed: Noticed) {
        let mut waiting = self
            .0
            .noticed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= WAITING {
            tracing::warn!("more verification events than can be looked at; one is dropped");
            return;
        }
        waiting.push_back(noticed);
        drop(waiting);
        self.0.some.notify_one();
    }

    /// What the worker has to look at next. For one reader.
    pub(super) async fn noticed(&self) -> Noticed {
        loop {
            let some = self.0.some.notified();
            let next = self
                .0
                .noticed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop_front();
            match next {
                Some(noticed) => return noticed,
                None => some.await,
            }
        }
    }

    /// Verifications in which the other side waits for us.
    pub(super) fn open_flows(&self) -> Vec<OpenFlow> {
        let book = self.book();
        let mut open = Vec::new();
        open.extend(
            book.flows
                .iter()
                .filter_map(|flow| OpenFlow::of(&flow.seen)),
        );
        open
    }

    /// Those that a process or a client before this one left open, which are forgotten now.
    ///
    /// # Errors
    /// `storage_failed`.
    pub(super) async fn take_open_flows(&self) -> Result<Vec<OpenFlow>> {
        let left = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&left);
        self.edit_notes(move |notes| {
            *taken.lock().unwrap_or_else(PoisonError::into_inner) = std::mem::take(&mut notes.open);
        })
        .await?;
        let left = std::mem::take(&mut *left.lock().unwrap_or_else(PoisonError::into_inner));
        Ok(left)
    }

    /// Changes the notes on disk, one caller at a time; the notes as they are then.
    ///
    /// # Errors
    /// `storage_failed`.
    pub(super) async fn edit_notes(
        &self,
        edit: impl FnOnce(&mut StoredNotes) + Send + 'static,
    ) -> Result<StoredNotes> {
        let _turn = self.0.notes.lock().await;
        let (dir, device_id) = (Arc::clone(&self.0.dir), self.0.device_id.clone());
        let edited = tokio::task::spawn_blocking(move || {
            let mut notes = dir.verification_notes(&device_id);
            let before = notes.clone();
            edit(&mut notes);
            if notes != before {
                dir.save_verification_notes(&notes)?;
            }
            Ok(notes)
        });
        edited
            .await
            .map_err(|e| Error::internal(format!("a task ended early: {e}")))?
    }
}
