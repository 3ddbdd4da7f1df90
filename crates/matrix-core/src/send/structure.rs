//! Where a Markdown text may be cut: its blocks, fences, tables, and the spans
//! that a cut would break.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use super::{mention::user_ids, render::options};

/// A fenced code block.
#[derive(Debug)]
pub(super) struct Fence {
    pub range: Range<usize>,
    /// Where its first line of code begins.
    pub code: usize,
    /// What stands before the fence in its line: blanks or quote marks.
    pub indent: String,
    /// The backticks or tildes.
    pub marker: String,
    /// All that follows them.
    pub info: String,
}

/// A table.
#[derive(Debug)]
pub(super) struct Table {
    pub range: Range<usize>,
    /// Its head and the line under it.
    pub head: Range<usize>,
}

/// Emphasised text.
#[derive(Debug)]
pub(super) struct Emphasis {
    pub range: Range<usize>,
    /// `**`, `_`, `~~` …
    pub delimiter: String,
}

/// What a text is made of, as byte ranges.
#[derive(Debug, Default)]
pub(super) struct Structure {
    /// Outermost blocks.
    pub blocks: Vec<Range<usize>>,
    /// List items, however deep.
    pub items: Vec<usize>,
    pub fences: Vec<Fence>,
    pub tables: Vec<Table>,
    pub emphases: Vec<Emphasis>,
    /// Links, inline code, tags, user ids, spoilers: never cut, if they fit at all.
    pub solid: Vec<Range<usize>>,
}

impl Structure {
    pub fn read(text: &str) -> Self {
        let mut structure = Self::default();
        let mut depth = 0_usize;
        let mut bars: Option<usize> = None;
        for (event, range) in Parser::new_ext(text, options(true)).into_offset_iter() {
            if depth == 0 && matches!(event, Event::Start(_) | Event::Rule) {
                structure.blocks.push(range.clone());
                bars = None;
            }
            match &event {
                Event::Start(tag) => structure.start(text, tag, range),
                Event::Code(_) | Event::InlineHtml(_) => structure.solid.push(range),
                Event::Text(_) => {
                    for (at, _) in text[range.clone()].match_indices("||") {
                        let at = range.start + at;
                        match bars.take() {
                            Some(open) => structure.solid.push(open..at + 2),
                            None => bars = Some(at),
                        }
                    }
                }
                _ => {}
            }
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                _ => {}
            }
        }
        let ids = user_ids(text).into_iter().map(|(range, _)| range);
        structure.solid.extend(ids);
        structure
    }

    fn start(&mut self, text: &str, tag: &Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::CodeBlock(CodeBlockKind::Fenced(_)) => {
                self.fences.extend(fence(text, range));
            }
            Tag::Table(_) => {
                let mut lines = text[range.clone()].split_inclusive('\n');
                let head = lines.by_ref().take(2).map(str::len).sum::<usize>();
                self.tables.push(Table {
                    head: range.start..range.start + head,
                    range,
                });
            }
            Tag::Item => self.items.push(line_start(text, range.start)),
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough => {
                let source = &text[range.clone()];
                let length = match tag {
                    Tag::Strong => 2,
                    Tag::Strikethrough if source.starts_with("~~") => 2,
                    _ => 1,
                };
                self.emphases.push(Emphasis {
                    delimiter: source[..source.floor_char_boundary(length)].to_owned(),
                    range,
                });
            }
            Tag::Link { .. } | Tag::Image { .. } => self.solid.push(range),
            _ => {}
        }
    }

    /// The fence whose code a cut at `at` would divide.
    pub fn fence_at(&self, at: usize) -> Option<&Fence> {
        self.fences
            .iter()
            .find(|fence| fence.range.start < at && at < fence.range.end)
    }

    /// The table that a cut at `at` would divide.
    pub fn table_at(&self, at: usize) -> Option<&Table> {
        self.tables
            .iter()
            .find(|table| table.range.start < at && at < table.range.end)
    }

    /// The start of the outermost solid span around `at`.
    pub fn solid_at(&self, at: usize) -> Option<usize> {
        self.solid
            .iter()
            .filter(|solid| solid.start < at && at < solid.end)
            .map(|solid| solid.start)
            .min()
    }

    /// What is emphasised at `at`, outermost first.
    pub fn emphases_at(&self, at: usize) -> Vec<&Emphasis> {
        let mut emphases: Vec<&Emphasis> = self
            .emphases
            .iter()
            .filter(|e| e.range.start < at && at < e.range.end)
            .collect();
        emphases.sort_by_key(|e| e.range.start);
        emphases
    }
}

/// Where the line that holds `at` begins.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn fence(text: &str, range: Range<usize>) -> Option<Fence> {
    let line = &text[line_start(text, range.start)..];
    let before = &text[line_start(text, range.start)..range.start];
    let line = &line[before.len()..];
    let (line, rest) = line.split_once('\n').unwrap_or((line, ""));
    let trimmed = line.trim_start();
    let mark = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let marker: String = trimmed.chars().take_while(|c| *c == mark).collect();
    Some(Fence {
        code: (range.start + line.len() + 1).min(range.end.max(text.len() - rest.len())),
        // Where a list's bullet stands, later lines have blanks.
        indent: before
            .chars()
            .map(|c| if c == '>' { '>' } else { ' ' })
            .chain(line[..line.len() - trimmed.len()].chars())
            .collect(),
        info: trimmed[marker.len()..].trim().to_owned(),
        marker,
        range,
    })
}
