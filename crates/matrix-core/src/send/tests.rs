use std::collections::BTreeSet;

use proptest::prelude::*;
use ruma::{
    event_id,
    html::{Html, NodeRef},
    room_id,
};
use serde_json::{Value, json};

use super::{render::render, *};

fn text(markdown: &str) -> SendText {
    SendText {
        target: SendTarget {
            room_id: room_id!("!room:hs.test").to_owned(),
            thread_root_id: None,
            reply_to_id: None,
        },
        markdown: markdown.to_owned(),
        kind: TextKind::Text,
        key: None,
        chunk_limit: 4000,
        chunk_mode: ChunkMode::Length,
        live: false,
        tables: Tables::Block,
        wait_ms: None,
    }
}

fn edit(markdown: &str) -> EditText {
    EditText {
        room_id: room_id!("!room:hs.test").to_owned(),
        event_id: event_id!("$original").to_owned(),
        markdown: markdown.to_owned(),
        kind: TextKind::Text,
        key: None,
        live: false,
        tables: Tables::Block,
        draft: false,
        wait_ms: None,
    }
}

fn content(request: &SendText) -> Value {
    let parts = text_parts(request);
    assert_eq!(parts.len(), 1, "one event");
    assert_eq!(parts[0].event_type, "m.room.message");
    parts[0].content.clone()
}

fn html(markdown: &str) -> String {
    render(markdown, true)
        .html
        .unwrap_or_else(|| panic!("no HTML for {markdown:?}"))
}

fn bodies(request: &SendText) -> Vec<String> {
    text_parts(request)
        .iter()
        .map(|part| part.content["body"].as_str().expect("a body").to_owned())
        .collect()
}

#[test]
fn out_1_markdown_becomes_the_html_that_the_specification_allows() {
    for (markdown, expected) in [
        (
            "**bold** and *soft*",
            "<strong>bold</strong> and <em>soft</em>",
        ),
        ("~~gone~~", "<del>gone</del>"),
        ("`a < b`", "<code>a &lt; b</code>"),
        (
            "# One\n\n## Two\ntext",
            "<h1>One</h1><h2>Two</h2><p>text</p>",
        ),
        (
            "- a\n- b\n  - c",
            "<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>",
        ),
        ("3. x\n4. y", "<ol start=\"3\"><li>x</li><li>y</li></ol>"),
        ("1. x", "<ol><li>x</li></ol>"),
        (
            "> said\n> twice",
            "<blockquote><p>said<br>twice</p></blockquote>",
        ),
        (
            "```rust\nlet x = \"<&\";\n```",
            "<pre><code class=\"language-rust\">let x = \"&lt;&amp;\";\n</code></pre>",
        ),
        ("```\nplain\n```", "<pre><code>plain\n</code></pre>"),
        ("    indented", "<pre><code>indented</code></pre>"),
        (
            "[site](https://a.test/?x=1&y=2)",
            "<a href=\"https://a.test/?x=1&amp;y=2\">site</a>",
        ),
        (
            "<https://a.test>",
            "<a href=\"https://a.test\">https://a.test</a>",
        ),
        ("<me@a.test>", "<a href=\"mailto:me@a.test\">me@a.test</a>"),
        (
            "||secret **plan**||",
            "<span data-mx-spoiler>secret <strong>plan</strong></span>",
        ),
        ("<u>under</u> **b**", "<u>under</u> <strong>b</strong>"),
        (
            "- [x] done\n- [ ] open",
            "<ul><li>☑ done</li><li>☐ open</li></ul>",
        ),
        ("a\n\n---\n\nb", "<p>a</p><hr><p>b</p>"),
        ("*a*\nb", "<em>a</em><br>b"),
        (
            "![alt](https://a.test/i.png)",
            "<a href=\"https://a.test/i.png\">alt</a>",
        ),
        (
            "![alt \"x\"](mxc://hs/abc)",
            "<img src=\"mxc://hs/abc\" alt=\"alt &quot;x&quot;\">",
        ),
        ("\\*not\\*", "*not*"),
        ("AT&amp;T", "AT&amp;T"),
    ] {
        assert_eq!(html(markdown), expected, "{markdown:?}");
    }
}

#[test]
fn out_1_plain_text_needs_no_html() {
    for markdown in [
        "hello",
        "two\nlines",
        "two\n\nparagraphs, 1 < 2 & so on",
        "a || b || c",
        "5*3",
    ] {
        assert_eq!(render(markdown, true).html, None, "{markdown:?}");
    }
    let sent = content(&text("hello"));
    assert_eq!(
        sent,
        json!({ "msgtype": "m.text", "body": "hello", "m.mentions": {} })
    );
    let sent = content(&text("**hi**"));
    assert_eq!(
        sent,
        json!({
            "msgtype": "m.text", "body": "**hi**", "format": "org.matrix.custom.html",
            "formatted_body": "<strong>hi</strong>", "m.mentions": {},
        })
    );
}

#[test]
fn out_1_raw_html_is_shown_and_never_lives() {
    for (markdown, expected) in [
        ("a <b>c</b>", "a &lt;b&gt;c&lt;/b&gt;"),
        (
            "<script>alert(1)</script>",
            "&lt;script&gt;alert(1)&lt;/script&gt;",
        ),
        (
            "<img src=x onerror=alert(1)> *x*",
            "&lt;img src=x onerror=alert(1)&gt; <em>x</em>",
        ),
        (
            "**x** </u> <u>open",
            "<strong>x</strong> &lt;/u&gt; <u>open</u>",
        ),
        ("*a <u>b* c</u>", "<em>a <u>b</u></em> c&lt;/u&gt;"),
        (
            "**x** <u onclick=x>y</u>",
            "<strong>x</strong> &lt;u onclick=x&gt;y&lt;/u&gt;",
        ),
        ("[x](javascript:alert(1)) *e*", "x <em>e</em>"),
        ("[x](data:text/html,y) *e*", "x <em>e</em>"),
        ("[code](src/main.rs)", "code (src/main.rs)"),
        ("```a\"><script>\nx\n```", "<pre><code>x\n</code></pre>"),
        (
            "[a](https://a.test/\"onx=\"y)",
            "<a href=\"https://a.test/&quot;onx=&quot;y\">a</a>",
        ),
    ] {
        let rendered = html_of(markdown);
        assert_eq!(rendered, expected, "{markdown:?}");
        assert_inert(&rendered);
    }
}

/// The HTML, or what a client makes of a body without one.
fn html_of(markdown: &str) -> String {
    render(markdown, true).html.unwrap_or_else(|| {
        let mut escaped = String::new();
        crate::event::escape_text(markdown, &mut escaped);
        escaped
    })
}

const TABLE: &str = "| Name | Size |\n| --- | ---: |\n| **a** | 1 |\n| b | 22 |";

#[test]
fn out_2_tables_in_four_forms() {
    let send = |tables| {
        let mut request = text(&format!("Before\n\n{TABLE}\n\nAfter"));
        request.tables = tables;
        content(&request)
    };
    let block = send(Tables::Block);
    assert_eq!(
        block["formatted_body"],
        "<p>Before</p><table><thead><tr><th>Name</th><th>Size</th></tr></thead><tbody>\
         <tr><td><strong>a</strong></td><td>1</td></tr><tr><td>b</td><td>22</td></tr></tbody></table><p>After</p>"
    );
    assert_eq!(block["body"], format!("Before\n\n{TABLE}\n\nAfter"));

    let bullets = send(Tables::Bullets);
    assert_eq!(
        bullets["body"],
        "Before\n\n- **a**\n  - Size: 1\n- **b**\n  - Size: 22\n\nAfter"
    );

    let code = send(Tables::Code);
    assert_eq!(
        code["formatted_body"],
        "<p>Before</p><pre><code>| Name  | Size |\n| ----- | ---- |\n| **a** | 1    |\n| b     | 22   |\n</code></pre><p>After</p>"
    );

    let off = send(Tables::Off);
    assert_eq!(
        off["formatted_body"],
        "<p>Before</p><p>| Name | Size |<br>| --- | ---: |<br>| <strong>a</strong> | 1 |<br>| b | 22 |</p><p>After</p>"
    );
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

#[test]
fn thr_4_threads_and_replies() {
    let mut request = text("a\n\nb");
    request.chunk_mode = ChunkMode::Newline;
    request.target.thread_root_id = Some(event_id!("$root").to_owned());
    let falling_back = json!({
        "rel_type": "m.thread", "event_id": "$root", "is_falling_back": true,
        "m.in_reply_to": { "event_id": "$root" },
    });
    for part in text_parts(&request) {
        assert_eq!(part.content["m.relates_to"], falling_back);
    }
    request.target.reply_to_id = Some(event_id!("$quoted").to_owned());
    let parts = text_parts(&request);
    assert_eq!(
        parts[0].content["m.relates_to"],
        json!({
            "rel_type": "m.thread", "event_id": "$root", "is_falling_back": false,
            "m.in_reply_to": { "event_id": "$quoted" },
        })
    );
    assert_eq!(parts[1].content["m.relates_to"], falling_back);
    request.target.thread_root_id = None;
    let parts = text_parts(&request);
    assert_eq!(
        parts[0].content["m.relates_to"],
        json!({ "m.in_reply_to": { "event_id": "$quoted" } })
    );
    assert_eq!(parts[1].content.get("m.relates_to"), None);
}

#[test]
fn men_9_user_ids_become_links_and_mentions() {
    let link = |id: &str| format!("<a href=\"https://matrix.to/#/{id}\">{id}</a>");
    let sent = content(&text("Ask @bob:hs.test, or @_irc_x_:a.test:8448."));
    assert_eq!(
        sent["formatted_body"],
        format!(
            "Ask {}, or {}.",
            link("@bob:hs.test"),
            link("@_irc_x_:a.test:8448")
        )
    );
    assert_eq!(
        sent["m.mentions"],
        json!({ "user_ids": ["@bob:hs.test", "@_irc_x_:a.test:8448"] })
    );
    let sent = content(&text(
        "**@bob:hs.test** [Bob](https://matrix.to/#/@bob:hs.test)",
    ));
    assert_eq!(sent["m.mentions"], json!({ "user_ids": ["@bob:hs.test"] }));
}

#[test]
fn men_9_no_mention_in_code_addresses_or_words() {
    for markdown in [
        "`@bob:hs.test`",
        "```\n@bob:hs.test\n```",
        "mail bob@hs.test:25",
        "https://a.test/@bob:hs.test",
        "\\@bob",
        "@room and @channel",
        "[see](https://a.test/?u=@bob:hs.test)",
        "@:hs.test @bob: x",
    ] {
        let sent = content(&text(markdown));
        assert_eq!(sent["m.mentions"], json!({}), "{markdown}");
        let formatted = sent["formatted_body"].as_str().unwrap_or_default();
        assert!(!formatted.contains("matrix.to"), "{formatted}");
    }
}

#[test]
fn men_9_edits_notify_only_whom_they_add() {
    let request = edit("@a:hs.test and @b:hs.test");
    let part = edit_part_naming(&request, &["@a:hs.test".to_owned()]);
    assert_eq!(
        part.content["m.mentions"],
        json!({ "user_ids": ["@b:hs.test"] })
    );
    assert_eq!(
        part.content["m.new_content"]["m.mentions"],
        json!({ "user_ids": ["@a:hs.test", "@b:hs.test"] })
    );
    assert_eq!(edit_part(&request).content["m.mentions"], json!({}));
}

#[test]
fn str_2_edits_carry_new_content_fallback_and_live_marker() {
    let mut request = edit("**done**");
    request.live = true;
    assert_eq!(
        edit_part(&request).content,
        json!({
            "msgtype": "m.text", "body": "* **done**", "format": "org.matrix.custom.html",
            "formatted_body": "* <strong>done</strong>", "m.mentions": {},
            "org.matrix.msc4357.live": {},
            "m.new_content": {
                "msgtype": "m.text", "body": "**done**", "format": "org.matrix.custom.html",
                "formatted_body": "<strong>done</strong>", "m.mentions": {},
                "org.matrix.msc4357.live": {},
            },
            "m.relates_to": { "rel_type": "m.replace", "event_id": "$original" },
        })
    );
    let mut request = text("draft");
    request.live = true;
    assert_eq!(content(&request)["org.matrix.msc4357.live"], json!({}));
}

#[test]
fn rea_1_reactions_and_redactions() {
    let part = reaction_part(event_id!("$e"), "👍");
    assert_eq!(part.event_type, "m.reaction");
    assert_eq!(
        part.content,
        json!({ "m.relates_to": { "rel_type": "m.annotation", "event_id": "$e", "key": "👍" } })
    );
    let part = redaction_part(event_id!("$e"), Some("why"));
    assert_eq!(part.event_type, "m.room.redaction");
    assert_eq!(part.content, json!({ "redacts": "$e", "reason": "why" }));
    assert_eq!(
        redaction_part(event_id!("$e"), None).content,
        json!({ "redacts": "$e" })
    );
}

/// Parses the HTML as a client would and looks at every element and attribute.
pub(crate) fn assert_inert(html: &str) {
    const ALLOWED: &[(&str, &[&str])] = &[
        ("a", &["href"]),
        ("b", &[]),
        ("blockquote", &[]),
        ("br", &[]),
        ("caption", &[]),
        ("code", &["class"]),
        ("del", &[]),
        ("details", &[]),
        ("div", &["data-mx-maths"]),
        ("em", &[]),
        ("h1", &[]),
        ("h2", &[]),
        ("h3", &[]),
        ("h4", &[]),
        ("h5", &[]),
        ("h6", &[]),
        ("hr", &[]),
        ("i", &[]),
        ("img", &["src", "alt", "title", "width", "height"]),
        ("li", &[]),
        ("ol", &["start"]),
        ("p", &[]),
        ("pre", &[]),
        ("s", &[]),
        (
            "span",
            &[
                "data-mx-color",
                "data-mx-bg-color",
                "data-mx-spoiler",
                "data-mx-maths",
            ],
        ),
        ("strong", &[]),
        ("sub", &[]),
        ("summary", &[]),
        ("sup", &[]),
        ("table", &[]),
        ("tbody", &[]),
        ("td", &[]),
        ("th", &[]),
        ("thead", &[]),
        ("tr", &[]),
        ("u", &[]),
        ("ul", &[]),
    ];
    fn walk(node: &NodeRef, html: &str) {
        if let Some(element) = node.as_element() {
            let name = &*element.name.local;
            let attributes = ALLOWED
                .iter()
                .find(|(allowed, _)| *allowed == name)
                .unwrap_or_else(|| panic!("<{name}> in {html}"))
                .1;
            for attribute in element.attrs.borrow().iter() {
                let key = &*attribute.name.local;
                assert!(attributes.contains(&key), "<{name} {key}> in {html}");
                let value = attribute.value.to_ascii_lowercase();
                let safe = match key {
                    "href" => ["http:", "https:", "mailto:", "matrix:", "ftp:", "magnet:"]
                        .iter()
                        .any(|scheme| value.starts_with(scheme)),
                    "src" => value.starts_with("mxc://"),
                    "class" => value.starts_with("language-"),
                    _ => true,
                };
                assert!(safe, "{key}={value} in {html}");
            }
        }
        for child in node.children() {
            walk(&child, html);
        }
    }
    for child in Html::parse(html).children() {
        walk(&child, html);
    }
}

#[test]
fn out_1_hostile_markdown_comes_out_inert() {
    for hostile in [
        "<a href=\"javascript:alert(1)\">x</a>",
        "<svg/onload=alert(1)>",
        "[x](JaVaScRiPt:alert(1))",
        "[x](\u{1}javascript:alert(1))",
        "[x]( javascript:alert(1))",
        "[x](vbscript:x) [y](file:///etc/passwd)",
        "![x](javascript:alert(1)) ![y](data:image/svg+xml,<svg>)",
        "![\"><script>alert(1)</script>](mxc://a/b)",
        "![x](mxc://a/\"onerror=\"alert(1))",
        "[<img src=x onerror=alert(1)>](https://a.test)",
        "<https://a.test/\"><script>>",
        "[a]: javascript:alert(1)\n\n[a]",
        "```<img src=x>\n</code></pre><script>\n```",
        "`</code><script>alert(1)</script>`",
        "||<img src=x onerror=y>||",
        "| <script> | `</table>` |\n|---|---|\n| </td><iframe> | x |",
        "<u><script></u>",
        "<!-- --><style>*{display:none}</style>",
        "&lt;script&gt;&#60;script&#62;",
        "@x\"onmouseover=\"y:hs.test",
        "[![x](https://a.test/i)](https://b.test)",
    ] {
        assert_inert(&html_of(hostile));
        assert_inert(&html_of(&format!("**x** {hostile}")));
        assert_inert(&html_of(&format!("> - {hostile}")));
    }
}

#[test]
fn out_1_bottomless_nesting_is_harmless() {
    for unit in [
        ">", "- ", "**", "<u>", "[", "![", "||a", "*a ", "`", "_", "<b>",
    ] {
        assert_inert(&html_of(&unit.repeat(2000)));
    }
}

fn markdown() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("**".to_owned()),
        Just("_".to_owned()),
        Just("~~".to_owned()),
        Just("||".to_owned()),
        Just("`".to_owned()),
        Just("```rust\n".to_owned()),
        Just("\n```\n".to_owned()),
        Just("\n".to_owned()),
        Just("\n\n".to_owned()),
        Just("> ".to_owned()),
        Just("- ".to_owned()),
        Just("    ".to_owned()),
        Just("1. ".to_owned()),
        Just("# ".to_owned()),
        Just("<u>".to_owned()),
        Just("</u>".to_owned()),
        Just("<script>".to_owned()),
        Just("<a href=x>".to_owned()),
        Just("[x](".to_owned()),
        Just("https://a.test".to_owned()),
        Just("javascript:".to_owned()),
        Just(")".to_owned()),
        Just("![".to_owned()),
        Just("](mxc://a/b)".to_owned()),
        Just("| a | b |\n|---|---|\n".to_owned()),
        Just("| c | d |\n".to_owned()),
        Just("@bob_x:hs.test".to_owned()),
        Just("\\".to_owned()),
        Just("👩‍👧".to_owned()),
        "[a-z ]{1,12}",
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn out_1_whatever_is_rendered_has_only_allowed_tags(markdown in markdown()) {
        for tables in [true, false] {
            if let Some(html) = render(&markdown, tables).html {
                assert_inert(&html);
            }
        }
    }

    #[test]
    fn out_3_whatever_is_split_stays_within_the_limit_and_complete(
        markdown in markdown(), limit in 32_usize..200, newline: bool,
    ) {
        let mut request = text(&markdown);
        request.chunk_limit = limit;
        request.chunk_mode = if newline { ChunkMode::Newline } else { ChunkMode::Length };
        let bodies = bodies(&request);
        for body in &bodies {
            prop_assert!(body.chars().count() <= limit, "{} > {limit}: {body:?}", body.chars().count());
        }
        // Letters are never lost; heads and languages may come again.
        let mut sent = bodies.concat().chars().filter(|c| c.is_alphabetic()).collect::<Vec<_>>();
        for c in markdown.chars().filter(|c| c.is_alphabetic()) {
            let at = sent.iter().position(|other| *other == c);
            prop_assert!(at.is_some(), "{c} is missing");
            sent.remove(at.expect("found"));
        }
        let distinct: BTreeSet<_> = bodies.iter().map(|body| body.trim().is_empty()).collect();
        prop_assert!(!distinct.contains(&true), "a blank event");
    }
}
