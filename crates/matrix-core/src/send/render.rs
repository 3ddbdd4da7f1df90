//! Markdown to HTML of the specification's allowed tags (Client-Server API
//! §11.2.1.1), with links to the users it names.
//!
//! CommonMark with tables, strikethrough, task lists, spoilers (`||…||`) and
//! `<u>`; all other HTML is shown as it is written. A line break in the source is
//! one in the message, as in every chat.

use std::{borrow::Cow, collections::HashMap};

use pulldown_cmark::{CodeBlockKind, Event, LinkType, Options, Parser, Tag, TagEnd};
use ruma::OwnedUserId;

use super::{
    emoticon,
    link::{escape_url, is_safe_link},
    mention::user_ids,
    spoiler,
};
use crate::event::{escape_attribute, escape_text, linked_user};

/// The specification asks clients to show at most a nesting of 100.
const MAX_DEPTH: usize = 90;

/// Markdown, rendered.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// `None` if it says nothing that the source, read as plain text, does not.
    pub html: Option<String>,
    /// The users it names outside of code, in order, each once.
    pub mentions: Vec<OwnedUserId>,
}

/// The Markdown we speak.
pub(super) fn options(tables: bool) -> Options {
    let mut options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    options.set(Options::ENABLE_TABLES, tables);
    options
}

/// Renders a message. Without `tables` they stay as they are written; `emoticons` are the custom
/// emoji it may name.
pub(crate) fn render(
    markdown: &str,
    tables: bool,
    emoticons: &HashMap<String, String>,
) -> Rendered {
    let source = protect_user_ids(markdown, tables);
    let events = Parser::new_ext(&source, options(tables)).into_offset_iter();
    let mut writer = Writer {
        emoticons: Some(emoticons),
        ..Writer::default()
    };
    for piece in spoiler::mark(&source, events) {
        match piece {
            spoiler::Piece::Event(event) => writer.event(event),
            spoiler::Piece::Open => {
                writer.flush();
                writer.plain = false;
                writer.open("<span data-mx-spoiler>", "</span>");
            }
            spoiler::Piece::Close => writer.close(),
        }
    }
    writer.finish(markdown)
}

/// Escapes what Markdown would take for emphasis inside user ids (`@_bridge_bob:server`).
fn protect_user_ids(markdown: &str, tables: bool) -> Cow<'_, str> {
    let ids: Vec<_> = user_ids(markdown)
        .into_iter()
        .filter(|(range, _)| markdown[range.clone()].contains('_'))
        .collect();
    if ids.is_empty() {
        return Cow::Borrowed(markdown);
    }
    // In code and links a backslash would be seen.
    let literal: Vec<_> = Parser::new_ext(markdown, options(tables))
        .into_offset_iter()
        .filter(|(event, _)| {
            matches!(
                event,
                Event::Code(_)
                    | Event::Html(_)
                    | Event::InlineHtml(_)
                    | Event::Start(Tag::CodeBlock(_) | Tag::Link { .. } | Tag::Image { .. })
            )
        })
        .map(|(_, range)| range)
        .collect();
    let mut out = String::with_capacity(markdown.len() + 16);
    let mut copied = 0;
    for (range, _) in ids {
        if literal
            .iter()
            .any(|literal| literal.start < range.end && range.start < literal.end)
        {
            continue;
        }
        out.push_str(&markdown[copied..range.start]);
        out.push_str(&markdown[range.clone()].replace('_', "\\_"));
        copied = range.end;
    }
    out.push_str(&markdown[copied..]);
    Cow::Owned(out)
}

#[derive(Default)]
struct Writer<'a> {
    emoticons: Option<&'a HashMap<String, String>>,
    html: String,
    /// Closing tags of what is open; empty for what needs none.
    stack: Vec<Cow<'static, str>>,
    mentions: Vec<OwnedUserId>,
    /// Text not written yet: the parser cuts it anywhere.
    text: String,
    /// All text there is, to compare with the source.
    words: String,
    /// Whether anything but paragraphs of text was seen.
    formatted: bool,
    plain: bool,
    links: usize,
    code_block: bool,
    table_head: bool,
    /// Inside an image: its words become the `alt` attribute. How deep it stands, for images in
    /// its words end before it does.
    alt: Option<usize>,
    paragraphs: usize,
}

impl Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Text(text) => self.text.push_str(&text),
            Event::Html(html) => self.text.push_str(&html),
            Event::InlineHtml(html) => self.inline_html(&html),
            Event::SoftBreak | Event::HardBreak => {
                self.flush();
                self.words.push('\n');
                self.tag(if self.alt.is_some() { " " } else { "<br>" });
            }
            Event::Code(code) => {
                self.flush();
                self.formatted = true;
                if self.alt.is_some() {
                    escape_attribute(&code, &mut self.html);
                } else {
                    self.html.push_str("<code>");
                    escape_text(&code, &mut self.html);
                    self.html.push_str("</code>");
                }
            }
            Event::Rule => {
                self.formatted = true;
                self.tag("<hr>");
            }
            Event::TaskListMarker(done) => {
                self.formatted = true;
                self.tag(if done { "☑ " } else { "☐ " });
            }
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            // Not among the options.
            Event::FootnoteReference(_) | Event::InlineMath(_) | Event::DisplayMath(_) => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        self.flush();
        if !matches!(tag, Tag::Paragraph | Tag::HtmlBlock) {
            self.formatted = true;
        }
        match tag {
            Tag::Paragraph | Tag::HtmlBlock => {
                self.paragraphs += 1;
                self.words.push('\n');
                self.open("<p>", "</p>");
            }
            Tag::Heading { level, .. } => {
                let level = level as usize;
                self.open(format!("<h{level}>"), format!("</h{level}>"));
            }
            Tag::BlockQuote(_) => self.open("<blockquote>", "</blockquote>"),
            Tag::CodeBlock(kind) => {
                let language = match &kind {
                    CodeBlockKind::Fenced(info) => language(info),
                    CodeBlockKind::Indented => "",
                };
                let class = if language.is_empty() {
                    String::new()
                } else {
                    let mut class = String::from(" class=\"language-");
                    escape_attribute(language, &mut class);
                    class + "\""
                };
                self.code_block = true;
                self.open(format!("<pre><code{class}>"), "</code></pre>");
            }
            Tag::List(Some(1)) => self.open("<ol>", "</ol>"),
            Tag::List(Some(start)) => self.open(format!("<ol start=\"{start}\">"), "</ol>"),
            Tag::List(None) => self.open("<ul>", "</ul>"),
            Tag::Item => self.open("<li>", "</li>"),
            Tag::Table(_) => self.open("<table>", "</tbody></table>"),
            Tag::TableHead => {
                self.table_head = true;
                self.open("<thead><tr>", "</tr></thead><tbody>");
            }
            Tag::TableRow => self.open("<tr>", "</tr>"),
            Tag::TableCell if self.table_head => self.open("<th>", "</th>"),
            Tag::TableCell => self.open("<td>", "</td>"),
            Tag::Emphasis => self.open("<em>", "</em>"),
            Tag::Strong => self.open("<strong>", "</strong>"),
            Tag::Strikethrough => self.open("<del>", "</del>"),
            Tag::Link {
                link_type,
                dest_url,
                ..
            } => self.link(&dest_url, link_type),
            Tag::Image { dest_url, .. } => self.image(&dest_url),
            // Not among the options.
            _ => self.open("", ""),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        self.flush();
        match tag {
            TagEnd::TableHead => self.table_head = false,
            TagEnd::CodeBlock => self.code_block = false,
            TagEnd::Link => self.links = self.links.saturating_sub(1),
            TagEnd::Image => {
                self.links = self.links.saturating_sub(1);
                if self.alt == Some(self.stack.len()) {
                    self.alt = None;
                }
            }
            _ => {}
        }
        self.close();
    }

    /// `<u>` is the one tag with no Markdown of its own; all others are text.
    fn inline_html(&mut self, html: &str) {
        let tag = html.to_ascii_lowercase();
        if tag == "<u>" && self.alt.is_none() {
            self.flush();
            self.formatted = true;
            self.open("<u>", UNDERLINED);
        } else if tag == "</u>" && self.stack.last().is_some_and(|top| top == UNDERLINED) {
            self.flush();
            self.pop();
        } else {
            self.text.push_str(html);
        }
    }

    fn link(&mut self, url: &str, link_type: LinkType) {
        self.links += 1;
        let url = match link_type {
            LinkType::Email => Cow::Owned(format!("mailto:{url}")),
            _ => Cow::Borrowed(url),
        };
        let safe = is_safe_link(&url);
        if self.alt.is_some() || self.links > 1 || !safe {
            // Where a path or an anchor leads is worth reading; other schemes are not.
            let path = !safe && self.alt.is_none() && !url.is_empty() && !url.contains(':');
            let mut close = String::new();
            if path {
                close.push_str(" (");
                escape_text(&url, &mut close);
                close.push(')');
            }
            return self.open("", close);
        }
        if let Some(user_id) = linked_user(&url)
            && let Ok(user_id) = OwnedUserId::try_from(user_id)
        {
            self.mention(user_id);
        }
        let mut tag = String::from("<a href=\"");
        escape_url(&url, &mut tag);
        tag.push_str("\">");
        self.open(tag, "</a>");
    }

    /// Images elsewhere on the web are shown by no client: a link to them is.
    fn image(&mut self, url: &str) {
        if url.starts_with("mxc://") && self.alt.is_none() {
            self.links += 1;
            let mut tag = String::from("<img src=\"");
            escape_url(url, &mut tag);
            tag.push_str("\" alt=\"");
            self.open(tag, "\">");
            self.alt = Some(self.stack.len());
        } else {
            self.link(url, LinkType::Inline);
        }
    }

    fn mention(&mut self, user_id: OwnedUserId) {
        if !self.mentions.contains(&user_id) {
            self.mentions.push(user_id);
        }
    }

    /// Writes the text gathered so far.
    fn flush(&mut self) {
        let text = std::mem::take(&mut self.text);
        if text.is_empty() {
            return;
        }
        self.words.push_str(&text);
        if self.alt.is_some() {
            return escape_attribute(&text, &mut self.html);
        }
        if self.code_block {
            return escape_text(&text, &mut self.html);
        }
        let mut written = 0;
        if self.links == 0 {
            for (range, user_id) in user_ids(&text) {
                self.escape_lines(&text[written..range.start]);
                self.html.push_str("<a href=\"");
                escape_url(&user_id.matrix_to_uri().to_string(), &mut self.html);
                self.html.push_str("\">");
                escape_text(user_id.as_str(), &mut self.html);
                self.html.push_str("</a>");
                written = range.end;
                self.formatted = true;
                self.mention(user_id);
            }
        }
        self.escape_lines(&text[written..]);
    }

    /// Only raw HTML has line breaks inside its text.
    fn escape_lines(&mut self, text: &str) {
        for (i, line) in text.split('\n').enumerate() {
            if i > 0 {
                self.html.push_str("<br>");
            }
            let known = self.emoticons.filter(|known| !known.is_empty());
            let Some(known) = known else {
                escape_text(line, &mut self.html);
                continue;
            };
            self.formatted |= emoticon::write(line, known, &mut self.html);
        }
    }

    fn tag(&mut self, tag: &str) {
        self.flush();
        self.html.push_str(tag);
    }

    fn open(&mut self, tag: impl AsRef<str>, close: impl Into<Cow<'static, str>>) {
        if self.stack.len() < MAX_DEPTH && self.alt.is_none() {
            self.html.push_str(tag.as_ref());
            self.stack.push(close.into());
        } else {
            self.stack.push(Cow::Borrowed(""));
        }
    }

    /// Closes the newest element, and before it what was left underlined inside.
    fn close(&mut self) {
        self.flush();
        while self.stack.last().is_some_and(|top| top == UNDERLINED) {
            self.pop();
        }
        self.pop();
    }

    fn pop(&mut self) {
        if let Some(close) = self.stack.pop() {
            self.html.push_str(&close);
        }
    }

    fn finish(mut self, markdown: &str) -> Rendered {
        self.flush();
        while !self.stack.is_empty() {
            self.pop();
        }
        let says_more = self.formatted
            || !self
                .words
                .split_whitespace()
                .eq(markdown.split_whitespace());
        let html = says_more.then(|| match self.html.strip_prefix("<p>") {
            // The specification advises against a paragraph around a single line.
            Some(html) if self.paragraphs == 1 && html.ends_with("</p>") => {
                html[..html.len() - "</p>".len()].to_owned()
            }
            _ => self.html,
        });
        Rendered {
            html,
            mentions: self.mentions,
        }
    }
}

/// Told from other elements by its closing tag.
const UNDERLINED: &str = "</u>";

/// The language of a fence: the first word of its info string.
fn language(info: &str) -> &str {
    let word = info.split([' ', '\t', ',', '{']).next().unwrap_or_default();
    let valid = word.len() <= 32
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '_' | '#' | '.'));
    if valid { word } else { "" }
}
