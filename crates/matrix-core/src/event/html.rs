//! `formatted_body` in one pass over its tokens: HTML of the specification's
//! allowed tags alone, the text a person reads, and the links to users with their
//! visible labels (Client-Server API §11.2.1.1; MSC2545 for emoticons).
//!
//! No tree is built: a sender can make one whose size or depth grows far beyond
//! the message, and a stack of open elements with a bounded depth is enough.

use std::cell::RefCell;

use html5ever::{
    tendril::StrTendril,
    tokenizer::{
        BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, states::RawKind,
    },
};

use super::{
    Pill,
    text::{Layout, is_blank, visible},
    user_link::linked_user,
};

/// The specification asks to show at most this nesting.
const MAX_DEPTH: usize = 100;
/// More links to users than any message for people has.
const MAX_PILLS: usize = 100;
/// Bytes of a link that are shown in text, and of a label that is kept.
const MAX_LABEL: usize = 2048;

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

/// Elements that vanish with everything in them: the reply fallback, and what no
/// client shows as text.
fn is_dropped(name: &str) -> bool {
    matches!(
        name,
        "mx-reply"
            | "script"
            | "style"
            | "textarea"
            | "title"
            | "iframe"
            | "noembed"
            | "noframes"
            | "noscript"
            | "option"
            | "template"
            | "xmp"
    )
}

/// The allowed element of that name; deprecated names become their successors.
fn allowed(name: &str) -> Option<&'static str> {
    const ALLOWED: &[&str] = &[
        "a",
        "b",
        "blockquote",
        "br",
        "caption",
        "code",
        "del",
        "details",
        "div",
        "em",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "hr",
        "i",
        "img",
        "li",
        "ol",
        "p",
        "pre",
        "s",
        "span",
        "strong",
        "sub",
        "summary",
        "sup",
        "table",
        "tbody",
        "td",
        "th",
        "thead",
        "tr",
        "u",
        "ul",
    ];
    match name {
        "font" => Some("span"),
        "strike" => Some("s"),
        _ => ALLOWED.iter().copied().find(|allowed| *allowed == name),
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "blockquote"
            | "details"
            | "div"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "hr"
            | "ol"
            | "p"
            | "pre"
            | "table"
            | "ul"
    )
}

/// An open element.
struct Open {
    name: &'static str,
    /// Nobody sees its content.
    hidden: bool,
    /// A spoiler: its content is seen only after a click.
    spoiler: bool,
    /// It opened a line prefix.
    prefix: bool,
    /// Written after its text.
    mark: &'static str,
    /// Number of the next item, for `<ol>`.
    next_item: Option<i64>,
    /// Cells so far, for `<tr>`.
    cells: usize,
    /// For `<a>`.
    link: Option<Link>,
}

/// An open `<a>`.
struct Link {
    href: String,
    user: Option<String>,
    label: String,
}

#[derive(Default)]
struct Reader {
    html: String,
    layout: Layout,
    pills: Vec<Pill>,
    stack: Vec<Open>,
    /// The element being dropped, and how often it is nested.
    dropping: Option<(String, usize)>,
    hidden: usize,
    /// A fence has been written, its first line has not.
    fence: bool,
    pre: usize,
}

impl Reader {
    fn finish(mut self) -> Formatted {
        self.pop_to(0);
        Formatted {
            html: self.html,
            text: self.layout.finish(),
            pills: self.pills,
        }
    }

    fn text(&mut self, text: &str) {
        if self.dropping.is_some() {
            return;
        }
        escape_text(text, &mut self.html);
        self.show(text);
    }

    /// Text that is seen, unless it stands in something hidden.
    fn show(&mut self, text: &str) {
        if self.hidden > 0 {
            return;
        }
        if self.pre > 0 {
            let text = self.begin_fenced(text);
            self.layout.verbatim(text);
        } else {
            self.layout.flow(text);
        }
        if !self.is_covered()
            && let Some(link) = self.stack.iter_mut().rev().find_map(|o| o.link.as_mut())
            && link.label.len() < MAX_LABEL
        {
            link.label.push_str(super::text::clip(text, MAX_LABEL));
        }
    }

    /// Ends the line of an opening fence; HTML drops a line break right after `<pre>`.
    fn begin_fenced<'a>(&mut self, text: &'a str) -> &'a str {
        if !std::mem::take(&mut self.fence) {
            return text;
        }
        self.layout.verbatim("\n");
        text.strip_prefix('\n').unwrap_or(text)
    }

    fn start(&mut self, tag: &Tag) {
        let name = &*tag.name;
        if let Some((dropped, depth)) = &mut self.dropping {
            if dropped == name && !tag.self_closing {
                *depth += 1;
            }
            return;
        }
        if is_dropped(name) {
            self.dropping = Some((name.to_owned(), 1));
            return;
        }
        let Some(name) = allowed(name) else { return };
        self.close_implied(name);
        match name {
            "br" => {
                self.html.push_str("<br>");
                if self.hidden == 0 {
                    if self.pre > 0 {
                        self.begin_fenced("");
                        self.layout.verbatim("\n");
                    } else {
                        self.layout.line_break();
                    }
                }
            }
            "hr" => {
                self.html.push_str("<hr>");
                if self.hidden == 0 {
                    self.layout.break_lines(2);
                    self.layout.write("---");
                    self.layout.break_lines(2);
                }
            }
            "img" => self.image(tag),
            _ if self.stack.len() < MAX_DEPTH => self.open(name, tag),
            _ => {}
        }
    }

    /// Closes what HTML lets people leave open.
    fn close_implied(&mut self, name: &str) {
        let closes: &[&str] = match name {
            "li" => &["li"],
            "td" | "th" => &["td", "th"],
            "tr" => &["tr"],
            "tbody" | "thead" => &["tbody", "thead", "tr"],
            "a" => &["a"],
            name if is_block(name) => &["p"],
            _ => return,
        };
        let walls: &[&str] = match name {
            "li" => &["ul", "ol"],
            "td" | "th" => &["tr", "table"],
            "tr" | "tbody" | "thead" => &["table"],
            _ => &["blockquote", "li", "td", "th", "details"],
        };
        for index in (0..self.stack.len()).rev() {
            let open = self.stack[index].name;
            if closes.contains(&open) {
                return self.pop_to(index);
            }
            if walls.contains(&open) {
                return;
            }
        }
    }

    fn open(&mut self, name: &'static str, tag: &Tag) {
        let attributes = Attributes(tag);
        self.html.push('<');
        self.html.push_str(name);
        let mut open = Open {
            name,
            hidden: false,
            spoiler: false,
            prefix: false,
            mark: "",
            next_item: None,
            cells: 0,
            link: None,
        };
        match name {
            "span" => self.open_span(&attributes, &mut open),
            "div" => self.copy_attribute(&attributes, "data-mx-maths"),
            "a" => self.open_link(&attributes, &mut open),
            "ol" => {
                let start = attributes.get("start").and_then(|s| s.parse().ok());
                if let Some(start) = start {
                    self.attribute("start", &format!("{start}"));
                }
                open.next_item = Some(start.unwrap_or(1));
            }
            "code" => self.open_code(&attributes, &mut open),
            _ => {}
        }
        self.html.push('>');
        if self.hidden == 0 && !open.hidden {
            self.lay_out_start(&mut open);
        }
        self.hidden += usize::from(open.hidden);
        self.pre += usize::from(name == "pre");
        self.stack.push(open);
    }

    fn open_span(&mut self, attributes: &Attributes<'_>, open: &mut Open) {
        let color = attributes
            .get("data-mx-color")
            .or_else(|| attributes.get("color"))
            .filter(|c| is_color(c));
        let background = attributes.get("data-mx-bg-color").filter(|c| is_color(c));
        // Text in the colour of its background.
        open.hidden = color.is_some()
            && color.map(str::to_ascii_lowercase) == background.map(str::to_ascii_lowercase);
        if let Some(color) = color {
            self.attribute("data-mx-color", color);
        }
        if let Some(background) = background {
            self.attribute("data-mx-bg-color", background);
        }
        if let Some(reason) = attributes.get("data-mx-spoiler") {
            self.attribute("data-mx-spoiler", reason);
            if self.hidden == 0 && !open.hidden {
                if !is_blank(reason) {
                    self.layout.flow(reason);
                    self.layout.append(": ");
                }
                self.layout.write("||");
            }
            open.mark = "||";
            open.spoiler = true;
        }
        self.copy_attribute(attributes, "data-mx-maths");
    }

    fn open_link(&mut self, attributes: &Attributes<'_>, open: &mut Open) {
        let Some(href) = attributes.get("href").filter(|href| is_safe_link(href)) else {
            return;
        };
        self.attribute("href", href);
        open.link = Some(Link {
            user: linked_user(href),
            href: super::text::clip(href, MAX_LABEL).to_owned(),
            label: String::new(),
        });
    }

    fn open_code(&mut self, attributes: &Attributes<'_>, open: &mut Open) {
        let language = attributes
            .get("class")
            .and_then(|classes| {
                classes
                    .split_ascii_whitespace()
                    .find_map(|class| class.strip_prefix("language-"))
            })
            .filter(|language| !language.is_empty());
        if let Some(language) = language {
            self.attribute("class", &format!("language-{language}"));
        }
        if self.hidden > 0 {
            return;
        }
        if self.pre == 0 {
            self.layout.write("`");
            open.mark = "`";
        } else if let Some(language) = language {
            // Joins the fence that `<pre>` has just written.
            self.layout.append(&visible(language));
        }
    }

    fn lay_out_start(&mut self, open: &mut Open) {
        match open.name {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "details" => {
                self.layout.break_lines(2);
            }
            "div" | "summary" | "caption" | "tr" => self.layout.break_lines(1),
            "blockquote" => {
                self.layout.break_lines(2);
                open.prefix = self.layout.open_quote();
            }
            "pre" => {
                self.layout.break_lines(2);
                self.layout.write("```");
                self.fence = true;
            }
            "ul" | "ol" => {
                let nested = self.stack.iter().any(|o| o.name == "li");
                self.layout.break_lines(if nested { 1 } else { 2 });
            }
            "li" => {
                let number = self
                    .stack
                    .iter_mut()
                    .rev()
                    .find(|o| matches!(o.name, "ul" | "ol"))
                    .and_then(|list| {
                        let number = list.next_item?;
                        list.next_item = Some(number.saturating_add(1));
                        Some(number)
                    });
                self.layout.break_lines(1);
                open.prefix = self.layout.open_item(match number {
                    Some(number) => format!("{number}. "),
                    None => "- ".to_owned(),
                });
            }
            "td" | "th" => {
                let row = self.stack.iter_mut().rev().find(|o| o.name == "tr");
                if let Some(row) = row {
                    if row.cells > 0 {
                        self.layout.append(" | ");
                    }
                    row.cells += 1;
                }
            }
            "del" | "s" => {
                self.layout.write("~~");
                open.mark = "~~";
            }
            _ => {}
        }
    }

    fn image(&mut self, tag: &Tag) {
        let attributes = Attributes(tag);
        let words = attributes.get("alt").or_else(|| attributes.get("title"));
        if let Some(src) = attributes
            .get("src")
            .filter(|src| src.starts_with("mxc://"))
        {
            self.html.push_str("<img");
            self.attribute("src", src);
            for name in ["alt", "title", "width", "height"] {
                self.copy_attribute(&attributes, name);
            }
            self.html.push('>');
        } else if let Some(words) = words {
            // Shown as the words that stand for it; nothing is loaded from elsewhere.
            escape_text(words, &mut self.html);
        }
        if let Some(words) = words {
            self.show(words);
        }
    }

    fn end(&mut self, name: &str) {
        if let Some((dropped, depth)) = &mut self.dropping {
            if dropped == name {
                *depth -= 1;
                if *depth == 0 {
                    self.dropping = None;
                }
            }
            return;
        }
        let Some(name) = allowed(name) else { return };
        if let Some(index) = self.stack.iter().rposition(|open| open.name == name) {
            self.pop_to(index);
        }
    }

    fn pop_to(&mut self, depth: usize) {
        while self.stack.len() > depth
            && let Some(open) = self.stack.pop()
        {
            self.html.push_str("</");
            self.html.push_str(open.name);
            self.html.push('>');
            self.hidden -= usize::from(open.hidden);
            if self.hidden == 0 && !open.hidden {
                self.lay_out_end(&open);
            }
            self.pre -= usize::from(open.name == "pre");
            if open.prefix {
                self.layout.close_prefix();
            }
            if let Some(link) = open.link {
                self.close_link(link);
            }
        }
    }

    /// Whether text here is seen only after a click: in a spoiler, or in details
    /// but not in their summary.
    fn is_covered(&self) -> bool {
        self.stack.iter().enumerate().any(|(index, open)| {
            open.spoiler
                || open.name == "details"
                    && self
                        .stack
                        .get(index + 1)
                        .is_none_or(|o| o.name != "summary")
        })
    }

    fn lay_out_end(&mut self, open: &Open) {
        match open.name {
            "pre" => {
                self.begin_fenced("");
                if !self.layout.at_line_start() {
                    self.layout.verbatim("\n");
                }
                self.layout.append("```");
                self.layout.break_lines(2);
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "table" | "details" | "blockquote" => {
                self.layout.break_lines(2);
            }
            "div" | "summary" | "caption" | "tr" | "li" => self.layout.break_lines(1),
            "ul" | "ol" => {
                let nested = self.stack.iter().any(|o| o.name == "li");
                self.layout.break_lines(if nested { 1 } else { 2 });
            }
            _ => self.layout.append(open.mark),
        }
    }

    fn close_link(&mut self, link: Link) {
        let label = visible(&link.label);
        let label = if is_blank(&label) {
            String::new()
        } else {
            label.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        if let Some(user_id) = link.user {
            if self.pills.len() < MAX_PILLS {
                self.pills.push(Pill { user_id, label });
            }
        } else if !label.is_empty() && self.hidden == 0 && !same_address(&label, &link.href) {
            self.layout.append(&format!(" ({})", link.href));
        }
    }

    fn copy_attribute(&mut self, attributes: &Attributes<'_>, name: &'static str) {
        if let Some(value) = attributes.get(name) {
            self.attribute(name, value);
        }
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.html.push(' ');
        self.html.push_str(name);
        self.html.push_str("=\"");
        escape_attribute(value, &mut self.html);
        self.html.push('"');
    }
}

struct Attributes<'a>(&'a Tag);

impl Attributes<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .attrs
            .iter()
            .find(|attribute| &*attribute.name.local == name)
            .map(|attribute| &*attribute.value)
    }
}

fn is_color(value: &str) -> bool {
    value.len() == 7
        && value.starts_with('#')
        && value[1..].bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The schemes the specification allows in links, and `matrix:`.
fn is_safe_link(href: &str) -> bool {
    ["https:", "http:", "ftp:", "mailto:", "magnet:", "matrix:"]
        .iter()
        .any(|scheme| {
            href.get(..scheme.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        })
}

/// Whether a label says where the link goes.
fn same_address(label: &str, href: &str) -> bool {
    fn bare(address: &str) -> &str {
        let address = address
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .trim_start_matches("mailto:");
        address.trim_end_matches('/')
    }
    bare(label) == bare(href)
}

/// Escapes text for HTML content.
pub(crate) fn escape_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

/// Escapes text for a double-quoted attribute.
pub(crate) fn escape_attribute(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}
