//! Killed at every commit point and at any moment, with encryption: nothing is lost,
//! nothing comes twice, nothing becomes unreadable (ENC-4, OUT-7, SES-11, INS-11).

use std::time::Instant;

use matrix_core::Account;
use matrix_sdk::{
    Room, RoomMemberships,
    reqwest::Method,
    room::MessagesOptions,
    ruma::{UInt, api::client::room::create_room},
};
use ruma::{
    OwnedUserId,
    events::{
        InitialStateEvent,
        room::encryption::{InitialRoomEncryptionEvent, RoomEncryptionEventContent},
    },
};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

use crate::{
    crossing::{self, Folder, Journal, Kill, nothing_lost_nothing_twice},
    other_client::OtherClient,
    support::{Homeserver, PATIENCE, live, next_invite, next_message, running, say},
};

#[test]
#[ignore = "the process that the other tests begin and kill"]
fn life() {
    live(|_| crossing::life());
}

/// A person of another maker's client and our account, in an encrypted room in which both
/// have spoken.
struct Pair {
    human: OtherClient,
    room: Room,
    bot: String,
    device: String,
    folder: Folder,
    _dir: TempDir,
    /// What the human has said, in order.
    said: Vec<String>,
}

impl Pair {
    async fn new(homeserver: &Homeserver) -> Self {
        let human = OtherClient::new(homeserver.base.as_str(), "human").await;
        let (bot, dir) = (
            homeserver.register_without_device("bot").await,
            tempdir().unwrap(),
        );
        let folder = Folder {
            homeserver: homeserver.base.clone(),
            user_id: bot.user_id.clone(),
            password: bot.password.clone(),
            path: dir.path().to_owned(),
        };
        let account = Account::open(folder.config()).await.unwrap();
        account.start();
        running(&account).await;
        let mut request = create_room::v3::Request::new();
        request.invite = vec![OwnedUserId::try_from(bot.user_id.as_str()).unwrap()];
        let content = RoomEncryptionEventContent::with_recommended_defaults();
        let event = InitialRoomEncryptionEvent::with_empty_state_key(content);
        request.initial_state = vec![InitialStateEvent::to_raw_any(&event)];
        let room = human.client.create_room(request).await.unwrap();
        assert_eq!(next_invite(&account).await, room.room_id().as_str());
        account
            .join_room(room.room_id().as_str(), &[])
            .await
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while room.members(RoomMemberships::JOIN).await.unwrap().len() < 2 {
            assert!(Instant::now() < deadline, "the join never came");
            human.sync().await;
        }
        let mut pair = Self {
            human,
            room,
            device: account.identity().device_id,
            bot: bot.user_id,
            folder,
            _dir: dir,
            said: Vec::new(),
        };
        pair.say("hello").await;
        assert_eq!(next_message(&account).await.0, "hello");
        say(&account, pair.room.room_id().as_str(), "answer to hello").await;
        account.close().await;
        pair.answered_once().await;
        pair
    }

    async fn say(&mut self, text: &str) {
        let content = json!({"msgtype": "m.text", "body": text});
        self.room.send_raw("m.room.message", content).await.unwrap();
        self.said.push(text.to_owned());
    }

    /// What the account has said, as the human reads it: every message has one answer, in
    /// the order of the messages, and all of them are readable.
    async fn answered_once(&self) {
        self.human.sync().await;
        self.human.sync().await;
        let (mut answers, mut from) = (Vec::new(), None);
        loop {
            let mut options = MessagesOptions::backward();
            options.limit = UInt::from(100u32);
            options.from = from;
            let page = self.room.messages(options).await.unwrap();
            for event in &page.chunk {
                let event: Value = serde_json::from_str(event.raw().json().get()).unwrap();
                if event["sender"] == self.bot.as_str() && event["type"] != "m.room.member" {
                    let body = event["content"]["body"].as_str();
                    answers.push(body.unwrap_or("unreadable").to_owned());
                }
            }
            from = page.end;
            if from.is_none() {
                break;
            }
        }
        answers.reverse();
        let expected: Vec<_> = self
            .said
            .iter()
            .map(|said| format!("answer to {said}"))
            .collect();
        assert_eq!(answers, expected);
    }

    /// Takes one-time keys away, so that new ones have to be uploaded.
    async fn claim(&self, count: usize) {
        for _ in 0..count {
            let wanted = json!({"one_time_keys": {&self.bot: {&self.device: "signed_curve25519"}}});
            let at = "/_matrix/client/v3/keys/claim";
            let answer = self.human.call(Method::POST, at, wanted).await;
            let given = &answer["one_time_keys"][&self.bot][&self.device];
            assert!(given.is_object(), "{answer}");
        }
    }
}

/// The commit points; those with a message are counted once the second of a round has been
/// handed out. For the last value see [`nothing_lost_nothing_twice`].
const POINTS: [(&str, bool, Option<bool>); 15] = [
    ("sync::token_stored", false, None),
    ("inbox::commit::before", false, None),
    ("inbox::commit::after", false, None),
    ("inbox::lease::after", true, None),
    ("inbox::adopt::after", true, None),
    ("inbox::settle::before", true, Some(false)),
    ("inbox::settle::after", true, Some(true)),
    ("outbox::stored::before", true, None),
    ("outbox::stored::after", true, None),
    ("outbox::request::before", true, None),
    ("outbox::request::after", true, None),
    ("outbox::sent::before", true, None),
    ("outbox::sent::after", true, None),
    ("dir::account.json::before", false, None),
    ("dir::account.json::after", false, None),
];

#[test]
fn enc_4_out_7_ses_11_killed_at_every_commit_point() {
    live(|homeserver| async move {
        let mut pair = Pair::new(&homeserver).await;
        for (round, (point, second, settled)) in POINTS.into_iter().enumerate() {
            eprintln!("{point}");
            let begun = pair.said.len();
            // A new room key, and one-time keys to be replaced, in every round.
            pair.room.discard_room_key().await.unwrap();
            pair.claim(2).await;
            for part in ["a", "b", "c"] {
                pair.say(&format!("{round}{part}")).await;
            }
            let mut kill = Kill::at(point, 1);
            kill.at = second.then(|| format!("{round}b"));
            let first = pair.folder.live("never", Some(kill)).await;
            first.killed();
            let last = format!("{round}d");
            pair.say(&last).await;
            let second = pair.folder.live(&last, None).await;
            second.finished();
            let expected = &pair.said[begun..];
            nothing_lost_nothing_twice(expected, &first.journal, &second.journal, settled);
            for journal in [&first.journal, &second.journal] {
                assert!(journal.of("trouble").is_empty(), "{journal:?}");
            }
            assert_eq!(second.journal.of("device"), [pair.device.as_str()]);
            pair.answered_once().await;
        }
    });
}

/// Kills at any moment, while the human writes and one-time keys run low.
const KILLS: usize = 20;

#[test]
fn enc_4_killed_twenty_times_at_any_moment() {
    live(|homeserver| async move {
        let mut pair = Pair::new(&homeserver).await;
        let begun = pair.said.len();
        // How long a life takes that is left alone.
        pair.say("first").await;
        let began = Instant::now();
        let mut lives = vec![pair.folder.live("first", None).await];
        lives[0].finished();
        let whole = began.elapsed();
        for round in 0..KILLS {
            if round % 3 == 0 {
                pair.room.discard_room_key().await.unwrap();
            }
            let moment = whole.mul_f64(rand::random_range(0.1..1.2));
            let mut life = pair.folder.begin("never", None);
            let began = Instant::now();
            pair.claim(3).await;
            pair.say(&format!("{round}")).await;
            pair.say(&format!("{round} and more")).await;
            tokio::time::sleep(moment.saturating_sub(began.elapsed())).await;
            life.kill();
            let life = life.end().await;
            eprintln!("{round}: killed after {moment:?}: {:?}", life.journal);
            life.killed();
            lives.push(life);
        }
        pair.say("last").await;
        let end = pair.folder.live("last", None).await;
        end.finished();
        lives.push(end);
        let journals: Vec<&Journal> = lives.iter().map(|life| &life.journal).collect();
        handed_until_settled(&pair.said[begun..], &journals);
        for journal in journals {
            assert!(journal.of("trouble").is_empty(), "{journal:?}");
        }
        pair.answered_once().await;
    });
}

/// Every message came, in order, again and again until it was settled, and never after.
fn handed_until_settled(said: &[String], journals: &[&Journal]) {
    let mut next = 0;
    // What was being settled when a life ended may be settled or not.
    let mut doubtful = false;
    for journal in journals {
        let (handed, settling) = (journal.of("handed"), journal.of("settling"));
        if handed.is_empty() {
            continue;
        }
        let again = doubtful && handed[0] == said[next - 1];
        let from = next - usize::from(again);
        assert!(
            handed.len() <= said.len() - from && handed == said[from..from + handed.len()],
            "{handed:?} of {said:?} from {from}"
        );
        next = from + settling.len();
        doubtful = settling.len() > journal.of("settled").len();
    }
    assert_eq!(next, said.len());
}
