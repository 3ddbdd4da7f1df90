//! User ids in text we send.

use std::ops::Range;

use ruma::{OwnedUserId, UserId};

/// The full user ids in a text (`@localpart:server`), where they stand as words of
/// their own: not inside addresses, paths or other words.
pub(crate) fn user_ids(text: &str) -> Vec<(Range<usize>, OwnedUserId)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('@').map(|at| from + at) {
        from = at + 1;
        if text[..at].chars().next_back().is_some_and(joins) {
            continue;
        }
        if let Some(end) = user_id_end(text, at)
            && let Ok(user_id) = UserId::parse(&text[at..end])
        {
            found.push((at..end, user_id));
            from = end;
        }
    }
    found
}

/// Characters before an `@` that make it part of something else.
fn joins(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '@' | '/' | '.' | '=' | '#' | '+' | '%' | '&' | '\\')
}

/// Where the id that starts at `at` ends, by the grammar of user ids and server names
/// (Client-Server API, appendices), without punctuation that ends a sentence.
fn user_id_end(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at + 1..];
    let localpart = run(rest, |c| {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '=' | '-' | '/' | '+')
    });
    let server = rest[localpart..].strip_prefix(':')?;
    if localpart == 0 {
        return None;
    }
    let host = if server.starts_with('[') {
        server.find(']')? + 1
    } else {
        let host = &server[..run(server, |c| {
            c.is_ascii_alphanumeric() || matches!(c, '.' | '-')
        })];
        host.trim_end_matches(['.', '-']).len()
    };
    if host == 0 {
        return None;
    }
    let port = server[host..].strip_prefix(':').map_or(0, |port| {
        match run(port, |c| c.is_ascii_digit()) {
            digits @ 1..=5 => digits + 1,
            _ => 0,
        }
    });
    let end = at + 1 + localpart + 1 + host + port;
    // Letters of another script right behind it: no server name we know.
    let follows = text[end..].chars().next();
    (!follows.is_some_and(|c| c.is_alphanumeric() || c == '_')).then_some(end)
}

/// How many bytes at the start are ASCII characters of that kind.
fn run(text: &str, is: impl Fn(char) -> bool) -> usize {
    text.find(|c| !is(c)).unwrap_or(text.len())
}
