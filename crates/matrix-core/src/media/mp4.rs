//! MP4 and its kin (ISO/IEC 14496-12): how long and how large, by the file's index.

use super::looks::Looks;

/// `None` if it is none.
pub(super) fn look(bytes: &[u8]) -> Option<Looks> {
    if bytes.get(4..8)? != b"ftyp" {
        return None;
    }
    let mut looks = Looks::default();
    let Some(index) = boxes(bytes).find(|(id, _)| id == b"moov") else {
        return Some(looks);
    };
    for (id, body) in boxes(index.1) {
        match &id {
            b"mvhd" => looks.duration_ms = duration(body),
            b"trak" => {
                let size = boxes(body)
                    .find(|(id, _)| id == b"tkhd")
                    .and_then(|(_, body)| size(body));
                if let Some((width, height)) = size
                    && width * height > looks.width.unwrap_or(0) * looks.height.unwrap_or(0)
                {
                    looks.width = Some(width);
                    looks.height = Some(height);
                }
            }
            _ => {}
        }
    }
    Some(looks)
}

/// The boxes of a stretch, as far as they are whole.
fn boxes(mut rest: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let id: [u8; 4] = rest.get(4..8)?.try_into().ok()?;
        let (head, length) = match number(rest, 0, 4)? {
            0 => (8, rest.len() as u64),
            1 => (16, number(rest, 8, 8)?),
            length => (8, length),
        };
        let length = usize::try_from(length).ok()?;
        let body = rest.get(head..length)?;
        rest = &rest[length..];
        Some((id, body))
    })
}

fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at + length)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

fn duration(header: &[u8]) -> Option<u64> {
    let (scale, length) = match header.first()? {
        0 => (number(header, 12, 4)?, number(header, 16, 4)?),
        _ => (number(header, 20, 4)?, number(header, 24, 8)?),
    };
    if scale == 0 {
        return None;
    }
    Some(length.saturating_mul(1000) / scale).filter(|ms| *ms > 0 && *ms < u64::from(u32::MAX))
}

/// Of a track that is seen; as shown, if it is turned.
fn size(header: &[u8]) -> Option<(u64, u64)> {
    let matrix = if *header.first()? == 0 { 40 } else { 52 };
    let width = number(header, matrix + 36, 4)? >> 16;
    let height = number(header, matrix + 40, 4)? >> 16;
    if width == 0 || height == 0 {
        return None;
    }
    let turned = number(header, matrix, 4)? == 0 && number(header, matrix + 16, 4)? == 0;
    Some(if turned {
        (height, width)
    } else {
        (width, height)
    })
}
