//! What was set aside, and is told until a person has taken note.

/// What a notice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoticeKind {
    /// The key that everything at rest is encrypted with.
    StoreKey,
    /// The encryption store.
    CryptoStore,
    /// The inbound queue.
    Inbox,
    /// The outbound queue.
    Outbox,
    /// A step of the sync that could not be read.
    SyncStep,
}

impl NoticeKind {
    /// The kind as it crosses the border and names a folder.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::StoreKey => "store-key",
            Self::CryptoStore => "crypto-store",
            Self::Inbox => "inbox",
            Self::Outbox => "outbox",
            Self::SyncStep => "sync-step",
        }
    }

    /// The kind of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [
            Self::StoreKey,
            Self::CryptoStore,
            Self::Inbox,
            Self::Outbox,
            Self::SyncStep,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
    }
}

/// Something was set aside, and with it something may be lost. It is told until the
/// person has deleted what was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it is about.
    pub kind: NoticeKind,
    /// Milliseconds since the epoch.
    pub at: u64,
    /// What happened, what may be lost, and how to end the notice.
    pub message: String,
}
