//! The durable queues as a person handles them: dead letters of the way in, unsent messages
//! of the way out. Of an account that runs, or of a folder that nobody has open; the latter
//! needs no login and no network.

use std::{path::Path, sync::Arc};

use ruma::{OwnedUserId, UserId};

use crate::{
    config::Secret,
    dir::{self, Dir},
    error::{Error, ErrorCode, Result},
    event::{self, InboundEvent, StoredEvent},
    inbox::{self, Inbox},
    outbox::{Outbox, OutboxItem},
};

/// A turn that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number, for the calls that act on it.
    pub id: i64,
    /// The room; like the other facts of the event `None` if the row is damaged.
    pub room_id: Option<String>,
    /// The event; absent for invites.
    pub event_id: Option<String>,
    /// Who sent it.
    pub sender: Option<String>,
    /// Milliseconds since the epoch.
    pub origin_server_ts: Option<u64>,
    /// When it was given up, milliseconds since the epoch.
    pub failed_at: u64,
    /// The last failure.
    pub cause: String,
    /// Turns that failed.
    pub failures: u32,
    /// Turns in which the process ended.
    pub crashes: u32,
}

/// The queues of one account. Cheap to clone.
#[derive(Clone)]
pub struct Queues {
    inbox: Inbox,
    outbox: Outbox,
    own_user: OwnedUserId,
    /// Held by whoever opened the queues alone.
    dir: Option<Arc<Dir>>,
}

impl Queues {
    /// Those of an account that is open.
    pub(crate) fn of(inbox: Inbox, outbox: Outbox, own_user: OwnedUserId) -> Self {
        Self {
            inbox,
            outbox,
            own_user,
            dir: None,
        }
    }

    /// Takes the lock of an account's folder and opens its queues; nothing is sent and
    /// nobody is asked. `account_id` is for the errors' sentences.
    ///
    /// # Errors
    /// `not_found` if the account never logged in; `store_locked` if it is open elsewhere;
    /// `config_invalid` naming `storePassphrase` if that is missing or wrong.
    pub async fn open(
        state_dir: &Path,
        passphrase: Option<Secret>,
        account_id: &str,
    ) -> Result<Self> {
        let Some(identity) = dir::stored_identity(state_dir)? else {
            return Err(Error::new(
                ErrorCode::NotFound,
                format!("the account {account_id} has not run here yet: its queues do not exist"),
            ));
        };
        let own_user = UserId::parse(&identity.user_id)
            .map_err(|_| Error::internal("account.json names no user"))?;
        let (path, account_id) = (state_dir.to_owned(), account_id.to_owned());
        // Waits for the disk, and for PBKDF2.
        let opening = tokio::task::spawn_blocking(move || {
            let dir = Dir::open(&path)?;
            let keys = dir.keys(passphrase.as_ref(), &account_id)?;
            Ok::<_, Error>((Arc::new(dir), keys))
        });
        let (dir, keys) = opening
            .await
            .map_err(|e| Error::internal(format!("a task ended early: {e}")))??;
        let opened = async {
            let inbox = Inbox::open(&dir.inbox()?, Arc::clone(&keys.cipher)).await?;
            let outbox = Outbox::open(&dir.outbox()?, keys.cipher).await?;
            Ok(Self {
                inbox,
                outbox,
                own_user,
                dir: Some(Arc::clone(&dir)),
            })
        };
        let opened = opened.await;
        if opened.is_err() {
            dir.release();
        }
        opened
    }

    /// Turns that were given up, oldest first.
    ///
    /// # Errors
    /// `internal` and `store_corrupt` if the queue cannot be read; so for all below.
    pub async fn dead_letters(&self) -> Result<Vec<DeadLetter>> {
        let letters = self.inbox.dead_letters().await?;
        Ok(letters.iter().map(|letter| self.letter(letter)).collect())
    }

    /// One of them with what the sender wrote, as far as it is a text.
    ///
    /// # Errors
    /// See [`Self::dead_letters`].
    pub async fn dead_letter(&self, id: i64) -> Result<Option<(DeadLetter, Option<String>)>> {
        let letters = self.inbox.dead_letters().await?;
        Ok(letters
            .iter()
            .find(|letter| letter.seq == id)
            .map(|letter| {
                let text = letter.event.as_ref().and_then(|event| self.text(event));
                (self.letter(letter), text)
            }))
    }

    /// Dead letters are handed out again as if they had never failed; returns which of
    /// `ids` were some.
    ///
    /// # Errors
    /// See [`Self::dead_letters`].
    pub async fn resubmit(&self, ids: &[i64]) -> Result<Vec<i64>> {
        self.inbox.resubmit(ids).await
    }

    /// Dead letters are forgotten unanswered; returns which of `ids` were some.
    ///
    /// # Errors
    /// See [`Self::dead_letters`].
    pub async fn drop_dead_letters(&self, ids: &[i64]) -> Result<Vec<i64>> {
        self.inbox.drop_dead_letters(ids).await
    }

    /// Messages that are not sent, oldest first.
    ///
    /// # Errors
    /// See [`Self::dead_letters`].
    pub async fn unsent(&self) -> Result<Vec<OutboxItem>> {
        self.outbox.items().await
    }

    /// Messages that were given up are queued again, those that wait are tried at once;
    /// returns which of `ids` there were.
    ///
    /// # Errors
    /// See [`Self::dead_letters`].
    pub async fn retry_unsent(&self, ids: &[i64]) -> Result<Vec<i64>> {
        self.outbox.retry(ids).await
    }

    /// Messages that are not sent are given up for good; returns which of `ids` there were.
    ///
    /// # Errors
    /// See [`Self::dead_letters`].
    pub async fn drop_unsent(&self, ids: &[i64]) -> Result<Vec<i64>> {
        self.outbox.drop_sends(ids).await
    }

    /// Lets go of the folder, if it was opened for the queues alone. Idempotent.
    pub async fn close(&self) {
        if let Some(dir) = &self.dir {
            self.outbox.close(std::time::Duration::ZERO).await;
            self.inbox.release().await;
            dir.release();
        }
    }

    fn letter(&self, letter: &inbox::DeadLetter) -> DeadLetter {
        let event = letter.event.as_ref().map(|stored| &stored.event);
        DeadLetter {
            id: letter.seq,
            room_id: event.map(|event| event.room_id.to_string()),
            event_id: event.and_then(|e| e.key.starts_with('$').then(|| e.key.clone())),
            sender: event.map(|event| event.sender.to_string()),
            origin_server_ts: event.map(|event| event.origin_server_ts),
            failed_at: letter.failed_at,
            cause: letter.reason.clone(),
            failures: letter.failures,
            crashes: letter.crashes,
        }
    }

    fn text(&self, event: &StoredEvent) -> Option<String> {
        match event::parse(event, &self.own_user)? {
            InboundEvent::Message { text, .. } | InboundEvent::Edit { text, .. } => Some(text),
            _ => None,
        }
    }
}
