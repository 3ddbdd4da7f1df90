//! Spoilers: `||hidden||`, as other chats write them (`data-mx-spoiler`, Client-Server
//! API §11.2.1.1).

use std::ops::Range;

use pulldown_cmark::{CowStr, Event};

/// An event of the Markdown parser, or an edge of a spoiler.
pub(super) enum Piece<'a> {
    Event(Event<'a>),
    Open,
    Close,
}

/// A pair of bars that may begin or end a spoiler.
struct Bars {
    /// Index in the pieces.
    at: usize,
    /// The element it stands in.
    parent: usize,
    opens: bool,
    closes: bool,
}

/// Finds the spoilers: two bars with text right behind them, later in the same element two with
/// text right before them.
pub(super) fn mark<'a>(
    source: &str,
    events: impl Iterator<Item = (Event<'a>, Range<usize>)>,
) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut bars: Vec<Bars> = Vec::new();
    let mut parents = vec![0];
    let mut elements = 0;
    for (event, range) in events {
        match event {
            Event::Text(text) if text.contains("||") && source[range.clone()] == *text => {
                let parent = parents.last().copied().unwrap_or_default();
                split(source, &text, range.start, parent, &mut pieces, &mut bars);
                continue;
            }
            Event::Start(_) => {
                elements += 1;
                parents.push(elements);
            }
            Event::End(_) => {
                parents.pop();
            }
            _ => {}
        }
        pieces.push(Piece::Event(event));
    }
    let mut open: Vec<&Bars> = Vec::new();
    for bar in &bars {
        match open.iter().position(|opened| opened.parent == bar.parent) {
            Some(index) if bar.closes => {
                let opened = open.swap_remove(index);
                pieces[opened.at] = Piece::Open;
                pieces[bar.at] = Piece::Close;
            }
            None if bar.opens => open.push(bar),
            _ => {}
        }
    }
    pieces
}

/// Cuts a text at its bars.
fn split<'a>(
    source: &str,
    text: &CowStr<'a>,
    start: usize,
    parent: usize,
    pieces: &mut Vec<Piece<'a>>,
    bars: &mut Vec<Bars>,
) {
    let mut from = 0;
    for (at, _) in text.match_indices("||") {
        let before = source[..start + at].chars().next_back();
        let after = source[start + at + 2..].chars().next();
        // Longer rows of bars are drawings, and a backslash makes them text.
        if at < from || matches!(before, Some('|' | '\\')) || after == Some('|') {
            continue;
        }
        if at > from {
            pieces.push(text_piece(&text[from..at]));
        }
        bars.push(Bars {
            at: pieces.len(),
            parent,
            opens: after.is_some_and(|c| !c.is_whitespace()),
            closes: before.is_some_and(|c| !c.is_whitespace()),
        });
        pieces.push(text_piece("||"));
        from = at + 2;
    }
    if from < text.len() {
        pieces.push(text_piece(&text[from..]));
    }
}

fn text_piece<'a>(text: &str) -> Piece<'a> {
    Piece::Event(Event::Text(CowStr::from(text.to_owned())))
}
