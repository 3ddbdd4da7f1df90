//! Killed at every commit point: nothing is lost, nothing comes twice (INS-11, SES-11,
//! OUT-7, HIS-4).
//!
//! The homeserver is the scripted one and not the SDK's `MatrixMockServer`. Both stand on
//! wiremock; this one answers by `since` and knows transaction ids, over all lives of an
//! account, which is what is counted here.

use std::{path::Path, time::Duration};

use matrix_core::Account;
use serde_json::{Value, json};
use tempfile::tempdir;

use crate::{
    crossing::{self, Folder, Kill, nothing_lost_nothing_twice},
    olm_peer::OlmPeer,
    support::{Homeserver, PATIENCE, USER, joined, run, text},
};

/// All that is said, in order. `m3` to `m5` lie in a gap of two pages before `m6`.
const SAID: [&str; 7] = ["m1", "m2", "m3", "m4", "m5", "m6", "m7"];

#[test]
#[ignore = "the process that the other tests begin and kill"]
fn life() {
    run(crossing::life());
}

/// A homeserver that says all of [`SAID`], each step as often as it is asked for.
async fn talkative() -> Homeserver {
    let homeserver = Homeserver::start().await;
    let said: Vec<_> = SAID
        .iter()
        .map(|body| text(&format!("${body}"), body))
        .collect();
    for _ in 0..3 {
        homeserver.sync("", joined("s1", true, &[text("$old", "long ago")]));
        homeserver.sync("s1", joined("s2", false, &said[0..2]));
        homeserver.sync("s2", joined("s3", true, &said[5..6]));
        homeserver.sync("s3", joined("s4", false, &said[6..7]));
    }
    let mut state = homeserver.state();
    state.messages.insert(
        "before-s3".into(),
        json!({"start": "before-s3", "end": "older", "chunk": [said[4]]}),
    );
    state.messages.insert(
        "older".into(),
        json!({"start": "older", "chunk": [said[3], said[2]]}),
    );
    drop(state);
    homeserver
}

fn folder(homeserver: &Homeserver, path: &Path) -> Folder {
    Folder {
        homeserver: homeserver.url(),
        user_id: USER.to_owned(),
        password: "secret".to_owned(),
        path: path.to_owned(),
    }
}

/// Every message has one answer, in the order of the messages.
fn answered_once(homeserver: &Homeserver) {
    let sent = homeserver.state().sent.clone();
    let bodies: Vec<_> = sent.iter().map(|sent| sent["body"].clone()).collect();
    assert_eq!(bodies, SAID.map(|body| format!("answer to {body}")));
}

/// Nothing half-written stays behind.
fn tidy(path: &Path) {
    let names = std::fs::read_dir(path).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let stray: Vec<_> = names.filter(|name| name.starts_with(".new-")).collect();
    assert!(stray.is_empty(), "{stray:?}");
}

/// Where a life ends, and what the next one finds.
struct Crossing {
    point: &'static str,
    passage: u32,
    /// See [`nothing_lost_nothing_twice`].
    settled: Option<bool>,
    /// A request to send is made again, under its old transaction id.
    sent_again: bool,
    /// Logins of both lives together, and whether they made one device.
    logins: (usize, bool),
}

impl Crossing {
    const fn at(point: &'static str, passage: u32) -> Self {
        Self {
            point,
            passage,
            settled: None,
            sent_again: false,
            logins: (1, true),
        }
    }

    fn cross(self) {
        run(async move {
            let (homeserver, dir) = (talkative().await, tempdir().unwrap());
            let folder = folder(&homeserver, dir.path());
            let first = folder
                .live("m7", Some(Kill::at(self.point, self.passage)))
                .await;
            first.killed();
            let second = folder.live("m7", None).await;
            second.finished();
            let expected = SAID.map(ToOwned::to_owned);
            nothing_lost_nothing_twice(&expected, &first.journal, &second.journal, self.settled);
            answered_once(&homeserver);
            let requests = homeserver.state().send_requests;
            let least = SAID.len() + usize::from(self.sent_again);
            // An answer may have been under way when the sync was killed.
            assert!(
                requests >= least && requests <= SAID.len() + 1,
                "{requests}"
            );
            let logins = homeserver.state().logins.clone();
            let (count, one_device) = self.logins;
            assert_eq!(logins.len(), count);
            let device = if one_device { "MADE1" } else { "MADE2" };
            assert_eq!(second.journal.of("device"), [device]);
            tidy(dir.path());
        });
    }
}

/// One test per point.
macro_rules! crossings {
    ($($name:ident: $point:literal, $passage:literal $(, $key:ident: $value:expr)*;)+) => {$(
        #[test]
        fn $name() {
            Crossing { $($key: $value,)* ..Crossing::at($point, $passage) }.cross();
        }
    )+};
}

crossings! {
    ses_11_before_the_store_key_is_written: "dir::store.key::before", 1;
    ses_11_after_the_store_key_was_written: "dir::store.key::after", 1;
    // The homeserver gave a device that nobody wrote down: the next login makes another.
    ses_11_before_the_account_is_written: "dir::account.json::before", 1, logins: (2, false);
    ses_11_after_the_account_was_written: "dir::account.json::after", 1, logins: (2, true);
    ses_11_before_the_session_is_written: "dir::session.json::before", 1, logins: (2, true);
    ses_11_after_the_session_was_written: "dir::session.json::after", 1;
    ses_11_before_the_keys_are_called_our_own: "dir::account.json::before", 2;
    ses_11_after_the_keys_were_called_our_own: "dir::account.json::after", 2;
    ins_11_after_the_first_token_of_the_sdk: "sync::token_stored", 1;
    ins_11_after_the_token_of_the_sdk: "sync::token_stored", 2;
    ins_11_before_the_first_inbox_commit: "inbox::commit::before", 1;
    ins_11_before_the_inbox_commit: "inbox::commit::before", 2;
    ins_11_after_the_first_inbox_commit: "inbox::commit::after", 1;
    ins_11_after_the_inbox_commit: "inbox::commit::after", 2;
    his_4_after_a_gap_was_committed: "inbox::commit::after", 3;
    his_4_before_a_page_of_a_gap: "inbox::page::before", 1;
    his_4_after_a_page_of_a_gap: "inbox::page::after", 1;
    his_4_before_the_last_page_of_a_gap: "inbox::page::before", 2;
    his_4_after_the_last_page_of_a_gap: "inbox::page::after", 2;
    his_4_before_a_gap_is_closed: "inbox::filled::before", 1;
    his_4_after_a_gap_was_closed: "inbox::filled::after", 1;
    ses_11_after_a_lease: "inbox::lease::after", 2;
    ses_11_after_a_turn_was_adopted: "inbox::adopt::after", 2;
    ses_11_before_a_turn_is_settled: "inbox::settle::before", 2, settled: Some(false);
    ses_11_after_a_turn_was_settled: "inbox::settle::after", 2, settled: Some(true);
    out_7_before_a_send_is_stored: "outbox::stored::before", 2;
    out_7_after_a_send_was_stored: "outbox::stored::after", 2;
    out_7_before_a_request_leaves: "outbox::request::before", 2;
    out_7_after_a_request_was_answered: "outbox::request::after", 2, sent_again: true;
    out_7_before_the_event_id_is_stored: "outbox::sent::before", 2, sent_again: true;
    out_7_after_the_event_id_was_stored: "outbox::sent::after", 2;
}

/// A key that comes after its message: the message is handed out once it can be read.
fn cross_late_key(point: &'static str) {
    run(async move {
        let (homeserver, dir) = (Homeserver::start().await, tempdir().unwrap());
        let folder = folder(&homeserver, dir.path());
        homeserver.sync(
            "",
            json!({"next_batch": "s1", "device_one_time_keys_count": {}}),
        );
        let account = Account::open(folder.config()).await.unwrap();
        account.start();
        let uploaded = async {
            let has_keys = |upload: &Value| !upload["one_time_keys"].is_null();
            // Who asks for what follows has written down what was before.
            let done = || {
                let state = homeserver.state();
                state.uploads.iter().any(has_keys) && state.asked.contains(&"s1".to_owned())
            };
            while !done() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, uploaded).await.unwrap();
        account.close().await;
        let uploads = homeserver.state().uploads.clone();
        let peer = OlmPeer::new("MADE1", &uploads).await;
        let (secret, key) = peer.say("$secret", "secret").await;
        let clear = text("$clear", "clear");
        homeserver.sync("s1", joined("s2", false, &[secret, clear]));
        let first = folder.begin("never", Some(Kill::at(point, 1)));
        first.noted("settled", "clear").await;
        homeserver.sync(
            "s2",
            json!({
                "next_batch": "s3",
                "to_device": {"events": [key]},
                "device_one_time_keys_count": {"signed_curve25519": 50},
            }),
        );
        let first = first.end().await;
        first.killed();
        let second = folder.live("secret", None).await;
        second.finished();
        assert_eq!(first.journal.of("settled"), ["clear"]);
        assert_eq!(second.journal.of("handed"), ["secret"]);
        let sent = homeserver.state().sent.clone();
        let bodies: Vec<_> = sent.iter().map(|sent| sent["body"].clone()).collect();
        assert_eq!(bodies, ["answer to clear", "answer to secret"]);
        tidy(dir.path());
    });
}

#[test]
fn enc_5_before_what_became_readable_is_stored() {
    cross_late_key("inbox::readable::before");
}

#[test]
fn enc_5_after_what_became_readable_was_stored() {
    cross_late_key("inbox::readable::after");
}

/// The macro is empty there: the feature belongs to the tests alone.
#[test]
fn ses_11_the_release_build_has_no_failpoints() {
    let features = |selection: &[&str]| {
        let output = std::process::Command::new(env!("CARGO"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .args(["tree", "--locked", "--invert", "fail"])
            .args(selection)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let release = features(&["--package", "matrix-node", "--edges", "features,no-dev"]);
    assert!(release.contains("matrix-core"), "{release}");
    assert!(!release.contains("feature \"failpoints\""), "{release}");
    let tests = features(&["--workspace", "--edges", "features"]);
    assert!(tests.contains("fail feature \"failpoints\""), "{tests}");
}

#[test]
fn out_7_while_the_homeserver_works_on_a_request() {
    run(async {
        let (homeserver, dir) = (talkative().await, tempdir().unwrap());
        homeserver.state().send_delay = Duration::from_secs(60);
        let folder = folder(&homeserver, dir.path());
        let mut first = folder.begin("m7", None);
        let on_its_way = async {
            while homeserver.state().send_requests == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, on_its_way).await.unwrap();
        first.kill();
        let first = first.end().await;
        first.killed();
        homeserver.state().send_delay = Duration::ZERO;
        let second = folder.live("m7", None).await;
        second.finished();
        let expected = SAID.map(ToOwned::to_owned);
        nothing_lost_nothing_twice(&expected, &first.journal, &second.journal, None);
        answered_once(&homeserver);
        assert_eq!(homeserver.state().send_requests, SAID.len() + 1);
    });
}
