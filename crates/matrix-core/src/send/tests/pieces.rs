//! Long texts in pieces.

use proptest::prelude::*;

use super::{contents::edit, *};

fn bodies(request: &SendText) -> Vec<String> {
    text_parts(request)
        .iter()
        .map(|part| part.content["body"].as_str().expect("a body").to_owned())
        .collect()
}

#[test]
fn out_3_long_text_is_cut_between_blocks() {
    let paragraph = "word ".repeat(60).trim_end().to_owned();
    let mut request = text(&vec![paragraph.clone(); 12].join("\n\n"));
    request.chunk_limit = 1000;
    let bodies = bodies(&request);
    assert_eq!(bodies.len(), 4);
    for body in &bodies {
        assert_eq!(*body, vec![paragraph.clone(); 3].join("\n\n"));
    }
}

#[test]
fn out_3_fences_are_closed_and_opened_again() {
    let code: String = (0..200).map(|n| format!("let line_{n} = {n};\n")).collect();
    let mut request = text(&format!("Here:\n\n```rust\n{code}```\n\nDone."));
    request.chunk_limit = 500;
    let bodies = bodies(&request);
    assert!(bodies.len() > 5);
    let mut seen = String::new();
    for (index, body) in bodies.iter().enumerate() {
        assert!(body.chars().count() <= 500, "{}", body.chars().count());
        assert_eq!(body.matches("```").count(), 2, "{body}");
        assert!(body.contains("```rust\n"), "{body}");
        let inner = body.split("```").nth(1).expect("code");
        seen.push_str(inner.strip_prefix("rust\n").expect("language"));
        let last = index + 1 == bodies.len();
        assert_eq!(body.ends_with("Done."), last);
    }
    assert_eq!(seen, code, "no line lost, none twice");
}

#[test]
fn out_3_fences_inside_lists_and_quotes_stay_code() {
    let code =
        |indent: &str| -> String { (0..60).map(|n| format!("{indent}code({n})\n")).collect() };
    for markdown in [
        format!("1. item\n\n   ```py\n{}   ```\n2. next", code("   ")),
        format!("> quoted\n>\n> ```py\n{}> ```\n>\n> end", code("> ")),
        format!("- a\n  - b\n\n    ~~~py\n{}    ~~~\n", code("    ")),
    ] {
        let mut request = text(&markdown);
        request.chunk_limit = 200;
        let parts = text_parts(&request);
        assert!(parts.len() > 3);
        let mut found = Vec::new();
        for part in &parts {
            let formatted = part.content["formatted_body"].as_str().expect("HTML");
            for n in 0..60 {
                if formatted.contains(&format!("code({n})\n")) {
                    found.push(n);
                    assert!(
                        formatted.contains("<code class=\"language-py\">"),
                        "{formatted}"
                    );
                }
            }
            assert!(
                !formatted.contains("```") && !formatted.contains("~~~"),
                "{formatted}"
            );
        }
        assert_eq!(found, (0..60).collect::<Vec<_>>(), "{markdown}");
    }
}

#[test]
fn out_3_links_code_ids_and_characters_stay_whole() {
    let family = "👩‍👩‍👧‍👦";
    let link = "[the label of it](https://example.test/a/rather/long/path)";
    for unit in [
        link,
        "`inline code with blanks`",
        "@someone:server.example.test",
        family,
        "||a spoiler||",
    ] {
        let mut request = text(&vec![unit; 40].join(if unit == family { "" } else { " " }));
        request.chunk_limit = 150;
        let bodies = bodies(&request);
        assert!(bodies.len() > 1);
        let whole: usize = bodies.iter().map(|body| body.matches(unit).count()).sum();
        assert_eq!(whole, 40, "{unit}: {bodies:#?}");
    }
}

#[test]
fn out_3_emphasis_goes_on_in_the_next_piece() {
    let mut request = text(&format!("**{}**", "bold words ".repeat(60).trim_end()));
    request.chunk_limit = 200;
    for part in text_parts(&request) {
        let formatted = part.content["formatted_body"].as_str().expect("HTML");
        assert!(formatted.starts_with("<strong>"), "{formatted}");
        assert!(
            formatted.ends_with("</strong>") && !formatted.contains('*'),
            "{formatted}"
        );
    }
}

#[test]
fn out_3_tables_get_their_head_again() {
    let rows: String = (0..60).map(|n| format!("| row {n} | value |\n")).collect();
    let mut request = text(&format!("| A | B |\n|---|---|\n{rows}"));
    request.chunk_limit = 300;
    let parts = text_parts(&request);
    let mut count = 0;
    for part in &parts {
        let formatted = part.content["formatted_body"].as_str().expect("HTML");
        assert!(formatted.starts_with("<table><thead><tr><th>A</th><th>B</th></tr></thead>"));
        count += formatted.matches("<tr><td>").count();
    }
    assert!(parts.len() > 3);
    assert_eq!(count, 60);
}

#[test]
fn out_4_newline_mode_makes_an_event_of_each_paragraph() {
    let mut request = text("One\nline\n\nTwo\n\n\n```\na\n\nb\n```\n\n# Head\nbody\n\n- x\n\n- y");
    request.chunk_mode = ChunkMode::Newline;
    assert_eq!(
        bodies(&request),
        [
            "One\nline",
            "Two",
            "```\na\n\nb\n```",
            "# Head\nbody",
            "- x\n\n- y"
        ]
    );
}

#[test]
fn out_13_events_stay_below_the_size_limit() {
    for unit in ["🙂", "\"quoted\" & <tags> ", "**b** `c` ", "漢字"] {
        let mut request = text(&unit.repeat(60_000 / unit.len()));
        request.chunk_limit = 1_000_000;
        let parts = text_parts(&request);
        assert!(parts.len() > 1);
        for part in &parts {
            let bytes = serde_json::to_vec(&part.content).expect("JSON").len();
            assert!(bytes <= 42_000, "{bytes}");
        }
        let sent: String = parts
            .iter()
            .filter_map(|part| part.content["body"].as_str())
            .flat_map(|body| body.chars().filter(|c| !c.is_whitespace()))
            .collect();
        let meant: String = request
            .markdown
            .chars()
            .filter(|c| !c.is_whitespace())
            .collect();
        assert_eq!(sent, meant);
    }
}

#[test]
fn out_13_an_edit_beyond_the_limit_ends_with_an_ellipsis() {
    let part = edit_part(&edit(&format!(
        "```rust\n{}```",
        "let x = 1;\n".repeat(6000)
    )));
    let bytes = serde_json::to_vec(&part.content).expect("JSON").len();
    assert!(bytes <= 42_000 && bytes > 20_000, "{bytes}");
    let body = part.content["m.new_content"]["body"]
        .as_str()
        .expect("body");
    assert!(body.ends_with("\n```\n…"), "{}", &body[body.len() - 40..]);
}

#[test]
fn out_3_nothing_to_see_makes_no_event() {
    assert!(text_parts(&text("")).is_empty());
    assert!(text_parts(&text(" \n\t\n")).is_empty());
}

proptest! {
    #[test]
    fn out_3_whatever_is_split_stays_within_the_limit_and_complete(
        markdown in markdown(), limit in 32_usize..200, newline: bool,
    ) {
        let mut request = text(&markdown);
        request.chunk_limit = limit;
        request.chunk_mode = if newline { ChunkMode::Newline } else { ChunkMode::Length };
        let bodies = bodies(&request);
        for body in &bodies {
            prop_assert!(!body.trim().is_empty(), "a blank event");
            prop_assert!(body.chars().count() <= limit, "{} > {limit}: {body:?}", body.chars().count());
        }
        // Letters are never lost; heads and languages may come again.
        let mut sent = bodies.concat().chars().filter(|c| c.is_alphabetic()).collect::<Vec<_>>();
        for c in markdown.chars().filter(|c| c.is_alphabetic()) {
            let at = sent.iter().position(|other| *other == c);
            prop_assert!(at.is_some(), "{c} is missing");
            sent.remove(at.expect("found"));
        }
    }
}
