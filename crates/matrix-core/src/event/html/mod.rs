//! `formatted_body` in one pass over its tokens: HTML of the specification's
//! allowed tags alone, the text a person reads, and the links to users with their
//! visible labels (Client-Server API §11.2.1.1; MSC2545 for emoticons).
//!
//! No tree is built: a sender can make one whose size or depth grows far beyond
//! the message, and a stack of open elements with a bounded depth is enough.

mod attribute;
mod element;
mod reader;
mod shown;

use std::cell::RefCell;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, states::RawKind,
    },
};

pub(crate) use attribute::{escape_attribute, escape_text};
use reader::Reader;

use super::Pill;

/// What a formatted body says.
#[derive(Debug, Default)]
pub(super) struct Formatted {
    /// Safe HTML, balanced, with allowed tags and attributes only.
    pub html: String,
    /// As a person reads it.
    pub text: String,
    /// Links to users; a label nobody can see is empty.
    pub pills: Vec<Pill>,
}

/// Reads a formatted body; never fails, whatever it is given.
pub(super) fn read(html: &str) -> Formatted {
    let sink = Sink(RefCell::new(Reader::default()));
    let tokenizer = Tokenizer::new(sink, Default::default());
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    // The sink never asks for a pause, so one call reads everything.
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.0.into_inner().finish()
}

struct Sink(RefCell<Reader>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut reader = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => reader.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                reader.start(&tag);
                // Browsers do not look for tags in these.
                match &*tag.name {
                    "script" | "style" | "iframe" | "noembed" | "noframes" | "xmp" => {
                        return TokenSinkResult::RawData(RawKind::Rawtext);
                    }
                    "textarea" | "title" => return TokenSinkResult::RawData(RawKind::Rcdata),
                    _ => {}
                }
            }
            Token::TagToken(tag) => reader.end(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}
