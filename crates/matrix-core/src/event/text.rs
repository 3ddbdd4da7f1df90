//! Message text as a person reads it: layout of plain text out of a stream of
//! HTML elements, and the characters that a person cannot see.

/// Characters that draw nothing or reorder what is drawn. Taken out, because text
/// that nobody sees must neither reach the agent nor count as a mention.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{0000}'..='\u{0008}' | '\u{000B}'..='\u{001F}' | '\u{007F}'..='\u{009F}'
        // Soft hyphen, combining grapheme joiner, Arabic letter mark, Hangul fillers.
        | '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}'
        // Khmer inherent vowels, Mongolian selectors.
        | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        // Zero widths, marks, embeddings, overrides, isolates, invisible operators.
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        // Tags and the variation selectors supplement.
        | '\u{E0000}'..='\u{E0FFF}'
    )
}

/// Joiners and selectors that shape their neighbours; kept where they do.
fn shapes(previous: Option<char>, c: char, next: Option<char>) -> bool {
    let script = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !is_invisible(c));
    match c {
        // Emoji sequences, Persian, Indic scripts.
        '\u{200C}' | '\u{200D}' => {
            (script(previous) || matches!(previous, Some('\u{FE0F}'))) && script(next)
        }
        '\u{FE00}'..='\u{FE0F}' => previous.is_some_and(|c| !is_invisible(c) && !c.is_whitespace()),
        // Subdivision flags: a black flag, then tags.
        '\u{E0020}'..='\u{E007F}' => {
            matches!(
                previous,
                Some('\u{1F3F4}' | '\u{E0030}'..='\u{E0039}' | '\u{E0061}'..='\u{E007A}')
            )
        }
        // Ideographic variants.
        '\u{E0100}'..='\u{E01EF}' => matches!(
            previous,
            Some('\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
        ),
        _ => false,
    }
}

/// `text` without invisible characters and bidirectional controls; line breaks and
/// tabs stay, `\r\n` and the Unicode line separators become `\n`.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut previous = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let c = match c {
            '\r' if chars.peek() == Some(&'\n') => continue,
            '\r' | '\u{2028}' | '\u{2029}' => '\n',
            c => c,
        };
        if is_invisible(c) && !shapes(previous, c, chars.peek().copied()) {
            continue;
        }
        out.push(c);
        previous = Some(c);
    }
    out
}

/// Whether a person sees nothing of it.
pub(crate) fn is_blank(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_whitespace() || is_invisible(c) || c == '\u{2800}')
}

/// Bytes of a person's or room's name, and of a topic. In a room anybody may take a name of
/// 60 KB with line breaks in it, and it stands in every prompt.
const MAX_NAME: usize = 255;
const MAX_TOPIC: usize = 2048;

/// A name as people see it, in one line; `None` if they see nothing.
pub(crate) fn name(text: &str) -> Option<String> {
    one_line(text, MAX_NAME)
}

/// The same for a room's topic.
pub(crate) fn topic(text: &str) -> Option<String> {
    one_line(text, MAX_TOPIC)
}

fn one_line(text: &str, max: usize) -> Option<String> {
    if is_blank(clip(text, 4 * max)) {
        return None;
    }
    let line: Vec<String> = visible(clip(text, 4 * max))
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    Some(clip(&line.join(" "), max).trim_end().to_owned())
}

/// At most `max` bytes of `text`, cut between characters.
pub(crate) fn clip(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// What stands before the lines of a block.
enum Prefix {
    /// `> `
    Quote,
    /// The bullet or number, until it is written; then as many blanks.
    Item {
        marker: Option<String>,
        width: usize,
    },
}

/// Lays text out in lines.
#[derive(Default)]
pub(super) struct Layout {
    out: String,
    prefixes: Vec<Prefix>,
    /// Line breaks to come before the next text.
    breaks: usize,
    space: bool,
    started: bool,
    /// Where the current line's text begins.
    line: usize,
}

impl Layout {
    /// Bytes of text. The prefixes of lines can make much text out of little HTML; what
    /// people write stays far below this.
    const MAX_TEXT: usize = 128 * 1024;
    /// More than this many nested quotes and lists are not indented further.
    const MAX_PREFIXES: usize = 12;

    /// Text in which white space means one blank at most.
    pub fn flow(&mut self, text: &str) {
        for (i, word) in text.split([' ', '\t', '\n', '\r', '\u{c}']).enumerate() {
            if i > 0 {
                self.space = true;
            }
            if !word.is_empty() {
                self.write(word);
            }
        }
    }

    /// Text whose white space counts (`<pre>`).
    pub fn verbatim(&mut self, text: &str) {
        for (i, line) in text.split('\n').enumerate() {
            if self.is_full() {
                return;
            }
            if i > 0 {
                // A break in verbatim text is a line of its own even when empty.
                self.settle();
                self.out.push('\n');
                self.begin_line();
            }
            if !line.is_empty() {
                self.settle();
                self.out.push_str(line);
            }
        }
    }

    /// Text that joins what follows.
    pub fn write(&mut self, text: &str) {
        if self.is_full() {
            return;
        }
        self.settle();
        self.out.push_str(text);
    }

    /// Text that joins what went before, ahead of pending blanks and breaks.
    pub fn append(&mut self, text: &str) {
        if !self.started {
            self.write(text);
        } else if !self.is_full() {
            self.out.push_str(text);
        }
    }

    /// At least `lines` line breaks before the next text; none at the very start.
    pub fn break_lines(&mut self, lines: usize) {
        self.space = false;
        if self.started && !self.marker_waits() {
            self.breaks = self.breaks.max(lines);
        }
    }

    /// `<br>`: adds up.
    pub fn line_break(&mut self) {
        self.space = false;
        if self.started {
            self.breaks = (self.breaks + 1).min(3);
        }
    }

    /// Opens a quote; `false` if it is too deep to be shown.
    pub fn open_quote(&mut self) -> bool {
        self.push(Prefix::Quote)
    }

    /// Opens a list item; `false` if it is too deep to be shown.
    pub fn open_item(&mut self, marker: String) -> bool {
        let width = marker.chars().count();
        self.push(Prefix::Item {
            marker: Some(marker),
            width,
        })
    }

    /// Closes what [`Self::open_quote`] or [`Self::open_item`] opened.
    pub fn close_prefix(&mut self) {
        self.prefixes.pop();
    }

    /// Nothing stands in the current line but its prefix.
    pub fn at_line_start(&self) -> bool {
        self.out.len() == self.line
    }

    /// The text, without trailing white space and without invisible characters.
    pub fn finish(self) -> String {
        let text = visible(&self.out);
        text.trim_end().to_owned()
    }

    fn is_full(&self) -> bool {
        self.out.len() >= Self::MAX_TEXT
    }

    fn push(&mut self, prefix: Prefix) -> bool {
        let room = self.prefixes.len() < Self::MAX_PREFIXES;
        if room {
            self.prefixes.push(prefix);
        }
        room
    }

    /// An item was opened and has no text yet: it starts on the line of its marker.
    fn marker_waits(&self) -> bool {
        matches!(
            self.prefixes.last(),
            Some(Prefix::Item {
                marker: Some(_),
                ..
            })
        )
    }

    fn settle(&mut self) {
        if !self.started {
            self.started = true;
            self.begin_line();
        } else if self.breaks > 0 {
            for _ in 0..self.breaks {
                self.out.push('\n');
            }
            self.begin_line();
        } else if self.space && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
        self.breaks = 0;
        self.space = false;
    }

    fn begin_line(&mut self) {
        for prefix in &mut self.prefixes {
            match prefix {
                Prefix::Quote => self.out.push_str("> "),
                Prefix::Item { marker, width } => match marker.take() {
                    Some(marker) => self.out.push_str(&marker),
                    None => self.out.extend(std::iter::repeat_n(' ', *width)),
                },
            }
        }
        self.line = self.out.len();
    }
}
