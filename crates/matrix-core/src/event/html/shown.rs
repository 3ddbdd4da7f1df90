//! What a person sees of the elements: lines, bullets, fences, and the labels of
//! links.

use super::{
    attribute::same_address,
    element::{Link, Open},
    reader::{MAX_LABEL, Reader},
};
use crate::event::{
    Pill,
    text::{clip, is_blank, visible},
};

/// More links to users than any message for people has.
const MAX_PILLS: usize = 100;

impl Reader {
    /// Text that is seen, unless it stands in something hidden.
    pub(super) fn show(&mut self, text: &str) {
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
            link.label.push_str(clip(text, MAX_LABEL));
        }
    }

    /// Ends the line of an opening fence; HTML drops a line break right after `<pre>`.
    pub(super) fn begin_fenced<'a>(&mut self, text: &'a str) -> &'a str {
        if !std::mem::take(&mut self.fence) {
            return text;
        }
        self.layout.verbatim("\n");
        text.strip_prefix('\n').unwrap_or(text)
    }

    /// Whether text here is seen only after a click: in a spoiler, or in details
    /// but not in their summary.
    pub(super) fn is_covered(&self) -> bool {
        self.stack.iter().enumerate().any(|(index, open)| {
            open.spoiler
                || open.name == "details"
                    && self
                        .stack
                        .get(index + 1)
                        .is_none_or(|o| o.name != "summary")
        })
    }

    pub(super) fn lay_out_start(&mut self, open: &mut Open) {
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

    pub(super) fn lay_out_end(&mut self, open: &Open) {
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

    pub(super) fn close_link(&mut self, link: Link) {
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
}
