//! Links to users: `https://matrix.to/#/@user:server` and `matrix:u/user:server`
//! (Client-Server API, appendices «matrix.to navigation» and «Matrix URI scheme»).

use ruma::UserId;

/// The user a link goes to.
pub(crate) fn linked_user(href: &str) -> Option<String> {
    let href = href.trim();
    let user_id = if let Some(rest) = strip_prefix(href, "matrix:") {
        let rest = strip_prefix(rest, "u/").or_else(|| strip_prefix(rest, "user/"))?;
        format!("@{}", decode(before_query(rest))?)
    } else {
        let rest = strip_prefix(href, "https://").or_else(|| strip_prefix(href, "http://"))?;
        let rest =
            strip_prefix(rest, "matrix.to").or_else(|| strip_prefix(rest, "www.matrix.to"))?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let id = decode(before_query(rest.strip_prefix("#/")?))?;
        id.trim_end_matches('/').to_owned()
    };
    UserId::parse(&user_id).ok().map(|id| id.to_string())
}

fn before_query(text: &str) -> &str {
    text.split_once('?').map_or(text, |(before, _)| before)
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let start = text.get(..prefix.len())?;
    start
        .eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

/// Percent-decodes; `None` if the result is no UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            bytes.push(high << 4 | low);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}
