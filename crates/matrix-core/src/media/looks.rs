//! What a file is like, as far as can be told from it without playing it.

use super::{mp4, ogg, picture, wave};

/// What goes into an event's `info`.
#[derive(Default, PartialEq)]
pub(crate) struct Looks {
    /// By the file's own bytes, where they tell.
    pub mimetype: Option<&'static str>,
    /// Pixels, as shown.
    pub width: Option<u64>,
    /// Pixels, as shown.
    pub height: Option<u64>,
    /// Of sound and films.
    pub duration_ms: Option<u64>,
    /// Loudness over time, 0 to 1024.
    pub waveform: Option<Vec<u16>>,
    /// Of pictures.
    pub blurhash: Option<String>,
    /// Of pictures that are larger.
    pub thumbnail: Option<Thumbnail>,
}

/// A small copy of a picture.
#[derive(PartialEq)]
pub(crate) struct Thumbnail {
    /// Pixels.
    pub width: u64,
    /// Pixels.
    pub height: u64,
    /// Of the copy.
    pub mimetype: &'static str,
    /// The copy.
    pub bytes: Vec<u8>,
}

/// Steps of a waveform.
pub(super) const STEPS: usize = 100;
/// The loudest step (MSC3246).
pub(super) const LOUDEST: f32 = 1024.0;

/// Looks at a file. `claimed` is what others say it is, `small` a small JPEG of it where there
/// is one.
pub(crate) fn look(bytes: &[u8], claimed: Option<&str>, small: Option<Vec<u8>>) -> Looks {
    let kind = claimed.and_then(|mimetype| mimetype.split('/').next());
    if picture::mimetype(bytes).is_some() && matches!(kind, None | Some("image" | "application")) {
        return picture::look(bytes, small, Looks::default());
    }
    let looks = ogg::look(bytes)
        .or_else(|| wave::look(bytes))
        .or_else(|| mp4::look(bytes))
        .unwrap_or_default();
    match kind {
        Some("image" | "video") => picture::look(&[], small, looks),
        _ => looks,
    }
}

/// A waveform of what was heard: levels, each for a stretch of time.
pub(super) fn waveform(levels: &[(f32, f32)]) -> Option<Vec<u16>> {
    let whole: f32 = levels.iter().map(|(_, length)| length).sum();
    if whole <= 0.0 {
        return None;
    }
    let mut steps = vec![0.0_f32; STEPS];
    let mut at = 0.0_f32;
    for (level, length) in levels {
        let first = (((at / whole) * STEPS as f32) as usize).min(STEPS - 1);
        at += length;
        let last = (((at / whole) * STEPS as f32).ceil() as usize).clamp(first + 1, STEPS);
        for step in &mut steps[first..last] {
            *step = step.max(*level);
        }
    }
    let loudest = steps.iter().fold(0.0_f32, |most, step| most.max(*step));
    if loudest <= 0.0 {
        return None;
    }
    Some(
        steps
            .iter()
            .map(|step| (step / loudest * LOUDEST).round() as u16)
            .collect(),
    )
}
