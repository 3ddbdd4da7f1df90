//! Ogg with Opus or Vorbis: how long it is, and roughly how loud (RFC 3533, RFC 7845).

use super::looks::{Looks, waveform};

/// Opus counts time in these, whatever it was recorded with.
const OPUS_RATE: u64 = 48_000;

struct Page<'a> {
    granule: i64,
    serial: u32,
    lacing: &'a [u8],
    body: &'a [u8],
}

/// `None` if it is none of these.
pub(super) fn look(bytes: &[u8]) -> Option<Looks> {
    let mut rest = bytes;
    let first = page(&mut rest)?;
    let (rate, skipped, opus) = if first.body.starts_with(b"OpusHead") {
        let skipped = u64::from(u16::from_le_bytes(first.body.get(10..12)?.try_into().ok()?));
        (OPUS_RATE, skipped, true)
    } else if first.body.starts_with(b"\x01vorbis") {
        let rate = u32::from_le_bytes(first.body.get(12..16)?.try_into().ok()?);
        (u64::from(rate), 0, false)
    } else {
        return None;
    };
    if rate == 0 {
        return None;
    }
    let mut last = 0_u64;
    let mut packets: Vec<(f32, f32)> = Vec::new();
    // Of a packet that goes on in the next page.
    let (mut size, mut toc) = (0_usize, None);
    let mut headers = 1;
    while let Some(page) = page(&mut rest) {
        if page.serial != first.serial {
            continue;
        }
        if let Ok(granule) = u64::try_from(page.granule) {
            last = last.max(granule);
        }
        let mut at = 0;
        for lace in page.lacing {
            if size == 0 {
                toc = page.body.get(at).copied();
            }
            at += usize::from(*lace);
            size += usize::from(*lace);
            if *lace < 255 {
                // The tags.
                if headers > 0 {
                    headers -= 1;
                } else if opus && let Some(toc) = toc {
                    packets.push((size as f32, frame_ms(toc)));
                }
                (size, toc) = (0, None);
            }
        }
    }
    let samples = last.saturating_sub(skipped);
    Some(Looks {
        mimetype: Some("audio/ogg"),
        duration_ms: Some(samples.saturating_mul(1000) / rate).filter(|ms| *ms > 0),
        // With a variable bit rate, which speech has, loud is large.
        waveform: waveform(&packets),
        ..Looks::default()
    })
}

/// The next page; `None` at the end, and where it is damaged.
fn page<'a>(rest: &mut &'a [u8]) -> Option<Page<'a>> {
    let head = rest.get(..27)?;
    if !head.starts_with(b"OggS") {
        return None;
    }
    let granule = i64::from_le_bytes(head[6..14].try_into().ok()?);
    let serial = u32::from_le_bytes(head[14..18].try_into().ok()?);
    let lacing = rest.get(27..27 + usize::from(head[26]))?;
    let start = 27 + lacing.len();
    let length: usize = lacing.iter().map(|lace| usize::from(*lace)).sum();
    let body = rest.get(start..start + length)?;
    *rest = &rest[start + length..];
    Some(Page {
        granule,
        serial,
        lacing,
        body,
    })
}

/// Milliseconds of a packet's first frame; how many frames it has is the same all along.
fn frame_ms(toc: u8) -> f32 {
    match toc >> 3 {
        config @ 0..=11 => [10.0, 20.0, 40.0, 60.0][usize::from(config % 4)],
        config @ 12..=15 => [10.0, 20.0][usize::from(config % 2)],
        config => [2.5, 5.0, 10.0, 20.0][usize::from(config % 4)],
    }
}
