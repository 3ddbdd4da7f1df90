//! Polls, votes and places out: what we send is what clients read.

use ruma::{
    event_id,
    events::{
        poll::{
            start::PollKind, unstable_end::UnstablePollEndEventContent,
            unstable_response::UnstablePollResponseEventContent,
            unstable_start::UnstablePollStartEventContent,
        },
        room::message::{MessageType, RoomMessageEventContent},
    },
    room_id,
};
use serde_json::json;

use super::*;

fn target() -> SendTarget {
    SendTarget {
        room_id: room_id!("!room:hs.test").to_owned(),
        thread_root_id: None,
        reply_to_id: None,
    }
}

fn poll(answers: &[&str], max_selections: u32) -> SendPoll {
    SendPoll {
        target: target(),
        question: "Which?".to_owned(),
        answers: answers.iter().map(|text| (*text).to_owned()).collect(),
        max_selections,
        disclosed: true,
        key: None,
    }
}

#[test]
fn pol_1_a_poll_is_the_unstable_one_that_clients_show() {
    let part = poll_part(&poll(&["Tea", "Coffee"], 1)).unwrap();
    assert_eq!(part.event_type, "org.matrix.msc3381.poll.start");
    assert_eq!(
        part.content["org.matrix.msc1767.text"],
        "Which?\n1. Tea\n2. Coffee"
    );
    let read: UnstablePollStartEventContent = serde_json::from_value(part.content.clone()).unwrap();
    let start = read.poll_start();
    assert_eq!(start.question.text, "Which?");
    assert_eq!(start.kind, PollKind::Disclosed);
    assert_eq!(u64::from(start.max_selections), 1);
    let answers: Vec<_> = start
        .answers
        .iter()
        .map(|answer| (answer.id.as_str(), answer.text.as_str()))
        .collect();
    assert_eq!(answers, [("1", "Tea"), ("2", "Coffee")]);
}

#[test]
fn pol_1_several_answers_stay_disclosed_and_are_bounded() {
    let part = poll_part(&poll(&["a", "b", "c"], 9)).unwrap();
    let start = &part.content["org.matrix.msc3381.poll.start"];
    assert_eq!(start["max_selections"], 3);
    assert_eq!(start["kind"], "org.matrix.msc3381.poll.disclosed");
    for (answers, why) in [
        (vec!["a"], "2 to 20"),
        (vec!["a", " "], "empty"),
        (vec!["a"; 21], "2 to 20"),
        (vec!["a", &"x".repeat(400)], "340"),
    ] {
        let error = poll_part(&poll(&answers, 1)).unwrap_err();
        assert!(error.message.contains(why), "{}", error.message);
    }
}

#[test]
fn pol_5_a_poll_stays_in_its_thread() {
    let mut request = poll(&["Tea", "Coffee"], 1);
    request.target.thread_root_id = Some(event_id!("$root").to_owned());
    let part = poll_part(&request).unwrap();
    assert_eq!(
        part.content["m.relates_to"],
        json!({
            "rel_type": "m.thread", "event_id": "$root", "is_falling_back": true,
            "m.in_reply_to": { "event_id": "$root" },
        })
    );
}

#[test]
fn pol_2_pol_4_votes_and_ends_are_read_by_others() {
    let vote = poll_response_part(event_id!("$poll"), &["2".to_owned()]);
    assert_eq!(vote.event_type, "org.matrix.msc3381.poll.response");
    let read: UnstablePollResponseEventContent = serde_json::from_value(vote.content).unwrap();
    assert_eq!(read.poll_response.answers, ["2"]);
    assert_eq!(read.relates_to.event_id, event_id!("$poll"));
    let end = poll_end_part(event_id!("$poll"), "The poll has ended.");
    assert_eq!(end.event_type, "org.matrix.msc3381.poll.end");
    let read: UnstablePollEndEventContent = serde_json::from_value(end.content).unwrap();
    assert_eq!(read.text, "The poll has ended.");
    assert_eq!(read.relates_to.event_id, event_id!("$poll"));
}

#[test]
fn loc_2_a_place_has_coordinates_and_words() {
    let mut request = SendLocation {
        target: target(),
        latitude: 48.2082,
        longitude: 16.3738,
        altitude: Some(151.0),
        uncertainty: Some(35.0),
        description: Some(" The cathedral ".to_owned()),
        key: None,
    };
    let part = location_part(&request).unwrap();
    let uri = "geo:48.2082,16.3738,151;u=35";
    assert_eq!(part.content["geo_uri"], uri);
    assert_eq!(part.content["body"], format!("The cathedral ({uri})"));
    assert_eq!(
        part.content["org.matrix.msc3488.location"],
        json!({ "uri": uri, "description": "The cathedral" })
    );
    let read: RoomMessageEventContent = serde_json::from_value(part.content).unwrap();
    let MessageType::Location(location) = read.msgtype else {
        panic!("no location: {read:?}")
    };
    assert_eq!(location.geo_uri(), uri);
    request.latitude = 91.0;
    assert!(location_part(&request).is_err());
    request.latitude = f64::NAN;
    assert!(location_part(&request).is_err());
}

#[test]
fn psh_1_the_edit_that_makes_a_preview_the_answer_is_marked() {
    let mut request = contents::edit("done");
    assert!(
        !edit_part(&request)
            .content
            .to_string()
            .contains("finalized")
    );
    request.finalized = true;
    let content = edit_part(&request).content;
    // Push rules look at `content.com\.openclaw\.finalized_preview`.
    assert_eq!(content["com.openclaw.finalized_preview"], true);
    assert_eq!(
        content["m.new_content"]["com.openclaw.finalized_preview"],
        true
    );
}
