//! Custom emoji in a text: `:shortcode:` becomes an image (MSC2545).

use std::collections::HashMap;

use super::link::escape_url;
use crate::event::{escape_attribute, escape_text};

/// Pixels; clients scale it with their text.
const HEIGHT: &str = "32";

/// Whether a text names anything that could be a custom emoji.
pub(crate) fn any(markdown: &str) -> bool {
    let mut rest = markdown;
    while let Some((_, behind)) = rest.split_once(':') {
        if candidate(behind).is_some() {
            return true;
        }
        rest = behind;
    }
    false
}

/// Writes a line with its custom emoji as images; whether there was one.
pub(super) fn write(line: &str, known: &HashMap<String, String>, html: &mut String) -> bool {
    let mut found = false;
    let mut rest = line;
    while let Some((before, behind)) = rest.split_once(':') {
        escape_text(before, html);
        match candidate(behind) {
            Some((shortcode, after)) if known.contains_key(shortcode) => {
                found = true;
                image(shortcode, &known[shortcode], html);
                rest = after;
            }
            _ => {
                html.push(':');
                rest = behind;
            }
        }
    }
    escape_text(rest, html);
    found
}

/// What stands between a colon and the next one, if it can be a shortcode, and what follows.
fn candidate(behind: &str) -> Option<(&str, &str)> {
    let (shortcode, after) = behind.split_once(':')?;
    let valid = !shortcode.is_empty() && !shortcode.contains(char::is_whitespace);
    valid.then_some((shortcode, after))
}

fn image(shortcode: &str, url: &str, html: &mut String) {
    html.push_str("<img data-mx-emoticon src=\"");
    escape_url(url, html);
    for attribute in ["alt", "title"] {
        html.push_str("\" ");
        html.push_str(attribute);
        html.push_str("=\":");
        escape_attribute(shortcode, html);
        html.push(':');
    }
    html.push_str("\" height=\"");
    html.push_str(HEIGHT);
    html.push_str("\">");
}
