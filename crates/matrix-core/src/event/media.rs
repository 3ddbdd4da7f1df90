//! Files of messages: what they are called, what they are said to be, where they lie.

use ruma::MxcUri;
use serde_json::{Value, json};

use super::{
    MediaInfo, MediaKind, MessageKind,
    parse::{Object, object, string},
    text::{clip, is_blank, visible},
};

/// Bytes of a file name or MIME type.
const MAX_NAME: usize = 255;
/// Bytes of where a file lies; a key and a hash take about 400.
const MAX_SOURCE: usize = 2048;
/// Files of one gallery.
const MAX_ITEMS: usize = 20;

/// The caption of a file: its body, where a file name stands beside it and differs.
pub(super) fn caption(content: &Object) -> Option<&str> {
    let body = string(content, "body")?;
    let filename = string(content, "filename")?;
    (body != filename).then_some(body)
}

/// The files of a message, in order.
pub(super) fn media_of(kind: MessageKind, content: &Object) -> Vec<MediaInfo> {
    let kind = match kind {
        MessageKind::Image => MediaKind::Image,
        MessageKind::File => MediaKind::File,
        MessageKind::Audio => MediaKind::Audio,
        MessageKind::Video => MediaKind::Video,
        MessageKind::Gallery => return gallery(content),
        _ => return Vec::new(),
    };
    vec![file(kind, content)]
}

/// The picture of an `m.sticker`.
pub(super) fn sticker(content: &Object) -> MediaInfo {
    file(MediaKind::Sticker, content)
}

/// MSC4274; an item that is no file is left out.
fn gallery(content: &Object) -> Vec<MediaInfo> {
    content
        .get("itemtypes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter_map(|item| {
            let kind = match string(item, "itemtype")? {
                "m.image" => MediaKind::Image,
                "m.file" => MediaKind::File,
                "m.audio" => MediaKind::Audio,
                "m.video" => MediaKind::Video,
                _ => return None,
            };
            Some(file(kind, item))
        })
        .take(MAX_ITEMS)
        .collect()
}

fn file(kind: MediaKind, content: &Object) -> MediaInfo {
    let filename = string(content, "filename")
        .or_else(|| string(content, "body"))
        .unwrap_or_default();
    let filename = visible(clip(filename, 4 * MAX_NAME)).replace(['\n', '\t'], " ");
    let info = object(content, "info");
    let number = |key: &str| info.and_then(|info| whole(info.get(key)?));
    MediaInfo {
        kind,
        source: source(content),
        filename: clip(filename.trim(), MAX_NAME).to_owned(),
        mimetype: info
            .and_then(|info| string(info, "mimetype"))
            .filter(|mimetype| mimetype.len() <= MAX_NAME && !is_blank(mimetype))
            .map(str::to_owned),
        size: number("size"),
        width: number("w"),
        height: number("h"),
        duration_ms: number("duration"),
        voice: ["org.matrix.msc3245.voice", "m.voice"]
            .iter()
            .any(|key| content.get(*key).is_some_and(Value::is_object)),
    }
}

/// Where the file lies, as JSON: `file` as it stands, else `url`. Whether the key in it is
/// one shows when the file is fetched.
fn source(content: &Object) -> Option<String> {
    let valid = |url: &str| url.len() <= MAX_NAME && <&MxcUri>::from(url).is_valid();
    if let Some(file) = object(content, "file") {
        let url = string(file, "url").filter(|url| valid(url))?;
        let kept = ["v", "key", "iv", "hashes"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), file.get(key)?.clone())))
            .chain([("url".to_owned(), url.into())])
            .collect();
        return Some(Value::Object(kept).to_string()).filter(|json| json.len() <= MAX_SOURCE);
    }
    let url = string(content, "url").filter(|url| valid(url))?;
    Some(json!({ "url": url }).to_string())
}

/// A whole number that JavaScript holds exactly; some clients write `1.0`.
fn whole(value: &Value) -> Option<u64> {
    const MAX_SAFE: u64 = (1 << 53) - 1;
    value
        .as_u64()
        .or_else(|| {
            value
                .as_f64()
                .filter(|number| *number >= 0.0 && *number <= MAX_SAFE as f64)
                .map(|number| number as u64)
        })
        .filter(|number| *number <= MAX_SAFE)
}
