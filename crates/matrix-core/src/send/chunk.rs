//! Long Markdown in pieces that are Markdown themselves: fences are closed and
//! opened again with their language, tables get their head again, emphasis goes
//! on, and links, inline code, user ids and characters stay whole.

use unicode_segmentation::UnicodeSegmentation;

use super::{
    ChunkMode,
    structure::{Structure, line_start},
};

/// Fewer characters would leave no room for fences.
const MIN_LIMIT: usize = 32;
/// Bytes past the limit that are looked at, to see what a cut would divide.
const LOOK_AHEAD: usize = 4096;

/// Splits a text into pieces of at most `limit` characters that each `fits`. No piece is blank.
pub(super) fn split(
    markdown: &str,
    limit: usize,
    mode: ChunkMode,
    fits: impl Fn(&str) -> bool,
) -> Vec<String> {
    let limit = limit.max(MIN_LIMIT);
    let mut pieces = Vec::new();
    match mode {
        ChunkMode::Length => split_by_length(markdown, limit, &fits, &mut pieces),
        ChunkMode::Newline => {
            for paragraph in paragraphs(markdown) {
                split_by_length(paragraph, limit, &fits, &mut pieces);
            }
        }
    }
    pieces
}

/// The beginning of a text that `fits`, with an ellipsis if that is not all of it.
pub(super) fn cut(markdown: &str, fits: impl Fn(&str) -> bool) -> String {
    let text = markdown.trim_end();
    if fits(text) {
        return text.to_owned();
    }
    let with_ellipsis = |piece: &str| format!("{piece}\n…");
    let limit = text.chars().count();
    let mut pieces = Vec::new();
    split_by_length(
        text,
        limit,
        &|piece| fits(&with_ellipsis(piece)),
        &mut pieces,
    );
    with_ellipsis(pieces.first().map_or("", String::as_str))
}

/// Blocks with blank lines between them; what stands together stays together.
fn paragraphs(markdown: &str) -> Vec<&str> {
    let mut starts = vec![0];
    for block in Structure::read(markdown).blocks {
        let start = line_start(markdown, block.start);
        let before = markdown[..start].trim_end_matches([' ', '\t']);
        if before.ends_with("\n\n") || before.lines().next_back().is_some_and(is_blank_line) {
            starts.push(start);
        }
    }
    starts.push(markdown.len());
    starts
        .windows(2)
        .map(|pair| &markdown[pair[0]..pair[1]])
        .collect()
}

fn is_blank_line(line: &str) -> bool {
    line.trim().is_empty()
}

fn split_by_length(
    markdown: &str,
    limit: usize,
    fits: &impl Fn(&str) -> bool,
    pieces: &mut Vec<String>,
) {
    let mut rest = without_blank_lines(markdown).to_owned();
    while !crate::event::is_blank(&rest) {
        if is_within(&rest, limit) && fits(&rest) {
            pieces.push(rest);
            return;
        }
        let mut goal = limit;
        let (piece, next) = loop {
            let (piece, next) = take(&rest, goal);
            if goal <= 1 || is_within(&piece, limit) && fits(&piece) {
                break (piece, next);
            }
            // Too long with what closes it, or too large as HTML.
            let over = piece.chars().count().saturating_sub(limit);
            goal = if over > 0 && over < goal / 2 {
                goal - over
            } else {
                goal - goal.div_ceil(4)
            };
        };
        if !crate::event::is_blank(&piece) {
            pieces.push(piece);
        }
        rest = without_blank_lines(&next).to_owned();
    }
}

/// Without blank lines at the start and white space at the end.
fn without_blank_lines(text: &str) -> &str {
    let mut text = text.trim_end();
    while let Some((line, rest)) = text.split_once('\n')
        && is_blank_line(line)
    {
        text = rest;
    }
    text
}

fn is_within(text: &str, limit: usize) -> bool {
    text.len() <= limit || text.chars().nth(limit).is_none()
}

/// Takes about `goal` characters, and closes and opens again what the cut divides.
fn take(text: &str, goal: usize) -> (String, String) {
    let hard = text
        .char_indices()
        .nth(goal)
        .map_or(text.len(), |(at, _)| at);
    if hard == text.len() {
        return (text.to_owned(), String::new());
    }
    let seen = &text[..text.floor_char_boundary(hard + LOOK_AHEAD)];
    let structure = Structure::read(seen);
    let at = best_cut(seen, hard, &structure);
    let (piece, next) = (&text[..at], &text[at..]);

    if let Some(fence) = structure.fence_at(at).filter(|fence| at >= fence.code) {
        let close = format!("{}{}", fence.indent, fence.marker);
        let quoted = fence.indent.contains('>');
        let indent = if quoted { fence.indent.as_str() } else { "" };
        let open = format!("{indent}{}{}\n", fence.marker, fence.info);
        // Only where more is taken than put back is there an end to it.
        if open.len() < at {
            let piece = piece.strip_suffix('\n').unwrap_or(piece);
            let next = match quoted {
                true => next.to_owned(),
                false => unindent_fence(next, fence.indent.len(), &fence.marker),
            };
            return (format!("{piece}\n{close}"), open + next.as_str());
        }
    }
    if let Some(table) = structure.table_at(at).filter(|table| at >= table.head.end) {
        let head = &text[table.head.clone()];
        if head.len() < at && !head.contains('>') {
            return (piece.trim_end().to_owned(), format!("{head}{next}"));
        }
    }
    if text[..at].ends_with('\n') {
        return (piece.trim_end().to_owned(), unindent_block(next));
    }
    let quote = quote_marks(&text[line_start(text, at)..at]);
    let emphases = structure.emphases_at(at);
    let open: String = emphases.iter().map(|e| e.delimiter.as_str()).collect();
    let close: String = emphases
        .iter()
        .rev()
        .map(|e| e.delimiter.as_str())
        .collect();
    if quote.len() + open.len() < at {
        let piece = format!("{}{close}", piece.trim_end());
        return (
            piece,
            format!("{quote}{open}{}", next.trim_start_matches(' ')),
        );
    }
    (piece.to_owned(), next.to_owned())
}

/// The best place to cut, at `hard` or before it; never 0.
fn best_cut(text: &str, hard: usize, structure: &Structure) -> usize {
    let half = hard / 2;
    // Between blocks, if the block that would be divided fits a piece, or much has been filled.
    let divided = structure
        .blocks
        .iter()
        .map(|block| line_start(text, block.start)..block.end)
        .rfind(|block| block.start > 0 && block.start <= hard);
    if let Some(block) = divided
        && (block.start >= half || block.end - block.start <= hard)
    {
        return block.start;
    }
    let items = structure.items.iter().copied();
    if let Some(item) = items.filter(|at| *at >= half.max(1) && *at <= hard).max() {
        return item;
    }
    let lines: Vec<usize> = text[..hard]
        .match_indices('\n')
        .map(|(at, _)| at + 1)
        .collect();
    let line = |from: usize, ok: &dyn Fn(usize) -> bool| {
        let lines = lines.iter().copied().rev();
        lines.take_while(|at| *at >= from).find(|at| ok(*at))
    };
    let in_spans =
        |at: usize| structure.solid_at(at).is_some() || !structure.emphases_at(at).is_empty();
    let in_head = |at: usize| {
        structure
            .table_at(at)
            .is_some_and(|table| at < table.head.end)
            || structure.fence_at(at).is_some_and(|fence| at < fence.code)
    };
    let spaces: Vec<(usize, bool)> = words(&text[..hard]);
    let space = |from: usize, ok: &dyn Fn(usize, bool) -> bool| {
        let spaces = spaces.iter().rev();
        spaces
            .take_while(|(at, _)| *at >= from)
            .find(|(at, ends)| ok(*at, *ends) && !in_head(*at))
            .map(|(at, _)| *at)
    };
    let in_fence = |at: usize| structure.fence_at(at).is_some();
    line(half.max(1), &|at| {
        !in_spans(at) && !in_fence(at) && structure.table_at(at).is_none()
    })
    .or_else(|| line(half.max(1), &|at| !in_spans(at) && !in_head(at)))
    .or_else(|| space(half.max(1), &|at, ends| ends && !in_spans(at)))
    .or_else(|| space(half.max(1), &|at, _| !in_spans(at)))
    .or_else(|| space(half.max(1), &|at, _| structure.solid_at(at).is_none()))
    .or_else(|| line(1, &|at| structure.solid_at(at).is_none() && !in_head(at)))
    .or_else(|| space(1, &|at, _| structure.solid_at(at).is_none()))
    .or_else(|| structure.solid_at(hard).filter(|at| *at > 0))
    .unwrap_or_else(|| grapheme_start(text, hard))
}

/// Where words begin after white space, and whether a sentence ended before it.
fn words(text: &str) -> Vec<(usize, bool)> {
    let mut found = Vec::new();
    let mut previous = None;
    let mut ended = false;
    for (at, c) in text.char_indices() {
        if !c.is_whitespace() && previous.is_some_and(char::is_whitespace) {
            found.push((at, ended));
        }
        if !c.is_whitespace() {
            ended = matches!(c, '.' | '!' | '?' | ':' | ';' | '…' | '。' | '！' | '？');
        }
        previous = Some(c);
    }
    found
}

/// The last start of a character, as people count them, at `hard` or before; after the first.
fn grapheme_start(text: &str, hard: usize) -> usize {
    text.grapheme_indices(true)
        .map(|(at, _)| at)
        .take_while(|at| *at <= hard)
        .last()
        .filter(|at| *at > 0)
        // One character larger than a whole piece: stacked marks without end.
        .unwrap_or(hard)
}

/// The quote marks a line begins with.
fn quote_marks(line: &str) -> String {
    let trimmed = line.trim_start_matches([' ', '>']);
    let marks = &line[..line.len() - trimmed.len()];
    match marks.rfind('>') {
        Some(last) => format!("{} ", &marks[..=last]),
        None => String::new(),
    }
}

/// The rest of a list item, moved to the margin: far from it, it would be code.
fn unindent_block(text: &str) -> String {
    let width = text.len() - text.trim_start_matches(' ').len();
    if width == 0 {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut inside = true;
    for line in text.split_inclusive('\n') {
        inside &= is_blank_line(line) || line.starts_with(&" ".repeat(width));
        out.push_str(match inside {
            true => line.get(width..).unwrap_or("\n"),
            false => line,
        });
    }
    out
}

/// The rest of an indented fence, moved to the margin with its closing line.
fn unindent_fence(text: &str, width: usize, marker: &str) -> String {
    if width == 0 {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut inside = true;
    for line in text.split_inclusive('\n') {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        out.push_str(if inside {
            &line[blanks.min(width)..]
        } else {
            line
        });
        if line.trim().starts_with(marker) && line.trim().trim_matches(['`', '~']).is_empty() {
            inside = false;
        }
    }
    out
}
