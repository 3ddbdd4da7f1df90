//! Polls out (MSC3381), in the unstable spelling: no room version has the stable one, and
//! clients show only this.

use ruma::EventId;
use serde_json::{Map, Value, json};

use super::{SendPoll, content::relation};
use crate::{
    error::{Error, ErrorCode, Result},
    event::PollStart,
    outbox::Part,
};

/// Answers of one poll (MSC3381).
const MAX_ANSWERS: usize = 20;
/// Characters of a question or an answer; clients show a line or two.
const MAX_TEXT: usize = 340;

/// A poll's beginning, with the question and the numbered answers as text for clients without
/// polls.
///
/// # Errors
/// `config_invalid` for a poll that clients would not show.
pub(crate) fn poll_part(request: &SendPoll) -> Result<Part> {
    let question = text("question", &request.question)?;
    let answers = request
        .answers
        .iter()
        .map(|answer| text("answer", answer))
        .collect::<Result<Vec<_>>>()?;
    if answers.len() < 2 || answers.len() > MAX_ANSWERS {
        return Err(invalid(format!(
            "a poll has 2 to {MAX_ANSWERS} answers, not {}",
            answers.len()
        )));
    }
    let max_selections = usize::try_from(request.max_selections)
        .unwrap_or(MAX_ANSWERS)
        .clamp(1, answers.len());
    let poll = PollStart {
        question,
        // Short and unique in the poll; votes name them.
        answers: answers
            .into_iter()
            .enumerate()
            .map(|(index, answer)| (format!("{}", index + 1), answer))
            .collect(),
        max_selections,
        disclosed: request.disclosed,
    };
    let kind = if poll.disclosed {
        "org.matrix.msc3381.poll.disclosed"
    } else {
        "org.matrix.msc3381.poll.undisclosed"
    };
    let answers: Vec<Value> = poll
        .answers
        .iter()
        .map(|(id, text)| json!({ "id": id, "org.matrix.msc1767.text": text }))
        .collect();
    let mut content = Map::new();
    content.insert("org.matrix.msc1767.text".to_owned(), poll.text().into());
    content.insert(
        "org.matrix.msc3381.poll.start".to_owned(),
        json!({
            "question": {
                "org.matrix.msc1767.text": poll.question,
                "msgtype": "m.text",
                "body": poll.question,
            },
            "kind": kind,
            "max_selections": max_selections,
            "answers": answers,
        }),
    );
    content.insert("m.mentions".to_owned(), json!({}));
    if let Some(relation) = relation(&request.target, true) {
        content.insert("m.relates_to".to_owned(), relation);
    }
    Ok(Part {
        event_type: "org.matrix.msc3381.poll.start".to_owned(),
        content: Value::Object(content),
    })
}

/// A vote; an empty one takes the former one back.
pub(crate) fn poll_response_part(poll: &EventId, answers: &[String]) -> Part {
    Part {
        event_type: "org.matrix.msc3381.poll.response".to_owned(),
        content: json!({
            "org.matrix.msc3381.poll.response": { "answers": answers },
            "m.relates_to": { "rel_type": "m.reference", "event_id": poll },
        }),
    }
}

/// A poll's end, with the outcome as text for clients without polls.
pub(crate) fn poll_end_part(poll: &EventId, outcome: &str) -> Part {
    Part {
        event_type: "org.matrix.msc3381.poll.end".to_owned(),
        content: json!({
            "org.matrix.msc3381.poll.end": {},
            "org.matrix.msc1767.text": outcome,
            "body": outcome,
            "m.relates_to": { "rel_type": "m.reference", "event_id": poll },
        }),
    }
}

fn text(what: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(invalid(format!("a poll's {what} is empty")));
    }
    if text.chars().count() > MAX_TEXT {
        return Err(invalid(format!(
            "a poll's {what} has more than {MAX_TEXT} characters: {}…",
            text.chars().take(40).collect::<String>()
        )));
    }
    Ok(text.to_owned())
}

fn invalid(message: String) -> Error {
    Error::new(ErrorCode::ConfigInvalid, message)
}
