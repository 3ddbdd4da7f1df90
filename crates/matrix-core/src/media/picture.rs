//! Pictures: how large they are, by their headers; of a small copy, its colours.

use zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};
use zune_jpeg::JpegDecoder;

use super::{
    blurhash,
    looks::{Looks, Thumbnail},
};

/// A picture with a longer side than this is shown by its small copy first.
const SMALL: u64 = 800;
/// A small copy with a longer side than this is none, and is not decoded.
const MAX_SIDE: usize = 1024;
/// Pixels across and down that a BlurHash looks at.
const SAMPLES: usize = 32;

/// What can be told of a picture, or of a film whose measures are known. `small` is a small JPEG
/// of it.
pub(super) fn look(bytes: &[u8], small: Option<Vec<u8>>, mut looks: Looks) -> Looks {
    if let Ok(size) = imagesize::blob_size(bytes) {
        looks.width = u64::try_from(size.width).ok();
        looks.height = u64::try_from(size.height).ok();
        looks.mimetype = mimetype(bytes);
    }
    let Some((copy, rgb)) = small.and_then(decoded) else {
        return looks;
    };
    let (width, height) = (copy.width as usize, copy.height as usize);
    let (width, height, samples) = sampled(width, height, &rgb);
    looks.blurhash = blurhash::encode(width, height, &samples);
    // The header of a photograph may be of the picture as it lies; the copy is as it is shown.
    if let (Some(width), Some(height)) = (looks.width, looks.height)
        && (width > height) != (copy.width > copy.height)
        && copy.width != copy.height
    {
        (looks.width, looks.height) = (Some(height), Some(width));
    }
    let longer = looks.width.max(looks.height);
    if longer.is_none_or(|longer| longer > SMALL) {
        looks.thumbnail = Some(copy);
    }
    looks
}

/// The format by the file's first bytes.
pub(super) fn mimetype(bytes: &[u8]) -> Option<&'static str> {
    use imagesize::ImageType;
    Some(match imagesize::image_type(bytes).ok()? {
        ImageType::Png => "image/png",
        ImageType::Jpeg => "image/jpeg",
        ImageType::Gif => "image/gif",
        ImageType::Webp => "image/webp",
        _ => return None,
    })
}

/// The small copy and its pixels, if it is one.
fn decoded(bytes: Vec<u8>) -> Option<(Thumbnail, Vec<u8>)> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE)
        .set_max_height(MAX_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&bytes), options);
    let rgb = decoder.decode().ok()?;
    let (width, height) = decoder.dimensions()?;
    let (width, height) = (u64::try_from(width).ok()?, u64::try_from(height).ok()?);
    let copy = Thumbnail {
        width,
        height,
        mimetype: "image/jpeg",
        bytes,
    };
    Some((copy, rgb))
}

/// Few pixels out of many, evenly.
fn sampled(width: usize, height: usize, rgb: &[u8]) -> (usize, usize, Vec<u8>) {
    let (across, down) = (width.min(SAMPLES), height.min(SAMPLES));
    let mut samples = Vec::with_capacity(across * down * 3);
    for y in 0..down {
        for x in 0..across {
            let at = ((y * height / down) * width + x * width / across) * 3;
            samples.extend(rgb.get(at..at + 3).unwrap_or(&[0; 3]));
        }
    }
    (across, down, samples)
}
