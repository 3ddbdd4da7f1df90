//! Polls (MSC3381): both spellings are read; what is sent is the unstable one, which is the one
//! that clients show.

use serde_json::Value;

use super::{
    MessageKind,
    message::{self, Content},
    parse::{Object, event_id, object, string},
    text::{clip, visible},
};

/// Bytes of a question or an answer that are read.
const MAX_TEXT: usize = 4096;
/// Answers of one poll (MSC3381).
const MAX_ANSWERS: usize = 20;

/// A poll as it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PollStart {
    /// What is asked.
    pub question: String,
    /// Ids, by which votes name them, and texts.
    pub answers: Vec<(String, String)>,
    /// How many of the answers one person may choose.
    pub max_selections: usize,
    /// The votes may be seen before the poll ends.
    pub disclosed: bool,
}

/// Whether an event type is a poll's beginning.
pub(crate) fn is_poll_start(event_type: &str) -> bool {
    matches!(
        event_type,
        "org.matrix.msc3381.poll.start" | "org.matrix.msc3381.v2.poll.start" | "m.poll.start"
    )
}

/// Whether an event type is a vote.
pub(crate) fn is_poll_response(event_type: &str) -> bool {
    matches!(
        event_type,
        "org.matrix.msc3381.poll.response" | "m.poll.response"
    )
}

/// Whether an event type ends a poll.
pub(crate) fn is_poll_end(event_type: &str) -> bool {
    matches!(event_type, "org.matrix.msc3381.poll.end" | "m.poll.end")
}

impl PollStart {
    /// Reads the content of a poll's beginning; `None` if nothing is asked, or nothing can be
    /// answered.
    pub fn read(content: &Object) -> Option<Self> {
        let poll = [
            "org.matrix.msc3381.poll.start",
            "m.poll.start",
            "m.poll",
            "org.matrix.msc3381.v2.poll",
        ]
        .iter()
        .find_map(|key| object(content, key))?;
        let question = poll.get("question").and_then(extensible)?;
        let answers: Vec<_> = poll
            .get("answers")?
            .as_array()?
            .iter()
            .filter_map(|answer| {
                let id = string(answer.as_object()?, "id")
                    .or_else(|| string(answer.as_object()?, "m.id"))?;
                Some((clip(id, 255).to_owned(), extensible(answer)?))
            })
            .take(MAX_ANSWERS)
            .collect();
        if answers.is_empty() {
            return None;
        }
        let max_selections = poll
            .get("max_selections")
            .and_then(Value::as_u64)
            .and_then(|max| usize::try_from(max).ok())
            .unwrap_or(1)
            .max(1);
        Some(Self {
            question,
            answers,
            max_selections,
            disclosed: string(poll, "kind").is_none_or(|kind| !kind.ends_with("undisclosed")),
        })
    }

    /// The question and its numbered answers, for people and agents.
    pub fn text(&self) -> String {
        let mut text = self.question.clone();
        for (index, (_, answer)) in self.answers.iter().enumerate() {
            text.push_str(&format!("\n{}. {answer}", index + 1));
        }
        text
    }

    /// The poll as a message.
    pub(super) fn message(&self, content: &Object) -> Content {
        let text = self.text();
        Content {
            kind: MessageKind::Poll,
            body: text.clone(),
            formatted_body: None,
            text,
            mentions: message::mentions(content),
            pills: Vec::new(),
            media: Vec::new(),
            geo_uri: None,
            live: false,
        }
    }
}

/// The answers a vote names, and the poll it is for.
pub(crate) fn poll_response(content: &Object) -> Option<(String, Vec<String>)> {
    let relation = object(content, "m.relates_to")?;
    let poll = event_id(relation, "event_id")?;
    let answers = ["org.matrix.msc3381.poll.response", "m.poll.response"]
        .iter()
        .find_map(|key| object(content, key))
        .and_then(|response| response.get("answers"))
        .or_else(|| content.get("m.selections"))?
        .as_array()?;
    let answers = answers
        .iter()
        .filter_map(|answer| answer.as_str().map(str::to_owned))
        .take(MAX_ANSWERS)
        .collect();
    Some((poll, answers))
}

/// The text of an extensible event (MSC1767), in any of the spellings that polls were sent with.
fn extensible(of: &Value) -> Option<String> {
    let plain = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(variants) => variants
            .iter()
            .find_map(|variant| variant.get("body").and_then(Value::as_str))
            .map(str::to_owned),
        _ => None,
    };
    let text = ["org.matrix.msc1767.text", "m.text", "body"]
        .iter()
        .find_map(|key| of.get(*key).and_then(plain))
        .or_else(|| of.as_str().map(str::to_owned))?;
    let text = visible(clip(&text, MAX_TEXT)).trim().to_owned();
    (!text.is_empty()).then_some(text)
}
