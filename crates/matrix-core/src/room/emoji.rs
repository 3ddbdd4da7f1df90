//! Custom emoji: image packs of rooms and of the account (MSC2545).

use std::collections::BTreeMap;

use ruma::MxcUri;
use serde_json::Value;

/// Bytes of a shortcode.
const MAX_SHORTCODE: usize = 100;

/// A custom emoji.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Emoji {
    pub shortcode: String,
    /// `mxc:` address of its image.
    pub url: String,
}

/// The emoji of some packs, by shortcode; of two with the same one the earlier pack's. Images
/// that are for stickers alone are left out.
pub(crate) fn emojis<'a>(packs: impl IntoIterator<Item = &'a Value>) -> Vec<Emoji> {
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for pack in packs {
        let usage = usage(pack.get("pack"));
        let images = pack.get("images").and_then(Value::as_object);
        for (shortcode, image) in images.into_iter().flatten() {
            let url = image.get("url").and_then(Value::as_str).unwrap_or_default();
            let for_text = self::usage(Some(image)).or(usage).unwrap_or(true);
            if for_text && is_shortcode(shortcode) && <&MxcUri>::from(url).is_valid() {
                found.entry(shortcode).or_insert(url);
            }
        }
    }
    found
        .into_iter()
        .map(|(shortcode, url)| Emoji {
            shortcode: shortcode.to_owned(),
            url: url.to_owned(),
        })
        .collect()
}

/// The rooms whose packs the account uses everywhere, with the packs' state keys
/// (`im.ponies.emote_rooms`).
pub(crate) fn pack_rooms(content: &Value) -> impl Iterator<Item = (&str, &str)> {
    let rooms = content.get("rooms").and_then(Value::as_object);
    rooms.into_iter().flatten().flat_map(|(room_id, packs)| {
        let packs = packs.as_object().into_iter().flatten();
        packs.map(move |(key, _)| (room_id.as_str(), key.as_str()))
    })
}

/// Whether something is for text; `None` if it does not say.
fn usage(of: Option<&Value>) -> Option<bool> {
    let usage = of?.get("usage")?.as_array()?;
    (!usage.is_empty()).then(|| usage.iter().any(|one| one == "emoticon"))
}

fn is_shortcode(text: &str) -> bool {
    let fits = !text.is_empty() && text.len() <= MAX_SHORTCODE;
    fits && !text.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn emo_1_packs_without_what_is_for_stickers() {
        let room = json!({
            "pack": { "usage": ["emoticon"] },
            "images": {
                "party": { "url": "mxc://hs.test/party" },
                "cat": { "url": "mxc://hs.test/cat", "usage": ["sticker"] },
                "web": { "url": "https://hs.test/web.png" },
                "two words": { "url": "mxc://hs.test/two" },
                "": { "url": "mxc://hs.test/none" },
            },
        });
        let stickers = json!({
            "pack": { "usage": ["sticker"] },
            "images": {
                "dog": { "url": "mxc://hs.test/dog" },
                "bird": { "url": "mxc://hs.test/bird", "usage": ["sticker", "emoticon"] },
            },
        });
        let own = json!({ "images": {
            "party": { "url": "mxc://hs.test/other" },
            "apple": { "url": "mxc://hs.test/apple", "usage": [] },
        } });
        let found = emojis([&room, &stickers, &own, &json!([]), &json!({ "images": 1 })]);
        let found: Vec<_> = found
            .iter()
            .map(|emoji| (emoji.shortcode.as_str(), emoji.url.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("apple", "mxc://hs.test/apple"),
                ("bird", "mxc://hs.test/bird"),
                ("party", "mxc://hs.test/party"),
            ]
        );
    }

    #[test]
    fn emo_2_rooms_whose_packs_are_used_everywhere() {
        let content = json!({ "rooms": { "!a:hs.test": { "": {}, "fun": {} }, "!b:hs.test": 1 } });
        let rooms: Vec<_> = pack_rooms(&content).collect();
        assert_eq!(rooms, [("!a:hs.test", ""), ("!a:hs.test", "fun")]);
        assert_eq!(pack_rooms(&json!(null)).count(), 0);
    }
}
