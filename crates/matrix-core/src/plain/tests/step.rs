//! What an answer is turned into, without any server.

use std::collections::BTreeSet;

use ruma::{OwnedRoomId, UserId, api::client::sync::sync_events::v5::Response, room_id, user_id};
use serde_json::{Value, json};

use super::super::{
    facts::Facts,
    position::{HoleEnd, Position},
    step,
};
use crate::inbox::SyncStep;

const NOW: u64 = 1_700_000_000_000;

fn me() -> &'static UserId {
    user_id!("@bot:example.org")
}

fn room() -> OwnedRoomId {
    room_id!("!room:example.org").to_owned()
}

fn answer(pos: &str, rooms: Value) -> Response {
    let mut answer = Response::new(pos.to_owned());
    answer.rooms = serde_json::from_value(rooms).unwrap();
    answer
}

fn message(id: &str) -> Value {
    at(id, NOW)
}

fn at(id: &str, ts: u64) -> Value {
    json!({
        "type": "m.room.message", "event_id": id, "sender": "@alice:example.org",
        "origin_server_ts": ts, "content": { "msgtype": "m.text", "body": id },
    })
}

fn encrypted(id: &str) -> Value {
    json!({
        "type": "m.room.encrypted", "event_id": id, "sender": "@alice:example.org",
        "origin_server_ts": NOW, "content": { "algorithm": "m.megolm.v1.aes-sha2" },
    })
}

fn own(id: &str, membership: &str, before: Option<(&str, &str)>) -> Value {
    let mut event = json!({
        "type": "m.room.member", "event_id": id, "sender": me(), "state_key": me(),
        "origin_server_ts": NOW, "content": { "membership": membership },
    });
    if let Some((membership, replaces)) = before {
        event["unsigned"] = json!({
            "prev_content": { "membership": membership }, "replaces_state": replaces,
        });
    }
    event
}

fn encryption(id: &str) -> Value {
    json!({
        "type": "m.room.encryption", "event_id": id, "sender": "@alice:example.org",
        "state_key": "", "origin_server_ts": NOW,
        "content": { "algorithm": "m.megolm.v1.aes-sha2" },
    })
}

struct Account {
    position: Position,
    facts: Facts,
}

impl Account {
    fn new() -> Self {
        Self {
            position: Position::first(NOW),
            facts: Facts::default(),
        }
    }

    /// Past its first sync, in one room whose newest event is `$old`.
    fn with_room() -> Self {
        let mut account = Self::new();
        let first = account.read(
            "1",
            json!({ room(): {
                "initial": true, "limited": true, "prev_batch": "p0", "num_live": 0,
                "timeline": [message("$older"), message("$old")],
                "required_state": [own("$join", "join", None)],
            }}),
        );
        assert_eq!(keys(&first), Vec::<String>::new());
        account.position.complete = true;
        account
    }

    fn read(&mut self, pos: &str, rooms: Value) -> SyncStep {
        step::read(
            answer(pos, rooms),
            me(),
            &mut self.position,
            &mut self.facts,
            NOW,
        )
    }

    fn lose_connection(&mut self) {
        self.position.pos = None;
    }
}

fn keys(step: &SyncStep) -> Vec<String> {
    step.events.iter().map(|event| event.key.clone()).collect()
}

fn hole(step: &SyncStep) -> (String, HoleEnd) {
    assert_eq!(step.gaps.len(), 1, "{:?}", step.gaps);
    let gap = &step.gaps[0];
    let to = gap.to.as_deref().unwrap();
    (gap.from.clone(), HoleEnd::decode(to).unwrap())
}

#[test]
fn the_first_sync_brings_invites_and_no_history() {
    let mut account = Account::new();
    let step = account.read(
        "1",
        json!({
            room(): {
                "initial": true, "limited": true, "prev_batch": "p0", "num_live": 0,
                "timeline": [message("$a"), message("$b")],
                "required_state": [own("$join", "join", None)],
            },
            "!invite:example.org": {
                "initial": true, "bump_stamp": 7,
                "invite_state": [
                    { "type": "m.room.name", "state_key": "", "sender": "@alice:example.org",
                      "content": { "name": "Tea" } },
                    { "type": "m.room.member", "state_key": me(), "sender": "@alice:example.org",
                      "content": { "membership": "invite", "is_direct": true } },
                ],
            },
        }),
    );
    assert_eq!(keys(&step), ["invite:@alice:example.org:7"]);
    assert!(step.gaps.is_empty());
    let invite: Value = serde_json::from_str(&step.events[0].json).unwrap();
    assert_eq!(invite["type"], "invite");
    assert_eq!(invite["room_name"], "Tea");
    assert_eq!(invite["is_direct"], true);
    assert_eq!(invite["room_encrypted"], false);
    assert_eq!(
        account.position.rooms[&room()].event.as_deref(),
        Some("$b"),
        "the room is marked as read"
    );
}

#[test]
fn a_message_that_comes_while_the_window_grows_is_no_history() {
    let mut account = Account::new();
    account.read("1", json!({}));
    let step = account.read(
        "2",
        json!({ room(): {
            "initial": true, "limited": true, "prev_batch": "p", "num_live": 1,
            "timeline": [message("$old"), message("$new")],
            "required_state": [own("$join", "join", None)],
        }}),
    );
    assert_eq!(keys(&step), ["$new"]);
    assert!(step.gaps.is_empty());
}

#[test]
fn an_invite_sent_again_keeps_its_key() {
    let invite = json!({ "!invite:example.org": {
        "bump_stamp": 7,
        "invite_state": [{ "type": "m.room.member", "state_key": me(),
            "sender": "@alice:example.org", "content": { "membership": "invite" } }],
    }});
    let mut account = Account::with_room();
    let first = account.read("2", invite.clone());
    let again = account.read("3", invite.clone());
    account.lose_connection();
    let on_a_new_connection = account.read("4", invite);
    assert_eq!(keys(&first), keys(&again));
    assert_eq!(keys(&first), keys(&on_a_new_connection));
}

#[test]
fn a_knock_of_our_own_is_no_invite() {
    let mut account = Account::with_room();
    let step = account.read(
        "2",
        json!({ "!knock:example.org": { "invite_state": [
            { "type": "m.room.member", "state_key": me(), "sender": me(),
              "content": { "membership": "knock" } },
        ]}}),
    );
    assert!(step.events.is_empty());
}

#[test]
fn a_limited_answer_leaves_a_hole_that_ends_at_the_event_read_last() {
    let mut account = Account::with_room();
    let step = account.read(
        "2",
        json!({ room(): {
            "limited": true, "prev_batch": "p1", "num_live": 2,
            "timeline": [message("$x"), message("$y")],
        }}),
    );
    assert_eq!(keys(&step), ["$x", "$y"]);
    let (from, end) = hole(&step);
    assert_eq!(from, "p1");
    assert_eq!(end.events, ["$old"]);
}

#[test]
fn a_new_connection_gives_what_came_after_the_mark() {
    let mut account = Account::with_room();
    account.lose_connection();
    let step = account.read(
        "9",
        json!({ room(): {
            "initial": true, "limited": true, "prev_batch": "p2", "num_live": 0,
            "timeline": [message("$older"), message("$old"), message("$missed")],
            "required_state": [own("$join", "join", None)],
        }}),
    );
    assert_eq!(keys(&step), ["$missed"]);
    assert!(step.gaps.is_empty());
}

#[test]
fn a_new_connection_without_the_mark_leaves_a_hole() {
    let mut account = Account::with_room();
    account.lose_connection();
    let step = account.read(
        "9",
        json!({ room(): {
            "initial": true, "limited": true, "prev_batch": "p2", "num_live": 0,
            "timeline": [message("$m1"), message("$m2")],
            "required_state": [own("$join", "join", None)],
        }}),
    );
    assert_eq!(keys(&step), ["$m1", "$m2"]);
    let (from, end) = hole(&step);
    assert_eq!((from.as_str(), end.events), ("p2", vec!["$old".to_owned()]));
}

#[test]
fn without_the_mark_anywhere_old_events_stay_history() {
    let mut account = Account::with_room();
    account.lose_connection();
    let long_ago = NOW - 2 * step::CLOCK_SLACK_MS;
    let step = account.read(
        "9",
        json!({ room(): {
            "initial": true, "limited": false, "num_live": 0,
            "timeline": [at("$ancient", long_ago), message("$m")],
            "required_state": [own("$join", "join", None)],
        }}),
    );
    assert_eq!(keys(&step), ["$m"]);
}

#[test]
fn what_was_said_between_invite_and_join_is_for_us() {
    let mut account = Account::with_room();
    let join = own("$joined", "join", Some(("invite", "$invited")));
    let step = account.read(
        "2",
        json!({ "!new:example.org": {
            "initial": true, "limited": false, "num_live": 1,
            "timeline": [
                message("$before"), own("$invited", "invite", None), message("$hello"), join,
            ],
            "required_state": [join],
        }}),
    );
    assert_eq!(keys(&step), ["$hello", "$joined"]);
}

#[test]
fn a_public_room_begins_with_our_join() {
    let mut account = Account::with_room();
    let join = own("$joined", "join", None);
    let step = account.read(
        "2",
        json!({ "!new:example.org": {
            "initial": true, "limited": true, "prev_batch": "p", "num_live": 1,
            "timeline": [message("$before"), join, message("$after")],
            "required_state": [join],
        }}),
    );
    assert_eq!(keys(&step), ["$joined", "$after"]);
    assert!(step.gaps.is_empty());
}

#[test]
fn a_busy_room_joined_by_invite_leaves_a_hole_back_to_the_invite() {
    let mut account = Account::with_room();
    let join = own("$joined", "join", Some(("invite", "$invited")));
    let step = account.read(
        "2",
        json!({ "!new:example.org": {
            "initial": true, "limited": true, "prev_batch": "p", "num_live": 1,
            "timeline": [message("$m1"), join, message("$m2")],
            "required_state": [join],
        }}),
    );
    assert_eq!(keys(&step), ["$m1", "$joined", "$m2"]);
    assert_eq!(hole(&step).1.events, ["$invited"]);
}

#[test]
fn a_kick_is_told_once_and_a_new_join_starts_afresh() {
    let mut account = Account::with_room();
    let kick = own("$kick", "leave", Some(("join", "$join")));
    let step = account.read(
        "2",
        json!({ room(): { "timeline": [kick], "required_state": [kick], "num_live": 1 } }),
    );
    assert_eq!(keys(&step), ["$kick"]);

    account.lose_connection();
    let again = account.read(
        "3",
        json!({ room(): {
            "initial": true, "limited": true, "prev_batch": "p", "num_live": 0,
            "timeline": [message("$old"), kick], "required_state": [kick],
        }}),
    );
    assert_eq!(keys(&again), Vec::<String>::new());

    let join = own("$back", "join", Some(("invite", "$invited")));
    let step = account.read(
        "4",
        json!({ room(): {
            "initial": true, "limited": false, "num_live": 1,
            "timeline": [kick, message("$unseen"), own("$invited", "invite", None), join],
            "required_state": [join],
        }}),
    );
    assert_eq!(keys(&step), ["$back"]);
}

#[test]
fn encrypted_rooms_yield_their_state_alone() {
    let mut account = Account::with_room();
    let step = account.read(
        "2",
        json!({ room(): { "num_live": 4, "timeline": [
            message("$plain"), encryption("$on"), encrypted("$secret"), message("$stray"),
        ]}}),
    );
    assert_eq!(keys(&step), ["$plain", "$on"]);
    assert!(step.undecryptable.is_empty());
    assert!(account.position.rooms[&room()].encrypted);

    let later = account.read(
        "3",
        json!({ room(): { "num_live": 2, "timeline": [
            message("$still-no"), own("$left", "leave", Some(("join", "$join"))),
        ]}}),
    );
    assert_eq!(keys(&later), ["$left"]);
}

#[test]
fn malformed_events_are_left_out() {
    let mut account = Account::with_room();
    let step = account.read(
        "2",
        json!({ room(): { "num_live": 3, "timeline": [
            { "type": "m.room.message" },
            { "event_id": 5, "type": "m.room.message", "sender": "@alice:example.org" },
            { "event_id": "$e", "type": "m.room.message", "sender": "nobody" },
            message("$good"),
        ]}}),
    );
    assert_eq!(keys(&step), ["$good"]);
}

#[test]
fn a_token_is_read_back_and_never_taken_for_the_other_engines() {
    let account = Account::with_room();
    let token = account.position.encode().unwrap();
    assert_eq!(Position::decode(&token), Some(account.position));
    assert_eq!(Position::decode("s72594_4483_1934"), None);
    assert!(Position::first(NOW).conn_id.len() <= 16);
    assert_ne!(Position::first(NOW).conn_id, Position::first(NOW).conn_id);
}

#[test]
fn rooms_that_a_new_connection_does_not_name_are_forgotten() {
    let mut account = Account::with_room();
    step::prune(&mut account.position, &mut account.facts, &BTreeSet::new());
    assert!(account.position.rooms.is_empty());
}
