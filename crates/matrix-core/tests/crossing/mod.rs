//! Lives of an account, each in a process of its own, that end at a failpoint.
//!
//! The process is this test binary again, told by its environment what to do. It answers
//! every message under a key of its own and notes each thing it does before it does the
//! next, so that the one who waits for it can count over several lives.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::base;
use matrix_core::{
    Account, AccountConfig, Auth, CatchUp, KeyRecipients, NetworkConfig, OutboxState, Secret,
    event::InboundEvent,
    send::{ChunkMode, SendTarget, SendText, Tables, TextKind},
};
use serde::{Deserialize, Serialize};
use url::Url;

/// Names what a life is to do.
const ORDERS: &str = "MATRIX_CORE_TEST_LIFE";

/// For one life.
const PATIENCE: Duration = Duration::from_secs(120);

/// For something that should not come.
const QUIET: Duration = Duration::from_millis(300);

/// The test of both binaries that is the life.
const LIFE: &str = "failpoints::life";

/// A folder that outlives its account, and how the account gets in.
#[derive(Clone, Serialize, Deserialize)]
pub struct Folder {
    pub homeserver: Url,
    pub user_id: String,
    pub password: String,
    pub path: PathBuf,
}

/// Where a life ends.
#[derive(Clone, Serialize, Deserialize)]
pub struct Kill {
    /// The failpoint.
    pub point: String,
    /// How often it is passed, this time included.
    pub passage: u32,
    /// Counts only once this message has been handed out.
    pub at: Option<String>,
}

impl Kill {
    pub fn at(point: &str, passage: u32) -> Self {
        Self {
            point: point.to_owned(),
            passage,
            at: None,
        }
    }

    /// Does not return from the failpoint.
    fn arm(self, handed: Arc<Mutex<Vec<String>>>) {
        let passed = AtomicU32::new(0);
        fail::cfg_callback(self.point, move || {
            let counts = match &self.at {
                None => true,
                Some(at) => handed.lock().unwrap().contains(at),
            };
            if counts && passed.fetch_add(1, Ordering::SeqCst) + 1 == self.passage {
                std::process::abort();
            }
        })
        .unwrap();
    }
}

#[derive(Serialize, Deserialize)]
struct Orders {
    folder: Folder,
    journal: PathBuf,
    kill: Option<Kill>,
    /// The life is over when this text has been answered.
    last: String,
}

/// What was noted, in order.
#[derive(Debug, Default)]
pub struct Journal(Vec<(String, String)>);

impl Journal {
    fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        Self(lines.map(|(a, b)| (a.to_owned(), b.to_owned())).collect())
    }

    /// Everything that was noted as `what`.
    pub fn of(&self, what: &str) -> Vec<&str> {
        self.0
            .iter()
            .filter(|(kind, _)| kind == what)
            .map(|(_, name)| name.as_str())
            .collect()
    }
}

/// A life that has ended.
pub struct Ended {
    pub status: ExitStatus,
    pub journal: Journal,
    /// What it printed, for the one who looks for the reason of a failure.
    pub output: String,
}

impl Ended {
    /// Died where it was told to, by a signal and not by a panic.
    pub fn killed(&self) {
        use std::os::unix::process::ExitStatusExt;
        assert!(
            matches!(self.status.signal(), Some(6 | 9)),
            "it was not killed: {}\n{:?}\n{}",
            self.status,
            self.journal,
            self.output
        );
    }

    /// Came to its end, with nothing left to do.
    pub fn finished(&self) {
        assert!(
            self.status.success(),
            "{}\n{:?}\n{}",
            self.status,
            self.journal,
            self.output
        );
        assert_eq!(
            self.journal.of("left"),
            ["0"],
            "{:?}\n{}",
            self.journal,
            self.output
        );
    }
}

/// A life that goes on.
pub struct Running {
    child: Child,
    orders: Orders,
    output: tempfile::TempDir,
}

impl Running {
    /// As `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Waits until it has noted that.
    #[allow(dead_code, reason = "one of the two binaries needs it")]
    pub async fn noted(&self, what: &str, name: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !Journal::read(&self.orders.journal).of(what).contains(&name) {
            assert!(Instant::now() < deadline, "no {what} {name}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits for its end.
    pub async fn end(mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        Ended {
            status,
            journal: Journal::read(&self.orders.journal),
            output: std::fs::read_to_string(self.output.path().join("output")).unwrap(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Folder {
    /// Begins a life that ends with `last`, or at the passage of the failpoint.
    pub fn begin(&self, last: &str, kill: Option<Kill>) -> Running {
        let output = tempfile::tempdir().unwrap();
        let orders = Orders {
            folder: self.clone(),
            journal: output.path().join("journal"),
            kill,
            last: last.to_owned(),
        };
        let file = File::create(output.path().join("output")).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", LIFE, "--ignored", "--nocapture"])
            .env(ORDERS, serde_json::to_string(&orders).unwrap())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Running {
            child,
            orders,
            output,
        }
    }

    /// A whole life.
    pub async fn live(&self, last: &str, kill: Option<Kill>) -> Ended {
        self.begin(last, kill).end().await
    }

    pub fn config(&self) -> AccountConfig {
        AccountConfig {
            account_id: "test".to_owned(),
            state_dir: self.path.clone(),
            homeserver: self.homeserver.clone(),
            auth: Auth::Password {
                user_id: self.user_id.clone(),
                password: Secret::new(self.password.clone()),
                device_id: None,
            },
            device_name: "OpenClaw Gateway".to_owned(),
            encryption: true,
            network: NetworkConfig {
                allow_private: true,
                ..NetworkConfig::default()
            },
            store_passphrase: None,
            initial_sync_limit: None,
            undecryptable_retry: Duration::from_secs(3600),
            catch_up: CatchUp {
                max_age: Duration::from_secs(3600),
                max_events: 100,
            },
            edits: true,
            share_history_on_invite: false,
            key_recipients: KeyRecipients::All,
            presence: matrix_core::Presence::Off,
        }
    }
}

/// What the first life left to the second: everything that it had not settled, in order.
///
/// `settled`: at a point on the way of a settling, whether what is being settled there is.
/// A kill at any other point comes from a task beside, perhaps after a message was settled
/// and before that was noted: such a one may be left to the second life or not.
pub fn nothing_lost_nothing_twice(
    expected: &[String],
    first: &Journal,
    second: &Journal,
    settled: Option<bool>,
) {
    let before = first.of("handed");
    assert!(
        before.len() <= expected.len() && before == expected[..before.len()],
        "the first life was given {before:?} of {expected:?}"
    );
    let noted = first.of("settled").len();
    let under_way = first.of("settling").len() - noted;
    if settled.is_some() {
        assert_eq!(under_way, 1, "{first:?}");
    }
    let handed = second.of("handed");
    let done = match settled {
        Some(settled) => noted + usize::from(settled),
        None => expected
            .len()
            .saturating_sub(handed.len())
            .clamp(noted, noted + under_way),
    };
    assert_eq!(
        handed,
        expected[done..],
        "the first life had settled {done} of {expected:?}"
    );
    assert_eq!(second.of("settled"), second.of("handed"));
}

/// The life itself. Without orders there is nothing to do.
pub async fn life() {
    let Ok(orders) = std::env::var(ORDERS) else {
        return;
    };
    let Orders {
        folder,
        journal,
        kill,
        last,
    } = serde_json::from_str(&orders).unwrap();
    let handed = Arc::new(Mutex::new(Vec::new()));
    if let Some(kill) = kill {
        kill.arm(Arc::clone(&handed));
    }
    let journal_path = journal.clone();
    let note = move |what: &str, name: &str| note(&journal, what, name);
    let account = Account::open(folder.config()).await.unwrap();
    note("device", &account.identity().device_id);
    account.start();
    tokio::spawn(watch(account.clone(), journal_path));
    let own = account.identity().user_id;
    loop {
        let batch = account.next_batch(1).await.unwrap().expect("closed");
        let event = &batch[0];
        let seq = base(event).seq;
        let text = match event {
            InboundEvent::Message { base, text, .. } if base.sender != own => text,
            _ => {
                account.settle(&[seq]).await.unwrap();
                continue;
            }
        };
        let base = base(event);
        note("handed", text);
        handed.lock().unwrap().push(text.clone());
        account.adopt(&[seq]).await.unwrap();
        answer(
            &account,
            &base.room_id,
            base.event_id.as_deref().unwrap(),
            text,
        )
        .await;
        note("settling", text);
        account.settle(&[seq]).await.unwrap();
        note("settled", text);
        if *text == last {
            break;
        }
    }
    // What is left is the echo of our own answers; a message here is one too many.
    while let Ok(batch) = tokio::time::timeout(QUIET, account.next_batch(1)).await {
        let event = &batch.unwrap().expect("closed")[0];
        if let InboundEvent::Message { base, text, .. } = event
            && base.sender != own
        {
            note("handed", text);
        }
        account.settle(&[base(event).seq]).await.unwrap();
    }
    let health = account.health().await.unwrap();
    // Another echo may come at any time: what waits is not counted.
    let left = health.inbox.leased
        + health.inbox.adopted
        + health.inbox.gaps
        + health.inbox.dead_letters
        + health.undecryptable.waiting
        + health.outbox.queued
        + health.outbox.failed;
    note("left", &left.to_string());
    account.close().await;
}

/// One whole line, which the kernel keeps whatever becomes of us.
fn note(journal: &Path, what: &str, name: &str) {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(journal)
        .and_then(|mut file| file.write_all(format!("{what} {name}\n").as_bytes()))
        .unwrap();
}

/// Notes what must never be.
async fn watch(account: Account, journal: PathBuf) {
    let mut version = 0;
    while let Ok(Some(health)) = account.health_after(version).await {
        version = health.version;
        if health.duplicate_one_time_keys {
            note(&journal, "trouble", "duplicate one-time keys");
        }
        if health.undecryptable.waiting > 0 {
            note(&journal, "trouble", &format!("{:?}", health.undecryptable));
        }
    }
}

async fn answer(account: &Account, room_id: &str, event_id: &str, text: &str) {
    let sent = account
        .send_text(SendText {
            target: SendTarget {
                room_id: room_id.try_into().unwrap(),
                thread_root_id: None,
                reply_to_id: None,
            },
            markdown: format!("answer to {text}"),
            kind: TextKind::Text,
            key: Some(format!("{event_id} 0")),
            chunk_limit: 4000,
            chunk_mode: ChunkMode::Length,
            live: false,
            tables: Tables::Block,
            extra: Default::default(),
            wait_ms: Some(60_000),
        })
        .await
        .unwrap();
    assert_eq!(sent.state, OutboxState::Sent, "{:?}", sent.error);
}
