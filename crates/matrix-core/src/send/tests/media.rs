//! What is said of files.

use ruma::event_id;
use serde_json::json;

use super::*;
use crate::media::{Looks, Thumbnail};

fn request(caption: Option<&str>) -> SendMedia {
    let text = text("");
    SendMedia {
        target: text.target,
        files: Vec::new(),
        caption: caption.map(str::to_owned),
        key: None,
        chunk_limit: 100,
        chunk_mode: ChunkMode::Length,
        tables: Tables::Block,
        wait_ms: None,
    }
}

fn picture() -> FileEvent {
    let looks = Looks {
        mimetype: Some("image/png"),
        width: Some(1200),
        height: Some(900),
        blurhash: Some("LEHV6nWB2yk8".to_owned()),
        thumbnail: Some(Thumbnail {
            width: 800,
            height: 600,
            mimetype: "image/jpeg",
            bytes: vec![0; 7],
        }),
        ..Looks::default()
    };
    file_event(
        "/tmp/x/cat.png",
        Some("image/png"),
        (false, false),
        42,
        &looks,
    )
}

#[test]
fn med_7_a_picture_says_its_measures_and_those_of_its_small_copy() {
    let parts = media_parts(&request(None), &[picture()]);
    assert_eq!(
        parts[0].content,
        json!({
            "msgtype": "m.image", "body": "cat.png", "filename": "cat.png", "m.mentions": {},
            "info": {
                "mimetype": "image/png", "size": 42, "w": 1200, "h": 900,
                "xyz.amorgan.blurhash": "LEHV6nWB2yk8",
                "thumbnail_info": { "mimetype": "image/jpeg", "size": 7, "w": 800, "h": 600 },
            },
        })
    );
}

#[test]
fn med_9_the_caption_goes_with_the_first_file_alone() {
    let mut request = request(Some("**look** at @bob:hs.test"));
    request.target.reply_to_id = Some(event_id!("$quoted").to_owned());
    let parts = media_parts(&request, &[picture(), picture()]);
    assert_eq!(parts.len(), 2);
    let first = &parts[0].content;
    assert_eq!(first["body"], "**look** at @bob:hs.test");
    assert_eq!(first["filename"], "cat.png");
    assert!(
        first["formatted_body"]
            .as_str()
            .unwrap()
            .contains("<strong>look</strong>")
    );
    assert_eq!(first["m.mentions"]["user_ids"], json!(["@bob:hs.test"]));
    assert_eq!(
        first["m.relates_to"]["m.in_reply_to"]["event_id"],
        "$quoted"
    );
    let second = &parts[1].content;
    assert_eq!(second["body"], "cat.png");
    assert!(second.get("formatted_body").is_none() && second.get("m.relates_to").is_none());
}

#[test]
fn med_9_a_caption_longer_than_a_message_goes_on_after_the_files() {
    let caption = "word ".repeat(50);
    let parts = media_parts(&request(Some(&caption)), &[picture(), picture()]);
    assert!(parts.len() > 3, "{}", parts.len());
    let kinds: Vec<_> = parts
        .iter()
        .map(|part| part.content["msgtype"].as_str())
        .collect();
    assert_eq!(
        kinds[..3],
        [Some("m.image"), Some("m.image"), Some("m.text")]
    );
    let words: usize = parts
        .iter()
        .filter_map(|part| part.content["body"].as_str())
        .map(|body| body.matches("word").count())
        .sum();
    assert_eq!(words, 50);
}

#[test]
fn med_6_the_kind_follows_the_type() {
    let kind = |mimetype: Option<&str>, as_file: bool| {
        let event = file_event("x", mimetype, (false, as_file), 1, &Looks::default());
        let parts = media_parts(&request(None), &[event]);
        let content = &parts[0].content;
        (
            content["msgtype"].as_str().unwrap().to_owned(),
            content["info"]["mimetype"].as_str().unwrap().to_owned(),
        )
    };
    let said = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        kind(Some("Video/MP4; codecs=x"), false),
        said("m.video", "video/mp4")
    );
    assert_eq!(kind(Some("audio/ogg"), false), said("m.audio", "audio/ogg"));
    assert_eq!(
        kind(Some("image/svg+xml"), false),
        said("m.file", "image/svg+xml")
    );
    assert_eq!(kind(Some("image/png"), true), said("m.file", "image/png"));
    assert_eq!(
        kind(Some("nonsense"), false),
        said("m.file", "application/octet-stream")
    );
    assert_eq!(
        kind(None, false),
        said("m.file", "application/octet-stream")
    );
}

#[test]
fn voi_3_a_voice_message_says_its_length_and_its_waveform() {
    let looks = Looks {
        duration_ms: Some(1500),
        waveform: Some(vec![0, 512, 1024]),
        ..Looks::default()
    };
    let event = file_event("v.ogg", Some("audio/ogg"), (true, false), 9, &looks);
    let parts = media_parts(&request(None), &[event]);
    let content = &parts[0].content;
    assert_eq!(content["org.matrix.msc3245.voice"], json!({}));
    assert_eq!(
        content["org.matrix.msc1767.audio"],
        json!({ "duration": 1500, "waveform": [0, 512, 1024] })
    );
    assert_eq!(content["info"]["duration"], 1500);
    // Only sound is a voice message.
    let parts = media_parts(
        &request(None),
        &[file_event(
            "a.png",
            Some("image/png"),
            (true, false),
            9,
            &looks,
        )],
    );
    assert!(parts[0].content.get("org.matrix.msc3245.voice").is_none());
}
