//! Formatted bodies that mean no good: nothing active comes out, nothing grows far beyond
//! what was sent, and nothing takes long.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use html5ever::{
    tendril::StrTendril,
    tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer},
};
use proptest::{prelude::*, sample::select};

use super::{hostile::survive, *};
use crate::{event::html, property::cases};

/// Bytes of text and of HTML that may become of a message, however it is made.
pub(super) const MAX_TEXT: usize = 200 * 1024;
pub(super) const MAX_HTML: usize = 6 * 64 * 1024 + 4096;

/// Tags and text of every sort, more often wrong than right.
pub(super) fn markup() -> impl Strategy<Value = String> {
    const NAMES: [&str; 34] = [
        "a",
        "b",
        "blockquote",
        "br",
        "code",
        "del",
        "details",
        "div",
        "font",
        "h1",
        "hr",
        "i",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "span",
        "summary",
        "table",
        "td",
        "tr",
        "ul",
        "mx-reply",
        "script",
        "style",
        "svg",
        "math",
        "iframe",
        "textarea",
        "plaintext",
        "template",
        "A",
        "x:y",
    ];
    const ATTRIBUTES: [&str; 22] = [
        " href=\"https://hs.test\"",
        " href='javascript:alert(1)'",
        " href=JaVaScRiPt&colon;alert(1)",
        " href=\" https://hs.test\"",
        " href=\"data:text/html,<script>\"",
        " href=\"https://matrix.to/#/@bot:hs.test\"",
        " href=\"matrix:u/bot:hs.test\"",
        " href=\"https://\u{202e}\"",
        " src=\"mxc://hs.test/media\"",
        " src=x onerror=alert(1)",
        " onclick='alert(1)'",
        " style=\"position:fixed\"",
        " alt='\"><script>'",
        " data-mx-color=\"#ff00ff\"",
        " data-mx-bg-color=#ff00ff",
        " data-mx-spoiler",
        " data-mx-spoiler='<b>'",
        " class=\"language-\\\"><x\"",
        " start=9223372036854775807",
        " start=-9223372036854775808",
        " /",
        " \u{0}=\u{0}",
    ];
    let attributes = || prop::collection::vec(select(ATTRIBUTES.to_vec()), 0..4);
    let piece = prop_oneof![
        5 => (select(NAMES.to_vec()), attributes())
            .prop_map(|(name, attributes)| format!("<{name}{}>", attributes.concat())),
        4 => select(NAMES.to_vec()).prop_map(|name| format!("</{name}>")),
        1 => select(NAMES.to_vec()).prop_map(|name| format!("<{name}")),
        3 => select(vec![
            "text", " ", "\n", "\r\n", "&amp;", "&lt;script&gt;", "&#0;", "&#xD800;", "&#1114112;",
            "&notanentity;", "&", "<", ">", "<!--", "-->", "<!DOCTYPE html>", "<![CDATA[", "]]>",
            "<?php", "\"", "'", "\u{202e}", "\u{200b}", "\u{0}", "\u{feff}", "👨‍👩‍👧", "e\u{301}",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// What stands in HTML, read by the tokenizer of browsers.
#[derive(Default)]
struct Tags(RefCell<(Vec<Tag>, Vec<String>)>);

impl TokenSink for Tags {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut found = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) => found.0.push(tag),
            Token::CharacterTokens(_)
            | Token::EOFToken
            | Token::NullCharacterToken
            | Token::ParseError(_) => {}
            other => found.1.push(format!("{other:?}")),
        }
        TokenSinkResult::Continue
    }
}

/// Allowed tags and attributes alone, balanced, and no address that does something.
pub(super) fn assert_inert(html: &str) {
    let tokenizer = Tokenizer::new(Tags::default(), Default::default());
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    // The sink never asks for a pause, so one call reads everything.
    let _ = tokenizer.feed(&queue);
    assert!(queue.is_empty());
    tokenizer.end();
    let (tags, others) = tokenizer.sink.0.into_inner();
    assert!(others.is_empty(), "{others:?} in {html:?}");
    let mut open: Vec<String> = Vec::new();
    for tag in tags {
        let name = tag.name.to_string();
        if tag.kind == TagKind::EndTag {
            assert_eq!(open.pop().as_ref(), Some(&name), "in {html:?}");
            continue;
        }
        // §11.2.1.1 of the Client-Server API.
        let attributes: &[&str] = match name.as_str() {
            "a" => &["href"],
            "img" => &["src", "alt", "title", "width", "height"],
            "ol" => &["start"],
            "code" => &["class"],
            "span" => &[
                "data-mx-color",
                "data-mx-bg-color",
                "data-mx-spoiler",
                "data-mx-maths",
            ],
            "div" => &["data-mx-maths"],
            "b" | "blockquote" | "br" | "caption" | "del" | "details" | "em" | "h1" | "h2"
            | "h3" | "h4" | "h5" | "h6" | "hr" | "i" | "li" | "p" | "pre" | "s" | "strong"
            | "sub" | "summary" | "sup" | "table" | "tbody" | "td" | "th" | "thead" | "tr"
            | "u" | "ul" => &[],
            other => panic!("<{other}> in {html:?}"),
        };
        for attribute in &tag.attrs {
            let (key, value) = (&*attribute.name.local, &*attribute.value);
            assert!(attributes.contains(&key), "{key} of <{name}> in {html:?}");
            let schemes: &[&str] = match key {
                "href" => &["https:", "http:", "ftp:", "mailto:", "magnet:", "matrix:"],
                "src" => &["mxc://"],
                _ => continue,
            };
            let value = value.to_ascii_lowercase();
            assert!(
                schemes.iter().any(|scheme| value.starts_with(scheme)),
                "{value} in {html:?}"
            );
        }
        if !matches!(name.as_str(), "br" | "hr" | "img") {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stays open in {html:?}");
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn ses_11_hostile_html_comes_out_inert(html in markup()) {
        let read = html::read(&html);
        assert_inert(&read.html);
        // What came out is as harmless as it can get.
        assert_inert(&html::read(&read.html).html);
        prop_assert!(read.html.len() <= 6 * html.len() + 4096);
        prop_assert!(read.text.len() <= MAX_TEXT);
        survive(&event(json!({
            "msgtype": "m.text", "body": html, "format": "org.matrix.custom.html",
            "formatted_body": html,
        })).to_string());
    }
}

/// As long as an event may be, and made to cost as much as possible.
#[test]
fn ses_11_the_costliest_html_stays_small_and_quick() {
    const SIZE: usize = 64 * 1024;
    let deep = "<ol start=9223372036854775800><li>".repeat(12);
    let candidates = [
        "<blockquote>".repeat(SIZE / 12),
        "<i>".repeat(SIZE / 3),
        "<ol><li>".repeat(SIZE / 8),
        format!("{deep}<pre>{}", "\n".repeat(SIZE - deep.len() - 5)),
        format!("{deep}{}", "<br>a".repeat((SIZE - deep.len()) / 5)),
        format!("{deep}{}", "<hr>".repeat((SIZE - deep.len()) / 4)),
        "<a href=matrix:u/a:b>x".repeat(SIZE / 22),
        format!("<a href=\"https://{}\">x</a>", "a".repeat(2000)).repeat(32),
        format!("<table><tr>{}", "<td>".repeat(SIZE / 4)),
        "<span data-mx-spoiler=x>".repeat(SIZE / 24),
        "&".repeat(SIZE),
        "&#0;".repeat(SIZE / 4),
        "<".repeat(SIZE),
        "<!--".repeat(SIZE / 4),
        "</p>".repeat(SIZE / 4),
        "<p><div>".repeat(SIZE / 8),
        format!("<p {}>", "a=b ".repeat(SIZE / 4)),
        format!(
            "<p {}>",
            (0..SIZE / 8).map(|n| format!("a{n} ")).collect::<String>()
        ),
        "<mx-reply>".repeat(SIZE / 10),
        "<script>".repeat(SIZE / 8),
        "<details><summary>".repeat(SIZE / 18),
    ];
    for html in candidates {
        let (began, start) = (Instant::now(), html[..html.len().min(60)].to_owned());
        let read = html::read(&html);
        // A build without optimisation on a busy machine: quadratic time takes minutes.
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "{start}: {:?}",
            began.elapsed()
        );
        assert!(
            read.text.len() <= MAX_TEXT,
            "{start}: {} bytes of text",
            read.text.len()
        );
        assert!(
            read.html.len() <= MAX_HTML,
            "{start}: {} bytes of HTML",
            read.html.len()
        );
        assert_inert(&read.html);
    }
}
