//! Rows on their way from the file to the caller. If the caller has gone
//! meanwhile, they go back instead of being lost until the next start.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::{event::StoredEvent, queue_file::Fault};

/// Leased rows that nobody got.
pub(super) struct Stranded {
    seqs: Mutex<Vec<i64>>,
    deliverable: Arc<Notify>,
}

impl Stranded {
    pub fn new(deliverable: Arc<Notify>) -> Self {
        Self {
            seqs: Mutex::default(),
            deliverable,
        }
    }

    /// Lets `give_back` return them to the queue; keeps them if it fails.
    pub fn take_back(
        &self,
        give_back: impl FnOnce(&[i64]) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut seqs = self.seqs.lock().unwrap_or_else(PoisonError::into_inner);
        if !seqs.is_empty() {
            give_back(&seqs)?;
            seqs.clear();
        }
        Ok(())
    }
}

/// Rows that are leased in the file and not with the caller yet.
pub(super) struct Lease {
    rows: Vec<StoredEvent>,
    stranded: Arc<Stranded>,
}

impl Lease {
    pub fn new(rows: Vec<StoredEvent>, stranded: Arc<Stranded>) -> Self {
        Self { rows, stranded }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Hands them over; from here on they are the caller's to settle.
    pub fn deliver(mut self) -> Vec<StoredEvent> {
        std::mem::take(&mut self.rows)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.rows.is_empty() {
            return;
        }
        self.stranded
            .seqs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(self.rows.iter().map(|row| row.seq));
        self.stranded.deliverable.notify_waiters();
    }
}
