//! BlurHash: a picture's colours in thirty characters, shown while it loads (MSC2448).
//! After <https://github.com/woltapp/blurhash/blob/master/Algorithm.md>.

use std::f32::consts::PI;

const ALPHABET: &[u8; 83] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
/// Components across and down.
const ACROSS: usize = 4;
const DOWN: usize = 3;

/// The hash of a small picture; three bytes a pixel, row by row.
pub(super) fn encode(width: usize, height: usize, rgb: &[u8]) -> Option<String> {
    if width == 0 || height == 0 || rgb.len() != width * height * 3 {
        return None;
    }
    let factors: Vec<[f32; 3]> = (0..DOWN)
        .flat_map(|down| (0..ACROSS).map(move |across| (across, down)))
        .map(|(across, down)| factor(across, down, width, height, rgb))
        .collect();
    let (average, details) = factors.split_first()?;
    let mut hash = String::with_capacity(4 + 2 * ACROSS * DOWN);
    digits(&mut hash, (ACROSS - 1) + (DOWN - 1) * 9, 1);
    let greatest = details
        .iter()
        .flatten()
        .fold(0.0_f32, |greatest, value| greatest.max(value.abs()));
    let scale = ((greatest * 166.0 - 0.5).floor().clamp(0.0, 82.0)) as usize;
    digits(&mut hash, scale, 1);
    let greatest = (scale + 1) as f32 / 166.0;
    let [red, green, blue] = average.map(|value| usize::from(to_srgb(value)));
    digits(&mut hash, (red << 16) + (green << 8) + blue, 4);
    for detail in details {
        let [red, green, blue] = detail.map(|value| {
            let part = value / greatest;
            let root = part.abs().sqrt().copysign(part);
            (root * 9.0 + 9.5).floor().clamp(0.0, 18.0) as usize
        });
        digits(&mut hash, (red * 19 + green) * 19 + blue, 2);
    }
    Some(hash)
}

/// One component of the cosine transform, in linear light.
fn factor(across: usize, down: usize, width: usize, height: usize, rgb: &[u8]) -> [f32; 3] {
    let mut sum = [0.0_f32; 3];
    for (y, row) in rgb.chunks_exact(width * 3).enumerate() {
        let vertical = (PI * down as f32 * y as f32 / height as f32).cos();
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            let basis = vertical * (PI * across as f32 * x as f32 / width as f32).cos();
            for (sum, value) in sum.iter_mut().zip(pixel) {
                *sum += basis * to_linear(*value);
            }
        }
    }
    let normal = if across == 0 && down == 0 { 1.0 } else { 2.0 };
    sum.map(|sum| sum * normal / (width * height) as f32)
}

fn to_linear(value: u8) -> f32 {
    let value = f32::from(value) / 255.0;
    if value <= 0.040_45 {
        value / 12.92
    } else {
        ((value + 0.055) / 1.055).powf(2.4)
    }
}

fn to_srgb(value: f32) -> u8 {
    let value = value.clamp(0.0, 1.0);
    let value = if value <= 0.003_130_8 {
        value * 12.92
    } else {
        1.055 * value.powf(1.0 / 2.4) - 0.055
    };
    (value * 255.0).round() as u8
}

fn digits(hash: &mut String, value: usize, count: u32) {
    for place in (0..count).rev() {
        let digit = value / 83_usize.pow(place) % 83;
        hash.push(char::from(ALPHABET[digit]));
    }
}
