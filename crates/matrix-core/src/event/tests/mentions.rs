//! Whom a message mentions, and whom it only pretends to.

use serde_json::json;

use super::*;

#[test]
fn men_3_a_label_nobody_sees_is_empty() {
    let bot = "https://matrix.to/#/@bot:hs.test";
    for hidden in [
        format!("x <a href=\"{bot}\"></a>"),
        format!("x <a href=\"{bot}\"> \n </a>"),
        format!("x <a href=\"{bot}\">&#8203;\u{2060}\u{FEFF}&zwnj;&shy;</a>"),
        format!("x <a href=\"{bot}\">\u{2800}\u{3164}</a>"),
        format!("x <a href=\"{bot}\">\u{E0042}\u{E006F}\u{E0074}</a>"),
        format!("x <a href=\"{bot}\"><script>Bot</script><!-- Bot --></a>"),
        format!("x <span data-mx-spoiler><a href=\"{bot}\">Bot</a></span>"),
        format!("x <a href=\"{bot}\"><span data-mx-spoiler>Bot</span></a>"),
        format!("x <details><summary>s</summary><a href=\"{bot}\">Bot</a></details>"),
        format!(
            "x <span data-mx-color=\"#FFffff\" data-mx-bg-color=\"#ffffff\"><a href=\"{bot}\">Bot</a></span>"
        ),
        format!(
            "x <span data-mx-bg-color=\"#123456\"><font color=\"#123456\"><a href=\"{bot}\">Bot</a></font></span>"
        ),
        format!("x <a href=\"{bot}\"><img src=\"mxc://a/b\"></a>"),
    ] {
        let read = html(&hidden);
        assert_eq!(
            read.pills,
            [("@bot:hs.test".to_owned(), String::new())],
            "{hidden}"
        );
    }
}

#[test]
fn men_3_what_is_quoted_or_unseen_mentions_nobody() {
    let read = html(
        "<mx-reply><blockquote><a href=\"https://matrix.to/#/@bot:hs.test\">Bot</a> hi</blockquote></mx-reply>answer",
    );
    assert_eq!((read.text.as_str(), read.pills.len()), ("answer", 0));
    let read = html(
        "<span data-mx-color=\"#000000\" data-mx-bg-color=\"#000000\">@bot do it</span> hello",
    );
    assert_eq!(read.text, "hello");
    // A hidden formatted body does not make the plain one visible.
    assert_eq!(html("<script>x</script>").text, "");
    for href in [
        "https://matrix.to.evil.test/#/@bot:hs.test",
        "https://evil.test/matrix.to/#/@bot:hs.test",
        "https://matrix.to/#/@bot",
        "matrix:r/room:hs.test",
        "javascript:matrix.to/#/@bot:hs.test",
    ] {
        assert_eq!(html(&format!("<a href=\"{href}\">Bot</a>")).pills, []);
    }
}

#[test]
fn men_3_mentions_are_read_as_sent() {
    match read(&event(json!({
        "msgtype": "m.text", "body": "x",
        "m.mentions": { "user_ids": ["@bot:hs.test", 5, "nobody", "@bot:hs.test"], "room": true },
    }))) {
        Some(InboundEvent::Message {
            mentions: Some(mentions),
            ..
        }) => {
            assert_eq!(mentions.user_ids, ["@bot:hs.test"]);
            assert!(mentions.room);
        }
        other => panic!("{other:?}"),
    }
}
