//! The tokens, one after the other, with the elements that are open.

use html5ever::tokenizer::Tag;

use super::{
    Formatted,
    attribute::{Attributes, escape_attribute, escape_text, is_color, is_safe_link},
    element::{Link, Open, allowed, is_block, is_dropped},
};
use crate::event::{
    Pill,
    text::{Layout, clip, is_blank, visible},
    user_link::linked_user,
};

/// The specification asks to show at most this nesting.
const MAX_DEPTH: usize = 100;
/// Bytes of a link that are shown in text, and of a label that is kept.
pub(super) const MAX_LABEL: usize = 2048;

/// Reads tokens into safe HTML, text and links to users.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) html: String,
    pub(super) layout: Layout,
    pub(super) pills: Vec<Pill>,
    pub(super) stack: Vec<Open>,
    /// The element being dropped, and how often it is nested.
    dropping: Option<(String, usize)>,
    pub(super) hidden: usize,
    /// A fence has been written, its first line has not.
    pub(super) fence: bool,
    pub(super) pre: usize,
}

impl Reader {
    pub(super) fn finish(mut self) -> Formatted {
        self.pop_to(0);
        Formatted {
            html: self.html,
            text: self.layout.finish(),
            pills: self.pills,
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.dropping.is_some() {
            return;
        }
        escape_text(text, &mut self.html);
        self.show(text);
    }

    pub(super) fn start(&mut self, tag: &Tag) {
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
            color: None,
            background: None,
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
        open.color = color.map(str::to_ascii_lowercase);
        open.background = background.map(str::to_ascii_lowercase);
        // Text in the colour of its background.
        let color_here = open
            .color
            .as_ref()
            .or_else(|| self.nearest(|o| o.color.as_ref()));
        let behind = open
            .background
            .as_ref()
            .or_else(|| self.nearest(|o| o.background.as_ref()));
        open.hidden = color_here.is_some() && color_here == behind;
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

    /// What the innermost open element says, of those that say it.
    fn nearest<'a, T>(&'a self, what: impl Fn(&'a Open) -> Option<T>) -> Option<T> {
        self.stack.iter().rev().find_map(what)
    }

    fn open_link(&mut self, attributes: &Attributes<'_>, open: &mut Open) {
        let Some(href) = attributes.get("href").filter(|href| is_safe_link(href)) else {
            return;
        };
        self.attribute("href", href);
        open.link = Some(Link {
            user: linked_user(href),
            href: clip(href, MAX_LABEL).to_owned(),
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

    pub(super) fn end(&mut self, name: &str) {
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
