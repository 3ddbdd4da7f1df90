mod contents;
mod media;
mod pieces;
mod polls;
mod rendering;

use std::collections::HashMap;

use proptest::prelude::*;
use ruma::{
    html::{Html, NodeRef},
    room_id,
};
use serde_json::Value;

use super::{render::render, *};

fn text(markdown: &str) -> SendText {
    SendText {
        target: SendTarget {
            room_id: room_id!("!room:hs.test").to_owned(),
            thread_root_id: None,
            reply_to_id: None,
        },
        markdown: markdown.to_owned(),
        kind: TextKind::Text,
        key: None,
        chunk_limit: 4000,
        chunk_mode: ChunkMode::Length,
        live: false,
        tables: Tables::Block,
        extra: Default::default(),
        wait_ms: None,
    }
}

fn content(request: &SendText) -> Value {
    let parts = text_parts(request);
    assert_eq!(parts.len(), 1, "one event");
    assert_eq!(parts[0].event_type, "m.room.message");
    parts[0].content.clone()
}

fn html(markdown: &str) -> String {
    render(markdown, true, &HashMap::new())
        .html
        .unwrap_or_else(|| panic!("no HTML for {markdown:?}"))
}

/// Parses the HTML as a client would and looks at every element and attribute.
pub(crate) fn assert_inert(html: &str) {
    const ALLOWED: &[(&str, &[&str])] = &[
        ("a", &["href"]),
        ("b", &[]),
        ("blockquote", &[]),
        ("br", &[]),
        ("caption", &[]),
        ("code", &["class"]),
        ("del", &[]),
        ("details", &[]),
        ("div", &["data-mx-maths"]),
        ("em", &[]),
        ("h1", &[]),
        ("h2", &[]),
        ("h3", &[]),
        ("h4", &[]),
        ("h5", &[]),
        ("h6", &[]),
        ("hr", &[]),
        ("i", &[]),
        ("img", &["src", "alt", "title", "width", "height"]),
        ("li", &[]),
        ("ol", &["start"]),
        ("p", &[]),
        ("pre", &[]),
        ("s", &[]),
        (
            "span",
            &[
                "data-mx-color",
                "data-mx-bg-color",
                "data-mx-spoiler",
                "data-mx-maths",
            ],
        ),
        ("strong", &[]),
        ("sub", &[]),
        ("summary", &[]),
        ("sup", &[]),
        ("table", &[]),
        ("tbody", &[]),
        ("td", &[]),
        ("th", &[]),
        ("thead", &[]),
        ("tr", &[]),
        ("u", &[]),
        ("ul", &[]),
    ];
    fn walk(node: &NodeRef, html: &str) {
        if let Some(element) = node.as_element() {
            let name = &*element.name.local;
            let attributes = ALLOWED
                .iter()
                .find(|(allowed, _)| *allowed == name)
                .unwrap_or_else(|| panic!("<{name}> in {html}"))
                .1;
            for attribute in element.attrs.borrow().iter() {
                let key = &*attribute.name.local;
                assert!(attributes.contains(&key), "<{name} {key}> in {html}");
                let value = attribute.value.to_ascii_lowercase();
                let safe = match key {
                    "href" => ["http:", "https:", "mailto:", "matrix:", "ftp:", "magnet:"]
                        .iter()
                        .any(|scheme| value.starts_with(scheme)),
                    "src" => value.starts_with("mxc://"),
                    "class" => value.starts_with("language-"),
                    _ => true,
                };
                assert!(safe, "{key}={value} in {html}");
            }
        }
        for child in node.children() {
            walk(&child, html);
        }
    }
    for child in Html::parse(html).children() {
        walk(&child, html);
    }
}

fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("**".to_owned()),
        Just("_".to_owned()),
        Just("~~".to_owned()),
        Just("||".to_owned()),
        Just("`".to_owned()),
        Just("```rust\n".to_owned()),
        Just("\n```\n".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("> ".to_owned()),
        Just("- ".to_owned()),
        Just("    ".to_owned()),
        Just("1. ".to_owned()),
        Just("# ".to_owned()),
        Just("<u>".to_owned()),
        Just("</u>".to_owned()),
        Just("<script>".to_owned()),
        Just("<a href=x>".to_owned()),
        Just("[x](".to_owned()),
        Just("https://a.test".to_owned()),
        Just("javascript:".to_owned()),
        Just(")".to_owned()),
        Just("![".to_owned()),
        Just("](mxc://a/b)".to_owned()),
        Just("| a | b |\n|---|---|\n".to_owned()),
        Just("| c | d |\n".to_owned()),
        Just("@bob_x:hs.test".to_owned()),
        Just("\\".to_owned()),
        Just("👩‍👧".to_owned()),
        "[a-z ]{1,12}",
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}
