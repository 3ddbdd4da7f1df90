//! Sync, queues and decryption at a glance.

use matrix_core as core;
use napi_derive::napi;

use crate::{
    mirror::{Cross, mirror_name, mirror_object},
    trust::ChangedIdentity,
};

mirror_name! {
    /// Where the sync loop stands.
    SyncState from core::SyncState as "lowercase" { Starting, Running, Retrying, Blocked, Stopped }
}

/// Why the sync loop does not run.
#[napi(object, object_from_js = false)]
pub struct SyncTrouble {
    /// The code of the error.
    pub code: String,
    /// What happened and what to do.
    pub message: String,
}

impl Cross for (core::ErrorCode, String) {
    type Js = SyncTrouble;
    fn cross(self) -> SyncTrouble {
        SyncTrouble {
            code: self.0.as_str().to_owned(),
            message: self.1,
        }
    }
}

mirror_object! {
    /// The sync loop.
    SyncHealth from core::SyncHealth {
        state: [SyncState],
        last_success_at: [Option<i64>],
        consecutive_failures: [u32],
        error: [Option<SyncTrouble>],
        retry_at: [Option<i64>],
    }
}

mirror_object! {
    /// The inbound queue, in rows.
    InboxHealth from core::InboxCounts {
        waiting: [u32],
        leased: [u32],
        adopted: [u32],
        dead_letters: [u32],
        gaps: [u32],
    }
}

mirror_object! {
    /// How many events wait for the same cause.
    UndecryptableCause from core::UndecryptableCause {
        cause: [String],
        count: [u32],
    }
}

mirror_object! {
    /// What waits for a key.
    UndecryptableHealth from core::UndecryptableHealth {
        waiting: [u32],
        oldest_at: [Option<i64>],
        causes: [Vec<UndecryptableCause>],
        sustained: [bool],
    }
}

impl Cross for core::NoticeKind {
    type Js = String;
    fn cross(self) -> String {
        self.as_str().to_owned()
    }
}

mirror_object! {
    /// Something was set aside, and with it something may be lost.
    Notice from core::Notice {
        kind: [String],
        at: [i64],
        message: [String],
    }
}

mirror_object! {
    /// What waits to be sent.
    OutboxHealth from core::OutboxHealth {
        queued: [u32],
        failed: [u32],
        oldest_at: [Option<i64>],
        error: [Option<String>],
    }
}

mirror_object! {
    /// Everything together; documented at `Health` in account.ts.
    Health from core::Health {
        version: [i64],
        sync: [SyncHealth],
        inbox: [InboxHealth],
        undecryptable: [UndecryptableHealth],
        outbox: [OutboxHealth],
        duplicate_one_time_keys: [bool],
        notices: [Vec<Notice>],
        changed_identities: [Vec<ChangedIdentity>],
    }
}
