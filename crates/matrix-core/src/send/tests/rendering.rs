//! Markdown as HTML and mentions.

use proptest::prelude::*;
use serde_json::json;

use super::*;

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
        assert_eq!(
            render(markdown, true, &HashMap::new()).html,
            None,
            "{markdown:?}"
        );
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
    render(markdown, true, &HashMap::new())
        .html
        .unwrap_or_else(|| {
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
        "![![](mxc://a/b)![](mxc://a/b)](mxc://a/b)",
        "![**b** [l](https://a.test) <u>u</u> ||s|| `c\"`](mxc://a/b) \"",
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

proptest! {
    #[test]
    fn out_1_whatever_is_rendered_has_only_allowed_tags(markdown in markdown()) {
        for tables in [true, false] {
            if let Some(html) = render(&markdown, tables, &HashMap::new()).html {
                assert_inert(&html);
            }
        }
    }
}

#[test]
fn emo_2_shortcodes_become_images() {
    let known = HashMap::from([
        ("party".to_owned(), "mxc://hs.test/party".to_owned()),
        ("a<b".to_owned(), "mxc://hs.test/\"x".to_owned()),
    ]);
    let html = |markdown: &str| render(markdown, true, &known).html;
    let party = "<img data-mx-emoticon src=\"mxc://hs.test/party\" alt=\":party:\" title=\":party:\" height=\"32\">";
    assert_eq!(html("Hi :party:!"), Some(format!("Hi {party}!")));
    assert_eq!(html("x:y:party:"), Some(format!("x:y{party}")));
    assert_eq!(
        html("**:party:**"),
        Some(format!("<strong>{party}</strong>"))
    );
    assert_eq!(html("10:30:15 :nobody: :par ty:"), None);
    assert_eq!(html("`:party:`"), Some("<code>:party:</code>".to_owned()));
    let escaped = html(":a<b:").unwrap();
    assert!(
        escaped.contains("alt=\":a&lt;b:\"") && escaped.contains("/&quot;x\""),
        "{escaped}"
    );
    assert!(names_emoticons("so :party: it is") && names_emoticons("a:b:c"));
    assert!(!names_emoticons("at 10:30, : or :: it is") && !names_emoticons("plain"));
}
