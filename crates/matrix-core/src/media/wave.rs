//! WAVE: how long it is, and how loud if it is plain PCM of 16 bits.

use super::looks::{Looks, STEPS, waveform};

/// `None` if it is none.
pub(super) fn look(bytes: &[u8]) -> Option<Looks> {
    if !bytes.starts_with(b"RIFF") || bytes.get(8..12)? != b"WAVE" {
        return None;
    }
    let mut rest = bytes.get(12..)?;
    let mut format = None;
    while rest.len() >= 8 {
        let (id, length) = (&rest[..4], u32::from_le_bytes(rest[4..8].try_into().ok()?));
        let length = length as usize;
        let body = &rest[8..];
        let body = &body[..length.min(body.len())];
        match id {
            b"fmt " if body.len() >= 16 => {
                let rate = u32::from_le_bytes(body[8..12].try_into().ok()?);
                let pcm = body[..2] == [1, 0] && body[14..16] == [16, 0];
                format = Some((u64::from(rate), pcm));
            }
            b"data" => {
                let (rate, pcm) = format.filter(|(rate, _)| *rate > 0)?;
                return Some(Looks {
                    mimetype: Some("audio/wav"),
                    duration_ms: Some(body.len() as u64 * 1000 / rate),
                    waveform: pcm.then(|| waveform(&loudness(body))).flatten(),
                    ..Looks::default()
                });
            }
            _ => {}
        }
        // Chunks begin at even places.
        rest = rest.get(8 + length + length % 2..)?;
    }
    None
}

/// The highest sample of each stretch.
fn loudness(samples: &[u8]) -> Vec<(f32, f32)> {
    let stretch = (samples.len() / 2).div_ceil(STEPS).max(1) * 2;
    samples
        .chunks(stretch)
        .map(|stretch| {
            let most = stretch
                .chunks_exact(2)
                .map(|sample| i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs())
                .max();
            (f32::from(most.unwrap_or(0)), stretch.len() as f32)
        })
        .collect()
}
