//! What of a room's past is shown to somebody who asks; fields are documented in
//! `ts/native/account.ts`.

use std::collections::HashMap;

use ruma::UserId;

use crate::{
    engine::HistoryPage,
    event::{InboundEvent, MessageKind, NewEvent, StoredEvent, parse},
    room::Unavailable,
};

/// A page of a room's messages that is asked for.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ReadMessages {
    pub room_id: String,
    pub limit: u32,
    pub before: Option<String>,
    pub after: Option<String>,
    pub thread_root_id: Option<String>,
}

/// A page of a room's messages, oldest first.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)]
pub struct ReadPage {
    pub messages: Vec<ReadMessage>,
    pub more: bool,
}

/// A message of a page.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct ReadMessage {
    pub event_id: String,
    pub sender: String,
    pub sender_name: Option<String>,
    pub origin_server_ts: u64,
    pub kind: MessageKind,
    pub text: String,
    pub thread_root_id: Option<String>,
    pub reply_to_id: Option<String>,
    pub edited: bool,
    pub encrypted: bool,
    pub filename: Option<String>,
    pub unavailable: Option<Unavailable>,
}

/// A reaction to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Reaction {
    pub event_id: String,
    pub sender: String,
    pub key: String,
    pub origin_server_ts: u64,
}

/// A poll as it stands.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct Poll {
    pub event_id: String,
    pub sender: String,
    pub question: String,
    pub answers: Vec<PollAnswer>,
    pub max_selections: u32,
    pub disclosed: bool,
    pub ended: bool,
    pub voters: u32,
    pub own: Vec<String>,
}

/// An answer of a poll, and who gave it.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub struct PollAnswer {
    pub id: String,
    pub text: String,
    pub votes: u32,
    pub voters: Vec<String>,
}

/// Reads an event that is in no row of the inbox.
pub(crate) fn read_event(event: &NewEvent, own_user: &UserId) -> Option<InboundEvent> {
    let stored = StoredEvent {
        seq: 0,
        event: event.clone(),
        received_at: 0,
        attempts: 0,
    };
    parse(&stored, own_user)
}

/// The messages of a page in their newest wording, oldest first.
pub(crate) fn messages(page: &HistoryPage, own_user: &UserId) -> Vec<ReadMessage> {
    let mut messages: Vec<ReadMessage> = Vec::new();
    // Homeservers bundle edits; where one does not, an edit stands among the messages.
    let mut edits: HashMap<String, (String, bool, String)> = HashMap::new();
    for event in &page.events {
        match read_event(event, own_user) {
            Some(InboundEvent::Message {
                base,
                kind,
                text,
                thread_root_id,
                reply_to_id,
                media,
                edited_by,
                ..
            }) => messages.push(ReadMessage {
                event_id: event.key.clone(),
                sender: base.sender,
                sender_name: None,
                origin_server_ts: base.origin_server_ts,
                kind,
                text,
                thread_root_id,
                reply_to_id,
                edited: edited_by.is_some(),
                encrypted: base.encrypted,
                filename: media.into_iter().next().map(|media| media.filename),
                unavailable: None,
            }),
            Some(InboundEvent::Edit {
                base,
                target_id,
                text,
                ..
            }) => {
                edits.insert(target_id, (base.sender, base.encrypted, text));
            }
            _ => {}
        }
    }
    for message in messages.iter_mut().filter(|message| !message.edited) {
        if let Some((sender, encrypted, text)) = edits.get(&message.event_id)
            && *sender == message.sender
            && (*encrypted || !message.encrypted)
        {
            message.text.clone_from(text);
            message.edited = true;
        }
    }
    for event in &page.undecryptable {
        messages.push(ReadMessage {
            event_id: event.event_id.clone(),
            sender: event.sender.to_string(),
            sender_name: None,
            origin_server_ts: event.origin_server_ts,
            kind: MessageKind::Unknown,
            text: String::new(),
            thread_root_id: None,
            reply_to_id: None,
            edited: false,
            encrypted: true,
            filename: None,
            unavailable: Some(Unavailable::Undecryptable),
        });
    }
    if !page.undecryptable.is_empty() {
        messages.sort_by_key(|message| message.origin_server_ts);
    }
    messages
}
