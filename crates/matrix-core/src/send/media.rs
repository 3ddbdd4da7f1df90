//! The contents of files that we send, before they say where the file lies.

use serde_json::{Map, Value, json};

use super::{Extra, SendMedia, SendText, TextKind, content, content::text_parts};
use crate::{media::Looks, outbox::Part};

/// Bytes of a file's name.
const MAX_NAME: usize = 255;

/// What an event says of a file.
pub(crate) struct FileEvent {
    msgtype: &'static str,
    /// As it is shown.
    pub filename: String,
    /// As it is said.
    pub mimetype: String,
    info: Value,
    /// MSC3245's marks.
    voice: Option<Value>,
}

impl FileEvent {
    /// The event speaks of a small copy.
    pub fn has_thumbnail(&self) -> bool {
        self.info.get("thumbnail_info").is_some()
    }
}

/// Describes a file by what is said of it and how it looks.
pub(crate) fn file_event(
    filename: &str,
    mimetype: Option<&str>,
    (voice, as_file): (bool, bool),
    size: u64,
    looks: &Looks,
) -> FileEvent {
    let mimetype = mimetype
        .map(|mimetype| {
            mimetype
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase()
        })
        .filter(|mimetype| mimetype.contains('/') && mimetype != "application/octet-stream")
        .or_else(|| looks.mimetype.map(str::to_owned))
        .unwrap_or_else(|| "application/octet-stream".to_owned());
    let msgtype = match mimetype.split('/').next() {
        _ if as_file => "m.file",
        // Programs, not pictures, to most clients.
        Some("image") if mimetype != "image/svg+xml" => "m.image",
        Some("video") => "m.video",
        Some("audio") => "m.audio",
        _ => "m.file",
    };
    let mut info = json!({ "mimetype": mimetype, "size": size });
    let mut say = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            info[key] = value;
        }
    };
    if matches!(msgtype, "m.image" | "m.video") {
        say("w", looks.width.map(Value::from));
        say("h", looks.height.map(Value::from));
        // MSC2448
        say(
            "xyz.amorgan.blurhash",
            looks.blurhash.clone().map(Value::from),
        );
    }
    if matches!(msgtype, "m.audio" | "m.video") {
        say("duration", looks.duration_ms.map(Value::from));
    }
    if matches!(msgtype, "m.image" | "m.video")
        && let Some(small) = &looks.thumbnail
    {
        let said = json!({
            "mimetype": small.mimetype, "size": small.bytes.len(),
            "w": small.width, "h": small.height,
        });
        say("thumbnail_info", Some(said));
    }
    let voice = (voice && msgtype == "m.audio").then(|| {
        let mut audio = Map::new();
        if let Some(duration) = looks.duration_ms {
            audio.insert("duration".to_owned(), duration.into());
        }
        if let Some(waveform) = &looks.waveform {
            audio.insert("waveform".to_owned(), waveform.clone().into());
        }
        Value::Object(audio)
    });
    FileEvent {
        msgtype,
        filename: shown_name(filename, msgtype),
        mimetype,
        info,
        voice,
    }
}

/// The events: the files in order, the caption with the first, and of a caption that is longer
/// than a message the rest after them.
pub(crate) fn media_parts(request: &SendMedia, files: &[FileEvent]) -> Vec<Part> {
    let mut texts = match request.caption.as_deref().map(str::trim) {
        Some(caption) if !caption.is_empty() => text_parts(&SendText {
            target: request.target.clone(),
            markdown: caption.to_owned(),
            kind: TextKind::Text,
            key: None,
            chunk_limit: request.chunk_limit,
            chunk_mode: request.chunk_mode,
            live: false,
            tables: request.tables,
            wait_ms: None,
            extra: Extra::default(),
        }),
        _ => Vec::new(),
    }
    .into_iter();
    let mut parts: Vec<Part> = files
        .iter()
        .enumerate()
        .map(|(index, file)| {
            let said = if index == 0 { texts.next() } else { None };
            let content = match said.map(|part| part.content) {
                Some(Value::Object(content)) => content,
                _ => uncaptioned(request, file, index == 0),
            };
            Part {
                event_type: "m.room.message".to_owned(),
                content: Value::Object(with_file(content, file)),
            }
        })
        .collect();
    parts.extend(texts);
    parts
}

fn uncaptioned(request: &SendMedia, file: &FileEvent, first: bool) -> Map<String, Value> {
    let mut content = Map::new();
    content.insert("body".to_owned(), file.filename.clone().into());
    content.insert("m.mentions".to_owned(), json!({}));
    if let Some(relation) = content::relation(&request.target, first) {
        content.insert("m.relates_to".to_owned(), relation);
    }
    content
}

fn with_file(mut content: Map<String, Value>, file: &FileEvent) -> Map<String, Value> {
    content.insert("msgtype".to_owned(), file.msgtype.into());
    content.insert("filename".to_owned(), file.filename.clone().into());
    content.insert("info".to_owned(), file.info.clone());
    if let Some(audio) = &file.voice {
        content.insert("org.matrix.msc3245.voice".to_owned(), json!({}));
        content.insert("org.matrix.msc1767.audio".to_owned(), audio.clone());
    }
    content
}

/// The last part of a path, in one line.
fn shown_name(name: &str, msgtype: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    let mut end = name.len().min(MAX_NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    match name[..end].trim() {
        "" => msgtype.trim_start_matches("m.").to_owned(),
        name => name.to_owned(),
    }
}
