//! Tables as bullets or code, for clients that show no tables: rewritten in the
//! Markdown itself, so that the plain body is readable too.

use std::ops::Range;

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::{Tables, render::options};

struct Table {
    range: Range<usize>,
    /// The first row is the head.
    rows: Vec<Vec<String>>,
}

/// The Markdown with its tables in the form asked for.
pub(super) fn rewrite(markdown: &str, tables: Tables) -> String {
    let form = match tables {
        Tables::Block | Tables::Off => return markdown.to_owned(),
        Tables::Bullets => bullets,
        Tables::Code => code,
    };
    let mut out = String::with_capacity(markdown.len());
    let mut copied = 0;
    for table in find(markdown) {
        out.push_str(&markdown[copied..table.range.start]);
        out.push_str(&form(&table.rows));
        if markdown[table.range.clone()].ends_with('\n') {
            out.push('\n');
        }
        copied = table.range.end;
    }
    out.push_str(&markdown[copied..]);
    out
}

/// Tables that stand by themselves; those in quotes and lists share their lines with other marks.
fn find(markdown: &str) -> Vec<Table> {
    let mut tables: Vec<Table> = Vec::new();
    let mut depth = 0_usize;
    let mut inside = false;
    for (event, range) in Parser::new_ext(markdown, options(true)).into_offset_iter() {
        match event {
            Event::Start(Tag::Table(_)) if depth == 0 => {
                inside = true;
                tables.push(Table {
                    range,
                    rows: Vec::new(),
                });
            }
            Event::End(TagEnd::Table) if depth == 1 => inside = false,
            Event::Start(Tag::TableHead | Tag::TableRow) if inside => {
                if let Some(table) = tables.last_mut() {
                    table.rows.push(Vec::new());
                }
            }
            Event::Start(Tag::TableCell) if inside => {
                if let Some(row) = tables.last_mut().and_then(|table| table.rows.last_mut()) {
                    let cell = markdown[range].trim().trim_matches('|').trim();
                    row.push(cell.replace("\\|", "|"));
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
    tables
}

/// A bullet a row: the first cell in bold, under it the others with their heads.
fn bullets(rows: &[Vec<String>]) -> String {
    let Some((head, rows)) = rows.split_first() else {
        return String::new();
    };
    let mut lines = Vec::new();
    for row in rows {
        let Some((first, others)) = row.split_first() else {
            continue;
        };
        lines.push(match first.is_empty() {
            true => "-".to_owned(),
            false if others.is_empty() || first.starts_with("**") => format!("- {first}"),
            false => format!("- **{first}**"),
        });
        for (index, cell) in others.iter().enumerate() {
            if cell.is_empty() {
                continue;
            }
            lines.push(match head.get(index + 1).filter(|head| !head.is_empty()) {
                Some(head) => format!("  - {head}: {cell}"),
                None => format!("  - {cell}"),
            });
        }
    }
    // A table of heads alone.
    if lines.is_empty() {
        lines.extend(head.iter().map(|head| format!("- {head}")));
    }
    lines.join("\n")
}

/// A code block with aligned columns.
fn code(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |cell: &String| cell.chars().count();
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(width)
                .max()
                .unwrap_or_default()
                .max(3)
        })
        .collect();
    let line = |row: &[String]| {
        let cells: Vec<String> = widths
            .iter()
            .enumerate()
            .map(|(column, size)| {
                let cell = row.get(column).map_or("", String::as_str);
                format!("{cell:<size$}")
            })
            .collect();
        format!("| {} |", cells.join(" | "))
    };
    let mut lines: Vec<String> = rows.iter().map(|row| line(row)).collect();
    if !lines.is_empty() {
        let rule: Vec<String> = widths.iter().map(|size| "-".repeat(*size)).collect();
        lines.insert(1, format!("| {} |", rule.join(" | ")));
    }
    let longest = lines
        .iter()
        .map(|line| longest_run(line))
        .max()
        .unwrap_or_default();
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}\n{}\n{fence}", lines.join("\n"))
}

/// The longest run of backticks.
fn longest_run(line: &str) -> usize {
    line.split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default()
}
